// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_SCHEME_QUANTIZER_HPP
#define AWQ_QUANTIZATION_SCHEME_QUANTIZER_HPP

#include <awq/policy/group_size.hpp>
#include <awq/quantization/group_codes.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/scheme.hpp>
#include <awq/quantization/storage_rounding.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace awq {

/// A group policy whose number of columns is known when it is compiled.
template <class Group>
concept static_group = requires
{
    typename std::integral_constant<std::size_t, Group::columns()>;
};

/// The numbers of `integer_quantizer`, with the scheme, its storage type and the group size as constants
/// in the code: two policies give two machine codes. A `dynamic_group_size` is one switch outside the
/// loops. Models `quantizer`.
template <class Scheme, policy_of<axis::group> Group>
struct scheme_quantizer {
    using rounding = storage_rounding<typename Scheme::storage_type>;
    static constexpr scheme format = Scheme::value;

    [[no_unique_address]] Group group{};

    /// shape_mismatch where groups do not cut a row evenly.
    status check(std::size_t in_features) const noexcept { return detail::check_groups(group.columns(), in_features); }

    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return detail::columns_of_group(group.columns(), in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        return in_features == 0 ? 0 : in_features / scale_columns(in_features);
    }

    /// Quantizes and dequantizes; `out` may be `rows`. Importance is not looked at.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float>, matrix_view<float> out) const noexcept
    {
        with_width(rows.cols(), [&](auto width) { detail::simulate_groups(rows, width, Scheme{}, rounding{}, out); });
    }

    /// One row to codes (in_features), scales and zero points (`groups(in_features)` each; pass an
    /// empty `zero_points` for a symmetric scheme).
    void quantize_row(std::span<const float> row, std::span<std::int8_t> codes, std::span<float> scales,
                      std::span<std::int8_t> zero_points) const noexcept
    {
        with_width(row.size(), [&](auto width) {
            detail::code_groups(row, width, Scheme{}, rounding{}, codes, scales, zero_points);
        });
    }

private:
    template <class Action>
    void with_width(std::size_t in_features, Action&& action) const
    {
        if constexpr (static_group<Group>)
            action(detail::group_width<Group::columns()>{scale_columns(in_features)});
        else
            detail::with_group_width(scale_columns(in_features), action);
    }
};

} // namespace awq

#endif
