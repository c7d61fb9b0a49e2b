// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP
#define AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/execution/kernels/one_lane.hpp>

// The one place where xsimd comes in. Third-party, but heap-free: everything here is registers.
#if AWQ_VECTOR_FLOATS > 1
#include <xsimd/xsimd.hpp>
#endif

#include <bit>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace awq::kernels {

#if AWQ_VECTOR_FLOATS > 1
namespace vectors = ::xsimd;
#else
namespace vectors = one_lane;
#endif

/// The widest instruction set that the including translation unit is compiled for. Kernels take it
/// as a defaulted template parameter, so that two units built with different flags and linked
/// together keep two instances instead of sharing one that half of the machines cannot run.
using default_arch = vectors::default_arch;

template <class Arch>
using float_batch = vectors::batch<float, Arch>;

template <class Arch>
using double_batch = vectors::batch<double, Arch>;

/// Floats in one register.
template <class Arch>
inline constexpr std::size_t lanes = float_batch<Arch>::size;

/// Vector registers of the instruction set: 32 on AVX-512 and on 64-bit ARM, else 16.
template <class Arch>
inline constexpr std::size_t register_count = lanes<Arch> == 16 || std::is_base_of_v<vectors::neon64, Arch> ? 32 : 16;

/// Calls f(0), f(1) ... f(Count - 1) with compile-time indices, unrolled at any optimisation level.
template <std::size_t Count, class F>
[[gnu::always_inline]] inline void unroll(F&& f)
{
    [&]<std::size_t... I>(std::index_sequence<I...>) AWQ_INLINED { (f(std::integral_constant<std::size_t, I>{}), ...); }
    (std::make_index_sequence<Count>{});
}

namespace detail {

/// part[i] + part[i + Count / 2] for all i, and so on until one is left.
template <std::size_t Count, class Batch>
[[gnu::always_inline]] inline Batch parts_sum(const Batch* part, std::size_t stride = 1)
{
    if constexpr (Count == 1)
        return part[0];
    else
        return parts_sum<Count / 2>(part, 2 * stride) + parts_sum<Count / 2>(part + stride, 2 * stride);
}

#if AWQ_VECTOR_FLOATS > 1
/// The same for the lanes of one register, as a vector of the compiler's own.
template <class Vector, std::size_t... I>
[[gnu::always_inline]] inline auto lanes_sum(const Vector& values, std::index_sequence<I...>)
{
    constexpr std::size_t half = sizeof...(I);
    const auto sum =
        __builtin_shufflevector(values, values, I...) + __builtin_shufflevector(values, values, (I + half)...);
    if constexpr (half == 2)
        return sum[0] + sum[1];
    else
        return lanes_sum(sum, std::make_index_sequence<half / 2>{});
}
#endif

} // namespace detail

/// Bytes of sums that run side by side, whatever the register holds: one register of AVX-512, two of
/// AVX2, four of SSE. So a sum along a row has the same bits on every instruction set.
inline constexpr std::size_t bytes_side_by_side = 64;

/// Sums of every 16th float, or of every 8th double.
template <class T, class Arch>
struct side_by_side {
    using batch = vectors::batch<T, Arch>;
    static constexpr std::size_t size = bytes_side_by_side / sizeof(T);
    static constexpr std::size_t parts = size / batch::size;
    static_assert(parts * batch::size == size);

    batch part[parts];

    [[gnu::always_inline]] explicit side_by_side(T start = T(0))
    {
        unroll<parts>([&](auto p) AWQ_INLINED { part[p] = batch(start); });
    }
    /// The sum of all, by halves: each and the one half of the way behind it.
    [[gnu::always_inline]] T total() const
    {
#if AWQ_VECTOR_FLOATS > 1
        using vector [[gnu::vector_size(sizeof(batch))]] = T;
        const vector sum = std::bit_cast<vector>(detail::parts_sum<parts>(part));
        if constexpr (batch::size == 2)
            return sum[0] + sum[1];
        else
            return detail::lanes_sum(sum, std::make_index_sequence<batch::size / 2>{});
#else
        return detail::parts_sum<parts>(part).value;
#endif
    }
};

/// Calls body(p, i) for every whole register from element i on that belongs to part p of
/// `side_by_side`, as long as all its parts are there; where the rest begins.
template <class T, class Arch, class Body>
[[gnu::always_inline]] inline std::size_t for_parts(std::size_t size, Body&& body)
{
    using sums = side_by_side<T, Arch>;
    std::size_t i = 0;
    for (; i + sums::size <= size; i += sums::size)
        unroll<sums::parts>([&](auto p) AWQ_INLINED { body(p, i + p * sums::batch::size); });
    return i;
}

} // namespace awq::kernels

#endif
