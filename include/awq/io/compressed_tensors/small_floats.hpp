// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_SMALL_FLOATS_HPP
#define AWQ_IO_COMPRESSED_TENSORS_SMALL_FLOATS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/float8.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace awq::compressed_tensors {

/// Every E4M3 pattern's value.
inline constexpr std::array<float, 256> e4m3_values = [] {
    std::array<float, 256> values{};
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(f8_e4m3::from_bits(static_cast<std::uint8_t>(i)));
    return values;
}();

/// Every FP4 E2M1 pattern's value (OCP microscaling formats specification).
inline constexpr std::array<float, 16> e2m1_values{0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                                                   4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                                                   -2.0f, -3.0f, -4.0f, -6.0f};

/// The value of an E8M0 exponent: a power of two with bias 127; 0xFF is NaN.
inline float from_e8m0(std::uint8_t bits) noexcept
{
    return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, bits - 127);
}

} // namespace awq::compressed_tensors

#endif
