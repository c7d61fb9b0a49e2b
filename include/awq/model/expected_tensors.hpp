// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_EXPECTED_TENSORS_HPP
#define AWQ_MODEL_EXPECTED_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Whether a model of some config has a tensor.
enum class presence : unsigned char {
    required,
    optional,
    unwanted, ///< a file that has it was not made by this config: its function would not be the model's
};

/// A tensor that a config asks for: a matrix, or a vector as one row.
struct expected_tensor {
    std::string name;
    std::size_t rows = 1;
    std::size_t cols = 0;
    std::string_view fields; ///< of the config, that its shape follows from
    presence is = presence::required;
    std::string_view cause = {}; ///< the field that says whether it is there
};

namespace detail {

/// Collects a block's tensors, named relative to the block.
class expected_block {
public:
    void norm(std::string_view name, std::size_t size, std::string_view fields, bool wanted = true)
    {
        add(name, ".weight", 1, size, fields, wanted, "model_type");
    }
    void linear(std::string_view name, std::size_t out, std::size_t in, std::string_view fields,
                bool bias, std::string_view bias_field)
    {
        add(name, ".weight", out, in, fields, true, {});
        add(name, ".bias", 1, out, fields.substr(0, fields.find(',')), bias, bias_field);
    }
    std::vector<expected_tensor> take() && { return std::move(tensors_); }

private:
    void add(std::string_view module, std::string_view suffix, std::size_t rows, std::size_t cols,
             std::string_view fields, bool wanted, std::string_view cause)
    {
        const presence is = wanted ? presence::required : presence::unwanted;
        tensors_.push_back({std::string{module}.append(suffix), rows, cols, fields, is, cause});
    }

    std::vector<expected_tensor> tensors_;
};

} // namespace detail

/// The tensors of every decoder block, by their names relative to the block. This table is the only
/// place that says which there are and what shapes they have.
inline std::vector<expected_tensor> expected_block_tensors(const model_config& config)
{
    const std::size_t hidden = config.hidden_size, inner = config.intermediate_size;
    const std::size_t query = config.query_size(), value = config.kv_size();
    const bool qkv_bias = config.attention_bias || config.qkv_bias;
    const std::string_view of_qkv = config.qkv_bias ? "model_type" : "attention_bias";
    detail::expected_block block;
    block.norm("input_layernorm", hidden, "hidden_size");
    block.norm("post_attention_layernorm", hidden, "hidden_size");
    block.norm("pre_feedforward_layernorm", hidden, "hidden_size", config.sandwich_norms);
    block.norm("post_feedforward_layernorm", hidden, "hidden_size", config.sandwich_norms);
    block.norm("self_attn.q_norm", config.head_size(), "head_dim", config.qk_norm);
    block.norm("self_attn.k_norm", config.head_size(), "head_dim", config.qk_norm);
    constexpr std::string_view queries = "num_attention_heads * head_dim, hidden_size";
    constexpr std::string_view values = "num_key_value_heads * head_dim, hidden_size";
    block.linear("self_attn.q_proj", query, hidden, queries, qkv_bias, of_qkv);
    block.linear("self_attn.k_proj", value, hidden, values, qkv_bias, of_qkv);
    block.linear("self_attn.v_proj", value, hidden, values, qkv_bias, of_qkv);
    block.linear("self_attn.o_proj", hidden, query, "hidden_size, num_attention_heads * head_dim",
                 config.attention_bias, "attention_bias");
    constexpr std::string_view wide = "intermediate_size, hidden_size";
    block.linear("mlp.gate_proj", inner, hidden, wide, config.mlp_bias, "mlp_bias");
    block.linear("mlp.up_proj", inner, hidden, wide, config.mlp_bias, "mlp_bias");
    block.linear("mlp.down_proj", hidden, inner, "hidden_size, intermediate_size",
                 config.mlp_bias, "mlp_bias");
    return std::move(block).take();
}

/// The tensors outside of the decoder blocks.
inline std::vector<expected_tensor> expected_outer_tensors(const model_config& config)
{
    constexpr std::string_view table = "vocab_size, hidden_size";
    const presence head = config.tie_word_embeddings ? presence::optional : presence::required;
    return {{"model.embed_tokens.weight", config.vocab_size, config.hidden_size, table},
            {"model.norm.weight", 1, config.hidden_size, "hidden_size"},
            {"lm_head.weight", config.vocab_size, config.hidden_size, table, head,
             "tie_word_embeddings"}};
}

} // namespace awq

#endif
