// SPDX-License-Identifier: MIT
#include <awq/io/write_file.hpp>
#include <awq/io/write_queue.hpp>

#include "catch.hpp"
#include "io/scratch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span{text}); }

} // namespace

TEST_CASE("the queue writes in order, beside who adds, and waits for all that was added")
{
    std::atomic<bool> may_go = false;
    std::vector<int> done;
    awq::write_queue queue;
    queue.add(1, [&] { may_go.wait(false); });
    for (int i = 0; i < 100; ++i) queue.add(1, [&done, i] { done.push_back(i); });
    CHECK(done.empty());
    may_go = true;
    may_go.notify_all();
    queue.wait();
    REQUIRE(done.size() == 100);
    CHECK(std::is_sorted(done.begin(), done.end()));
}

TEST_CASE("who adds more than the queue holds waits until there is room")
{
    std::atomic<bool> may_go = false, has_added = false;
    awq::write_queue queue;
    queue.add(awq::write_queue::most_bytes + 1, [&] { may_go.wait(false); }); // alone, it passes
    std::thread adder{[&] {
        queue.add(1, [] {});
        has_added = true;
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    CHECK_FALSE(has_added);
    may_go = true;
    may_go.notify_all();
    adder.join();
    CHECK(has_added);
}

TEST_CASE("a file that is written in the background holds what was written, and is removed unless it is finished")
{
    const test::scratch here;
    awq::write_queue queue;
    awq::output_path where{here / "a"};
    where.queue = &queue;
    {
        auto file = awq::new_file::create(where);
        REQUIRE(file);
        std::string text = "some ";
        CHECK(file->append(bytes_of(text)));
        text = "words"; // the first ones were copied
        CHECK(file->append(bytes_of(text)));
        REQUIRE(file->finish());
    }
    CHECK(test::read(here / "a") == "some words");
    where.path = where.shown = here / "b";
    {
        auto file = awq::new_file::create(where);
        REQUIRE(file);
        CHECK(file->append(bytes_of("unfinished")));
    }
    CHECK_FALSE(awq::read_file(here / "b"));
}

TEST_CASE("a write that fails in the background is the error of a later call, by the file's name")
{
    if (::access("/dev/full", W_OK) != 0) return;
    awq::write_queue queue;
    awq::output_path where{"/dev/full", "out"};
    where.queue = &queue;
    where.resumable = true; // it is there, and stays
    auto file = awq::new_file::create(where);
    REQUIRE(file);
    CHECK(file->append(bytes_of("anything")));
    queue.wait();
    const auto later = file->append(bytes_of("more"));
    REQUIRE_FALSE(later);
    CHECK(later.error().code() == awq::error_code::file_unwritable);
    CHECK(std::string{later.error().text()} == "out: cannot write: No space left on device");
    CHECK_FALSE(file->finish());
}
