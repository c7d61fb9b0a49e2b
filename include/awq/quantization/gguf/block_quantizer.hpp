// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_QUANTIZER_HPP

#include <awq/quantization/gguf/block_codec.hpp>
#include <awq/quantization/gguf/float_blocks.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

/// Fits blocks one by one: the reference.
struct scalar_engine {
    static constexpr std::size_t batch = 1; ///< how many blocks are fitted at once, at most

    static void fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                    std::uint8_t* codes) noexcept
    {
        with_format(format, [&](auto chosen) {
            decltype(chosen)::template fit<one_lane>(blocks, count, grids, codes);
        });
    }
};

/// Rounds rows of weights to a GGUF tensor type. Given the same importance (mean x^2 for each input
/// column, all finite, or none) the bytes are those that llama.cpp writes. Infinities and NaNs in a
/// row give unspecified bytes; `quantize_rows` refuses them. Models `awq::quantizer`.
template <class Engine>
class basic_block_quantizer {
public:
    explicit constexpr basic_block_quantizer(gguf::type format) noexcept : type_(format) {}

    constexpr gguf::type type() const noexcept { return type_; }

    /// Rows must be whole blocks: shape_mismatch otherwise.
    status check(std::size_t in_features) const noexcept
    {
        const std::size_t block = block_columns(type_);
        if (in_features != 0 && in_features % block == 0) return {};
        return error{error_code::shape_mismatch, name_of(type_), ": rows of ", in_features,
                     " elements are no multiple of its block of ", block,
                     "; choose a type with smaller blocks"};
    }
    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return is_quantized(type_) ? facts(type_).scale_columns : in_features;
    }
    /// Bytes of one row.
    constexpr std::size_t row_bytes(std::size_t in_features) const noexcept
    {
        return in_features / block_columns(type_) * block_bytes(type_);
    }

    /// One row to `row_bytes(row.size())` bytes. `importance` has the row's length, or is empty.
    void quantize_row(std::span<const float> row, std::span<const float> importance,
                      std::span<std::byte> out) const noexcept
    {
        if (with_float_format(type_, [&](auto chosen) { pack_floats(chosen, row, out); })) return;
        with_format(type_, [&](auto chosen) {
            for_each_block(row, importance,
                           [&](std::size_t index, const block_grid& grid, std::uint8_t* codes) {
                               decltype(chosen)::pack(grid, codes,
                                                      out.data() + index * block_bytes(type_));
                           });
        });
    }

    /// The floats of one row's bytes; any bytes are accepted.
    void dequantize_row(std::span<const std::byte> in, std::span<float> out) const noexcept
    {
        if (with_float_format(type_, [&](auto chosen) { unpack_floats(chosen, in, out); })) return;
        const std::size_t columns = block_columns(type_);
        with_format(type_, [&](auto chosen) {
            std::uint8_t codes[max_block_columns];
            for (std::size_t i = 0; i < out.size() / columns; ++i) {
                const std::byte* block = in.data() + i * block_bytes(type_);
                const block_grid grid = decltype(chosen)::unpack(block, codes);
                values_of(grid, codes, columns, out.data() + i * columns);
            }
        });
    }

    /// What rows read as once they were written; `out` may be the same memory.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            pseudo_quantize_row(rows.row(r), importance, out.row(r));
    }

private:
    template <class Format>
    static void pack_floats(Format, std::span<const float> row, std::span<std::byte> out) noexcept
    {
        const std::size_t bytes = out.size() / (row.size() / Format::columns);
        for (std::size_t i = 0; i < row.size() / Format::columns; ++i)
            Format::pack(row.data() + i * Format::columns, out.data() + i * bytes);
    }
    template <class Format>
    void unpack_floats(Format, std::span<const std::byte> in, std::span<float> out) const noexcept
    {
        for (std::size_t i = 0; i < out.size() / Format::columns; ++i)
            Format::unpack(in.data() + i * block_bytes(type_), out.data() + i * Format::columns);
    }
    void pseudo_quantize_row(std::span<const float> row, std::span<const float> importance,
                             std::span<float> out) const noexcept
    {
        const auto through_floats = [&](auto chosen) {
            std::byte stored[64];
            for (std::size_t i = 0; i < row.size(); i += chosen.columns) {
                chosen.pack(row.data() + i, stored);
                chosen.unpack(stored, out.data() + i);
            }
        };
        if (with_float_format(type_, through_floats)) return;
        const std::size_t columns = block_columns(type_);
        for_each_block(row, importance,
                       [&](std::size_t index, const block_grid& grid, std::uint8_t* codes) {
                           values_of(grid, codes, columns, out.data() + index * columns);
                       });
    }

    /// Fits all blocks of a row, a batch at a time: finish(index, grid, codes).
    template <class Finish>
    void for_each_block(std::span<const float> row, std::span<const float> importance,
                        Finish finish) const noexcept
    {
        const std::size_t columns = block_columns(type_);
        const std::size_t total = row.size() / columns;
        const bool row_matters = columns == 32 && !importance.empty();
        const float row_energy = row_matters ? mean_square(row) : 0.0f;
        block_source sources[Engine::batch];
        block_grid grids[Engine::batch];
        std::uint8_t codes[Engine::batch * max_block_columns];
        for (std::size_t first = 0; first < total; first += Engine::batch) {
            const std::size_t left = total - first;
            const std::size_t count = left < Engine::batch ? left : Engine::batch;
            for (std::size_t b = 0; b < count; ++b) {
                const std::size_t at = (first + b) * columns;
                sources[b] = {row.data() + at, importance.empty() ? nullptr : importance.data() + at,
                              row_energy};
            }
            Engine::fit(type_, sources, count, grids, codes);
            for (std::size_t b = 0; b < count; ++b) finish(first + b, grids[b], codes + b * columns);
        }
    }

    gguf::type type_;
};

/// The portable quantizer. `simd_block_quantizer` gives the same bytes faster.
using block_quantizer = basic_block_quantizer<scalar_engine>;

static_assert(quantizer<block_quantizer>);

} // namespace awq::gguf

#endif
