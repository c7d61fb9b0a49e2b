// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/safetensors/layout.hpp>
#include <awq/io/safetensors/reader.hpp>

#include <string>
#include <vector>

using awq::error_code;
using awq::safetensors::file;
using awq::safetensors::plan_layout;
using awq::safetensors::read_layout;

namespace {

struct malformed {
    std::string what;
    std::string bytes;
    std::vector<std::string> named; // what the error text must say
};

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets)
{
    return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

malformed with_header(const std::string& what, const std::string& header, std::size_t data,
                      std::vector<std::string> named)
{
    return {what, test::safetensors_bytes(header, std::string(data, '\1')), std::move(named)};
}

std::vector<malformed> malformed_files()
{
    const std::string good = "{" + entry("w", "F32", "[2]", "[0,8]") + "}";
    const auto length = [](std::uint64_t size) {
        std::string bytes = test::safetensors_bytes("", "");
        for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<char>(size >> (8 * i) & 0xFF);
        return bytes;
    };
    return {
        {"empty", "", {"offset 0", "0 bytes"}},
        {"shorter than the length", "1234567", {"offset 0", "7 bytes"}},
        {"length zero", length(0) + good, {"offset 8"}},
        {"length one beyond the file", length(good.size() + 1) + good, {"offset 0", "beyond the end"}},
        {"length beyond the limit", length(100'000'001) + good, {"offset 0", "limit"}},
        {"length of all ones", length(~std::uint64_t{0}) + good, {"offset 0", "limit"}},
        {"a blank before the header", test::safetensors_bytes(" " + good, "12345678"), {"offset 8", "'{'"}},
        {"header is an array", test::safetensors_bytes("[]", ""), {"offset 8"}},
        with_header("header is cut", good.substr(0, good.size() - 1), 8, {"header", "JSON"}),
        with_header("text after the header", good + "x", 8, {"header", "JSON"}),
        with_header("two headers", good + good, 8, {"header", "JSON"}),
        with_header("NUL padding", good + std::string(4, '\0'), 8, {"header", "JSON"}),
        with_header("not UTF-8", "{" + entry("w\xFF", "F32", "[2]", "[0,8]") + "}", 8, {"header", "UTF-8"}),
        with_header("name twice",
                    "{" + entry("w", "F32", "[1]", "[0,4]") + "," + entry("w", "F32", "[1]", "[4,8]") + "}", 8,
                    {"\"w\"", "twice"}),
        with_header("name twice by an escape",
                    "{" + entry("w", "F32", "[1]", "[0,4]") + "," + entry("\\u0077", "F32", "[1]", "[4,8]") + "}", 8,
                    {"\"w\"", "twice"}),
        with_header("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, {"__metadata__", "twice"}),
        with_header("metadata is a list", "{\"__metadata__\":[]}", 0, {"__metadata__", "object"}),
        with_header("metadata holds a number", "{\"__metadata__\":{\"format\":1}}", 0,
                    {"__metadata__.format", "string"}),
        with_header("metadata key twice", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, {"\"a\"", "twice"}),
        with_header("tensor is a number", "{\"w\":1}", 0, {"w", "object"}),
        with_header("tensor is null", "{\"w\":null}", 0, {"w", "object"}),
        with_header("no dtype", "{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, {"w", "\"dtype\""}),
        with_header("no shape", "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, {"w", "\"shape\""}),
        with_header("no offsets", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, {"w", "\"data_offsets\""}),
        with_header("field twice", "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                    8, {"w", "\"dtype\"", "twice"}),
        with_header("dtype is unknown", "{" + entry("w", "F33", "[2]", "[0,8]") + "}", 8, {"w", "F33"}),
        with_header("dtype in lower case", "{" + entry("w", "f32", "[2]", "[0,8]") + "}", 8, {"w", "f32"}),
        with_header("dtype is a number", "{\"w\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
                    {"w.dtype", "string"}),
        with_header("shape is a number", "{" + entry("w", "F32", "2", "[0,8]") + "}", 8, {"w.shape", "array"}),
        with_header("extent is negative", "{" + entry("w", "F32", "[-2]", "[0,8]") + "}", 8, {"w.shape[0]"}),
        with_header("extent has a fraction", "{" + entry("w", "F32", "[2.0]", "[0,8]") + "}", 8, {"w.shape[0]"}),
        with_header("extent beyond 64 bits", "{" + entry("w", "F32", "[18446744073709551616]", "[0,8]") + "}", 8,
                    {"w.shape[0]"}),
        with_header("shape overflows", "{" + entry("w", "F32", "[4294967296,4294967296]", "[0,8]") + "}", 8,
                    {"\"w\"", "too large", "[0, 8]"}),
        with_header("shape overflows before a zero",
                    "{" + entry("w", "F32", "[4294967296,4294967296,0]", "[0,0]") + "}", 0, {"\"w\"", "too large"}),
        with_header("shape times bits overflows to the right size",
                    "{" + entry("w", "F32", "[4611686018427387906]", "[0,8]") + "}", 8, {"\"w\"", "too large"}),
        with_header("half a byte", "{" + entry("w", "F4", "[3]", "[0,2]") + "}", 2, {"\"w\"", "whole number of bytes"}),
        with_header("one offset", "{" + entry("w", "F32", "[2]", "[0]") + "}", 8, {"w.data_offsets", "[begin, end]"}),
        with_header("three offsets", "{" + entry("w", "F32", "[2]", "[0,8,8]") + "}", 8, {"w.data_offsets"}),
        with_header("offset is negative", "{" + entry("w", "F32", "[2]", "[-8,0]") + "}", 8, {"w.data_offsets[0]"}),
        with_header("offset is a string", "{" + entry("w", "F32", "[2]", "[0,\"8\"]") + "}", 8, {"w.data_offsets[1]"}),
        with_header("offsets are reversed", "{" + entry("w", "F32", "[2]", "[8,0]") + "}", 8, {"\"w\"", "[8, 0]"}),
        with_header("end beyond the file", "{" + entry("w", "F32", "[2]", "[0,8]") + "}", 7,
                    {"\"w\"", "[0, 8]", "7 bytes"}),
        with_header("begin beyond the file", "{" + entry("w", "F32", "[2]", "[100,108]") + "}", 8,
                    {"\"w\"", "[100, 108]"}),
        with_header("end of all ones", "{" + entry("w", "F32", "[2]", "[0,18446744073709551615]") + "}", 8,
                    {"\"w\"", "18446744073709551615"}),
        with_header("shape smaller than the range", "{" + entry("w", "F32", "[1]", "[0,8]") + "}", 8,
                    {"\"w\"", "takes 4 bytes", "[0, 8]"}),
        with_header("shape larger than the range", "{" + entry("w", "BF16", "[3,2]", "[0,8]") + "}", 8,
                    {"\"w\"", "[3, 2] of BF16", "takes 12 bytes"}),
        with_header("scalar with a wrong range", "{" + entry("w", "F64", "[]", "[0,4]") + "}", 4,
                    {"\"w\"", "takes 8 bytes"}),
        with_header("hole at the beginning", "{" + entry("w", "F32", "[1]", "[4,8]") + "}", 8,
                    {"\"w\"", "offset 4", "hole that begins at 0"}),
        with_header("hole in the middle",
                    "{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[8,12]") + "}", 12,
                    {"\"b\"", "offset 8", "hole that begins at 4"}),
        with_header("overlap", "{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[4,12]") + "}",
                    12, {"\"b\"", "offset 4", "ends at 8"}),
        with_header("the same bytes twice",
                    "{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[0,8]") + "}", 8,
                    {"\"b\"", "offset 0"}),
        with_header("bytes after the last tensor", good, 9, {"\"w\"", "1 bytes", "offset"}),
        with_header("bytes without a tensor", "{}", 3, {"offset 10", "3 bytes"}),
        with_header("deep nesting", "{\"w\":" + std::string(3000, '[') + std::string(3000, ']') + "}", 0, {"header"}),
    };
}

} // namespace

TEST_CASE("every malformed file gives one error that names the file and the place")
{
    const test::scratch scratch;
    CHECK(malformed_files().size() >= 50);
    for (const malformed& each : malformed_files()) {
        INFO(each.what);
        const std::string path = scratch.put("bad.safetensors", each.bytes);
        const auto opened = file::open(path);
        REQUIRE_FALSE(opened);
        INFO(opened.error().text());
        CHECK(opened.error().code() ==
              (each.what.starts_with("no ") ? error_code::missing_field : error_code::malformed_file));
        CHECK(opened.error().text().starts_with(path + ": "));
        CHECK(opened.error().text().find('\n') == std::string_view::npos);
        for (const std::string& part : each.named) {
            INFO("must say " << part);
            CHECK(test::says(opened.error(), part));
        }
    }
}

TEST_CASE("a file that is cut anywhere is refused")
{
    const test::scratch scratch;
    const std::string header = "{" + entry("a", "F32", "[2,2]", "[0,16]") + "," + entry("b", "BF16", "[4]", "[16,24]") +
                               "," + entry("c", "U8", "[8]", "[24,32]") + "}   ";
    const std::string whole = test::safetensors_bytes(header, std::string(32, '\2'));
    REQUIRE(file::open(scratch.put("whole.safetensors", whole)));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO("cut to " << size << " of " << whole.size());
        const std::string path = scratch.put("cut.safetensors", whole.substr(0, size));
        const auto opened = file::open(path);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code() == error_code::malformed_file);
        CHECK(opened.error().text().starts_with(path + ": "));
        CHECK(test::says(opened.error(), size < 8 + header.size() ? "offset 0" : "bytes after the header"));
    }
}

TEST_CASE("what the format allows is read")
{
    const auto read = [](const std::string& header, std::size_t data) {
        const std::string bytes = test::safetensors_bytes(header, std::string(data, '\0'));
        return read_layout(test::bytes_of(bytes), "good");
    };
    CHECK(read("{}", 0));
    CHECK(read("{}      ", 0));
    CHECK(read("{\"__metadata__\":null}", 0));
    CHECK(read("{ \"w\" : {\"data_offsets\":[0, 8], \"shape\": [1,2], \"dtype\":\"F32\"}}\n", 8));
    const auto scalar =
        read("{" + entry("s", "F64", "[]", "[0,8]") + "," + entry("e", "I64", "[3,0]", "[0,0]") + "}", 8);
    REQUIRE(scalar);
    CHECK(scalar->tensors[0].spec.name == "e");
    CHECK(scalar->tensors[1].spec.name == "s");
    CHECK(read("{" + entry("n", "F4", "[4]", "[0,2]") + "," + entry("m", "F6_E2M3", "[4]", "[2,5]") + "}", 5));
    const auto swapped = read("{\"__metadata__\":{\"b\":\"1\",\"a\":\"2\"}," + entry("y", "U8", "[3]", "[3,6]") + "," +
                                  entry("x", "I8", "[3]", "[0,3]") + "}",
                              6);
    REQUIRE(swapped);
    CHECK(swapped->tensors[0].spec.name == "x");
    CHECK(swapped->metadata == awq::safetensors::metadata{{"b", "1"}, {"a", "2"}});
}

TEST_CASE("every element type has its name, its size and its rank")
{
    using namespace awq::safetensors;
    CHECK(detail::element_types.size() == 22);
    for (unsigned i = 0; i < 22; ++i) {
        const auto type = static_cast<element_type>(i);
        CHECK(element_type_named(name_of(type)) == type);
        if (const auto known = to_dtype(type)) {
            CHECK(bits_of(type) == 8 * awq::size_of(*known));
            CHECK(to_element_type(*known) == type);
            CHECK(awq::name_of(*known) == name_of(type));
        }
    }
    CHECK_FALSE(element_type_named("F33"));
}

TEST_CASE("a planned layout is that of the reference writer")
{
    using awq::safetensors::element_type;
    const auto planned = plan_layout({{"b", element_type::bf16, {2}},
                                      {"z", element_type::f32, {1}},
                                      {"a", element_type::bf16, {1, 3}},
                                      {"i", element_type::i64, {}},
                                      {"f\n", element_type::f16, {0}}},
                                     {{"format", "pt"}}, "plan");
    REQUIRE(planned);
    const std::string header = header_text(*planned);
    CHECK(header.size() % 8 == 0);
    CHECK(header.substr(0, header.find_last_not_of(' ') + 1) ==
          "{\"__metadata__\":{\"format\":\"pt\"},"
          "\"i\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
          "\"z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
          "\"a\":{\"dtype\":\"BF16\",\"shape\":[1,3],\"data_offsets\":[12,18]},"
          "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[18,22]},"
          "\"f\\n\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[22,22]}}");
    CHECK(plan_layout({{"a", element_type::u8, {1}}, {"a", element_type::f32, {1}}}, {}, "p").error().code() ==
          error_code::invalid_argument);
    CHECK_FALSE(plan_layout({{"__metadata__", element_type::u8, {1}}}, {}, "p"));
    CHECK_FALSE(plan_layout({{"a", element_type::f4, {3}}}, {}, "p"));
    CHECK_FALSE(plan_layout({{"a", element_type::f32, {1ull << 62}}}, {}, "p"));
    CHECK_FALSE(plan_layout({{"a", element_type::u8, {1ull << 62}}, {"b", element_type::u8, {1ull << 62}}}, {}, "p"));
}
