// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_DEVICE_MACHINES_HPP
#define AWQ_TESTS_DEVICE_MACHINES_HPP

#include <awq/device/device.hpp>

namespace test {

// Compiled once for all rooms: a device has every kernel in it.
awq::device& fast_machine();   ///< all cores, fast products
awq::device& serial_machine(); ///< one thread, fast products
awq::device& plain_machine();  ///< one thread, plain loops

} // namespace test

#endif
