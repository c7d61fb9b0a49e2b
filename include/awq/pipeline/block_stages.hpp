// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_BLOCK_STAGES_HPP
#define AWQ_PIPELINE_BLOCK_STAGES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/pipeline/activation_stream.hpp>

#include <cstddef>
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
        std::size_t most = 0;
        for (const sequence_chunk& chunk : chunks_) most = std::max(most, chunk.batch.tokens());
        const model_config& config = context.config;
        for (host_matrix* const rows : {&normed_, &change_})
            *rows = xtensor_backend::make(most, config.hidden_size);
        const std::size_t widest =
            std::max({config.hidden_size, config.query_size(), config.intermediate_size});
        for (host_matrix* const rows : {&captured_original_, &captured_rounded_})
            *rows = xtensor_backend::make(most, widest);
    }

    std::size_t tokens() const noexcept { return original_.rows(); }

    /// gram += Xr^T Xr and cross += (Xo - Xr)^T Xr for the named input, with Xo from the original
    /// stream and weights, Xr from the rounded ones.
    status gather(std::string_view input, const block_weights& original, const block_weights& rounded,
                  matrix_view<float> gram, matrix_view<float> cross)
    {
        for (const sequence_chunk& chunk : chunks_) {
            const std::size_t rows = chunk.batch.tokens();
            const matrix_view<float> a{captured_original_.data(), rows, gram.cols()};
            const matrix_view<float> b{captured_rounded_.data(), rows, gram.cols()};
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
            const auto hidden = rows_of(rounded_, chunk);
            const auto normed = norm(rounded.norm_before_mlp(), hidden);
            const auto change = view_of(change_).rows_from(0, hidden.rows());
            AWQ_CHECK(
                mlp_forward<Product>(how_, context_.config, rounded.mlp, normed, change));
            optional_norm_forward(how_, rounded.norm_behind_mlp(), context_.config.norm(), change);
            add_rows(how_, change, hidden);
        }
        return {};
    }

private:
    static matrix_view<float> rows_of(matrix_view<float> stream, const sequence_chunk& chunk)
    {
        return stream.rows_from(chunk.first_row, chunk.batch.tokens());
    }

    matrix_view<float> norm(std::span<const float> weight, matrix_view<const float> hidden)
    {
        const auto normed = view_of(normed_).rows_from(0, hidden.rows());
        rms_norm_forward(how_, weight, context_.config.norm(), hidden, normed);
        return normed;
    }

    status add_attention(const sequence_chunk& chunk, const block_weights& weights,
                         matrix_view<float> hidden)
    {
        const auto normed = norm(weights.input_layernorm, hidden);
        const auto change = view_of(change_).rows_from(0, hidden.rows());
        AWQ_CHECK(attention_forward<Product>(how_, context_, weights.self_attn, chunk.batch, normed,
                                             change));
        optional_norm_forward(how_, weights.norm_behind_attention(), context_.config.norm(),
                              change);
        add_rows(how_, change, hidden);
        return {};
    }

    /// The named input of one chunk into `out`. The inputs of the MLP need streams that
    /// `pass_attention` has moved on.
    status capture(std::string_view input, const sequence_chunk& chunk, const block_weights& weights,
                   matrix_view<float> stream, matrix_view<float> out)
    {
        const bool in_mlp = input.starts_with("mlp.");
        const auto normed =
            norm(in_mlp ? weights.norm_before_mlp() : weights.input_layernorm,
                 rows_of(stream, chunk));
        const auto keep = [&](std::string_view layer, matrix_view<const float> values) {
            if (layer != input) return;
            for (std::size_t row = 0; row < out.rows(); ++row)
                std::copy_n(values.row(row).data(), out.cols(), out.row(row).data());
        };
        if (input == "self_attn.q_proj" || input == "mlp.gate_proj") {
            keep(input, normed);
            return {};
        }
        const auto change = view_of(change_).rows_from(0, normed.rows());
        if (in_mlp)
            return mlp_forward<Product>(how_, context_.config, weights.mlp, normed, change, keep);
        return attention_forward<Product>(how_, context_, weights.self_attn, chunk.batch, normed,
                                          change, keep);
    }

    const E& how_;
    const block_context& context_;
    std::vector<sequence_chunk> chunks_;
    matrix_view<float> original_, rounded_;
    host_matrix normed_, change_, captured_original_, captured_rounded_;
};

} // namespace awq

#endif
