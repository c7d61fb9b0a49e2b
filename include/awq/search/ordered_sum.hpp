// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_ORDERED_SUM_HPP
#define AWQ_SEARCH_ORDERED_SUM_HPP

#include <awq/config.hpp>
#include <awq/execution/execution_concept.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace awq {

/// What the search sums losses in, and scales candidates in.
#if AWQ_FLOAT_SUMS
using sum_type = float;
#else
using sum_type = double;
#endif

/// The sum of `term(i)` for all i < count, in `sum_type`. How the work is cut depends on `count` alone,
/// so the sum has the same bits at any number of threads.
template <execution E, class Term>
sum_type ordered_sum(const E& how, std::size_t count, Term&& term)
{
    constexpr std::size_t most_chunks = 64;
    if (count == 0) return 0;
    const std::size_t grain = chunk_count(count, most_chunks);
    const std::size_t chunks = chunk_count(count, grain);
    std::array<sum_type, most_chunks> sums{};
    how.for_each(chunks, [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, count);
        sum_type sum = 0;
        for (std::size_t i = chunk * grain; i < end; ++i) sum += term(i);
        sums[chunk] = sum;
    });
    sum_type total = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) total += sums[chunk];
    return total;
}

/// The sum of `term(i)` for all i < count, in `sum_type` and in a fixed order, in the calling thread;
/// eight sums side by side, so that the compiler can use vectors.
template <class Term>
sum_type lane_sum(std::size_t count, Term&& term)
{
    constexpr std::size_t lanes = 8;
    sum_type sums[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += term(i + lane);
    for (; i < count; ++i) sums[0] += term(i);
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

} // namespace awq

#endif
