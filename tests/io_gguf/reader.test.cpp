// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "gguf_bytes.hpp"
#include <awq/io/gguf/reader.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace awq;
using gguf::value_type;

namespace {

constexpr std::uint32_t u32_type = 4, string_type = 8, array_type = 9;

gguf_bytes small_file(std::uint32_t version = 3)
{
    gguf_bytes file;
    file.header(2, 5, version);
    file.text("general.architecture").add(string_type).text("llama");
    file.text("count").add(u32_type).add(std::uint32_t{7});
    file.text("real").add(std::uint32_t{6}).add(1.5f);
    file.text("words").add(array_type).add(string_type).add(std::uint64_t{3}).text("a").text("").text("\xFF\x01");
    file.text("numbers").add(array_type).add(std::uint32_t{5}).add(std::uint64_t{2}).add(-3).add(4);
    file.tensor("a.weight", {4, 2}, 0, 0);
    file.tensor("b.weight", {32}, 8, 32);
    file.pad().add(1.0f).add(2.0f).zeros(24).zeros(34);
    return file;
}

/// The text of the error, or "accepted".
std::string refusal(const gguf_bytes& bytes)
{
    const auto file = gguf::file::parse(bytes.bytes(), "f");
    return file ? std::string{"accepted"} : std::string{file.error().text()};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Reads everything that the file offers; the sanitizers and the bounds of the spans do the
// checking.
std::size_t read_all(const gguf::file& file)
{
    std::size_t sum = 0;
    for (const auto& entry : file.metadata()) {
        sum += entry.key.size();
        if (const auto strings = entry.value.as_strings())
            for (const std::string_view each : *strings) sum += each.size();
        if (const auto numbers = entry.value.as_numbers<std::int64_t>()) sum += numbers->size();
        if (const auto text = entry.value.as_string()) sum += text->size();
        if (const auto real = entry.value.as_real()) sum += *real > 0;
    }
    for (const auto& tensor : file.tensors()) {
        sum += tensor.rows();
        for (const std::byte each : tensor.bytes) sum += std::to_integer<std::size_t>(each);
    }
    return sum;
}

} // namespace

TEST_CASE("a GGUF file of either version is read")
{
    const std::uint32_t version = GENERATE(2u, 3u);
    const auto bytes = small_file(version);
    const auto file = gguf::file::parse(bytes.bytes());
    REQUIRE(file);
    CHECK(file->version() == version);
    CHECK(file->metadata().size() == 5);
    CHECK(file->find("missing") == nullptr);
    CHECK(*file->find("general.architecture")->as_string() == "llama");
    CHECK(*file->find("count")->as_integer<std::uint32_t>() == 7);
    CHECK(*file->find("real")->as_real() == 1.5);
    const auto words = file->find("words")->as_strings();
    REQUIRE(words);
    CHECK(*words == std::vector<std::string_view>{"a", "", "\xFF\x01"});
    CHECK(*file->find("numbers")->as_numbers<int>() == std::vector<int>{-3, 4});

    REQUIRE(file->tensors().size() == 2);
    const auto a = file->tensor("a.weight");
    REQUIRE(a);
    CHECK(a->in_features() == 4);
    CHECK(a->rows() == 2);
    CHECK(a->bytes.size() == 32);
    float first = 0;
    std::memcpy(&first, a->bytes.data(), sizeof first);
    CHECK(first == 1.0f);
    CHECK(file->find_tensor("b.weight")->type == gguf::type::q8_0);
    CHECK(file->tensor("c").error().code() == error_code::missing_tensor);
}

TEST_CASE("a missing GGUF file is an error value")
{
    CHECK(gguf::file::open("/nonexistent/x.gguf").error().code() == error_code::file_not_found);
}

TEST_CASE("every truncation of a GGUF file is refused")
{
    const auto whole = small_file().copy();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto file = gguf::file::parse(std::span{whole}.first(size));
        INFO(size);
        CHECK_FALSE(file);
    }
}

TEST_CASE("a wrong GGUF header is refused by name")
{
    CHECK(contains(refusal(gguf_bytes{}.raw("GGML").zeros(20)), "no GGUF file"));
    CHECK(contains(refusal(gguf_bytes{}.header(0, 0, 1)), "version 1"));
    CHECK(contains(refusal(gguf_bytes{}.header(0, 0, 4)), "version 4"));
    CHECK(contains(refusal(gguf_bytes{}.header(0, 0, 0)), "version 0"));
    CHECK(contains(refusal(gguf_bytes{}.header(0, 0, 0x03000000)), "big-endian"));
    CHECK(contains(refusal(gguf_bytes{}.header(~0ull, 0)), "tensors"));
    CHECK(contains(refusal(gguf_bytes{}.header(1u << 20, 0)), "announces"));
    CHECK(contains(refusal(gguf_bytes{}.header(0, ~0ull)), "keys"));
    CHECK(contains(refusal(gguf_bytes{}.header(0, 60000)), "announces"));
}

TEST_CASE("wrong GGUF metadata is refused by name")
{
    const auto with_key = [](auto fill) {
        gguf_bytes file;
        file.header(0, 1);
        fill(file);
        return refusal(file.zeros(64));
    };
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("").add(u32_type).add(1u); }), "empty"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("k").add(13u); }), "value type 13"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.add(~0ull); }), "limit"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("k").add(string_type).add(~0ull); }), "limit"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("k").add(string_type).add(1ull << 20); }), "too early"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("k").add(array_type).add(array_type); }), "array of arrays"));
    CHECK(
        contains(with_key([](gguf_bytes& f) { f.text("k").add(array_type).add(u32_type).add(1ull << 62); }), "limit"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("k").add(array_type).add(u32_type).add(1ull << 29); }),
                   "announces"));
    CHECK(contains(with_key([](gguf_bytes& f) { f.text("k").add(array_type).add(string_type).add(1ull << 29); }),
                   "announces"));
    CHECK(contains(with_key([](gguf_bytes& f) {
                       f.text("k").add(array_type).add(string_type).add(std::uint64_t{2}).text("x");
                       f.add(~0ull);
                   }),
                   "limit"));
    CHECK(with_key([](gguf_bytes& f) { f.text("k").add(u32_type).add(1u); }) == "accepted");

    gguf_bytes twice;
    twice.header(0, 2).text("k").add(u32_type).add(1u).text("k").add(u32_type).add(1u);
    CHECK(contains(refusal(twice), "twice"));
}

TEST_CASE("the alignment of a GGUF file is checked and used")
{
    const auto aligned = [](auto alignment, std::uint32_t type, std::size_t real) {
        gguf_bytes file;
        file.header(2, 1).text("general.alignment").add(type).add(alignment);
        file.tensor("a", {1}, 0, 0).tensor("b", {1}, 0, real).pad(real).zeros(real + 4);
        return refusal(file);
    };
    CHECK(aligned(64u, u32_type, 64) == "accepted");
    CHECK(contains(aligned(std::uint64_t{64}, 10, 64), "not u32"));
    CHECK(contains(aligned(0u, u32_type, 32), "power of two"));
    CHECK(contains(aligned(48u, u32_type, 48), "power of two"));
    CHECK(contains(aligned(1u << 30, u32_type, 32), "power of two"));
}

TEST_CASE("wrong GGUF tensors are refused by name")
{
    const auto with_tensor = [](auto fill) {
        gguf_bytes file;
        file.header(1, 0);
        fill(file);
        return refusal(file.pad().zeros(256));
    };
    using dims = std::vector<std::uint64_t>;
    const auto tensor = [&](dims d, std::uint32_t type, std::uint64_t offset = 0) {
        return with_tensor([&](gguf_bytes& f) { f.tensor("t", d, type, offset); });
    };
    CHECK(tensor({4, 2}, 0) == "accepted");
    CHECK(tensor({64}, 0) == "accepted");
    CHECK(contains(tensor({65}, 0), "pass the end"));
    CHECK(contains(tensor({}, 0), "0 dimensions"));
    CHECK(contains(tensor({1, 1, 1, 1, 1}, 0), "5 dimensions"));
    CHECK(contains(tensor({4, 0}, 0), "empty dimension"));
    CHECK(contains(tensor({1ull << 40, 1ull << 40}, 0), "too many elements"));
    CHECK(contains(tensor({~0ull}, 0), "too many elements"));
    CHECK(contains(tensor({1ull << 62}, 0), "too many bytes"));
    CHECK(contains(tensor({33}, 8), "blocks of 32"));
    CHECK(contains(tensor({4}, 4), "type number 4, which this library cannot read"));
    CHECK(contains(tensor({256}, 23), "type number 23 (IQ4_XS), which"));
    CHECK(contains(tensor({4}, ~0u), "type number"));
    CHECK(contains(tensor({4}, 0, 32), "offset 32"));
    CHECK(contains(tensor({4}, 0, ~0ull - 3), "offset"));
    CHECK(contains(with_tensor([](gguf_bytes& f) { f.tensor("", {4}, 0, 0); }), "no name"));
    const std::string name(64, 'x');
    CHECK(contains(with_tensor([&](gguf_bytes& f) { f.tensor(name, {4}, 0, 0); }), "limit"));

    const auto pair = [](std::string_view second, std::uint64_t offset) {
        gguf_bytes file;
        file.header(2, 0).tensor("a", {4}, 0, 0).tensor(second, {4}, 0, offset).pad().zeros(256);
        return refusal(file);
    };
    CHECK(pair("b", 32) == "accepted");
    CHECK(contains(pair("a", 32), "twice"));
    CHECK(contains(pair("b", 16), "offset 16"));
    CHECK(contains(pair("b", 0), "offset 0"));
    CHECK(contains(pair("b", 64), "offset 64"));
}

TEST_CASE("a damaged GGUF file is refused or read, nothing else")
{
    const auto whole = small_file().copy();
    std::mt19937 random{1};
    std::size_t accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        auto damaged = whole;
        const int changes = 1 + static_cast<int>(random() % 3);
        for (int i = 0; i < changes; ++i) {
            const std::size_t at = random() % damaged.size();
            const unsigned how = random() % 4;
            if (how == 0) damaged[at] = static_cast<std::byte>(random());
            if (how == 1) damaged[at] = std::byte{0xFF};
            if (how == 2) damaged[at] ^= static_cast<std::byte>(1u << (random() % 8));
            if (how == 3) damaged.erase(damaged.begin() + static_cast<std::ptrdiff_t>(at));
        }
        if (const auto file = gguf::file::parse(damaged)) {
            ++accepted;
            CHECK(read_all(*file) < std::numeric_limits<std::size_t>::max());
        }
    }
    CHECK(accepted > 0);
    CHECK(accepted < 20000);
}
