// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_EXPONENTIAL_HPP
#define AWQ_EXECUTION_KERNELS_EXPONENTIAL_HPP

#include <bit>
#include <cstdint>

namespace awq::kernels {

/// Below, e^x is not a normal float and counts as zero; above, it is as at the ceiling, which is next
/// to the largest float.
inline constexpr float exponential_floor = -87.33f, exponential_ceiling = 88.72f;

namespace detail {

/// e^x between the floor and the ceiling; a NaN stays one.
///
/// `Float` is float or a register of floats, `Integer` the 32-bit integers beside it. Products and
/// sums are rounded one by one, so the bits are the same in every register and on every machine, which
/// those of std::exp and xsimd::exp are not.
template <class Float, class Integer>
inline Float exponential_within(const Float& x) noexcept
{
    // x = n ln 2 + r. Adding the anchor rounds to a whole number, which is then in the lowest bits.
    const Float anchor(12582912.0f);
    const Float anchored = x * Float(1.44269504f) + anchor;
    const Float n = anchored - anchor;
    const Float r = (x - n * Float(0.693359375f)) - n * Float(-2.12194440e-4f);
    // e^r = 1 + r + r^2 q(r), q the polynomial with the least largest error for |r| < ln(2) / 2.
    Float q = Float(1.38145394e-3f) * r + Float(8.36874545e-3f);
    q = q * r + Float(4.16683890e-2f);
    q = q * r + Float(1.66665211e-1f);
    q = q * r + Float(4.99999940e-1f);
    const Float power = q * (r * r) + r + Float(1.0f);
    // Times 2^n: n is added to the exponent.
    return std::bit_cast<Float>(std::bit_cast<Integer>(power) + (std::bit_cast<Integer>(anchored) << 23));
}

} // namespace detail

/// e^x within one unit in the last place, from zero to the largest float; a NaN stays one.
inline float exponential(float x) noexcept
{
    const float within = x > exponential_ceiling ? exponential_ceiling : x;
    if (x < exponential_floor) return 0.0f;
    return detail::exponential_within<float, std::int32_t>(within);
}

} // namespace awq::kernels

#endif
