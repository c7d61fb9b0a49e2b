// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_COUNT_TOKENS_HPP
#define AWQ_BLOCK_COUNT_TOKENS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_statistics.hpp>
#include <awq/report/run_report.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace awq {

/// An expert with fewer tokens than channels is rounded by what all experts of the block were given: its own Gram
/// matrix has no full rank, and rounds worse (bench/RESULTS.md).
constexpr bool are_few_tokens(std::uint64_t tokens, std::size_t channels) noexcept { return tokens < channels; }

/// Reports the tokens that each expert of a calibrated block was given, and names those with few.
inline void count_tokens(const block_tensors& block, const block_statistics& statistics, run_report& report)
{
    const block_layout& layout = block.layout();
    for (const block_part& part : layout.parts) {
        const auto* const experts = std::get_if<experts_part>(&part);
        if (!experts || experts->experts.empty()) continue;
        const std::string& prefix = block.prefix();
        expert_report made{prefix.substr(0, prefix.size() - 1), {}, {}};
        for (const mlp_part& each : experts->experts) {
            const std::string& name = layout.linears[each.up.linear].name;
            const std::uint64_t tokens = statistics.of(name).tokens();
            made.tokens.push_back(tokens);
            if (!are_few_tokens(tokens, layout.hidden_size)) continue;
            made.few.push_back(prefix + name.substr(0, name.rfind('.')));
            report.fallbacks.add("few tokens, fewer than their channels: give more samples, or --all-experts",
                                 made.few.back());
        }
        report.experts.push_back(std::move(made));
    }
}

} // namespace awq

#endif
