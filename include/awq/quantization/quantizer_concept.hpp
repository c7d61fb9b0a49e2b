// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_QUANTIZER_CONCEPT_HPP
#define AWQ_QUANTIZATION_QUANTIZER_CONCEPT_HPP

#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace awq {

/// A format's rounding, as the search sees it; integer schemes and GGUF block types alike.
///
/// - `check(in_features)`: whether rows of that length can be written in the format.
/// - `row_block()`: how many neighbouring rows are rounded together (1, or the block's height).
/// - `scale_columns(in_features)`: how many neighbouring columns of a row share a scale.
/// - `pseudo_quantize(rows, importance, out)`: quantizes and dequantizes `row_block()` rows (fewer at
///   the end of a matrix). `importance` is the mean of x^2 for each column, or empty; `out` has the
///   shape of `rows` and may be the same memory.
template <class Q>
concept quantizer = requires(const Q& q, matrix_view<const float> rows, std::span<const float> importance,
                             matrix_view<float> out)
{
    {
        q.check(std::size_t{})
        } -> std::same_as<result<void>>;
    {
        q.row_block()
        } -> std::convertible_to<std::size_t>;
    {
        q.scale_columns(std::size_t{})
        } -> std::convertible_to<std::size_t>;
    {
        q.pseudo_quantize(rows, importance, out)
        } -> std::same_as<void>;
};

/// A quantizer whose scales may hang on the largest |w| of the whole weight. Until it knows that, it
/// rounds all rows together.
///
/// - `needs_magnitude()`: whether it does not know it yet.
/// - `for_magnitude(largest)`: the same quantizer for such a weight; rows are then rounded apart.
/// - `magnitude_of(rows)`: the largest |w| of some rows.
template <class Q>
concept magnitude_quantizer = quantizer<Q> && requires(const Q& q, matrix_view<const float> rows)
{
    {
        q.needs_magnitude()
        } -> std::same_as<bool>;
    {
        q.for_magnitude(float{})
        } -> std::same_as<Q>;
    {
        Q::magnitude_of(rows)
        } -> std::same_as<float>;
};

} // namespace awq

#endif
