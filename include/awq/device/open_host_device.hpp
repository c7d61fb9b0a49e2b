// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_OPEN_HOST_DEVICE_HPP
#define AWQ_DEVICE_OPEN_HOST_DEVICE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_device.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>

#include <memory>

namespace awq {

/// All cores of the processor, with the fast products.
AWQ_DECLARED_CALL std::unique_ptr<device> open_host_device();

#if AWQ_COMPILES_KERNELS
AWQ_CALL std::unique_ptr<device> open_host_device()
{
    return std::make_unique<host_device<packed_product, tbb_execution>>();
}
#endif

} // namespace awq

#endif
