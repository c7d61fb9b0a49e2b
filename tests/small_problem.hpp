// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_SMALL_PROBLEM_HPP
#define AWQ_TESTS_SMALL_PROBLEM_HPP

#include <awq/tensor/matrix_view.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace small {

/// A matrix that owns its elements.
struct matrix {
    std::size_t rows = 0, cols = 0;
    std::vector<float> values;

    matrix(std::size_t r, std::size_t c) : rows(r), cols(c), values(r * c) {}
    awq::matrix_view<float> view() { return {values.data(), rows, cols}; }
    awq::matrix_view<const float> view() const { return {values.data(), rows, cols}; }
    float& operator()(std::size_t r, std::size_t c) { return values[r * cols + c]; }
    float operator()(std::size_t r, std::size_t c) const { return values[r * cols + c]; }
};

/// The weight of the golden tables, all exactly representable: (((37 o + 11 k) mod 29) - 14) / 16.
inline matrix golden_weight(std::size_t rows = 4, std::size_t cols = 16)
{
    matrix made(rows, cols);
    for (std::size_t o = 0; o < rows; ++o)
        for (std::size_t k = 0; k < cols; ++k)
            made(o, k) = (static_cast<float>((37 * o + 11 * k) % 29) - 14.0f) / 16.0f;
    return made;
}

/// The inputs of the golden tables: (((23 t + 17 k) mod 31) - 15) / 8, times 8 where k mod 5 is 0.
inline matrix golden_inputs(std::size_t tokens = 6, std::size_t cols = 16)
{
    matrix made(tokens, cols);
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t k = 0; k < cols; ++k)
            made(t, k) = (static_cast<float>((23 * t + 17 * k) % 31) - 15.0f) / 8.0f * (k % 5 == 0 ? 8.0f : 1.0f);
    return made;
}

/// Numbers that look normally distributed and are the same everywhere.
class numbers {
public:
    explicit numbers(std::uint64_t seed) : state_(seed * 2654435769u + 1) {}
    float operator()()
    {
        float sum = 0.0f; // twelve uniform numbers have variance 1
        for (int i = 0; i < 12; ++i) sum += uniform();
        return sum - 6.0f;
    }
    float uniform()
    {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<float>(state_ >> 40) * 0x1p-24f;
    }

private:
    std::uint64_t state_;
};

inline matrix random(std::size_t rows, std::size_t cols, std::uint64_t seed, float scale = 1.0f)
{
    matrix made(rows, cols);
    numbers draw(seed);
    for (float& value : made.values) value = draw() * scale;
    return made;
}

/// y = x w^T (+ bias), in double.
inline matrix linear(const matrix& x, const matrix& w, const std::vector<float>& bias = {})
{
    matrix y(x.rows, w.rows);
    for (std::size_t t = 0; t < x.rows; ++t)
        for (std::size_t o = 0; o < w.rows; ++o) {
            double sum = bias.empty() ? 0.0 : double{bias[o]};
            for (std::size_t k = 0; k < x.cols; ++k) sum += double{x(t, k)} * double{w(o, k)};
            y(t, o) = static_cast<float>(sum);
        }
    return y;
}

/// The largest difference of two matrices, relative to the largest element.
inline double difference(const matrix& a, const matrix& b)
{
    double largest = 0.0, apart = 0.0;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        largest = std::fmax(largest, std::fabs(double{a.values[i]}));
        apart = std::fmax(apart, std::fabs(double{a.values[i]} - double{b.values[i]}));
    }
    return apart / largest;
}

/// Mean squared difference.
inline double mean_square_difference(const matrix& a, const matrix& b)
{
    double sum = 0.0;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        const double apart = double{a.values[i]} - double{b.values[i]};
        sum += apart * apart;
    }
    return sum / static_cast<double>(a.values.size());
}

} // namespace small

#endif
