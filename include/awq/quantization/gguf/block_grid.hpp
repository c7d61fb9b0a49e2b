// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_GRID_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_GRID_HPP

#include <awq/quantization/gguf/lanes.hpp>
#include <awq/quantization/gguf/type.hpp>
#include <awq/support/float16.hpp>

#include <cstddef>
#include <cstdint>

namespace awq::gguf {

/// The largest number of elements, and of groups with an own scale, in one block.
inline constexpr std::size_t max_block_columns = 256;
inline constexpr std::size_t max_block_groups = 16;

/// The levels of IQ4_NL.
inline constexpr std::int8_t iq4_nl_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                  1,    13,   25,  38,  53,  69,  89,  113};

/// The representable numbers of one block once its scales are chosen: element i with the code c is
/// scale[g] * level(c) + offset[g], where g is its group. Whoever feeds the rounding error of one
/// column into the next ones asks `gguf::fit_block` for the grid of a block, rounds column by
/// column with `nearest` and `value`, and hands grid and codes to `gguf::pack_block`.
struct block_grid {
    gguf::type type = gguf::type::f32;
    std::size_t group_columns = 0; ///< neighbouring elements that share an effective scale
    int zero_code = 0;             ///< the code of level 0
    int max_code = 0;
    f16 d;    ///< the block's scale, as stored
    f16 dmin; ///< the scale of its minimums, or the offset itself, as stored
    /// The integers that d and dmin are multiplied with, as stored (Q6_K: two's complement).
    std::uint8_t packed_scale[max_block_groups] = {};
    std::uint8_t packed_minimum[max_block_groups] = {};
    float scale[max_block_groups] = {};
    float offset[max_block_groups] = {}; ///< -0.0f where the format has none

    bool has_level_table() const noexcept { return type == gguf::type::iq4_nl; }
    float level(int code) const noexcept
    {
        return static_cast<float>(has_level_table() ? iq4_nl_levels[code] : code - zero_code);
    }
    /// What element `i` with this code reads as, bit for bit as ggml dequantizes it.
    float value(std::size_t i, int code) const noexcept
    {
        const std::size_t group = i / group_columns;
        return strict_product(scale[group], level(code)) + offset[group];
    }
    /// The code whose value is nearest to x at element `i`; in a group without a scale, where every
    /// code means the same, that of level 0.
    int nearest(std::size_t i, float x) const noexcept
    {
        const std::size_t group = i / group_columns;
        if (scale[group] == 0.0f) return has_level_table() ? 8 : zero_code;
        const float position = (x - offset[group]) / scale[group];
        return has_level_table() ? nearest_in_table(position) : nearest_integer(position);
    }

private:
    int nearest_integer(float position) const noexcept
    {
        const auto lowest = static_cast<float>(-zero_code);
        const auto highest = static_cast<float>(max_code - zero_code);
        return static_cast<int>(nearest_level(one_lane(position), lowest, highest).value) + zero_code;
    }
    static int nearest_in_table(float position) noexcept
    {
        int code = 0;
        while (code < 15 && position >= midpoint_above(code)) ++code;
        return code;
    }
    static float midpoint_above(int code) noexcept
    {
        return 0.5f * static_cast<float>(iq4_nl_levels[code] + iq4_nl_levels[code + 1]);
    }
};

/// One block that is to be quantized.
struct block_source {
    const float* values = nullptr;
    /// Mean x^2 of the input columns, or null.
    const float* importance = nullptr;
    /// Mean square of the whole row of weights; only 32-element types with importance look at it.
    float row_mean_square = 0.0f;
};

} // namespace awq::gguf

#endif
