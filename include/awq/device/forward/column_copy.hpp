// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_COLUMN_COPY_HPP
#define AWQ_DEVICE_FORWARD_COLUMN_COPY_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>

namespace awq {

/// `count` runs of `width` columns of every row, which begin so many columns apart; a step of 0 copies the same run
/// again and again.
struct column_copy {
    std::size_t width = 0, count = 1;
    std::size_t from_step = 0, to_step = 0;
};

} // namespace awq

#endif
