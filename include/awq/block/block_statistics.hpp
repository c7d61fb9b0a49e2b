// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_STATISTICS_HPP
#define AWQ_BLOCK_BLOCK_STATISTICS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/batch_sums.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/block/input_gram.hpp>
#include <awq/calibration/activation_stats.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/execution/machines.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Statistics of one input of a block, with the memory that they live in. Each batch is summed by itself, and the
/// sums are added in the order of the batches, so that machines which have some of them make the sums of one which has
/// all.
class input_statistics {
public:
    input_statistics() = default;
    /// `waits`: batches are kept until `complete` adds them behind those of the machines before.
    explicit input_statistics(std::size_t in_features, bool waits = false, input_gram gram = {})
        : total_(in_features), gram_(std::move(gram)), waits_(waits)
    {}
    input_statistics(input_statistics&&) = default;
    input_statistics& operator=(input_statistics&&) = default;

    std::size_t in_features() const noexcept { return total_.largest().size(); }
    activation_stats& sums() noexcept { return total_.stats; }
    const activation_stats& sums() const noexcept { return total_.stats; }
    std::uint64_t tokens() const noexcept { return total_.stats.tokens; }
    /// Of `gram_tokens` of the inputs; empty where none is kept.
    const input_gram& gram() const noexcept { return gram_; }
    input_gram& gram() noexcept { return gram_; }
    std::uint64_t gram_tokens() const noexcept { return total_.gram_tokens; }
    /// The Gram matrix was filled from elsewhere.
    void count_in_gram(std::uint64_t tokens) noexcept { total_.gram_tokens += tokens; }

    /// Mean of |x| per channel.
    std::vector<float> x_mean() const { return mean_of(total_.stats.abs_sum); }
    /// Mean of x^2 per channel: the importance that GGUF quantizers take.
    std::vector<float> importance() const { return mean_of(total_.stats.square_sum); }

    /// The largest |x| of all channels.
    float largest() const noexcept { return *std::ranges::max_element(total_.largest()); }

    /// Adds a batch of inputs, (tokens, in_features), to the Gram matrix only if it is `in_gram`.
    status observe(device& machine, matrix_view<const float> x, bool in_gram = true)
    {
        const bool is_added = in_gram && !gram_.empty();
        batch_sums batch{in_features()};
        AWQ_CHECK(batch.observe(machine, x));
        if (is_added) batch.gram_tokens = x.rows();
        if (is_added) gram_.observe(machine, x, waits_);
        if (waits_)
            waiting_.push_back(std::move(batch));
        else
            total_.add(batch);
        return {};
    }

    /// After the last batch, by all machines that have batches.
    status complete(device& machine, machines& all)
    {
        if (waits_) AWQ_CHECK(total_.add_in_order(all, waiting_));
        waiting_.clear();
        return gram_.empty() ? status{} : gram_.complete(machine, all, waits_);
    }

    /// What the statistics become when the inputs are divided by `scales`, one for each channel.
    void divide_inputs(device& machine, std::span<const double> scales)
    {
        for (std::size_t i = 0; i < in_features(); ++i) {
            total_.stats.abs_sum[i] /= scales[i];
            total_.largest()[i] /= static_cast<float>(scales[i]);
            total_.stats.square_sum[i] /= scales[i] * scales[i];
        }
        if (!gram_.empty()) gram_.divide(machine, scales);
    }

private:
    std::vector<float> mean_of(std::span<const double> sums) const
    {
        std::vector<float> means(sums.size());
        const double share = 1.0 / static_cast<double>(std::max<std::uint64_t>(tokens(), 1));
        for (std::size_t i = 0; i < sums.size(); ++i) means[i] = static_cast<float>(sums[i] * share);
        return means;
    }

    batch_sums total_;
    input_gram gram_;
    bool waits_ = false;
    std::vector<batch_sums> waiting_; ///< batches that are not added yet
};

/// Statistics of the values of a decoder block that linear layers read.
class AWQ_ABI_TAG block_statistics {
public:
    /// Sums alone.
    explicit block_statistics(const block_layout& layout) : block_statistics(layout, nullptr, {}, alone()) {}
    /// And Gram matrices of some of the tokens. `all`: the machines that each see some batches; all of them call
    /// `complete`.
    block_statistics(const block_layout& layout, device& machine, const gram_sample& in_gram, machines& all = alone())
        : block_statistics(layout, &machine, in_gram, all)
    {}

    /// Of the value that the linear layer reads (shared with its siblings).
    input_statistics& of(std::string_view linear) { return entries_[names_.find(linear)->second]; }
    const input_statistics& of(std::string_view linear) const { return entries_[names_.find(linear)->second]; }

    /// Frees the Gram matrices; the other sums stay.
    void drop_grams()
    {
        for (input_statistics& entry : entries_) entry.gram() = {};
    }

    /// After the last batch that an observer was shown.
    status complete(device& machine)
    {
        for (input_statistics& entry : entries_) AWQ_CHECK(entry.complete(machine, *all_));
        return {};
    }

    /// An observer for the forward pass.
    auto observer(device& machine)
    {
        return [this, &machine](std::string_view layer, matrix_view<const float> input, bool in_gram = true) {
            // The shapes were made to fit; there is nothing that can fail.
            static_cast<void>(of(layer).observe(machine, input, in_gram));
        };
    }

private:
    block_statistics(const block_layout& layout, device* machine, const gram_sample& in_gram, machines& all)
        : all_(&all)
    {
        for (const block_input& input : layout.inputs) {
            names_.emplace(input.name, entries_.size());
            // Of what experts are given there would be as many Gram matrices as experts.
            const bool is_part = layout.whole_of(input.value) != input.value;
            input_gram gram;
            if (machine && !is_part) gram = input_gram{*machine, input.width, in_gram};
            entries_.emplace_back(input.width, all.are_several(), std::move(gram));
        }
        for (const block_linear& linear : layout.linears) names_.emplace(linear.name, layout.input_of(linear.reads));
    }

    machines* all_;
    std::vector<input_statistics> entries_;                 ///< in the order of the layout's inputs
    std::map<std::string, std::size_t, std::less<>> names_; ///< of linear layers
};

} // namespace awq

#endif
