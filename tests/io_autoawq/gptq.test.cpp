// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "io_compressed_tensors/quantized_files.hpp"

#include <awq/io/gptq/weight.hpp>

using awq::error_code;
using awq::integer_codes;
using awq::stored_tensor;
using awq::safetensors::element_type;

namespace {

/// A layer in GPTQ's layout; zero points less 1 as "gptq" has them, or as they are.
std::vector<stored_tensor> pack(const integer_codes& weight, bool less_one)
{
    const int bits = weight.format.bits;
    const std::size_t lines = awq::packed_words(weight.cols, bits);
    const std::size_t width = awq::packed_words(weight.rows, bits), groups = weight.groups();
    std::vector<std::uint32_t> words(lines * weight.rows), zeros(groups * width);
    awq::pack_gptq({weight.codes.data(), weight.rows, weight.cols}, bits, {words.data(), lines, weight.rows});
    auto stored = weight.zero_points;
    if (!less_one) // what is packed is less 1, so add it before
        for (std::int8_t& zero : stored) ++zero;
    awq::pack_gptq_zero_points({stored.data(), weight.rows, groups}, bits, {zeros.data(), groups, width});
    std::vector<float> scales(groups * weight.rows);
    for (std::size_t r = 0; r < weight.rows; ++r)
        for (std::size_t g = 0; g < groups; ++g) scales[g * weight.rows + r] = weight.scales[r * groups + g];
    return {test::tensor("qweight", element_type::i32, {lines, weight.rows}, words),
            test::tensor("qzeros", element_type::i32, {groups, width}, zeros),
            test::tensor("scales", element_type::f32, {groups, weight.rows}, scales)};
}

awq::gptq::quantization_config config_of(const integer_codes& weight, bool less_one)
{
    return {weight.format.bits, weight.group_size, false, less_one};
}

awq::result<awq::gptq::quantization_config> read(const std::string& text)
{
    const auto parsed = awq::json::document::parse(text, "config.json");
    REQUIRE(parsed);
    return awq::gptq::read_quantization_config(parsed->root());
}

} // namespace

TEST_CASE("layers in GPTQ's layout read back as they were, with both ways to store zero points")
{
    for (const int bits : {2, 3, 4, 8}) {
        for (const bool less_one : {true, false}) {
            INFO(bits << " bits");
            const auto weight = test::some_codes({bits, false}, 64, 96, 32);
            const test::layer_on_disk disk{pack(weight, less_one)};
            const auto read = awq::gptq::weight::open(disk.tensors(), config_of(weight, less_one));
            REQUIRE(read);
            const auto codes = (*read)->codes();
            REQUIRE(codes);
            test::check_same(*codes, weight);
            test::check_rows(**read, weight);
        }
    }
}

TEST_CASE("reads GPTQ columns that were quantized in the order of their activations")
{
    const auto weight = test::some_codes({4, false}, 16, 64, 16);
    auto tensors = pack(weight, true);
    std::vector<std::int32_t> order(64);
    for (std::size_t c = 0; c < 64; ++c) order[c] = static_cast<std::int32_t>(c * 7 % 4);
    tensors.push_back(test::tensor("g_idx", element_type::i32, {64}, order));
    const test::layer_on_disk disk{tensors};
    const auto read = awq::gptq::weight::open(disk.tensors(), config_of(weight, true));
    REQUIRE(read);
    std::vector<float> values(64);
    REQUIRE((*read)->read_rows(5, {values.data(), 1, 64}));
    for (std::size_t c = 0; c < 64; ++c) {
        const std::size_t group = 5 * 4 + c * 7 % 4;
        CHECK(values[c] ==
              static_cast<float>(weight.codes[5 * 64 + c] - weight.zero_points[group]) * weight.scales[group]);
    }
    CHECK((*read)->codes().error().code() == error_code::unsupported);
    for (const std::int32_t bad : {4, -1, 1 << 30}) {
        order[63] = bad;
        tensors.back() = test::tensor("g_idx", element_type::i32, {64}, order);
        const test::layer_on_disk spoiled{tensors};
        const auto refused = awq::gptq::weight::open(spoiled.tensors(), config_of(weight, true));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().text().find("g_idx") != std::string_view::npos);
    }
}

TEST_CASE("GPTQ tensors that contradict each other are refused")
{
    const auto weight = test::some_codes({4, false}, 16, 64, 16);
    const auto good = pack(weight, true);
    const auto open = [&](const std::vector<stored_tensor>& tensors, std::size_t group_size) {
        auto config = config_of(weight, true);
        config.group_size = group_size;
        const test::layer_on_disk disk{tensors};
        return awq::gptq::weight::open(disk.tensors(), config);
    };
    REQUIRE(open(good, 16));
    CHECK(open(good, 32).error().code() == error_code::malformed_file);
    CHECK(open(good, 7).error().code() == error_code::malformed_file);
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto tensors = good;
        tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
        CHECK(open(tensors, 16).error().code() == error_code::missing_tensor);
        tensors = good;
        tensors[i].spec.shape.push_back(1);
        CHECK(open(tensors, 16).error().code() == error_code::malformed_file);
    }
}

TEST_CASE("reads GPTQ configs, and refuses what it does not know")
{
    const auto config = read(R"({"bits":4,"group_size":-1,"sym":true,"desc_act":true})");
    REQUIRE(config);
    CHECK(config->group_size == 0);
    CHECK(config->zero_points_less_one);
    const auto second = read(R"({"bits":8,"group_size":64,"checkpoint_format":"gptq_v2"})");
    REQUIRE(second);
    CHECK_FALSE(second->zero_points_less_one);
    CHECK(read(R"({"bits":5})").error().code() == error_code::unsupported);
    CHECK(read(R"({"group_size":64})").error().code() == error_code::missing_field);
    CHECK(read(R"({"bits":4,"checkpoint_format":"marlin"})").error().code() == error_code::unsupported);
    CHECK(read(R"({"bits":4,"group_size":-7})").error().code() == error_code::malformed_file);
}
