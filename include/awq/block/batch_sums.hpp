// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BATCH_SUMS_HPP
#define AWQ_BLOCK_BATCH_SUMS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/calibration/activation_stats.hpp>
#include <awq/device/device.hpp>
#include <awq/execution/machines.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace awq {

/// Sums over the inputs of a layer, of one batch or of many, but for the Gram matrix.
class batch_sums {
public:
    batch_sums() = default;
    explicit batch_sums(std::size_t in_features)
        : abs_sum_(in_features), square_sum_(in_features), largest_(in_features)
    {
        stats.abs_sum = abs_sum_;
        stats.square_sum = square_sum_;
    }
    batch_sums(batch_sums&&) = default;
    batch_sums& operator=(batch_sums&&) = default;

    activation_stats stats;        ///< views of the sums
    std::uint64_t gram_tokens = 0; ///< those that a Gram matrix is of

    /// The largest |x| of each channel.
    std::span<float> largest() noexcept { return largest_; }
    std::span<const float> largest() const noexcept { return largest_; }

    /// Adds inputs, (tokens, in_features).
    status observe(device& machine, matrix_view<const float> x) { return machine.add_sums(x, stats, largest_); }

    /// Of the same number of channels.
    void add(const batch_sums& other) noexcept
    {
        static_cast<void>(stats.merge(other.stats));
        gram_tokens += other.gram_tokens;
        for (std::size_t i = 0; i < largest_.size(); ++i) largest_[i] = std::max(largest_[i], other.largest_[i]);
    }

    /// Adds the batches of all machines in their order; `own`: this one's.
    status add_in_order(machines& all, std::span<const batch_sums> own)
    {
        std::vector<double> values(3 * largest_.size() + 2);
        const std::span<std::byte> piece = std::as_writable_bytes(std::span{values});
        AWQ_CHECK(all.in_order({&piece, 1}, [&](std::size_t) -> status {
            load(values);
            for (const batch_sums& each : own) add(each);
            store(values);
            return {};
        }));
        load(values);
        return {};
    }

private:
    void store(std::span<double> to) const
    {
        const auto at = std::ranges::copy(square_sum_, std::ranges::copy(abs_sum_, to.begin()).out).out;
        const auto counts = std::ranges::copy(largest_, at).out;
        counts[0] = static_cast<double>(stats.tokens);
        counts[1] = static_cast<double>(gram_tokens);
    }
    void load(std::span<const double> from)
    {
        const std::size_t count = largest_.size();
        std::ranges::copy(from.first(count), abs_sum_.begin());
        std::ranges::copy(from.subspan(count, count), square_sum_.begin());
        std::ranges::transform(from.subspan(2 * count, count), largest_.begin(),
                               [](double value) { return static_cast<float>(value); });
        stats.tokens = static_cast<std::uint64_t>(from[3 * count]);
        gram_tokens = static_cast<std::uint64_t>(from[3 * count + 1]);
    }

    std::vector<double> abs_sum_, square_sum_;
    std::vector<float> largest_;
};

} // namespace awq

#endif
