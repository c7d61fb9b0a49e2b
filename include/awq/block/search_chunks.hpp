// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_SEARCH_CHUNKS_HPP
#define AWQ_BLOCK_SEARCH_CHUNKS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/model/block/block_layout.hpp>
#include <awq/recipe/block_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace awq {

inline std::size_t tokens_of(std::span<const sequence_chunk> chunks)
{
    std::size_t sum = 0;
    for (const sequence_chunk& each : chunks) sum += each.batch.tokens();
    return sum;
}

/// Every how many sequences of the chunks the parents' inputs are kept.
inline std::size_t recorder_stride(const block_settings& options, std::span<const sequence_chunk> chunks)
{
    if (options.loss == loss_kind::parent_output) return 1;
    std::size_t sequences = 1, tokens = 0;
    for (const sequence_chunk& chunk : chunks) {
        sequences += chunk.batch.count();
        tokens += chunk.batch.tokens();
    }
    if (options.loss == loss_kind::gram) return sequences;
    return std::max<std::size_t>(1, tokens / options.exact_loss_tokens);
}

/// Whether layers are rounded by the Gram matrices that the search looked at.
inline bool rounds_by_grams(const block_settings& options, bool is_sequential) noexcept
{
    return !options.smoothing_only && !is_sequential;
}

/// The chunks of the Gram matrices: all, where more than the search looks at them, or an expert would see few.
inline std::vector<sequence_chunk> gram_chunks(const block_settings& options, bool is_sequential,
                                               const std::vector<sequence_chunk>& all, const block_layout& layout)
{
    const bool has_experts = std::ranges::any_of(layout.inputs, &block_input::is_routed);
    if (rounds_by_grams(options, is_sequential) || has_experts || options.loss == loss_kind::parent_output) return all;
    return sample_of(all, options.search_tokens);
}

} // namespace awq

#endif
