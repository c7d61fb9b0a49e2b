// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/json_copy.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/reader.hpp>
#include <awq/io/safetensors/shard_index.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

const std::string header =
    R"({"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b.weight":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},)"
    R"("c":{"dtype":"F16","shape":[],"data_offsets":[32,34]},"d":{"dtype":"I64","shape":[0],"data_offsets":[34,34]}})";

/// Changes, removes, inserts or repeats a few bytes, with a liking for the characters that headers
/// are made of.
std::string mutate(std::string text, std::mt19937& random)
{
    constexpr std::string_view likely = "0123456789{}[],:\"-.eE\\ \xFF\x80wF";
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    for (std::size_t change = 1 + below(4); change > 0 && !text.empty(); --change) {
        const std::size_t at = below(text.size());
        switch (below(6)) {
        case 0:
            text[at] = static_cast<char>(random());
            break;
        case 1:
            text[at] = likely[below(likely.size())];
            break;
        case 2:
            text.erase(at, 1 + below(8));
            break;
        case 3:
            text.insert(at, 1 + below(20), likely[below(likely.size())]);
            break;
        case 4:
            text.insert(at, text.substr(below(text.size()), below(60)));
            break;
        default:
            text.resize(at);
            break;
        }
    }
    return text;
}

// Reads everything that an accepted file offers: under a sanitizer this shows any offset out of
// place.
void use(const awq::safetensors::layout& found, std::string_view bytes)
{
    std::uint64_t sum = 0;
    for (const auto& entry : found.tensors) {
        REQUIRE(entry.begin <= entry.end);
        REQUIRE(found.data_begin + entry.end <= bytes.size());
        for (std::uint64_t i = entry.begin; i < entry.end; ++i)
            sum += static_cast<unsigned char>(bytes[found.data_begin + i]);
    }
    REQUIRE(sum <= 255 * bytes.size());
}

} // namespace

TEST_CASE("mutated safetensors files are read or refused, never more")
{
    std::mt19937 random{20240607};
    std::size_t accepted = 0;
    for (int i = 0; i < 20000; ++i) {
        // Half of the time the length fits the mutated header, so that the mutation is seen by what
        // comes after.
        const std::string bytes = i % 2 == 0 ? test::safetensors_bytes(mutate(header, random), std::string(34, '\1'))
                                             : mutate(test::safetensors_bytes(header, std::string(34, '\1')), random);
        // Exactly as large as the text: reading beyond it is seen.
        const std::vector<char> exact(bytes.begin(), bytes.end());
        const auto found = awq::safetensors::read_layout(std::as_bytes(std::span{exact}), "mutated");
        if (found) {
            ++accepted;
            use(*found, {exact.data(), exact.size()});
        } else {
            REQUIRE(found.error().text().starts_with("mutated: "));
            REQUIRE(found.error().text().find('\n') == std::string_view::npos);
        }
    }
    CHECK(accepted > 10);
    CHECK(accepted < 10000);
}

TEST_CASE("mutated JSON is read or refused, and what was read is written as the same JSON")
{
    std::mt19937 random{11};
    const std::string text =
        R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"},"metadata":{"total_size":12},)"
        R"("more":[1,-2,3.5e-7,true,null,"x\u00e9\n",{"k":[[]]},100000000000000000000000]})";
    std::size_t accepted = 0;
    for (int i = 0; i < 5000; ++i) {
        const std::string mutated = mutate(text, random);
        static_cast<void>(awq::safetensors::shard_index::parse(mutated, "mutated"));
        const auto parsed = awq::json::document::parse(mutated, "mutated");
        if (!parsed) continue;
        ++accepted;
        awq::json::writer once;
        awq::json::write(once, parsed->root());
        const auto again = awq::json::document::parse(once.text(), "again");
        REQUIRE(again);
        awq::json::writer twice;
        awq::json::write(twice, again->root());
        REQUIRE(once.text() == twice.text());
    }
    CHECK(accepted > 100);
}
