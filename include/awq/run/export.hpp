// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_EXPORT_HPP
#define AWQ_RUN_EXPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/gguf_tensor_writer.hpp>
#include <awq/checkpoint/importance_cover.hpp>
#include <awq/device/open_host_device.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/io/imatrix.hpp>
#include <awq/report/progress.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/export_options.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/notice.hpp>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// The importance of a tensor's columns; empty where the matrix does not know it.
inline result<std::vector<float>> importance_of(const std::optional<imatrix>& matrix, const gguf_tensor& tensor)
{
    if (!matrix || !gguf::is_quantized(tensor.type) || !matrix->entries.contains(tensor.name))
        return std::vector<float>{};
    return matrix->mean_squares(tensor.name);
}

inline result<export_report> export_tensors(device& machine, const export_options& options)
{
    AWQ_TRY(const auto source, directory_source::open(options.model));
    const named_path output{"--output", options.output};
    const std::array<named_path, 2> inputs{{{"--model", options.model}, {"--imatrix", options.imatrix}}};
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
    export_report report{std::string{name_of(types.file_type)}, layout.tensors().size(), 0, options.notices};
    for (notice& each : source->notices()) report.notes.add(std::move(each));
    if (importance) AWQ_CHECK(check_importance(*importance, options.imatrix, layout.tensors(), report.notes));
    if (options.better_rounding && !detail::any_weighs(layout.tensors()))
        report.notes.warn("better rounding has no effect: no tensor of these types has scales to "
                          "search for");
    AWQ_TRY(const gguf::key_values metadata, gguf_metadata(*source, layout, report.notes, options.pre));
    AWQ_TRY(auto out,
            gguf_tensor_writer::create(machine, options.output, layout, metadata, options.overwrite,
                                       options.better_rounding ? gguf::rounding::best : gguf::rounding::exact));
    for (const gguf_tensor& tensor : layout.tensors()) {
        const auto done = static_cast<std::size_t>(&tensor - layout.tensors().data());
        notify(options.progress, tensor.name, done, report.tensors);
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

#if AWQ_COMPILES_RUNS
/// Converts a model directory into a GGUF file of any type, as llama.cpp's converter and
/// llama-quantize would, without calibration. In memory are only a few megabytes of one tensor.
AWQ_CALL result<export_report> export_gguf(device& machine, const export_options& options)
{
    return catch_out_of_memory(options.model, give_more_memory,
                               [&] { return detail::export_tensors(machine, options); });
}

/// The same on all cores.
AWQ_CALL result<export_report> export_gguf(const export_options& options)
{
    AWQ_TRY(const auto machine, open_host_device());
    return export_gguf(*machine, options);
}
#endif

} // namespace awq

#endif
