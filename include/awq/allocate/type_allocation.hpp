// SPDX-License-Identifier: MIT
#ifndef AWQ_ALLOCATE_TYPE_ALLOCATION_HPP
#define AWQ_ALLOCATE_TYPE_ALLOCATION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/gguf/type.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace awq {

/// One way to store a tensor.
struct type_candidate {
    gguf::type type = gguf::type::f32;
    std::uint64_t bytes = 0;
    double error = 0; ///< what the model loses; adds up over tensors
};

namespace detail {

/// A step from one candidate of a tensor to a larger one.
struct type_upgrade {
    std::size_t tensor = 0, candidate = 0;
    std::uint64_t bytes = 0;
    double saved_per_byte = 0;
};

/// The larger candidate that saves most error a byte: the next corner of the lower convex hull.
inline std::optional<type_upgrade> best_upgrade(std::span<const type_candidate> candidates, std::size_t from,
                                                std::uint64_t bytes_left)
{
    std::optional<type_upgrade> best;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (candidates[i].bytes <= candidates[from].bytes) continue;
        const std::uint64_t bytes = candidates[i].bytes - candidates[from].bytes;
        const double saved = candidates[from].error - candidates[i].error;
        const double rate = saved / static_cast<double>(bytes);
        if (bytes > bytes_left || !(saved > 0)) continue;
        if (!best || rate > best->saved_per_byte) best = type_upgrade{0, i, bytes, rate};
    }
    return best;
}

/// The smallest candidate; of equal ones that with the least error.
inline std::size_t smallest_of(std::span<const type_candidate> candidates)
{
    const auto smaller = [](const type_candidate& a, const type_candidate& b) {
        return a.bytes != b.bytes ? a.bytes < b.bytes : a.error < b.error;
    };
    return static_cast<std::size_t>(std::min_element(candidates.begin(), candidates.end(), smaller) -
                                    candidates.begin());
}

} // namespace detail

/// Chooses a candidate for each tensor so that the sum of the errors becomes small in at most
/// `budget` bytes: all start at their smallest one, and the step that saves most error a byte is
/// taken until none fits (Shoham and Gersho 1988). Gives the index of each tensor's candidate; each
/// tensor has one at least. Where even the smallest do not fit, those.
inline std::vector<std::size_t> allocate_types(std::span<const std::vector<type_candidate>> tensors,
                                               std::uint64_t budget)
{
    std::vector<std::size_t> chosen;
    std::uint64_t used = 0;
    for (const auto& candidates : tensors) {
        chosen.push_back(detail::smallest_of(candidates));
        used += candidates[chosen.back()].bytes;
    }
    while (used < budget) {
        std::optional<detail::type_upgrade> best;
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            const auto step = detail::best_upgrade(tensors[t], chosen[t], budget - used);
            if (!step || (best && step->saved_per_byte <= best->saved_per_byte)) continue;
            best = step;
            best->tensor = t;
        }
        if (!best) break;
        chosen[best->tensor] = best->candidate;
        used += best->bytes;
    }
    return chosen;
}

} // namespace awq

#endif
