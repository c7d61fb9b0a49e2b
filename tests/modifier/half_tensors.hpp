// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_MODIFIER_HALF_TENSORS_HPP
#define AWQ_TESTS_MODIFIER_HALF_TENSORS_HPP

#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

// Tensors in 16 bits against the same tensors widened by hand, smoothed, and rounded back.
namespace half {

using small::matrix;

template <class T>
struct tensor {
    std::size_t rows, cols;
    std::vector<T> values;

    explicit tensor(const matrix& from) : rows(from.rows), cols(from.cols)
    {
        for (const float value : from.values) values.push_back(static_cast<T>(value));
    }
    awq::matrix_view<T> view() { return {values.data(), rows, cols}; }
    awq::matrix_view<const T> view() const { return {values.data(), rows, cols}; }
    matrix widened() const
    {
        matrix wide(rows, cols);
        awq::widen(awq::serial_execution{}, view(), wide.view());
        return wide;
    }
    bool operator==(const tensor&) const = default;
};

// A norm or a linear layer with a bias, and two layers that read it.
template <class T>
struct layers {
    tensor<T> smooth, bias, q, k;
    bool norm, offset;

    layers(bool is_norm, bool has_offset)
        : smooth(small::random(is_norm ? 1 : 64, is_norm ? 64 : 24, 1, has_offset ? 0.2f : 1.0f)),
          bias(small::random(1, 64, 2)), q(small::random(12, 64, 3)), k(small::random(5, 64, 4)), norm(is_norm),
          offset(has_offset)
    {}
    // By hand: the same in another type.
    template <class U>
    explicit layers(const layers<U>& other)
        : smooth(other.smooth.widened()), bias(other.bias.widened()), q(other.q.widened()), k(other.k.widened()),
          norm(other.norm), offset(other.offset)
    {}
    bool operator==(const layers&) const = default;
};

inline matrix loud_inputs(std::size_t tokens)
{
    matrix x = small::random(tokens, 64, 5);
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t c = 3; c < 64; c += 20) x(t, c) *= 30.0f;
    return x;
}

struct errors {
    double before, after;
    bool operator==(const errors&) const = default;
};

template <class Modifier, class T, class X>
errors smooth(const Modifier& how, layers<T>& net, const tensor<X>& x)
{
    std::vector<float> memory(how.template workspace_size<X>(x.rows, 64, 17));
    const auto run = [&](auto weight) {
        return how.smooth(awq::smooth_layer{weight, std::span{net.bias.values}, net.offset},
                          awq::balance_layers{net.q.view(), net.k.view()}, awq::activations{x.view()},
                          awq::workspace{memory});
    };
    const auto found = net.norm ? run(std::span{net.smooth.values}) : run(net.smooth.view());
    REQUIRE(found);
    return {found->initial_error, found->best_error};
}

// The same bits as by hand.
template <class Modifier, class T>
void check_bits(bool norm, bool offset, std::size_t tokens)
{
    const Modifier how;
    const tensor<T> x{loud_inputs(tokens)};
    const tensor<float> wide_x{x.widened()};
    const layers<T> before{norm, offset};
    layers<T> net = before;
    layers<float> wide{before};
    const errors found = smooth(how, net, x);
    CHECK(found == smooth(how, wide, wide_x));
    CHECK(found.after < 0.9 * found.before);
    CHECK(net == layers<T>{wide});
    CHECK_FALSE(net.q == before.q);
    CHECK_FALSE(net.smooth == before.smooth);
}

} // namespace half

#endif
