// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_CANDIDATE_SHARE_HPP
#define AWQ_SEARCH_CANDIDATE_SHARE_HPP

#include <awq/support/result.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace awq {

/// Which of some candidates are judged here: `share(losses, judge)` calls judge(first, end) for those, which fills
/// losses[first] up to losses[end], and gives the losses of all. Processes that search together each judge some and
/// exchange the losses; they make the same calls in the same order, and none of them depends on who judged what.
template <class Share>
concept candidate_share = requires(const Share& share, std::span<double> losses,
                                   void (*judge)(std::size_t first, std::size_t end))
{
    {
        share(losses, judge)
        } -> std::same_as<status>;
};

/// All of them, by who searches alone.
struct all_candidates {
    template <class Judge>
    status operator()(std::span<double> losses, const Judge& judge) const
    {
        judge(std::size_t{0}, losses.size());
        return {};
    }
};

} // namespace awq

#endif
