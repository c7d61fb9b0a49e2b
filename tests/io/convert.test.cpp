// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/writer.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using awq::dtype;
using awq::error_code;
namespace st = awq::safetensors;

namespace {

std::vector<std::byte> all_patterns(std::size_t lead)
{
    std::vector<std::byte> bytes(lead + 2 * 65536);
    for (std::uint32_t i = 0; i < 65536; ++i) {
        const auto bits = static_cast<std::uint16_t>(i);
        std::memcpy(bytes.data() + lead + 2 * i, &bits, 2);
    }
    return bytes;
}

bool same(float a, float b)
{
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

// A file with one tensor "w".
st::file one_tensor(const test::scratch& scratch, const std::string& type, std::size_t count, const std::string& data)
{
    const std::string header = "{\"w\":{\"dtype\":\"" + type + "\",\"shape\":[" + std::to_string(count) +
                               "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}";
    auto opened = st::file::open(scratch.put("t.safetensors", test::safetensors_bytes(header, data)));
    REQUIRE(opened);
    return *std::move(opened);
}

} // namespace

TEST_CASE("every 16-bit pattern is widened exactly, at any alignment and length")
{
    for (const std::size_t lead : {0u, 1u, 2u, 7u}) {
        const auto bytes = all_patterns(lead);
        std::vector<float> half(65536), brain(65536), plain(65536);
        const auto patterns = std::span{bytes}.subspan(lead);
        st::widen(dtype::f16, patterns, half);
        st::widen(dtype::bf16, patterns, brain);
        st::detail::widen_f16_plain(patterns.data(), plain.data(), plain.size());
        for (std::uint32_t i = 0; i < 65536; ++i) {
            const auto bits = static_cast<std::uint16_t>(i);
            REQUIRE(same(half[i], static_cast<float>(awq::f16::from_bits(bits))));
            REQUIRE(same(plain[i], half[i]));
            REQUIRE(same(brain[i], static_cast<float>(awq::bf16::from_bits(bits))));
        }
    }
    const auto bytes = all_patterns(0);
    for (std::size_t count = 0; count < 40; ++count) {
        std::vector<float> some(count + 1, -7.0f);
        st::widen(dtype::f16, std::span{bytes}.first(2 * count), std::span{some}.first(count));
        CHECK(some[count] == -7.0f);
    }
}

TEST_CASE("float32 is narrowed to nearest, ties to even, and finite 16-bit values survive the way "
          "there and back")
{
    std::mt19937 random{3};
    std::vector<float> values(100'003);
    for (float& each : values) each = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    for (const dtype type : {dtype::f16, dtype::bf16}) {
        std::vector<std::byte> bytes(2 * values.size() + 1);
        const auto out = std::span{bytes}.subspan(1);
        st::narrow(type, values, out);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (std::isnan(values[i])) continue;
            std::uint16_t bits;
            std::memcpy(&bits, out.data() + 2 * i, 2);
            REQUIRE(bits == (type == dtype::f16 ? awq::f16{values[i]}.bits : awq::bf16{values[i]}.bits));
        }
        const auto patterns = all_patterns(0);
        std::vector<float> wide(65536);
        std::vector<std::byte> back(patterns.size());
        st::widen(type, patterns, wide);
        st::narrow(type, wide, back);
        for (std::size_t i = 0; i < wide.size(); ++i)
            if (!std::isnan(wide[i])) REQUIRE(std::memcmp(&back[2 * i], &patterns[2 * i], 2) == 0);
    }
}

TEST_CASE("the first value that is not finite is found")
{
    constexpr float infinity = std::numeric_limits<float>::infinity();
    std::vector<float> values(5000, 1.0f);
    CHECK_FALSE(st::first_not_finite(values));
    values[4999] = std::nanf("");
    CHECK(st::first_not_finite(values) == 4999u);
    values[2048] = -infinity;
    CHECK(st::first_not_finite(values) == 2048u);
    CHECK_FALSE(st::first_not_finite(std::span<const float>{}));
}

TEST_CASE("whether bytes are finite is told for each type")
{
    std::vector<float> values(1001, std::numeric_limits<float>::max());
    for (const dtype type : {dtype::f32, dtype::f16, dtype::bf16}) {
        for (float& each : values) each = 60000.0f;
        std::vector<std::byte> bytes(values.size() * awq::size_of(type));
        st::narrow(type, values, bytes);
        CHECK(st::all_finite(type, bytes));
        values[1000] = std::nanf("");
        st::narrow(type, values, bytes);
        CHECK_FALSE(st::all_finite(type, bytes));
    }
}

TEST_CASE("a tensor is read as float32, whole or in part, at an odd offset")
{
    const test::scratch scratch;
    std::string data(2 * 6000, '\0');
    for (std::uint16_t i = 0; i < 6000; ++i) {
        const std::uint16_t bits = awq::bf16{static_cast<float>(i % 256)}.bits;
        std::memcpy(data.data() + 2 * i, &bits, 2);
    }
    const auto file = one_tensor(scratch, "BF16", 6000, data);
    const st::tensor& tensor = *file.find("w");
    std::vector<float> values(6000);
    REQUIRE(st::read_floats(tensor, values));
    CHECK(values[511] == 255.0f);
    CHECK(values[5999] == 5999 % 256);
    REQUIRE(st::read_floats(tensor, std::span{values}.first(10), 5990));
    CHECK(values[9] == 5999 % 256);
    CHECK(st::read_floats(tensor, std::span{values}.first(11), 5990).error().code() == error_code::shape_mismatch);
    CHECK(st::read_floats(tensor, std::span{values}.first(0), ~std::uint64_t{0}).error().code() ==
          error_code::shape_mismatch);
}

TEST_CASE("a NaN or an infinity in a tensor is reported with its element and its offset in the file")
{
    const test::scratch scratch;
    struct bad {
        std::string type;
        std::string pattern;
        std::string kind;
    };
    const std::vector<bad> all{{"BF16", std::string{"\xC0\x7F", 2}, "NaN"},
                               {"BF16", std::string{"\x80\xFF", 2}, "infinite"},
                               {"F16", std::string{"\x00\x7C", 2}, "infinite"},
                               {"F16", std::string{"\x01\xFC", 2}, "NaN"},
                               {"F32", std::string{"\x00\x00\xC0\xFF", 4}, "NaN"}};
    for (const bad& each : all) {
        for (const std::size_t element : {0u, 17u, 2047u, 2048u, 4999u}) {
            std::string data(5000 * each.pattern.size(), '\0');
            data.replace(element * each.pattern.size(), each.pattern.size(), each.pattern);
            const auto file = one_tensor(scratch, each.type, 5000, data);
            std::vector<float> values(5000);
            const auto read = st::read_floats(*file.find("w"), values);
            REQUIRE_FALSE(read);
            INFO(read.error().text());
            CHECK(read.error().code() == error_code::not_finite);
            const auto offset = file.find("w")->offset + element * each.pattern.size();
            CHECK(std::string{read.error().text()} == file.path() + ": tensor \"w\": element " +
                                                          std::to_string(element) + " at offset " +
                                                          std::to_string(offset) + " is " + each.kind);
        }
    }
}

TEST_CASE("other element types are not read as weights")
{
    const test::scratch scratch;
    const auto file = one_tensor(scratch, "I32", 2, std::string(8, '\0'));
    std::vector<float> values(2);
    const auto read = st::read_floats(*file.find("w"), values);
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == error_code::unsupported);
    CHECK(test::says(read.error(), "\"w\": I32"));
}
