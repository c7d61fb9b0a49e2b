// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_GRAM_VIEW_HPP
#define AWQ_SEARCH_GRAM_VIEW_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/search/ordered_sum.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>

namespace awq {

/// The Gram matrix G = X^T X of the inputs of a layer: the matrix itself, or the inputs X that it would be of. They
/// say the same, and take less memory and less work where there are fewer of them than channels.
class gram_view {
public:
    constexpr gram_view() noexcept = default;
    /// G: (in_features, in_features).
    constexpr gram_view(matrix_view<const float> gram) noexcept : values_(gram) {}
    constexpr gram_view(matrix_view<float> gram) noexcept : values_(gram) {}
    /// X: (tokens, in_features), of at most in_features tokens.
    static constexpr gram_view of_inputs(matrix_view<const float> x) noexcept
    {
        gram_view made = x;
        made.is_factor_ = true;
        return made;
    }

    constexpr std::size_t in_features() const noexcept { return values_.cols(); }
    /// Columns of `multiply`'s products; at most in_features.
    constexpr std::size_t width() const noexcept { return values_.rows(); }

    /// changes G, or changes X^T: changes (rows, in_features), product (rows, width).
    template <class Product, execution E>
    void multiply(const E& how, matrix_view<const float> changes, matrix_view<float> product) const
    {
        if (is_factor_)
            Product::multiply_nt(how, changes, values_, product);
        else
            Product::multiply_nn(how, changes, values_, product);
    }

    /// A row of a product of so many rows or more has the same bits among any others.
    template <class Product>
    constexpr std::size_t least_rows() const noexcept
    {
        if constexpr (requires { Product::min_packed_rows_nt + Product::min_packed_rows_nn; })
            return is_factor_ ? Product::min_packed_rows_nt : Product::min_packed_rows_nn;
        else
            return 1;
    }

    /// c G c^T of one row c of the changes, from its row of the product, in double and in a fixed order.
    double square_of(const float* change, const float* product) const noexcept
    {
        const float* const other = is_factor_ ? product : change;
        return lane_sum(width(), [=](std::size_t c) {
            return static_cast<sum_type>(other[c]) * static_cast<sum_type>(product[c]);
        });
    }

private:
    matrix_view<const float> values_;
    bool is_factor_ = false;
};

} // namespace awq

#endif
