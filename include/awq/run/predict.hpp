// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_PREDICT_HPP
#define AWQ_RUN_PREDICT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/run/available_memory.hpp>
#include <awq/run/memory_need.hpp>
#include <awq/run/oneshot.hpp>
#include <awq/run/run_prediction.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Predicts a run from its first block, which goes through all that the run would do to it, with a few of the samples:
/// the forward passes grow with the tokens, what is solved and searched does not, and other blocks take what their
/// size says.
template <class Product, execution E>
class run_predictor {
public:
    /// Runs the measurement: about what one block takes with 2048 tokens, more than twice.
    result<run_prediction> predict(const E& how, oneshot_options options)
    {
        options.dry_run = true;
        options.resume = false;
        AWQ_TRY(const auto run, (oneshot_run<Product, E>::prepare(how, options)));
        std::size_t tokens = 0;
        for (const token_ids& each : run->samples()) tokens += each.size();
        const auto some = beginning(run->samples(), tokens_per_chunk);
        const auto few = beginning(run->samples(), tokens_per_chunk / 4);
        const float share = static_cast<float>(some.second) / static_cast<float>(std::max<std::size_t>(tokens, 1));
        AWQ_TRY(const step_seconds small, run->try_first_block(few.first, share));
        AWQ_TRY(const step_seconds large, run->try_first_block(some.first, share));
        const memory_need need = run->least();
        run_prediction made;
        made.samples = run->samples().size();
        made.tokens = tokens;
        made.blocks = run->config().num_hidden_layers;
        made.peak_bytes = peak_rss_bytes() + need.per_token * (tokens - some.second);
        made.available_bytes = memory_for_this_process();
        const double blocks = blocks_like_the_first(run->config());
        add(made, "tokenize", seconds_of(run->seconds(), "tokenize"));
        for (const char* const step : {"read", "calibrate", "search", "streams", "solve", "quantize"}) {
            const double once = seconds_of(large, step), less = seconds_of(small, step);
            const bool grows = step != std::string_view{"read"} && step != std::string_view{"search"};
            add(made, step, blocks * (grows ? at(tokens, few.second, less, some.second, once) : once));
        }
        add(made, "write", seconds_to_write(options, *run));
        double total = 0;
        for (const auto& [step, seconds] : made.seconds) total += seconds;
        add(made, "total", total);
        if (options.measured_types) made.notes.push_back("the measurement of types is not counted");
        AWQ_CHECK(check_fits(options.model, {made.peak_bytes - need.per_token * tokens, need.per_token}, made.samples,
                             tokens, made.available_bytes));
        return made;
    }

private:
    using some_samples = std::pair<std::span<const token_ids>, std::size_t>;

    /// The first samples that have so many tokens together, or all; and their tokens.
    static some_samples beginning(std::span<const token_ids> samples, std::size_t wanted)
    {
        std::size_t count = 0, tokens = 0;
        while (count < samples.size() && tokens < wanted) tokens += samples[count++].size();
        return {samples.first(count), tokens};
    }

    /// On the line through two measurements, as far as it rises; else in proportion to the second.
    static double at(std::size_t tokens, std::size_t few, double small, std::size_t some, double large)
    {
        const double ratio = some > 0 ? static_cast<double>(tokens) / static_cast<double>(some) : 1.0;
        if (some <= few) return large * ratio;
        const double slope = std::max(0.0, (large - small) / static_cast<double>(some - few));
        const double fixed = std::max(0.0, large - slope * static_cast<double>(some));
        return fixed + (large - fixed) * ratio;
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
    static double seconds_to_write(const oneshot_options& options, const oneshot_run<Product, E>& run)
    {
        constexpr double bytes_a_second = 1e9, rounded_a_second = 2e7;
        double bytes = 0, rounded = 0;
        const std::string* const models[] = {&options.output, &options.output_smoothed, &options.output_dequantized,
                                             &options.output_awq};
        for (const std::string* const each : models)
            if (!each->empty()) bytes += static_cast<double>(run.source_bytes());
        if (!options.gguf_type.empty())
            for (const expected_tensor& each : expected_outer_tensors(run.config()))
                rounded += static_cast<double>(each.rows) * static_cast<double>(each.cols);
        return bytes / bytes_a_second + rounded / rounded_a_second;
    }

    static void add(run_prediction& to, const std::string& step, double seconds)
    {
        if (seconds > 0) to.seconds.emplace_back(step, seconds);
    }
};

/// What `oneshot` with these options would take. Nothing is written. Errors: those with which it would end before it
/// begins; `out_of_memory`, with what fits, where it would not.
template <class Product, execution E>
result<run_prediction> predict(const E& how, const oneshot_options& options)
{
    return catch_out_of_memory(options.model, use_less_memory,
                               [&] { return run_predictor<Product, E>{}.predict(how, options); });
}

#if AWQ_COMPILES_RUNS
/// The same on all cores, with the fast products.
AWQ_CALL result<run_prediction> predict(const oneshot_options& options)
{
    return predict<packed_product>(tbb_execution{}, options);
}
#endif

} // namespace awq

#endif
