// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_MPI_MACHINES_HPP
#define AWQ_EXECUTION_MPI_MACHINES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/machines.hpp>

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace awq {

/// The processes that `mpirun` has started. There is one such object, which lives as long as the program computes; it
/// is used by one thread.
class AWQ_ABI_TAG mpi_machines : public machines {
public:
    /// Holds MPI for the life of the program.
    class session {
    public:
        session()
        {
            int provided = 0;
            MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
            MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
        }
        session(const session&) = delete;
        session& operator=(const session&) = delete;
        ~session() { MPI_Finalize(); }

        static std::size_t rank()
        {
            int rank = 0;
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);
            return static_cast<std::size_t>(rank);
        }
        static std::size_t size()
        {
            int size = 1;
            MPI_Comm_size(MPI_COMM_WORLD, &size);
            return static_cast<std::size_t>(size);
        }
    };

    explicit mpi_machines(const session&) : machines(session::rank(), session::size())
    {
        if (are_several())
            MPI_Irecv(news_.data(), static_cast<int>(news_.size()), MPI_CHAR, MPI_ANY_SOURCE, tag_failure,
                      MPI_COMM_WORLD, &failure_);
    }
    mpi_machines(const mpi_machines&) = delete;
    mpi_machines& operator=(const mpi_machines&) = delete;
    ~mpi_machines() override
    {
        if (failure_ == MPI_REQUEST_NULL) return;
        MPI_Cancel(&failure_);
        MPI_Wait(&failure_, MPI_STATUS_IGNORE);
    }

    void fail(const error& why) noexcept override
    {
        for (std::size_t to = 0; to < size(); ++to)
            if (to != rank() && !has_failed_)
                MPI_Send(why.text().data(), static_cast<int>(std::min(why.text().size(), news_.size())), MPI_CHAR,
                         static_cast<int>(to), tag_failure, MPI_COMM_WORLD);
        has_failed_ = true;
    }

protected:
    status begin_send(std::size_t to, std::span<const std::byte> bytes) override
    {
        return for_each_message(bytes.size(), [&](std::size_t first, int count) -> status {
            MPI_Request& request = sends_.emplace_back(MPI_REQUEST_NULL);
            return check(MPI_Isend(bytes.data() + first, count, MPI_BYTE, static_cast<int>(to), tag_data,
                                   MPI_COMM_WORLD, &request));
        });
    }

    status receive_all(std::size_t from, std::span<std::byte> bytes) override
    {
        return for_each_message(bytes.size(), [&](std::size_t first, int count) -> status {
            MPI_Request request = MPI_REQUEST_NULL;
            AWQ_CHECK(check(MPI_Irecv(bytes.data() + first, count, MPI_BYTE, static_cast<int>(from), tag_data,
                                      MPI_COMM_WORLD, &request)));
            return wait({&request, 1});
        });
    }

    status finish_sends() override
    {
        const status done = wait(sends_);
        sends_.clear();
        return done;
    }

private:
    static constexpr int tag_data = 1, tag_failure = 2;

    /// MPI counts in int.
    template <class Task>
    static status for_each_message(std::size_t bytes, const Task& task)
    {
        constexpr std::size_t most = std::size_t{1} << 30;
        for (std::size_t first = 0; first < bytes; first += most)
            AWQ_CHECK(task(first, static_cast<int>(std::min(most, bytes - first))));
        return {};
    }

    /// Until all are done, or another rank has failed. Who waits long leaves the processor to others.
    status wait(std::span<MPI_Request> requests)
    {
        for (std::size_t rounds = 0;; ++rounds) {
            int is_done = 0;
            AWQ_CHECK(
                check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &is_done, MPI_STATUSES_IGNORE)));
            if (is_done != 0) return {};
            AWQ_CHECK(look_for_failure());
            if (rounds > 1000) std::this_thread::sleep_for(std::chrono::microseconds{50});
        }
    }

    status look_for_failure()
    {
        int has_come = 0;
        MPI_Status from{};
        AWQ_CHECK(check(MPI_Test(&failure_, &has_come, &from)));
        if (has_come == 0) return {};
        has_failed_ = true;
        failure_ = MPI_REQUEST_NULL;
        int size = 0;
        MPI_Get_count(&from, MPI_CHAR, &size);
        return error{error_code::unsupported, "rank ", from.MPI_SOURCE, ": ",
                     std::string_view{news_.data(), static_cast<std::size_t>(size)}};
    }

    static status check(int code)
    {
        if (code == MPI_SUCCESS) return {};
        char text[MPI_MAX_ERROR_STRING];
        int size = 0;
        MPI_Error_string(code, text, &size);
        return error{error_code::unsupported, "the machines of this run have lost each other (",
                     std::string_view{text, static_cast<std::size_t>(size)}, "); start it again"};
    }

    std::vector<MPI_Request> sends_;
    std::array<char, AWQ_ERROR_TEXT_SIZE> news_{};
    MPI_Request failure_ = MPI_REQUEST_NULL;
    bool has_failed_ = false;
};

} // namespace awq

#endif
