// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_DECODER_BLOCK_HPP
#define AWQ_MODEL_FORWARD_DECODER_BLOCK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/model/forward/attention.hpp>
#include <awq/model/forward/mlp.hpp>
#include <awq/model/forward/rms_norm.hpp>

namespace awq {

namespace detail {

/// x += attention(norm(x)); x += mlp(norm(x)), where attention(normed, out) is given. What is added
/// may be normed, too.
template <class Product, execution E, class Attention, class Observer>
status block_forward(const E& e, const block_context& context, const block_weights& block,
                     matrix_view<float> hidden, const Attention& attention,
                     const Observer& observer)
{
    const norm_rule rule = context.config.norm();
    scratch memory{2 * hidden.size()};
    if (!memory) return no_memory("a decoder block");
    const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
    const matrix_view<float> change{normed.data() + normed.size(), hidden.rows(), hidden.cols()};
    rms_norm_forward(e, block.input_layernorm, rule, hidden, normed);
    AWQ_CHECK(attention(normed, change));
    optional_norm_forward(e, block.norm_behind_attention(), rule, change);
    add_rows(e, change, hidden);
    rms_norm_forward(e, block.norm_before_mlp(), rule, hidden, normed);
    AWQ_CHECK(mlp_forward<Product>(e, context.config, block.mlp, normed, change, observer));
    optional_norm_forward(e, block.norm_behind_mlp(), rule, change);
    add_rows(e, change, hidden);
    return {};
}

} // namespace detail

/// One decoder block, in place: hidden (tokens, hidden). The observer sees the inputs of the linear
/// layers; see `no_observer`.
template <class Product, execution E, class Observer = no_observer>
status decoder_block_forward(const E& e, const block_context& context, const block_weights& block,
                             const sequences& batch, matrix_view<float> hidden,
                             const Observer& observer = {})
{
    const auto attention = [&](matrix_view<const float> normed, matrix_view<float> change) {
        return attention_forward<Product>(e, context, block.self_attn, batch, normed, change,
                                          observer);
    };
    return detail::block_forward<Product>(e, context, block, hidden, attention, observer);
}

/// The same for the next tokens of the sequence whose past is in `cache`.
template <class Product, execution E>
status decoder_block_forward(const E& e, const block_context& context, const block_weights& block,
                             kv_cache& cache, matrix_view<float> hidden)
{
    const auto attention = [&](matrix_view<const float> normed, matrix_view<float> change) {
        return attention_forward<Product>(e, context, block.self_attn, cache, normed, change);
    };
    return detail::block_forward<Product>(e, context, block, hidden, attention, no_observer{});
}

} // namespace awq

#endif
