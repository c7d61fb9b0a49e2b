// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_ONE_LANE_HPP
#define AWQ_EXECUTION_KERNELS_ONE_LANE_HPP

#include <awq/support/requires_hosted.hpp>

#include <cmath>
#include <cstddef>

/// What the kernels use of xsimd, for processors that it does not know, such as RISC-V: a register holds
/// one number, and the same kernels become scalar code with the same bits.
namespace awq::kernels::one_lane {

struct default_arch {
    static constexpr const char* name() noexcept { return "scalar"; }
};

// The instruction sets that kernels ask for; none is there.
struct sse2;
struct sse4_2;
struct avx2;
struct avx512f;
struct neon64;
template <class Base>
struct fma3;

template <class T, class Arch = default_arch>
struct batch {
    static constexpr std::size_t size = 1;

    T value;

    batch() = default;
    explicit batch(T all) noexcept : value(all) {}
    template <class From>
    static batch load_unaligned(const From* from) noexcept
    {
        return batch(static_cast<T>(*from));
    }
    void store_unaligned(T* to) const noexcept { *to = value; }

    batch operator-() const noexcept { return batch(-value); }
    batch operator<<(int count) const noexcept { return batch(value << count); }
    friend batch operator+(batch a, batch b) noexcept { return batch(a.value + b.value); }
    friend batch operator-(batch a, batch b) noexcept { return batch(a.value - b.value); }
    friend batch operator*(batch a, batch b) noexcept { return batch(a.value * b.value); }
    friend batch operator/(batch a, batch b) noexcept { return batch(a.value / b.value); }
    friend bool operator<(batch a, batch b) noexcept { return a.value < b.value; }
};

template <class T, class Arch>
batch<T, Arch> fabs(batch<T, Arch> a) noexcept
{
    return batch<T, Arch>(std::fabs(a.value));
}

template <class T, class Arch>
batch<T, Arch> fma(batch<T, Arch> a, batch<T, Arch> b, batch<T, Arch> c) noexcept
{
    return batch<T, Arch>(std::fma(a.value, b.value, c.value));
}

/// The second where one is a NaN, as SSE's instruction.
template <class T, class Arch>
batch<T, Arch> min(batch<T, Arch> a, batch<T, Arch> b) noexcept
{
    return a < b ? a : b;
}

template <class T, class Arch>
batch<T, Arch> max(batch<T, Arch> a, batch<T, Arch> b) noexcept
{
    return b < a ? a : b;
}

template <class T, class Arch>
batch<T, Arch> select(bool chosen, batch<T, Arch> a, batch<T, Arch> b) noexcept
{
    return chosen ? a : b;
}

} // namespace awq::kernels::one_lane

#endif
