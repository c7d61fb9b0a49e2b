// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_AFFINE_K_HPP
#define AWQ_QUANTIZATION_GGUF_AFFINE_K_HPP

#include <awq/quantization/gguf/block_support.hpp>
#include <awq/quantization/gguf/search.hpp>

#include <initializer_list>

// The super-blocks whose groups have a scale and a minimum: Q2_K, Q4_K, Q5_K. A `Format` says how
// many groups there are, how large codes and packed scales may get, and which candidates are tried.

namespace awq::gguf::detail {

/// How the rounding search moves the integers of these formats.
template <std::uint8_t Highest>
struct affine_integers {
    static constexpr bool has_minimum = true;
    static constexpr int lowest_scale = 0;
    static constexpr int highest_scale = Highest;
    static constexpr int highest_minimum = Highest;
    static constexpr int reach = 2;

    static int integer_scale(const block_grid& grid, std::size_t g) noexcept { return grid.packed_scale[g]; }
    static void set_integers(block_grid& grid, std::size_t g, int scale, int minimum) noexcept
    {
        grid.packed_scale[g] = static_cast<std::uint8_t>(scale);
        grid.packed_minimum[g] = static_cast<std::uint8_t>(minimum);
    }
};

/// Weights without importance: |x|, for 32-element groups raised by the group's root mean square.
template <class Format, class L>
[[gnu::always_inline]] inline void affine_default_weights(const float* x, float* w) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    L base(0.0f);
    if constexpr (Format::rms_in_weights) {
        square_all<size, L>(x, w);
        (sum_interleaved<size, L>(w) / L(static_cast<float>(size))).store(w);
        L::storage::square_roots(w, L::count);
        base = L::load(w);
    }
    for (std::size_t i = 0; i < size * L::count; i += L::count) (base + absolute(L::load(x + i))).store(w + i);
}

/// What the first level of the search found, [group * C + block], and the levels of all chunks.
template <class Format, class L>
struct affine_groups {
    alignas(sizeof(L)) float scale[Format::groups * L::count];
    alignas(sizeof(L)) float minimum[Format::groups * L::count];
    alignas(sizeof(L)) float weight[Format::groups * L::count];
    alignas(sizeof(L)) float levels[256 * L::count];
};

template <class Format, class L>
[[gnu::always_inline]] inline void search_affine_groups(const block_source* blocks, std::size_t count,
                                                        affine_groups<Format, L>& found) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    const bool weighted = blocks[0].importance != nullptr;
    alignas(sizeof(L)) float x[size * L::count];
    alignas(sizeof(L)) float w[size * L::count];
    alignas(sizeof(L)) float base[L::count] = {};
    if (weighted) (L(Format::energy_factor) * sum_of_block_squares<L>(blocks, count) / L(256.0f)).store(base);
    for (std::size_t first = 0; first < count * Format::groups; first += L::count) {
        const chunk_of_groups<Format::groups, L> chunk{blocks, count, first};
        float* levels = found.levels + first * size;
        chunk.values(x);
        affine_scale<L> best;
        if (weighted) {
            chunk.importance(w);
            weights_from_importance<size>(x, w, chunk.of_blocks(base), w);
            chunk.scatter(sum_interleaved<size, L>(w), found.weight);
        } else {
            affine_default_weights<Format, L>(x, w);
        }
        // One call where it can be one: all of it is inlined.
        if (Format::absolute_error && !weighted)
            best = search_affine<size, Format::absolute_error, L>(x, w, Format::candidates, levels);
        else
            best = search_affine<size, false, L>(x, w, weighted ? Format::weighted_candidates : Format::candidates,
                                                 levels);
        chunk.scatter(best.scale, found.scale);
        chunk.scatter(best.minimum, found.minimum);
    }
}

/// Packs the groups' scales (or minimums) of one block without weights; the common factor.
template <class Format, std::size_t C>
[[gnu::always_inline]] inline f16 pack_by_largest(const float* numbers, std::uint8_t* packed) noexcept
{
    float largest = 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g)
        if (numbers[g * C] > largest) largest = numbers[g * C];
    const float top = Format::max_packed;
    const float inverse = largest > 0.0f ? top / largest : 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g)
        packed[g] = static_cast<std::uint8_t>(nearest(strict_product(inverse, numbers[g * C])));
    return f16(largest / top);
}

/// The same for all blocks of a batch by weighted error.
template <class Format, class L>
[[gnu::always_inline]] inline void pack_by_search(const float* numbers, const float* weights, std::size_t count,
                                                  block_grid* grids, bool minimums) noexcept
{
    alignas(sizeof(L)) float levels[Format::groups * L::count];
    alignas(sizeof(L)) float factors[L::count];
    search_positive<Format::groups, L>(numbers, weights, Format::max_packed, levels).store(factors);
    for (std::size_t b = 0; b < count; ++b) {
        (minimums ? grids[b].dmin : grids[b].d) = f16(factors[b]);
        auto& packed = minimums ? grids[b].packed_minimum : grids[b].packed_scale;
        for (std::size_t g = 0; g < Format::groups; ++g)
            packed[g] = static_cast<std::uint8_t>(static_cast<int>(levels[g * L::count + b]));
    }
}

/// The effective scales and offsets, from what is stored.
template <class Format>
inline void complete_affine_grid(block_grid& grid) noexcept
{
    for (std::size_t g = 0; g < Format::groups; ++g) {
        grid.scale[g] = strict_product(as_read(grid.d), grid.packed_scale[g]);
        grid.offset[g] = -strict_product(as_read(grid.dmin), grid.packed_minimum[g]);
    }
}

/// Chooses scales, minimums and codes of up to L::count blocks.
template <class Format, class L>
[[gnu::always_inline]] inline void fit_affine(const block_source* blocks, std::size_t count, block_grid* grids,
                                              std::uint8_t* codes) noexcept
{
    affine_groups<Format, L> found;
    for (float& unused : found.scale) unused = 0.0f;
    for (float& unused : found.minimum) unused = 0.0f;
    for (float& unused : found.weight) unused = 0.0f;
    search_affine_groups<Format, L>(blocks, count, found);
    for (std::size_t b = 0; b < count; ++b) grids[b] = new_grid(Format::id, 256 / Format::groups, 0, Format::max_code);
    if (blocks[0].importance != nullptr) {
        for (const bool minimums : {false, true})
            pack_by_search<Format, L>(minimums ? found.minimum : found.scale, found.weight, count, grids, minimums);
    }
    for (std::size_t b = 0; b < count; ++b) {
        if (blocks[0].importance == nullptr) {
            grids[b].d = pack_by_largest<Format, L::count>(found.scale + b, grids[b].packed_scale);
            grids[b].dmin = pack_by_largest<Format, L::count>(found.minimum + b, grids[b].packed_minimum);
        }
        Format::limit_integers(grids[b], blocks[0].importance != nullptr);
        complete_affine_grid<Format>(grids[b]);
        round_block<Format::groups, L>(blocks[b], grids[b], found.levels, b, codes + 256 * b);
    }
}

/// A negative scale leaves a large byte: it becomes the largest number that six bits hold.
inline void limit_to_six_bits(block_grid& grid) noexcept
{
    for (std::size_t g = 0; g < 8; ++g) {
        if (grid.packed_scale[g] > 63) grid.packed_scale[g] = 63;
        if (grid.packed_minimum[g] > 63) grid.packed_minimum[g] = 63;
    }
}

/// The twelve bytes of eight 6-bit scales and eight 6-bit minimums, of Q4_K and Q5_K.
inline void pack_six_bits(const block_grid& grid, std::byte* out) noexcept
{
    const std::uint8_t* scale = grid.packed_scale;
    const std::uint8_t* minimum = grid.packed_minimum;
    for (std::size_t j = 0; j < 4; ++j) {
        out[j] = static_cast<std::byte>(scale[j] | (scale[j + 4] >> 4) << 6);
        out[j + 4] = static_cast<std::byte>(minimum[j] | (minimum[j + 4] >> 4) << 6);
        out[j + 8] = static_cast<std::byte>((scale[j + 4] & 15) | (minimum[j + 4] & 15) << 4);
    }
}

inline void unpack_six_bits(const std::byte* in, block_grid& grid) noexcept
{
    const auto at = [in](std::size_t i) { return std::to_integer<unsigned>(in[i]); };
    for (std::size_t j = 0; j < 4; ++j) {
        grid.packed_scale[j] = static_cast<std::uint8_t>(at(j) & 63);
        grid.packed_minimum[j] = static_cast<std::uint8_t>(at(j + 4) & 63);
        grid.packed_scale[j + 4] = static_cast<std::uint8_t>((at(j + 8) & 15) | (at(j) >> 6) << 4);
        grid.packed_minimum[j + 4] = static_cast<std::uint8_t>(at(j + 8) >> 4 | (at(j + 4) >> 6) << 4);
    }
}

inline void pack_nibbles(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t pair = 0; pair < 256; pair += 64)
        for (std::size_t l = 0; l < 32; ++l)
            out[pair / 2 + l] = static_cast<std::byte>((codes[pair + l] & 15) | (codes[pair + 32 + l] & 15) << 4);
}

inline void unpack_nibbles(const std::byte* in, std::uint8_t* codes) noexcept
{
    for (std::size_t pair = 0; pair < 256; pair += 64)
        for (std::size_t l = 0; l < 32; ++l) {
            const auto both = std::to_integer<std::uint8_t>(in[pair / 2 + l]);
            codes[pair + l] = both & 15;
            codes[pair + 32 + l] = static_cast<std::uint8_t>(both >> 4);
        }
}

} // namespace awq::gguf::detail

#endif
