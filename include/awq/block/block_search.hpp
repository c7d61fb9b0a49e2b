// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_SEARCH_HPP
#define AWQ_BLOCK_BLOCK_SEARCH_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_statistics.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/block/parent_loss.hpp>
#include <awq/device/device.hpp>
#include <awq/execution/machines.hpp>
#include <awq/model/mapping/block_mappings.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/recipe/block_settings.hpp>
#include <awq/report/mapping_report.hpp>
#include <awq/search/row_sample.hpp>
#include <awq/search/search_problem.hpp>
#include <awq/smoothing/offset_norm_scales.hpp>
#include <awq/smoothing/scale_limits.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Which quantizer the search simulates for a linear layer of the block; null: none.
using quantizer_choice = std::function<const any_quantizer*(std::string_view linear)>;

/// The element type that a tensor of the checkpoint is stored with, by its full name.
using storage_choice = std::function<dtype(std::string_view tensor)>;

/// Searches and applies the scales of one decoder block, mapping by mapping. `all`: the machines that do this together;
/// each applies what they found.
class AWQ_ABI_TAG block_search {
public:
    block_search(device& machine, const block_context& context, block_tensors& block, block_statistics& statistics,
                 const parent_recorder& recorder, const quantizer_choice& quantizers, const storage_choice& storage,
                 const block_settings& options, machines& all = alone())
        : machine_(machine), context_(context), block_(block), statistics_(statistics), recorder_(recorder),
          quantizers_(quantizers), storage_(storage), options_(options), all_(all)
    {}

    /// Smooths one mapping, unless there is a reason not to; the report says which.
    result<mapping_report> smooth(const resolved_mapping& mapping)
    {
        auto report = search_and_apply(mapping);
        samples_.clear();
        for (const std::string& name : mapping.balance_layers) block_.release(name);
        if (!mapping.smooth_is_norm) block_.release(mapping.smooth_layer);
        return report;
    }

private:
    result<mapping_report> search_and_apply(const resolved_mapping& mapping)
    {
        AWQ_CHECK(check_data_flow(block_.layout(), mapping));
        mapping_report report = begin_report(mapping);
        const std::vector<std::uint32_t> column_scales = shared_scales(mapping);
        if (!report.skipped.empty()) return report;
        std::vector<search_layer<any_quantizer>> layers;
        std::vector<std::vector<float>> importances;
        AWQ_CHECK(collect_layers(mapping, layers, importances, report));
        if (!report.skipped.empty()) return report;
        const std::vector<float> x_mean = inputs_of(mapping).x_mean();
        search_problem<any_quantizer> problem{layers, x_mean};
        problem.column_scales = column_scales;
        if (!column_scales.empty()) problem.scale_count = column_scales.size() / output_of(mapping).share;
        std::vector<double> smallest(problem.scales()), largest(problem.scales());
        limit_scales(mapping, column_scales, {smallest, largest});
        problem.smallest_scales = smallest;
        problem.largest_scales = largest;
        auto found = search(mapping, problem);
        if (!found) return found.error().within(report.smooth_layer);
        AWQ_TRY(report.skipped, apply(mapping, problem, found->scales));
        if (!report.skipped.empty()) return report;
        report.initial_error = found->initial_error;
        report.best_error = found->best_error;
        report.best_ratio = found->ratio;
        report.duo_scaling = found->duo_scaling;
        report.skipped_candidates = found->skipped_candidates;
        return report;
    }

    input_statistics& inputs_of(const resolved_mapping& mapping)
    {
        return statistics_.of(mapping.balance_layers.front());
    }

    const block_output& output_of(const resolved_mapping& mapping) const
    {
        return *find_output(block_.layout(), mapping.smooth_layer);
    }

    mapping_report begin_report(const resolved_mapping& mapping)
    {
        mapping_report report;
        const std::string& prefix = block_.prefix();
        report.layer = prefix.substr(0, prefix.size() - 1);
        report.smooth_layer = prefix + mapping.smooth_layer;
        for (const std::string& name : mapping.balance_layers) report.balance_layers.push_back(prefix + name);
        report.tokens = inputs_of(mapping).tokens();
        report.skipped = shares_scales(mapping) ? std::string{} : mapping.reason;
        if (is_starved(mapping, report.tokens)) report.skipped = "few tokens were routed to the expert";
        if (report.tokens == 0) report.skipped = "no token was routed to the expert";
        return report;
    }

    /// Whether an expert was given so few tokens that scales by them are worse than none, as measured.
    bool is_starved(const resolved_mapping& mapping, std::uint64_t tokens) const
    {
        constexpr std::size_t share = 8; // of the channels
        const block_layout& layout = block_.layout();
        const block_linear* const reader = layout.find(mapping.balance_layers.front());
        if (!reader || tokens >= reader->in_features / share) return false;
        const auto input = std::ranges::find(layout.inputs, reader->reads, &block_input::value);
        return input != layout.inputs.end() && input->is_routed;
    }

    bool shares_scales(const resolved_mapping& mapping) const noexcept
    {
        return mapping.skipped == skip_cause::grouped_query && (options_.smooth_grouped_query || options_.all_mappings);
    }

    /// Which output of v_proj each input of o_proj is a mix of, where query heads share those of one
    /// key-value head; empty where they do not.
    std::vector<std::uint32_t> shared_scales(const resolved_mapping& mapping) const
    {
        if (!shares_scales(mapping)) return {};
        return column_scales_of(block_.layout(), output_of(mapping));
    }

    status collect_layers(const resolved_mapping& mapping, std::vector<search_layer<any_quantizer>>& layers,
                          std::vector<std::vector<float>>& importances, mapping_report& report)
    {
        importances.assign(1, inputs_of(mapping).importance());
        std::string reason = "no balance layer is quantized";
        for (const std::string& name : mapping.balance_layers) {
            const matrix_view<const float> weight = sampled(mapping, block_.weight(name));
            const bool is_router = block_.layout().find(name)->is_router;
            const any_quantizer* rounding = is_router ? nullptr : quantizers_(name);
            if (const auto fits = rounding ? rounding->check(weight.cols()) : status{}; !fits) {
                reason = block_.prefix() + name + ": " + std::string{fits.error().text()};
                rounding = nullptr;
            }
            layers.push_back({weight, rounding, importances.front()});
        }
        const auto counts = [](const auto& layer) { return layer.rounding != nullptr; };
        if (std::none_of(layers.begin(), layers.end(), counts)) report.skipped = reason;
        return {};
    }

    /// Rows that stand for a weight that waits in a file, where there are many such: the loss looks at no
    /// others. Else the weight.
    matrix_view<const float> sampled(const resolved_mapping& mapping, matrix_view<const float> weight)
    {
        constexpr std::size_t few = 4, most_rows = 64;
        if (!waits(mapping) || mapping.balance_layers.size() <= few || weight.rows() <= most_rows) return weight;
        const row_sample rows{weight.rows(), most_rows};
        host_matrix& copy = samples_.emplace_back(xtensor_backend::make(rows.size(), weight.cols()));
        for (std::size_t i = 0; i < rows.size(); ++i)
            std::ranges::copy(weight.row(rows.row(i)), view_of(copy).row(i).begin());
        block_.release(weight);
        return view_of(std::as_const(copy));
    }

    /// Whether experts that wait in a file read the mapping's value.
    bool waits(const resolved_mapping& mapping) const
    {
        const auto is_elsewhere = [&](const std::string& name) {
            const block_matrix* const found = block_.find(name + ".weight");
            return found && found->is_elsewhere();
        };
        return std::ranges::any_of(mapping.balance_layers, is_elsewhere);
    }

    result<found_scales> search(const resolved_mapping& mapping, const search_problem<any_quantizer>& problem)
    {
        const input_statistics& inputs = inputs_of(mapping);
        const std::size_t parent = waits(mapping) ? none_here : parent_of(mapping);
        const bool is_exact = options_.loss == loss_kind::parent_output;
        mapping_search what{.problem = problem,
                            .options = options_.search,
                            .gram = inputs.gram().view(),
                            .tokens = inputs.gram_tokens(),
                            .rows = is_exact ? all_rows : options_.search.deciding_rows,
                            .is_screened = !is_exact,
                            .all = all_};
        if (options_.loss == loss_kind::gram || parent == none_here) return machine_.search(what);
        const parent_inputs& recorded = *recorder_.find(mapping.balance_layers.front());
        const auto forward = [&](std::span<const matrix_view<const float>> candidates, const sequences& batch,
                                 matrix_view<const float> input, matrix_view<float> output) {
            return run_parent(parent, mapping, candidates, batch, input, output);
        };
        recorded_parent_loss loss{machine_, recorded, forward};
        AWQ_CHECK(loss.prepare());
        what.exact = std::ref(loss);
        return machine_.search(what);
    }

    /// The part that alone reads what several balance layers read: it is run for the exact loss. Of a
    /// single balance layer the Gram matrix says the same; so it must where parts share a value.
    std::size_t parent_of(const resolved_mapping& mapping) const
    {
        const block_layout& layout = block_.layout();
        const value_id value = layout.find(mapping.balance_layers.front())->reads;
        std::size_t found = none_here;
        if (mapping.balance_layers.size() < 2) return found;
        for (std::size_t i = 0; i < layout.parts.size(); ++i) {
            if (ends_of(layout.parts[i]).first != value) continue;
            if (found != none_here) return none_here;
            found = i;
        }
        return found;
    }

    /// The parent with candidate weights in the place of the mapping's balance layers.
    status run_parent(std::size_t parent, const resolved_mapping& mapping,
                      std::span<const matrix_view<const float>> candidates, const sequences& batch,
                      matrix_view<const float> input, matrix_view<float> output)
    {
        block_weights weights = block_.weights();
        for (std::size_t i = 0; i < candidates.size(); ++i)
            weights.tensors[weights.layout->find(mapping.balance_layers[i])->weight] = candidates[i];
        return part_forward(machine_, context_, weights, batch, parent, input, output);
    }

    smooth_target target_of(const resolved_mapping& mapping, std::span<const std::uint32_t> rows)
    {
        const matrix_view<float> weight = block_.weight(mapping.smooth_layer);
        block_matrix* const bias = block_.find(mapping.smooth_layer + ".bias");
        const std::span<float> bias_values = bias ? values_of(*bias) : std::span<float>{};
        if (!mapping.smooth_is_norm) {
            smooth_target target = smooth_target::of_linear(weight, bias_values);
            target.rows = rows;
            return target;
        }
        return smooth_target::of_norm(weight.row(0), bias_values, context_.config.offset_norms);
    }

    /// Every tensor of the mapping will be stored as the checkpoint stores it.
    void limit_scales(const resolved_mapping& mapping, std::span<const std::uint32_t> column_scales,
                      const scale_limits& limits)
    {
        const auto storage = [&](const std::string& module) { return storage_(block_.prefix() + module + ".weight"); };
        limits.clear();
        const auto rows = row_scales_of(block_.layout(), output_of(mapping));
        machine_.limit_smooth(limits, target_of(mapping, rows), storage(mapping.smooth_layer));
        for (const std::string& name : mapping.balance_layers) {
            const matrix_view<const float> weight = block_.weight(name);
            machine_.limit_balance(limits, weight, storage(name), column_scales);
            block_.release(weight);
        }
    }

    /// Smooths, and gives the reason where the scales cannot be stored after all.
    result<std::string> apply(const resolved_mapping& mapping, const search_problem<any_quantizer>& problem,
                              std::span<const double> found)
    {
        const std::span<const std::uint32_t> column_scales = problem.column_scales;
        std::vector<matrix_view<float>> balances;
        for (const std::string& name : mapping.balance_layers) balances.push_back(block_.weight(name));
        const auto rows = row_scales_of(block_.layout(), output_of(mapping));
        const smooth_target target = target_of(mapping, rows);
        std::vector<double> scales(found.begin(), found.end());
        if (target.norm && target.offset) {
            adapt_to_offset_norm(target.weight.row(0), scales);
            if (!problem.can_store(scales))
                return std::string{"the weights' type cannot hold the scales of a norm of 1 + weight"};
        }
        AWQ_CHECK(divide(mapping, {target, balances, column_scales}, scales));
        std::vector<double> by_column = scales;
        if (!column_scales.empty()) {
            by_column.resize(column_scales.size());
            for (std::size_t c = 0; c < by_column.size(); ++c) by_column[c] = scales[column_scales[c]];
        }
        inputs_of(mapping).divide_inputs(machine_, by_column);
        return std::string{};
    }

    /// Of a value that is the square of relu, the smooth layer is divided by the roots of the scales.
    status divide(const resolved_mapping& mapping, const awq::mapping& pair, std::span<const double> scales) const
    {
        const bool is_rooted = output_of(mapping).kind == output_kind::rooted;
        if (!is_rooted && waits(mapping)) return divide_one_by_one(pair, scales);
        if (!is_rooted) return machine_.apply_scales(pair, scales);
        std::vector<double> roots(scales.begin(), scales.end());
        for (double& scale : roots) scale = std::sqrt(scale);
        AWQ_CHECK(machine_.apply_scales(pair, roots));
        std::vector<float> ones(roots.size(), 1.0f); // stands for the other half of the layer
        return machine_.apply_scales({smooth_target::of_norm(ones), pair.balances, pair.column_scales}, roots);
    }

    /// The same, but no two balance layers have to be in memory.
    status divide_one_by_one(const awq::mapping& pair, std::span<const double> scales) const
    {
        smooth_target target = pair.smooth;
        std::vector<float> ones(scales.size(), 1.0f);
        for (const matrix_view<float>& balance : pair.balances) {
            AWQ_CHECK(machine_.apply_scales(awq::mapping{{target, {&balance, 1}, pair.column_scales}}, scales));
            block_.release(balance);
            std::ranges::fill(ones, 1.0f);
            target = smooth_target::of_norm(ones); // the smooth layer is divided once
        }
        return {};
    }

    std::vector<host_matrix> samples_; ///< of the mapping that is searched
    device& machine_;
    const block_context& context_;
    block_tensors& block_;
    block_statistics& statistics_;
    const parent_recorder& recorder_;
    const quantizer_choice& quantizers_;
    const storage_choice& storage_;
    const block_settings& options_;
    machines& all_;
};

} // namespace awq

#endif
