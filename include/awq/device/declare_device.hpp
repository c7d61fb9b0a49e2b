// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_DECLARE_DEVICE_HPP
#define AWQ_DEVICE_DECLARE_DEVICE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>

namespace awq {

/// Who computes; for those who only hand it on.
class AWQ_ABI_TAG device;

} // namespace awq

#endif
