// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_MEMORY_NEED_HPP
#define AWQ_RUN_MEMORY_NEED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/registry.hpp>
#include <awq/model/model_config.hpp>
#include <awq/support/error.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace awq {

/// Elements of the tensors of a block.
inline std::uint64_t elements_of(const block_layout& layout)
{
    std::uint64_t sum = 0;
    for (const expected_tensor& each : layout.tensors) sum += std::uint64_t{each.rows} * each.cols;
    return sum;
}

/// What a run keeps in memory: so much in any case, and so much for each token.
struct memory_need {
    std::uint64_t fixed = 0;
    std::uint64_t per_token = 0;
    bool can_halve = false; ///< what is kept for each token is in float32, and could be in bfloat16

    std::uint64_t of(std::size_t tokens) const noexcept { return fixed + per_token * tokens; }
};

/// The least that a run needs, from shapes alone: the weights of the largest block as float32, with the Gram
/// matrices of its inputs or, where they are quantized, twice; and the hidden states of each stream. Blocks with
/// experts are not counted.
inline memory_need least_memory(const model_config& config, bool quantizes, bool has_two_streams,
                                dtype hidden_states = dtype::f32)
{
    memory_need need;
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
        const block_layout layout = layout_of(config, layer);
        if (std::ranges::any_of(layout.inputs, &block_input::is_routed)) continue;
        const std::uint64_t weights = elements_of(layout);
        std::uint64_t grams = 0;
        for (const block_input& input : layout.inputs) grams += std::uint64_t{input.width} * input.width;
        need.fixed = std::max(need.fixed, (weights + std::max(grams, quantizes ? weights : 0)) * sizeof(float));
    }
    need.per_token = config.hidden_size * size_of(hidden_states) * (has_two_streams ? 2 : 1);
    need.can_halve = hidden_states == dtype::f32;
    return need;
}

/// "1.2 GB".
inline std::string gigabytes(std::uint64_t bytes)
{
    char text[32];
    std::snprintf(text, sizeof text, bytes < 100'000'000 ? "%.3f GB" : "%.1f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

/// Refuses what cannot fit, with what would. `samples`: that have so many tokens. Error: `out_of_memory`.
inline status check_fits(const std::string& model, const memory_need& need, std::size_t samples, std::size_t tokens,
                         std::uint64_t available)
{
    if (need.of(tokens) <= available) return {};
    const std::uint64_t a_sample = samples > 0 ? need.per_token * tokens / samples : 0;
    const std::uint64_t fitting = need.fixed < available && a_sample > 0 ? (available - need.fixed) / a_sample : 0;
    const bool halved_fits = need.can_halve && need.fixed + need.per_token / 2 * tokens <= available;
    const std::string fewer = "--num-calibration-samples " + std::to_string(fitting);
    const std::string advice = fitting == 0 ? "no number of samples fits, as " + gigabytes(need.fixed) +
                                                  " are needed for one block; give the program more memory"
                               : halved_fits ? "--hidden-states bfloat16 fits, or " + fewer
                               : need.can_halve
                                   ? fewer + " fits, twice as many with --hidden-states bfloat16, or shorter sequences"
                                   : fewer + " fits, or shorter sequences";
    return error{error_code::out_of_memory,
                 model,
                 ": out of memory before it begins: ",
                 gigabytes(need.of(tokens)),
                 " are needed for ",
                 samples,
                 " samples of ",
                 tokens,
                 " tokens, and ",
                 gigabytes(available),
                 " are there; ",
                 advice};
}

inline status check_fits(const std::string& model, const memory_need& need,
                         std::span<const std::vector<std::int32_t>> samples, std::uint64_t available)
{
    std::size_t tokens = 0;
    for (const auto& each : samples) tokens += each.size();
    return check_fits(model, need, samples.size(), tokens, available);
}

} // namespace awq

#endif
