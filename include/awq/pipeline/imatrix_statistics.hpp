// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_IMATRIX_STATISTICS_HPP
#define AWQ_PIPELINE_IMATRIX_STATISTICS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/imatrix.hpp>
#include <awq/pipeline/block_statistics.hpp>
#include <awq/pipeline/gguf_layout.hpp>
#include <awq/pipeline/importance_cover.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// A block's input under the name of the first weight that reads it.
inline result<std::string> importance_name(const model_config& config, std::size_t layer,
                                           std::string_view input)
{
    AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(config));
    const auto place =
        gguf::to_gguf(*arch, block_prefix(config, layer) + std::string{input} + ".weight");
    return place ? place->name : std::string{input};
}

} // namespace detail

/// Reads an importance matrix that has what `fill_statistics` takes, for every block. Errors: those of
/// `imatrix::read`; `missing_tensor` where it lacks a layer, `shape_mismatch` where it is of another
/// model.
inline result<imatrix> read_statistics(const std::string& path, const model_config& config)
{
    AWQ_TRY(imatrix matrix, imatrix::read(path));
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        for (const block_input& input : layout_of(config, layer).inputs) {
            AWQ_TRY(const std::string name, detail::importance_name(config, layer, input.name));
            const auto found = matrix.entries.find(name);
            if (found == matrix.entries.end())
                return error{error_code::missing_tensor, path, ": has ",
                             detail::first_entry(matrix), ", but none for \"", name,
                             "\"; give a matrix of all layers of this model, or --dataset"};
            AWQ_CHECK(detail::check_columns(found->second, path, name, input.width));
        }
    return matrix;
}

/// Statistics of a block's inputs from an importance matrix instead of a forward pass. It knows
/// E[x^2] only, so E[|x|] is taken to be its root, and the Gram matrix to be diagonal: with it the
/// error of a layer's output becomes the sum of E[x^2] times the squared error of the weights.
/// Errors: `missing_tensor` where the matrix lacks a layer, `shape_mismatch` where it is of another
/// model.
inline status fill_statistics(const imatrix& matrix, const model_config& config, std::size_t layer,
                              const block_layout& layout, block_statistics& into)
{
    for (const block_input& input : layout.inputs) {
        AWQ_TRY(const std::string name, detail::importance_name(config, layer, input.name));
        AWQ_TRY(const auto means, matrix.mean_squares(name));
        const imatrix_entry& entry = matrix.entries.find(name)->second;
        input_statistics& statistics = into.of(input.name);
        AWQ_CHECK(detail::check_columns(entry, "the importance matrix", name,
                                        statistics.in_features()));
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
