// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_SEQUENCES_HPP
#define AWQ_DEVICE_FORWARD_SEQUENCES_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace awq {

/// How the rows of one (tokens, hidden) matrix fall into sequences, which do not see each other.
class sequences {
public:
    sequences() = default;
    explicit sequences(std::span<const std::size_t> lengths)
    {
        for (const std::size_t length : lengths) push_back(length);
    }
    /// `count` sequences of `length` tokens each.
    static sequences uniform(std::size_t count, std::size_t length)
    {
        sequences made;
        for (std::size_t i = 0; i < count; ++i) made.push_back(length);
        return made;
    }
    /// Appends a sequence of `length` tokens.
    void push_back(std::size_t length) { offsets_.push_back(offsets_.back() + length); }

    std::size_t count() const noexcept { return offsets_.size() - 1; }
    std::size_t tokens() const noexcept { return offsets_.back(); }
    /// First row of sequence `index`.
    std::size_t begin(std::size_t index) const noexcept { return offsets_[index]; }
    std::size_t length(std::size_t index) const noexcept { return offsets_[index + 1] - offsets_[index]; }
    std::size_t longest() const noexcept
    {
        std::size_t most = 0;
        for (std::size_t i = 0; i < count(); ++i) most = std::max(most, length(i));
        return most;
    }

private:
    std::vector<std::size_t> offsets_ = {0};
};

namespace detail {

/// The position of every row: row `begin(s) + t` of a sequence stands at `start + t`.
inline std::vector<std::size_t> positions_of(const sequences& batch, std::size_t start)
{
    std::vector<std::size_t> positions(batch.tokens());
    for (std::size_t s = 0; s < batch.count(); ++s)
        for (std::size_t t = 0; t < batch.length(s); ++t) positions[batch.begin(s) + t] = start + t;
    return positions;
}

} // namespace detail

} // namespace awq

#endif
