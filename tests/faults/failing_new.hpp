// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_FAULTS_FAILING_NEW_HPP
#define AWQ_TESTS_FAULTS_FAILING_NEW_HPP

#include "catch.hpp"

#include <awq/support/error_code.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

namespace test {

// This program's operator new counts, on all threads, and one call of it can be made to fail.

/// Allocations from here on until `allocations()`; the `failing`th of them fails, 0: none.
void count_allocations(long failing);
/// Allocations since then; stops counting.
long allocations();
/// Blocks that are allocated and not freed.
long live_blocks();

/// How often a call that allocates is tried: for each allocation, or some of them, spread.
struct tries {
    long most = 1'000'000;
    long stride(long count) const { return std::getenv("AWQ_EVERY_FAULT") ? 1 : std::max(1L, count / most); }
};

/// One try: whether the call came back with a value, an error of another kind, or not at all.
template <class Call>
std::string outcome_of(Call&& call, long failing)
{
    count_allocations(failing);
    try {
        const auto result = call();
        allocations();
        if (result || result.error().code() == awq::error_code::out_of_memory) return "";
        return std::string{result.error().text()};
    } catch (const std::exception& escaped) {
        allocations();
        return std::string{"escaped: "} + escaped.what();
    }
}

/// Where a call leaves nothing that would have to be taken away.
inline std::string nothing_left() { return {}; }

/// One try: what went wrong, "" for nothing, and how many blocks more are allocated than before it.
struct attempt {
    std::string problem;
    long leaked = 0;
};

template <class Call, class Clean>
attempt try_once(Call&& call, long failing, Clean&& clean)
{
    const long before = live_blocks();
    std::string problem = outcome_of(call, failing);
    if (std::string wrong = clean(); !wrong.empty()) problem = std::move(wrong);
    const long leaked = live_blocks() - before - (problem.empty() ? 0 : 1); // but for this text
    return {std::move(problem), leaked};
}

/// Lets each allocation of a call fail in turn. The call gives a result: a value where it can do without the
/// allocation, else `out_of_memory`; nothing escapes and nothing leaks. After each call, while all allocations
/// succeed again, `clean` takes away what it has made and says what should not be there.
template <class Call, class Clean = std::string (*)()>
void fail_each_allocation(const char* what, Call&& call, tries limit = {}, Clean&& clean = nothing_left)
{
    INFO(what);
    REQUIRE(call()); // also fills what is kept for later calls
    clean();
    count_allocations(0);
    REQUIRE(call());
    const long count = allocations();
    REQUIRE(count > 0);
    REQUIRE(clean() == "");
    for (long failing = 1; failing <= count; failing += limit.stride(count)) {
        attempt made = try_once(call, failing, clean);
        // A thread that takes part for the first time keeps its buffers: a leak is one each time.
        for (int again = 0; made.leaked > 0 && again < 4; ++again) {
            attempt next = try_once(call, failing, clean);
            made.leaked = std::min(made.leaked, next.leaked);
            if (made.problem.empty()) made.problem = std::move(next.problem);
        }
        if (made.problem.empty() && made.leaked <= 0) continue;
        INFO("allocation " << failing << " of " << count << ", " << made.leaked << " blocks more than before");
        CHECK(made.problem == "");
        CHECK(made.leaked <= 0);
    }
}

} // namespace test

#endif
