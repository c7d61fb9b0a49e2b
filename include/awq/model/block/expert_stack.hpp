// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_EXPERT_STACK_HPP
#define AWQ_MODEL_BLOCK_EXPERT_STACK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_options.hpp>
#include <awq/model/block/stacked_place.hpp>
#include <awq/model/model_config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace awq {

/// Where a tensor of expert `index`, "up_proj.weight" say, lies in a checkpoint that stacks experts.
inline stacked_place place_in_stack(const experts_options& options, const model_config& config, std::size_t index,
                                    std::string_view tensor)
{
    const std::string_view layer = tensor.substr(0, tensor.rfind('.'));
    const bool is_down = layer == options.down;
    stacked_place made;
    made.name = std::string{options.at}.append(is_down ? options.stacked_down : options.stacked);
    if (tensor.ends_with("bias")) made.name += "_bias";
    made.order = options.order;
    made.slab = index;
    made.slabs = config.experts.count;
    made.outputs = is_down ? config.hidden_size : 2 * config.experts.width;
    if (is_down) return made;
    made.step = options.in_turns ? 2 : 1;
    if (layer == options.up) made.first = options.in_turns ? 1 : config.experts.width;
    return made;
}

} // namespace awq

#endif
