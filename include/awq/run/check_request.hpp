// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CHECK_REQUEST_HPP
#define AWQ_RUN_CHECK_REQUEST_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/check_numbers.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/support/result.hpp>

namespace awq {

/// Refuses what does not go with `oneshot_options::compensate`, in one line.
inline status check_compensation(const oneshot_options& options)
{
    const char* const reason =
        options.smoothing_only              ? "and --smoothing-only are two ways; give one"
        : !options.formats.empty()          ? "is for llama.cpp's types: give --target, not --scheme"
        : !options.gguf_type.empty()        ? "leaves quantizing to llama.cpp: give --target, not --type"
        : options.target.empty()            ? "needs --target, the type to quantize to: q4_k_m, ..."
        : !options.imatrix.empty()          ? "needs a forward pass: give --dataset, not --imatrix"
        : !options.output_awq.empty()       ? "cannot write --output-awq"
        : options.output.ends_with(".gguf") ? "writes a directory: give --output DIR, or --type for a GGUF file"
        : !(options.rounding.least_squares_lambda > 0)
            ? "is nothing without a least-squares target: give --least-squares above 0"
            : nullptr;
    if (!reason) return {};
    return error{error_code::invalid_argument, "--compensate ", reason};
}

/// Refuses steps of the search that could never act, in one line.
inline status check_search_steps(const oneshot_options& options)
{
    if (options.all_mappings && (!options.smoothing || options.mappings))
        return error{error_code::invalid_argument, "--mappings all and ",
                     options.smoothing ? "a recipe's mappings" : "--no-smoothing", " do not go together; give one"};
    if (options.smooth_grouped_query && !options.smoothing)
        return error{error_code::invalid_argument,
                     "--smooth-grouped-query and --no-smoothing do not go together; give one"};
    const char* const reason = !options.search_clipping  ? nullptr
                               : options.smoothing_only  ? "has nothing to simulate: --smoothing-only keeps 16 bits"
                               : options.formats.empty() ? "is for schemes: the ranges of GGUF types are not clipped"
                               : !options.smoothing      ? "needs the search that --no-smoothing leaves out"
                               : options.rounding.clip_steps <= 1 ? "needs --clip-steps above 1"
                                                                  : nullptr;
    if (!reason) return {};
    return error{error_code::invalid_argument, "--search-clipping ", reason};
}

/// Refuses options that do not go together, in one line, before anything is opened.
inline status check_request(const oneshot_options& options)
{
    if (options.compensate) AWQ_CHECK(check_compensation(options));
    if (!options.smoothing_only && options.formats.empty() && options.gguf_type.empty() && options.target.empty())
        return error{error_code::invalid_argument,
                     "nothing says how to quantize: give --scheme (or --type for GGUF), or "
                     "--smoothing-only to keep the weights in 16 bits"};
    if (options.smoothing_only && !options.gguf_type.empty())
        return error{error_code::invalid_argument,
                     "--smoothing-only keeps 16 bits, --type writes a GGUF file: to optimise for that "
                     "type, give --target ",
                     options.gguf_type};
    if (options.smoothing_only && !options.output_dequantized.empty())
        return error{error_code::invalid_argument,
                     "--output-dequantized has no quantized weights to read back: --smoothing-only "
                     "keeps 16 bits"};
    if (options.smoothing_only && !options.formats.empty() && !options.target.empty())
        return error{error_code::invalid_argument, "the search simulates either --target or --scheme; give one"};
    const bool writes_nothing_of_target =
        !options.smoothing_only && !options.compensate && options.formats.empty() && options.gguf_type.empty();
    if (writes_nothing_of_target && !options.output.empty())
        return error{error_code::invalid_argument,
                     "--target is only simulated: add --smoothing-only or --compensate, or give "
                     "--type to write that type"};
    if (options.rounding.better_rounding && options.gguf_type.empty())
        return error{error_code::invalid_argument, "--better-rounding searches the blocks of a GGUF file: give --type"};
    if (!options.tensor_types.empty() && options.gguf_type.empty() && options.target.empty())
        return error{error_code::invalid_argument,
                     "--tensor-type is for tensors of GGUF files: give --type or --target"};
    if (options.measured_types && (options.gguf_type.empty() || !options.imatrix.empty()))
        return error{error_code::invalid_argument,
                     "--measured-types chooses the tensor types of a GGUF file by running the "
                     "model: give --type and --dataset"};
    if (options.clip_weights && (!options.smoothing_only || !options.target.empty()))
        return error{error_code::invalid_argument, "--clip-weights goes with --smoothing-only and integer groups; when "
                                                   "quantizing, --clip-steps clips"};
    AWQ_CHECK(check_search_steps(options));
    if (options.dataset.empty() == options.imatrix.empty())
        return error{error_code::invalid_argument,
                     "give --dataset to calibrate, or --imatrix for what llama.cpp found"};
    return check_numbers(options);
}

} // namespace awq

#endif
