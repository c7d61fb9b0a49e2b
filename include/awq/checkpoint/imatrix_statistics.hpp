// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_IMATRIX_STATISTICS_HPP
#define AWQ_CHECKPOINT_IMATRIX_STATISTICS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_statistics.hpp>
#include <awq/checkpoint/gguf_inventory.hpp>
#include <awq/checkpoint/importance_cover.hpp>
#include <awq/io/imatrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace awq {

namespace detail {

/// Where an importance matrix has a value of a block.
struct importance_place {
    std::string name;       ///< of the first weight that reads it
    std::size_t matrix = 0; ///< of the stack that the weight is
    std::size_t count = 1;
};

/// The places of a block's inputs. Those that no whole tensor of a file reads have their layer's name,
/// which no matrix has.
inline result<std::vector<importance_place>> importance_places(const model_config& config, std::size_t layer,
                                                               const block_layout& layout)
{
    AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(config));
    AWQ_TRY(const auto inventory, gguf_inventory::of_block(config, *arch, layer));
    std::vector<importance_place> places;
    for (const block_input& each : layout.inputs) {
        const auto* const found = inventory.whole(block_prefix(config, layer) + each.name + ".weight");
        if (!found) {
            places.push_back({each.name});
            continue;
        }
        const gguf_tensor& tensor = inventory.tensor(*found);
        places.push_back({tensor.name, tensor.matrix_of(inventory.part(*found)), tensor.matrices()});
    }
    return places;
}

} // namespace detail

/// Reads an importance matrix that has what `fill_statistics` takes, for every block. Errors: those of
/// `imatrix::read`; `missing_tensor` where it lacks a layer, `shape_mismatch` where it is of another
/// model.
inline result<imatrix> read_statistics(const std::string& path, const model_config& config)
{
    AWQ_TRY(imatrix matrix, imatrix::read(path));
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
        const block_layout layout = layout_of(config, layer);
        AWQ_TRY(const auto places, detail::importance_places(config, layer, layout));
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto found = matrix.entries.find(places[i].name);
            if (found == matrix.entries.end())
                return error{error_code::missing_tensor,
                             path,
                             ": has ",
                             detail::first_entry(matrix),
                             ", but none for \"",
                             places[i].name,
                             "\"; give a matrix of all layers of this model, or --dataset"};
            AWQ_CHECK(
                detail::check_columns(found->second, path, places[i].name, layout.inputs[i].width, places[i].count));
        }
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
    AWQ_TRY(const auto places, detail::importance_places(config, layer, layout));
    for (std::size_t at = 0; at < places.size(); ++at) {
        const auto& [name, matrix_index, count] = places[at];
        AWQ_TRY(const auto all, matrix.mean_squares(name));
        const imatrix_entry& entry = matrix.entries.find(name)->second;
        input_statistics& statistics = into.of(layout.inputs[at].name);
        const std::size_t columns = statistics.in_features();
        AWQ_CHECK(detail::check_columns(entry, "the importance matrix", name, columns, count));
        const auto means = std::span{all}.subspan(matrix_index * columns, columns);
        activation_stats& sums = statistics.sums();
        const float seen = entry.counts[std::min(matrix_index, entry.counts.size() - 1)];
        sums.tokens = static_cast<std::uint64_t>(std::fmax(1.0f, seen));
        const auto tokens = static_cast<double>(sums.tokens);
        for (std::size_t i = 0; i < means.size(); ++i) {
            const double mean = means[i];
            sums.square_sum[i] = mean * tokens;
            sums.abs_sum[i] = std::sqrt(mean) * tokens;
            if (statistics.gram().is_matrix()) statistics.gram().matrix()(i, i) = static_cast<float>(mean * tokens);
        }
        statistics.count_in_gram(sums.tokens);
    }
    return {};
}

} // namespace awq

#endif
