// SPDX-License-Identifier: MIT
#include <awq/execution/scratch.hpp>

#include "catch.hpp"

#include <cstdint>

TEST_CASE("scratch is aligned, and memory is used again")
{
    float* first = nullptr;
    {
        const awq::scratch memory{1000};
        REQUIRE(memory);
        first = memory.data();
        CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
        CHECK(memory.floats().size() == 1000);
    }
    const awq::scratch again{900};
    CHECK(again.data() == first);
}

TEST_CASE("scratch held at the same time is never shared")
{
    const awq::scratch a{100}, b{100}, c{50};
    CHECK(a.data() != b.data());
    CHECK(a.data() != c.data());
    CHECK(b.data() != c.data());
}

TEST_CASE("the smallest block that is large enough is taken")
{
    float* small = nullptr;
    float* large = nullptr;
    {
        const awq::scratch a{200'000}, b{3'000'000};
        small = a.data();
        large = b.data();
    }
    const awq::scratch first{150'000}, second{2'500'000};
    CHECK(first.data() == small);
    CHECK(second.data() == large);
}

TEST_CASE("scratch of nothing is fine, and of too much is empty")
{
    CHECK(awq::scratch{0});
    CHECK_FALSE(awq::scratch{static_cast<std::size_t>(-1)});
    CHECK_FALSE(awq::scratch{static_cast<std::size_t>(-1) / 8});
}
