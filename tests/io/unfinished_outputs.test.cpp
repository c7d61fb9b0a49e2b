// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/output_directory.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/unfinished_outputs.hpp>
#include <awq/io/write_file.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

namespace fs = std::filesystem;

TEST_CASE("unfinished outputs are removed on demand, finished ones stay")
{
    const test::scratch scratch;
    auto done = awq::output_file::create(scratch / "done", false);
    auto open = awq::output_directory::create(scratch / "open", false);
    REQUIRE(done);
    REQUIRE(open);
    REQUIRE(awq::write_file(done->path(), "whole"));
    REQUIRE(awq::write_file(open->path() + "/config.json", "half"));
    REQUIRE(done->commit());
    static_cast<void>(awq::remove_unfinished_outputs());
    CHECK(test::read(scratch / "done") == "whole");
    CHECK(std::distance(fs::directory_iterator{scratch.string()}, fs::directory_iterator{}) == 1);
    CHECK_FALSE(open->commit());
    CHECK_FALSE(fs::exists(scratch / "open"));
}

TEST_CASE("nothing is put into place while outputs are held")
{
    const test::scratch scratch;
    auto file = awq::output_file::create(scratch / "f", false);
    REQUIRE(file);
    REQUIRE(awq::write_file(file->path(), "whole"));
    REQUIRE(file->prepare());
    std::atomic<bool> committed = false;
    std::thread other;
    {
        const awq::output_hold hold = awq::hold_outputs();
        other = std::thread{[&] { committed = file->commit().has_value(); }};
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        CHECK_FALSE(fs::exists(scratch / "f"));
    }
    other.join();
    CHECK(committed);
    CHECK(fs::exists(scratch / "f"));
}
