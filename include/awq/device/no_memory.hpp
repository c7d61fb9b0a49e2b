// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_NO_MEMORY_HPP
#define AWQ_DEVICE_NO_MEMORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/error.hpp>

namespace awq::detail {

inline error no_memory(const char* what)
{
    return error{error_code::out_of_memory, "out of memory for ", what, "; ", use_less_memory};
}

} // namespace awq::detail

#endif
