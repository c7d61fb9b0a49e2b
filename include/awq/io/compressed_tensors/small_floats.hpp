// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_SMALL_FLOATS_HPP
#define AWQ_IO_COMPRESSED_TENSORS_SMALL_FLOATS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/small_float.hpp>

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
        values[i] = (i & 0x7F) == 0x7F ? std::numeric_limits<float>::quiet_NaN()
                                       : number_of<e4m3>(static_cast<std::uint8_t>(i));
    return values;
}();

/// Every E2M1 pattern's value.
inline constexpr std::array<float, 16> e2m1_values = [] {
    std::array<float, 16> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = number_of<e2m1>(static_cast<std::uint8_t>(i));
    return values;
}();

/// The value of an E8M0 exponent: a power of two with bias 127; 0xFF is NaN.
inline float from_e8m0(std::uint8_t bits) noexcept
{
    return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, bits - 127);
}

} // namespace awq::compressed_tensors

#endif
