// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_PATH_HPP
#define AWQ_IO_OUTPUT_PATH_HPP

#include <awq/support/requires_hosted.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace awq {

class write_queue;

/// Where a file is written, and how errors call it: an unfinished output lies at a temporary place, and
/// whoever reads the error knows only the place that they asked for.
struct output_path {
    output_path() = default;
    output_path(std::string where) : path(std::move(where)), shown(path) {}
    output_path(const char* where) : output_path(std::string{where}) {}
    output_path(std::string where, std::string as) : path(std::move(where)), shown(std::move(as)) {}

    /// A file in this directory.
    output_path operator/(std::string_view name) const
    {
        const std::string part = '/' + std::string{name};
        output_path made{path + part, shown + part};
        made.resumable = resumable;
        made.queue = queue;
        return made;
    }

    std::string path;
    std::string shown;
    bool resumable = false;       ///< what is written there may be gone on with, see `new_file`
    write_queue* queue = nullptr; ///< who writes there in the background; null: nobody
};

} // namespace awq

#endif
