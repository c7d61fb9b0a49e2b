// SPDX-License-Identifier: MIT
#include "pipeline_runs.hpp"

#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/pipeline/oneshot.hpp>

#include <oneapi/tbb/global_control.h>

#include <optional>

namespace test {

awq::result<awq::run_report> run_oneshot(const awq::oneshot_options& options, std::size_t threads)
{
    using control = tbb::global_control;
    std::optional<control> limit;
    if (threads > 0) limit.emplace(control::max_allowed_parallelism, threads);
    return awq::oneshot<awq::packed_product>(awq::tbb_execution{}, options);
}

} // namespace test
