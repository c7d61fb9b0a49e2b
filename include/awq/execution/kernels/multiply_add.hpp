// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_MULTIPLY_ADD_HPP
#define AWQ_EXECUTION_KERNELS_MULTIPLY_ADD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/kernels/simd_batch.hpp>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#if AWQ_GNU && defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace awq::kernels {

/// Whether the instruction set computes x * y + z with one rounding.
template <class Arch>
inline constexpr bool fuses = std::is_base_of_v<vectors::avx512f, Arch> || std::is_base_of_v<vectors::neon64, Arch>;
template <class Base>
inline constexpr bool fuses<vectors::fma3<Base>> = true;

/// How x * y + z is rounded.
enum class accumulation : unsigned char {
    native, ///< as is fastest: once where there is an instruction for it, else twice
    fused,  ///< once, in software where there is none
};

namespace detail {

/// x * y + z rounded once. The product is exact in double; the sum is rounded to odd there, so that
/// the second rounding, to float, still sees on which side of it the exact sum lies (Boldo and
/// Melquiond 2008, "Emulation of a FMA and correctly rounded sums").
inline float fused_in_software(float x, float y, float z) noexcept
{
    const double product = static_cast<double>(x) * y;
    const double sum = product + z;
    const double added = sum - product;
    const double lost = (product - (sum - added)) + (z - added);
    auto bits = std::bit_cast<std::int64_t>(sum);
    const bool inexact = lost < 0.0 || lost > 0.0; // neither where the sum is infinite
    if (inexact && (bits & 1) == 0) bits += (lost > 0.0) == (sum > 0.0) ? 1 : -1;
    return static_cast<float>(std::bit_cast<double>(bits));
}

/// The same lane by lane.
template <class Batch>
[[gnu::noinline]] Batch fused_lanes(const Batch& x, const Batch& y, const Batch& z) noexcept
{
    constexpr std::size_t size = Batch::size;
    float from[3][size];
    x.store_unaligned(from[0]);
    y.store_unaligned(from[1]);
    z.store_unaligned(from[2]);
    for (std::size_t i = 0; i < size; ++i) from[2][i] = fused_in_software(from[0][i], from[1][i], from[2][i]);
    return Batch::load_unaligned(from[2]);
}

#if AWQ_GNU && defined(__SSE2__)
/// The same for four floats. Without care for the first rounding the second does harm only where it
/// stands halfway between two floats, or among the subnormal ones: there the lanes go one by one.
template <class Batch>
[[gnu::always_inline]] inline Batch fused_by_doubles(const Batch& x, const Batch& y, const Batch& z)
{
    const auto upper = [](__m128 values) AWQ_INLINED { return _mm_cvtps_pd(_mm_movehl_ps(values, values)); };
    const __m128d low = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(x), _mm_cvtps_pd(y)), _mm_cvtps_pd(z));
    const __m128d high = _mm_add_pd(_mm_mul_pd(upper(x), upper(y)), upper(z));
    const __m128 sum = _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
    const __m128i tails =
        _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(low), _mm_castpd_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));
    const __m128i halfway =
        _mm_cmpeq_epi32(_mm_and_si128(tails, _mm_set1_epi32(0x1FFFFFFF)), _mm_set1_epi32(0x10000000));
    const __m128 magnitude = _mm_andnot_ps(_mm_set1_ps(-0.0f), sum);
    const __m128 small = _mm_cmple_ps(magnitude, _mm_set1_ps(FLT_MIN));
    if (_mm_movemask_ps(_mm_or_ps(small, _mm_castsi128_ps(halfway))) == 0) [[likely]]
        return sum;
    return fused_lanes(x, y, z);
}
#endif

} // namespace detail

/// x * y + z. xsimd 8 knows no fused instruction of AVX-512 and writes a product and a sum, which stay
/// two under -ffp-contract=off.
template <accumulation Kind = accumulation::native, class Arch>
[[gnu::always_inline]] inline float_batch<Arch> multiply_add(const float_batch<Arch>& x, const float_batch<Arch>& y,
                                                             const float_batch<Arch>& z)
{
#if AWQ_GNU && defined(__AVX512F__)
    if constexpr (std::is_base_of_v<vectors::avx512f, Arch>) return _mm512_fmadd_ps(x, y, z);
#endif
    if constexpr (fuses<Arch>)
        return vectors::fma(x, y, z);
    else if constexpr (Kind == accumulation::native)
        return x * y + z;
#if AWQ_GNU && defined(__SSE2__)
    else if constexpr (std::is_base_of_v<vectors::sse2, Arch>)
        return detail::fused_by_doubles(x, y, z);
#endif
    else
        return detail::fused_lanes(x, y, z);
}

/// The same for what is left beside whole registers, with the same bits.
template <accumulation Kind, class Arch>
[[gnu::always_inline]] inline float multiply_add(float x, float y, float z)
{
    if constexpr (fuses<Arch>)
        return std::fma(x, y, z);
    else if constexpr (Kind == accumulation::native)
        return x * y + z;
    else
        return detail::fused_in_software(x, y, z);
}

} // namespace awq::kernels

#endif
