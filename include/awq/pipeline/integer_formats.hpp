// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_INTEGER_FORMATS_HPP
#define AWQ_PIPELINE_INTEGER_FORMATS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/pipeline/layer_codec.hpp>
#include <awq/pipeline/layer_plan.hpp>

#include <optional>
#include <string_view>

namespace awq {

/// What a plan says of each layer, for the sinks of integer formats. The plan must outlive it.
inline integer_format_choice integer_formats_of(const layer_plan& plan)
{
    return [&plan](std::string_view layer) -> std::optional<integer_format> {
        const any_quantizer* const quantizer = plan.quantizer_of(layer);
        const auto* const integer = quantizer ? quantizer->get_if<integer_quantizer>() : nullptr;
        if (!integer) return std::nullopt;
        return integer_format{integer->format, integer->group_size};
    };
}

} // namespace awq

#endif
