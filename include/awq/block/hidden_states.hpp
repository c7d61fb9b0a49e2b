// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_HIDDEN_STATES_HPP
#define AWQ_BLOCK_HIDDEN_STATES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/host_matrix.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/execution/widen.hpp>
#include <awq/model/forward/linear.hpp>
#include <awq/model/parts/attend.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace awq {

/// The hidden states of many tokens between two blocks, in float32, or in bfloat16, which takes half of the memory and
/// of the digits: the forward pass computes in float32 either way.
class hidden_states {
public:
    hidden_states() = default;
    explicit hidden_states(host_matrix floats)
        : rows_(floats.shape()[0]), cols_(floats.shape()[1]), floats_(std::move(floats))
    {}

    std::size_t rows() const noexcept { return rows_; }
    std::size_t cols() const noexcept { return cols_; }

    /// In bfloat16 from now on.
    void make_small()
    {
        halves_.reserve(floats_.size());
        for (std::size_t i = 0; i < floats_.size(); ++i) halves_.push_back(bf16{floats_.data()[i]});
        floats_ = host_matrix{};
    }

    /// Calls `change(rows)` with some rows, (count, cols), and keeps what it makes of them if it succeeds and
    /// `is_kept`.
    template <execution E, class Change>
    status with_rows(const E& how, std::size_t first, std::size_t count, bool is_kept, const Change& change)
    {
        if (halves_.empty()) return change(view_of(floats_).rows_from(first, count));
        const scratch memory{count * cols_};
        if (!memory) return detail::no_memory("hidden states");
        const matrix_view<float> rows{memory.data(), count, cols_};
        const matrix_view<bf16> stored{halves_.data() + first * cols_, count, cols_};
        widen(how, stored, rows);
        AWQ_CHECK(change(rows));
        if (is_kept)
            for_each_row(how, count, [&](std::size_t r) {
                std::ranges::transform(rows.row(r), stored.row(r).begin(), [](float x) { return bf16{x}; });
            });
        return {};
    }

    /// Where they are float32.
    matrix_view<float> floats() noexcept { return view_of(floats_); }
    matrix_view<const float> floats() const noexcept { return view_of(floats_); }
    const host_matrix& table() const noexcept { return floats_; }
    /// All of them, as they are in memory.
    std::span<std::byte> bytes() noexcept
    {
        if (halves_.empty()) return std::as_writable_bytes(std::span{floats_.data(), floats_.size()});
        return std::as_writable_bytes(std::span{halves_});
    }

private:
    std::size_t rows_ = 0, cols_ = 0;
    host_matrix floats_;
    std::vector<bf16> halves_; ///< instead, row by row
};

} // namespace awq

#endif
