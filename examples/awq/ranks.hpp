// SPDX-License-Identifier: MIT
#ifndef AWQ_EXAMPLES_RANKS_HPP
#define AWQ_EXAMPLES_RANKS_HPP

#include "console.hpp"

#include <awq/execution/machines.hpp>
#if AWQ_DRIVER_MPI
#include <awq/execution/mpi_machines.hpp>
#endif

#include <fcntl.h>
#include <unistd.h>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>

/// A number that whoever starts several processes gives to each; none where this one was started alone.
inline std::optional<long> started_as(std::initializer_list<const char*> names)
{
    for (const char* const name : names)
        if (const char* const value = std::getenv(name)) return std::atol(value);
    return std::nullopt;
}

/// This process among those that mpirun has started. Only the first says anything.
inline long started_rank() { return started_as({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"}).value_or(0); }
inline bool is_one_of_several() { return started_as({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}).value_or(1) > 1; }

inline void silence_others()
{
    if (started_rank() <= 0) return;
    const int nowhere = open("/dev/null", O_RDWR);
    if (nowhere < 0) return;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
}

/// Refuses what several processes would each do on their own, to the same files.
inline std::optional<awq::error> refuse_several(const std::string& command, bool is_shared)
{
#if AWQ_DRIVER_MPI
    if (!is_one_of_several() || is_shared) return std::nullopt;
    return awq::error{awq::error_code::unsupported, command, " is not shared by machines; start it without mpirun"};
#else
    static_cast<void>(is_shared);
    if (!is_one_of_several()) return std::nullopt;
    return awq::error{awq::error_code::unsupported, command,
                      ": this program was built without MPI; start it without mpirun, or build it with "
                      "-DAWQ_WITH_MPI=ON"};
#endif
}

/// The processes that share a run: `work(machines)` gives this one's exit code, which is that of all.
template <class Work>
int with_machines(const Work& work)
{
#if AWQ_DRIVER_MPI
    if (is_one_of_several()) {
        const awq::mpi_machines::session held;
        awq::mpi_machines all{held};
        const int code = work(all);
        if (code == exit_done) return code;
        if (all.is_first()) MPI_Abort(MPI_COMM_WORLD, code);
        for (;;) pause(); // the first has been told; it says why, and ends this one
    }
#endif
    return work(awq::alone());
}

#endif
