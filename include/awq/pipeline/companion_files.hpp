// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_COMPANION_FILES_HPP
#define AWQ_PIPELINE_COMPANION_FILES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/copy_files.hpp>

#include <span>
#include <string>
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
        notes.push_back(to.shown + ": without " + name +
                        " of the model, which is no file and no link to one");
    return notes;
}

} // namespace awq

#endif
