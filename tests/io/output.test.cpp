// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/output_directory.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/write_file.hpp>

#include <filesystem>

namespace fs = std::filesystem;
using awq::error_code;
using awq::output_directory;
using awq::output_file;
using awq::write_file;

namespace {

std::size_t entries(const std::string& directory)
{
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{directory}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("an output directory appears when it is committed")
{
    const test::scratch scratch;
    const std::string target = scratch / "out";
    {
        auto created = output_directory::create(target + "/", false);
        REQUIRE(created);
        CHECK(created->target() == fs::canonical(scratch.string()) / "out");
        REQUIRE(write_file(created->path() + "/config.json", "{}"));
        fs::create_directory(created->path() + "/sub");
        REQUIRE(write_file(created->path() + "/sub/x", "1"));
        CHECK_FALSE(fs::exists(target));
        REQUIRE(created->commit());
    }
    CHECK(test::read(target + "/sub/x") == "1");
    CHECK(entries(scratch.string()) == 1);
}

TEST_CASE("an output directory that is not committed leaves nothing")
{
    const test::scratch scratch;
    {
        auto created = output_directory::create(scratch / "out", false);
        REQUIRE(created);
        const output_directory moved = *std::move(created);
        REQUIRE(write_file(moved.path() + "/x", "1"));
        CHECK(entries(scratch.string()) == 1);
    }
    CHECK(entries(scratch.string()) == 0);
}

TEST_CASE("an existing directory is replaced only when asked, and only as a whole")
{
    const test::scratch scratch;
    scratch.put("out/config.json", "old");
    scratch.put("out/other", "old");
    CHECK(output_directory::create(scratch / "out", false).error().code() == error_code::file_exists);
    {
        auto dropped = output_directory::create(scratch / "out", true);
        REQUIRE(dropped);
    }
    CHECK(test::read(scratch / "out/other") == "old");
    {
        auto created = output_directory::create(scratch / "out", true);
        REQUIRE(created);
        REQUIRE(write_file(created->path() + "/config.json", "new"));
        REQUIRE(created->prepare());
        CHECK(test::read(scratch / "out/config.json") == "old");
        REQUIRE(created->commit());
        CHECK(test::read(scratch / "out/config.json") == "new");
    }
    CHECK_FALSE(fs::exists(scratch / "out/other"));
    CHECK(entries(scratch.string()) == 1);
}

TEST_CASE("a directory that is no model, or a file, is not overwritten")
{
    const test::scratch scratch;
    scratch.put("home/letter.txt", "dear");
    scratch.put("file", "x");
    fs::create_directory(scratch / "empty");
    CHECK(output_directory::create(scratch / "home", true).error().code() == error_code::file_exists);
    CHECK(output_directory::create(scratch / "file", true).error().code() == error_code::file_exists);
    CHECK(output_directory::create(scratch / "none/out", true).error().code() == error_code::file_not_found);
    CHECK(output_directory::create("", true).error().code() == error_code::invalid_argument);
    CHECK(output_directory::create("/", true).error().code() == error_code::invalid_argument);
    auto created = output_directory::create(scratch / "empty", true);
    REQUIRE(created);
    REQUIRE(created->commit());
}

TEST_CASE("a target that comes up meanwhile is not replaced unasked")
{
    const test::scratch scratch;
    auto created = output_directory::create(scratch / "out", false);
    REQUIRE(created);
    scratch.put("out/config.json", "theirs");
    const auto committed = created->commit();
    REQUIRE_FALSE(committed);
    CHECK(committed.error().code() == error_code::file_exists);
    CHECK(test::says(committed.error(), scratch / "out"));
    CHECK(test::read(scratch / "out/config.json") == "theirs");
    auto file = output_file::create(scratch / "f", false);
    REQUIRE(file);
    REQUIRE(write_file(file->path(), "mine"));
    scratch.put("f", "theirs");
    CHECK(file->commit().error().code() == error_code::file_exists);
    CHECK(test::read(scratch / "f") == "theirs");
}

TEST_CASE("a link as target stays a link, and what it points to is replaced")
{
    const test::scratch scratch;
    scratch.put("real/config.json", "old");
    fs::create_directory_symlink("real", scratch / "link");
    auto created = output_directory::create(scratch / "link", true);
    REQUIRE(created);
    REQUIRE(write_file(created->path() + "/config.json", "new"));
    REQUIRE(created->commit());
    CHECK(fs::is_symlink(scratch / "link"));
    CHECK(test::read(scratch / "real/config.json") == "new");
}

TEST_CASE("an output file appears when it is committed and is removed otherwise")
{
    const test::scratch scratch;
    const std::string target = scratch / "m.gguf";
    {
        auto created = output_file::create(target, false);
        REQUIRE(created);
        REQUIRE(write_file(created->path(), "half"));
    }
    CHECK(entries(scratch.string()) == 0);
    {
        auto created = output_file::create(target, false);
        REQUIRE(created);
        const auto empty = created->commit();
        CHECK(empty.error().code() == error_code::file_unwritable); // nothing was written
        CHECK(test::says(empty.error(), target + ": "));            // and no temporary name is told
        REQUIRE(write_file(created->path(), "whole"));
        REQUIRE(created->commit());
    }
    CHECK(test::read(target) == "whole");
    CHECK(output_file::create(target, false).error().code() == error_code::file_exists);
    {
        auto again = output_file::create(target, true);
        REQUIRE(again);
        REQUIRE(write_file(again->path(), "new"));
        REQUIRE(again->prepare());
        CHECK(test::read(target) == "whole");
        REQUIRE(again->commit());
    }
    CHECK(test::read(target) == "new");
    CHECK(entries(scratch.string()) == 1);
    CHECK(output_file::create(scratch.string(), true).error().code() == error_code::file_exists);
}

TEST_CASE("an output whose place cannot be is refused by the name that was asked for")
{
    const test::scratch scratch;
    scratch.put("file", "x");
    for (const char* const target : {"file/out", "none/out"}) {
        INFO(target);
        const auto refused = output_file::create(scratch / target, true);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::file_not_found);
        CHECK(test::says(refused.error(), scratch / target + ": "));
    }
}
