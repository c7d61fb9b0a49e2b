// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_QUANTIZER_HPP

#include <awq/quantization/gguf/block_codec.hpp>
#include <awq/quantization/gguf/float_blocks.hpp>
#include <awq/quantization/gguf/rounding_search.hpp>
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

    template <class = void>
    static void fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                    std::uint8_t* codes) noexcept
    {
        with_format(format,
                    [&](auto chosen) { decltype(chosen)::template fit<one_lane>(blocks, count, grids, codes); });
    }
    template <class = void>
    static void improve(type format, const block_source& block, block_grid& grid, std::uint8_t* codes) noexcept
    {
        with_format(format,
                    [&](auto chosen) { detail::improve_block<decltype(chosen), one_lane>(block, grid, codes); });
    }
};

/// Rounds rows of weights to a GGUF tensor type. With `rounding::exact` and given the same
/// importance (mean x^2 for each input column, all finite, or none) the bytes are those that
/// llama.cpp writes. Infinities and NaNs in a row give unspecified bytes; `quantize_rows` refuses
/// them. -ffast-math, and -ffp-contract=fast of Clang, void the promise of equal bytes. Models
/// `awq::quantizer`.
template <class Engine>
class basic_block_quantizer {
public:
    explicit constexpr basic_block_quantizer(gguf::type format, gguf::rounding how = gguf::rounding::exact) noexcept
        : type_(format), rounding_(how)
    {}

    constexpr gguf::type type() const noexcept { return type_; }
    constexpr gguf::rounding rounding() const noexcept { return rounding_; }

    /// Rows must be whole blocks: shape_mismatch otherwise.
    status check(std::size_t in_features) const noexcept
    {
        const std::size_t block = block_columns(type_);
        if (in_features != 0 && in_features % block == 0) return {};
        return error{error_code::shape_mismatch,
                     name_of(type_),
                     ": rows of ",
                     in_features,
                     " elements are no multiple of its block of ",
                     block,
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
        quantize(as_row(row), importance, out);
    }

    /// Rows to `rows.rows() * row_bytes(rows.cols())` bytes. Short rows are faster together.
    void quantize(matrix_view<const float> rows, std::span<const float> importance,
                  std::span<std::byte> out) const noexcept
    {
        const std::size_t bytes = row_bytes(rows.cols());
        const auto as_floats = [&](auto chosen) {
            for (std::size_t r = 0; r < rows.rows(); ++r)
                pack_floats(chosen, rows.row(r), out.subspan(r * bytes, bytes));
        };
        if (with_float_format(type_, as_floats)) return;
        with_format(type_, [&](auto chosen) {
            for_each_block(rows, importance, [&](block_place at, const auto& grid, auto* codes) {
                std::byte* block = out.data() + at.row * bytes + at.index * block_bytes(type_);
                decltype(chosen)::pack(grid, codes, block);
            });
        });
    }

    /// Only chooses the scales of blocks (`has_grid` types), as many as there are `grids`; for
    /// those who round element by element with `block_grid::nearest`. All blocks have importance or
    /// none.
    void fit_blocks(std::span<const block_source> blocks, std::span<block_grid> grids) const noexcept
    {
        std::uint8_t codes[Engine::batch * max_block_columns];
        for (std::size_t first = 0; first < grids.size(); first += Engine::batch) {
            const std::size_t left = grids.size() - first;
            fit_batch(blocks.data() + first, left < Engine::batch ? left : Engine::batch, grids.data() + first, codes);
        }
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
        const auto through_floats = [&](auto chosen) {
            for (std::size_t r = 0; r < rows.rows(); ++r) pass_through(chosen, rows.row(r), out.row(r));
        };
        if (with_float_format(type_, through_floats)) return;
        const std::size_t columns = block_columns(type_);
        for_each_block(rows, importance, [&](block_place at, const auto& grid, auto* codes) {
            values_of(grid, codes, columns, out.row(at.row).data() + at.index * columns);
        });
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
    template <class Format>
    static void pass_through(Format, std::span<const float> row, std::span<float> out) noexcept
    {
        std::byte stored[64];
        for (std::size_t i = 0; i < row.size(); i += Format::columns) {
            Format::pack(row.data() + i, stored);
            Format::unpack(stored, out.data() + i);
        }
    }

    void fit_batch(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes) const noexcept
    {
        Engine::fit(type_, blocks, count, grids, codes);
        if (rounding_ == gguf::rounding::exact) return;
        for (std::size_t b = 0; b < count; ++b)
            Engine::improve(type_, blocks[b], grids[b], codes + b * block_columns(type_));
    }

    struct block_place {
        std::size_t row;
        std::size_t index; ///< within the row
    };

    /// Fits all blocks of the rows, a batch at a time: finish(place, grid, codes). A batch is read
    /// before its first block is finished, so that results may replace the rows.
    template <class Finish>
    void for_each_block(matrix_view<const float> rows, std::span<const float> importance, Finish finish) const noexcept
    {
        const std::size_t columns = block_columns(type_);
        const std::size_t in_row = rows.cols() / columns;
        const bool row_matters = columns == 32 && !importance.empty();
        block_source sources[Engine::batch];
        block_place places[Engine::batch];
        block_grid grids[Engine::batch];
        std::uint8_t codes[Engine::batch * max_block_columns];
        std::size_t count = 0;
        const auto flush = [&] {
            if (count != 0) fit_batch(sources, count, grids, codes);
            for (std::size_t b = 0; b < count; ++b) finish(places[b], grids[b], codes + b * columns);
            count = 0;
        };
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const float energy = row_matters ? mean_square(rows.row(r)) : 0.0f;
            for (std::size_t i = 0; i < in_row; ++i) {
                const float* weights = importance.empty() ? nullptr : importance.data() + i * columns;
                sources[count] = {rows.row(r).data() + i * columns, weights, energy};
                places[count] = {r, i};
                if (++count == Engine::batch) flush();
            }
        }
        flush();
    }

    gguf::type type_;
    gguf::rounding rounding_;
};

/// The portable quantizer. `simd_block_quantizer` gives the same bytes faster.
using block_quantizer = basic_block_quantizer<scalar_engine>;

static_assert(quantizer<block_quantizer>);

} // namespace awq::gguf

#endif
