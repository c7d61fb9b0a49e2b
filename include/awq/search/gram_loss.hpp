// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_GRAM_LOSS_HPP
#define AWQ_SEARCH_GRAM_LOSS_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/search/gram_view.hpp>
#include <awq/search/ordered_sum.hpp>
#include <awq/search/row_sample.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// Floats that `gram_loss` needs at least; up to 1024 times as many make it faster.
constexpr std::size_t gram_loss_workspace_size(std::size_t in_features) noexcept { return 2 * in_features; }

/// trace(dW G dW^T) of one layer, dW = candidate - weight, in double and in a fixed order: the
/// squared error of the layer's outputs, summed over tokens and outputs, where G = X^T X (in, in)
/// is the Gram matrix of its inputs. Only the rows of `sample` are looked at, and the sum is
/// extrapolated. `memory`: `gram_loss_workspace_size` floats or more.
template <class Product, execution E, class T = const float>
AWQ_ABI_TAG double gram_error(const E& how, matrix_view<T> weight, matrix_view<const float> candidate, gram_view gram,
                              std::span<float> memory, const row_sample& sample)
{
    const std::size_t width = weight.cols(), rows = sample.size();
    const std::size_t most = std::clamp<std::size_t>(memory.size() / (2 * width), 1, 512);
    double sum = 0.0;
    for (std::size_t first = 0; first < rows; first += most) {
        const std::size_t count = std::min(most, rows - first);
        const matrix_view<float> change{memory.data(), count, width};
        const matrix_view<float> product{memory.data() + count * width, count, gram.width()};
        how.for_each(count, [&](std::size_t r) {
            const std::size_t row = sample.row(first + r);
            const T* const from = weight.row(row).data();
            const float* const to = candidate.row(row).data();
            for (std::size_t c = 0; c < width; ++c) change(r, c) = to[c] - static_cast<float>(from[c]);
        });
        gram.multiply<Product>(how, change, product);
        sum += ordered_sum(how, count,
                           [&](std::size_t r) { return gram.square_of(change.row(r).data(), product.row(r).data()); });
    }
    return sum * static_cast<double>(weight.rows()) / static_cast<double>(std::max<std::size_t>(rows, 1));
}

/// The same over all rows.
template <class Product, execution E, class T = const float>
AWQ_ABI_TAG double gram_error(const E& how, matrix_view<T> weight, matrix_view<const float> candidate, gram_view gram,
                              std::span<float> memory)
{
    return gram_error<Product>(how, weight, candidate, gram, memory, row_sample{weight.rows()});
}

/// The mean squared error at the outputs of linear layers that read the same input, from that
/// input's Gram matrix: its cost does not depend on the number of tokens. A callable for
/// `scale_search`. Exact where the layers' own outputs are what matters (o_proj, down_proj); for q,
/// k, v and for gate, up it is a stand-in for the loss behind the attention or the MLP. `T`: the
/// weights' element type.
template <class Product, execution E, class T = float>
class AWQ_ABI_TAG gram_loss {
public:
    /// `weights`: the originals, each (out_features, in_features); `gram`: of their inputs, summed over
    /// `tokens`. Of each weight about `most_rows` rows are looked at, in whole blocks of `row_block`,
    /// which is a multiple of all quantizers' own.
    gram_loss(const E& how, std::span<const matrix_view<const T>> weights, gram_view gram, std::size_t tokens,
              std::span<float> memory, std::size_t most_rows = all_rows, std::size_t row_block = 1) noexcept
        : how_(how), weights_(weights), gram_(gram), tokens_(tokens), memory_(memory), most_rows_(most_rows),
          row_block_(row_block)
    {}

    /// The rows that it looks at, of a weight of so many: a candidate needs no others.
    row_sample sample_of(std::size_t rows) const noexcept { return row_sample{rows, most_rows_, row_block_}; }

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        double sum = 0.0, outputs = 0.0;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            outputs += static_cast<double>(weights_[i].rows());
            // A layer that is not quantized is its own candidate and loses nothing.
            const void* const weight = weights_[i].data();
            if (weight == candidates[i].data()) continue;
            sum += gram_error<Product>(how_, weights_[i], candidates[i], gram_, memory_, sample_of(weights_[i].rows()));
        }
        return sum / (static_cast<double>(tokens_) * outputs);
    }

    /// The same, but `error` has the loss only when `finish` was called: the rows of several candidates, as many as
    /// there is memory for, are then multiplied together. Its bits do not depend on which candidates these are.
    void begin(std::span<const matrix_view<const float>> candidates, double& error)
    {
        error = 0.0;
        double outputs = 0.0;
        for (const auto& weight : weights_) outputs += static_cast<double>(weight.rows());
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            const void* const weight = weights_[i].data();
            if (weight == candidates[i].data()) continue;
            add_rows(weights_[i], candidates[i], 1.0 / (static_cast<double>(tokens_) * outputs), error);
        }
    }
    void finish()
    {
        if (used_ == 0) return;
        const std::size_t in = gram_.in_features();
        const std::size_t rows = std::clamp(gram_.template least_rows<Product>(), used_, std::max(used_, capacity()));
        std::fill_n(memory_.data() + used_ * in, (rows - used_) * in, 0.0f);
        const matrix_view<const float> changes{memory_.data(), rows, in};
        const matrix_view<float> products{memory_.data() + capacity() * in, rows, gram_.width()};
        gram_.template multiply<Product>(how_, changes, products);
        for (std::size_t i = 0; i < waiting_; ++i) {
            const rows_of_candidate& each = queue_[i];
            *each.error +=
                each.share * ordered_sum(how_, each.count, [&](std::size_t r) {
                    return gram_.square_of(changes.row(each.first + r).data(), products.row(each.first + r).data());
                });
        }
        used_ = waiting_ = 0;
    }

private:
    /// Rows that wait for their product.
    struct rows_of_candidate {
        double* error;
        double share; ///< of their squared error in the loss
        std::size_t first, count;
    };

    std::size_t capacity() const noexcept
    {
        return std::max<std::size_t>(1, memory_.size() / (2 * gram_.in_features()));
    }

    void add_rows(matrix_view<const T> weight, matrix_view<const float> candidate, double share, double& error)
    {
        const row_sample sample = sample_of(weight.rows());
        const double part = static_cast<double>(weight.rows()) / static_cast<double>(sample.size());
        for (std::size_t done = 0; done < sample.size();) {
            // Rows whose errors are summed together are cut in the same way whatever waits already.
            const std::size_t count = std::min(capacity(), sample.size() - done);
            if (used_ + count > capacity() || waiting_ == most_waiting) finish();
            how_.for_each(count, [&](std::size_t r) {
                const std::size_t row = sample.row(done + r), width = gram_.in_features();
                float* const change = memory_.data() + (used_ + r) * width;
                for (std::size_t c = 0; c < width; ++c)
                    change[c] = candidate(row, c) - static_cast<float>(weight(row, c));
            });
            queue_[waiting_++] = {&error, share * part, used_, count};
            used_ += count;
            done += count;
        }
    }

    static constexpr std::size_t most_waiting = 32;

    const E& how_;
    std::span<const matrix_view<const T>> weights_;
    gram_view gram_;
    std::size_t tokens_;
    std::span<float> memory_;
    std::size_t most_rows_, row_block_;
    std::size_t used_ = 0, waiting_ = 0; // rows and entries that wait
    rows_of_candidate queue_[most_waiting];
};

} // namespace awq

#endif
