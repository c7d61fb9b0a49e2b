// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_STATISTICS_HPP
#define AWQ_BLOCK_BLOCK_STATISTICS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_tensors.hpp>
#include <awq/calibration/activation_stats.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/execution/products/mirror_upper.hpp>
#include <awq/execution/products/upper_gram.hpp>
#include <awq/execution/serial_execution.hpp>

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

/// Statistics of one input of a block, with the memory that they live in.
class input_statistics {
public:
    input_statistics() = default;
    template <execution E>
    input_statistics(const E& how, std::size_t in_features, bool with_gram)
        : abs_sum_(in_features), square_sum_(in_features), largest_(in_features)
    {
        stats_.abs_sum = abs_sum_;
        stats_.square_sum = square_sum_;
        if (with_gram) gram_ = make_zeros(how, in_features, in_features);
    }
    input_statistics(input_statistics&&) = default;
    input_statistics& operator=(input_statistics&&) = default;

    std::size_t in_features() const noexcept { return abs_sum_.size(); }
    bool has_gram() const noexcept { return gram_.size() != 0; }
    activation_stats& sums() noexcept { return stats_; }
    const activation_stats& sums() const noexcept { return stats_; }
    std::uint64_t tokens() const noexcept { return stats_.tokens; }
    /// Of `gram_tokens` of the inputs; whole once `complete` was called.
    matrix_view<const float> gram() const noexcept { return view_of(gram_); }
    matrix_view<float> gram() noexcept { return view_of(gram_); }
    std::uint64_t gram_tokens() const noexcept { return gram_tokens_; }
    /// The Gram matrix was filled from elsewhere.
    void count_in_gram(std::uint64_t tokens) noexcept { gram_tokens_ += tokens; }
    /// Hands the Gram matrix over, if there is one; the other sums stay.
    host_matrix take_gram() { return std::exchange(gram_, host_matrix{}); }

    /// Mean of |x| per channel.
    std::vector<float> x_mean() const { return mean_of(abs_sum_); }
    /// Mean of x^2 per channel: the importance that GGUF quantizers take.
    std::vector<float> importance() const { return mean_of(square_sum_); }

    /// The largest |x| of all channels.
    float largest() const noexcept { return *std::max_element(largest_.begin(), largest_.end()); }

    /// Adds a batch of inputs, (tokens, in_features), to the Gram matrix only if it is `in_gram`.
    template <class Product, execution E>
    status observe(const E& how, matrix_view<const float> x, bool in_gram = true);

    /// After the last batch.
    template <execution E>
    void complete(const E& how)
    {
        if (has_gram()) mirror_upper(how, view_of(gram_));
    }

    /// What the statistics become when the inputs are divided by `scales`, one for each channel.
    template <execution E>
    void divide_inputs(const E& how, std::span<const double> scales);

private:
    std::vector<float> mean_of(const std::vector<double>& sums) const
    {
        std::vector<float> means(sums.size());
        const double share = 1.0 / static_cast<double>(std::max<std::uint64_t>(stats_.tokens, 1));
        for (std::size_t i = 0; i < sums.size(); ++i) means[i] = static_cast<float>(sums[i] * share);
        return means;
    }

    std::vector<double> abs_sum_, square_sum_;
    std::vector<float> largest_; ///< |x| per channel
    host_matrix gram_;
    std::uint64_t gram_tokens_ = 0;
    activation_stats stats_; ///< without the Gram matrix
};

template <class Product, execution E>
status input_statistics::observe(const E& how, matrix_view<const float> x, bool in_gram)
{
    constexpr std::size_t at_once = 64;
    how.for_each(chunk_count(x.cols(), at_once), [&](std::size_t chunk) {
        const std::size_t first = chunk * at_once;
        const std::size_t count = std::min(at_once, x.cols() - first);
        float* const largest = largest_.data() + first;
        for (std::size_t r = 0; r < x.rows(); ++r) {
            const float* const from = x.row(r).data() + first;
            for (std::size_t c = 0; c < count; ++c) largest[c] = std::max(largest[c], std::fabs(from[c]));
        }
    });
    if (in_gram && has_gram()) {
        add_upper_gram<Product>(how, x, view_of(gram_));
        gram_tokens_ += x.rows();
    }
    return stats_.template observe<Product>(how, x);
}

template <execution E>
void input_statistics::divide_inputs(const E& how, std::span<const double> scales)
{
    const std::size_t count = in_features();
    for (std::size_t i = 0; i < count; ++i) {
        abs_sum_[i] /= scales[i];
        largest_[i] /= static_cast<float>(scales[i]);
        square_sum_[i] /= scales[i] * scales[i];
    }
    if (!has_gram()) return;
    how.for_each(count, [&](std::size_t i) {
        float* const row = &gram_(i, 0);
        for (std::size_t j = 0; j < count; ++j) row[j] /= static_cast<float>(scales[i] * scales[j]);
    });
}

/// Statistics of the values of a decoder block that linear layers read.
class block_statistics {
public:
    template <execution E = serial_execution>
    block_statistics(const block_layout& layout, bool with_gram, const E& how = {})
    {
        for (const block_input& input : layout.inputs) {
            names_.emplace(input.name, entries_.size());
            // Of what experts are given there would be as many Gram matrices as experts.
            const bool is_part = layout.whole_of(input.value) != input.value;
            entries_.emplace_back(how, input.width, with_gram && !is_part);
        }
        for (const block_linear& linear : layout.linears) names_.emplace(linear.name, layout.input_of(linear.reads));
    }

    /// Of the value that the linear layer reads (shared with its siblings).
    input_statistics& of(std::string_view linear) { return entries_[names_.find(linear)->second]; }
    const input_statistics& of(std::string_view linear) const { return entries_[names_.find(linear)->second]; }

    /// Frees the Gram matrices; the other sums stay.
    void drop_grams()
    {
        for (input_statistics& entry : entries_) entry.take_gram();
    }

    /// After the last batch that an observer was shown.
    template <execution E>
    void complete(const E& how)
    {
        for (input_statistics& entry : entries_) entry.complete(how);
    }

    /// An observer for the forward pass.
    template <class Product, execution E>
    auto observer(const E& how)
    {
        return [this, &how](std::string_view layer, matrix_view<const float> input, bool in_gram = true) {
            // The shapes were made to fit; there is nothing that can fail.
            static_cast<void>(of(layer).template observe<Product>(how, input, in_gram));
        };
    }

private:
    std::vector<input_statistics> entries_;                 ///< in the order of the layout's inputs
    std::map<std::string, std::size_t, std::less<>> names_; ///< of linear layers
};

} // namespace awq

#endif
