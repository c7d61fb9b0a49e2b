// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_ROUND_SHARED_HPP
#define AWQ_BLOCK_ROUND_SHARED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/device/quantized_linear.hpp>
#include <awq/execution/machines.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <variant>

namespace awq {

namespace detail {

inline status join_codes(machines& all, integer_codes& part)
{
    AWQ_CHECK(all.join(part.codes));
    AWQ_CHECK(all.join(part.scales));
    return all.join(part.zero_points);
}
inline status join_codes(machines& all, gguf_blocks& part) { return all.join(part.bytes); }
template <class Codes>
status join_codes(machines& all, Codes& part)
{
    AWQ_CHECK(all.join(part.codes));
    return all.join(part.scales);
}

/// The rows of a weight that each machine rounds; all of them where there are too few. Units are as tall as the
/// largest blocks of a format; products of fewer rows than `least` would run in another order of sums.
inline row_range rows_to_round(const machines& all, std::size_t rows)
{
    constexpr std::size_t unit = 128, least = 32;
    const std::size_t units = chunk_count(rows, unit);
    if (units < all.size() || rows % least != 0) return {0, rows};
    const row_range own = all.share(units);
    return {own.first * unit, std::min(own.end * unit, rows)};
}

} // namespace detail

/// As `device::round`, with some of the rows on each machine: each row is rounded for itself, so the bits are
/// those of one process.
inline result<quantized_linear> round_shared(machines& all, device& machine, const linear_rounding& by,
                                             const any_quantizer& format, matrix_view<float> weight)
{
    const row_range own = detail::rows_to_round(all, weight.rows());
    quantized_linear made = machine.round(format, by, weight.rows_from(own.first, own.size()));
    if (own.size() == weight.rows()) return made;
    AWQ_CHECK(all.share_rows(std::as_writable_bytes(std::span{weight.data(), weight.size()}),
                             weight.cols() * sizeof(float), own));
    AWQ_CHECK(std::visit(
        [&](auto& codes) {
            codes.rows = weight.rows();
            return detail::join_codes(all, codes);
        },
        made));
    return made;
}

} // namespace awq

#endif
