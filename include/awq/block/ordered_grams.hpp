// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_ORDERED_GRAMS_HPP
#define AWQ_BLOCK_ORDERED_GRAMS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/execution/execution_concept.hpp>
#include <awq/execution/machines.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace awq {

namespace detail {

/// Rows of a sum of products that are passed on together: enough for large products, few enough that all ranks
/// soon have some.
inline std::vector<row_range> pieces_of_rows(std::size_t rows)
{
    constexpr std::size_t least = 192, most_pieces = 32;
    const std::size_t step = std::max(least, chunk_count(rows, most_pieces));
    std::vector<row_range> pieces;
    for (std::size_t first = 0; first < rows; first += step) pieces.push_back({first, std::min(first + step, rows)});
    return pieces;
}

inline std::span<std::byte> bytes_of(matrix_view<float> rows)
{
    return std::as_writable_bytes(std::span{rows.data(), rows.size()});
}

} // namespace detail

/// A copy of a batch, which is needed until all machines before have added theirs.
inline host_matrix copy_of(device& machine, matrix_view<const float> x)
{
    host_matrix made = xtensor_backend::make(x.rows(), x.cols());
    machine.copy(x, view_of(made));
    return made;
}

/// g += x^T y over the batches of all machines in their order, as one process adds them: same bits. `x` and `y`:
/// this rank's batches, (tokens, m) and (tokens, n) each; `g`: (m, n), without a stride, of zeros before.
inline status add_cross_grams(device& machine, machines& all, std::span<const host_matrix> x,
                              std::span<const host_matrix> y, matrix_view<float> g)
{
    const std::vector<row_range> ranges = detail::pieces_of_rows(g.rows());
    std::vector<std::span<std::byte>> pieces;
    for (const row_range& each : ranges) pieces.push_back(detail::bytes_of(g.rows_from(each.first, each.size())));
    return all.in_order(pieces, [&](std::size_t i) -> status {
        const matrix_view<float> rows = g.rows_from(ranges[i].first, ranges[i].size());
        for (std::size_t b = 0; b < x.size(); ++b)
            machine.add_cross_gram(view_of(x[b]).cols_from(ranges[i].first, ranges[i].size()), view_of(y[b]), rows);
        return {};
    });
}

/// The upper triangle of g += x^T x, the same way; only that is sent. `g`: (k, k); what is below its diagonal is
/// undefined afterwards.
inline status add_upper_grams(device& machine, machines& all, std::span<const host_matrix> x, matrix_view<float> g)
{
    const std::vector<row_range> ranges = detail::pieces_of_rows(g.rows());
    std::vector<host_matrix> sums;
    std::vector<std::span<std::byte>> pieces;
    for (const row_range& each : ranges) {
        host_matrix& sum = sums.emplace_back(xtensor_backend::make(each.size(), g.cols() - each.first));
        std::fill_n(sum.data(), sum.size(), 0.0f);
        pieces.push_back(detail::bytes_of(view_of(sum)));
    }
    AWQ_CHECK(all.in_order(pieces, [&](std::size_t i) -> status {
        const std::size_t first = ranges[i].first;
        for (const host_matrix& each : x)
            machine.add_cross_gram(view_of(each).cols_from(first, ranges[i].size()),
                                   view_of(each).cols_from(first, g.cols() - first), view_of(sums[i]));
        return {};
    }));
    for (std::size_t i = 0; i < ranges.size(); ++i)
        for (std::size_t r = 0; r < ranges[i].size(); ++r)
            std::ranges::copy(view_of(sums[i]).row(r), &g(ranges[i].first + r, ranges[i].first));
    return {};
}

} // namespace awq

#endif
