// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_REQUEST_FILES_HPP
#define AWQ_RUN_REQUEST_FILES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/check_outputs.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/support/result.hpp>

#include <string>
#include <vector>

namespace awq {

/// The directories that a run is asked to write, by their flags; an empty path where it is not.
inline std::vector<named_path> output_directories_of(const run_settings& options)
{
    std::vector<named_path> found{{"--output-smoothed", options.output_smoothed},
                                  {"--output-dequantized", options.output_dequantized},
                                  {"--output-awq", options.output_awq}};
    if (options.gguf_type.empty()) found.push_back({"--output", options.output});
    return found;
}

/// The files.
inline std::vector<named_path> output_files_of(const run_settings& options)
{
    std::vector<named_path> found{{"--output-imatrix", options.output_imatrix}, {"--report", options.report}};
    if (!options.gguf_type.empty()) found.push_back({"--output", options.output});
    return found;
}

/// What a run reads.
inline std::vector<named_path> inputs_of(const run_settings& options, const std::string& recipe)
{
    return {{"--model", options.model},
            {"--dataset", options.dataset},
            {"--imatrix", options.imatrix},
            {"--recipe", recipe}};
}

/// Compares all outputs of a run with its inputs and with each other, in one line, before any is opened.
/// Errors: `invalid_argument`; those of `check_outputs`.
inline status check_request_files(const oneshot_options& request)
{
    const run_settings options = settings_of(request);
    std::vector<named_path> outputs = output_directories_of(options);
    for (const named_path& each : outputs)
        if (each.path.ends_with(".gguf"))
            return error{error_code::invalid_argument, each.text(),
                         ": a directory is written here, and this is the name of a file; choose "
                         "another name, or give --type for a GGUF file"};
    const std::vector<named_path> files = output_files_of(options);
    outputs.insert(outputs.end(), files.begin(), files.end());
    return check_outputs(outputs, inputs_of(options, request.recipe));
}

} // namespace awq

#endif
