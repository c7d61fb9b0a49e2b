// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_FORMAT_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_FORMAT_QUANTIZER_HPP

#include <awq/quantization/gguf/block_codec.hpp>
#include <awq/quantization/gguf/rounding_search.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

/// A block format as a type: `q4_k`, `q8_0`, `iq4_nl` and the others of `formats.hpp`.
template <class F>
concept block_format = requires(const block_grid& grid, const std::uint8_t* codes, std::byte* out)
{
    {
        F::id
        } -> std::convertible_to<type>;
    F::pack(grid, codes, out);
};

/// `block_quantizer` for one format that is known when this is compiled: the same bytes, and a program links
/// that format alone; the longer search only with `rounding::best`. Models `awq::quantizer`. Not finite
/// weights give unspecified bytes.
template <block_format Format, rounding How = rounding::exact>
class format_quantizer {
public:
    static constexpr gguf::type type = Format::id;

    /// Rows must be whole blocks: shape_mismatch otherwise.
    status check(std::size_t in_features) const noexcept
    {
        if (in_features != 0 && in_features % columns == 0) return {};
        return error{error_code::shape_mismatch,
                     name_of(type),
                     ": rows of ",
                     in_features,
                     " elements are no multiple of its block of ",
                     columns,
                     "; choose a type with smaller blocks"};
    }
    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t) const noexcept
    {
        constexpr std::size_t shared = facts(type).scale_columns;
        return shared;
    }
    /// Bytes of one row.
    constexpr std::size_t row_bytes(std::size_t in_features) const noexcept { return in_features / columns * bytes; }

    /// One row to `row_bytes(row.size())` bytes. `importance` has the row's length, or is empty.
    void quantize_row(std::span<const float> row, std::span<const float> importance,
                      std::span<std::byte> out) const noexcept
    {
        for_each_block(row, importance, [&](std::size_t i, const block_grid& grid, const std::uint8_t* codes) {
            Format::pack(grid, codes, out.data() + i * bytes);
        });
    }

    /// What rows read as once they were written; `out` may be the same memory.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for_each_block(rows.row(r), importance,
                           [&](std::size_t i, const block_grid& grid, const std::uint8_t* codes) {
                               values_of(grid, codes, columns, out.row(r).data() + i * columns);
                           });
    }

private:
    static constexpr std::size_t columns = block_columns(type), bytes = block_bytes(type);

    template <class Use>
    static void for_each_block(std::span<const float> row, std::span<const float> importance, const Use& use) noexcept
    {
        const bool row_matters = columns == 32 && !importance.empty();
        const float energy = row_matters ? mean_square(row) : 0.0f;
        for (std::size_t i = 0; i < row.size() / columns; ++i) {
            const block_source source{row.data() + i * columns,
                                      importance.empty() ? nullptr : importance.data() + i * columns, energy};
            block_grid grid;
            std::uint8_t codes[columns];
            fit(source, grid, codes);
            use(i, grid, codes);
        }
    }

    static void fit(const block_source& source, block_grid& grid, std::uint8_t* codes) noexcept
    {
        Format::template fit<one_lane>(&source, 1, &grid, codes);
        if constexpr (How == rounding::best) detail::improve_block<Format, one_lane>(source, grid, codes);
    }
};

} // namespace awq::gguf

#endif
