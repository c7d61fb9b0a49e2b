// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_WEIGHT_FORMATS_HPP
#define AWQ_RUN_WEIGHT_FORMATS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/run/layer_plan.hpp>

#include <string_view>

namespace awq {

/// What a plan says of each layer, for the sinks of checkpoints. The plan must outlive it.
inline weight_format_choice weight_formats_of(const layer_plan& plan)
{
    return [&plan](std::string_view layer) { return plan.format_of(layer); };
}

} // namespace awq

#endif
