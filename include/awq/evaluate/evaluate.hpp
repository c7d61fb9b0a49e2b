// SPDX-License-Identifier: MIT
#ifndef AWQ_EVALUATE_EVALUATE_HPP
#define AWQ_EVALUATE_EVALUATE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/block/outer_tensors.hpp>
#include <awq/device/device.hpp>
#include <awq/evaluate/evaluate_options.hpp>
#include <awq/evaluate/evaluation.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/report/progress.hpp>
#include <awq/support/catch_out_of_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace awq {

namespace detail {

/// A model whose windows have gone through all blocks, with what the logits need.
struct model_output {
    activation_stream stream;
    outer_tensors outer;
};

inline status round_linears(device& machine, const any_quantizer& rounding, block_tensors& block)
{
    for (const block_linear& each : block.layout().linears) {
        if (each.is_router) continue;
        const std::string_view linear = each.name;
        const matrix_view<float> weight = block.weight(linear);
        const auto done = machine.pseudo_quantize(rounding, weight, {}, weight);
        if (!done) return done.error().within(block.prefix() + std::string{linear});
    }
    return {};
}

inline result<model_output> run_model(device& machine, const tensor_source& source, std::span<const token_ids> windows,
                                      const evaluate_options& options, const char* role)
{
    AWQ_TRY(activation_stream stream, activation_stream::make(machine, source, windows));
    const std::size_t layers = source.config().num_hidden_layers;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        notify(options.progress, role, layer, layers);
        AWQ_TRY(block_tensors block, block_tensors::load(machine, source, layer));
        if (options.pseudo_quantize) AWQ_CHECK(round_linears(machine, *options.pseudo_quantize, block));
        AWQ_CHECK(stream.advance(machine, source.config(), layer, block.weights()));
    }
    notify(options.progress, role, layers, layers);
    AWQ_TRY(outer_tensors outer, outer_tensors::read_end(source));
    return model_output{std::move(stream), std::move(outer)};
}

inline status logits_of(device& machine, const tensor_source& source, const model_output& output, std::size_t first,
                        matrix_view<float> logits)
{
    const status done = logits_forward(machine, source.config(), output.outer.end(source.config()),
                                       output.stream.hidden().floats().rows_from(first, logits.rows()), logits);
    return done ? done : done.error().within(source.path());
}

/// Scores every position of one window but the last, some rows at a time.
inline status score_window(device& machine, const tensor_source& model, const model_output& output,
                           const tensor_source* reference, const model_output* expected, const token_ids& window,
                           std::size_t first_row, evaluation& into)
{
    constexpr std::size_t rows_at_once = 128;
    const std::size_t vocab = output.outer.lm_head().weight.rows();
    host_matrix logits = xtensor_backend::make(rows_at_once, vocab);
    host_matrix wanted = xtensor_backend::make(reference ? rows_at_once : 0, vocab);
    for (std::size_t at = 0; at + 1 < window.size(); at += rows_at_once) {
        const std::size_t count = std::min(rows_at_once, window.size() - 1 - at);
        const auto rows = view_of(logits).rows_from(0, count);
        AWQ_CHECK(logits_of(machine, model, output, first_row + at, rows));
        if (reference)
            AWQ_CHECK(logits_of(machine, *reference, *expected, first_row + at, view_of(wanted).rows_from(0, count)));
        std::vector<position_score> scores(count);
        machine.tasks().for_each(count, [&](std::size_t i) {
            const std::span<const float> compared = reference ? view_of(wanted).row(i) : std::span<const float>{};
            const auto next = static_cast<std::size_t>(window[at + i + 1]);
            scores[i] = score_position(rows.row(i), compared, next);
        });
        for (const position_score& score : scores) into.add(score);
    }
    return {};
}

/// Windows whose hidden states take about 256 MB in each model.
inline std::size_t windows_at_once(std::size_t hidden_size, std::span<const token_ids> windows)
{
    const std::size_t most = (std::size_t{64} << 20) / hidden_size;
    std::size_t tokens = 0, count = 0;
    while (count < windows.size() && (count == 0 || tokens + windows[count].size() <= most))
        tokens += windows[count++].size();
    return count;
}

using source_list = std::span<const tensor_source* const>;

inline status check_vocabularies(source_list models, const tensor_source* reference)
{
    for (const tensor_source* const each : models)
        if (reference && reference->config().vocab_size != each->config().vocab_size)
            return error{error_code::shape_mismatch, each->path(), " and ", reference->path(),
                         " have vocabularies of different sizes; choose the model's own original"};
    return {};
}

inline std::size_t widest_hidden_size(source_list models)
{
    std::size_t widest = 1;
    for (const tensor_source* const each : models) widest = std::max(widest, each->config().hidden_size);
    return widest;
}

/// Scores some windows with every model; the reference runs once for all of them.
inline status score_windows(device& machine, source_list models, const tensor_source* reference,
                            std::span<const token_ids> windows, const evaluate_options& options,
                            std::span<evaluation> into)
{
    evaluate_options plain = options;
    plain.pseudo_quantize.reset();
    std::optional<model_output> expected;
    if (reference) {
        AWQ_TRY(expected, run_model(machine, *reference, windows, plain, "reference"));
    }
    for (std::size_t m = 0; m < models.size(); ++m) {
        const std::string role = models.size() == 1 ? "model" : "model " + std::to_string(m + 1);
        AWQ_TRY(const auto output, run_model(machine, *models[m], windows, options, role.c_str()));
        for (std::size_t i = 0; i < windows.size(); ++i)
            AWQ_CHECK(score_window(machine, *models[m], output, reference, expected ? &*expected : nullptr, windows[i],
                                   output.stream.batch().begin(i), into[m]));
    }
    return {};
}

inline result<std::vector<evaluation>> evaluate_windows(device& machine, source_list models,
                                                        const tensor_source* reference,
                                                        std::span<const token_ids> windows,
                                                        const evaluate_options& options)
{
    AWQ_CHECK(check_vocabularies(models, reference));
    std::vector<evaluation> totals(models.size());
    for (evaluation& each : totals) each.instruction_set = kernel_instruction_set();
    const std::size_t hidden_size = widest_hidden_size(models);
    while (!windows.empty()) {
        const auto part = windows.first(windows_at_once(hidden_size, windows));
        windows = windows.subspan(part.size());
        AWQ_CHECK(score_windows(machine, models, reference, part, options, totals));
    }
    if (!totals.empty() && totals.front().tokens == 0)
        return error{error_code::malformed_file, "evaluation: the text has fewer than two tokens; give a longer one"};
    return totals;
}

} // namespace detail

/// Scores several models on the same windows of token ids, each as `evaluate` does, in their order. The
/// reference runs once for all of them.
inline result<std::vector<evaluation>> evaluate_each(device& machine, std::span<const tensor_source* const> models,
                                                     const tensor_source* reference, std::span<const token_ids> windows,
                                                     const evaluate_options& options = {})
{
    const std::string where = models.size() == 1 ? models.front()->path() : "evaluation";
    return catch_out_of_memory(where, "take a shorter text or shorter sequences",
                               [&] { return detail::evaluate_windows(machine, models, reference, windows, options); });
}

/// Scores a model on windows of token ids: every token but each window's first. With a reference,
/// also the KL divergence to it and how often both rank the same token first.
inline result<evaluation> evaluate(device& machine, const tensor_source& model, const tensor_source* reference,
                                   std::span<const token_ids> windows, const evaluate_options& options = {})
{
    const tensor_source* const one = &model;
    AWQ_TRY(const auto scored, evaluate_each(machine, {&one, 1}, reference, windows, options));
    return scored.front();
}

} // namespace awq

#endif
