// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_ONESHOT_RUN_HPP
#define AWQ_RUN_ONESHOT_RUN_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/allocate/measured_types.hpp>
#include <awq/block/block_quantize.hpp>
#include <awq/block/mapping_set.hpp>
#include <awq/checkpoint/imatrix_statistics.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/machines.hpp>
#include <awq/execution/precision.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/report/run_report.hpp>
#include <awq/run/available_memory.hpp>
#include <awq/run/begin_report.hpp>
#include <awq/run/calibration_notices.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/check_machines.hpp>
#include <awq/run/check_request.hpp>
#include <awq/run/check_smoothed.hpp>
#include <awq/run/choose_precision.hpp>
#include <awq/run/finish_outputs.hpp>
#include <awq/run/layer_plan.hpp>
#include <awq/run/mappings_for.hpp>
#include <awq/run/memory_need.hpp>
#include <awq/run/open_model.hpp>
#include <awq/run/process_usage.hpp>
#include <awq/run/read_ahead.hpp>
#include <awq/run/request_files.hpp>
#include <awq/run/run_identity.hpp>
#include <awq/run/run_journal.hpp>
#include <awq/run/run_outputs.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/text/calibration_samples.hpp>
#include <awq/text/chat_template.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace awq {

class AWQ_ABI_TAG run_predictor;

/// One pass over a model directory: calibrates, searches and smooths block by block, and hands each
/// finished block to the sinks. At any time one block is in memory, beside the calibration samples'
/// hidden states.
class AWQ_ABI_TAG oneshot_run {
    friend class run_predictor; // measures its steps

public:
    /// Opens everything that the options name and checks that they fit together, before any work.
    static result<std::unique_ptr<oneshot_run>> prepare(device& machine, const oneshot_options& options,
                                                        machines& all = alone())
    {
        AWQ_CHECK(check_request(options));
        auto run = std::unique_ptr<oneshot_run>{new oneshot_run{machine, options, all}};
        if (options.dry_run) run->outputs_.group().make_dry();
        AWQ_TRY(run->source_, directory_source::open(options.model));
        run->options_.operands =
            choose_precision(run->options_, run->source_->config().torch_dtype, run->report_.notes);
        machine.set_precision(*run->options_.operands);
        run->options_.hidden_states = choose_hidden_states(run->options_);
        AWQ_CHECK(check_outer_values(*run->source_));
        AWQ_TRY(run->plan_, layer_plan::make(run->options_, *run->source_));
        for (const notice& each : run->plan_.notices()) run->report_.notes.add(each);
        AWQ_TRY(run->mappings_, mappings_for(run->options_, *run->source_));
        AWQ_CHECK(check_request_files(options));
        if (!options.dry_run && all.is_first()) run->left_ = look_for_interrupted(run->options_, run->report_.notes);
        if (!run->left_) AWQ_CHECK(run->open_outputs());
        AWQ_TRY(auto samples, run->load_calibration());
        AWQ_CHECK(check_fits(options.model, run->least(), run->own_part(samples), memory_for_this_process()));
        if (options.dry_run) {
            run->samples_ = std::move(samples);
            return run;
        }
        AWQ_TRY(run->identity_, identity_of(run->options_, samples));
        AWQ_CHECK(check_machines(all, run->options_, *run->source_, samples));
        if (run->left_) AWQ_CHECK(check_same(run->left_->identity, run->identity_));
        if (run->left_ && !run->left_->finished.empty()) return run;
        if (run->options_.measured_types) AWQ_CHECK(run->measure(samples));
        AWQ_CHECK(run->embed(samples));
        if (run->left_) AWQ_CHECK(run->go_on(samples));
        run->outputs_.begin(samples.size(), run->report_.notes);
        begin_report(run->report_, run->options_, *run->source_, run->plan_, samples.size(), run->stream_.tokens());
        if (run->left_) run->take_report();
        if (!all.are_several()) run->journal_.begin(run->outputs_.group(), run->options_);
        return run;
    }

    /// Does all of it; on an error nothing appears at the targets.
    result<run_report> execute()
    {
        if (left_ && !left_->finished.empty()) return finish_outputs(std::move(*left_), report_.notes);
        const std::size_t layers = source_->config().num_hidden_layers;
        for (std::size_t layer = first_block_; layer < layers; ++layer) {
            const std::string where = options_.model + ": block " + std::to_string(layer);
            AWQ_CHECK(catch_out_of_memory(where, use_less_memory, [&] { return run_block(layer, layers); }));
            if (layer + 1 == layers || journal_.is_due()) record(layer + 1);
        }
        if (all_.are_several())
            report_.notes.note("rank 0 sent " + gigabytes(all_.sent_bytes()) + " to the other processes");
        mappings_.tell_unmatched(report_.notes);
        if (options_.smoothing) AWQ_CHECK(check_smoothed(report_, options_.model));
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
        AWQ_CHECK(outputs_.prepare_report(report_));
        AWQ_CHECK(all_.meet());
        record(layers, finished_outputs(outputs_.group(), options_.overwrite, options_.report));
        AWQ_CHECK(outputs_.commit());
        remove_temporaries(outputs_.directories());
        return std::move(report_);
    }

private:
    oneshot_run(device& machine, const oneshot_options& options, machines& all)
        : machine_(machine), options_(settings_of(options)), all_(all)
    {
        report_.notes = options.notices;
        if (all.are_several()) report_.notes.note("shared by " + std::to_string(all.size()) + " processes");
        if (options_.compensate)
            report_.notes.note("compensated for " + options_.target +
                               ": the weights alone do not compute what the model did; "
                               "quantize them with the importance matrix of this run");
        if (!options_.imatrix.empty())
            report_.notes.note("importance from " + options_.imatrix +
                               ": losses are sums of importance times squared weight error");
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
        say_what_is_used(samples, options_, source_->config(), report_.notes);
        return std::move(samples.sequences);
    }

    /// The hidden states before the first block.
    status embed(std::span<const token_ids> samples)
    {
        if (!options_.imatrix.empty()) return {};
        AWQ_TRY(stream_, activation_stream::make(machine_, *source_, samples, all_, *options_.hidden_states));
        stream_.show_all_experts(options_.all_experts);
        return {};
    }

    /// The first machine writes for all.
    status open_outputs() { return all_.is_first() ? outputs_.open(machine_, *source_, plan_, options_) : status{}; }

    /// About what one machine has of them.
    std::span<const token_ids> own_part(std::span<const token_ids> samples) const
    {
        return samples.first(chunk_count(samples.size(), all_.size()));
    }

    /// Plans again with the types that do least harm, and opens the outputs for them; another run may have
    /// measured them.
    status measure(std::span<const token_ids> samples)
    {
        watch_.lap();
        if (left_) {
            measured_ = left_->measured;
        } else {
            outputs_.close_sinks(); // they can be written: now the plan may take its time
            AWQ_TRY(measured_, measure_types(machine_, *source_, *plan_.layout(), samples, options_.progress));
        }
        auto& types = options_.tensor_types;
        types.insert(types.end(), measured_.overrides.begin(), measured_.overrides.end());
        AWQ_TRY(plan_, layer_plan::make(options_, *source_));
        report_.notes.note(measured_.sentence());
        report_.add_seconds("measure types", watch_.lap());
        return left_ ? status{} : open_outputs();
    }

    /// Opens the outputs behind what is written of them, and takes the hidden states; begins afresh where they are
    /// damaged.
    status go_on(std::span<const token_ids> samples)
    {
        outputs_.group().adopt(left_->directories);
        outputs_.group().keep();
        AWQ_CHECK(open_outputs());
        if (is_sequential()) rounded_ = stream_.hidden().copy(machine_);
        if (left_->blocks <= source_->config().num_hidden_layers && outputs_.restore(left_->sinks) &&
            read_hidden(machine_, left_->hidden_path(), left_->hidden, hidden_bytes(left_->blocks))) {
            first_block_ = static_cast<std::size_t>(left_->blocks);
            journal_.go_on(*left_);
            report_.notes.note("resumed behind the first " + std::to_string(first_block_) + " of " +
                               std::to_string(source_->config().num_hidden_layers) + " blocks");
            return {};
        }
        report_.notes.warn("what the interrupted run left is damaged; this one begins afresh");
        left_.reset();
        outputs_.discard();
        AWQ_CHECK(embed(samples));
        return open_outputs();
    }

    /// What is not said of every run of these options.
    void take_report()
    {
        report_.take_blocks(std::move(left_->report));
        found_grouped_query_ = left_->found_grouped_query;
        mappings_.add_matched(left_->matched_mappings);
    }

    /// The hidden states that the blocks behind the first ones need: of both streams where the second goes on.
    std::vector<std::span<std::byte>> hidden_bytes(std::size_t blocks)
    {
        if (!options_.imatrix.empty() || blocks == source_->config().num_hidden_layers) return {};
        std::vector<std::span<std::byte>> all{stream_.hidden().bytes()};
        if (is_sequential()) all.push_back(rounded_.bytes());
        return all;
    }

    /// Writes down that so many blocks are finished, or all of it.
    void record(std::size_t blocks, std::vector<finished_output> finished = {})
    {
        const std::set<std::size_t>& matched = mappings_.matched();
        run_record now;
        now.identity = identity_;
        now.blocks = blocks;
        now.sinks = outputs_.save();
        now.measured = measured_;
        now.found_grouped_query = found_grouped_query_;
        now.matched_mappings.assign(matched.begin(), matched.end());
        now.report = report_;
        now.notices.assign(report_.notes.begin(), report_.notes.end());
        now.finished = std::move(finished);
        watch_.lap();
        const status done = journal_.write(machine_, std::move(now), hidden_bytes(blocks));
        report_.add_seconds("journal", watch_.lap());
        if (!done)
            report_.notes.warn("the journal of the run cannot be written (" + std::string{done.error().text()} +
                               "): --resume could not go on with it");
    }

    status run_block(std::size_t layer, std::size_t layers);

    /// The tokens that a block's Gram matrices are of.
    gram_sample gram_sample_of(const block_layout& layout) const;

    /// What the search needs beside the statistics is gone when it is done.
    status calibrate_and_smooth(std::size_t layer, std::size_t layers, block_tensors& block,
                                block_statistics& statistics);

    /// Where experts wait while others are looked at: beside the output. llm-compressor's loss runs all of
    /// them for each candidate, so then they stay in memory.
    std::string scratch_directory() const
    {
        if (options_.loss == loss_kind::parent_output) return {};
        return all_.is_first() ? outputs_.directory() : scratch_beside(options_);
    }

    status hand_over(const finished_block& block)
    {
        AWQ_CHECK(outputs_.write(block));
        report_.add_seconds("write", watch_.lap());
        return {};
    }

    memory_need least() const
    {
        return least_memory(source_->config(), !options_.smoothing_only, is_sequential(), *options_.hidden_states);
    }

    /// Whether no output holds the weights of a layer that is rounded.
    bool writes_codes_only() const
    {
        return !options_.compensate && options_.output_smoothed.empty() && options_.output_dequantized.empty();
    }

    bool is_sequential() const { return !options_.smoothing_only && options_.rounding.least_squares_lambda > 0; }

    status quantize(std::size_t layer, block_quantizer_run& run);

    /// The second stream begins with the embeddings of a GGUF file.
    status round_first();

    storage_choice stored_types() const
    {
        return [this](std::string_view tensor) { return source_->stored_type(tensor).value_or(dtype::f32); };
    }

    /// What the search simulates.
    quantizer_choice simulated_of(const std::string& prefix) const
    {
        return [this, prefix](std::string_view linear) { return plan_.quantizer_of(prefix + std::string{linear}); };
    }

    /// Nothing but the search takes what the first pass sees: the streams go through the block once more.
    bool shows_sample_only() const { return is_sequential() && options_.output_imatrix.empty(); }

    /// Smoothing does not change what a block computes, so one pass serves both the statistics and
    /// the next block's input. A sequential run goes through the block once more, stage by stage, and
    /// takes that input from there.
    /// `in_gram`: the chunks that the Gram matrices are of.
    status observe(std::size_t layer, const block_tensors& block, std::span<const sequence_chunk> chunks,
                   std::span<const sequence_chunk> in_gram, block_statistics& statistics, parent_recorder& recorder);

    status smooth(std::size_t layer, block_tensors& block, block_statistics& statistics,
                  const parent_recorder& recorder);

    device& machine_;
    run_settings options_;
    machines& all_;
    stopwatch watch_, total_;
    std::unique_ptr<directory_source> source_;
    read_ahead ahead_;
    layer_plan plan_;
    mapping_set mappings_;
    activation_stream stream_;
    imatrix imatrix_;       ///< stands in for the stream where one was given
    hidden_states rounded_; ///< hidden states behind the rounded blocks
    bool found_grouped_query_ = false;
    run_outputs outputs_;
    run_report report_;
    run_journal journal_;
    run_identity identity_;
    measured_types measured_;
    std::vector<token_ids> samples_; ///< of a dry run
    std::optional<run_record> left_; ///< by an interrupted run that this one goes on with
    std::size_t first_block_ = 0;
};

} // namespace awq

#endif
