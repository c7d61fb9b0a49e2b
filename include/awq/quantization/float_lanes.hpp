// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FLOAT_LANES_HPP
#define AWQ_QUANTIZATION_FLOAT_LANES_HPP

#include <awq/config.hpp>

#include <cstddef>
#include <cstring>
#include <utility>
#if AWQ_GNU && defined(__AVX__)
#include <immintrin.h>
#elif AWQ_GNU && defined(__SSE2__)
#include <xmmintrin.h> // the other takes a third of the time that the core takes to include
#endif

// Everything here is inlined, so no vector is ever passed between functions.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace awq::detail {

// Code of this room is written once over S, which is a float or a vector of floats (the vector
// extension of GCC and Clang, any instruction set). Operators and `a < b ? a : b` work on both, lane
// by lane, so a small device gets plain loops from the same text.

template <std::size_t Lanes>
struct lanes_of;
template <>
struct lanes_of<1> {
    using floats = float;
    using ints = int;
    using bits = unsigned;
    using bytes = signed char;
};
#if AWQ_GNU
template <std::size_t Lanes>
struct lanes_of {
    // Not std::int32_t: what comparing floats gives are vectors of int, also where that is long.
    typedef float floats __attribute__((vector_size(Lanes * sizeof(float))));
    typedef int ints __attribute__((vector_size(Lanes * sizeof(float))));
    typedef unsigned bits __attribute__((vector_size(Lanes * sizeof(float))));
    typedef signed char bytes __attribute__((vector_size(Lanes)));
};
#endif

template <std::size_t Lanes>
using float_lanes = typename lanes_of<Lanes>::floats;

template <class S>
inline constexpr std::size_t lane_count = sizeof(S) / sizeof(float);

template <class S>
using bit_lanes = typename lanes_of<lane_count<S>>::bits;

template <class S>
AWQ_ALWAYS_INLINE S load(const float* from) noexcept
{
    S loaded;
    std::memcpy(&loaded, from, sizeof(S));
    return loaded;
}

template <class S>
AWQ_ALWAYS_INLINE void store(const S& values, float* to) noexcept
{
    std::memcpy(to, &values, sizeof(S));
}

/// The same number in every lane.
template <class S>
AWQ_ALWAYS_INLINE S all_lanes(float value) noexcept
{
    if constexpr (lane_count<S> == 1)
        return value;
    else
        return value - S{}; // exact; 0 - 0 is 0
}

/// The smaller (larger) one; `b` where either is not a number.
template <class S>
AWQ_ALWAYS_INLINE S smaller(const S& a, const S& b) noexcept
{
    return a < b ? a : b;
}
template <class S>
AWQ_ALWAYS_INLINE S larger(const S& a, const S& b) noexcept
{
    return a > b ? a : b;
}
// GCC 12 makes a comparison and a blend of some of these.
#if AWQ_GNU && defined(__SSE2__)
template <>
AWQ_ALWAYS_INLINE float_lanes<4> smaller(const float_lanes<4>& a, const float_lanes<4>& b) noexcept
{
    return _mm_min_ps(a, b);
}
template <>
AWQ_ALWAYS_INLINE float_lanes<4> larger(const float_lanes<4>& a, const float_lanes<4>& b) noexcept
{
    return _mm_max_ps(a, b);
}
#endif
#if AWQ_GNU && defined(__AVX__)
template <>
AWQ_ALWAYS_INLINE float_lanes<8> smaller(const float_lanes<8>& a, const float_lanes<8>& b) noexcept
{
    return _mm256_min_ps(a, b);
}
template <>
AWQ_ALWAYS_INLINE float_lanes<8> larger(const float_lanes<8>& a, const float_lanes<8>& b) noexcept
{
    return _mm256_max_ps(a, b);
}
#endif
#if AWQ_GNU && defined(__AVX512F__)
template <>
AWQ_ALWAYS_INLINE float_lanes<16> smaller(const float_lanes<16>& a, const float_lanes<16>& b) noexcept
{
    return _mm512_maskz_min_ps(0xFFFF, a, b); // the plain one warns in GCC 12
}
template <>
AWQ_ALWAYS_INLINE float_lanes<16> larger(const float_lanes<16>& a, const float_lanes<16>& b) noexcept
{
    return _mm512_maskz_max_ps(0xFFFF, a, b); // the plain one warns in GCC 12
}
#endif

/// The whole numbers of lanes, as bytes; 0 where a lane is not a number.
template <class S>
AWQ_ALWAYS_INLINE void store_bytes(const S& values, signed char* to) noexcept
{
    const S numbers = values == values ? values : S{};
    if constexpr (lane_count<S> == 1) {
        *to = static_cast<signed char>(numbers);
    } else {
#if AWQ_GNU
        using shape = lanes_of<lane_count<S>>;
        const auto whole = __builtin_convertvector(numbers, typename shape::ints);
        const auto bytes = __builtin_convertvector(whole, typename shape::bytes);
        std::memcpy(to, &bytes, sizeof bytes);
#endif
    }
}

// ---- one number of each of several vectors ------------------------------------------------------

struct take_smaller {
    template <class S>
    AWQ_ALWAYS_INLINE static S of(const S& a, const S& b) noexcept
    {
        return smaller(a, b);
    }
};
struct take_larger {
    template <class S>
    AWQ_ALWAYS_INLINE static S of(const S& a, const S& b) noexcept
    {
        return larger(a, b);
    }
};

/// Blocks of `Block` lanes within runs of `Run` lanes: of a's run the even (`Odd` = 0) or odd ones,
/// then those of b's run, and so for each run.
template <std::size_t Block, std::size_t Run, std::size_t Odd, class S, std::size_t... I>
AWQ_ALWAYS_INLINE S every_second(const S& a, const S& b, std::index_sequence<I...>) noexcept
#if AWQ_GNU
{
    constexpr auto index = [](std::size_t i) {
        const std::size_t run = i / Run * Run, at = i % Run, half = Run / 2;
        const std::size_t within = at % half, block = within / Block;
        return static_cast<int>((at < half ? 0 : lane_count<S>)+run + (2 * block + Odd) * Block + within % Block);
    };
    return __builtin_shufflevector(a, b, index(I)...);
}
#else
    ; // nor are there vectors
#endif

/// Makes one vector of two neighbouring ones, `Count` / 2 times.
template <class Take, std::size_t Block, std::size_t Run, std::size_t Count, class S>
AWQ_ALWAYS_INLINE void halve(S* vectors) noexcept
{
    constexpr auto all = std::make_index_sequence<lane_count<S>>{};
    for (std::size_t i = 0; i < Count / 2; ++i) {
        const S even = every_second<Block, Run, 0>(vectors[2 * i], vectors[2 * i + 1], all);
        const S odd = every_second<Block, Run, 1>(vectors[2 * i], vectors[2 * i + 1], all);
        vectors[i] = Take::of(even, odd);
    }
}

/// Of as many vectors as a vector has lanes: lane i holds what `Take` makes of all lanes of vector i.
template <class Take, class S>
AWQ_ALWAYS_INLINE S across(S* vectors) noexcept
{
    constexpr std::size_t lanes = lane_count<S>;
    if constexpr (lanes >= 4) {
        // Neighbours within quarters of 16 bytes first, which is cheap, then whole quarters.
        halve<Take, 1, 4, lanes>(vectors);
        halve<Take, 1, 4, lanes / 2>(vectors);
    }
    if constexpr (lanes >= 8) halve<Take, 4, lanes, lanes / 4>(vectors);
    if constexpr (lanes == 16) halve<Take, 4, lanes, lanes / 8>(vectors);
    return vectors[0];
}

} // namespace awq::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
