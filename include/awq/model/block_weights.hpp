// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_WEIGHTS_HPP
#define AWQ_MODEL_BLOCK_WEIGHTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace awq {

/// A linear layer, y = x weight^T + bias: weight (out_features, in_features), bias (out_features)
/// or empty. Views of memory that somebody else owns.
struct linear_view {
    matrix_view<const float> weight;
    std::span<const float> bias = {};
};

/// `self_attn` of a block. The norms of each head's query and key, (head_dim), may be empty.
struct attention_weights {
    linear_view q_proj;
    linear_view k_proj;
    linear_view v_proj;
    linear_view o_proj;
    std::span<const float> q_norm = {};
    std::span<const float> k_norm = {};
};

/// `mlp` of a block.
struct mlp_weights {
    linear_view gate_proj;
    linear_view up_proj;
    linear_view down_proj;
};

/// One decoder block of the Llama family; the norms are (hidden_size). Where there is a
/// pre_feedforward_layernorm, post_attention_layernorm norms the attention's output; else it norms
/// the MLP's input.
struct block_weights {
    std::span<const float> input_layernorm;
    attention_weights self_attn;
    std::span<const float> post_attention_layernorm;
    mlp_weights mlp;
    std::span<const float> pre_feedforward_layernorm = {};
    std::span<const float> post_feedforward_layernorm = {};

    /// Of the attention's output; empty: it is not normed.
    std::span<const float> norm_behind_attention() const noexcept
    {
        return pre_feedforward_layernorm.empty() ? std::span<const float>{}
                                                 : post_attention_layernorm;
    }
    std::span<const float> norm_before_mlp() const noexcept
    {
        return pre_feedforward_layernorm.empty() ? post_attention_layernorm
                                                 : pre_feedforward_layernorm;
    }
    /// Of the MLP's output; empty: it is not normed.
    std::span<const float> norm_behind_mlp() const noexcept { return post_feedforward_layernorm; }
};

namespace detail {

inline status check_linear(std::string_view name, const linear_view& linear, std::size_t out,
                           std::size_t in, bool bias)
{
    if (linear.weight.rows() != out || linear.weight.cols() != in)
        return error{error_code::shape_mismatch, name, ".weight is ", linear.weight.rows(), " x ",
                     linear.weight.cols(), ", the config asks for ", out, " x ", in};
    if (bias != !linear.bias.empty())
        return error{error_code::missing_tensor, name, ".bias is ",
                     bias ? "missing" : "there, but the config has none"};
    if (bias && linear.bias.size() != out)
        return error{error_code::shape_mismatch, name, ".bias has ", linear.bias.size(),
                     " elements, the config asks for ", out};
    return {};
}

inline status check_norm(std::string_view name, std::span<const float> norm, std::size_t size)
{
    if (norm.size() == size) return {};
    return error{error_code::shape_mismatch, name, ".weight has ", norm.size(),
                 " elements, the config asks for ", size};
}

} // namespace detail

/// Whether the weights have the shapes that the config asks for; the error names the tensor.
inline status check(const model_config& config, const block_weights& block)
{
    const std::size_t hidden = config.hidden_size;
    const std::size_t inner = config.intermediate_size;
    const std::size_t head = config.qk_norm ? config.head_size() : 0;
    const std::size_t sandwich = config.sandwich_norms ? hidden : 0;
    const bool qkv_bias = config.attention_bias || config.qkv_bias;
    const attention_weights& attn = block.self_attn;
    const mlp_weights& mlp = block.mlp;
    using detail::check_linear;
    using detail::check_norm;
    AWQ_CHECK(check_norm("input_layernorm", block.input_layernorm, hidden));
    AWQ_CHECK(check_norm("post_attention_layernorm", block.post_attention_layernorm, hidden));
    AWQ_CHECK(check_norm("pre_feedforward_layernorm", block.pre_feedforward_layernorm, sandwich));
    AWQ_CHECK(check_norm("post_feedforward_layernorm", block.post_feedforward_layernorm, sandwich));
    AWQ_CHECK(check_norm("self_attn.q_norm", attn.q_norm, head));
    AWQ_CHECK(check_norm("self_attn.k_norm", attn.k_norm, head));
    AWQ_CHECK(check_linear("self_attn.q_proj", attn.q_proj, config.query_size(), hidden, qkv_bias));
    AWQ_CHECK(check_linear("self_attn.k_proj", attn.k_proj, config.kv_size(), hidden, qkv_bias));
    AWQ_CHECK(check_linear("self_attn.v_proj", attn.v_proj, config.kv_size(), hidden, qkv_bias));
    AWQ_CHECK(check_linear("self_attn.o_proj", attn.o_proj, hidden, config.query_size(),
                           config.attention_bias));
    AWQ_CHECK(check_linear("mlp.gate_proj", mlp.gate_proj, inner, hidden, config.mlp_bias));
    AWQ_CHECK(check_linear("mlp.up_proj", mlp.up_proj, inner, hidden, config.mlp_bias));
    return check_linear("mlp.down_proj", mlp.down_proj, hidden, inner, config.mlp_bias);
}

} // namespace awq

#endif
