// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_SUPPORT_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_SUPPORT_HPP

#include <awq/quantization/gguf/block_grid.hpp>
#include <awq/quantization/gguf/lanes.hpp>
#include <awq/support/float16.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

// What the block formats of this folder share: little-endian halves, interleaving groups into
// lanes, weights from the importance, and the last rounding onto the stored scales.

namespace awq::gguf::detail {

inline void put_half(f16 value, std::byte* out) noexcept
{
    out[0] = static_cast<std::byte>(value.bits & 0xFF);
    out[1] = static_cast<std::byte>(value.bits >> 8);
}

inline f16 get_half(const std::byte* in) noexcept
{
    const unsigned low = std::to_integer<unsigned>(in[0]);
    const unsigned high = std::to_integer<unsigned>(in[1]);
    return f16::from_bits(static_cast<std::uint16_t>(low | high << 8));
}

/// Half precision and back: what a reader of the file will see.
inline float as_read(f16 value) noexcept { return static_cast<float>(value); }

/// An empty grid of a type whose groups have `group_columns` elements.
inline block_grid new_grid(type format, std::size_t group_columns, int zero_code, int max_code)
{
    block_grid grid;
    grid.type = format;
    grid.group_columns = group_columns;
    grid.zero_code = zero_code;
    grid.max_code = max_code;
    for (float& offset : grid.offset) offset = -0.0f;
    return grid;
}

/// Interleaves `Size` elements of each source: element i of source j goes to out[i * C + j].
template <std::size_t Size, std::size_t C>
[[gnu::always_inline]] inline void interleave(const float* const (&sources)[C], float* out) noexcept
{
    for (std::size_t j = 0; j < C; ++j)
        for (std::size_t i = 0; i < Size; ++i) out[i * C + j] = sources[j][i];
}

/// The sum of squares of `size` elements of each source, each in index order.
template <class L>
[[gnu::always_inline]] inline L sum_of_squares(const float* const (&sources)[L::count], std::size_t size) noexcept
{
    alignas(sizeof(L)) float column[L::count];
    L sum(0.0f);
    for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < L::count; ++j) column[j] = sources[j][i];
        const L value = L::load(column);
        sum += value * value;
    }
    return sum;
}

/// importance * sqrt(base + x^2), interleaved.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void weights_from_importance(const float* x, const float* importance, const L& base,
                                                           float* w) noexcept
{
    alignas(sizeof(L)) float energy[Size * L::count];
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        (base + value * value).store(energy + i);
    }
    L::storage::square_roots(energy, Size * L::count);
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        (L::load(importance + i) * L::load(energy + i)).store(w + i);
}

/// x^2, interleaved.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void square_all(const float* x, float* w) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count) (L::load(x + i) * L::load(x + i)).store(w + i);
}

/// The codes of lane `lane`, from levels as floats.
template <std::size_t Size, std::size_t C>
[[gnu::always_inline]] inline void take_codes(const float* levels, std::size_t lane, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < Size; ++i) codes[i] = static_cast<std::uint8_t>(static_cast<int>(levels[i * C + lane]));
}

/// Neighbouring lanes to neighbouring codes; levels are from 0 to 255.
template <class L>
[[gnu::always_inline]] inline void put_codes(const L& levels, std::uint8_t* codes) noexcept
{
    typename L::integers integers;
    L::storage::to_integers(levels.value, integers);
    std::int32_t wide[L::count];
    std::memcpy(wide, &integers, sizeof wide);
    for (std::size_t j = 0; j < L::count; ++j) codes[j] = static_cast<std::uint8_t>(wide[j]);
}

/// Rounds one group onto its stored scale: `block_grid::nearest` for neighbouring elements.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void round_group(const float* x, const block_grid& grid, std::size_t group,
                                               std::uint8_t* codes) noexcept
{
    const L scale(grid.scale[group]);
    const L offset(grid.offset[group]);
    const auto zero = static_cast<float>(grid.zero_code);
    const auto highest = static_cast<float>(grid.max_code - grid.zero_code);
    for (std::size_t i = 0; i < Size; i += L::count) {
        const L position = (L::load(x + i) - offset) / scale;
        put_codes(nearest_level(position, -zero, highest) + L(zero), codes + i);
    }
}

/// Groups of super-blocks side by side: lane j of chunk k holds the group k * C + j, counted
/// through all blocks of the batch.
template <std::size_t Groups, class L>
struct chunk_of_groups {
    static constexpr std::size_t size = 256 / Groups;
    const block_source* blocks;
    std::size_t count;
    std::size_t first;

    /// Past the end the first block stands in; nobody reads those lanes.
    std::size_t block(std::size_t lane) const noexcept
    {
        const std::size_t index = (first + lane) / Groups;
        return index < count ? index : 0;
    }
    std::size_t group(std::size_t lane) const noexcept { return (first + lane) % Groups; }
    [[gnu::always_inline]] void values(float* out) const noexcept
    {
        const float* sources[L::count];
        for (std::size_t j = 0; j < L::count; ++j) sources[j] = blocks[block(j)].values + group(j) * size;
        interleave<size>(sources, out);
    }
    [[gnu::always_inline]] void importance(float* out) const noexcept
    {
        const float* sources[L::count];
        for (std::size_t j = 0; j < L::count; ++j) sources[j] = blocks[block(j)].importance + group(j) * size;
        interleave<size>(sources, out);
    }
    /// Moves one number for each group to [group * C + block], as searches over groups want it.
    [[gnu::always_inline]] void scatter(const L& numbers, float* out) const noexcept
    {
        alignas(sizeof(L)) float each[L::count];
        numbers.store(each);
        for (std::size_t j = 0; j < L::count; ++j)
            if ((first + j) / Groups < count) out[group(j) * L::count + block(j)] = each[j];
    }
    /// One number for each block, given to all its groups.
    [[gnu::always_inline]] L of_blocks(const float* numbers) const noexcept
    {
        alignas(sizeof(L)) float each[L::count];
        for (std::size_t j = 0; j < L::count; ++j) each[j] = numbers[block(j)];
        return L::load(each);
    }
};

/// The sum of squares of each super-block of the batch.
template <class L>
[[gnu::always_inline]] inline L sum_of_block_squares(const block_source* blocks, std::size_t count) noexcept
{
    const float* sources[L::count];
    for (std::size_t j = 0; j < L::count; ++j) sources[j] = blocks[j < count ? j : 0].values;
    return sum_of_squares<L>(sources, 256);
}

template <std::size_t Size, class L>
[[gnu::always_inline]] inline L sum_interleaved(const float* w) noexcept
{
    L sum(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) sum += L::load(w + i);
    return sum;
}

/// The codes that the search found for group `group` of block `block`, out of all chunks' levels.
template <std::size_t Groups, std::size_t C>
[[gnu::always_inline]] inline void codes_of_search(const float* levels, std::size_t block, std::size_t group,
                                                   std::uint8_t* codes) noexcept
{
    const std::size_t index = block * Groups + group;
    take_codes<256 / Groups, C>(levels + index / C * C * (256 / Groups), index % C, codes);
}

/// Rounds all groups of a block onto the stored scales; where a scale came out as exactly 0 the
/// codes of the search stay, as in ggml.
template <std::size_t Groups, class L>
[[gnu::always_inline]] inline void round_block(const block_source& source, const block_grid& grid, const float* levels,
                                               std::size_t block, std::uint8_t* codes) noexcept
{
    constexpr std::size_t size = 256 / Groups;
    for (std::size_t g = 0; g < Groups; ++g) {
        if (grid.scale[g] == 0.0f)
            codes_of_search<Groups, L::count>(levels, block, g, codes + g * size);
        else
            round_group<size, L>(source.values + g * size, grid, g, codes + g * size);
    }
}

} // namespace awq::gguf::detail

#endif
