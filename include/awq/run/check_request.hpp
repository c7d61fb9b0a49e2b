// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CHECK_REQUEST_HPP
#define AWQ_RUN_CHECK_REQUEST_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/check_numbers.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/support/result.hpp>

#include <string>
#include <variant>

namespace awq {

namespace detail {

/// `invalid_argument` where a part of a request is empty, or at odds with another.
struct check_kinds {
    const oneshot_options& options;

    status operator()(const sample_calibration& from) const
    {
        return needed(from.dataset, "dataset", "the text to calibrate with");
    }
    status operator()(const matrix_calibration& from) const
    {
        return needed(from.imatrix, "imatrix", "llama.cpp's importance matrix");
    }

    status operator()(const quantize& task) const
    {
        if (task.formats.empty())
            return error{error_code::invalid_argument, "`formats` is empty: nothing says how to quantize"};
        if (task.search_clipping && !options.smoothing)
            return error{error_code::invalid_argument, "`search_clipping` needs the search, which smooths"};
        if (task.search_clipping && task.clip_steps <= 1)
            return error{error_code::invalid_argument, "`search_clipping` needs `clip_steps` above 1"};
        return {};
    }
    status operator()(const write_gguf& task) const
    {
        AWQ_CHECK(needed(task.type, "type", "the GGUF type to write: q4_k_m, ..."));
        if (task.measured_types && !has_samples())
            return error{error_code::invalid_argument,
                         "`measured_types` runs the model to choose types: give `dataset`, not `imatrix`"};
        return {};
    }
    status operator()(const smooth& task) const
    {
        const auto* const type = std::get_if<simulated_type>(&task.simulated);
        return type ? needed(type->target, "target", "the GGUF type to optimise for: q4_k_m, ...") : status{};
    }
    status operator()(const compensate& task) const
    {
        AWQ_CHECK(needed(task.target, "target", "the GGUF type to quantize to: q4_k_m, ..."));
        if (!has_samples())
            return error{error_code::invalid_argument,
                         "`compensate` needs a forward pass: give `dataset`, not `imatrix`"};
        if (options.output.ends_with(".gguf"))
            return error{error_code::invalid_argument, "`compensate` writes a directory: ", options.output,
                         " is the name of a GGUF file"};
        return {};
    }

private:
    bool has_samples() const { return std::holds_alternative<sample_calibration>(options.calibration); }

    static status needed(const std::string& value, const char* field, const char* what)
    {
        if (!value.empty()) return {};
        return error{error_code::invalid_argument, "`", field, "` is empty: give ", what};
    }
};

} // namespace detail

/// Refuses what the kinds of a request leave to be checked, in one line, before anything is opened: what is empty,
/// what is at odds, and numbers without sense. Errors quote the names of fields: "`clip_steps` 0: use 1 to 1000".
inline status check_request(const oneshot_options& options)
{
    const detail::check_kinds check{options};
    AWQ_CHECK(std::visit(check, options.task));
    AWQ_CHECK(std::visit(check, options.calibration));
    return check_numbers(options);
}

} // namespace awq

#endif
