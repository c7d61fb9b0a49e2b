// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "io_compressed_tensors/quantized_files.hpp"

#include <awq/io/autoawq/gemm_layout.hpp>
#include <awq/io/autoawq/gemm_weight.hpp>

using awq::error_code;
using awq::stored_tensor;
using awq::safetensors::element_type;
using namespace awq::autoawq;

namespace {

awq::result<std::unique_ptr<awq::weight_reader>> open(const std::vector<stored_tensor>& tensors, std::size_t group_size)
{
    quantization_config config;
    config.group_size = group_size;
    const test::layer_on_disk disk{tensors};
    return gemm_weight::open(disk.tensors(), config);
}

awq::result<quantization_config> read(const std::string& text)
{
    const auto parsed = awq::json::document::parse(text, "config.json");
    REQUIRE(parsed);
    return read_quantization_config(parsed->root());
}

} // namespace

// The word was made by AutoAWQ's packing function.
TEST_CASE("packs eight outputs a word in AutoAWQ's order")
{
    awq::integer_codes weight{{4, false}, 8, 1, 0, {}, {}, {}};
    for (int i = 0; i < 8; ++i) weight.codes.push_back(static_cast<std::int8_t>(i - 8));
    weight.scales.assign(8, 1.0f);
    weight.zero_points.assign(8, 0);
    const auto made = pack_gemm(weight);
    REQUIRE(made);
    std::uint32_t word = 0;
    REQUIRE(made->front().bytes.size() == 4);
    std::memcpy(&word, made->front().bytes.data(), 4);
    CHECK(word == 0x75316420);
}

TEST_CASE("layers in AutoAWQ's layout read back as they were")
{
    for (const std::size_t group_size : {std::size_t{0}, std::size_t{12}}) {
        const auto weight = test::some_codes({4, false}, 40, 36, group_size);
        const auto tensors = pack_gemm(weight);
        REQUIRE(tensors);
        const test::layer_on_disk disk{*tensors};
        quantization_config config;
        config.group_size = group_size;
        const auto read = gemm_weight::open(disk.tensors(), config);
        REQUIRE(read);
        const auto codes = (*read)->codes();
        REQUIRE(codes);
        test::check_same(*codes, weight);
        test::check_rows(**read, weight);
    }
}

TEST_CASE("tensors that contradict each other are refused with the tensor's name")
{
    const auto weight = test::some_codes({4, false}, 16, 32, 8);
    const auto good = pack_gemm(weight);
    REQUIRE(good);
    for (std::size_t left_out = 0; left_out < good->size(); ++left_out) {
        auto tensors = *good;
        tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(left_out));
        if (tensors.size() == 2 && left_out == 0) CHECK(open(tensors, 8).error().code() == error_code::missing_tensor);
        CHECK_FALSE(open(tensors, 8));
    }
    CHECK(open(*good, 16).error().code() == error_code::malformed_file);
    CHECK(open(*good, 5).error().code() == error_code::malformed_file);
    for (std::size_t spoiled = 0; spoiled < good->size(); ++spoiled) {
        auto tensors = *good;
        auto& shape = tensors[spoiled].spec.shape;
        std::swap(shape[0], shape[1]);
        if (shape[0] == shape[1]) continue;
        CHECK(open(tensors, 8).error().code() == error_code::malformed_file);
        tensors = *good;
        tensors[spoiled].spec.shape.push_back(1);
        CHECK(open(tensors, 8).error().code() == error_code::malformed_file);
    }
}

TEST_CASE("only weights of 4 bits with a multiple of 8 outputs are packed")
{
    CHECK(pack_gemm(test::some_codes({3, false}, 16, 32, 8)).error().code() == error_code::unsupported);
    CHECK(pack_gemm(test::some_codes({4, false}, 12, 32, 8)).error().code() == error_code::unsupported);
    auto large = test::some_codes({4, true}, 16, 32, 8);
    large.scales[0] = 70000.0f;
    CHECK(pack_gemm(large).error().code() == error_code::not_finite);
}

TEST_CASE("reads AWQ configs of today and of old, and refuses what it does not know")
{
    quantization_config config;
    config.group_size = 0;
    config.modules_to_not_convert = {"lm_head"};
    awq::json::writer out;
    write_quantization_config(out, config);
    const auto back = read(std::move(out).take());
    REQUIRE(back);
    CHECK(back->group_size == 0);
    CHECK(back->modules_to_not_convert == config.modules_to_not_convert);
    const auto old = read(R"({"w_bit":4,"q_group_size":64,"zero_point":true,"version":"GEMM"})");
    REQUIRE(old);
    CHECK(old->group_size == 64);
    CHECK(read(R"({"bits":8})").error().code() == error_code::unsupported);
    CHECK(read(R"({"bits":4,"version":"gemv"})").error().code() == error_code::unsupported);
    CHECK(read(R"({"bits":4,"group_size":0})").error().code() == error_code::malformed_file);
    CHECK(read(R"({"bits":"4"})").error().code() == error_code::malformed_file);
}
