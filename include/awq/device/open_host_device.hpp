// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_OPEN_HOST_DEVICE_HPP
#define AWQ_DEVICE_OPEN_HOST_DEVICE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_device.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/support/result.hpp>

#include <memory>
#include <new>

namespace awq {

/// All cores of the processor, with the fast products. Error: `out_of_memory`.
AWQ_DECLARED_CALL result<std::unique_ptr<device>> open_host_device();

#if AWQ_COMPILES_KERNELS
AWQ_CALL result<std::unique_ptr<device>> open_host_device()
{
    std::unique_ptr<device> made{new (std::nothrow) host_device<packed_product, tbb_execution>};
    if (!made) return error{error_code::out_of_memory, "the processor: out of memory; give the program more memory"};
    return made;
}
#endif

} // namespace awq

#endif
