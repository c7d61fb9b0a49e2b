// SPDX-License-Identifier: MIT
#ifndef AWQ_ALLOCATE_TYPE_SENSITIVITY_HPP
#define AWQ_ALLOCATE_TYPE_SENSITIVITY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/allocate/type_allocation.hpp>
#include <awq/block/activation_stream.hpp>
#include <awq/block/block_statistics.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/checkpoint/gguf_layout.hpp>
#include <awq/evaluate/divergence.hpp>
#include <awq/evaluate/evaluate.hpp>
#include <awq/quantization/gguf/quantize_rows.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// A tensor of a GGUF file and what each type costs there: bytes, and the divergence it causes.
struct tensor_costs {
    const gguf_tensor* tensor = nullptr;
    std::vector<type_candidate> candidates;
};

/// The types that a tensor may get instead of the mix's own: of the same family, as long as a row
/// is whole blocks.
inline std::vector<gguf::type> types_beside(gguf::type base, std::size_t in_features)
{
    using gguf::type;
    const bool super_blocks = gguf::block_columns(base) == 256;
    if (super_blocks && in_features % 256 == 0)
        return {type::q2_k, type::q3_k, type::q4_k, type::q5_k, type::q6_k, type::q8_0};
    if (in_features % 32 != 0) return {};
    if (super_blocks || base == type::iq4_nl) return {type::iq4_nl, type::q4_1, type::q5_0, type::q5_1, type::q8_0};
    return {type::q4_0, type::q4_1, type::q5_0, type::q5_1, type::q8_0};
}

/// Measures what rounding one tensor alone does to a model's predictions, for each tensor.
///
/// Beside the model's own hidden states every tensor has a stream in which it, and nothing else, is
/// rounded to the mix's base type; all streams go through the model together, block by block, so
/// that it is read once for each window. The mean KL divergence at the end is the tensor's cost at
/// that type; other types cost more or less in proportion to their error, weighted with the inputs'
/// mean square, on a sample of the rows.
class AWQ_ABI_TAG type_sensitivity {
public:
    type_sensitivity(device& machine, const tensor_source& source, const gguf_layout& layout)
        : machine_(machine), source_(source), layout_(layout), base_(gguf::base_type(layout.file_type()))
    {}

    /// `windows`: texts to measure on, one after the other. Tensors that are not quantized, or whose
    /// type the user fixed, have no costs. Errors: those of reading the model.
    result<std::vector<tensor_costs>> measure(std::span<const token_ids> windows, const progress_callback& progress)
    {
        for (std::size_t i = 0; i < windows.size(); ++i) {
            trials_.clear();
            const std::string role = "measure types, window " + std::to_string(i + 1);
            AWQ_CHECK(run_blocks(windows.subspan(i, 1), progress, role));
            AWQ_CHECK(compare());
        }
        for (tensor_costs& each : costs_)
            for (type_candidate& candidate : each.candidates) candidate.error /= static_cast<double>(windows.size());
        return std::move(costs_);
    }

private:
    static constexpr std::size_t sampled_rows = 128;

    /// A stream in which one tensor is rounded.
    struct trial {
        std::size_t cost = 0; ///< index of the tensor
        host_matrix hidden;
        bool rounds_head = false;
        std::vector<running_divergence> divergences;
    };

    status run_blocks(std::span<const token_ids> window, const progress_callback& progress, const std::string& role)
    {
        AWQ_TRY(stream_, activation_stream::make(machine_, source_, window));
        AWQ_CHECK(try_embeddings());
        const std::size_t layers = source_.config().num_hidden_layers;
        for (std::size_t layer = 0; layer < layers; ++layer) {
            notify(progress, role, layer, layers);
            AWQ_CHECK(run_block(layer));
        }
        return try_head();
    }

    const gguf_tensor* choosable(const std::string& hf_name) const
    {
        const gguf_tensor* const found = layout_.find(hf_name);
        return found && !found->is_fixed && gguf::is_quantized(found->type) ? found : nullptr;
    }

    gguf::simd_block_quantizer reference_for(const gguf_tensor& tensor) const
    {
        return gguf::simd_block_quantizer{gguf::fitting_type(base_, tensor.cols())};
    }

    /// Begins the stream of a tensor; the first window also finds out how its types compare.
    trial& begin(const gguf_tensor& tensor, matrix_view<const float> weight, std::span<const float> importance)
    {
        const auto known = std::find_if(costs_.begin(), costs_.end(),
                                        [&](const tensor_costs& each) { return each.tensor == &tensor; });
        const auto index = static_cast<std::size_t>(known - costs_.begin());
        if (known == costs_.end()) {
            costs_.push_back({&tensor, {}});
            shares_.push_back(error_shares(tensor, weight, importance));
            for (const auto& [type, share] : shares_.back())
                costs_.back().candidates.push_back({type, bytes_of(tensor, type), 0.0});
        }
        trials_.push_back({index, copy_of_hidden(), false, {}});
        return trials_.back();
    }

    static std::uint64_t bytes_of(const gguf_tensor& tensor, gguf::type type)
    {
        return gguf::simd_block_quantizer{type}.row_bytes(tensor.cols()) * tensor.rows();
    }

    using share_of_type = std::pair<gguf::type, double>;

    /// The error of each type in units of the reference's.
    std::vector<share_of_type> error_shares(const gguf_tensor& tensor, matrix_view<const float> weight,
                                            std::span<const float> importance) const
    {
        std::vector<gguf::type> types = types_beside(base_, tensor.cols());
        if (std::find(types.begin(), types.end(), tensor.type) == types.end()) types.push_back(tensor.type);
        const gguf::type reference = reference_for(tensor).type();
        const double unit = rounding_error(reference, weight, importance);
        std::vector<share_of_type> shares;
        for (const gguf::type type : types) {
            const double error = rounding_error(type, weight, importance);
            shares.emplace_back(type, unit > 0 ? error / unit : 0.0);
        }
        return shares;
    }

    double rounding_error(gguf::type type, matrix_view<const float> weight, std::span<const float> importance) const
    {
        const std::size_t count = std::min(sampled_rows, weight.rows());
        std::vector<double> errors(count);
        machine_.tasks().for_each(count, [&](std::size_t i) {
            const auto row = weight.rows_from(i * weight.rows() / count, 1);
            std::vector<float> rounded(weight.cols());
            gguf::simd_block_quantizer{type}.pseudo_quantize(row, importance, {rounded.data(), 1, rounded.size()});
            for (std::size_t c = 0; c < rounded.size(); ++c) {
                const double off = static_cast<double>(rounded[c]) - row(0, c);
                errors[i] += off * off * (importance.empty() ? 1.0 : importance[c]);
            }
        });
        double sum = 0;
        for (const double error : errors) sum += error;
        return sum;
    }

    host_matrix copy_of_hidden() const { return host_matrix{stream_.hidden().table()}; }

    status try_embeddings()
    {
        const gguf_tensor* const tensor = choosable(source_.config().names.embeddings + ".weight");
        if (!tensor) return {};
        AWQ_TRY(const host_matrix sample, sample_of(*tensor));
        trial& made = begin(*tensor, view_of(sample), {});
        made.rounds_head = source_.config().tie_word_embeddings;
        round_rows(reference_for(*tensor), view_of(made.hidden), source_.config().embedding_scale());
        return {};
    }

    /// Some rows of a table that is never read as a whole.
    result<host_matrix> sample_of(const gguf_tensor& tensor) const
    {
        const std::size_t count = std::min(sampled_rows, tensor.rows());
        host_matrix rows = xtensor_backend::make(count, tensor.cols());
        for (std::size_t i = 0; i < count; ++i)
            AWQ_CHECK(source_.read_rows(tensor.parts.front().hf_name, i * tensor.rows() / count,
                                        view_of(rows).rows_from(i, 1)));
        return rows;
    }

    /// Rounds what the file holds of rows that were multiplied by `scale`.
    void round_rows(const gguf::simd_block_quantizer& rounding, matrix_view<float> rows, float scale = 1.0f) const
    {
        machine_.tasks().for_each(rows.rows(), [=](std::size_t row) {
            const auto one = rows.rows_from(row, 1);
            for (float& value : one.row(0)) value /= scale;
            rounding.pseudo_quantize(one, {}, one);
            kernels::simd::scale(scale, one.row(0), one.row(0));
        });
    }

    status run_block(std::size_t layer)
    {
        AWQ_TRY(block_tensors block, block_tensors::load(machine_, source_, layer));
        AWQ_CHECK(forward_trials(layer, block));
        const host_matrix before = copy_of_hidden();
        block_statistics statistics{block.layout()};
        AWQ_CHECK(stream_.advance(
            machine_, source_.config(), layer, block.weights(), [](const sequence_chunk&) {},
            statistics.observer(machine_)));
        for (const block_linear& each : block.layout().linears) {
            const std::string_view linear = each.name;
            const gguf_tensor* const tensor = choosable(block.prefix() + std::string{linear} + ".weight");
            if (tensor)
                AWQ_CHECK(try_linear(*tensor, layer, block, linear, statistics.of(linear).importance(), before));
        }
        return {};
    }

    status try_linear(const gguf_tensor& tensor, std::size_t layer, block_tensors& block, std::string_view linear,
                      const std::vector<float>& importance, const host_matrix& before)
    {
        const matrix_view<float> weight = block.weight(linear);
        trial& made = begin(tensor, weight, importance);
        made.hidden = before;
        const std::vector<float> kept{weight.data(), weight.data() + weight.size()};
        const gguf::simd_block_quantizer rounding = reference_for(tensor);
        AWQ_CHECK(machine_.pseudo_quantize(rounding, weight, importance, weight));
        AWQ_CHECK(forward(layer, block, view_of(made.hidden)));
        std::copy(kept.begin(), kept.end(), weight.data());
        return {};
    }

    status forward(std::size_t layer, const block_tensors& block, matrix_view<float> hidden)
    {
        return forward(layer, block, stream_.batch(), hidden);
    }
    status forward(std::size_t layer, const block_tensors& block, const sequences& batch, matrix_view<float> hidden)
    {
        return decoder_block_forward(machine_, stream_.context(source_.config(), layer), block.weights(), batch,
                                     hidden);
    }

    /// All streams over a block, as many at a time as make large products.
    status forward_trials(std::size_t layer, const block_tensors& block)
    {
        const std::size_t tokens = stream_.tokens(), width = stream_.hidden().cols();
        const std::size_t most = std::max<std::size_t>(1, tokens_per_chunk / tokens);
        host_matrix rows = xtensor_backend::make(std::min(most, trials_.size()) * tokens, width);
        for (std::size_t first = 0; first < trials_.size(); first += most) {
            const std::size_t count = std::min(most, trials_.size() - first);
            sequences batch;
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t s = 0; s < stream_.batch().count(); ++s) batch.push_back(stream_.batch().length(s));
                std::copy_n(trials_[first + i].hidden.data(), tokens * width, rows.data() + i * tokens * width);
            }
            AWQ_CHECK(forward(layer, block, batch, view_of(rows).rows_from(0, count * tokens)));
            for (std::size_t i = 0; i < count; ++i)
                std::copy_n(rows.data() + i * tokens * width, tokens * width, trials_[first + i].hidden.data());
        }
        return {};
    }

    /// A head of its own is rounded on the model's own hidden states.
    status try_head()
    {
        const gguf_tensor* const tensor = choosable(source_.config().names.head + ".weight");
        if (!tensor) return {};
        AWQ_TRY(const host_matrix sample, sample_of(*tensor));
        begin(*tensor, view_of(sample), {}).rounds_head = true;
        return {};
    }

    /// Adds each trial's divergence from the model to its tensor's costs.
    status compare()
    {
        AWQ_TRY(const outer_tensors outer, outer_tensors::read_norm(source_));
        const norm_view norm = outer.final_norm(source_.config());
        const std::size_t positions = scored_positions();
        const host_matrix expected = final_rows(stream_.hidden().table(), norm, positions);
        for (trial& each : trials_) {
            each.hidden = final_rows(each.hidden, norm, positions);
            each.divergences.resize(positions);
        }
        AWQ_CHECK(compare_logits(expected));
        for (const trial& each : trials_) {
            double sum = 0;
            for (const running_divergence& one : each.divergences) sum += one.value();
            auto& candidates = costs_[each.cost].candidates;
            for (std::size_t i = 0; i < candidates.size(); ++i)
                candidates[i].error += sum / static_cast<double>(positions) * shares_[each.cost][i].second;
        }
        return {};
    }

    /// Fewer where the vocabulary is large, to keep the head's products in proportion.
    std::size_t scored_positions() const
    {
        constexpr std::size_t logits = std::size_t{1} << 25;
        const std::size_t affordable = std::max<std::size_t>(128, logits / source_.config().vocab_size);
        return std::min(affordable, stream_.tokens());
    }

    /// Evenly spaced rows behind the final norm.
    host_matrix final_rows(const host_matrix& hidden, const norm_view& norm, std::size_t positions) const
    {
        const auto from = view_of(hidden);
        host_matrix rows = xtensor_backend::make(positions, from.cols());
        for (std::size_t i = 0; i < positions; ++i)
            std::copy_n(from.row(i * from.rows() / positions).data(), from.cols(), view_of(rows).row(i).data());
        const host_matrix kept = rows;
        machine_.norm(norm, view_of(kept), view_of(rows));
        return rows;
    }

    status compare_logits(const host_matrix& expected)
    {
        const std::string name = outer_tensors::head_name(source_);
        const gguf_tensor* const tensor = layout_.find(name);
        const std::size_t rows = source_.config().vocab_size, positions = expected.shape()[0];
        constexpr std::size_t at_once = 4096;
        host_matrix head = xtensor_backend::make(std::min(rows, at_once), expected.shape()[1]);
        host_matrix wanted = xtensor_backend::make(positions, std::min(rows, at_once));
        host_matrix found = xtensor_backend::make(positions, std::min(rows, at_once));
        for (std::size_t first = 0; first < rows; first += at_once) {
            const std::size_t count = std::min(at_once, rows - first);
            const auto part = view_of(head).rows_from(0, count);
            AWQ_CHECK(source_.read_rows(name, first, part));
            const matrix_view<float> reference{wanted.data(), positions, count};
            const matrix_view<float> logits{found.data(), positions, count};
            machine_.linear({part}, view_of(expected), reference);
            detail::finish_logits(machine_, source_.config(), reference);
            const auto add = [&](trial& each) {
                machine_.linear({part}, view_of(each.hidden), logits);
                detail::finish_logits(machine_, source_.config(), logits);
                machine_.tasks().for_each(
                    positions, [&](std::size_t i) { each.divergences[i].add(reference.row(i), logits.row(i)); });
            };
            for (trial& each : trials_)
                if (!each.rounds_head) add(each);
            if (tensor) round_rows(reference_for(*tensor), part);
            for (trial& each : trials_)
                if (each.rounds_head) add(each);
        }
        return {};
    }

    device& machine_;
    const tensor_source& source_;
    const gguf_layout& layout_;
    gguf::type base_;
    activation_stream stream_;
    std::vector<trial> trials_;
    std::vector<tensor_costs> costs_;
    std::vector<std::vector<share_of_type>> shares_; ///< beside `costs_`
};

} // namespace awq

#endif
