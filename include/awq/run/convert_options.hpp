// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CONVERT_OPTIONS_HPP
#define AWQ_RUN_CONVERT_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/progress.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace awq {

/// The layouts that `convert` writes.
enum class checkpoint_layout { compressed_tensors, autoawq };

/// What `convert` is asked to do.
struct convert_options {
    std::string model; ///< directory with quantized layers
    std::string output;
    checkpoint_layout layout = checkpoint_layout::compressed_tensors;
    bool overwrite = false;
    /// Scales that the layout cannot hold exactly are rounded instead of refused.
    bool round_scales = false;
    progress_callback progress;
};

/// What a conversion did.
struct conversion {
    std::string output;
    std::size_t layers = 0;         ///< that were converted
    std::size_t rounded_scales = 0; ///< with `round_scales`: how many changed
    bool symmetric = false;         ///< no layer has a zero point
    std::vector<std::string> notes; ///< what of the model is not in the output
};

} // namespace awq

#endif
