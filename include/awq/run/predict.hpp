// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_PREDICT_HPP
#define AWQ_RUN_PREDICT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/run/available_memory.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/memory_need.hpp>
#include <awq/run/oneshot.hpp>
#include <awq/run/run_prediction.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Predicts a run from its first block, which goes through all that the run would do to it, with a few of the samples:
/// the forward passes grow with the tokens that they see, Gram matrices with theirs, what is solved and searched does
/// not, and other blocks take what their size says.
class AWQ_ABI_TAG run_predictor {
public:
    /// Runs the measurement: about what one block takes with three chunks of tokens, twice.
    result<run_prediction> predict(device& machine, oneshot_options options)
    {
        options.dry_run = true;
        options.resume = false;
        AWQ_TRY(run_, oneshot_run::prepare(machine, options));
        for (const token_ids& each : run_->samples_) tokens_ += each.size();
        // Of one chunk more: the first of them makes room for what the others use again.
        some_ = beginning(run_->samples_, 2 * tokens_per_chunk);
        few_ = beginning(run_->samples_, tokens_per_chunk);
        AWQ_CHECK(measure());
        const memory_need need = run_->least();
        run_prediction made;
        made.samples = run_->samples_.size();
        made.tokens = tokens_;
        made.blocks = config().num_hidden_layers;
        made.peak_bytes = peak_rss_bytes() + need.per_token * (tokens_ - some_.second) + kept_later();
        made.available_bytes = memory_for_this_process();
        predict_seconds(made);
        if (run_->options_.measured_types) made.notes.push_back("the measurement of types is not counted");
        AWQ_CHECK(check_fits(options.model,
                             {made.peak_bytes - need.per_token * tokens_, need.per_token, need.can_halve}, made.samples,
                             tokens_, made.available_bytes));
        return made;
    }

private:
    using some_samples = std::pair<std::span<const token_ids>, std::size_t>;

    const model_config& config() const { return run_->source_->config(); }

    /// What the first block takes with few samples and with some: the mean of as many times as go into two seconds.
    status measure()
    {
        constexpr double enough = 2;
        stopwatch watch;
        double spent = 0;
        while (times_ == 0 || spent < enough) {
            AWQ_CHECK(measure_once());
            ++times_;
            spent += watch.lap();
        }
        return {};
    }

    status measure_once()
    {
        AWQ_CHECK(try_first_block(few_.first, small_));
        AWQ_CHECK(try_first_block(some_.first, large_));
        if (!run_->options_.imatrix.empty()) return {};
        AWQ_CHECK(try_forward(few_.first, small_));
        return try_forward(some_.first, large_);
    }

    /// Does all to the first block, with some of the samples, that a run does; adds what it took. Whether tokens are
    /// enough for a least-squares target is decided as if all were there.
    status try_first_block(std::span<const token_ids> samples, run_report& taken)
    {
        AWQ_CHECK(run_->embed(samples));
        run_->options_.rounding.least_squares_tokens = rounding_options{}.least_squares_tokens *
                                                       static_cast<float>(some_.second) /
                                                       static_cast<float>(std::max<std::size_t>(tokens_, 1));
        step_seconds before = std::exchange(run_->report_.seconds, {});
        AWQ_CHECK(run_->run_block(0, 1));
        for (const auto& [step, seconds] : std::exchange(run_->report_.seconds, std::move(before)))
            taken.add_seconds(step, seconds);
        return {};
    }

    /// The seconds of its forward pass and sums alone, without Gram matrices.
    status try_forward(std::span<const token_ids> samples, run_report& taken)
    {
        AWQ_CHECK(run_->embed(samples));
        AWQ_TRY(const block_tensors block,
                block_tensors::load(run_->machine_, *run_->source_, 0, run_->scratch_directory(),
                                    run_->options_.experts_in_memory));
        block_statistics statistics{block.layout()};
        stopwatch watch;
        AWQ_CHECK(run_->stream_.advance(
            run_->machine_, config(), 0, block.weights(), [](const sequence_chunk&) {},
            statistics.observer(run_->machine_)));
        taken.add_seconds(forward_alone, watch.lap());
        return {};
    }

    void predict_seconds(run_prediction& made) const
    {
        const double blocks = blocks_like_the_first(config());
        const auto grown = [&](const char* step) { return at(tokens_, once(small_, step), once(large_, step)); };
        const bool runs_parents = run_->options_.loss == loss_kind::parent_output;
        add(made, "tokenize", seconds_of(run_->report_.seconds, "tokenize"));
        add(made, "read", blocks * once(large_, "read"));
        add(made, "calibrate", blocks * seconds_to_calibrate());
        add(made, "search", blocks * (runs_parents ? grown("search") : once(large_, "search")));
        add(made, "streams", blocks * grown("streams"));
        add(made, "solve", blocks * once(large_, "solve"));
        add(made, "quantize", blocks * once(large_, "quantize"));
        add(made, "write", seconds_to_write());
        double total = 0;
        for (const auto& [step, seconds] : made.seconds) total += seconds;
        add(made, "total", total);
    }

    /// Bytes of the inputs that stand for their Gram matrices, beyond those of the samples that were measured with.
    std::uint64_t kept_later() const
    {
        const block_layout layout = layout_of(config(), 0);
        const gram_sample tokens = run_->gram_sample_of(layout);
        std::uint64_t channels = 0;
        for (const block_input& input : layout.inputs)
            if (layout.whole_of(input.value) == input.value && tokens.are_few(input.width)) channels += input.width;
        return channels * (std::max(tokens.planned, tokens.count) - tokens.count) * sizeof(float);
    }

    /// The forward pass over the tokens that it sees, and the Gram matrices of theirs.
    double seconds_to_calibrate() const
    {
        const auto all = cut_into_chunks(lengths_of(run_->samples_));
        const auto sample = gram_chunks(run_->options_, run_->is_sequential(), all, layout_of(config(), 0));
        const std::size_t seen = tokens_of(run_->shows_sample_only() ? sample : all);
        const double forward = once(large_, forward_alone), grams = std::max(0.0, once(large_, "calibrate") - forward);
        return at(seen, once(small_, forward_alone), forward) + grams * in_proportion(tokens_of(sample));
    }

    /// The first samples that have so many tokens together, or all; and their tokens.
    static some_samples beginning(std::span<const token_ids> samples, std::size_t wanted)
    {
        std::size_t count = 0, tokens = 0;
        while (count < samples.size() && tokens < wanted) tokens += samples[count++].size();
        return {samples.first(count), tokens};
    }

    /// Of all times that the step was measured.
    double once(const run_report& taken, const char* step) const
    {
        return seconds_of(taken.seconds, step) / static_cast<double>(times_);
    }

    double in_proportion(std::size_t tokens) const
    {
        return some_.second > 0 ? static_cast<double>(tokens) / static_cast<double>(some_.second) : 1.0;
    }

    /// On the line through two measurements, as far as it rises; else in proportion to the second.
    double at(std::size_t tokens, double small, double large) const
    {
        if (some_.second <= few_.second) return large * in_proportion(tokens);
        const double slope = std::max(0.0, (large - small) / static_cast<double>(some_.second - few_.second));
        const double fixed = std::max(0.0, large - slope * static_cast<double>(some_.second));
        return fixed + (large - fixed) * in_proportion(tokens);
    }

    static double blocks_like_the_first(const model_config& config)
    {
        std::uint64_t sum = 0;
        for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
            sum += elements_of(layout_of(config, layer));
        const std::uint64_t first = elements_of(layout_of(config, 0));
        return static_cast<double>(sum) / static_cast<double>(std::max<std::uint64_t>(1, first));
    }

    /// Copies at a gigabyte a second; what of a GGUF file lies outside of the blocks is rounded, too.
    double seconds_to_write() const
    {
        const run_settings& options = run_->options_;
        constexpr double bytes_a_second = 1e9;
        double bytes = 0, rounded = 0;
        const std::string* const models[] = {&options.output, &options.output_smoothed, &options.output_dequantized,
                                             &options.output_awq};
        for (const std::string* const each : models)
            if (!each->empty()) bytes += static_cast<double>(run_->source_->checkpoint().total_bytes());
        if (!options.gguf_type.empty())
            for (const expected_tensor& each : expected_outer_tensors(config()))
                rounded += static_cast<double>(each.rows) * static_cast<double>(each.cols);
        return bytes / bytes_a_second + rounded * seconds_to_round();
    }

    /// One weight: as in the first block, or as one core does.
    double seconds_to_round() const
    {
        const double block = once(large_, "quantize");
        return block > 0 ? block / static_cast<double>(elements_of(layout_of(config(), 0))) : 5e-8;
    }

    static void add(run_prediction& to, const std::string& step, double seconds)
    {
        if (seconds > 0) to.seconds.emplace_back(step, seconds);
    }

    std::unique_ptr<oneshot_run> run_;
    std::size_t tokens_ = 0;   ///< of all samples
    some_samples few_, some_;  ///< that are measured with,
    run_report small_, large_; ///< and what the first block takes with them, so many times
    std::size_t times_ = 0;
    static constexpr const char* forward_alone = "forward";
};

#if AWQ_COMPILES_RUNS
/// What `oneshot` with these options would take. Nothing is written. Errors: those with which it would end before it
/// begins; `out_of_memory`, with what fits, where it would not.
AWQ_CALL result<run_prediction> predict(device& machine, const oneshot_options& options)
{
    return catch_out_of_memory(options.model, use_less_memory,
                               [&] { return run_predictor{}.predict(machine, options); });
}

/// The same on all cores, with the fast products.
AWQ_CALL result<run_prediction> predict(const oneshot_options& options)
{
    AWQ_TRY(const auto machine, open_host_device());
    return predict(*machine, options);
}
#endif

} // namespace awq

#endif
