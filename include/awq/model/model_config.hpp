// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_MODEL_CONFIG_HPP
#define AWQ_MODEL_MODEL_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/activation.hpp>
#include <awq/device/forward/attention_rule.hpp>
#include <awq/device/forward/norm_view.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/dtype.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// How the rotary frequencies are stretched for long texts.
enum class rope_kind : unsigned char { plain, linear, dynamic, llama3, yarn, longrope };

/// The kind by its name in config.json ("default", "linear", "dynamic", "llama3", "yarn",
/// "longrope"). "mrope" gives images positions of their own; of texts it is the plain one.
inline std::optional<rope_kind> rope_kind_of(std::string_view name) noexcept
{
    if (name == "default" || name == "mrope") return rope_kind::plain;
    if (name == "linear") return rope_kind::linear;
    if (name == "dynamic") return rope_kind::dynamic;
    if (name == "llama3") return rope_kind::llama3;
    if (name == "yarn") return rope_kind::yarn;
    if (name == "longrope") return rope_kind::longrope;
    return std::nullopt;
}

/// Rotary position embedding: `rope_theta` with `rope_scaling`, or `rope_parameters`.
struct rope_config {
    rope_kind kind = rope_kind::plain;
    double theta = 10000.0;
    double factor = 1.0;
    double low_freq_factor = 1.0;  ///< llama3
    double high_freq_factor = 4.0; ///< llama3
    /// llama3 and yarn; 0: max_position_embeddings.
    std::size_t original_max_position_embeddings = 0;
    double beta_fast = 32.0;                     ///< yarn
    double beta_slow = 1.0;                      ///< yarn
    bool truncate = true;                        ///< yarn: whole-numbered correction range
    std::optional<double> attention_factor = {}; ///< yarn
    std::optional<double> mscale = {};           ///< yarn
    std::optional<double> mscale_all_dim = {};   ///< yarn
    /// longrope of PhiMoE: what cosines and sines are multiplied by, for texts up to the original length and longer
    /// ones.
    std::optional<double> short_mscale = {}, long_mscale = {};
    double partial_rotary_factor = 1.0; ///< share of a head's dimensions that are turned
    bool is_reversed = false;           ///< heads turn the other way (nanochat)
    /// Each pair's frequency is divided by its own; empty: none is. A GGUF file holds these instead of
    /// the parameters of llama3; longrope has them for texts up to the original length.
    std::vector<float> frequency_divisors = {};
    std::vector<float> long_divisors = {}; ///< longrope: those of longer texts
    /// Pairs that turn by the time, height and width of a picture; to text they are all one.
    std::vector<std::size_t> sections = {};
};

/// Scores that fall with the distance of keys, instead of a rotation (Press et al. 2022).
struct alibi_config {
    double most = 0.0;      ///< the least slope of heads is 2^-most; 0: scores do not fall
    bool is_scaled = false; ///< multiplied as the scores are, and rounded to bfloat16 before (Falcon)
};

/// A mixture of experts.
struct experts_config {
    std::size_t count = 0;               ///< 0: none
    std::size_t per_token = 1;           ///< experts that a token goes through
    std::size_t width = 0;               ///< inner width of an expert
    std::size_t shared_width = 0;        ///< of what all tokens go through beside them; 0: nothing
    std::size_t first = 0;               ///< blocks below this index are dense
    std::size_t step = 1;                ///< of the others, every so manyth has experts
    std::vector<std::size_t> dense = {}; ///< further blocks without experts
    std::size_t groups = 1;              ///< experts are chosen among those of the best groups
    std::size_t chosen_groups = 1;
    bool normalized = true;      ///< the weights of a token's experts add up to 1
    double scaling = 1.0;        ///< of the weights
    double jitter = 0.01;        ///< PhiMoE: see `router_rule`
    bool averaged = false;       ///< Cohere: half of routed and shared experts, not their sum
    bool by_sigmoid = false;     ///< Cohere: the weights of the chosen are sigmoids
    std::size_t dense_width = 0; ///< Cohere: of dense blocks

    /// Whether block `layer` has experts.
    bool in(std::size_t layer) const noexcept
    {
        if (count == 0 || layer < first || (layer + 1) % step != 0) return false;
        return std::find(dense.begin(), dense.end(), layer) == dense.end();
    }
};

/// Multi-head latent attention: queries, keys and values come from a few channels.
struct latent_config {
    std::size_t query_rank = 0; ///< 0: queries are not compressed
    std::size_t rank = 0;       ///< of keys and values
    std::size_t plain = 0;      ///< dimensions of a query and key head that are not turned
    std::size_t rotary = 0;     ///< those that are
    std::size_t value = 0;      ///< of a value head
    bool pairs = true;          ///< neighbouring dimensions turn together
};

/// What a checkpoint calls its tensors.
struct model_names {
    std::string blocks = "model.layers."; ///< before a block's number
    std::string embeddings = "model.embed_tokens";
    std::string positions = {}; ///< learned positions; empty: none
    std::string norm = "model.norm";
    std::string head = "lm_head";
    std::string embedding_norm = {}; ///< of the embeddings; empty: none
    std::string project_in = {};     ///< where embeddings are narrower; before the blocks,
    std::string project_out = {};    ///< and behind them
};

/// The fields of config.json that a forward pass needs. A default-constructed one holds Llama's
/// defaults; `defaults_for(model_type)` holds those of another type, to be overridden by what the
/// file gives.
struct model_config {
    std::string architecture; ///< first of `architectures`: "LlamaForCausalLM"
    std::string model_type = "llama";
    bool is_text_part = false; ///< of a checkpoint that also sees or hears
    std::size_t vocab_size = 32000;
    std::size_t hidden_size = 4096;
    std::size_t intermediate_size = 11008; ///< 0: 4 * hidden_size
    std::size_t num_hidden_layers = 32;
    std::size_t num_attention_heads = 32;
    std::size_t num_key_value_heads = 0; ///< 0: as many as attention heads
    std::size_t head_dim = 0;            ///< 0: hidden_size / num_attention_heads
    std::size_t max_position_embeddings = 2048;
    double rms_norm_eps = 1e-6;
    std::string hidden_act = "silu";
    bool attention_bias = false; ///< of q, k, v and o
    bool qkv_bias = false;       ///< of q, k and v only (qwen2)
    bool mlp_bias = false;
    bool qk_norm = false;  ///< RMS norm of each head's query and key (qwen3)
    bool out_bias = false; ///< of o, beside `attention_bias`
    norm_kind norms = norm_kind::rms;
    bool norm_weights = true; ///< norms have a weight
    bool norm_biases = false;
    bool head_bias = false;         ///< of the head
    bool normed_embeddings = false; ///< a norm stands between embeddings and blocks
    bool final_norm = true;         ///< a norm stands behind the blocks
    bool norms_after = false;       ///< norms of the hidden state stand behind attention and MLP
    std::size_t embedding_size = 0; ///< 0: hidden_size; else the names have projections
    bool transposed_layers = false; ///< on disk weights of blocks are (in_features, out_features)
    bool offset_norms = false;      ///< norms multiply by 1 + weight (gemma)
    bool scaled_embeddings = false; ///< embeddings are multiplied by sqrt(hidden_size) (gemma)
    double embedding_multiplier = 1.0;
    double residual_multiplier = 1.0; ///< of what attention and MLP add
    double logit_multiplier = 1.0;
    double projection_limit = 0.0; ///< of queries, keys and values, as they leave their layers; 0: none
    double attention_cap = 0.0;    ///< scores become cap * tanh(score / cap); 0: they stay
    double logit_cap = 0.0;
    std::size_t position_offset = 0; ///< row of the learned positions that the first token gets
    bool tie_word_embeddings = false;
    bool parallel_residual = false; ///< attention and MLP read the same hidden state
    std::size_t parallel_norms = 1; ///< of it: each reads a norm of its own (Falcon 40B)
    /// Attention scores are divided by its root; 0: head_size().
    double query_pre_attn_scalar = 0.0;
    double attention_multiplier = 0.0; ///< of attention scores, instead of that; 0: none
    std::size_t sliding_window = 0;    ///< 0: every earlier token is seen
    /// Layers below this index see every earlier token even where there is a window.
    std::size_t max_window_layers = 0;
    /// Every so manyth layer sees every earlier token; 0: see max_window_layers.
    std::size_t sliding_window_pattern = 0;
    /// From `layer_types`, one for each layer, where the file gives it: true is sliding.
    std::vector<bool> sliding_layers;
    std::vector<bool> unturned_layers; ///< true: no rotary embedding; empty: all layers turn
    alibi_config alibi;
    /// Sliding layers see tokens of their own chunk of this size, instead of a window; 0: no chunks.
    std::size_t attention_chunk = 0;
    query_growth growth;            ///< of all layers, or
    bool unturned_growth = false;   ///< of those without a rotary embedding only
    double value_multiplier = 1.0;  ///< of what attention has mixed
    std::size_t value_head_dim = 0; ///< 0: head_size()
    experts_config experts;
    latent_config latent;
    model_names names;
    rope_config rope;
    std::optional<rope_config> local_rope; ///< of the sliding layers, where they have their own
    std::size_t deepstack_layers = 0;      ///< first layers that what a picture shows is added to
    std::vector<std::uint32_t> eos_token_ids;
    std::optional<std::uint32_t> bos_token_id;
    dtype torch_dtype = dtype::f32;

    std::size_t kv_heads() const noexcept
    {
        return num_key_value_heads == 0 ? num_attention_heads : num_key_value_heads;
    }
    std::size_t head_size() const noexcept { return head_dim == 0 ? hidden_size / num_attention_heads : head_dim; }
    std::size_t query_size() const noexcept { return num_attention_heads * head_size(); }
    std::size_t kv_size() const noexcept { return kv_heads() * head_size(); }
    /// Dimensions of a head that are turned, an even number.
    std::size_t rotary_size() const noexcept
    {
        constexpr double tiny = 1e-6; // a factor may be a quotient
        return static_cast<std::size_t>(static_cast<double>(head_size()) * rope.partial_rotary_factor + tiny) / 2 * 2;
    }
    /// Whether layer `layer` has the window, where there is one.
    bool is_sliding(std::size_t layer) const noexcept
    {
        if (!sliding_layers.empty()) return layer < sliding_layers.size() && sliding_layers[layer];
        if (sliding_window_pattern != 0) return (layer + 1) % sliding_window_pattern != 0;
        return layer >= max_window_layers;
    }
    /// Tokens that layer `layer` looks back on, itself included; 0: all.
    std::size_t window_of(std::size_t layer) const noexcept { return is_sliding(layer) ? sliding_window : 0; }
    /// Whether layer `layer` has a rotary embedding.
    bool turns(std::size_t layer) const noexcept { return layer >= unturned_layers.size() || !unturned_layers[layer]; }
    std::size_t embedding_width() const noexcept { return embedding_size == 0 ? hidden_size : embedding_size; }
    norm_rule norm() const noexcept
    {
        return {static_cast<float>(rms_norm_eps), offset_norms ? 1.0f : 0.0f, norms, norm_weights, norm_biases};
    }
    /// What attention scores are multiplied by.
    float attention_scale() const noexcept
    {
        if (attention_multiplier > 0.0) return static_cast<float>(attention_multiplier);
        const auto head = static_cast<float>(head_size());
        const auto given = static_cast<float>(query_pre_attn_scalar);
        return 1.0f / std::sqrt(given > 0.0f ? given : head);
    }
    float embedding_scale() const noexcept
    {
        const auto factor = static_cast<float>(embedding_multiplier);
        return scaled_embeddings ? std::sqrt(static_cast<float>(hidden_size)) : factor;
    }
};

namespace detail {

inline status check_size(std::string_view field, std::size_t value)
{
    // Far above any model, and low enough that products of three sizes do not overflow.
    constexpr std::size_t limit = std::size_t{1} << 20;
    if (value > 0 && value <= limit) return {};
    return error{error_code::invalid_argument, "", field, " is ", value, ", it must be between 1 and ", limit};
}

/// Sizes that may be 0 where a model has no experts and no latent attention.
inline status check_experts(const experts_config& experts, const latent_config& latent)
{
    constexpr std::size_t most_experts = 4096; // each is tensors to describe, in every block
    if (experts.count > most_experts)
        return error{error_code::invalid_argument,
                     "the number of experts is ",
                     experts.count,
                     ", at most ",
                     most_experts,
                     " are supported"};
    AWQ_CHECK(check_size("decoder_sparse_step", experts.step));
    for (const std::size_t width : {experts.width, experts.shared_width, experts.dense_width})
        AWQ_CHECK(check_size("an expert's intermediate size", std::max<std::size_t>(width, 1)));
    for (const std::size_t size : {latent.query_rank, latent.rank, latent.plain, latent.rotary, latent.value})
        AWQ_CHECK(check_size("a size of latent attention", std::max<std::size_t>(size, 1)));
    return {};
}

inline status check_sizes(const model_config& config)
{
    AWQ_CHECK(check_size("vocab_size", config.vocab_size));
    AWQ_CHECK(check_size("hidden_size", config.hidden_size));
    AWQ_CHECK(check_size("intermediate_size", config.intermediate_size));
    AWQ_CHECK(check_size("num_hidden_layers", config.num_hidden_layers));
    AWQ_CHECK(check_size("num_attention_heads", config.num_attention_heads));
    AWQ_CHECK(check_size("num_key_value_heads", config.kv_heads()));
    if (config.head_dim == 0 && config.hidden_size % config.num_attention_heads != 0)
        return error{error_code::shape_mismatch, "hidden_size ",
                     config.hidden_size,         " is not a multiple of num_attention_heads ",
                     config.num_attention_heads, "; give head_dim"};
    AWQ_CHECK(check_size("head_dim", config.head_size()));
    AWQ_CHECK(check_size("word_embed_proj_dim", config.embedding_width()));
    if (config.num_attention_heads % config.kv_heads() != 0)
        return error{error_code::shape_mismatch, "num_attention_heads ", config.num_attention_heads,
                     " is not a multiple of num_key_value_heads ", config.kv_heads()};
    AWQ_CHECK(check_size("v_head_dim", std::max<std::size_t>(config.value_head_dim, 1)));
    return check_experts(config.experts, config.latent);
}

inline bool is_positive(double value) noexcept { return std::isfinite(value) && value > 0.0; }

inline status check_rope(const model_config& config, const rope_config& rope)
{
    if (!is_positive(rope.theta) || !is_positive(rope.factor))
        return error{error_code::invalid_argument, "rope_theta ", rope.theta,
                     " and the rope factor ",      rope.factor,   " must be above 0"};
    const double partial = rope.partial_rotary_factor;
    if (!(partial > 0.0 && partial <= 1.0) || config.head_size() % 2 != 0)
        return error{error_code::invalid_argument,
                     "rotary embedding needs an even head_dim (",
                     config.head_size(),
                     ") and a partial_rotary_factor between 0 and 1 (",
                     partial,
                     ")"};
    const bool llama3 = rope.kind == rope_kind::llama3;
    if (llama3 && !(is_positive(rope.low_freq_factor) && rope.high_freq_factor > rope.low_freq_factor &&
                    std::isfinite(rope.high_freq_factor)))
        return error{error_code::invalid_argument, "llama3 rope needs 0 < low_freq_factor (",
                     rope.low_freq_factor,         ") < high_freq_factor (",
                     rope.high_freq_factor,        ")"};
    if (rope.kind == rope_kind::yarn &&
        (rope.theta == 1.0 || !is_positive(rope.beta_fast) || !is_positive(rope.beta_slow)))
        return error{error_code::invalid_argument, "yarn rope needs beta_fast and beta_slow above 0 and a theta other "
                                                   "than 1"};
    return {};
}

} // namespace detail

/// Whether the numbers of a config make sense; the error names field and value.
inline status check_fields(const model_config& config)
{
    AWQ_CHECK(detail::check_sizes(config));
    AWQ_CHECK(detail::check_rope(config, config.rope));
    if (config.local_rope) AWQ_CHECK(detail::check_rope(config, *config.local_rope));
    if (!activation_of(config.hidden_act))
        return error{error_code::unsupported, "hidden_act \"", config.hidden_act,
                     "\" is not supported, only \"silu\" (\"swish\"), \"gelu\", \"gelu_pytorch_tanh\" "
                     "(\"gelu_new\", \"gelu_fast\"), \"relu\", \"relu2\" and \"xielu\""};
    if (!std::isfinite(config.query_pre_attn_scalar) || config.query_pre_attn_scalar < 0.0)
        return error{error_code::invalid_argument, "query_pre_attn_scalar ", config.query_pre_attn_scalar,
                     " must be above 0"};
    if (!std::isfinite(config.projection_limit) || config.projection_limit < 0.0)
        return error{error_code::invalid_argument, "clip_qkv ", config.projection_limit, " must be above 0"};
    if (!std::isfinite(config.alibi.most) || config.alibi.most < 0.0)
        return error{error_code::invalid_argument, "alibi_bias_max ", config.alibi.most, " must be above 0"};
    if (!detail::is_positive(config.rms_norm_eps))
        return error{error_code::invalid_argument, "rms_norm_eps ", config.rms_norm_eps, " must be above 0"};
    const std::size_t layers = config.sliding_layers.size();
    if (layers != 0 && layers != config.num_hidden_layers)
        return error{error_code::shape_mismatch, "layer_types has ", layers, " entries for ",
                     config.num_hidden_layers,   " layers"};
    return {};
}

} // namespace awq

#endif
