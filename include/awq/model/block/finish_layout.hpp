// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_FINISH_LAYOUT_HPP
#define AWQ_MODEL_BLOCK_FINISH_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_layout.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

namespace detail {

/// Values in the order in which they are computed, with the linear layers' first readers.
inline void list_inputs(block_layout& layout)
{
    const auto add = [&](value_id value, bool is_routed) {
        const auto readers = layout.whole_readers_of(value);
        if (value == hidden_state || readers.empty()) return;
        layout.inputs.push_back({value, readers.front()->name, readers.front()->in_features, is_routed});
    };
    for (const block_part& part : layout.parts) {
        const bool is_routed = std::holds_alternative<experts_part>(part);
        for (const value_id value : inner_values(part)) add(value, is_routed);
        if (const value_id made = ends_of(part).second; made != hidden_state) add(made, false);
    }
}

/// Only linear layers may read what is smoothed: the others would see it divided.
inline void drop_inexact_outputs(block_layout& layout)
{
    std::erase_if(layout.outputs, [&](const block_output& output) {
        const bool is_read_otherwise = std::ranges::any_of(layout.parts, [&](const block_part& part) {
            const bool is_linear = !std::holds_alternative<add_part>(part) && !std::holds_alternative<norm_part>(part);
            return !is_linear && ends_of(part).first == output.value;
        });
        return is_read_otherwise || layout.readers_of(output.value).empty();
    });
}

/// Memory for the values between parts: that of a value is free again behind its last reader. A norm
/// may write over what it reads.
inline void place_values(block_layout& layout)
{
    const auto last_reader = [&](value_id value) {
        std::size_t last = 0;
        for (std::size_t i = 0; i < layout.parts.size(); ++i)
            if (const auto [from, to] = ends_of(layout.parts[i]);
                from == value || (to == value && std::holds_alternative<add_part>(layout.parts[i])))
                last = i;
        return last;
    };
    std::vector<value_id> holders; // of each slot
    for (std::size_t i = 0; i < layout.parts.size(); ++i) {
        const value_id made = ends_of(layout.parts[i]).second;
        if (made == hidden_state || std::holds_alternative<add_part>(layout.parts[i])) continue;
        const bool in_place = std::holds_alternative<norm_part>(layout.parts[i]);
        const auto is_free = [&](value_id holder) { return last_reader(holder) < i + (in_place ? 1 : 0); };
        auto slot = std::ranges::find_if(holders, is_free);
        if (slot == holders.end()) slot = holders.insert(holders.end(), made);
        *slot = made;
        if (layout.slots.size() <= made) layout.slots.resize(made + 1, none_here);
        layout.slots[made] = static_cast<std::size_t>(slot - holders.begin());
    }
}

} // namespace detail

/// Completes a layout whose tensors, linear layers, parts and outputs are there.
inline block_layout finish_layout(block_layout layout)
{
    detail::list_inputs(layout);
    detail::drop_inexact_outputs(layout);
    detail::place_values(layout);
    return layout;
}

} // namespace awq

#endif
