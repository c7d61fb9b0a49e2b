// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_EVALUATE_MODEL_HPP
#define AWQ_RUN_EVALUATE_MODEL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/open_host_device.hpp>
#include <awq/evaluate/evaluate.hpp>
#include <awq/run/calls.hpp>

#include <span>
#include <vector>

namespace awq {

#if AWQ_COMPILES_RUNS
/// `evaluate` on all cores, with the fast products.
AWQ_CALL result<evaluation> evaluate(const tensor_source& model, const tensor_source* reference,
                                     std::span<const token_ids> windows, const evaluate_options& options)
{
    AWQ_TRY(const auto machine, open_host_device());
    return evaluate(*machine, model, reference, windows, options);
}

AWQ_CALL result<std::vector<evaluation>> evaluate_each(std::span<const tensor_source* const> models,
                                                       const tensor_source* reference,
                                                       std::span<const token_ids> windows,
                                                       const evaluate_options& options)
{
    AWQ_TRY(const auto machine, open_host_device());
    return evaluate_each(*machine, models, reference, windows, options);
}
#endif

} // namespace awq

#endif
