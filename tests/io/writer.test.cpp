// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/safetensors/reader.hpp>
#include <awq/io/safetensors/writer.hpp>

#include <cmath>
#include <limits>
#include <vector>

using awq::error_code;
using awq::safetensors::element_type;
using awq::safetensors::file;
using awq::safetensors::writer;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return test::bytes_of(text); }

} // namespace

TEST_CASE("tensors written in any order give the reference writer's file")
{
    const test::scratch scratch;
    const std::string path = scratch / "w.safetensors";
    auto created = writer::create(path, {{"b", element_type::u8, {3}}, {"a", element_type::f32, {1, 1}}});
    REQUIRE(created);
    REQUIRE(created->write("b", bytes("xyz")));
    CHECK(created->is_written("b"));
    CHECK_FALSE(created->is_written("a"));
    REQUIRE(created->write_floats("a", std::vector<float>{1.0f}));
    REQUIRE(created->finish());
    std::string header = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},)"
                         R"("b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}})";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    CHECK(test::read(path) == test::safetensors_bytes(header, std::string{"\x00\x00\x80\x3Fxyz", 7}));
    const auto opened = file::open(path);
    REQUIRE(opened);
    CHECK(opened->metadata() == awq::safetensors::metadata{{"format", "pt"}});
}

TEST_CASE("rewriting the example model, last tensor first, gives the same file byte for byte")
{
    const std::string source = AWQ_EXAMPLE_DATA "/tiny-llama/model.safetensors";
    const auto original = file::open(source);
    REQUIRE(original);
    const test::scratch scratch;
    std::vector<awq::safetensors::tensor_spec> specs;
    for (const auto& tensor : original->tensors()) specs.push_back(tensor.spec());
    auto created = writer::create(scratch / "copy.safetensors", specs, original->metadata());
    REQUIRE(created);
    std::vector<float> values;
    for (auto tensor = original->tensors().rbegin(); tensor != original->tensors().rend(); ++tensor) {
        values.resize(tensor->element_count());
        REQUIRE(awq::safetensors::read_floats(*tensor, values));
        REQUIRE(created->write_floats(tensor->name, values));
    }
    REQUIRE(created->finish());
    CHECK(test::read(scratch / "copy.safetensors") == test::read(source));
}

TEST_CASE("a writer refuses what does not fit, by name")
{
    const test::scratch scratch;
    const std::string path = scratch / "w.safetensors";
    auto created = writer::create(path, {{"w", element_type::f16, {2}}, {"i", element_type::i32, {1}}});
    REQUIRE(created);
    const auto code_of = [&](const awq::status& status, std::string_view name) {
        REQUIRE_FALSE(status);
        INFO(status.error().text());
        CHECK(status.error().text().starts_with(path + ": tensor \"" + std::string{name} + "\": "));
        return status.error().code();
    };
    CHECK(code_of(created->write("v", bytes("1234")), "v") == error_code::missing_tensor);
    CHECK(code_of(created->write("w", bytes("12345")), "w") == error_code::shape_mismatch);
    CHECK(code_of(created->write_floats("w", std::vector<float>(3)), "w") == error_code::shape_mismatch);
    CHECK(code_of(created->write_floats("i", std::vector<float>(1)), "i") == error_code::unsupported);
    CHECK(code_of(created->write_floats("w", std::vector<float>{1.0f, 65520.0f}), "w") == error_code::not_finite);
    const auto infinite = created->write_floats("w", std::vector<float>{1.0f, std::nanf("")});
    CHECK(code_of(infinite, "w") == error_code::not_finite);
    CHECK(test::says(infinite.error(), "element 1 "));
    CHECK(code_of(created->finish(), "i") == error_code::missing_tensor);
    REQUIRE(created->write_floats("w", std::vector<float>{1.0f, 65504.0f}));
    CHECK(code_of(created->write("w", bytes("1234")), "w") == error_code::invalid_argument);
    CHECK(code_of(created->finish(), "i") == error_code::missing_tensor);
}

TEST_CASE("an unfinished file is removed, a finished one stays, and nothing is replaced")
{
    const test::scratch scratch;
    const std::string path = scratch / "w.safetensors";
    {
        auto created = writer::create(path, {{"w", element_type::u8, {2}}});
        REQUIRE(created);
        const writer moved = *std::move(created);
        CHECK(std::filesystem::exists(path));
    }
    CHECK_FALSE(std::filesystem::exists(path));
    {
        auto created = writer::create(path, {});
        REQUIRE(created);
        REQUIRE(created->finish());
    }
    CHECK(file::open(path));
    const auto again = writer::create(path, {});
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == error_code::file_exists);
    CHECK(file::open(path));
    CHECK(writer::create(scratch / "none/w.safetensors", {}).error().code() == error_code::file_unwritable);
}

TEST_CASE("a tensor may be written in parts, and is there when all of its elements are")
{
    const test::scratch scratch;
    const std::string path = scratch / "w.safetensors";
    auto created = writer::create(path, {{"a", element_type::bf16, {2, 3}}});
    REQUIRE(created);
    REQUIRE(created->write_part("a", 4, std::vector<float>{5, 6}));
    CHECK_FALSE(created->is_written("a"));
    CHECK_FALSE(created->finish());
    CHECK(created->write_part("a", 5, std::vector<float>{1, 2}).error().code() == error_code::shape_mismatch);
    REQUIRE(created->write_part("a", 0, std::vector<float>{1, 2, 3, 4}));
    CHECK(created->is_written("a"));
    REQUIRE(created->finish());
    const auto opened = file::open(path);
    REQUIRE(opened);
    std::vector<float> values(6);
    REQUIRE(awq::safetensors::read_floats(opened->tensors()[0], values));
    CHECK(values == std::vector<float>{1, 2, 3, 4, 5, 6});
}
