// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_ALIBI_HPP
#define AWQ_MODEL_PARTS_ALIBI_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <vector>

namespace awq {

/// The slope of each head (Press et al. 2022), empty where scores do not fall with the distance:
/// powers of 2^(-most / heads). Where heads are no power of two, the first ones are those of the next
/// lower power, and the others every second one of the next higher power.
inline std::vector<float> alibi_slopes(const alibi_config& alibi, std::size_t heads)
{
    std::vector<float> slopes;
    if (alibi.most == 0.0) return slopes;
    const auto add = [&](std::size_t power, std::size_t first, std::size_t step) {
        for (std::size_t i = first; i <= power && slopes.size() < heads; i += step)
            slopes.push_back(
                static_cast<float>(std::exp2(-alibi.most * static_cast<double>(i) / static_cast<double>(power))));
    };
    const std::size_t lower = std::bit_floor(heads);
    add(lower, 1, 1);
    add(2 * lower, 1, 2);
    return slopes;
}

} // namespace awq

#endif
