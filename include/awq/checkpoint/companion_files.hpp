// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_COMPANION_FILES_HPP
#define AWQ_CHECKPOINT_COMPANION_FILES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/copy_files.hpp>
#include <awq/io/json_copy.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/write_file.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Carries the files beside the weights over into an output, but for those in `replaced`, which it writes
/// itself. Gives what could not be carried over, one sentence each. Errors: those of `copy_files`.
inline result<std::vector<std::string>> carry_over(const std::string& model, const output_path& to,
                                                   std::span<const std::string> replaced = {})
{
    AWQ_TRY(const copied_files done, copy_companion_files(model, to, replaced));
    std::vector<std::string> notes;
    for (const std::string& name : done.skipped)
        notes.push_back(to.shown + ": without " + name + " of the model, which is no file and no link to one");
    return notes;
}

/// Writes config.json without a `quantization_config`, for an output that is not quantized.
inline status write_plain_config(const std::string& model, const output_path& to)
{
    AWQ_TRY(const std::string path, model_file(model, "config.json"));
    AWQ_TRY(const auto config, json::load(path));
    AWQ_TRY(const auto members, config.root().as_object());
    json::writer out{2};
    out.begin_object();
    for (const json::member& each : members)
        if (each.key != "quantization_config") json::write(out.key(each.key), each.value);
    out.end_object();
    return write_file(to / "config.json", std::move(out).take() + "\n");
}

} // namespace awq

#endif
