// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_EXECUTION_PRODUCT_CHECKS_HPP
#define AWQ_TESTS_EXECUTION_PRODUCT_CHECKS_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

struct product_shape {
    std::size_t m;
    std::size_t n;
    std::size_t k;
};

// Values between -1 and 1 that are the same everywhere.
inline std::vector<float> random_values(std::size_t count, std::uint32_t seed)
{
    std::vector<float> values(count);
    for (float& value : values) {
        seed = seed * 1664525u + 1013904223u;
        value = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
    }
    return values;
}

// The four products of one shape; every operand has a stride that is larger than its width.
struct product_results {
    std::vector<float> nt, nn, gram, cross;

    bool operator==(const product_results&) const = default;
};

inline constexpr std::size_t padding = 3;

template <class T>
awq::matrix_view<T> padded_view(T* data, std::size_t rows, std::size_t cols)
{
    return {data, rows, cols, cols + padding};
}

template <class Product, awq::execution E>
product_results all_products(const E& e, std::size_t m, std::size_t n, std::size_t k)
{
    const auto a = random_values(m * (k + padding), 1);
    const auto b = random_values((n + padding) * (k + padding), 2);
    const auto view = [](const std::vector<float>& values, std::size_t rows, std::size_t cols) {
        return padded_view(values.data(), rows, cols);
    };
    product_results c{std::vector<float>(m * (n + padding), 7.0f), std::vector<float>(m * (n + padding), 7.0f),
                      std::vector<float>(k * (k + padding), 0.5f), std::vector<float>(k * (n + padding), 0.5f)};
    const auto y = random_values(m * (n + padding), 3);
    Product::multiply_nt(e, view(a, m, k), view(b, n, k), padded_view(c.nt.data(), m, n));
    Product::multiply_nn(e, view(a, m, k), view(b, k, n), padded_view(c.nn.data(), m, n));
    Product::add_gram(e, view(a, m, k), padded_view(c.gram.data(), k, k));
    Product::add_cross_gram(e, view(a, m, k), view(y, m, n), padded_view(c.cross.data(), k, n));
    return c;
}

// c(i, j) = before + sum of left(i, d) * right(j, d) within the rounding of a float sum; what lies
// between the rows is untouched.
template <class Left, class Right>
void check_product(const std::vector<float>& c, std::size_t rows, std::size_t cols, std::size_t depth, double before,
                   float untouched, const Left& left, const Right& right)
{
    // Rounding errors of a float sum walk at random; 2^-24 each.
    const double relative = 2e-7 * std::sqrt(static_cast<double>(depth));
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < cols; ++j) {
            double sum = before;
            double magnitude = before;
            for (std::size_t d = 0; d < depth; ++d) {
                const double product = double{left(i, d)} * right(j, d);
                sum += product;
                magnitude += std::fabs(product);
            }
            if (!(std::fabs(c[i * (cols + padding) + j] - sum) <= relative * magnitude))
                FAIL("(" << i << ", " << j << ") of " << rows << " x " << cols << " x " << depth << ": "
                         << c[i * (cols + padding) + j] << " is not " << sum);
        }
        for (std::size_t j = cols; j < cols + padding; ++j)
            if (c[i * (cols + padding) + j] != untouched) FAIL("wrote beyond row " << i);
    }
}

template <class Product, awq::execution E>
void check_shape(const E& e, std::size_t m, std::size_t n, std::size_t k)
{
    CAPTURE(m, n, k);
    const product_results c = all_products<Product>(e, m, n, k);
    const auto a = random_values(m * (k + padding), 1);
    const auto b = random_values((n + padding) * (k + padding), 2);
    const auto y = random_values(m * (n + padding), 3);
    const auto at = [](const std::vector<float>& values, std::size_t cols) {
        return [&values, cols](std::size_t r, std::size_t c) { return values[r * (cols + padding) + c]; };
    };
    const auto turned = [](const std::vector<float>& values, std::size_t cols) {
        return [&values, cols](std::size_t c, std::size_t r) { return values[r * (cols + padding) + c]; };
    };
    check_product(c.nt, m, n, k, 0.0, 7.0f, at(a, k), at(b, k));
    check_product(c.nn, m, n, k, 0.0, 7.0f, at(a, k), turned(b, n));
    check_product(c.gram, k, k, m, 0.5, 0.5f, turned(a, k), turned(a, k));
    check_product(c.cross, k, n, m, 0.5, 0.5f, turned(a, k), turned(y, n));
}

// A provider's self-check: edges of register tiles, of tasks, of slabs, and beyond.
template <class Product, awq::execution E>
void check_all_shapes(const E& e)
{
    for (const std::size_t m : {1, 2, 3, 4, 5, 8, 13, 14, 15, 31, 32, 33, 64})
        for (const std::size_t n : {1, 2, 7, 16, 31, 32, 33, 50})
            for (const std::size_t k : {1, 3, 4, 8, 15, 16, 17, 65}) check_shape<Product>(e, m, n, k);
    check_shape<Product>(e, 129, 257, 321);
    check_shape<Product>(e, 250, 300, 700);
    check_shape<Product>(e, 3, 1030, 130);
    check_shape<Product>(e, 140, 3100, 40);
    check_shape<Product>(e, 3100, 37, 33);
    check_shape<Product>(e, 1000, 24, 24);
}

#endif
