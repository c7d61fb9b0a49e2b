// SPDX-License-Identifier: MIT
#include "device/machines.hpp"

#include <awq/device/open_host_device.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>

awq::device& test::fast_machine()
{
    static const auto machine = awq::open_host_device().value();
    return *machine;
}

awq::device& test::serial_machine()
{
    static awq::host_device<awq::packed_product, awq::serial_execution> machine;
    return machine;
}

awq::device& test::plain_machine()
{
    static awq::host_device<awq::plain_product, awq::serial_execution> machine;
    return machine;
}
