// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_HIDDEN_STATES_HPP
#define AWQ_BLOCK_HIDDEN_STATES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/device/no_memory.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace awq {

/// The hidden states of many tokens between two blocks, in float32, or in bfloat16, which takes half of the memory and
/// of the digits: the forward pass computes in float32 either way.
class hidden_states {
public:
    hidden_states() = default;
    /// Not initialised. `type`: f32 or bf16.
    hidden_states(std::size_t rows, std::size_t cols, dtype type = dtype::f32) : rows_(rows), cols_(cols)
    {
        if (type == dtype::bf16)
            halves_ = xtensor_backend::make<bf16>(rows_, cols_);
        else
            floats_ = xtensor_backend::make(rows_, cols_);
    }

    std::size_t rows() const noexcept { return rows_; }
    std::size_t cols() const noexcept { return cols_; }

    /// Others with the same values.
    hidden_states copy(device& machine) const
    {
        hidden_states made{rows_, cols_, is_small() ? dtype::bf16 : dtype::f32};
        if (is_small())
            copy_values(machine.tasks(), std::span{halves_.data(), halves_.size()}, made.halves_.data());
        else
            copy_values(machine.tasks(), std::span{floats_.data(), floats_.size()}, made.floats_.data());
        return made;
    }

    /// Calls `change(rows)` with some rows, (count, cols), and keeps what it makes of them if it succeeds and
    /// `is_kept`.
    template <class Change>
    status with_rows(device& machine, std::size_t first, std::size_t count, bool is_kept, const Change& change)
    {
        if (!is_small()) return change(view_of(floats_).rows_from(first, count));
        const scratch memory{count * cols_};
        if (!memory) return detail::no_memory("hidden states");
        const matrix_view<float> rows{memory.data(), count, cols_};
        machine.widen(stored(first, count), rows);
        AWQ_CHECK(change(rows));
        if (is_kept) machine.narrow(rows, stored(first, count));
        return {};
    }

    /// Where they are float32.
    matrix_view<float> floats() noexcept { return view_of(floats_); }
    matrix_view<const float> floats() const noexcept { return view_of(floats_); }
    const host_matrix& table() const noexcept { return floats_; }
    /// All of them, as they are in memory.
    std::span<std::byte> bytes() noexcept
    {
        if (!is_small()) return std::as_writable_bytes(std::span{floats_.data(), floats_.size()});
        return std::as_writable_bytes(std::span{halves_.data(), halves_.size()});
    }

private:
    bool is_small() const noexcept { return halves_.size() != 0; }
    matrix_view<bf16> stored(std::size_t first, std::size_t count) noexcept
    {
        return {halves_.data() + first * cols_, count, cols_};
    }

    std::size_t rows_ = 0, cols_ = 0;
    host_matrix floats_;
    xtensor_backend::matrix_of<bf16> halves_; ///< instead
};

} // namespace awq

#endif
