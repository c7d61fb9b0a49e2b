// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_EXPORT_HPP
#define AWQ_PIPELINE_EXPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/check_outputs.hpp>
#include <awq/io/imatrix.hpp>
#include <awq/pipeline/directory_source.hpp>
#include <awq/pipeline/gguf_tensor_writer.hpp>
#include <awq/pipeline/importance_cover.hpp>
#include <awq/pipeline/progress.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/notice.hpp>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// What `export_gguf` is asked to do.
struct export_options {
    std::string model;  ///< directory of the checkpoint
    std::string output; ///< FILE.gguf
    std::string type = "q4_k_m";
    std::string imatrix; ///< importance matrix in either of llama.cpp's formats, or empty
    std::vector<std::string> tensor_types; ///< "PATTERN=TYPE"
    bool better_rounding = false; ///< `gguf::rounding::best`: no longer llama.cpp's bytes
    std::string pre; ///< the pre-tokenizer's name in llama.cpp; empty: found out
    bool overwrite = false;
    progress_callback progress;
    notice_list notices; ///< the report begins with it, and it shows the export's own
};

/// What became of an export.
struct export_report {
    std::string type;
    std::size_t tensors = 0;
    std::size_t without_importance = 0; ///< quantized tensors that the importance matrix lacks
    notice_list notes; ///< what the file does not hold, or holds otherwise
};

namespace detail {

/// The importance of a tensor's columns; empty where the matrix does not know it.
inline result<std::vector<float>> importance_of(const std::optional<imatrix>& matrix,
                                                const gguf_tensor& tensor)
{
    if (!matrix || !gguf::is_quantized(tensor.type) || !matrix->entries.contains(tensor.name))
        return std::vector<float>{};
    return matrix->mean_squares(tensor.name);
}

template <execution E>
result<export_report> export_tensors(const E& how, const export_options& options)
{
    AWQ_TRY(const auto source, directory_source::open(options.model));
    const named_path output{"--output", options.output};
    const std::array<named_path, 2> inputs{{{"--model", options.model},
                                            {"--imatrix", options.imatrix}}};
    AWQ_CHECK(check_outputs({&output, 1}, inputs));
    gguf_type_options types;
    AWQ_TRY(types.file_type, gguf::parse_file_type(options.type));
    types.overrides = options.tensor_types;
    std::optional<imatrix> importance;
    if (!options.imatrix.empty()) {
        AWQ_TRY(importance, imatrix::read(options.imatrix));
    }
    types.has_importance = importance.has_value();
    AWQ_TRY(const gguf_layout layout, gguf_layout::make(*source, types));
    export_report report{std::string{name_of(types.file_type)}, layout.tensors().size(), 0,
                         options.notices};
    for (notice& each : source->notices()) report.notes.add(std::move(each));
    if (importance)
        AWQ_CHECK(check_importance(*importance, options.imatrix, layout.tensors(), report.notes));
    if (options.better_rounding && !detail::any_weighs(layout.tensors()))
        report.notes.warn("better rounding has no effect: no tensor of these types has scales to "
                          "search for");
    AWQ_TRY(const gguf::key_values metadata,
            gguf_metadata(*source, layout, report.notes, options.pre));
    AWQ_TRY(auto out, gguf_tensor_writer<E>::create(how, options.output, layout, metadata,
                                                    options.overwrite,
                                                    options.better_rounding
                                                        ? gguf::rounding::best
                                                        : gguf::rounding::exact));
    for (const gguf_tensor& tensor : layout.tensors()) {
        const auto done = static_cast<std::size_t>(&tensor - layout.tensors().data());
        notify(options.progress, tensor.name, done, report.tensors);
        if (tensor.hf_name.empty()) {
            AWQ_TRY(const auto values, gguf_rope_freqs(source->config()));
            AWQ_CHECK(out.write(tensor, {values.data(), 1, values.size()}));
            continue;
        }
        AWQ_TRY(const auto means, importance_of(importance, tensor));
        report.without_importance += gguf::is_quantized(tensor.type) && means.empty();
        AWQ_CHECK(out.copy(tensor, *source, means));
    }
    AWQ_CHECK(out.prepare());
    AWQ_CHECK(out.commit());
    notify(options.progress, "written", report.tensors, report.tensors);
    return report;
}

} // namespace detail

/// Converts a model directory into a GGUF file of any type, as llama.cpp's converter and
/// llama-quantize would, without calibration. In memory are only a few megabytes of one tensor.
template <execution E>
result<export_report> export_gguf(const E& how, const export_options& options)
{
    return catch_out_of_memory(options.model, give_more_memory,
                               [&] { return detail::export_tensors(how, options); });
}

} // namespace awq

#endif
