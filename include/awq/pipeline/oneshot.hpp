// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_ONESHOT_HPP
#define AWQ_PIPELINE_ONESHOT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/calibration_samples.hpp>
#include <awq/data/chat_template.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/precision.hpp>
#include <awq/execution/products/amx_tile.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/pipeline/block_quantize.hpp>
#include <awq/pipeline/block_search.hpp>
#include <awq/pipeline/calls.hpp>
#include <awq/pipeline/check_request.hpp>
#include <awq/pipeline/count_tokens.hpp>
#include <awq/pipeline/imatrix_statistics.hpp>
#include <awq/pipeline/layer_plan.hpp>
#include <awq/pipeline/mapping_set.hpp>
#include <awq/pipeline/measured_types.hpp>
#include <awq/pipeline/open_model.hpp>
#include <awq/pipeline/process_usage.hpp>
#include <awq/pipeline/request_files.hpp>
#include <awq/pipeline/run_outputs.hpp>
#include <awq/pipeline/sample_notices.hpp>
#include <awq/pipeline/unused_options.hpp>
#include <awq/quantization/clip_weights.hpp>
#include <awq/report/run_report.hpp>
#include <awq/support/catch_out_of_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// One pass over a model directory: calibrates, searches and smooths block by block, and hands each
/// finished block to the sinks. At any time one block is in memory, beside the calibration samples'
/// hidden states.
template <class Product, execution E>
class oneshot_run {
public:
    /// Opens everything that the options name and checks that they fit together, before any work.
    static result<std::unique_ptr<oneshot_run>> prepare(const E& how, const oneshot_options& options)
    {
        auto run = std::unique_ptr<oneshot_run>{new oneshot_run{how, options}};
        AWQ_CHECK(check_request(options));
        note_unused_options(options, run->report_.notes);
        AWQ_TRY(run->source_, directory_source::open(options.model));
        AWQ_CHECK(run->check_outer_values());
        AWQ_TRY(run->plan_, layer_plan::make(options, *run->source_));
        for (const notice& each : run->plan_.notices()) run->report_.notes.add(each);
        AWQ_TRY(run->mappings_, mappings_for(options, *run->source_));
        AWQ_CHECK(check_request_files(options));
        AWQ_CHECK(run->open_outputs());
        AWQ_TRY(const auto samples, run->load_calibration());
        if (options.measured_types) {
            run->outputs_.close_sinks(); // they can be written: now the plan may take its time
            AWQ_CHECK(run->measure(samples));
            AWQ_CHECK(run->open_outputs());
        }
        run->outputs_.begin(samples.size(), run->report_.notes);
        if (options.imatrix.empty()) {
            AWQ_TRY(run->stream_, activation_stream::make(*run->source_, samples));
            run->stream_.show_all_experts(options.all_experts);
        }
        run->begin_report(samples.size());
        return run;
    }

    /// Does all of it; on an error nothing appears at the targets.
    result<run_report> execute()
    {
        const std::size_t layers = source_->config().num_hidden_layers;
        for (std::size_t layer = 0; layer < layers; ++layer) {
            const std::string where = options_.model + ": block " + std::to_string(layer);
            AWQ_CHECK(catch_out_of_memory(where, use_less_memory,
                                          [&] { return run_block(layer, layers); }));
        }
        mappings_.tell_unmatched(report_.notes);
        AWQ_CHECK(refuse_if_nothing_was_done());
        report_.fallbacks.tell(report_.notes);
        report_.note_skipped_candidates();
        if (options_.all_experts && options_.imatrix.empty() && report_.experts.empty())
            report_.notes.warn("all_experts had nothing to do: the model has no experts");
        if (options_.smooth_grouped_query && !found_grouped_query_)
            report_.notes.warn("smooth_grouped_query had nothing to do: no mapping of this run "
                               "is one of query heads that share values");
        notify(options_.progress, "writing", layers, layers);
        watch_.lap();
        AWQ_TRY(report_.outputs, outputs_.prepare());
        report_.contents = outputs_.contents();
        report_.add_seconds("write", watch_.lap());
        report_.add_seconds("total", total_.lap());
        report_.peak_rss_bytes = peak_rss_bytes();
        AWQ_CHECK(outputs_.commit(report_));
        return std::move(report_);
    }

private:
    oneshot_run(const E& how, const oneshot_options& options) : how_(how), options_(options)
    {
        report_.notes = options.notices;
        if (options.operands == precision::mixed && !detail::has_amx())
            report_.notes.note("--precision mixed changes nothing: this processor does not multiply bfloat16 "
                               "in tiles (AMX), so products stay float32");
        if (options.compensate) {
            options_.rounding.error_feedback = false; // llama.cpp's quantizer has none
            options_.rounding.importance = true;
            report_.notes.note("compensated for " + options.target +
                               ": the weights alone do not compute what the model did; "
                               "quantize them with the importance matrix of this run");
        }
        if (options.imatrix.empty()) return;
        // It says nothing about the output of a block, nor how inputs go together.
        options_.loss = loss_kind::gram;
        options_.rounding.error_feedback = false;
        options_.rounding.least_squares_lambda = 0;
        report_.notes.note("importance from " + options.imatrix +
                           ": losses are sums of importance times squared weight error");
    }

    /// What is outside of the blocks is copied at the end; a NaN there is to be found before the work.
    status check_outer_values() const
    {
        for (const expected_tensor& each : expected_outer_tensors(source_->config()))
            if (const auto* const tensor = source_->checkpoint().find(each.name))
                AWQ_CHECK(check_finite(*tensor));
        return {};
    }

    /// The samples' tokens; none where an importance matrix stands in for them.
    result<std::vector<token_ids>> load_calibration()
    {
        if (!options_.imatrix.empty()) {
            AWQ_TRY(imatrix_, read_statistics(options_.imatrix, source_->config()));
            return std::vector<token_ids>{};
        }
        AWQ_TRY(const tokenizer tokens, open_tokenizer(options_.model));
        sample_options reading;
        reading.count = options_.num_calibration_samples;
        reading.max_seq_length = options_.max_seq_length;
        reading.chat = chat_templates::renderer_of(options_.model);
        AWQ_TRY(sample_set samples, load_samples(options_.dataset, tokens, reading));
        report_.add_seconds("tokenize", watch_.lap());
        say_what_is_used(samples);
        return std::move(samples.sequences);
    }

    void say_what_is_used(const sample_set& samples)
    {
        const model_config& config = source_->config();
        notify(options_.progress, "calibration: " + summary_of(samples, options_.dataset));
        note_samples(samples, options_.dataset, config.max_position_embeddings, report_.notes);
        warn_of_few_samples(samples, options_.dataset, options_.num_calibration_samples,
                            report_.notes);
        std::size_t widest = 0;
        for (const block_input& input : layout_of(config, 0).inputs)
            widest = std::max(widest, input.width);
        warn_of_few_tokens(samples.tokens(), widest, solving_steps(), report_.notes);
    }

    /// The steps of this run that solve for weights from the Gram matrix of their inputs.
    std::string solving_steps() const
    {
        if (options_.smoothing_only) return {};
        const bool feedback = options_.rounding.error_feedback;
        const bool target = options_.rounding.least_squares_lambda > 0;
        if (feedback && target) return "error feedback and the least-squares target";
        return feedback ? "error feedback" : target ? "the least-squares target" : "";
    }

    status open_outputs() { return outputs_.open(how_, *source_, plan_, options_); }

    /// Plans again with the types that do least harm.
    status measure(std::span<const token_ids> samples)
    {
        watch_.lap();
        AWQ_TRY(const measured_types found,
                measure_types<Product>(how_, *source_, *plan_.layout(), samples,
                                       options_.progress));
        auto& types = options_.tensor_types;
        types.insert(types.end(), found.overrides.begin(), found.overrides.end());
        AWQ_TRY(plan_, layer_plan::make(options_, *source_));
        std::ostringstream text;
        text << "types measured: the tensors' divergences alone add up to " << found.divergence
             << " nats, those of the mix's own types to " << found.mix_divergence;
        report_.notes.note(text.str());
        report_.add_seconds("measure types", watch_.lap());
        return {};
    }

    void begin_report(std::size_t samples)
    {
        report_.model = options_.model;
        for (notice& each : source_->notices()) report_.notes.add(std::move(each));
        report_.mode = options_.compensate       ? "compensated"
                       : options_.smoothing_only ? "smoothing_only"
                                                 : "smooth_and_quantize";
        report_.scheme = plan_.name();
        report_.group_size = plan_.group_size().value_or(options_.group_size);
        report_.instruction_set = instruction_set();
        report_.parameters = source_->checkpoint().total_elements();
        report_.source_bytes = source_->checkpoint().total_bytes();
        report_.options = describe(options_);
        for (const auto& [layer, reason] : plan_.unfit())
            if (!options_.smoothing_only) report_.layers.push_back({layer, {}, {}, 0, reason});
        if (options_.clip_weights)
            report_.notes.note("weights are clipped: the model's function has changed");
        if (reproducible_products) report_.options.emplace_back("reproducible", "true");
        report_.options.emplace_back("samples", std::to_string(samples));
        report_.options.emplace_back("tokens", std::to_string(stream_.tokens()));
    }

    status run_block(std::size_t layer, std::size_t layers)
    {
        notify(options_.progress, "block " + std::to_string(layer) + ": calibrate", layer, layers);
        watch_.lap();
        AWQ_TRY(block_tensors block, block_tensors::load(*source_, layer, scratch_directory(),
                                                          options_.experts_in_memory));
        report_.add_seconds("read", watch_.lap());
        block_statistics statistics{block.layout(), true};
        AWQ_CHECK(calibrate_and_smooth(layer, layers, block, statistics));
        if (options_.smoothing_only)
            return hand_over({layer, &block, &statistics, nullptr, &block, nullptr});
        const quantizer_choice formats = [&](std::string_view linear) {
            return plan_.rounding_of(block.prefix() + std::string{linear});
        };
        block_quantizer_run<Product, E> quantizing{how_,    block,    statistics,
                                                   formats, options_, report_};
        const storage_choice storage = stored_types();
        if (options_.compensate) quantizing.store_targets(storage);
        AWQ_CHECK(quantize(layer, quantizing));
        report_.add_seconds("quantize", watch_.lap());
        return hand_over({layer, &block,
                          options_.compensate ? quantizing.rounded_statistics() : &statistics,
                          &quantizing.linears(), &quantizing.dequantized(),
                          quantizing.compensated()});
    }

    /// What the search needs beside the statistics is gone when it is done.
    status calibrate_and_smooth(std::size_t layer, std::size_t layers, block_tensors& block,
                                block_statistics& statistics)
    {
        parent_recorder recorder{stream_.batch(), block.layout(), recorder_stride()};
        AWQ_CHECK(observe(layer, block, statistics, recorder));
        if (options_.imatrix.empty()) count_tokens(block, statistics, report_);
        report_.add_seconds("calibrate", watch_.lap());
        notify(options_.progress, "block " + std::to_string(layer) + ": search", layer, layers);
        AWQ_CHECK(smooth(layer, block, statistics, recorder));
        if (options_.clip_weights) clip(block, statistics);
        report_.add_seconds("search", watch_.lap());
        return {};
    }

    /// Where experts wait while others are looked at: beside the output. llm-compressor's loss runs all of
    /// them for each candidate, so then they stay in memory.
    std::string scratch_directory() const
    {
        return options_.loss == loss_kind::parent_output ? std::string{} : outputs_.directory();
    }

    status hand_over(const finished_block& block)
    {
        AWQ_CHECK(outputs_.write(block));
        report_.add_seconds("write", watch_.lap());
        return {};
    }

    bool is_sequential() const
    {
        return !options_.smoothing_only && options_.rounding.least_squares_lambda > 0;
    }

    status quantize(std::size_t layer, block_quantizer_run<Product, E>& run)
    {
        if (!is_sequential()) return run.run_alone();
        if (layer == 0) {
            rounded_ = stream_.table();
            round_embeddings();
        }
        const block_context context = stream_.context(source_->config(), layer);
        block_stages<Product, E> stages{how_, context, stream_.batch(), stream_.hidden(),
                                        view_of(rounded_)};
        AWQ_CHECK(run.run_sequential(stages));
        const status sound = check_hidden(options_.model, block_prefix(source_->config(), layer),
                                           layer, view_of(rounded_));
        return sound ? sound : sound.error().within("with rounded weights");
    }

    /// GGUF files round the embeddings, too: row by row, without importance.
    void round_embeddings()
    {
        const gguf_layout* const layout = plan_.layout();
        const gguf_tensor* const table =
            layout ? layout->find(source_->config().names.embeddings + ".weight") : nullptr;
        if (!table || !gguf::is_quantized(table->type)) return;
        const gguf::simd_block_quantizer rounding{table->type};
        const auto rows = view_of(rounded_);
        const float scale = source_->config().embedding_scale(); // the file's rows are not scaled
        how_.for_each(rows.rows(), [=](std::size_t row) {
            const auto one = rows.rows_from(row, 1);
            for (float& value : one.row(0)) value /= scale;
            rounding.pseudo_quantize(one, {}, one);
            kernels::simd::scale(scale, one.row(0), one.row(0));
        });
    }

    storage_choice stored_types() const
    {
        return [this](std::string_view tensor) {
            return source_->stored_type(tensor).value_or(dtype::f32);
        };
    }

    /// What the search simulates.
    quantizer_choice simulated_of(const std::string& prefix) const
    {
        return [this, prefix](std::string_view linear) {
            return plan_.quantizer_of(prefix + std::string{linear});
        };
    }

    /// Every how many sequences the parents' inputs are kept.
    std::size_t recorder_stride() const
    {
        if (options_.loss == loss_kind::parent_output) return 1;
        if (options_.loss == loss_kind::gram) return std::max<std::size_t>(1, stream_.batch().count());
        return std::max<std::size_t>(1, stream_.tokens() / options_.exact_loss_tokens);
    }

    /// Smoothing does not change what a block computes, so one pass serves both the statistics and
    /// the next block's input. A sequential run goes through the block once more, stage by stage, and
    /// takes that input from there.
    status observe(std::size_t layer, const block_tensors& block, block_statistics& statistics,
                   parent_recorder& recorder)
    {
        if (!options_.imatrix.empty())
            return fill_statistics(imatrix_, source_->config(), layer, block.layout(), statistics);
        const auto count = statistics.template observer<Product>(how_);
        const auto observer = [&](std::string_view linear, matrix_view<const float> input) {
            count(linear, input);
            recorder.observe(linear, input);
        };
        const auto begin = [&](const sequence_chunk& chunk) { recorder.begin(chunk); };
        if (is_sequential())
            return stream_.template observe<Product>(how_, source_->config(), layer,
                                                     block.weights(), begin, observer);
        return stream_.template advance<Product>(how_, source_->config(), layer, block.weights(),
                                                 begin, observer);
    }

    status smooth(std::size_t layer, block_tensors& block, block_statistics& statistics,
                  const parent_recorder& recorder)
    {
        AWQ_TRY(const auto resolved, mappings_.resolve(block));
        const quantizer_choice quantizers = simulated_of(block.prefix());
        const storage_choice storage = stored_types();
        const block_context context = stream_.context(source_->config(), layer);
        block_search<Product, E> search{how_,     context,    block,   statistics,
                                        recorder, quantizers, storage, options_};
        for (const resolved_mapping& mapping : resolved) {
            found_grouped_query_ |= mapping.skipped == skip_cause::grouped_query;
            AWQ_TRY(mapping_report report, search.smooth(mapping));
            report_.mappings.push_back(std::move(report));
        }
        return {};
    }

    void clip(block_tensors& block, block_statistics& statistics)
    {
        for (const block_linear& each : block.layout().linears) {
            if (each.is_router) continue;
            const std::string_view linear = each.name;
            const any_quantizer* const rounding =
                plan_.quantizer_of(block.prefix() + std::string{linear});
            const auto* const chosen = rounding ? rounding->get_if<integer_quantizer>() : nullptr;
            const matrix_view<float> weight = block.weight(linear);
            if (!chosen || !chosen->check(weight.cols())) {
                report_.fallbacks.add("not clipped (no integer groups that fit)",
                                      block.prefix() + std::string{linear});
                continue;
            }
            integer_quantizer format = *chosen;
            format.clip_steps = options_.rounding.clip_steps;
            awq::clip_weights(how_, format, statistics.of(linear).importance(), weight);
            block.release(weight);
        }
    }

    /// A smoothing run that smoothed nothing has failed.
    status refuse_if_nothing_was_done() const
    {
        if (!options_.smoothing || report_.smoothed_mappings() > 0) return {};
        const std::string reason =
            report_.mappings.empty() ? "no mapping was found" : report_.mappings.back().skipped;
        return error{error_code::unsupported, options_.model, ": no mapping could be smoothed (",
                     reason, "); choose another --group-size or look at --ignore"};
    }

    const E& how_;
    oneshot_options options_;
    stopwatch watch_, total_;
    std::unique_ptr<directory_source> source_;
    layer_plan plan_;
    mapping_set mappings_;
    activation_stream stream_;
    imatrix imatrix_; ///< stands in for the stream where one was given
    host_matrix rounded_; ///< hidden states behind the rounded blocks
    bool found_grouped_query_ = false;
    run_outputs outputs_;
    run_report report_;
};

/// Runs what the options ask for. The library's whole job in one call. `out_of_memory` names the block
/// that did not fit; nothing is written then.
template <class Product, execution E>
result<run_report> oneshot(const E& how, const oneshot_options& options)
{
    return catch_out_of_memory(options.model, use_less_memory, [&]() -> result<run_report> {
        const E in_precision = with_precision(how, options.operands);
        AWQ_TRY(const auto run, (oneshot_run<Product, E>::prepare(in_precision, options)));
        return run->execute();
    });
}

#if AWQ_COMPILES_RUNS
/// The same on all cores, with the fast products.
AWQ_CALL result<run_report> oneshot(const oneshot_options& options)
{
    return oneshot<packed_product>(tbb_execution{}, options);
}
#endif

} // namespace awq

#endif
