// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_QPARAMS_HPP
#define AWQ_QUANTIZATION_QPARAMS_HPP

#include <awq/quantization/float_lanes.hpp>
#include <awq/quantization/scheme.hpp>
#include <awq/quantization/storage_rounding.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

// S is a float, or a vector of floats: a lane for each of several groups (see float_lanes.hpp).

/// What a group of weights shares: value = (code - zero_point) * scale. The zero point is a whole
/// number in the range of the codes, 0 in symmetric schemes.
template <class S>
struct basic_qparams {
    S scale = detail::all_lanes<S>(1.0f);
    S zero_point{};
};
using qparams = basic_qparams<float>;

/// The smallest and the largest weight of a group.
template <class S>
struct basic_value_range {
    S smallest{};
    S largest{};
};
using value_range = basic_value_range<float>;

/// To the nearest whole number, ties to even; for |value| < 2^22. Vectorises on every target.
template <class S>
AWQ_ALWAYS_INLINE S round_half_even(const S& value) noexcept
{
    const S shift = detail::all_lanes<S>(0x1.8p23f);
    return (value + shift) - shift;
}

/// The smallest and the largest of `count` values, 0 included (zero must have a code).
/// A NaN is passed over here; it stays a NaN when it is quantized.
AWQ_ALWAYS_INLINE value_range range_of(const float* values, std::size_t count) noexcept
{
    constexpr std::size_t lanes = 32; // independent chains, so that plain loops become vectors
    float low[lanes] = {}, high[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const float value = values[i + lane];
            low[lane] = value < low[lane] ? value : low[lane];
            high[lane] = value > high[lane] ? value : high[lane];
        }
    for (; i < count; ++i) {
        low[0] = values[i] < low[0] ? values[i] : low[0];
        high[0] = values[i] > high[0] ? values[i] : high[0];
    }
    for (std::size_t half = lanes / 2; half > 0; half /= 2)
        for (std::size_t lane = 0; lane < half; ++lane) {
            low[lane] = low[lane + half] < low[lane] ? low[lane + half] : low[lane];
            high[lane] = high[lane + half] > high[lane] ? high[lane + half] : high[lane];
        }
    return {low[0], high[0]};
}

/// Scale and zero point for a range, as compressed-tensors computes them (its `calculate_qparams`,
/// 0.13 and later): every intermediate is rounded to the storage type, a scale of zero becomes
/// the storage type's epsilon, and the division is by width/2 (7.5 for 4 bits) in symmetric
/// schemes.
template <class S, class Format, class Rounding>
AWQ_ALWAYS_INLINE basic_qparams<S> make_qparams(const basic_value_range<S>& range, const Format& format,
                                                Rounding) noexcept
{
    const auto all = [](float value) AWQ_INLINED { return detail::all_lanes<S>(value); };
    basic_qparams<S> made;
    if (format.is_symmetric()) {
        const S magnitude = detail::larger<S>(-range.smallest, range.largest);
        made.scale = Rounding::round(S(magnitude / all(format.width() / 2.0f)));
    } else {
        const S distance = Rounding::round(S(range.largest - range.smallest));
        made.scale = Rounding::round(S(distance / all(format.width())));
        const S steps = Rounding::round(S(range.smallest / made.scale));
        const S zero = Rounding::round(S(all(format.smallest()) - steps));
        // An all-zero group gives 0/0; compressed-tensors turns that NaN into zero point 0.
        const S within = detail::smaller(all(format.largest()), detail::larger(all(format.smallest()), zero));
        made.zero_point = zero == zero ? round_half_even(within) : S{};
    }
    made.scale = made.scale == S{} ? all(Rounding::epsilon) : made.scale;
    return made;
}

/// The codes of up to `code_tile` weights, as floats: weight / scale + zero point, clamped, and
/// then rounded to a whole number. `codes` does not overlap `weights`.
template <class Rounding>
AWQ_ALWAYS_INLINE void fill_codes(const float* weights, std::size_t count, const qparams& shared, float smallest,
                                  float largest, float* codes, Rounding) noexcept
{
    const float scale = shared.scale, zero_point = shared.zero_point;
    for (std::size_t i = 0; i < count; ++i) codes[i] = Rounding::round(Rounding::round(weights[i]) / scale);
    for (std::size_t i = 0; i < count; ++i) codes[i] = Rounding::round(codes[i] + zero_point);
    // A loop for each bound: with both in one, compilers make branches of them.
    for (std::size_t i = 0; i < count; ++i) codes[i] = codes[i] < smallest ? smallest : codes[i];
    for (std::size_t i = 0; i < count; ++i) codes[i] = codes[i] > largest ? largest : codes[i];
    for (std::size_t i = 0; i < count; ++i) codes[i] = round_half_even(codes[i]);
}

/// How many codes are made at a time; a local array of so many stays in registers or the first
/// cache.
inline constexpr std::size_t code_tile = 64;

/// The weight that a code stands for.
template <class Rounding>
AWQ_ALWAYS_INLINE float value_of(float code, const qparams& shared, Rounding) noexcept
{
    return Rounding::round((code - shared.zero_point) * shared.scale);
}

} // namespace awq

#endif
