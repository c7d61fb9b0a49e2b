// SPDX-License-Identifier: MIT
#ifndef AWQ_POLICY_GROUP_SIZE_HPP
#define AWQ_POLICY_GROUP_SIZE_HPP

#include <awq/policy/axis.hpp>

#include <cstddef>

namespace awq {

// How many neighbouring elements of a row share a scale. It matters in `smoothing_only` too,
// because the search simulates the quantizer.

/// Every N columns share a scale.
template <std::size_t N>
struct group_size {
    static_assert(N > 0, "awq::group_size: use per_channel for one scale a row");
    using policy_axis = axis::group;
    static constexpr std::size_t columns() noexcept { return N; }
};

/// All columns of a row share a scale.
struct per_channel {
    using policy_axis = axis::group;
    static constexpr std::size_t columns() noexcept { return 0; }
};

/// Chosen at run time, by a recipe; 0 is per channel.
struct dynamic_group_size {
    using policy_axis = axis::group;
    std::size_t value = 128;
    constexpr std::size_t columns() const noexcept { return value; }
};

/// The format itself says which elements share a scale: of GGUF formats and of quantizers of one's own
/// the only choice, and their default.
struct format_groups {
    using policy_axis = axis::group;
};

} // namespace awq

#endif
