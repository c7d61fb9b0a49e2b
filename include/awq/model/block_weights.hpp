// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_WEIGHTS_HPP
#define AWQ_MODEL_BLOCK_WEIGHTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/expected_tensors.hpp>
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

inline const linear_view* find_linear(const block_weights& block, std::string_view name) noexcept
{
    const attention_weights& attn = block.self_attn;
    if (name == "self_attn.q_proj") return &attn.q_proj;
    if (name == "self_attn.k_proj") return &attn.k_proj;
    if (name == "self_attn.v_proj") return &attn.v_proj;
    if (name == "self_attn.o_proj") return &attn.o_proj;
    if (name == "mlp.gate_proj") return &block.mlp.gate_proj;
    if (name == "mlp.up_proj") return &block.mlp.up_proj;
    return name == "mlp.down_proj" ? &block.mlp.down_proj : nullptr;
}

inline std::span<const float> find_norm(const block_weights& block, std::string_view name) noexcept
{
    if (name == "input_layernorm") return block.input_layernorm;
    if (name == "post_attention_layernorm") return block.post_attention_layernorm;
    if (name == "pre_feedforward_layernorm") return block.pre_feedforward_layernorm;
    if (name == "post_feedforward_layernorm") return block.post_feedforward_layernorm;
    if (name == "self_attn.q_norm") return block.self_attn.q_norm;
    return name == "self_attn.k_norm" ? block.self_attn.k_norm : std::span<const float>{};
}

/// A tensor by its name relative to the block; empty where the block has none.
inline matrix_view<const float> find_tensor(const block_weights& block, std::string_view name)
{
    const std::size_t dot = name.rfind('.');
    const std::string_view module = name.substr(0, dot);
    const linear_view* const linear = find_linear(block, module);
    if (linear && name.substr(dot) == ".weight") return linear->weight;
    const std::span<const float> vector = linear ? linear->bias : find_norm(block, module);
    return {vector.data(), vector.empty() ? std::size_t{0} : std::size_t{1}, vector.size()};
}

inline status check_tensor(const expected_tensor& wanted, matrix_view<const float> found)
{
    const bool unwanted = wanted.is == presence::unwanted;
    if (unwanted ? found.size() == 0 : found.rows() == wanted.rows && found.cols() == wanted.cols)
        return {};
    if (unwanted || found.size() == 0)
        return error{error_code::missing_tensor, wanted.name, " is ",
                     unwanted ? "there, but the config has none" : "missing", " (", wanted.cause,
                     ")"};
    return error{error_code::shape_mismatch, wanted.name, " is ", found.rows(), " x ", found.cols(),
                 ", the config asks for ", wanted.rows, " x ", wanted.cols, " (", wanted.fields,
                 ")"};
}

} // namespace detail

/// Whether the weights have the shapes that the config asks for; the error names the tensor.
inline status check(const model_config& config, const block_weights& block)
{
    for (const expected_tensor& wanted : expected_block_tensors(config))
        AWQ_CHECK(detail::check_tensor(wanted, detail::find_tensor(block, wanted.name)));
    return {};
}

} // namespace awq

#endif
