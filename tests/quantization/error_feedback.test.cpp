// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <awq/execution/products/mirror_upper.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/feedback_formats.hpp>
#include <awq/quantization/float_feedback.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>
#include <awq/quantization/least_squares_target.hpp>
#include <awq/quantization/pseudo_quantize.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace {

using awq::matrix_view;
using awq::plain_product;
using values = std::vector<float>;

const awq::serial_execution serial;

values random_values(std::size_t count, unsigned seed)
{
    std::mt19937 generator{seed};
    std::normal_distribution<float> normal;
    values made(count);
    for (float& value : made) value = normal(generator);
    return made;
}

/// Inputs whose channels are correlated, so that one column's error can be made up for by others.
values correlated_inputs(std::size_t tokens, std::size_t width, unsigned seed)
{
    values independent = random_values(tokens * width, seed), mix = random_values(width * width, 7);
    values inputs(tokens * width);
    plain_product::multiply_nn(serial, {independent.data(), tokens, width}, {mix.data(), width, width},
                               {inputs.data(), tokens, width});
    return inputs;
}

values gram_of(values& inputs, std::size_t width)
{
    values gram(width * width);
    plain_product::add_gram(serial, {inputs.data(), inputs.size() / width, width}, {gram.data(), width, width});
    return gram;
}

double output_error(values& inputs, const values& a, const values& b, std::size_t width)
{
    const std::size_t tokens = inputs.size() / width, rows = a.size() / width;
    double sum = 0;
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t r = 0; r < rows; ++r) {
            double difference = 0;
            for (std::size_t i = 0; i < width; ++i)
                difference += (static_cast<double>(a[r * width + i]) - b[r * width + i]) * inputs[t * width + i];
            sum += difference * difference;
        }
    return sum;
}

/// Rounds with the feedback matrix, or with zeros for rounding column by column.
template <class Format>
values rounded(const values& weight, values feedback, std::size_t width, const Format& format)
{
    const std::size_t rows = weight.size() / width;
    const std::size_t at_once = std::min<std::size_t>(rows, 128); // a batch of every format, and a rest
    values out = weight, differences(at_once * width);
    const matrix_view<float> difference{differences.data(), at_once, width};
    values scratch(awq::feedback_scratch(format, difference));
    const auto ignore = [](auto&&...) {};
    awq::round_with_feedback<plain_product>(serial, {out.data(), rows, width},
                                            matrix_view<const float>{feedback.data(), width, width}, {}, format,
                                            difference, scratch, ignore);
    return out;
}

values feedback_of(values gram, std::size_t width)
{
    values scratch(width * awq::cholesky_panel);
    REQUIRE(awq::make_feedback<plain_product>(serial, {gram.data(), width, width}, 0.01f, scratch));
    return gram;
}

} // namespace

TEST_CASE("a Cholesky factor times itself is the matrix, and solving undoes multiplying")
{
    for (const std::size_t n : {1u, 5u, 96u, 97u, 200u, 400u}) {
        values inputs = correlated_inputs(4 * n, n, 3);
        values matrix = gram_of(inputs, n);
        for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] *= 1.05f;
        values factor = matrix, scratch(n * 5); // strips of a few rows
        REQUIRE(awq::factor_cholesky<plain_product>(serial, {factor.data(), n, n}, scratch));
        double worst = 0, largest = 0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j <= i; ++j) {
                double sum = 0;
                for (std::size_t k = 0; k <= j; ++k) sum += static_cast<double>(factor[i * n + k]) * factor[j * n + k];
                worst = std::max(worst, std::abs(sum - matrix[i * n + j]));
                largest = std::max(largest, std::abs(static_cast<double>(matrix[i * n + j])));
            }
        CHECK(worst < 2e-6 * largest);
        values restored = factor; // what is above the diagonal stayed
        for (std::size_t i = 0; i < n; ++i) restored[i * n + i] = matrix[i * n + i];
        awq::mirror_upper(serial, {restored.data(), n, n});
        CHECK(restored == matrix);

        const values wanted = random_values(3 * n, 11);
        values solved = wanted, back(3 * n);
        awq::solve_cholesky<plain_product>(serial, {factor.data(), n, n}, {solved.data(), 3, n}, scratch);
        plain_product::multiply_nn(serial, {solved.data(), 3, n}, {matrix.data(), n, n}, {back.data(), 3, n});
        for (std::size_t i = 0; i < back.size(); ++i) CHECK(back[i] == Approx(wanted[i]).margin(2e-3));
    }
}

TEST_CASE("a matrix that is not positive definite is refused")
{
    values matrix{1, 2, 2, 1}, scratch(awq::cholesky_scratch(2));
    CHECK_FALSE(awq::factor_cholesky<plain_product>(serial, {matrix.data(), 2, 2}, scratch));
    values zeros(4);
    CHECK_FALSE(awq::make_feedback<plain_product>(serial, {zeros.data(), 2, 2}, 0.01f, scratch));
}

TEST_CASE("the feedback matrix is the rescaled upper factor: R R^T is the damped Gram matrix")
{
    const std::size_t n = 70;
    values inputs = correlated_inputs(300, n, 5), gram = gram_of(inputs, n);
    const values feedback = feedback_of(gram, n);
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) mean += gram[i * n + i] / static_cast<double>(n);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) // F_ij = R_ij / R_jj, so R = F diag(R_jj)
        for (std::size_t j = i; j < n; ++j) {
            double sum = 0;
            for (std::size_t k = j; k < n; ++k) {
                const auto entry = [&](std::size_t row) {
                    const double diagonal = feedback[k * n + k];
                    return row == k ? diagonal : feedback[row * n + k] * diagonal;
                };
                sum += entry(i) * entry(j);
            }
            const double damped = gram[i * n + j] + (i == j ? 0.01 * mean : 0.0);
            worst = std::max(worst, std::abs(sum - damped) / mean);
        }
    CHECK(worst < 1e-4);
}

TEST_CASE("without feedback the codes are those of the format alone")
{
    const std::size_t width = 64;
    const awq::integer_quantizer format{awq::scheme{4, false}, 32};
    const values weight = random_values(8 * width, 2);
    const values out = rounded(weight, values(width * width), width, awq::integer_feedback_format{format});
    values expected(weight.size());
    format.pseudo_quantize({weight.data(), 8, width}, {}, {expected.data(), 8, width});
    CHECK(out == expected);
}

TEST_CASE("feedback lowers the output error of integer and GGUF formats")
{
    const std::size_t width = 256;
    values inputs = correlated_inputs(1024, width, 9);
    const values gram = gram_of(inputs, width), weight = random_values(16 * width, 4);
    const values feedback = feedback_of(gram, width), none(width * width);
    const auto gain = [&](const auto& format) {
        const double plain = output_error(inputs, weight, rounded(weight, none, width, format), width);
        return output_error(inputs, weight, rounded(weight, feedback, width, format), width) / plain;
    };
    for (const int bits : {2, 3, 4}) {
        for (const int clip_steps : {1, 20}) {
            const awq::integer_quantizer integer{{bits, false}, 64, awq::dtype::f32, clip_steps};
            CHECK(gain(awq::integer_feedback_format{integer}) < 0.7);
        }
    }
    const values energies(16, 1.0f);
    for (const auto type : {awq::gguf::type::q4_0, awq::gguf::type::q4_k, awq::gguf::type::q3_k, awq::gguf::type::q2_k,
                            awq::gguf::type::q6_k})
        CHECK(gain(awq::gguf_feedback_format<awq::gguf::scalar_engine>{type, energies}) < 0.7);
}

TEST_CASE("clipping lowers the squared error of a group with an outlier")
{
    values group = random_values(128, 6);
    group[5] = 12.0f;
    const auto error = [&](int clip_steps, const values& importance) {
        const awq::integer_quantizer format{{3, false}, 128, awq::dtype::f32, clip_steps};
        values rounded(group.size());
        format.pseudo_quantize({group.data(), 1, 128}, importance, {rounded.data(), 1, 128});
        double sum = 0;
        for (std::size_t i = 0; i < group.size(); ++i)
            sum += (importance.empty() ? 1.0 : importance[i]) * std::pow(group[i] - rounded[i], 2);
        return sum;
    };
    CHECK(error(20, {}) < 0.8 * error(1, {}));
    values importance(group.size(), 1.0f);
    importance[5] = 1000.0f; // the outlier is what matters: its range stays
    CHECK(error(20, importance) <= error(1, importance));
}

TEST_CASE("the least-squares target makes up for inputs that an earlier layer has changed")
{
    const std::size_t width = 96, tokens = 2000, rows = 12;
    values original = correlated_inputs(tokens, width, 13);
    values changed = original, shift = original;
    const values noise = random_values(changed.size(), 14);
    for (std::size_t i = 0; i < changed.size(); ++i) changed[i] += 2.0f * noise[i];
    for (std::size_t i = 0; i < shift.size(); ++i) shift[i] -= changed[i];
    const values gram = gram_of(changed, width);
    values cross(width * width);
    plain_product::add_cross_gram(serial, {shift.data(), tokens, width}, {changed.data(), tokens, width},
                                  {cross.data(), width, width});
    const values weight = random_values(rows * width, 15);
    const auto error = [&](const values& candidate) {
        values expected(tokens * rows), actual(tokens * rows);
        plain_product::multiply_nt(serial, {original.data(), tokens, width}, {weight.data(), rows, width},
                                   {expected.data(), tokens, rows});
        plain_product::multiply_nt(serial, {changed.data(), tokens, width}, {candidate.data(), rows, width},
                                   {actual.data(), tokens, rows});
        double sum = 0;
        for (std::size_t i = 0; i < actual.size(); ++i)
            sum += (static_cast<double>(actual[i]) - expected[i]) * (actual[i] - expected[i]);
        return sum;
    };
    const auto target_with = [&](float share) {
        values target = weight, kept = gram;
        values transfer = cross, scratch(width * 5);
        const matrix_view<float> factor{kept.data(), width, width}, solved{transfer.data(), width, width};
        REQUIRE(awq::factor_damped_gram<plain_product>(serial, factor, 0.001f, scratch));
        awq::solve_cholesky<plain_product>(serial, factor, solved, scratch);
        awq::move_to_target<plain_product>(serial, {target.data(), rows, width}, solved, share, scratch);
        return target;
    };
    const values target = target_with(1.0f), half = target_with(0.5f);
    CHECK(target_with(0.0f) == weight);
    for (std::size_t i = 0; i < half.size(); ++i) CHECK(std::fabs(half[i] - 0.5f * (weight[i] + target[i])) < 1e-5f);
    CHECK(error(target) < error(half));
    CHECK(error(half) < error(weight));
    CHECK(error(target) < 0.9 * error(weight));
    values nudged = target; // a minimum: any step away from it is worse
    for (float& value : nudged) value *= 1.01f;
    CHECK(error(target) < error(nudged));
}

TEST_CASE("feedback onto FP8 and FP4 lowers the output error, at the edges of blocks too")
{
    const std::size_t width = 160, rows = 150; // FP8 blocks are cut in both directions
    values inputs = correlated_inputs(4 * width, width, 11);
    const values weight = random_values(rows * width, 12), zeros(width * width);
    const values feedback = feedback_of(gram_of(inputs, width), width);
    const auto check = [&](const auto& format, double part) {
        const values plain = rounded(weight, zeros, width, format);
        const values better = rounded(weight, feedback, width, format);
        CHECK(output_error(inputs, weight, better, width) < part * output_error(inputs, weight, plain, width));
        return plain;
    };
    const auto simulated = [&](const auto& quantizer) {
        values out(weight.size());
        REQUIRE(awq::pseudo_quantize(serial, quantizer, {weight.data(), rows, width}, {}, {out.data(), rows, width}));
        return out;
    };
    const awq::fp8_quantizer channels{1, 0}, blocks{128, 128};
    const auto nvfp4 = awq::fp4_quantizer{awq::fp4_kind::nvfp4}.for_magnitude(4.5f);
    // Without feedback the columns are rounded as the quantizer rounds them.
    CHECK(check(awq::fp8_feedback_format<1>{channels}, 0.8) == simulated(channels));
    CHECK(check(awq::fp8_feedback_format<128>{blocks}, 0.8) == simulated(blocks));
    CHECK(check(awq::fp4_feedback_format{nvfp4}, 0.8) == simulated(nvfp4));
    const awq::fp4_quantizer mxfp4{awq::fp4_kind::mxfp4};
    CHECK(check(awq::fp4_feedback_format{mxfp4}, 0.8) == simulated(mxfp4));
    awq::fp4_quantizer clipped = mxfp4;
    clipped.clip_steps = 20;
    CHECK(check(awq::fp4_feedback_format{clipped}, 0.9) == simulated(clipped));
}
