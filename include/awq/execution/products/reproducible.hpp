// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_REPRODUCIBLE_HPP
#define AWQ_EXECUTION_PRODUCTS_REPRODUCIBLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/kernels/multiply_add.hpp>

#include <atomic>
#include <type_traits>

namespace awq {

/// Whether packed products give the same bits on processors without a fused multiply-add as on those
/// with one, ten times slower. Holds for the whole process; set it before work begins. Processors that
/// have the instruction (x86-64-v3 and later) agree anyway and do not look.
inline constinit std::atomic<bool> reproducible_products{false};

namespace detail {

/// Calls task(kind) with the kind of accumulation that products use now, as a constant.
template <class Arch, class Task>
void with_accumulation(const Task& task)
{
    using kernels::accumulation;
    if constexpr (!kernels::fuses<Arch>)
        if (reproducible_products.load(std::memory_order_relaxed))
            return task(std::integral_constant<accumulation, accumulation::fused>{});
    task(std::integral_constant<accumulation, accumulation::native>{});
}

} // namespace detail

} // namespace awq

#endif
