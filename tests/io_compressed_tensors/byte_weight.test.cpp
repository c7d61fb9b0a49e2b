// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "quantized_files.hpp"

#include <awq/io/compressed_tensors/byte_weight.hpp>
#include <awq/io/compressed_tensors/int_quantized.hpp>

#include <cmath>

using awq::dtype;
using awq::error_code;
using awq::stored_tensor;
using awq::safetensors::element_type;
using namespace awq::compressed_tensors;

namespace {

config_group fp8(strategy how)
{
    config_group group;
    group.format = format::float_quantized;
    group.weights.num_bits = 8;
    group.weights.is_float = true;
    group.weights.strategy = how;
    return group;
}

awq::result<std::unique_ptr<awq::weight_reader>> open(const std::vector<stored_tensor>& tensors,
                                                      const config_group& group)
{
    const test::layer_on_disk disk{tensors};
    return byte_weight::open(disk.tensors(), group);
}

} // namespace

TEST_CASE("knows the values of small floating-point formats")
{
    CHECK(e4m3_values[0x00] == 0.0f);
    CHECK(std::signbit(e4m3_values[0x80]));
    CHECK(e4m3_values[0x01] == 0x1p-9f);
    CHECK(e4m3_values[0x08] == 0x1p-6f);
    CHECK(e4m3_values[0x38] == 1.0f);
    CHECK(e4m3_values[0x39] == 1.125f);
    CHECK(e4m3_values[0x7E] == 448.0f);
    CHECK(e4m3_values[0xFE] == -448.0f);
    CHECK(std::isnan(e4m3_values[0x7F]));
    CHECK(std::isnan(e4m3_values[0xFF]));
    CHECK(e2m1_values[7] == 6.0f);
    CHECK(e2m1_values[9] == -0.5f);
    CHECK(from_e8m0(127) == 1.0f);
    CHECK(from_e8m0(0) == 0x1p-127f);
    CHECK(std::isnan(from_e8m0(255)));
}

TEST_CASE("FP8 weights read by channel, by tensor and by block, cut blocks included")
{
    std::vector<std::uint8_t> bytes(3 * 5);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0x30 + i);
    const auto weight = test::tensor("weight", element_type::f8_e4m3, {3, 5}, bytes);
    const auto check = [&](config_group group, std::vector<std::uint64_t> shape, std::size_t block_rows,
                           std::size_t block_cols) {
        group.weights.block_structure = {block_rows, block_cols};
        std::vector<float> scales;
        std::uint64_t count = 1;
        for (const std::uint64_t extent : shape) count *= extent;
        for (std::size_t i = 0; i < count; ++i) scales.push_back(0.5f + static_cast<float>(i));
        const test::layer_on_disk disk{{weight, test::tensor("weight_scale", element_type::f32, shape, scales)}};
        const auto read = byte_weight::open(disk.tensors(), group);
        REQUIRE(read);
        std::vector<float> values(15);
        REQUIRE((*read)->read_rows(0, {values.data(), 1, 5}));
        REQUIRE((*read)->read_rows(1, {values.data() + 5, 2, 5}));
        const std::size_t width = (5 + block_cols - 1) / block_cols;
        for (std::size_t i = 0; i < 15; ++i)
            CHECK(values[i] == e4m3_values[bytes[i]] * scales[i / 5 / block_rows * width + i % 5 / block_cols]);
        CHECK((*read)->codes().error().code() == error_code::unsupported);
    };
    check(fp8(strategy::tensor), {1}, 3, 5);
    check(fp8(strategy::channel), {3, 1}, 1, 5);
    check(fp8(strategy::block), {2, 3}, 2, 2);
}

TEST_CASE("FP4 takes the low half of a byte first, and scales times a global one")
{
    config_group group;
    group.format = format::nvfp4_pack_quantized;
    group.weights.is_float = true;
    group.weights.strategy = strategy::tensor_group;
    group.weights.group_size = 16;
    std::vector<std::uint8_t> packed(16);
    for (std::size_t i = 0; i < 16; ++i) packed[i] = static_cast<std::uint8_t>(0x10 * (15 - i) + i);
    std::vector<stored_tensor> tensors{
        test::tensor("weight_packed", element_type::u8, {1, 16}, packed),
        test::tensor("weight_scale", element_type::f8_e4m3, {1, 2}, std::vector<std::uint8_t>{0x38, 0x40}),
        test::tensor("weight_global_scale", element_type::f32, {1}, std::vector<float>{4.0f})};
    const test::layer_on_disk disk{tensors};
    const auto read = byte_weight::open(disk.tensors(), group);
    REQUIRE(read);
    std::vector<float> values(32);
    REQUIRE((*read)->read_rows(0, {values.data(), 1, 32}));
    for (std::size_t i = 0; i < 16; ++i) {
        const float scale = i < 8 ? 0.25f : 0.5f;
        CHECK(values[2 * i] == e2m1_values[i] * scale);
        CHECK(values[2 * i + 1] == e2m1_values[15 - i] * scale);
    }
    tensors[2] = test::tensor("weight_global_scale", element_type::f32, {1}, std::vector<float>{0});
    CHECK(open(tensors, group).error().code() == error_code::malformed_file);
    tensors[2] = test::tensor("weight_global_scale", element_type::f32, {2}, std::vector<float>{1, 1});
    CHECK(open(tensors, group).error().code() == error_code::malformed_file);
}

TEST_CASE("codes of a byte each read back, and those that the bits do not allow are refused")
{
    const auto weight = test::some_codes({8, true}, 6, 20, 0);
    const auto tensors = int_quantized(weight, dtype::f16);
    REQUIRE(tensors);
    config_group group;
    group.format = format::int_quantized;
    group.weights.num_bits = 8;
    group.weights.strategy = strategy::channel;
    group.activations.emplace();
    const test::layer_on_disk disk{*tensors};
    auto read = byte_weight::open(disk.tensors(), group);
    REQUIRE(read);
    CHECK((*read)->rounds_activations());
    const auto codes = (*read)->codes();
    REQUIRE(codes);
    test::check_same(*codes, weight);
    test::check_rows(**read, weight);
    group.weights.num_bits = 4;
    read = byte_weight::open(disk.tensors(), group);
    REQUIRE(read);
    CHECK((*read)->codes().error().code() == error_code::malformed_file);
    CHECK_FALSE(int_quantized(test::some_codes({8, false}, 6, 20, 0), dtype::f16));
}

TEST_CASE("scales that do not fit their weights are refused")
{
    const auto weight = test::tensor("weight", element_type::f8_e4m3, {4, 6}, std::vector<std::uint8_t>(24));
    const auto scale = [](std::vector<std::uint64_t> shape) {
        std::uint64_t count = 1;
        for (const std::uint64_t extent : shape) count *= extent;
        return test::tensor("weight_scale", element_type::f32, shape, std::vector<float>(count, 1));
    };
    CHECK(open({weight, scale({3, 1})}, fp8(strategy::channel)).error().code() == error_code::malformed_file);
    CHECK(open({weight, scale({4})}, fp8(strategy::tensor)).error().code() == error_code::malformed_file);
    auto grouped = fp8(strategy::group);
    grouped.weights.group_size = 4;
    CHECK(open({weight, scale({4, 2})}, grouped).error().code() == error_code::malformed_file);
    CHECK(open({weight}, fp8(strategy::channel)).error().code() == error_code::missing_tensor);
    auto wrong = weight;
    wrong.spec.type = element_type::i8;
    CHECK(open({wrong, scale({4, 1})}, fp8(strategy::channel)).error().code() == error_code::malformed_file);
    config_group asymmetric;
    asymmetric.format = format::int_quantized;
    asymmetric.weights.num_bits = 8;
    asymmetric.weights.symmetric = false;
    asymmetric.weights.strategy = strategy::channel;
    CHECK(open({wrong, scale({4, 1})}, asymmetric).error().code() == error_code::missing_tensor);
}
