// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch_directory.hpp"
#include <awq/io/gguf/reader.hpp>
#include <awq/io/gguf/writer.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace awq;

namespace {

std::vector<gguf::tensor_plan> two_tensors()
{
    return {{"a.weight", gguf::type::f32, {3, 2}}, {"b.weight", gguf::type::q8_0, {32, 1}}};
}

} // namespace

TEST_CASE("a written GGUF file reads back, whatever the order of the tensors")
{
    const scratch_directory scratch;
    const std::string path = scratch.file("m.gguf");
    gguf::key_values metadata;
    metadata.set("general.architecture", "llama");
    metadata.set("tokens", std::vector<std::string>{"a", "b"});
    metadata.set("flag", true);
    auto writer = gguf::writer::create(path, metadata, two_tensors());
    REQUIRE(writer);
    const std::array<float, 6> a{1, 2, 3, 4, 5, 6};
    std::array<std::byte, 34> b{};
    b[33] = std::byte{9};
    const auto a_bytes = std::as_bytes(std::span{a});
    REQUIRE(writer->write("b.weight", b));
    REQUIRE(writer->write_part(0, 16, a_bytes.subspan(16)));
    REQUIRE(writer->write_part(0, 0, a_bytes.first(16)));
    CHECK_FALSE(std::filesystem::exists(path));
    const std::uint64_t size = writer->file_size();
    REQUIRE(writer->finish());
    CHECK(std::filesystem::file_size(path) == size);
    CHECK(size % 32 == 0);

    const auto file = gguf::file::open(path);
    REQUIRE(file);
    CHECK(file->version() == 3);
    CHECK(*file->find("tokens")->as_strings() == std::vector<std::string_view>{"a", "b"});
    CHECK(*file->find("flag")->as_bool());
    CHECK(std::memcmp(file->tensor("a.weight")->bytes.data(), a.data(), sizeof a) == 0);
    CHECK(std::memcmp(file->tensor("b.weight")->bytes.data(), b.data(), sizeof b) == 0);
    CHECK(file->tensor("b.weight")->dims().size() == 2);
}

TEST_CASE("an unfinished GGUF file leaves nothing behind")
{
    const scratch_directory scratch;
    {
        auto writer = gguf::writer::create(scratch.file("m.gguf"), {}, two_tensors());
        REQUIRE(writer);
        REQUIRE(writer->write(1, std::array<std::byte, 34>{}));
        const auto done = writer->finish();
        REQUIRE_FALSE(done);
        CHECK(done.error().code() == error_code::missing_tensor);
        CHECK(done.error().text().find("a.weight") != std::string_view::npos);
    }
    CHECK(scratch.empty());
}

TEST_CASE("a GGUF file is not overwritten unasked")
{
    const scratch_directory scratch;
    const std::string path = scratch.file("m.gguf");
    std::ofstream{path} << "precious";
    const auto refused = gguf::writer::create(path, {}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::file_exists);
    auto allowed = gguf::writer::create(path, {}, {}, true);
    REQUIRE(allowed);
    CHECK(std::filesystem::file_size(path) == 8);
    REQUIRE(allowed->finish());
    CHECK(gguf::file::open(path));
}

TEST_CASE("what a GGUF file cannot hold is refused before anything is written")
{
    const scratch_directory scratch;
    const std::string path = scratch.file("m.gguf");
    const auto code = [&](std::vector<gguf::tensor_plan> tensors, const gguf::key_values& keys = {}) {
        const auto writer = gguf::writer::create(path, keys, std::move(tensors));
        return writer ? error_code::none : writer.error().code();
    };
    using gguf::type;
    CHECK(code({{std::string(63, 'x'), type::f32, {1}}}) == error_code::none);
    CHECK(code({{std::string(64, 'x'), type::f32, {1}}}) == error_code::invalid_argument);
    CHECK(code({{"", type::f32, {1}}}) == error_code::invalid_argument);
    CHECK(code({{"x", type::f32, {1}}, {"x", type::f32, {1}}}) == error_code::invalid_argument);
    CHECK(code({{"x", type::q4_k, {255}}}) == error_code::shape_mismatch);
    CHECK(code({{"x", type::f32, {}}}) == error_code::shape_mismatch);
    CHECK(code({{"x", type::f32, {1ull << 62}}}) == error_code::shape_mismatch);
    gguf::key_values keys;
    keys.set("general.alignment", 64u);
    CHECK(code({}, keys) == error_code::invalid_argument);
    CHECK(scratch.empty());
}

TEST_CASE("a tensor takes exactly its bytes")
{
    const scratch_directory scratch;
    auto writer = gguf::writer::create(scratch.file("m.gguf"), {}, two_tensors());
    REQUIRE(writer);
    CHECK(writer->size_of_tensor(0) == 24);
    CHECK_FALSE(writer->write(0, std::array<std::byte, 23>{}));
    CHECK_FALSE(writer->write_part(0, 1, std::array<std::byte, 24>{}));
    CHECK_FALSE(writer->write_part(0, ~0ull, std::array<std::byte, 1>{}));
    CHECK(writer->write("c", std::array<std::byte, 1>{}).error().code() == error_code::missing_tensor);
}
