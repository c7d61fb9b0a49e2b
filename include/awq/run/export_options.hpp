// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_EXPORT_OPTIONS_HPP
#define AWQ_RUN_EXPORT_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/progress.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace awq {

/// What `export_gguf` is asked to do.
struct export_options {
    std::string model;  ///< directory of the checkpoint
    std::string output; ///< FILE.gguf
    std::string type = "q4_k_m";
    std::string imatrix;                   ///< importance matrix in either of llama.cpp's formats, or empty
    std::vector<std::string> tensor_types; ///< "PATTERN=TYPE"
    bool better_rounding = false;          ///< `gguf::rounding::best`: no longer llama.cpp's bytes
    std::string pre;                       ///< the pre-tokenizer's name in llama.cpp; empty: found out
    bool overwrite = false;
    progress_callback progress;
    notice_list notices; ///< the report begins with it, and it shows the export's own
};

/// What became of an export.
struct export_report {
    std::string type;
    std::size_t tensors = 0;
    std::size_t without_importance = 0; ///< quantized tensors that the importance matrix lacks
    notice_list notes;                  ///< what the file does not hold, or holds otherwise
};

} // namespace awq

#endif
