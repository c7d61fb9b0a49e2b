// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CLIP_BLOCK_HPP
#define AWQ_RUN_CLIP_BLOCK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_statistics.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/execution/machines.hpp>
#include <awq/quantization/clip_weights.hpp>
#include <awq/report/fallback_list.hpp>
#include <awq/run/layer_plan.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace awq {

/// Clips the weights of a smoothed block to the ranges that the integers of `plan` take, and adds to `missed` those
/// that are not rounded to integers. `clip_steps`: see `rounding_options`. `all`: the machines that clip together, each
/// some rows of every weight.
inline status clip_block(machines& all, device& machine, block_tensors& block, block_statistics& statistics,
                         const layer_plan& plan, int clip_steps, fallback_list& missed)
{
    for (const block_linear& each : block.layout().linears) {
        if (each.is_router) continue;
        const std::string_view linear = each.name;
        const any_quantizer* const rounding = plan.quantizer_of(block.prefix() + std::string{linear});
        const auto* const chosen = rounding ? rounding->get_if<integer_quantizer>() : nullptr;
        const matrix_view<float> weight = block.weight(linear);
        if (!chosen || !chosen->check(weight.cols())) {
            missed.add("not clipped (no integer groups that fit)", block.prefix() + std::string{linear});
            continue;
        }
        integer_quantizer format = *chosen;
        format.clip_steps = clip_steps;
        const row_range own = all.share(weight.rows());
        machine.clip_weights(format, statistics.of(linear).importance(), weight.rows_from(own.first, own.size()));
        AWQ_CHECK(all.share_rows(std::as_writable_bytes(std::span{weight.data(), weight.size()}),
                                 weight.cols() * sizeof(float), own));
        block.release(weight);
    }
    return {};
}

} // namespace awq

#endif
