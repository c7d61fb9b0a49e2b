// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "thread_machines.hpp"

#include <atomic>
#include <numeric>

namespace {

std::vector<float> values(std::size_t count)
{
    std::vector<float> made(count);
    for (std::size_t i = 0; i < count; ++i) made[i] = 1.0f / static_cast<float>(i * i % 97 + 1) + static_cast<float>(i);
    return made;
}

} // namespace

TEST_CASE("sums in order have the bits of one process on any number of machines, also where some have nothing")
{
    const std::vector<float> all = values(11);
    float expected = 0;
    for (const float value : all) expected += value;
    for (const std::size_t count : {1u, 2u, 3u, 4u, 16u}) {
        std::atomic<std::size_t> right = 0;
        test::on_machines(count, [&](awq::machines& group) {
            std::vector<float> sums(3);
            std::vector<std::span<std::byte>> pieces;
            for (float& sum : sums) pieces.push_back(std::as_writable_bytes(std::span{&sum, 1}));
            const awq::row_range own = group.share(all.size());
            const auto done = group.in_order(pieces, [&](std::size_t piece) -> awq::status {
                for (std::size_t i = own.first; i < own.end; ++i) sums[piece] += all[i];
                return {};
            });
            if (done && sums == std::vector<float>(3, expected)) ++right;
        });
        CHECK(right == count);
    }
}

TEST_CASE("shares cover everything once and rows are shared by all")
{
    for (const std::size_t count : {1u, 2u, 3u, 5u}) {
        std::atomic<std::size_t> right = 0;
        test::on_machines(count, [&](awq::machines& group) {
            std::vector<int> rows(2 * 7);
            const awq::row_range own = group.share(7);
            for (std::size_t i = 2 * own.first; i < 2 * own.end; ++i) rows[i] = static_cast<int>(i);
            std::vector<int> expected(2 * 7);
            std::iota(expected.begin(), expected.end(), 0);
            const auto bytes = std::as_writable_bytes(std::span{rows});
            if (group.share_rows(bytes, 2 * sizeof(int), own) && group.meet() && rows == expected) ++right;
            int first = static_cast<int>(group.rank()) + 7;
            if (!group.broadcast(0, std::as_writable_bytes(std::span{&first, 1})) || first != 7) --right;
        });
        CHECK(right == count);
    }
}

TEST_CASE("values of all machines are joined in their order, however many each has")
{
    std::atomic<std::size_t> right = 0;
    test::on_machines(4, [&](awq::machines& group) {
        std::vector<short> values(group.rank() == 2 ? 0 : group.rank() + 1, static_cast<short>(group.rank()));
        if (group.join(values) && values == std::vector<short>{0, 1, 1, 3, 3, 3, 3}) ++right;
    });
    CHECK(right == 4);
}

TEST_CASE("a machine that cannot go on ends the others with its reason")
{
    std::atomic<std::size_t> told = 0;
    test::on_machines(3, [&](awq::machines& group) {
        if (group.rank() == 1) return group.fail(awq::error{awq::error_code::out_of_memory, "no memory"});
        const awq::status done = group.meet();
        if (!done && done.error().text() == "no memory") ++told;
    });
    CHECK(told == 2);
}

TEST_CASE("in order, a machine sends at most twice what it sums, however many there are")
{
    for (const std::size_t count : {1u, 2u, 4u, 16u}) {
        std::atomic<std::uint64_t> most = 0;
        test::on_machines(count, [&](awq::machines& group) {
            std::vector<std::byte> sums(1000);
            const std::span<std::byte> piece{sums};
            const auto done = group.in_order({&piece, 1}, [](std::size_t) { return awq::status{}; });
            for (std::uint64_t seen = most; done && seen < group.sent_bytes();)
                if (most.compare_exchange_weak(seen, group.sent_bytes())) break;
        });
        CHECK(most == (count == 1 ? 0u : count == 2 ? 1000u : 2000u));
    }
}
