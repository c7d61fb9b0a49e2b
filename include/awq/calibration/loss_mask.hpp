// SPDX-License-Identifier: MIT
#ifndef AWQ_CALIBRATION_LOSS_MASK_HPP
#define AWQ_CALIBRATION_LOSS_MASK_HPP

#include <cstddef>
#include <span>

namespace awq {

/// Which tokens count, in the statistics and in the loss: one byte a token, 0 leaves it out. A mask
/// that is shorter than the batch, the empty one too, keeps the tokens past its end.
class loss_mask {
public:
    constexpr loss_mask() = default;
    constexpr explicit loss_mask(std::span<const unsigned char> keep) noexcept : keep_(keep) {}

    constexpr bool keeps(std::size_t token) const noexcept { return token >= keep_.size() || keep_[token] != 0; }
    /// How many of the first `tokens` tokens count.
    constexpr std::size_t kept(std::size_t tokens) const noexcept
    {
        std::size_t count = 0;
        for (std::size_t t = 0; t < tokens; ++t) count += keeps(t) ? 1 : 0;
        return count;
    }
    /// Calls `action(first, count)` for every run of tokens that count.
    template <class Action>
    constexpr void for_each_run(std::size_t tokens, Action&& action) const
    {
        for (std::size_t first = 0; first < tokens;) {
            std::size_t end = first;
            while (end < tokens && keeps(end)) ++end;
            if (end > first) action(first, end - first);
            first = end + 1;
        }
    }

private:
    std::span<const unsigned char> keep_;
};

} // namespace awq

#endif
