// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_EVALUATE_MODEL_HPP
#define AWQ_RUN_EVALUATE_MODEL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/evaluate/evaluate.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/host_kernels.hpp>

#include <span>
#include <vector>

namespace awq {

#if AWQ_COMPILES_RUNS
/// `evaluate` on all cores, with the fast products. Apart from the template, which other calls use, too.
AWQ_CALL result<evaluation> evaluate(const tensor_source& model, const tensor_source* reference,
                                     std::span<const token_ids> windows, const evaluate_options& options)
{
    return evaluate<packed_product>(tbb_execution{}, model, reference, windows, options);
}

AWQ_CALL result<std::vector<evaluation>> evaluate_each(std::span<const tensor_source* const> models,
                                                       const tensor_source* reference,
                                                       std::span<const token_ids> windows,
                                                       const evaluate_options& options)
{
    return evaluate_each<packed_product>(tbb_execution{}, models, reference, windows, options);
}
#endif

} // namespace awq

#endif
