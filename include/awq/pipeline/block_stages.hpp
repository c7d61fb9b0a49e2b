// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_BLOCK_STAGES_HPP
#define AWQ_PIPELINE_BLOCK_STAGES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/pipeline/activation_stream.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace awq {

/// Two streams of hidden states that go through a block stage by stage: the original one, and the
/// one that the rounded layers produce. Each stage ends at the input of some linear layers.
template <class Product, execution E>
class block_stages {
public:
    /// `original` and `rounded`: hidden states before the block, changed in place.
    block_stages(const E& how, const block_context& context, const sequences& batch,
                 matrix_view<float> original, matrix_view<float> rounded)
        : how_(how), context_(context), chunks_(cut_into_chunks(batch)), original_(original),
          rounded_(rounded)
    {
    }

    std::size_t tokens() const noexcept { return original_.rows(); }

    /// gram += Xr^T Xr and cross += (Xo - Xr)^T Xr for the named input, with Xo from the original
    /// stream and weights, Xr from the rounded ones.
    status gather(std::string_view input, const block_weights& original, const block_weights& rounded,
                  matrix_view<float> gram, matrix_view<float> cross)
    {
        std::size_t most = 0;
        for (const sequence_chunk& chunk : chunks_) most = std::max(most, chunk.batch.tokens());
        const scratch first{most * gram.cols()}; // kept by the thread: the forward pass takes it, too
        if (!first) return no_memory();
        host_matrix second = xtensor_backend::make(most, gram.cols());
        for (const sequence_chunk& chunk : chunks_) {
            const std::size_t rows = chunk.batch.tokens();
            const matrix_view<float> a{first.data(), rows, gram.cols()};
            const matrix_view<float> b{second.data(), rows, gram.cols()};
            AWQ_CHECK(capture(input, chunk, original, original_, a));
            AWQ_CHECK(capture(input, chunk, rounded, rounded_, b));
            how_.for_each(rows, [=](std::size_t row) {
                for (std::size_t i = 0; i < a.cols(); ++i) a(row, i) -= b(row, i);
            });
            Product::add_gram(how_, b, gram);
            Product::add_cross_gram(how_, a, b, cross);
        }
        return {};
    }

    /// Adds the attention's output to both streams.
    status pass_attention(const block_weights& original, const block_weights& rounded)
    {
        for (const sequence_chunk& chunk : chunks_) {
            AWQ_CHECK(add_attention(chunk, original, rows_of(original_, chunk)));
            AWQ_CHECK(add_attention(chunk, rounded, rows_of(rounded_, chunk)));
        }
        return {};
    }

    /// Adds the MLP's output to the rounded stream.
    status pass_mlp(const block_weights& rounded)
    {
        for (const sequence_chunk& chunk : chunks_) {
            const auto run = [&](matrix_view<const float> normed, matrix_view<float> change) {
                return mlp_forward<Product>(how_, context_.config, rounded.mlp, normed, change);
            };
            AWQ_CHECK(add_change(rounded.norm_before_mlp(), rounded.norm_behind_mlp(),
                                 rows_of(rounded_, chunk), run));
        }
        return {};
    }

private:
    static error no_memory() { return detail::no_memory("a decoder block"); }

    static matrix_view<float> rows_of(matrix_view<float> stream, const sequence_chunk& chunk)
    {
        return stream.rows_from(chunk.first_row, chunk.batch.tokens());
    }

    /// hidden += norm behind(run(norm before(hidden))).
    template <class Run>
    status add_change(std::span<const float> before, std::span<const float> behind,
                      matrix_view<float> hidden, const Run& run)
    {
        scratch memory{2 * hidden.size()};
        if (!memory) return no_memory();
        const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
        const matrix_view<float> change{normed.data() + normed.size(), hidden.rows(), hidden.cols()};
        const norm_rule rule = context_.config.norm();
        rms_norm_forward(how_, before, rule, hidden, normed);
        AWQ_CHECK(run(normed, change));
        optional_norm_forward(how_, behind, rule, change);
        add_rows(how_, change, hidden);
        return {};
    }

    status add_attention(const sequence_chunk& chunk, const block_weights& weights,
                         matrix_view<float> hidden)
    {
        const auto run = [&](matrix_view<const float> normed, matrix_view<float> change) {
            return attention_forward<Product>(how_, context_, weights.self_attn, chunk.batch, normed,
                                              change);
        };
        return add_change(weights.input_layernorm, weights.norm_behind_attention(), hidden, run);
    }

    /// The named input of one chunk into `out`. The inputs of the MLP need streams that
    /// `pass_attention` has moved on.
    status capture(std::string_view input, const sequence_chunk& chunk, const block_weights& weights,
                   matrix_view<float> stream, matrix_view<float> out)
    {
        const bool in_mlp = input.starts_with("mlp.");
        const std::span<const float> norm =
            in_mlp ? weights.norm_before_mlp() : weights.input_layernorm;
        const auto hidden = rows_of(stream, chunk);
        const norm_rule rule = context_.config.norm();
        if (input == "self_attn.q_proj" || input == "mlp.gate_proj") {
            rms_norm_forward(how_, norm, rule, hidden, out);
            return {};
        }
        scratch memory{hidden.size()};
        if (!memory) return no_memory();
        const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
        rms_norm_forward(how_, norm, rule, hidden, normed);
        if (in_mlp)
            return mlp_inner_forward<Product>(how_, context_.config, weights.mlp, normed, out);
        return attention_inner_forward<Product>(how_, context_, weights.self_attn, chunk.batch,
                                                normed, out);
    }

    const E& how_;
    const block_context& context_;
    std::vector<sequence_chunk> chunks_;
    matrix_view<float> original_, rounded_;
};

} // namespace awq

#endif
