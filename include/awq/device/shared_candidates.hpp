// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_SHARED_CANDIDATES_HPP
#define AWQ_DEVICE_SHARED_CANDIDATES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/machines.hpp>

#include <cstddef>
#include <span>

namespace awq {

/// The candidates of a search that several machines make together: each judges its share of them. A `candidate_share`.
struct AWQ_ABI_TAG shared_candidates {
    machines& all;

    template <class Judge>
    status operator()(std::span<double> losses, const Judge& judge) const
    {
        const row_range own = all.share(losses.size());
        judge(own.first, own.end);
        return all.share_rows(std::as_writable_bytes(losses), sizeof(double), own);
    }
};

} // namespace awq

#endif
