// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_SYMMETRIC_K_HPP
#define AWQ_QUANTIZATION_GGUF_SYMMETRIC_K_HPP

#include <awq/quantization/gguf/block_support.hpp>
#include <awq/quantization/gguf/search.hpp>

// The super-blocks whose 16 groups have a scale only: Q3_K and Q6_K.

namespace awq::gguf::detail {

/// What the first level of the search found, [group * C + block], and the levels of all chunks.
template <class L>
struct symmetric_groups {
    alignas(sizeof(L)) float scale[16 * L::count];
    alignas(sizeof(L)) float weight[16 * L::count];
    alignas(sizeof(L)) float levels[256 * L::count];
};

template <class Format, class L>
[[gnu::always_inline]] inline void search_symmetric_groups(const block_source* blocks, std::size_t count,
                                                           symmetric_groups<L>& found) noexcept
{
    const bool weighted = blocks[0].importance != nullptr;
    alignas(sizeof(L)) float x[16 * L::count];
    alignas(sizeof(L)) float w[16 * L::count];
    alignas(sizeof(L)) float base[L::count] = {};
    if (weighted && Format::values_in_weights)
        (L(2.0f) * sum_of_block_squares<L>(blocks, count) / L(256.0f)).store(base);
    for (std::size_t first = 0; first < count * 16; first += L::count) {
        const chunk_of_groups<16, L> chunk{blocks, count, first};
        float* levels = found.levels + first * 16;
        chunk.values(x);
        if (weighted)
            chunk.importance(w);
        else
            square_all<16, L>(x, w);
        if (weighted && Format::values_in_weights) weights_from_importance<16>(x, w, chunk.of_blocks(base), w);
        L scale;
        if (!weighted && Format::refined_without_importance)
            scale = search_refined<16, L>(x, w, -Format::lowest_level, levels);
        else
            scale = search_symmetric<16, L>(x, w, -Format::lowest_level, levels);
        chunk.scatter(scale, found.scale);
        chunk.scatter(sum_interleaved<16, L>(w), found.weight);
    }
}

} // namespace awq::gguf::detail

#endif
