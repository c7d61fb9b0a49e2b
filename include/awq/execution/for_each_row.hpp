// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_FOR_EACH_ROW_HPP
#define AWQ_EXECUTION_FOR_EACH_ROW_HPP

#include <awq/execution/execution_concept.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// Calls task(row) for every row below `rows`, in runs of a fixed number of rows.
template <execution E, class Task>
void for_each_row(const E& e, std::size_t rows, const Task& task)
{
    constexpr std::size_t grain = 32;
    e.for_each(chunk_count(rows, grain), [&](std::size_t chunk) {
        const std::size_t end = std::min(rows, (chunk + 1) * grain);
        for (std::size_t row = chunk * grain; row < end; ++row) task(row);
    });
}

} // namespace awq

#endif
