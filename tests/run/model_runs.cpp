// SPDX-License-Identifier: MIT
#include "model_runs.hpp"

#include <awq/run/calls.hpp>
#include <awq/text/calibration_samples.hpp>

#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace test {

awq::result<awq::run_report> run_oneshot(const awq::oneshot_options& options, std::size_t threads)
{
    using control = tbb::global_control;
    std::optional<control> limit;
    if (threads > 0) limit.emplace(control::max_allowed_parallelism, threads);
    return awq::oneshot(options);
}

awq::result<awq::evaluation> score(const std::string& model, const std::vector<token_ids>& windows, const scoring& how)
{
    AWQ_TRY(const auto source, awq::open_model(model));
    std::unique_ptr<awq::tensor_source> reference;
    if (!how.reference.empty()) {
        AWQ_TRY(reference, awq::open_model(how.reference));
    }
    awq::evaluate_options options;
    if (!how.scheme.empty()) {
        AWQ_TRY(const awq::scheme scheme, awq::parse_scheme(how.scheme));
        options.pseudo_quantize = awq::integer_quantizer{scheme, how.group_size};
    }
    return awq::evaluate(*source, reference.get(), windows, options);
}

awq::result<std::vector<token_ids>> windows_of(const std::string& model, const std::string& text, std::size_t length,
                                               std::size_t count)
{
    AWQ_TRY(const auto tokens, awq::open_tokenizer(model));
    awq::sample_options reading;
    reading.max_seq_length = length;
    reading.add_special_tokens = false;
    AWQ_TRY(awq::sample_set samples, awq::load_windows(text, tokens, reading));
    auto& windows = samples.sequences;
    windows.resize(std::min(count, windows.size()));
    return windows;
}

awq::result<token_ids> continue_greedily(const std::string& model, const token_ids& prompt, std::size_t count)
{
    AWQ_TRY(const auto source, awq::open_model(model));
    return awq::generate(*source, prompt, count, {});
}

} // namespace test
