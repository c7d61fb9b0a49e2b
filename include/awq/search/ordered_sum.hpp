// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_ORDERED_SUM_HPP
#define AWQ_SEARCH_ORDERED_SUM_HPP

#include <awq/execution/execution_concept.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace awq {

/// The sum of `term(i)` for all i < count, in double. How the work is cut depends on `count` alone,
/// so the sum has the same bits at any number of threads.
template <execution E, class Term>
double ordered_sum(const E& how, std::size_t count, Term&& term)
{
    constexpr std::size_t most_chunks = 64;
    if (count == 0) return 0.0;
    const std::size_t grain = chunk_count(count, most_chunks);
    const std::size_t chunks = chunk_count(count, grain);
    std::array<double, most_chunks> sums{};
    how.for_each(chunks, [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, count);
        double sum = 0.0;
        for (std::size_t i = chunk * grain; i < end; ++i)
            sum += term(i);
        sums[chunk] = sum;
    });
    double total = 0.0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk)
        total += sums[chunk];
    return total;
}

/// The sum of `term(i)` for all i < count, in double and in a fixed order, in the calling thread;
/// eight sums side by side, so that the compiler can use vectors.
template <class Term>
double lane_sum(std::size_t count, Term&& term)
{
    constexpr std::size_t lanes = 8;
    double sums[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane)
            sums[lane] += term(i + lane);
    for (; i < count; ++i)
        sums[0] += term(i);
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

} // namespace awq

#endif
