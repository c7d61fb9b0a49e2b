// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "quantized_files.hpp"

#include <awq/io/compressed_tensors/pack_quantized.hpp>
#include <awq/io/compressed_tensors/packed_weight.hpp>
#include <awq/quantization/integer_quantizer.hpp>

#include <limits>

using awq::dtype;
using awq::error_code;
using awq::integer_codes;
using awq::stored_tensor;
using awq::safetensors::element_type;
using namespace awq::compressed_tensors;

namespace {

std::vector<std::uint32_t> words_of(const stored_tensor& tensor)
{
    std::vector<std::uint32_t> words(tensor.bytes.size() / 4);
    std::memcpy(words.data(), tensor.bytes.data(), tensor.bytes.size());
    return words;
}

weight_args args_of(const integer_codes& weight)
{
    weight_args args;
    args.num_bits = weight.format.bits;
    args.symmetric = weight.format.symmetric;
    args.strategy = weight.group_size == 0 ? strategy::channel : strategy::group;
    args.group_size = weight.group_size;
    return args;
}

awq::result<std::unique_ptr<awq::weight_reader>> open(const std::vector<stored_tensor>& tensors,
                                                      const weight_args& args)
{
    const test::layer_on_disk disk{tensors};
    return packed_weight::open(disk.tensors(), args);
}

stored_tensor& named(std::vector<stored_tensor>& tensors, std::string_view name)
{
    for (stored_tensor& each : tensors)
        if (each.spec.name == name) return each;
    FAIL("no tensor " << name);
    return tensors.front();
}

/// ((37 i + 11 j) mod 29 - 14) / 16, two rows of sixteen, in groups of eight.
integer_codes golden_weight(awq::scheme format)
{
    integer_codes made{format, 2, 16, 8, {}, {}, {}};
    made.codes.resize(32);
    made.scales.resize(4);
    if (!format.symmetric) made.zero_points.resize(4);
    const awq::integer_quantizer quantizer{format, 8, dtype::bf16};
    for (std::size_t i = 0; i < 2; ++i) {
        std::vector<float> row(16);
        for (std::size_t j = 0; j < 16; ++j) row[j] = (static_cast<float>((37 * i + 11 * j) % 29) - 14.0f) / 16.0f;
        std::span<std::int8_t> zeros;
        if (!format.symmetric) zeros = std::span{made.zero_points}.subspan(2 * i, 2);
        quantizer.quantize_row(row, std::span{made.codes}.subspan(16 * i, 16), std::span{made.scales}.subspan(2 * i, 2),
                               zeros);
    }
    return made;
}

} // namespace

// The words were computed with compressed-tensors itself.
TEST_CASE("packs the golden words of a bfloat16 layer")
{
    const auto symmetric = pack_quantized(golden_weight({4, true}), dtype::bf16);
    REQUIRE(symmetric);
    REQUIRE(symmetric->size() == 3);
    CHECK(words_of(symmetric->front()) == std::vector<std::uint32_t>{0xB5E93C60, 0xB5F93D70, 0xF93D70B5, 0xFA4D72B5});
    auto made = pack_quantized(golden_weight({4, false}), dtype::bf16);
    REQUIRE(made);
    CHECK(words_of(named(*made, "weight_packed")) ==
          std::vector<std::uint32_t>{0xB5F92D60, 0xB5F93D70, 0xF93D70B5, 0xF92D60A4});
    CHECK(words_of(named(*made, "weight_zero_point")) == std::vector<std::uint32_t>{0x88, 0x78});
    CHECK(named(*made, "weight_zero_point").spec.shape == std::vector<std::uint64_t>{1, 2});
    const auto scales = named(*made, "weight_scale").bytes;
    std::uint16_t bits = 0;
    std::memcpy(&bits, scales.data(), 2);
    CHECK(bits == 0x3DDE);
    std::uint64_t shape[2];
    REQUIRE(named(*made, "weight_shape").bytes.size() == sizeof shape);
    std::memcpy(shape, named(*made, "weight_shape").bytes.data(), sizeof shape);
    CHECK(shape[0] == 2);
    CHECK(shape[1] == 16);
}

TEST_CASE("packed layers read back as they were, whatever the bits and the groups")
{
    for (int bits = 2; bits <= 8; ++bits) {
        for (const bool symmetric : {true, false}) {
            for (const std::size_t group_size : {std::size_t{0}, std::size_t{12}}) {
                INFO(bits << " bits, groups of " << group_size);
                const auto weight = test::some_codes({bits, symmetric}, 70, 36, group_size);
                const auto tensors = pack_quantized(weight, dtype::bf16);
                REQUIRE(tensors);
                const test::layer_on_disk disk{*tensors};
                const auto read = packed_weight::open(disk.tensors(), args_of(weight));
                REQUIRE(read);
                const auto codes = (*read)->codes();
                REQUIRE(codes);
                test::check_same(*codes, weight);
                test::check_rows(**read, weight);
            }
        }
    }
}

TEST_CASE("reads columns that were quantized in the order of their activations")
{
    const auto weight = test::some_codes({4, true}, 8, 16, 8);
    auto tensors = pack_quantized(weight, dtype::f32);
    REQUIRE(tensors);
    std::vector<std::int32_t> order(16);
    for (std::size_t c = 0; c < 16; ++c) order[c] = static_cast<std::int32_t>(c % 2);
    tensors->push_back(test::tensor("weight_g_idx", element_type::i32, {16}, order));
    const test::layer_on_disk disk{*tensors};
    const auto read = packed_weight::open(disk.tensors(), args_of(weight));
    REQUIRE(read);
    std::vector<float> values(8 * 16);
    REQUIRE((*read)->read_rows(0, {values.data(), 8, 16}));
    for (std::size_t r = 0; r < 8; ++r)
        for (std::size_t c = 0; c < 16; ++c)
            CHECK(values[r * 16 + c] == static_cast<float>(weight.codes[r * 16 + c]) * weight.scales[r * 2 + c % 2]);
    const auto codes = (*read)->codes();
    REQUIRE_FALSE(codes);
    CHECK(codes.error().code() == error_code::unsupported);
}

TEST_CASE("refuses weights that do not fit together before it packs them")
{
    auto weight = test::some_codes({4, false}, 4, 16, 8);
    weight.zero_points.pop_back();
    CHECK(pack_quantized(weight, dtype::bf16).error().code() == error_code::shape_mismatch);
    weight = test::some_codes({4, true}, 4, 16, 5);
    CHECK(pack_quantized(weight, dtype::bf16).error().code() == error_code::shape_mismatch);
    weight = test::some_codes({4, true}, 4, 16, 8);
    weight.scales[3] = 1e30f;
    CHECK(pack_quantized(weight, dtype::f16).error().code() == error_code::not_finite);
}

TEST_CASE("a packed layer whose tensors contradict each other is refused with the tensor's name")
{
    const auto weight = test::some_codes({4, false}, 16, 32, 8);
    const auto good = pack_quantized(weight, dtype::bf16);
    REQUIRE(good);
    const auto args = args_of(weight);
    const auto expect = [&](const std::vector<stored_tensor>& tensors, std::string_view name) {
        const auto read = open(tensors, args);
        REQUIRE_FALSE(read);
        INFO(read.error().text());
        CHECK(read.error().text().find(name) != std::string_view::npos);
    };
    for (std::size_t left_out = 0; left_out < good->size(); ++left_out) {
        auto tensors = *good;
        tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(left_out));
        const auto read = open(tensors, args);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == error_code::missing_tensor);
    }
    for (const std::vector<std::uint64_t>& shape : {std::vector<std::uint64_t>{0, 32},
                                                    {16, 33},
                                                    {17, 32},
                                                    {16, std::uint64_t{1} << 63},
                                                    {std::uint64_t{1} << 62, 32}}) {
        auto tensors = *good;
        named(tensors, "weight_shape") = test::tensor("weight_shape", element_type::i64, {2}, shape);
        expect(tensors, "weight_");
    }
    auto tensors = *good;
    named(tensors, "weight_shape") =
        test::tensor("weight_shape", element_type::i64, {3}, std::vector<std::uint64_t>{16, 32, 1});
    expect(tensors, "weight_shape");
    tensors = *good;
    named(tensors, "weight_scale").spec.shape = {8, 8};
    expect(tensors, "weight_scale");
    tensors = *good;
    named(tensors, "weight_zero_point").spec.shape = {4, 2};
    expect(tensors, "weight_zero_point");
    tensors = *good;
    named(tensors, "weight_packed").spec.type = element_type::f32;
    expect(tensors, "weight_packed");
    for (const std::int32_t group : {4, -1}) {
        tensors = *good;
        std::vector<std::int32_t> order(32, 0);
        order[31] = group;
        tensors.push_back(test::tensor("weight_g_idx", element_type::i32, {32}, order));
        expect(tensors, "weight_g_idx");
    }
    tensors = *good;
    tensors.push_back(test::tensor("weight_g_idx", element_type::i32, {31}, std::vector<std::int32_t>(31)));
    expect(tensors, "weight_g_idx");
}

TEST_CASE("a packed layer whose group size does not divide is refused, and a scale that is NaN")
{
    const auto weight = test::some_codes({4, true}, 16, 32, 8);
    auto tensors = pack_quantized(weight, dtype::f32);
    REQUIRE(tensors);
    auto args = args_of(weight);
    args.group_size = 5;
    CHECK(open(*tensors, args).error().code() == error_code::malformed_file);
    args.group_size = 16;
    CHECK(open(*tensors, args).error().code() == error_code::malformed_file);
    args = args_of(weight);
    auto scales = weight.scales;
    scales[7] = std::numeric_limits<float>::quiet_NaN();
    named(*tensors, "weight_scale") = test::tensor("weight_scale", element_type::f32, {16, 4}, scales);
    const test::layer_on_disk disk{*tensors};
    const auto read = packed_weight::open(disk.tensors(), args);
    REQUIRE(read);
    std::vector<float> values(32);
    CHECK((*read)->read_rows(0, {values.data(), 1, 32}));
    const auto bad = (*read)->read_rows(1, {values.data(), 1, 32});
    CHECK(bad.error().code() == error_code::not_finite);
}
