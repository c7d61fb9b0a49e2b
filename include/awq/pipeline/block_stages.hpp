// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_BLOCK_STAGES_HPP
#define AWQ_PIPELINE_BLOCK_STAGES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/pipeline/activation_stream.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace awq {

/// Two streams of hidden states that go through a block stage by stage: the original one, and the
/// one that the rounded layers produce. A stage is what leads to an input of some linear layers; the
/// stages come in the order of `block_statistics::inputs`. Where an input's reader ends a module
/// (o_proj, down_proj), `gather` carries the original stream behind it, and `pass` the rounded one,
/// as soon as the reader is rounded.
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
            AWQ_CHECK(add_output(input, original, a, rows_of(original_, chunk)));
            AWQ_CHECK(capture(input, chunk, rounded, rounded_, b));
            how_.for_each(rows, [=](std::size_t row) {
                for (std::size_t i = 0; i < a.cols(); ++i) a(row, i) -= b(row, i);
            });
            Product::add_gram(how_, b, gram);
            Product::add_cross_gram(how_, a, b, cross);
        }
        return {};
    }

    /// Carries the rounded stream behind the reader of the named input, if that ends a module.
    status pass(std::string_view input, const block_weights& rounded)
    {
        const std::optional<module_end> end = end_of(input, rounded);
        if (!end) return {};
        for (const sequence_chunk& chunk : chunks_) {
            const std::size_t rows = chunk.batch.tokens(), width = end->linear.weight.cols();
            const scratch memory{rows * width};
            if (!memory) return no_memory();
            const matrix_view<float> x{memory.data(), rows, width};
            AWQ_CHECK(capture(input, chunk, rounded, rounded_, x));
            AWQ_CHECK(add_output(input, rounded, x, rows_of(rounded_, chunk)));
        }
        return {};
    }

private:
    /// The last layer of `self_attn` or `mlp`, and the norm of its output, which may be empty.
    struct module_end {
        linear_view linear;
        std::span<const float> norm;
    };

    static std::optional<module_end> end_of(std::string_view input, const block_weights& weights)
    {
        if (input == "self_attn.o_proj")
            return module_end{weights.self_attn.o_proj, weights.norm_behind_attention()};
        if (input == "mlp.down_proj")
            return module_end{weights.mlp.down_proj, weights.norm_behind_mlp()};
        return std::nullopt;
    }

    static error no_memory() { return detail::no_memory("a decoder block"); }

    static matrix_view<float> rows_of(matrix_view<float> stream, const sequence_chunk& chunk)
    {
        return stream.rows_from(chunk.first_row, chunk.batch.tokens());
    }

    /// hidden += norm(linear(x)) where the reader of x ends a module.
    status add_output(std::string_view input, const block_weights& weights,
                      matrix_view<const float> x, matrix_view<float> hidden)
    {
        const std::optional<module_end> end = end_of(input, weights);
        if (!end) return {};
        scratch memory{hidden.size()};
        if (!memory) return no_memory();
        const matrix_view<float> change{memory.data(), hidden.rows(), hidden.cols()};
        linear_forward<Product>(how_, end->linear, x, change);
        optional_norm_forward(how_, end->norm, context_.config.norm(), change);
        add_rows(how_, change, hidden);
        return {};
    }

    /// The named input of one chunk into `out`. The inputs of the MLP need a stream that is behind
    /// the attention.
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
