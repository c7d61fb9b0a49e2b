// SPDX-License-Identifier: MIT
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/cholesky.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace {

// Takes the last task first.
struct backward_execution {
    using policy_axis = awq::axis::execution;
    static constexpr std::string_view name = "backward";

    template <class Task>
    void for_each(std::size_t count, Task&& task) const
    {
        for (std::size_t i = count; i-- > 0;) task(i);
    }
};

struct solved_system {
    std::size_t n, m;
    std::vector<float> matrix, factor, wanted, solution;

    template <class E>
    solved_system(const E& how, std::size_t size, std::size_t rows, std::size_t scratch_size)
        : n(size), m(rows), matrix(n * n), wanted(m * n)
    {
        std::uint32_t seed = 7;
        const auto next = [&] {
            seed = seed * 1664525u + 1013904223u;
            return static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
        };
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j <= i; ++j) matrix[i * n + j] = matrix[j * n + i] = next() * 0.5f;
        for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = static_cast<float>(n);
        for (float& value : wanted) value = next();
        factor = matrix, solution = wanted;
        std::vector<float> scratch(scratch_size);
        REQUIRE(awq::factor_cholesky<awq::plain_product>(how, {factor.data(), n, n}, scratch));
        awq::solve_cholesky<awq::plain_product>(how, awq::matrix_view<const float>{factor.data(), n, n},
                                                {solution.data(), m, n}, scratch);
    }

    // solution * matrix against what was wanted.
    double largest_residual() const
    {
        double largest = 0.0;
        for (std::size_t r = 0; r < m; ++r)
            for (std::size_t j = 0; j < n; ++j) {
                double sum = -double{wanted[r * n + j]};
                for (std::size_t i = 0; i < n; ++i) sum += double{solution[r * n + i]} * matrix[i * n + j];
                largest = std::max(largest, std::fabs(sum));
            }
        return largest;
    }
};

} // namespace

TEST_CASE("a system of any size is solved, by whole tasks or row by row, with the same bits in any order of tasks")
{
    for (const std::size_t n : {1, 95, 97, 200, 385})
        for (const std::size_t m : {1, 65, 300}) {
            const solved_system in_order{awq::serial_execution{}, n, m, awq::cholesky_scratch(n)};
            CHECK(in_order.largest_residual() < 1e-5);
            const solved_system backward{backward_execution{}, n, m, awq::cholesky_scratch(n)};
            CHECK(backward.factor == in_order.factor);
            CHECK(backward.solution == in_order.solution);
        }
}

TEST_CASE("a row of scratch is enough to solve a system")
{
    const solved_system small{backward_execution{}, 200, 300, 200};
    CHECK(small.largest_residual() < 1e-5);
}

TEST_CASE("a matrix that is not positive definite has no factor")
{
    std::vector<float> matrix(200 * 200, 0.0f), scratch(200);
    for (std::size_t i = 0; i < 200; ++i) matrix[i * 200 + i] = i == 150 ? -1.0f : 1.0f;
    CHECK_FALSE(awq::factor_cholesky<awq::plain_product>(awq::serial_execution{}, {matrix.data(), 200, 200}, scratch));
}
