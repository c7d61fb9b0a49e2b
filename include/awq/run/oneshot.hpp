// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_ONESHOT_HPP
#define AWQ_RUN_ONESHOT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/open_host_device.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/oneshot_block.hpp>
#include <awq/run/oneshot_run.hpp>
#include <awq/support/catch_out_of_memory.hpp>

namespace awq {

/// Runs what the options ask for. The library's whole job in one call. `out_of_memory` names the block
/// that did not fit; nothing is written then. `all`: the machines that make this call together, with the same options
/// and from the same files; the first writes, and its report is that of the run.
inline result<run_report> oneshot(device& machine, const oneshot_options& options, machines& all = alone())
{
    if (options.dry_run) return error{error_code::invalid_argument, "a dry run is no run: call predict"};
    if (options.resume && all.are_several())
        return error{error_code::invalid_argument,
                     "--resume: several processes keep no journal; run one, without mpirun"};
    auto done = catch_out_of_memory(options.model, use_less_memory, [&]() -> result<run_report> {
        AWQ_TRY(const auto run, oneshot_run::prepare(machine, options, all));
        return run->execute();
    });
    if (!done) all.fail(done.error());
    return done;
}

#if AWQ_COMPILES_RUNS
/// The same on all cores, with the fast products.
AWQ_CALL result<run_report> oneshot(const oneshot_options& options, machines& all)
{
    return oneshot(*open_host_device(), options, all);
}
AWQ_CALL result<run_report> oneshot(const oneshot_options& options) { return oneshot(options, alone()); }
#endif

} // namespace awq

#endif
