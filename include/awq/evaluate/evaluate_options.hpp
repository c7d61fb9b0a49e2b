// SPDX-License-Identifier: MIT
#ifndef AWQ_EVALUATE_EVALUATE_OPTIONS_HPP
#define AWQ_EVALUATE_EVALUATE_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/any_quantizer.hpp>
#include <awq/report/progress.hpp>

#include <optional>

namespace awq {

/// What `evaluate` does beside running the model.
struct evaluate_options {
    /// Rounds the linear layers of every block first.
    std::optional<any_quantizer> pseudo_quantize;
    progress_callback progress;
};

} // namespace awq

#endif
