// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_CODEC_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_CODEC_HPP

#include <awq/quantization/gguf/formats.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

/// Chooses the scales of one block by the search of its format, so that its grid of representable
/// numbers is known. `importance`: mean x^2 of the block's input columns, or empty.
/// `row_mean_square` is that of the whole row of weights (`mean_square`); Q4_0, Q4_1, Q5_0 and Q5_1
/// with importance need it. The type must be one that `has_grid` admits.
inline block_grid fit_block(type format, std::span<const float> block, std::span<const float> importance,
                            float row_mean_square) noexcept
{
    const block_source source{block.data(), importance.empty() ? nullptr : importance.data(), row_mean_square};
    block_grid grid;
    std::uint8_t codes[max_block_columns];
    with_format(format, [&](auto chosen) { decltype(chosen)::template fit<one_lane>(&source, 1, &grid, codes); });
    return grid;
}

/// Whether blocks of the type have scales and codes that can be chosen.
constexpr bool has_grid(type format) noexcept
{
    return with_format(format, [](auto) {});
}

/// Writes one block: `codes` one for each element, as `block_grid::nearest` gives them.
inline void pack_block(const block_grid& grid, std::span<const std::uint8_t> codes, std::span<std::byte> out) noexcept
{
    with_format(grid.type, [&](auto chosen) { decltype(chosen)::pack(grid, codes.data(), out.data()); });
}

/// Reads one block of a type that `has_grid` admits: its grid, and a code for each element.
inline block_grid unpack_block(type format, std::span<const std::byte> in, std::span<std::uint8_t> codes) noexcept
{
    block_grid grid;
    with_format(format, [&](auto chosen) { grid = decltype(chosen)::unpack(in.data(), codes.data()); });
    return grid;
}

/// The mean square of a row in ggml's summation order, for `fit_block`.
inline float mean_square(std::span<const float> row) noexcept
{
    float sum = 0.0f;
    for (const float x : row) sum += strict_product(x, x);
    return sum / static_cast<float>(row.size());
}

namespace detail {
/// Keeps the compiler from fusing the products before it with the sums after it.
inline void products_are_stored(float* products) noexcept
{
#if AWQ_GNU
    asm("" : : "r"(products) : "memory");
#else
    (void)products;
#endif
}
} // namespace detail

/// What all codes of a block read as; bit for bit the same as `block_grid::value`.
inline void values_of(const block_grid& grid, const std::uint8_t* codes, std::size_t size, float* out) noexcept
{
    const std::size_t columns = grid.group_columns;
    for (std::size_t first = 0; first < size; first += columns) {
        const float scale = grid.scale[first / columns];
        if (grid.has_level_table())
            for (std::size_t i = first; i < first + columns; ++i)
                out[i] = scale * static_cast<float>(iq4_nl_levels[codes[i] & 15]);
        else
            for (std::size_t i = first; i < first + columns; ++i)
                out[i] = scale * static_cast<float>(codes[i] - grid.zero_code);
    }
    if (grid.zero_code != 0) return; // these formats have no offset
    detail::products_are_stored(out);
    for (std::size_t first = 0; first < size; first += columns)
        for (std::size_t i = first; i < first + columns; ++i) out[i] += grid.offset[first / columns];
}

} // namespace awq::gguf

#endif
