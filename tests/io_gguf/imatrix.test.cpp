// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "gguf_bytes.hpp"
#include "scratch_directory.hpp"
#include <awq/io/imatrix.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace awq;

namespace {

imatrix small_matrix()
{
    imatrix made;
    made.entries["blk.0.attn_q.weight"] = {{2, 4, 6}, {2}};
    made.entries["blk.0.ffn_up_exps.weight"] = {{1, 2, 3, 4}, {4, 0}};
    made.datasets = {"text"};
    made.chunk_count = 3;
    made.chunk_size = 2;
    return made;
}

std::vector<std::byte> content_of(const std::string& path)
{
    std::ifstream in{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto bytes = std::as_bytes(std::span{text.data(), text.size()});
    return {bytes.begin(), bytes.end()};
}

bool readable(const gguf_bytes& bytes) { return imatrix::parse(bytes.bytes(), "m").has_value(); }

gguf_bytes legacy(std::int32_t count, std::string_view name, std::int32_t calls, std::vector<float> values)
{
    gguf_bytes file;
    file.add(count).add(static_cast<std::int32_t>(name.size())).raw(name).add(calls);
    file.add(static_cast<std::int32_t>(values.size()));
    for (const float each : values) file.add(each);
    return file;
}

} // namespace

TEST_CASE("both formats of an importance matrix hold the same means")
{
    const auto current = imatrix::read(AWQ_TEST_DATA "/tiny-llama.imatrix.gguf");
    const auto older = imatrix::read(AWQ_TEST_DATA "/tiny-llama.imatrix.dat");
    REQUIRE(current);
    REQUIRE(older);
    CHECK(current->entries.size() == 28);
    CHECK(current->chunk_count == 8);
    CHECK(current->chunk_size == 256);
    CHECK(current->datasets == std::vector<std::string>{"stats_input_ids"});
    CHECK(older->chunk_count == 8);
    CHECK(older->datasets == current->datasets);
    for (const auto& [name, entry] : current->entries) {
        CHECK(entry.counts == std::vector<float>{2048});
        const auto means = current->mean_squares(name), same = older->mean_squares(name);
        REQUIRE(same);
        REQUIRE(means->size() == same->size());
        for (std::size_t i = 0; i < means->size(); ++i) CHECK((*means)[i] == Approx((*same)[i]).epsilon(1e-6));
    }
    CHECK(current->mean_squares("blk.9.attn_q.weight").error().code() == error_code::missing_tensor);
}

TEST_CASE("an importance matrix is written as llama.cpp's formats have it")
{
    const scratch_directory scratch;
    const auto original = imatrix::read(AWQ_TEST_DATA "/tiny-llama.imatrix.gguf");
    REQUIRE(original);
    REQUIRE(original->write_legacy(scratch.file("m.dat")));
    CHECK(content_of(scratch.file("m.dat")) == content_of(AWQ_TEST_DATA "/tiny-llama.imatrix.dat"));
    REQUIRE(original->write(scratch.file("m.gguf")));
    const auto file = gguf::file::open(scratch.file("m.gguf"));
    REQUIRE(file);
    CHECK(*file->find("general.type")->as_string() == "imatrix");
    CHECK(file->find("imatrix.datasets")->as_strings()->size() == 1);
    CHECK(file->find("imatrix.chunk_count")->type() == gguf::value_type::u32);
    const auto again = imatrix::read(scratch.file("m.gguf"));
    REQUIRE(again);
    for (const auto& [name, entry] : original->entries) {
        CHECK(again->entries.at(name).sums == entry.sums);
        CHECK(again->entries.at(name).counts == entry.counts);
    }
    CHECK(original->write(scratch.file("m.gguf")).error().code() == error_code::file_exists);
}

TEST_CASE("means are per expert, one that was never asked has ones")
{
    const scratch_directory scratch;
    const auto made = small_matrix();
    CHECK(*made.mean_squares("blk.0.attn_q.weight") == std::vector<float>{1, 2, 3});
    const std::vector<float> experts{0.25f, 0.5f, 1, 1};
    CHECK(*made.mean_squares("blk.0.ffn_up_exps.weight") == experts);
    REQUIRE(made.write(scratch.file("m.gguf")));
    const auto back = imatrix::read(scratch.file("m.gguf"));
    REQUIRE(back);
    CHECK(back->entries.at("blk.0.ffn_up_exps.weight").columns() == 2);
    CHECK(*back->mean_squares("blk.0.ffn_up_exps.weight") == experts);
    REQUIRE(made.write_legacy(scratch.file("m.dat")));
    const auto older = imatrix::read(scratch.file("m.dat"));
    REQUIRE(older);
    CHECK(*older->mean_squares("blk.0.ffn_up_exps.weight") == experts);
}

TEST_CASE("a damaged importance matrix is refused")
{
    CHECK(readable(legacy(1, "a", 1, {1, 2})));
    CHECK(readable(legacy(1, "a", 0, {1, 2})));
    CHECK_FALSE(readable(gguf_bytes{}));
    CHECK_FALSE(readable(legacy(0, "a", 1, {1})));
    CHECK_FALSE(readable(legacy(-1, "a", 1, {1})));
    CHECK_FALSE(readable(legacy(1 << 30, "a", 1, {1})));
    CHECK_FALSE(readable(legacy(2, "a", 1, {1})));
    CHECK_FALSE(readable(legacy(1, "", 1, {1})));
    CHECK_FALSE(readable(legacy(1, "a", 1, {})));
    CHECK_FALSE(readable(legacy(1, "a", 1, {-1})));
    CHECK_FALSE(readable(legacy(1, "a", 1, {std::numeric_limits<float>::infinity()})));
    CHECK_FALSE(readable(legacy(1, "a", 1, {1}).add(1)));
    CHECK_FALSE(readable(legacy(1, "a", 1, {1}).add(1).add(-1)));
    CHECK_FALSE(readable(gguf_bytes{}.add(1).add(1).raw("a").add(1).add(0x7FFFFFFF)));

    // GGUF files that are none, or lack the counts, or have them in another shape or type.
    const auto in_gguf = [](std::string_view type, std::vector<std::uint64_t> sums, std::string_view other,
                            std::vector<std::uint64_t> counts, std::uint32_t kind) {
        gguf_bytes file;
        file.header(2, 1).text("general.type").add(8u).text(type);
        file.tensor("a.in_sum2", sums, 0, 0).tensor(other, counts, kind, 32).pad().zeros(512);
        return readable(file);
    };
    CHECK(in_gguf("imatrix", {8}, "a.counts", {1, 1}, 0));
    CHECK(in_gguf("imatrix", {4, 2}, "a.counts", {1, 2}, 0));
    CHECK_FALSE(in_gguf("model", {8}, "a.counts", {1, 1}, 0));
    CHECK_FALSE(in_gguf("imatrix", {8}, "b.counts", {1, 1}, 0));
    CHECK_FALSE(in_gguf("imatrix", {8}, "a.counts", {3}, 0));
    CHECK_FALSE(in_gguf("imatrix", {8}, "a.counts", {1, 1}, 1));
}

TEST_CASE("mutated importance matrices are refused or read, nothing else")
{
    const char* name = GENERATE("/tiny-llama.imatrix.gguf", "/tiny-llama.imatrix.dat");
    const auto whole = content_of(std::string{AWQ_TEST_DATA} + name);
    std::mt19937 random{2};
    int accepted = 0;
    for (int round = 0; round < 1000; ++round) {
        auto damaged = whole;
        // Most structure is near the start.
        for (int i = 0; i < 2; ++i)
            damaged[random() % (i == 0 ? 4096 : damaged.size())] = static_cast<std::byte>(random());
        if (round % 4 == 0) damaged.resize(random() % damaged.size());
        if (const auto read = imatrix::parse(damaged, "m")) {
            ++accepted;
            for (const auto& [entry, values] : read->entries) CHECK(read->mean_squares(entry));
        }
    }
    CHECK(accepted < 1000);
}
