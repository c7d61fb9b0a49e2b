// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_BLOCK_BUILDER_HPP
#define AWQ_MODEL_BLOCK_BLOCK_BUILDER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_layout.hpp>
#include <awq/model/block/block_options.hpp>
#include <awq/model/block/expert_stack.hpp>
#include <awq/model/block/finish_layout.hpp>
#include <awq/model/block/layout_writer.hpp>
#include <awq/model/model_config.hpp>
#include <awq/model/parts/alibi.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Builds a block's layout part by part, in the order in which the parts run. Names are Hugging Face's,
/// from the block, and those of llama.cpp beside them where the part does not know them itself.
class block_builder : layout_writer {
public:
    block_builder(const model_config& config, std::size_t layer)
        : layout_writer(config.hidden_size), config_(config), layer_(layer)
    {}

    /// A norm of the hidden state, or of what a part has made.
    value_id norm(std::string_view name, std::string_view gguf, value_id from = hidden_state)
    {
        norm_part part{from, next_value(), none_here, none_here, config_.norm()};
        const std::string stem{name};
        if (part.rule.has_weight) part.weight = vector(stem + ".weight", config_.hidden_size, gguf);
        if (part.rule.has_bias) part.bias = vector(stem + ".bias", config_.hidden_size, gguf);
        if (part.weight != none_here)
            layout_.outputs.push_back({stem, part.to, output_kind::norm, part.weight, part.bias, config_.offset_norms});
        return append(part);
    }

    /// A norm that takes the hidden state's place. Nothing can make up for it.
    void norm_hidden(std::string_view name, std::string_view gguf)
    {
        const value_id normed = norm(name, gguf);
        std::erase_if(layout_.outputs, [&](const auto& each) { return each.value == normed; });
        std::get<norm_part>(layout_.parts.back()).to = hidden_state;
    }

    /// The hidden state without a norm.
    value_id hidden() { return append(tap_part{hidden_state, next_value()}); }

    /// Self-attention of the config's heads.
    value_id attention(value_id from, const attention_options& options = {})
    {
        attention_part part;
        part.from = from;
        part.rule = rule();
        if (options.kv_heads != 0) part.rule.kv_heads = options.kv_heads;
        part.value_factor = static_cast<float>(config_.value_multiplier);
        part.pairs = options.pairs;
        part.turns = config_.turns(layer_);
        part.limit = static_cast<float>(config_.projection_limit);
        const std::size_t v = project(part, options);
        norm_heads(part, options);
        if (!options.gate.empty()) add_gate(part, options);
        if (!options.sinks.empty())
            part.sinks = vector(std::string{options.at}.append(options.sinks), part.rule.heads, "attn_sinks.weight",
                                "num_attention_heads");
        part.mixed = next_value();
        part.o = linear(std::string{options.at}.append(options.o), part.mixed, config_.hidden_size,
                        part.rule.heads * part.rule.value_head,
                        {"hidden_size, num_attention_heads * head_dim", "attn_output",
                         config_.attention_bias || config_.out_bias, "attention_bias"});
        if (part.limit == 0.0f) add_value_output(v, part); // a limit would cut other values
        keep_in_cache(part.k.count, part.v.count);
        part.to = next_value();
        return append(part);
    }

    /// Multi-head latent attention of the config's ranks.
    value_id latent_attention(value_id from)
    {
        const latent_config& sizes = config_.latent;
        latent_attention_part part;
        part.from = from;
        part.pairs = sizes.pairs;
        part.rotary = sizes.rotary;
        part.norm_how = config_.norm();
        part.norm_how.eps = 1e-6f;
        part.rule = rule();
        part.rule.kv_heads = part.rule.heads;
        part.rule.head = sizes.plain + sizes.rotary;
        part.rule.value_head = sizes.value;
        add_latent_queries(part);
        add_latent_keys(part);
        part.mixed = next_value();
        part.o = linear(
            "self_attn.o_proj", part.mixed, config_.hidden_size, part.rule.heads * sizes.value,
            {"hidden_size, num_attention_heads * v_head_dim", "attn_output", config_.attention_bias, "attention_bias"});
        add_latent_output(part);
        keep_in_cache(part.rule.heads * part.rule.head, part.rule.heads * sizes.value);
        part.to = next_value();
        return append(part);
    }

    /// An MLP, gated unless the options say otherwise.
    value_id mlp(value_id from, const mlp_options& options = {})
    {
        mlp_part part = describe_mlp(from, options);
        if (!options.output_gate.empty())
            part.output_gate = linear(std::string{options.output_gate}, from, 1, config_.hidden_size,
                                      {"1, hidden_size", "ffn_gate_inp_shexp"}, true);
        part.to = next_value();
        return append(part);
    }

    /// Experts of the config's number and width.
    value_id experts(value_id from, const experts_options& options = {})
    {
        const experts_config& sizes = config_.experts;
        experts_part part;
        part.from = from;
        const std::string at{options.at};
        part.router = linear(at + std::string{options.router}, from, sizes.count, config_.hidden_size,
                             {std::string{options.count_field} + ", hidden_size", "ffn_gate_inp", options.bias}, true);
        if (!options.router_bias.empty())
            part.router_bias =
                vector(at + std::string{options.router_bias}, sizes.count, "exp_probs_b", options.count_field);
        part.rule = {options.kind,       sizes.per_token,
                     sizes.groups,       sizes.chosen_groups,
                     sizes.normalized,   static_cast<float>(sizes.scaling),
                     options.group_best, static_cast<float>(sizes.jitter)};
        part.weighs_input = options.weighs_input;
        for (std::size_t e = 0; e < sizes.count; ++e) part.experts.push_back(describe_expert(from, options, e));
        part.to = next_value();
        return append(part);
    }

    /// Puts what a part has made back on the hidden state.
    void add(value_id value, float factor = 1.0f)
    {
        layout_.parts.push_back(
            add_part{value, hidden_state, factor * static_cast<float>(config_.residual_multiplier)});
    }

    /// Adds what one part has made to what another has.
    value_id merge(value_id value, value_id into) { return append(add_part{value, into}); }

    /// llm-compressor does not smooth the norm that made the value; it is smoothed on request only.
    void leave_out(value_id value)
    {
        for (block_output& each : layout_.outputs)
            if (each.value == value) each.is_usual = false;
    }

    block_layout finish() && { return finish_layout(std::move(layout_)); }

private:
    attention_rule rule() const
    {
        attention_rule made{config_.num_attention_heads,
                            config_.kv_heads(),
                            config_.head_size(),
                            config_.head_size(),
                            config_.window_of(layer_),
                            config_.attention_scale(),
                            static_cast<float>(config_.attention_cap)};
        if (config_.is_sliding(layer_)) made.chunk = config_.attention_chunk;
        if (config_.value_head_dim != 0) made.value_head = config_.value_head_dim;
        if (!config_.unturned_growth || !config_.turns(layer_)) made.growth = config_.growth;
        made.slopes = alibi_slopes(config_.alibi, config_.num_attention_heads);
        if (config_.alibi.is_scaled) made.slope_scale = config_.attention_scale();
        return made;
    }

    void keep_in_cache(std::size_t keys, std::size_t values) noexcept
    {
        layout_.key_width = keys;
        layout_.value_width = values;
    }

    /// The layers of q, k and v; gives the index of the one that v belongs to.
    std::size_t project(attention_part& part, const attention_options& options)
    {
        const std::string at{options.at};
        const std::size_t wide = config_.query_size(), narrow = part.rule.kv_heads * part.rule.head;
        const std::size_t values_width = part.rule.kv_heads * part.rule.value_head;
        const bool bias = config_.attention_bias || config_.qkv_bias;
        const std::string_view cause = config_.qkv_bias ? "model_type" : "attention_bias";
        constexpr std::string_view queries = "num_attention_heads * head_dim, hidden_size";
        constexpr std::string_view values = "num_key_value_heads * head_dim, hidden_size";
        const auto one = [&](std::string_view name, std::size_t rows, std::string_view fields, std::string_view gguf) {
            return linear(at + std::string{name}, part.from, rows, config_.hidden_size,
                          {std::string{fields}, std::string{gguf}, bias, cause});
        };
        if (options.fused.empty()) {
            part.q = one(options.q, wide, queries, "attn_q");
            part.k = one(options.k, narrow, values, "attn_k");
            part.v = one(options.v, values_width, values, "attn_v");
        } else {
            const linear_rows all = one(options.fused, wide + 2 * narrow, queries, "attn_qkv");
            part.by_group = options.by_group;
            part.q = {all.linear, 0, wide};
            part.k = {all.linear, wide, narrow};
            part.v = {all.linear, wide + narrow, narrow};
        }
        return part.v.linear;
    }

    void add_gate(attention_part& part, const attention_options& options)
    {
        part.gate =
            linear(std::string{options.at}.append(options.gate), part.from, part.rule.heads * part.rule.value_head,
                   config_.hidden_size, {"num_attention_heads * head_dim, hidden_size", "attn_gate"});
    }

    void norm_heads(attention_part& part, const attention_options& options)
    {
        part.norm = options.norm;
        if (options.norm == query_key_norm::none) return;
        part.norm_how = config_.norm();
        part.norm_how.has_bias = false;
        part.norm_how.has_weight = part.norm_how.has_weight && options.weighted_norm;
        if (!part.norm_how.has_weight) return;
        const bool whole = options.norm == query_key_norm::whole;
        part.norm_by_head = options.norm_apart;
        const auto one = [&](std::string_view name, std::size_t heads, std::string_view gguf) {
            const std::size_t head = part.rule.head;
            if (options.norm_apart) return norms_apart(std::string{options.at}.append(name), heads, head, gguf);
            const std::size_t at = vector(std::string{options.at}.append(name) + ".weight", whole ? heads * head : head,
                                          gguf, whole ? "heads * head_dim" : "head_dim");
            if (options.norm_by_head) layout_.tensors[at].rows = heads;
            return at;
        };
        part.q_norm = one(options.q_norm, part.rule.heads, "attn_q_norm");
        part.k_norm = one(options.k_norm, part.rule.kv_heads, "attn_k_norm");
    }

    std::size_t norms_apart(const std::string& name, std::size_t heads, std::size_t head, std::string_view gguf)
    {
        for (std::size_t h = 0; h < heads; ++h)
            vector(name + ".norms." + std::to_string(h) + ".weight", head, gguf, "head_dim");
        return layout_.tensors.size() - heads;
    }

    /// The value rows; where each key head has its queries, keys and values together, some of every
    /// group, which llm-compressor does not know.
    void add_value_output(std::size_t linear, const attention_part& part)
    {
        const block_linear& v = layout_.linears[linear];
        const std::size_t share = part.rule.heads / part.rule.kv_heads, head = part.rule.value_head;
        block_output output{v.name,   part.mixed, share > 1 ? output_kind::grouped : output_kind::linear,
                            v.weight, v.bias,     false,
                            head,     share};
        if (part.by_group) {
            output.period = (share + 2) * head;
            output.first = (share + 1) * head;
            output.is_usual = false;
        }
        layout_.outputs.push_back(std::move(output));
    }

    void add_latent_queries(latent_attention_part& part)
    {
        const latent_config& sizes = config_.latent;
        const std::size_t wide = part.rule.heads * part.rule.head;
        const std::string at = "self_attn.";
        if (sizes.query_rank == 0) {
            part.q = linear(at + "q_proj", part.from, wide, config_.hidden_size,
                            {"num_attention_heads * qk_head_dim, hidden_size", "attn_q"});
            part.query_latent = none_here;
            return;
        }
        part.q_a = linear(at + "q_a_proj", part.from, sizes.query_rank, config_.hidden_size,
                          {"q_lora_rank, hidden_size", "attn_q_a", config_.attention_bias, "attention_bias"});
        part.q_norm = vector(at + "q_a_layernorm.weight", sizes.query_rank, "attn_q_a_norm", "q_lora_rank");
        part.query_latent = next_value();
        layout_.outputs.push_back({at + "q_a_layernorm", part.query_latent, output_kind::norm, part.q_norm});
        part.q = linear(at + "q_b_proj", part.query_latent, wide, sizes.query_rank,
                        {"num_attention_heads * qk_head_dim, q_lora_rank", "attn_q_b"});
    }

    void add_latent_keys(latent_attention_part& part)
    {
        const latent_config& sizes = config_.latent;
        const std::string at = "self_attn.";
        part.kv_a = linear(at + "kv_a_proj_with_mqa", part.from, sizes.rank + sizes.rotary, config_.hidden_size,
                           {"kv_lora_rank + qk_rope_head_dim, hidden_size", "attn_kv_a_mqa", config_.attention_bias,
                            "attention_bias"});
        part.kv_norm = vector(at + "kv_a_layernorm.weight", sizes.rank, "attn_kv_a_norm", "kv_lora_rank");
        part.latent = next_value();
        layout_.outputs.push_back({at + "kv_a_layernorm", part.latent, output_kind::norm, part.kv_norm});
        part.kv_b = linear(at + "kv_b_proj", part.latent, part.rule.heads * (sizes.plain + sizes.value), sizes.rank,
                           {"num_attention_heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank", "attn_kv_b"});
    }

    /// The value rows of each head; llm-compressor does not know them.
    void add_latent_output(const latent_attention_part& part)
    {
        const block_linear& both = layout_.linears[part.kv_b.linear];
        const latent_config& sizes = config_.latent;
        block_output output{both.name, part.mixed, output_kind::linear, both.weight, both.bias};
        output.head = sizes.value;
        output.period = sizes.plain + sizes.value;
        output.first = sizes.plain;
        output.is_usual = false;
        layout_.outputs.push_back(std::move(output));
    }

    mlp_part describe_expert(value_id from, const experts_options& options, std::size_t index)
    {
        const std::string at = std::string{options.at}.append(options.experts) + std::to_string(index) + ".";
        mlp_options own{at, options.gate, options.up, options.down};
        own.width = config_.experts.width;
        own.width_field = "moe_intermediate_size";
        own.gguf = "_exps";
        own.bias = options.bias;
        own.act = options.act;
        const std::size_t first = layout_.tensors.size();
        const value_id taken = next_value();
        while (layout_.shares.size() < taken) layout_.shares.push_back(layout_.shares.size());
        layout_.shares.push_back(from);
        const mlp_part part = describe_mlp(taken, own);
        if (options.order == stack_order::none) return part;
        for (std::size_t i = first; i < layout_.tensors.size(); ++i)
            layout_.tensors[i].stack =
                place_in_stack(options, config_, index, layout_.tensors[i].name.substr(at.size()));
        return part;
    }

    mlp_part describe_mlp(value_id from, const mlp_options& options)
    {
        mlp_part part;
        part.from = from;
        part.act = options.act.value_or(activation_of(config_.hidden_act).value_or(activation::silu));
        const std::size_t width = options.width != 0 ? options.width : config_.intermediate_size;
        const std::string at{options.at}, end{options.gguf};
        const std::string inner{options.width_field};
        const auto one = [&](std::string_view name, value_id reads, std::size_t out, std::size_t in, const char* gguf) {
            const std::string fields = reads == from ? inner + ", hidden_size" : "hidden_size, " + inner;
            return linear(at + std::string{name}, reads, out, in,
                          {fields, gguf + end, config_.mlp_bias || options.bias, "mlp_bias"});
        };
        if (!options.fused.empty()) {
            const linear_rows both = one(options.fused, from, 2 * width, config_.hidden_size, "ffn_up");
            part.gate = {both.linear, 0, width};
            part.up = {both.linear, width, width};
        } else {
            if (options.is_gated) part.gate = one(options.gate, from, width, config_.hidden_size, "ffn_gate");
            part.up = one(options.up, from, width, config_.hidden_size, "ffn_up");
        }
        if (part.act == activation::xielu) {
            part.alpha_p = vector(at + std::string{options.act_params} + "alpha_p", 1, "", "hidden_act");
            part.alpha_n = vector(at + std::string{options.act_params} + "alpha_n", 1, "", "hidden_act");
        }
        part.inner = next_value();
        part.down = one(options.down, part.inner, config_.hidden_size, width, "ffn_down");
        add_up_output(part);
        return part;
    }

    /// up enters linearly where it is gated; else relu and its square let positive factors through.
    void add_up_output(const mlp_part& part)
    {
        if (part.act == activation::clamped_swiglu) return;
        const block_linear& up = layout_.linears[part.up.linear];
        const bool rooted = !part.gate && part.act == activation::relu_squared;
        if (!part.gate && !rooted && part.act != activation::relu) return;
        layout_.outputs.push_back(
            {up.name, part.inner, rooted ? output_kind::rooted : output_kind::linear, up.weight, up.bias});
    }

    const model_config& config_;
    std::size_t layer_;
};

} // namespace awq

#endif
