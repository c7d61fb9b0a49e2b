// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_TURN_HEADS_HPP
#define AWQ_DEVICE_HOST_TURN_HEADS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/head_turn.hpp>
#include <awq/device/host/norm_forward.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/execution/scratch.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

inline void split_pairs(std::span<float> values)
{
    const std::size_t half = values.size() / 2;
    const scratch memory{half};
    for (std::size_t i = 0; i < half; ++i) {
        memory.data()[i] = values[2 * i + 1];
        values[i] = values[2 * i];
    }
    std::copy_n(memory.data(), half, values.data() + half);
}

} // namespace detail

/// Turns one head's query or key, (head), that stands at `position` < length(). With `pairs`
/// neighbours turn together (2i, 2i + 1), and come out as two halves: queries and keys alike, so
/// that their products are the same.
inline void turn_head(const rope_table& table, std::size_t position, std::span<float> head, bool pairs = false)
{
    const std::size_t count = table.pairs();
    if (pairs) detail::split_pairs(head.first(2 * count));
    kernels::simd::rotate(table.cosines(position), table.sines(position), head.first(count),
                          head.subspan(count, count));
}

namespace detail {

/// The norm of one head; its weight may be another for each head.
inline void norm_head(const norm_view& norm, std::size_t from, std::span<float> values) noexcept
{
    norm_view own = norm;
    if (norm.weight.size() > values.size()) own.weight = norm.weight.subspan(from, values.size());
    norm_row(own, values, values);
}

} // namespace detail

/// Norm, where there is one, and rotation of every head of q or k, (tokens, heads * head).
template <execution E>
void turn_heads(const E& e, const head_turn& turn, std::span<const std::size_t> positions, matrix_view<float> x)
{
    for_each_row(e, x.rows(), [&](std::size_t row) {
        if (turn.has_norm && turn.norm_is_wide) norm_row(turn.norm, x.row(row), x.row(row));
        const bool by_head = turn.has_norm && !turn.norm_is_wide;
        for (std::size_t from = 0; from < x.cols(); from += turn.head) {
            const auto values = x.row(row).subspan(from, turn.head);
            if (by_head && !turn.norm_is_after) detail::norm_head(turn.norm, from, values);
            if (turn.rope) turn_head(*turn.rope, positions[row], values.subspan(turn.plain), turn.pairs);
            if (by_head && turn.norm_is_after) detail::norm_head(turn.norm, from, values);
        }
    });
}

} // namespace awq

#endif
