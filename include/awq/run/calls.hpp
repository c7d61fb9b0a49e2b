// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CALLS_HPP
#define AWQ_RUN_CALLS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/tensor_source.hpp>
#include <awq/config.hpp>
#include <awq/device/declare_device.hpp>
#include <awq/evaluate/evaluate_options.hpp>
#include <awq/evaluate/evaluation.hpp>
#include <awq/execution/machines.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/report/run_report.hpp>
#include <awq/run/convert_options.hpp>
#include <awq/run/export_options.hpp>
#include <awq/run/run_prediction.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace awq {

class tokenizer; // of text/tokenizer.hpp, for those who look into it

// The calls on whole models, on all cores and with the fast products, or on a device that is given
// (`device/host_device.hpp`). In the compiled mode (AWQ_HEADER_ONLY=0) this is all that is included.

/// Calibrates, smooths and quantizes a model directory: the library's whole job, see `oneshot_options`. `all`: the
/// processes that make this call together.
AWQ_DECLARED_CALL result<run_report> oneshot(const oneshot_options& options, machines& all = alone());
AWQ_DECLARED_CALL result<run_report> oneshot(device& machine, const oneshot_options& options, machines& all = alone());

/// What that would take, in time and memory, without doing it: nothing is written.
AWQ_DECLARED_CALL result<run_prediction> predict(const oneshot_options& options);
AWQ_DECLARED_CALL result<run_prediction> predict(device& machine, const oneshot_options& options);

/// Converts a model directory into a GGUF file without calibration.
AWQ_DECLARED_CALL result<export_report> export_gguf(const export_options& options);
AWQ_DECLARED_CALL result<export_report> export_gguf(device& machine, const export_options& options);

/// Scores every token of each window but the first; `reference` may be null.
AWQ_DECLARED_CALL result<evaluation> evaluate(const tensor_source& model, const tensor_source* reference,
                                              std::span<const std::vector<std::int32_t>> windows,
                                              const evaluate_options& options);

/// Scores several models on the same windows; the reference runs once for all of them.
AWQ_DECLARED_CALL result<std::vector<evaluation>> evaluate_each(std::span<const tensor_source* const> models,
                                                                const tensor_source* reference,
                                                                std::span<const std::vector<std::int32_t>> windows,
                                                                const evaluate_options& options);

/// Continues a prompt of token ids greedily; `on_token` sees each new one as it comes and may be empty.
AWQ_DECLARED_CALL result<std::vector<std::int32_t>> generate(const tensor_source& model,
                                                             std::span<const std::int32_t> prompt,
                                                             std::size_t max_new_tokens,
                                                             const std::function<void(std::int32_t)>& on_token);

/// Rewrites a quantized checkpoint in another layout, without loss.
AWQ_DECLARED_CALL result<conversion> convert(const convert_options& options);

/// Opens a model directory or a GGUF file.
AWQ_DECLARED_CALL result<std::unique_ptr<tensor_source>> open_model(const std::string& path);

/// The tokenizer of a model directory or a GGUF file.
AWQ_DECLARED_CALL result<tokenizer> open_tokenizer(const std::string& path);

} // namespace awq

#endif
