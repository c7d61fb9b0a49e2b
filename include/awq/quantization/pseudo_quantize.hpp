// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_PSEUDO_QUANTIZE_HPP
#define AWQ_QUANTIZATION_PSEUDO_QUANTIZE_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/quantization/quantizer_concept.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {
/// Rows that one task takes: whole blocks of the quantizer, and enough work to be worth a task.
template <quantizer Q>
constexpr std::size_t task_rows(const Q& rounding) noexcept
{
    const std::size_t block = rounding.row_block();
    return block * std::max<std::size_t>(1, 16 / block);
}

/// Calls `task(first, count)` for the row blocks of one task.
template <class Task>
constexpr void for_each_block(std::size_t first, std::size_t end, std::size_t block, Task&& task)
{
    for (; first < end; first += block) task(first, std::min(block, end - first));
}

/// Calls `task(first, count)` for all row blocks of a weight, in parallel.
template <execution E, quantizer Q, class Task>
void for_all_blocks(const E& how, const Q& rounding, std::size_t rows, const Task& task)
{
    const std::size_t grain = task_rows(rounding);
    how.for_each(chunk_count(rows, grain), [&](std::size_t chunk) {
        const std::size_t first = chunk * grain; // a grain may be larger than any weight
        for_each_block(first, grain < rows - first ? first + grain : rows, rounding.row_block(), task);
    });
}

/// The quantizer as `weight` needs it: its rows can then be rounded apart.
template <execution E, quantizer Q>
Q settled(const E& how, const Q& rounding, matrix_view<const float> weight)
{
    if constexpr (magnitude_quantizer<Q>) {
        if (!rounding.needs_magnitude()) return rounding;
        constexpr std::size_t parts = 64;
        float largest[parts] = {};
        how.for_each(parts, [&](std::size_t part) {
            const std::size_t first = part * weight.rows() / parts;
            const std::size_t end = (part + 1) * weight.rows() / parts;
            largest[part] = Q::magnitude_of(weight.rows_from(first, end - first));
        });
        return rounding.for_magnitude(*std::max_element(largest, largest + parts));
    } else {
        return rounding;
    }
}
} // namespace detail

/// Quantizes and dequantizes a whole weight, (out_features, in_features), rows in parallel.
/// `importance`: mean of x^2 for each column, or empty. `out` may be `weight`.
/// Errors: those of the quantizer's `check`, and shape_mismatch.
template <execution E, quantizer Q>
status pseudo_quantize(const E& how, const Q& rounding, matrix_view<const float> weight,
                       std::span<const float> importance, matrix_view<float> out)
{
    AWQ_CHECK(rounding.check(weight.cols()));
    if (out.rows() != weight.rows() || out.cols() != weight.cols() ||
        (!importance.empty() && importance.size() != weight.cols()))
        return error{error_code::shape_mismatch,
                     "pseudo_quantize: a weight of ",
                     weight.rows(),
                     " x ",
                     weight.cols(),
                     " needs an output of that shape and ",
                     weight.cols(),
                     " importance values or none"};
    if (out.rows_overlap())
        return error{error_code::invalid_argument, "pseudo_quantize: the output's stride is below its width"};
    const Q used = detail::settled(how, rounding, weight);
    detail::for_all_blocks(how, used, weight.rows(), [&](std::size_t first, std::size_t count) {
        used.pseudo_quantize(weight.rows_from(first, count), importance, out.rows_from(first, count));
    });
    return {};
}

} // namespace awq

#endif
