// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_IMATRIX_STATISTICS_HPP
#define AWQ_PIPELINE_IMATRIX_STATISTICS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/imatrix.hpp>
#include <awq/pipeline/block_statistics.hpp>
#include <awq/pipeline/gguf_layout.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace awq {

/// Statistics of a block's inputs from an importance matrix instead of a forward pass. It knows
/// E[x^2] only, so E[|x|] is taken to be its root, and the Gram matrix to be diagonal: with it the
/// error of a layer's output becomes the sum of E[x^2] times the squared error of the weights.
/// Errors: `missing_tensor` where the matrix lacks a layer, `shape_mismatch` where it is of another
/// model.
inline status fill_statistics(const imatrix& matrix, const model_config& config, std::size_t layer,
                              block_statistics& into)
{
    AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(config));
    for (const std::string_view input : block_statistics::inputs) {
        const auto place =
            gguf::to_gguf(*arch, block_prefix(layer) + std::string{input} + ".weight");
        AWQ_TRY(const auto means, matrix.mean_squares(place ? place->name : std::string{input}));
        const imatrix_entry& entry = matrix.entries.find(place->name)->second;
        input_statistics& statistics = into.of(input);
        if (means.size() != statistics.in_features())
            return error{error_code::shape_mismatch, "the importance matrix has ", means.size(),
                         " columns for ", place->name, ", which has ", statistics.in_features(),
                         "; it belongs to another model"};
        activation_stats& sums = statistics.sums();
        sums.tokens = static_cast<std::uint64_t>(std::fmax(1.0f, entry.counts.front()));
        const auto tokens = static_cast<double>(sums.tokens);
        for (std::size_t i = 0; i < means.size(); ++i) {
            const double mean = means[i];
            sums.square_sum[i] = mean * tokens;
            sums.abs_sum[i] = std::sqrt(mean) * tokens;
            if (statistics.has_gram()) sums.gram(i, i) = static_cast<float>(mean * tokens);
        }
    }
    return {};
}

} // namespace awq

#endif
