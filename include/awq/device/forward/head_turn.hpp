// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_HEAD_TURN_HPP
#define AWQ_DEVICE_FORWARD_HEAD_TURN_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/norm_view.hpp>
#include <awq/device/forward/rope_table.hpp>

#include <cstddef>

namespace awq {

/// How queries or keys are prepared, head by head.
struct head_turn {
    std::size_t head = 0;
    const rope_table* rope = nullptr; ///< null: not turned
    bool pairs = false;               ///< neighbours are turned together, not the two halves
    norm_view norm = {};
    bool has_norm = false;
    bool norm_is_wide = false;  ///< of all heads together
    bool norm_is_after = false; ///< after the rotation
    std::size_t plain = 0;      ///< first dimensions of a head that are not turned
};

} // namespace awq

#endif
