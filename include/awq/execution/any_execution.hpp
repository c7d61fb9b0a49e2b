// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_ANY_EXECUTION_HPP
#define AWQ_EXECUTION_ANY_EXECUTION_HPP

#include <awq/execution/execution_concept.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace awq {

/// Refers to an execution that is chosen at run time and must live longer. Each task costs one indirect call, so it is
/// for loops over host memory that are no kernels.
class any_execution {
public:
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "any";

    template <execution E>
    requires(!std::same_as<E, any_execution>) explicit any_execution(const E& how) noexcept
        : how_(&how), run_([](const void* to, std::size_t count, task_ref task) {
              static_cast<const E*>(to)->for_each(count, [task](std::size_t i) { task.call(task.target, i); });
          })
    {}

    template <class Task>
    void for_each(std::size_t count, const Task& task) const
    {
        run_(how_, count, {&task, [](const void* to, std::size_t i) { (*static_cast<const Task*>(to))(i); }});
    }

private:
    struct task_ref {
        const void* target;
        void (*call)(const void*, std::size_t);
    };

    const void* how_;
    void (*run_)(const void*, std::size_t, task_ref);
};

static_assert(execution<any_execution>);

} // namespace awq

#endif
