// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_ROPE_TABLE_HPP
#define AWQ_DEVICE_FORWARD_ROPE_TABLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace awq {

/// Cosines and sines of rotary position embedding (Su et al. 2021) for the first positions.
class rope_table {
public:
    rope_table() = default;
    /// Zeros for `length` positions of `pairs` pairs of dimensions.
    rope_table(std::size_t pairs, std::size_t length)
        : pairs_(pairs), length_(length), cosines_(length * pairs), sines_(length * pairs)
    {}

    void set(std::size_t position, std::size_t pair, float cosine, float sine) noexcept
    {
        cosines_[position * pairs_ + pair] = cosine;
        sines_[position * pairs_ + pair] = sine;
    }

    std::size_t pairs() const noexcept { return pairs_; }
    std::size_t length() const noexcept { return length_; }
    /// Of all pairs at a position.
    std::span<const float> cosines(std::size_t position) const noexcept
    {
        return std::span{cosines_}.subspan(position * pairs_, pairs_);
    }
    std::span<const float> sines(std::size_t position) const noexcept
    {
        return std::span{sines_}.subspan(position * pairs_, pairs_);
    }

private:
    std::size_t pairs_ = 0;
    std::size_t length_ = 0;
    std::vector<float> cosines_;
    std::vector<float> sines_;
};

} // namespace awq

#endif
