// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_GRAM_LOSS_HPP
#define AWQ_SEARCH_GRAM_LOSS_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/search/ordered_sum.hpp>
#include <awq/search/row_sample.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// Floats that `gram_loss` needs at least; up to 512 times as many make it faster.
constexpr std::size_t gram_loss_workspace_size(std::size_t in_features) noexcept
{
    return 2 * in_features;
}

/// trace(dW G dW^T) of one layer, dW = candidate - weight, in double and in a fixed order: the
/// squared error of the layer's outputs, summed over tokens and outputs, where G = X^T X (in, in)
/// is the Gram matrix of its inputs. Only the rows of `sample` are looked at, and the sum is
/// extrapolated. `memory`: `gram_loss_workspace_size` floats or more.
template <class Product, execution E, class T = const float>
AWQ_ABI_TAG double gram_error(const E& how, matrix_view<T> weight, matrix_view<const float> candidate,
                  matrix_view<const float> gram, std::span<float> memory, const row_sample& sample)
{
    const std::size_t width = weight.cols(), rows = sample.size();
    const std::size_t most = std::clamp<std::size_t>(memory.size() / (2 * width), 1, 512);
    double sum = 0.0;
    for (std::size_t first = 0; first < rows; first += most) {
        const std::size_t count = std::min(most, rows - first);
        const matrix_view<float> change{memory.data(), count, width};
        const matrix_view<float> product{memory.data() + count * width, count, width};
        how.for_each(count, [&](std::size_t r) {
            const std::size_t row = sample.row(first + r);
            const T* const from = weight.row(row).data();
            const float* const to = candidate.row(row).data();
            for (std::size_t c = 0; c < width; ++c)
                change(r, c) = to[c] - static_cast<float>(from[c]);
        });
        Product::multiply_nn(how, matrix_view<const float>{change}, gram, product);
        sum += ordered_sum(how, count, [&](std::size_t r) {
            const float *a = change.row(r).data(), *b = product.row(r).data();
            return lane_sum(width, [a, b](std::size_t c) {
                return static_cast<sum_type>(a[c]) * static_cast<sum_type>(b[c]);
            });
        });
    }
    return sum * static_cast<double>(weight.rows()) /
           static_cast<double>(std::max<std::size_t>(rows, 1));
}

/// The same over all rows.
template <class Product, execution E, class T = const float>
AWQ_ABI_TAG double gram_error(const E& how, matrix_view<T> weight, matrix_view<const float> candidate,
                  matrix_view<const float> gram, std::span<float> memory)
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
    /// `weights`: the originals, each (out_features, in_features); `gram`: (in, in), summed over
    /// `tokens`. Of each weight about `most_rows` rows are looked at, in whole blocks of `row_block`,
    /// which is a multiple of all quantizers' own.
    gram_loss(const E& how, std::span<const matrix_view<const T>> weights,
              matrix_view<const float> gram, std::size_t tokens, std::span<float> memory,
              std::size_t most_rows = all_rows, std::size_t row_block = 1) noexcept
        : how_(how), weights_(weights), gram_(gram), tokens_(tokens), memory_(memory),
          most_rows_(most_rows), row_block_(row_block)
    {}

    /// The rows that it looks at, of a weight of so many: a candidate needs no others.
    row_sample sample_of(std::size_t rows) const noexcept
    {
        return row_sample{rows, most_rows_, row_block_};
    }

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        double sum = 0.0, outputs = 0.0;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            outputs += static_cast<double>(weights_[i].rows());
            // A layer that is not quantized is its own candidate and loses nothing.
            const void* const weight = weights_[i].data();
            if (weight == candidates[i].data()) continue;
            sum += gram_error<Product>(how_, weights_[i], candidates[i], gram_, memory_,
                                       sample_of(weights_[i].rows()));
        }
        return sum / (static_cast<double>(tokens_) * outputs);
    }

  private:
    const E& how_;
    std::span<const matrix_view<const T>> weights_;
    matrix_view<const float> gram_;
    std::size_t tokens_;
    std::span<float> memory_;
    std::size_t most_rows_, row_block_;
};

} // namespace awq

#endif
