// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_MIRROR_UPPER_HPP
#define AWQ_EXECUTION_PRODUCTS_MIRROR_UPPER_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// Copies the upper triangle of a square matrix into the lower one, in fixed square tiles.
template <execution E>
void mirror_upper(const E& e, matrix_view<float> g)
{
    constexpr std::size_t tile = 64;
    e.for_each(chunk_count(g.rows(), tile), [=](std::size_t chunk) {
        const std::size_t first = chunk * tile;
        const std::size_t end = std::min(g.rows(), first + tile);
        for (std::size_t block = 0; block < end; block += tile)
            for (std::size_t i = first; i < end; ++i)
                for (std::size_t j = block; j < std::min(i, block + tile); ++j) g(i, j) = g(j, i);
    });
}

} // namespace awq

#endif
