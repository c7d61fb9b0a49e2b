// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_RUN_REPORT_HPP
#define AWQ_REPORT_RUN_REPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/expert_report.hpp>
#include <awq/report/fallback_list.hpp>
#include <awq/report/mapping_report.hpp>
#include <awq/report/tensor_report.hpp>
#include <awq/support/notice.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// What happened in one run, as data; `to_json`, `to_html` and `to_text` show it.
struct run_report {
    std::string model;
    std::string mode;            ///< "smoothing_only", "smooth_and_quantize", "compensated"
    std::string scheme;          ///< the scheme or type that was written, or that the search simulated
    std::size_t group_size = 0;  ///< 0: one group per row
    std::string instruction_set; ///< that computed: "baseline", "x86-64-v3", "x86-64-v4"
    std::vector<std::pair<std::string, std::string>> options;
    std::vector<mapping_report> mappings;
    std::vector<layer_report> layers;
    std::vector<expert_report> experts;                  ///< of blocks that have them
    fallback_list fallbacks;                             ///< gathered block by block; told in `notes` at the end
    notice_list notes;                                   ///< what was dropped, fell back or had no effect
    std::vector<std::pair<std::string, double>> seconds; ///< by step, in the order of the run
    std::uint64_t peak_rss_bytes = 0;
    std::vector<std::string> outputs;
    std::vector<output_report> contents; ///< of the outputs that hold a model
    std::uint64_t parameters = 0;        ///< elements of the model that was read
    std::uint64_t source_bytes = 0;      ///< of its tensors

    /// Adds to the seconds of a step.
    void add_seconds(const std::string& step, double value)
    {
        const auto same = [&](const auto& entry) { return entry.first == step; };
        const auto found = std::find_if(seconds.begin(), seconds.end(), same);
        if (found != seconds.end())
            found->second += value;
        else
            seconds.emplace_back(step, value);
    }

    /// Notes how many scale candidates the searches skipped, if any.
    void note_skipped_candidates()
    {
        std::size_t candidates = 0;
        for (const mapping_report& each : mappings) candidates += each.skipped_candidates;
        if (candidates > 0)
            notes.note(std::to_string(candidates) + " scale candidates were skipped: their loss is not "
                                                    "finite, or the type that the checkpoint stores cannot hold them");
    }

    /// Takes over what another report says of the blocks, in the place of what this one says.
    void take_blocks(run_report&& other)
    {
        mappings = std::move(other.mappings);
        layers = std::move(other.layers);
        experts = std::move(other.experts);
        fallbacks = std::move(other.fallbacks);
        for (const auto& [step, value] : other.seconds) add_seconds(step, value);
    }

    std::size_t smoothed_mappings() const
    {
        const auto done = [](const mapping_report& mapping) { return mapping.skipped.empty(); };
        return static_cast<std::size_t>(std::count_if(mappings.begin(), mappings.end(), done));
    }
};

} // namespace awq

#endif
