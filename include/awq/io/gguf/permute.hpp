// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_PERMUTE_HPP
#define AWQ_IO_GGUF_PERMUTE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

/// The row order of q and k. Hugging Face rotates element j of a head together with element
/// j + head_dim / 2; llama.cpp's llama family rotates neighbours 2j and 2j + 1. So the rows of the
/// projections (and their biases, and anything else that goes with the rows) change places.
namespace awq::gguf {

/// The checkpoint's row that becomes row `row` of the GGUF tensor.
constexpr std::size_t interleaved_source(std::size_t row, std::size_t head_dim) noexcept
{
    const std::size_t within = row % head_dim;
    return row - within + within / 2 + (within % 2) * (head_dim / 2);
}

/// The GGUF tensor's row that becomes row `row` of the checkpoint: the inverse.
constexpr std::size_t split_source(std::size_t row, std::size_t head_dim) noexcept
{
    const std::size_t within = row % head_dim;
    const std::size_t half = head_dim / 2;
    return row - within + 2 * (within % half) + within / half;
}

namespace detail {

inline status check_rotary_rows(std::size_t rows, std::size_t heads, std::size_t from, std::size_t to) noexcept
{
    if (heads == 0 || rows == 0 || rows % heads != 0 || (rows / heads) % 2 != 0)
        return error{error_code::shape_mismatch, rows, " rows are no ", heads, " heads of an even size"};
    if (from != to || from % rows != 0)
        return error{error_code::shape_mismatch, "cannot reorder ", rows, " rows of ", from, " values into ", to};
    return {};
}

} // namespace detail

/// Checkpoint order -> GGUF order. `rows` rows of any content (floats, 16-bit floats, packed
/// bytes); `heads` is num_attention_heads for q and num_key_value_heads for k. A bias is a matrix
/// with one value a row. `from` and `to` must not overlap.
template <class T>
status interleave_rotary_rows(std::span<const T> from, std::span<T> to, std::size_t rows, std::size_t heads) noexcept
{
    AWQ_CHECK(detail::check_rotary_rows(rows, heads, from.size(), to.size()));
    const std::size_t width = from.size() / rows;
    for (std::size_t row = 0; row < rows; ++row)
        std::copy_n(from.data() + interleaved_source(row, rows / heads) * width, width, to.data() + row * width);
    return {};
}

/// GGUF order -> checkpoint order; the inverse of `interleave_rotary_rows`.
template <class T>
status split_rotary_rows(std::span<const T> from, std::span<T> to, std::size_t rows, std::size_t heads) noexcept
{
    AWQ_CHECK(detail::check_rotary_rows(rows, heads, from.size(), to.size()));
    const std::size_t width = from.size() / rows;
    for (std::size_t row = 0; row < rows; ++row)
        std::copy_n(from.data() + split_source(row, rows / heads) * width, width, to.data() + row * width);
    return {};
}

} // namespace awq::gguf

#endif
