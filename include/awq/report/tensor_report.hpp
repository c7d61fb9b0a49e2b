// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_TENSOR_REPORT_HPP
#define AWQ_REPORT_TENSOR_REPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace awq {

/// How one tensor lies in a file.
struct tensor_report {
    std::string name;           ///< as the file has it
    std::string type;           ///< "Q4_K", "BF16"
    std::uint64_t elements = 0; ///< of that type
    std::uint64_t bytes = 0;
};

/// All tensors of one type.
struct type_total {
    std::string type;
    std::size_t tensors = 0;
    std::uint64_t elements = 0;
    std::uint64_t bytes = 0;
};

inline std::uint64_t bytes_of(const std::vector<tensor_report>& tensors) noexcept
{
    std::uint64_t sum = 0;
    for (const tensor_report& each : tensors) sum += each.bytes;
    return sum;
}

/// The type with the most bytes comes first.
inline std::vector<type_total> totals_by_type(const std::vector<tensor_report>& tensors)
{
    std::vector<type_total> totals;
    for (const tensor_report& each : tensors) {
        const auto same = [&](const type_total& total) { return total.type == each.type; };
        auto found = std::find_if(totals.begin(), totals.end(), same);
        if (found == totals.end()) found = totals.insert(found, {each.type, 0, 0, 0});
        ++found->tensors;
        found->elements += each.elements;
        found->bytes += each.bytes;
    }
    std::stable_sort(totals.begin(), totals.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    return totals;
}

/// What one output of a run holds.
struct output_report {
    std::string path;
    std::vector<tensor_report> tensors;
};

} // namespace awq

#endif
