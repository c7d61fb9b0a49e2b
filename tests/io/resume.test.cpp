// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/digest.hpp>
#include <awq/io/output_directory.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/io/write_file.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct inner {
    std::string text;
    bool flag = false;
};
void visit_members(awq::same_state<inner> auto& each, auto&& visit) { visit(each.text, each.flag); }

using listed = std::vector<std::pair<std::string, inner>>;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

awq::output_path resumable(const std::string& path)
{
    awq::output_path where{path};
    where.resumable = true;
    return where;
}

} // namespace

TEST_CASE("values come back from their bytes, and no part of them does")
{
    const listed all{{"first", {"a\0b", true}}, {"", {"", false}}};
    awq::state_writer out;
    out(all, 7u, 2.5, std::optional<int>{}, std::optional<int>{3});
    listed back;
    unsigned number = 0;
    double real = 0;
    std::optional<int> none = 1, three;
    awq::state_reader in{out.bytes()};
    in(back, number, real, none, three);
    CHECK(in.is_at_end());
    REQUIRE(back.size() == 2);
    CHECK(back[0].first == "first");
    CHECK(back[0].second.text == all[0].second.text);
    CHECK(back[0].second.flag);
    CHECK(number == 7);
    CHECK(real == 2.5);
    CHECK_FALSE(none);
    CHECK(three == 3);
    for (std::size_t size = 0; size < out.bytes().size(); ++size) {
        awq::state_reader part{std::string_view{out.bytes()}.substr(0, size)};
        part(back, number, real, none, three);
        CHECK_FALSE(part.is_at_end());
    }
}

TEST_CASE("a length that is not there is not believed")
{
    awq::state_writer out;
    out(~std::uint64_t{0} >> 1);
    std::vector<std::uint64_t> list;
    std::string text;
    awq::state_reader as_list{out.bytes()}, as_text{out.bytes()};
    as_list(list);
    as_text(text);
    CHECK_FALSE(as_list.is_whole());
    CHECK_FALSE(as_text.is_whole());
    CHECK(list.empty());
}

TEST_CASE("a digest sees each changed, added or missing byte")
{
    const std::string whole(203, 'x');
    const auto digest = awq::digest_of(std::string_view{whole});
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string other = whole;
        other[i] = 'y';
        CHECK(awq::digest_of(std::string_view{other}) != digest);
        CHECK(awq::digest_of(std::string_view{whole}.substr(0, i)) != digest);
    }
    CHECK(awq::digest_of(std::string_view{whole + '\0'}) != digest);
}

TEST_CASE("a file at a resumable place stays unfinished, and another goes on behind what is whole of it")
{
    const test::scratch scratch;
    const awq::output_path where = resumable(scratch / "f");
    std::vector<awq::file_extent> done;
    {
        auto file = awq::new_file::create(where);
        REQUIRE(file);
        REQUIRE(file->reserve(10));
        REQUIRE(file->write_at(2, bytes_of("abc")));
        done = file->extents();
        REQUIRE(file->write_at(5, bytes_of("lost")));
    }
    CHECK(done.size() == 1);
    CHECK(awq::bytes_between(done, 2, 3) == 3);
    CHECK(awq::bytes_between(done, 3, 7) == 0);
    auto file = awq::new_file::create(where);
    REQUIRE(file);
    REQUIRE(file->reserve(8));
    REQUIRE(file->restore(done));
    REQUIRE(file->write_at(5, bytes_of("new")));
    REQUIRE(file->finish());
    CHECK(test::read(scratch / "f") == std::string{"\0\0abcnew", 8});
    scratch.put("f", "12345678");
    auto damaged = awq::new_file::create(where);
    REQUIRE(damaged);
    REQUIRE(damaged->reserve(8));
    CHECK(damaged->restore(done).error().code() == awq::error_code::malformed_file);
    CHECK_FALSE(damaged->restore({{9, 1, 0}}));
    CHECK_FALSE(damaged->restore({{1, ~std::uint64_t{0}, 0}}));
}

TEST_CASE("outputs of a group that is kept stay, and another group goes on with them")
{
    const test::scratch scratch;
    std::vector<std::string> names;
    {
        awq::output_group group;
        auto one = awq::output_directory::create(scratch / "one", {false, &group});
        auto two = awq::output_file::create(scratch / "two", {false, &group});
        REQUIRE(one);
        REQUIRE(two);
        REQUIRE(group.members().size() == 2);
        for (const auto& each : group.members()) names.push_back(each.directory.filename().string());
        REQUIRE(awq::write_file(one->where() / "a", "half"));
        group.keep();
        CHECK(awq::keeps_unfinished_outputs());
        awq::output_group other; // both live: nothing to go on with
        other.adopt(names);
        CHECK_FALSE(awq::output_directory::create(scratch / "one", {false, &other}));
    }
    CHECK_FALSE(awq::keeps_unfinished_outputs());
    CHECK(fs::exists(scratch / names[0]));
    awq::output_group group;
    group.adopt(names);
    auto one = awq::output_directory::create(scratch / "one", {false, &group});
    REQUIRE(one);
    CHECK(test::read(one->path() + "/a") == "half");
    REQUIRE(awq::write_file(one->where() / "a", "all"));
    REQUIRE(one->commit());
    CHECK(test::read(scratch / "one/a") == "all");
    static_cast<void>(awq::output_file::create(scratch / "two", false)); // removes what is not adopted
    CHECK_FALSE(fs::exists(scratch / names[1]));
}
