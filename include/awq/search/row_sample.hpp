// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_ROW_SAMPLE_HPP
#define AWQ_SEARCH_ROW_SAMPLE_HPP

#include <awq/execution/execution_concept.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// Every row: no sample.
inline constexpr std::size_t all_rows = static_cast<std::size_t>(-1);

/// Rows of a weight that stand for all of them: whole blocks of `block` rows (rows that a quantizer rounds
/// together), one from each of equal parts of the weight. Its place within the part differs from part to part, so
/// that rows which repeat, such as the channels of attention heads, are all met. The same rows every time.
class row_sample {
public:
    /// At most about `most` of `rows` rows, at least one block of them.
    constexpr explicit row_sample(std::size_t rows, std::size_t most = all_rows, std::size_t block = 1) noexcept
        : rows_(rows), block_(std::clamp<std::size_t>(block, 1, std::max<std::size_t>(rows, 1))),
          parts_(chunk_count(rows, block_)), blocks_(std::min(parts_, std::max<std::size_t>(most / block_, 1)))
    {}

    constexpr std::size_t blocks() const noexcept { return blocks_; }
    /// The first row of a block, which ends `rows_in` rows later.
    constexpr std::size_t first_of(std::size_t index) const noexcept
    {
        const std::size_t begin = index * parts_ / blocks_, end = (index + 1) * parts_ / blocks_;
        // Multiples of the golden ratio, modulo 1, fill a range evenly.
        const std::size_t turn = index * 40503 % 65536;
        return (begin + (end - begin) * turn / 65536) * block_;
    }
    constexpr std::size_t rows_in(std::size_t index) const noexcept
    {
        return std::min(block_, rows_ - first_of(index));
    }

    /// How many rows it has; only the last block may be shorter than the others.
    constexpr std::size_t size() const noexcept
    {
        return blocks_ == 0 ? 0 : (blocks_ - 1) * block_ + rows_in(blocks_ - 1);
    }
    /// Where row `index` of the sample is in the weight.
    constexpr std::size_t row(std::size_t index) const noexcept { return first_of(index / block_) + index % block_; }

private:
    std::size_t rows_, block_, parts_, blocks_;
};

} // namespace awq

#endif
