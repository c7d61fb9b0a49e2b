// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_CATCH_OUT_OF_MEMORY_HPP
#define AWQ_SUPPORT_CATCH_OUT_OF_MEMORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <string_view>
#include <type_traits>
#if AWQ_EXCEPTIONS
#include <new>
#include <stdexcept>
#endif

namespace awq {

/// What to do where a run of a model does not fit into memory.
inline constexpr std::string_view use_less_memory =
    "take fewer samples or shorter sequences, or give the program more memory";

/// The same for what is read or written piece by piece.
inline constexpr std::string_view give_more_memory = "give the program more memory";

/// What `step()` (a result) gives, or `out_of_memory` where an allocation failed in it, on any thread
/// that it waits for: "WHERE: out of memory; ADVICE". Entry points that need a heap run in it. Where the
/// program is compiled without exceptions, a failed allocation ends it.
template <class Step>
std::invoke_result_t<Step&> catch_out_of_memory([[maybe_unused]] std::string_view where,
                                                [[maybe_unused]] std::string_view advice, Step&& step)
{
#if AWQ_EXCEPTIONS
    try {
        return step();
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) { // a size that no container can have
    }
    return error{error_code::out_of_memory, where, ": out of memory; ", advice};
#else
    return step();
#endif
}

} // namespace awq

#endif
