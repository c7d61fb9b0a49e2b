// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_RMS_NORM_HPP
#define AWQ_MODEL_FORWARD_RMS_NORM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/forward/linear.hpp>
#include <awq/model/model_config.hpp>

#include <span>

namespace awq {

/// Root-mean-square norm of every row (Zhang and Sennrich 2019): input and output (tokens, size),
/// weight (size). The output may be the input.
template <execution E>
void rms_norm_forward(const E& e, std::span<const float> weight, norm_rule rule,
                      matrix_view<const float> input, matrix_view<float> output)
{
    for_each_row(e, input.rows(), [&](std::size_t t) {
        kernels::simd::rms_norm(input.row(t), weight, rule.eps, output.row(t), rule.offset);
    });
}

/// The same in place, for norms that not every model has: without a weight the rows stay.
template <execution E>
void optional_norm_forward(const E& e, std::span<const float> weight, norm_rule rule,
                           matrix_view<float> rows)
{
    if (!weight.empty()) rms_norm_forward(e, weight, rule, rows, rows);
}

} // namespace awq

#endif
