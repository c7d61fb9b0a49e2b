// SPDX-License-Identifier: MIT
#ifndef AWQ_ALLOCATE_MEASURED_TYPES_HPP
#define AWQ_ALLOCATE_MEASURED_TYPES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/allocate/type_sensitivity.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// The types of a file's tensors by measurement instead of by a mix's rules.
struct measured_types {
    std::vector<std::string> overrides; ///< "PATTERN=TYPE", one for each tensor that was measured
    double mix_divergence = 0;          ///< predicted sums over the tensors, in nats: of the mix,
    double divergence = 0;              ///< and of these types

    /// For people.
    std::string sentence() const
    {
        std::ostringstream text;
        text << "types measured: the tensors' divergences alone add up to " << divergence
             << " nats, those of the mix's own types to " << mix_divergence;
        return text.str();
    }
};

/// Some windows for the measurement, evenly spaced. Its cost grows with the square of the number of blocks, so those
/// of deep models are shorter: it then stays below that of the run.
inline std::vector<token_ids> windows_to_measure(std::span<const token_ids> samples, std::size_t blocks)
{
    constexpr std::size_t most = 4, tokens = 512 * 12;
    const std::size_t count = std::min(most, samples.size()), longest = std::max<std::size_t>(64, tokens / blocks);
    std::vector<token_ids> windows;
    for (std::size_t i = 0; i < count; ++i) {
        windows.push_back(samples[i * samples.size() / count]);
        windows.back().resize(std::min(windows.back().size(), longest));
    }
    return windows;
}

namespace detail {

/// A pattern that matches this name alone.
inline std::string exact_pattern(std::string_view name)
{
    std::string pattern = "^";
    for (const char letter : name) {
        if (letter == '.') pattern += '\\';
        pattern += letter;
    }
    return pattern + "$";
}

} // namespace detail

/// Chooses the type of each tensor so that the model loses least in no more bytes than `layout`'s
/// own types take. Errors: a layout of floats, those of reading the model.
inline result<measured_types> measure_types(device& machine, const tensor_source& source, const gguf_layout& layout,
                                            std::span<const token_ids> samples, const progress_callback& progress)
{
    if (!gguf::is_quantized(gguf::base_type(layout.file_type())))
        return error{error_code::invalid_argument, "--measured-types has nothing to choose for ",
                     gguf::name_of(layout.file_type()), "; give a quantized --type"};
    type_sensitivity sensitivity{machine, source, layout};
    AWQ_TRY(const std::vector<tensor_costs> costs,
            sensitivity.measure(windows_to_measure(samples, source.config().num_hidden_layers), progress));
    measured_types made;
    std::vector<std::vector<type_candidate>> candidates;
    std::uint64_t budget = 0;
    for (const tensor_costs& each : costs) {
        candidates.push_back(each.candidates);
        for (const type_candidate& one : each.candidates) {
            if (one.type != each.tensor->type) continue;
            budget += one.bytes;
            made.mix_divergence += one.error;
        }
    }
    const std::vector<std::size_t> chosen = allocate_types(candidates, budget);
    for (std::size_t i = 0; i < costs.size(); ++i) {
        const type_candidate& one = candidates[i][chosen[i]];
        made.divergence += one.error;
        made.overrides.push_back(detail::exact_pattern(costs[i].tensor->name) + "=" +
                                 std::string{gguf::name_of(one.type)});
    }
    return made;
}

} // namespace awq

#endif
