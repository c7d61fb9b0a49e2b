// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_EXECUTION_CONCEPT_HPP
#define AWQ_EXECUTION_EXECUTION_CONCEPT_HPP

#include <awq/policy/axis.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace awq {

namespace detail {
struct any_task {
    void operator()(std::size_t) const noexcept {}
};
} // namespace detail

/// Who does the work. `for_each(count, task)` calls `task(i)` once for every i < count, in any order
/// and possibly at the same time, and returns when all calls are done. The caller cuts the work, the
/// execution never does: where the cuts do not depend on the number of threads and each task writes
/// its own output, the result has the same bits at any number of threads.
template <class E>
concept execution = policy_of<E, axis::execution> && requires(const E& e, detail::any_task task)
{
    {
        E::name
        } -> std::convertible_to<std::string_view>;
    {
        e.for_each(std::size_t{}, task)
        } -> std::same_as<void>;
};

/// How many chunks of at most `grain` items cover `count` items.
constexpr std::size_t chunk_count(std::size_t count, std::size_t grain) noexcept { return (count + grain - 1) / grain; }

} // namespace awq

#endif
