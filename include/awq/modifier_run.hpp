// SPDX-License-Identifier: MIT
#ifndef AWQ_MODIFIER_RUN_HPP
#define AWQ_MODIFIER_RUN_HPP

#include <awq/calibration/activation_stats.hpp>
#include <awq/calibration/loss_mask.hpp>
#include <awq/search/search_outcome.hpp>
#include <awq/smoothing/mapping.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// One mapping of a streaming run, in the caller's memory. Fill the first two, and `scales` where
/// they are wanted afterwards; the run fills the rest. `Smooth`, `Balance`: elements, as in `basic_mapping`.
template <class Smooth, class Balance = Smooth>
struct AWQ_ABI_TAG basic_tracked_mapping {
    enum class state : unsigned char { open, smoothed, skipped };

    basic_mapping<Smooth, Balance> target; ///< its weights are smoothed in place
    activation_stats stats;                ///< with a Gram matrix, see `activation_stats::make`
    std::span<double> scales = {};         ///< empty, or one for each scale: a copy of the best scales

    search_outcome outcome{}; ///< without its spans, whose memory is used again
    state progress = state::open;
    status reason{}; ///< why it was skipped
};
using tracked_mapping = basic_tracked_mapping<float>;

/// What a streaming run did.
struct run_summary {
    std::size_t smoothed = 0;
    /// Of the smoothed ones, those where no candidate was better than identity.
    std::size_t unchanged = 0;
    /// The reason stands in each mapping.
    std::size_t skipped = 0;
    std::uint64_t tokens = 0; ///< the most that any mapping saw
};

/// A streaming run of a modifier: `observe` every batch of a block, `end_block`, and after the last
/// block `finish`. A mapping that cannot be smoothed is skipped with its reason, and the run goes
/// on.
template <class Modifier, class Smooth = float, class Balance = Smooth>
class modifier_run {
public:
    using tracked = basic_tracked_mapping<Smooth, Balance>;

    modifier_run(const Modifier&& how, std::span<tracked> mappings) = delete;
    modifier_run(const Modifier& how, std::span<tracked> mappings) : modifier_(how), mappings_(mappings)
    {
        for (tracked& each : mappings_)
            if (status fit = modifier_.check(each.target); !fit) skip(each, fit);
    }

    /// Adds a batch of what mapping `index`'s balance layers read, (tokens, in_features), of float, f16 or
    /// bf16. `scratch`: see `activation_stats::observe`.
    template <class X = const float>
    status observe(std::size_t index, matrix_view<X> batch, loss_mask mask = {}, std::span<float> scratch = {})
    {
        AWQ_CHECK(check_open(index));
        tracked& each = mappings_[index];
        if (each.progress == tracked::state::skipped) return {};
        return each.stats.template observe<typename Modifier::product>(modifier_.executor(), batch, mask, scratch);
    }

    /// Searches and smooths `count` mappings from `first` on, in order. `memory`: as many floats as
    /// the modifier's `workspace_size(0, ...)` says for the largest of them. An error: only of the call
    /// itself (index, memory); what is wrong with one mapping stands in that mapping.
    status end_block(std::size_t first, std::size_t count, workspace memory)
    {
        for (std::size_t i = first; i < first + count; ++i) AWQ_CHECK(end_mapping(i, memory));
        return {};
    }

    /// Counts. invalid_argument where a mapping was observed and its block never ended.
    result<run_summary> finish() const
    {
        run_summary summary;
        for (const tracked& each : mappings_) {
            if (each.progress == tracked::state::open && each.stats.tokens > 0)
                return error{error_code::invalid_argument,
                             "modifier run: a mapping was observed, but its block was not ended"};
            const bool smoothed = each.progress == tracked::state::smoothed;
            const bool better = each.outcome.best_error < each.outcome.initial_error;
            summary.smoothed += smoothed ? 1 : 0;
            summary.unchanged += smoothed && !better ? 1 : 0;
            summary.skipped += smoothed ? 0 : 1;
            summary.tokens = std::max(summary.tokens, each.stats.tokens);
        }
        return summary;
    }

private:
    static void skip(tracked& each, const status& reason)
    {
        each.progress = tracked::state::skipped;
        each.reason = reason;
    }

    status check_open(std::size_t index) const
    {
        if (index >= mappings_.size())
            return error{error_code::invalid_argument, "modifier run: mapping ", index, " of ", mappings_.size()};
        if (mappings_[index].progress == tracked::state::smoothed)
            return error{error_code::invalid_argument, "modifier run: mapping ", index, " is smoothed already"};
        return {};
    }

    status end_mapping(std::size_t index, workspace memory)
    {
        AWQ_CHECK(check_open(index));
        tracked& each = mappings_[index];
        if (each.progress == tracked::state::skipped) return {};
        result<search_outcome> found = modifier_.smooth(each.target, each.stats, memory);
        if (!found && found.error().code() == error_code::workspace_too_small) return found.error();
        if (!found) return skip(each, found.error()), status{};
        const std::size_t wanted = std::min(each.scales.size(), found->best_scales.size());
        std::copy_n(found->best_scales.begin(), wanted, each.scales.begin());
        each.outcome = *found;
        each.outcome.best_scales = {};
        each.outcome.candidate_errors = {};
        each.progress = tracked::state::smoothed;
        return {};
    }

    const Modifier& modifier_;
    std::span<tracked> mappings_;
};

} // namespace awq

#endif
