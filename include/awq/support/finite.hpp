// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_FINITE_HPP
#define AWQ_SUPPORT_FINITE_HPP

#include <bit>
#include <cstdint>
#include <span>

namespace awq {

/// Whether no value is a NaN or an infinity. Vectorises.
inline bool all_finite(std::span<const float> values) noexcept
{
    std::uint32_t bad = 0;
    for (const float value : values)
        bad |= (std::bit_cast<std::uint32_t>(value) & 0x7F800000u) == 0x7F800000u ? 1u : 0u;
    return bad == 0;
}

} // namespace awq

#endif
