// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_MATRIX_VIEW_HPP
#define AWQ_TENSOR_MATRIX_VIEW_HPP

#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

/// A row-major matrix that somebody else owns. For a weight, rows = out_features and
/// cols = in_features; for activations, rows = tokens and cols = in_features.
template <class T>
class matrix_view {
public:
    using value_type = std::remove_cv_t<T>;

    constexpr matrix_view() = default;
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols) noexcept : matrix_view(data, rows, cols, cols) {}
    /// `stride`: elements from the start of one row to the start of the next, at least `cols`; for a
    /// view that is only read also 0: all its rows are the same.
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols, std::size_t stride) noexcept
        : data_(data), rows_(rows), cols_(cols), stride_(stride)
    {}
    template <class U>
    requires std::is_same_v<const U, T>
    constexpr matrix_view(const matrix_view<U>& other) noexcept
        : matrix_view(other.data(), other.rows(), other.cols(), other.stride())
    {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t rows() const noexcept { return rows_; }
    constexpr std::size_t cols() const noexcept { return cols_; }
    constexpr std::size_t stride() const noexcept { return stride_; }
    constexpr std::size_t size() const noexcept { return rows_ * cols_; }
    constexpr bool empty() const noexcept { return size() == 0; }
    /// Whether one row begins before the one above it has ended: such a view must not be written.
    constexpr bool rows_overlap() const noexcept { return rows_ > 1 && stride_ < cols_; }
    constexpr bool contiguous() const noexcept { return stride_ == cols_; }

    constexpr std::span<T> row(std::size_t index) const noexcept { return {data_ + index * stride_, cols_}; }
    constexpr T& operator()(std::size_t row, std::size_t col) const noexcept { return data_[row * stride_ + col]; }
    /// `count` rows from `first` on.
    constexpr matrix_view rows_from(std::size_t first, std::size_t count) const noexcept
    {
        return {data_ + first * stride_, count, cols_, stride_};
    }
    /// `count` columns from `first` on.
    constexpr matrix_view cols_from(std::size_t first, std::size_t count) const noexcept
    {
        return {data_ + first, rows_, count, stride_};
    }

private:
    T* data_ = nullptr;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
    std::size_t stride_ = 0;
};

/// What a weight's norm is: a vector is a matrix view of one row.
template <class T>
constexpr matrix_view<T> as_row(std::span<T> values) noexcept
{
    return {values.data(), 1, values.size()};
}

} // namespace awq

#endif
