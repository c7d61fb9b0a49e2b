// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_QUANTIZE_ROWS_HPP
#define AWQ_QUANTIZATION_GGUF_QUANTIZE_ROWS_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>
#include <awq/support/finite.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

namespace detail {

inline bool all_usable(std::span<const float> importance) noexcept
{
    return all_finite(importance) &&
           std::none_of(importance.begin(), importance.end(), [](float v) { return v < 0.0f; });
}

inline void lower_to(std::atomic<std::size_t>& lowest, std::size_t value) noexcept
{
    std::size_t seen = lowest.load(std::memory_order_relaxed);
    while (value < seen && !lowest.compare_exchange_weak(seen, value)) {
    }
}

} // namespace detail

/// Quantizes a whole matrix (out_features, in_features) to `rows() * row_bytes(cols())` bytes, a
/// few rows to a task; the bytes do not depend on the number of threads. `importance`: mean x^2 of
/// each input column, or empty. Errors: shape_mismatch (rows that are no whole blocks, importance
/// or output of another size), not_finite (the first row with a NaN or an infinity is named; the
/// output is then unspecified), invalid_argument (importance that is negative or not finite).
template <execution Execution, class Engine>
status quantize_rows(const Execution& execution, const basic_block_quantizer<Engine>& quantizer,
                     matrix_view<const float> rows, std::span<const float> importance, std::span<std::byte> out)
{
    constexpr std::size_t grain = 8;
    AWQ_CHECK(quantizer.check(rows.cols()));
    if (!importance.empty() && importance.size() != rows.cols())
        return error{error_code::shape_mismatch, "importance has ", importance.size(),
                     " entries for rows of ",    rows.cols(),       "; give one for each input column"};
    if (!detail::all_usable(importance))
        return error{error_code::invalid_argument,
                     "importance has an entry that is negative or not finite; calibrate again"};
    const std::size_t bytes = quantizer.row_bytes(rows.cols());
    if (out.size() / bytes != rows.rows() || out.size() % bytes != 0)
        return error{error_code::shape_mismatch,
                     "output of ",
                     out.size(),
                     " bytes for ",
                     rows.rows(),
                     " rows of ",
                     bytes,
                     " bytes each"};
    std::atomic<std::size_t> first_bad{rows.rows()};
    execution.for_each(chunk_count(rows.rows(), grain), [&](std::size_t task) {
        const std::size_t first = task * grain;
        const std::size_t count = std::min(grain, rows.rows() - first);
        for (std::size_t r = first; r < first + count; ++r)
            if (!all_finite(rows.row(r))) return detail::lower_to(first_bad, r);
        quantizer.quantize(rows.rows_from(first, count), importance, out.subspan(first * bytes, count * bytes));
    });
    if (first_bad < rows.rows())
        return error{error_code::not_finite, "row ", first_bad.load(),
                     " has a NaN or an infinity; the checkpoint is damaged or overflowed"};
    return {};
}

} // namespace awq::gguf

#endif
