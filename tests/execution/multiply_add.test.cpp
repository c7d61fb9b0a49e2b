// SPDX-License-Identifier: MIT
#include <awq/execution/kernels/multiply_add.hpp>

#include "catch.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace {

using awq::kernels::accumulation;
using batch = awq::kernels::float_batch<awq::kernels::default_arch>;

// Floats of any kind; half of them have few bits and near exponents, so that sums end in ties.
struct hard_floats {
    std::uint32_t state;

    float operator()()
    {
        const std::uint32_t bits = next(), kind = next() >> 29;
        if (kind < 4) return std::bit_cast<float>(bits);
        const std::uint32_t kept = kind == 4 ? 0xffffffff : kind == 5 ? 0xffff0000 : 0xfff00000;
        return std::bit_cast<float>(((bits & 0x81ffffff) | 0x3e000000) & kept);
    }
    std::uint32_t next() { return state = state * 1664525u + 1013904223u; }
};

bool same(float a, float b)
{
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

} // namespace

TEST_CASE("a multiply-add in software rounds once, as std::fma does")
{
    hard_floats next{3};
    std::size_t wrong = 0;
    for (int i = 0; i < 300000; ++i) {
        const float x = next(), y = next(), z = next(), expected = std::fma(x, y, z);
        float lanes[batch::size];
        awq::kernels::multiply_add<accumulation::fused>(batch(x), batch(y), batch(z)).store_unaligned(lanes);
        wrong += !same(awq::kernels::detail::fused_in_software(x, y, z), expected);
        wrong += !same(lanes[batch::size - 1], expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("a multiply-add in software rounds once where the sum is tiny, huge or halfway between floats")
{
    const float tiny = std::numeric_limits<float>::denorm_min(), huge = std::numeric_limits<float>::max();
    const float one_ulp = 1.0f + 0x1p-23f;
    const float hard[][3] = {{tiny, 0.5f, 0.0f},       {tiny, 0.75f, tiny},     {0x1p-75f, 0x1p-75f, tiny},
                             {huge, 1.0f, 0x1p103f},   {huge, 1.0f, 0x1p102f},  {huge, 2.0f, -huge},
                             {one_ulp, one_ulp, 0.0f}, {1.0f, 0x1p-24f, 1.0f},  {one_ulp, 0x1p-24f, 1.0f},
                             {-1.0f, 0.0f, 0.0f},      {1.5f, 0x1p-126f, 0.0f}, {0x1p-24f, -one_ulp, 1.0f}};
    for (const auto& [x, y, z] : hard) {
        INFO(x << " * " << y << " + " << z);
        CHECK(same(awq::kernels::detail::fused_in_software(x, y, z), std::fma(x, y, z)));
    }
}
