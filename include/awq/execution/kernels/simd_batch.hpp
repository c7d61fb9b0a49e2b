// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP
#define AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP

#include <awq/support/requires_hosted.hpp>

// The one place where xsimd comes in. Third-party, but heap-free: everything here is registers.

#include <xsimd/xsimd.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace awq::kernels {

/// The widest instruction set that the including translation unit is compiled for. Kernels take it
/// as a defaulted template parameter, so that two units built with different flags and linked
/// together keep two instances instead of sharing one that half of the machines cannot run.
using default_arch = xsimd::default_arch;

template <class Arch>
using float_batch = xsimd::batch<float, Arch>;

template <class Arch>
using double_batch = xsimd::batch<double, Arch>;

/// Floats in one register.
template <class Arch>
inline constexpr std::size_t lanes = float_batch<Arch>::size;

/// Vector registers of the instruction set: 32 on AVX-512 and on 64-bit ARM, else 16.
template <class Arch>
inline constexpr std::size_t register_count =
    lanes<Arch> == 16 || std::is_base_of_v<xsimd::neon64, Arch> ? 32 : 16;

/// Calls f(0), f(1) ... f(Count - 1) with compile-time indices, unrolled at any optimisation level.
template <std::size_t Count, class F>
[[gnu::always_inline]] inline void unroll(F&& f)
{
    [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline))
    {
        (f(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<Count>{});
}

/// x * y + z, rounded once where the instruction set has it. xsimd 8 knows no such instruction of
/// AVX-512 and writes a product and a sum, which stay two under -ffp-contract=off.
template <class T, class Arch>
[[gnu::always_inline]] inline xsimd::batch<T, Arch> multiply_add(const xsimd::batch<T, Arch>& x,
                                                                 const xsimd::batch<T, Arch>& y,
                                                                 const xsimd::batch<T, Arch>& z)
{
#if XSIMD_WITH_AVX512F
    if constexpr (std::is_base_of_v<xsimd::avx512f, Arch>) {
        if constexpr (std::is_same_v<T, float>)
            return _mm512_fmadd_ps(x, y, z);
        else
            return _mm512_fmadd_pd(x, y, z);
    } else
#endif
        return xsimd::fma(x, y, z);
}

/// The sum of a register's lanes, in an order that depends on the instruction set.
template <class Batch>
[[gnu::always_inline]] inline auto lane_sum(const Batch& values)
{
    if constexpr (requires { reduce_add(values); })
        return reduce_add(values);
    else
        return hadd(values); // the name before xsimd 9
}

} // namespace awq::kernels

#endif
