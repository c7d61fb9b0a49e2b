// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_SERIAL_EXECUTION_HPP
#define AWQ_EXECUTION_SERIAL_EXECUTION_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/precision.hpp>

namespace awq {

/// Does the work on the calling thread, in order.
struct serial_execution {
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "serial";

    precision operands = precision::float32; ///< of large products

    template <class Task>
    constexpr void for_each(std::size_t count, Task&& task) const
    {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
};

static_assert(execution<serial_execution>);

} // namespace awq

#endif
