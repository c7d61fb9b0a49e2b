// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_ONESHOT_BLOCK_HPP
#define AWQ_RUN_ONESHOT_BLOCK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_search.hpp>
#include <awq/block/count_tokens.hpp>
#include <awq/block/search_chunks.hpp>
#include <awq/run/clip_block.hpp>
#include <awq/run/oneshot_run.hpp>
#include <awq/run/round_embeddings.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

// What a run does to one block.

inline status oneshot_run::run_block(std::size_t layer, std::size_t layers)
{
    notify(options_.progress, "block " + std::to_string(layer) + ": calibrate", layer, layers);
    watch_.lap();
    AWQ_TRY(block_tensors block,
            block_tensors::load(machine_, *source_, layer, scratch_directory(), options_.experts_in_memory));
    ahead_.start(*source_, layer + 1);
    AWQ_CHECK(check_agreed(all_, block.has_waiting(), scratch_directory(), "no room for experts, which rank 0 has"));
    report_.add_seconds("read", watch_.lap());
    block_statistics statistics{block.layout(), machine_, gram_sample_of(block.layout()), all_};
    AWQ_CHECK(calibrate_and_smooth(layer, layers, block, statistics));
    if (options_.smoothing_only) return hand_over({layer, &block, &statistics, nullptr, &block, nullptr});
    const quantizer_choice formats = [&](std::string_view linear) {
        return plan_.rounding_of(block.prefix() + std::string{linear});
    };
    block_quantizer_run quantizing{machine_, block, statistics, formats, options_, report_, all_};
    const storage_choice storage = stored_types();
    if (options_.compensate) quantizing.store_targets(storage);
    if (writes_codes_only()) quantizing.keep_codes_only(block);
    report_.add_seconds("quantize", watch_.lap());
    AWQ_CHECK(quantize(layer, quantizing));
    report_.add_seconds("streams", watch_.lap());
    const block_statistics* const seen = options_.compensate ? quantizing.rounded_statistics() : &statistics;
    return hand_over({layer, &block, seen, &quantizing.linears(), &quantizing.dequantized(), quantizing.compensated()});
}

inline gram_sample oneshot_run::gram_sample_of(const block_layout& layout) const
{
    if (!options_.imatrix.empty() || rounds_by_grams(options_, is_sequential())) return {};
    const auto sample = [&](const std::vector<sequence_chunk>& chunks) {
        return gram_chunks(options_, is_sequential(), chunks, layout);
    };
    const auto now = sample(stream_.all_chunks()), later = sample(cut_into_chunks(lengths_of(samples_)));
    return {tokens_of(now), stream_.own_tokens(now), tokens_of(later)};
}

inline status oneshot_run::calibrate_and_smooth(std::size_t layer, std::size_t layers, block_tensors& block,
                                                block_statistics& statistics)
{
    const std::vector<sequence_chunk>& all = stream_.all_chunks();
    const auto sample = gram_chunks(options_, is_sequential(), all, block.layout());
    const auto& shown = shows_sample_only() ? sample : all;
    parent_recorder recorder{shown, block.layout(), recorder_stride(options_, shown), stream_.sequences_before(shown)};
    AWQ_CHECK(observe(layer, block, stream_.own(shown), stream_.own(sample), statistics, recorder));
    if (options_.imatrix.empty()) AWQ_CHECK(recorder.share(all_));
    AWQ_CHECK(statistics.complete(machine_));
    if (options_.imatrix.empty()) count_tokens(block, statistics, report_);
    report_.add_seconds("calibrate", watch_.lap());
    notify(options_.progress, "block " + std::to_string(layer) + ": search", layer, layers);
    AWQ_CHECK(smooth(layer, block, statistics, recorder));
    if (options_.clip_weights)
        AWQ_CHECK(
            clip_block(all_, machine_, block, statistics, plan_, options_.rounding.clip_steps, report_.fallbacks));
    report_.add_seconds("search", watch_.lap());
    return {};
}

inline status oneshot_run::quantize(std::size_t layer, block_quantizer_run& run)
{
    if (!is_sequential()) {
        AWQ_CHECK(run.run_alone());
        watch_.lap(); // it has written down its own
        return {};
    }
    if (layer == 0) {
        rounded_ = stream_.hidden().copy(machine_);
        AWQ_CHECK(round_first());
    }
    const block_context context = stream_.context(source_->config(), layer);
    block_stages stages{machine_, context, stream_.batch(), stream_.hidden(), rounded_, all_, stream_.tokens()};
    report_.add_seconds("streams", watch_.lap());
    AWQ_CHECK(run.run_sequential(stages));
    watch_.lap();
    const auto is_sound = [&](matrix_view<float> rows) {
        return check_hidden(machine_, options_.model, block_prefix(source_->config(), layer), layer, rows);
    };
    const status sound = with_chunks(machine_, stream_.batch(), rounded_, false, is_sound);
    return sound ? sound : sound.error().within("with rounded weights");
}

inline status oneshot_run::round_first()
{
    if (!plan_.layout()) return {};
    const auto round = [&](matrix_view<float> rows) -> status {
        round_embeddings(machine_, source_->config(), *plan_.layout(), rows);
        return {};
    };
    return with_chunks(machine_, stream_.batch(), rounded_, true, round);
}

inline status oneshot_run::observe(std::size_t layer, const block_tensors& block,
                                   std::span<const sequence_chunk> chunks, std::span<const sequence_chunk> in_gram,
                                   block_statistics& statistics, parent_recorder& recorder)
{
    if (!options_.imatrix.empty())
        return fill_statistics(imatrix_, source_->config(), layer, block.layout(), statistics);
    const auto count = statistics.observer(machine_);
    bool counts = true;
    const auto observer = [&](std::string_view linear, matrix_view<const float> input) {
        count(linear, input, counts);
        recorder.observe(linear, input);
    };
    const auto begin = [&](const sequence_chunk& chunk) {
        counts = std::ranges::find(in_gram, chunk.first_row, &sequence_chunk::first_row) != in_gram.end();
        recorder.begin(chunk);
    };
    if (is_sequential())
        return stream_.observe(machine_, source_->config(), layer, block.weights(), chunks, begin, observer);
    return stream_.advance(machine_, source_->config(), layer, block.weights(), begin, observer);
}

inline status oneshot_run::smooth(std::size_t layer, block_tensors& block, block_statistics& statistics,
                                  const parent_recorder& recorder)
{
    AWQ_TRY(const auto resolved, mappings_.resolve(block));
    const quantizer_choice quantizers = simulated_of(block.prefix());
    const storage_choice storage = stored_types();
    const block_context context = stream_.context(source_->config(), layer);
    block_search search{machine_, context, block, statistics, recorder, quantizers, storage, options_, all_};
    for (const resolved_mapping& mapping : resolved) {
        found_grouped_query_ |= mapping.skipped == skip_cause::grouped_query;
        AWQ_TRY(mapping_report report, search.smooth(mapping));
        report_.mappings.push_back(std::move(report));
    }
    return {};
}

} // namespace awq

#endif
