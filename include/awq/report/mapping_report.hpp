// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_MAPPING_REPORT_HPP
#define AWQ_REPORT_MAPPING_REPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace awq {

/// What became of one mapping in one decoder block.
struct mapping_report {
    std::string layer;        ///< the decoder block: "model.layers.3"
    std::string smooth_layer; ///< full module names
    std::vector<std::string> balance_layers;
    double initial_error = 0; ///< loss of plain rounding (identity scales)
    double best_error = 0;    ///< loss of the chosen scales, never above the initial
    double best_ratio = 0;
    bool duo_scaling = false;           ///< whether the chosen scales used the weights
    std::size_t tokens = 0;             ///< tokens that the statistics were taken from
    std::size_t skipped_candidates = 0; ///< candidates that are not finite, or cannot be stored
    std::string skipped;                ///< why the mapping was left alone; empty if it was not
};

/// What became of one linear layer when its weights were quantized.
struct layer_report {
    std::string layer;         ///< full module name
    std::string format;        ///< the type or scheme that was written
    std::string steps;         ///< what was used: "importance, error feedback, least-squares target"
    double relative_error = 0; ///< output error over output power, on the calibration tokens
    std::string skipped = {};  ///< why a layer that a scheme is for stays as it is; else empty
};

} // namespace awq

#endif
