// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/output_directory.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/write_file.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>

namespace fs = std::filesystem;
using awq::output_directory;
using awq::output_file;

namespace {

std::size_t entries(const std::string& directory)
{
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{directory}, fs::directory_iterator{}));
}

/// Does something in a process that then dies at once, as with kill -9.
template <class Work>
void in_dying_process(const Work& work)
{
    const ::pid_t child = ::fork();
    if (child == 0) {
        work();
        ::raise(SIGKILL);
    }
    int ended = 0;
    REQUIRE(::waitpid(child, &ended, 0) == child);
    REQUIRE(WIFSIGNALED(ended));
}

} // namespace

TEST_CASE("what a dead run has left is removed by the next run onto the same output")
{
    const test::scratch scratch;
    in_dying_process([&] {
        auto file = output_file::create(scratch / "a", false);
        auto directory = output_directory::create(scratch / "b", false);
        static_cast<void>(awq::write_file(file->path(), "half"));
        static_cast<void>(awq::write_file(directory->path() + "/config.json", "half"));
        ::raise(SIGKILL);
    });
    CHECK(entries(scratch.string()) == 2);
    CHECK(output_file::create(scratch / "c", false)); // another output's leftovers stay
    CHECK(entries(scratch.string()) == 2);
    CHECK(output_file::create(scratch / "a", false));
    CHECK(entries(scratch.string()) == 1);
    CHECK(output_directory::create(scratch / "b", false));
    CHECK(entries(scratch.string()) == 0);
}

TEST_CASE("what a run that was done had still to remove is removed by the next")
{
    const test::scratch scratch;
    const fs::path done = scratch / ".a.partial-0123456789abcdef.done";
    fs::create_directory(done);
    REQUIRE(awq::write_file((done / "journal").string(), "all"));
    CHECK(output_file::create(scratch / "b", false));
    CHECK(fs::exists(done));
    CHECK(output_file::create(scratch / "a", false));
    CHECK_FALSE(fs::exists(done));
}

TEST_CASE("what a run that lives has written is never removed")
{
    const test::scratch scratch;
    auto first = output_file::create(scratch / "a", true);
    REQUIRE(first);
    REQUIRE(awq::write_file(first->path(), "first"));
    in_dying_process([&] {
        auto second = output_file::create(scratch / "a", true);
        static_cast<void>(awq::write_file(second->path(), "second"));
        static_cast<void>(second->commit());
        ::raise(SIGKILL);
    });
    CHECK(test::read(scratch / "a") == "second");
    CHECK(test::read(first->path()) == "first");
    REQUIRE(first->commit());
    CHECK(test::read(scratch / "a") == "first");
}

TEST_CASE("files of other names are no leftovers")
{
    const test::scratch scratch;
    for (const char* const name : {".a.partial-0123", ".a.partial-0123456789abcdeg", ".a.partial-0123456789abcdef0",
                                   ".b.partial-0123456789abcdef"})
        fs::create_directory(scratch / name);
    scratch.put(".a.partial-0123456789abcdef", "a file");
    CHECK(output_file::create(scratch / "a", false));
    CHECK(entries(scratch.string()) == 5);
}

TEST_CASE("a link with the name of a leftover is left alone")
{
    const test::scratch scratch;
    scratch.put("elsewhere/old", "theirs");
    fs::create_directory_symlink("elsewhere", scratch / ".a.partial-0123456789abcdef");
    CHECK(output_file::create(scratch / "a", false));
    CHECK(test::read(scratch / "elsewhere/old") == "theirs");
    CHECK(entries(scratch / "elsewhere") == 1);
}

TEST_CASE("an old output that a dead run had moved aside comes back")
{
    const test::scratch scratch;
    const std::string partial = ".out.partial-0123456789abcdef/";
    scratch.put(partial + "lock", "");
    scratch.put(partial + "old/config.json", "old");
    scratch.put(partial + "new/config.json", "new");
    CHECK(output_directory::create(scratch / "out", false).error().code() == awq::error_code::file_exists);
    CHECK(test::read(scratch / "out/config.json") == "old");
    CHECK(entries(scratch.string()) == 1);
}

TEST_CASE("an old output that was replaced does not come back")
{
    const test::scratch scratch;
    scratch.put(".out.partial-0123456789abcdef/old/config.json", "old");
    scratch.put("out/config.json", "new");
    CHECK(output_directory::create(scratch / "out", true));
    CHECK(test::read(scratch / "out/config.json") == "new");
    CHECK(entries(scratch.string()) == 1);
}

TEST_CASE("directories swap in two steps where the system cannot exchange names")
{
    const test::scratch scratch;
    scratch.put("to/x", "old");
    scratch.put("from/x", "new");
    CHECK(awq::detail::swap_in_two_steps(scratch / "from", scratch / "to", scratch / "aside") == 0);
    CHECK(test::read(scratch / "to/x") == "new");
    CHECK(test::read(scratch / "aside/x") == "old");
    CHECK(awq::detail::swap_in_two_steps(scratch / "none", scratch / "to", scratch / "aside2") == ENOENT);
    CHECK(test::read(scratch / "to/x") == "new");
}

TEST_CASE("long names have temporaries too, each its own")
{
    const test::scratch scratch;
    const std::string stem(240, 'n');
    auto a = output_file::create(scratch / (stem + "a"), false);
    auto b = output_file::create(scratch / (stem + "b"), false);
    REQUIRE(a);
    REQUIRE(b);
    const auto prefix = [](const output_file& file) {
        const std::string name = fs::path{file.path()}.parent_path().filename().string();
        return name.substr(0, name.size() - awq::detail::partial_digits);
    };
    CHECK(prefix(*a) != prefix(*b));
    REQUIRE(awq::write_file(a->path(), "a"));
    REQUIRE(a->commit());
    CHECK(test::read(scratch / (stem + "a")) == "a");
}
