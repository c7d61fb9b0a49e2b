// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CONFIG_READ_MODEL_CONFIG_HPP
#define AWQ_MODEL_CONFIG_READ_MODEL_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/registry.hpp>
#include <awq/model/config/read_fields.hpp>
#include <awq/model/config/read_rope.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// `layer_types`, one for each layer.
inline status read_layer_types(const json::value& types, model_config& into)
{
    AWQ_TRY(const auto entries, types.as_array());
    for (const json::value& entry : entries) {
        AWQ_TRY(const std::string_view name, entry.as_string());
        const bool is_chunked = into.attention_chunk != 0 && name == "chunked_attention";
        const bool is_sliding = name == "sliding_attention" || is_chunked;
        if (!is_sliding && name != "full_attention" && name != "attention")
            return entry.error(error_code::unsupported, "\"", printable(name),
                               "\" is not supported, only full_attention and sliding_attention");
        into.sliding_layers.push_back(is_sliding);
    }
    return {};
}

/// An absent `sliding_window` leaves the type's default, null switches it off. That of qwen is off unless
/// `use_sliding_window` or `layer_types` say otherwise, and 4096 then.
inline status read_sliding_window(const json::value& root, model_config& into)
{
    bool used = into.sliding_window != 0;
    const auto size = root.find("sliding_window");
    if (size && size->is_null()) into.sliding_window = 0;
    AWQ_CHECK(read_field(root, "sliding_window", into.sliding_window));
    AWQ_CHECK(read_field(root, "max_window_layers", into.max_window_layers));
    AWQ_CHECK(read_field(root, "sliding_window_pattern", into.sliding_window_pattern));
    AWQ_CHECK(read_field(root, "use_sliding_window", used));
    if (const auto types = root.find_non_null("layer_types")) {
        AWQ_CHECK(read_layer_types(*types, into));
        const auto& layers = into.sliding_layers;
        used = std::find(layers.begin(), layers.end(), true) != layers.end();
    }
    if (!used) into.sliding_window = 0;
    if (used && !size && into.model_type.starts_with("qwen")) into.sliding_window = 4096;
    return {};
}

/// A token's id; nothing for a negative one, which some writers give for "none".
inline result<std::optional<std::uint32_t>> read_token_id(const json::value& field)
{
    const auto number = field.as_number();
    if (number && *number < 0.0) return std::optional<std::uint32_t>{};
    AWQ_TRY(const std::uint64_t id, read_whole(field));
    if (id > std::numeric_limits<std::uint32_t>::max())
        return field.error(error_code::malformed_file, "the token id ", id, " is too large");
    return std::optional{static_cast<std::uint32_t>(id)};
}

/// `eos_token_id` is an id or a list of them.
inline status read_token_ids(const json::value& root, model_config& into)
{
    const auto bos = root.find_non_null("bos_token_id");
    if (bos && bos->is_number()) {
        AWQ_TRY(into.bos_token_id, read_token_id(*bos));
    }
    const auto eos = root.find_non_null("eos_token_id");
    if (!eos) return {};
    const auto add = [&](const json::value& field) -> status {
        AWQ_TRY(const auto id, read_token_id(field));
        if (id) into.eos_token_ids.push_back(*id);
        return {};
    };
    if (eos->is_number()) return add(*eos);
    AWQ_TRY(const auto ids, eos->as_array());
    for (const json::value& entry : ids) AWQ_CHECK(add(entry));
    return {};
}

inline status read_storage(const json::value& root, model_config& into)
{
    std::string name;
    AWQ_CHECK(read_field(root, "torch_dtype", name));
    AWQ_CHECK(read_field(root, "dtype", name)); // transformers 5
    if (name.starts_with("torch.")) name.erase(0, 6);
    if (name == "bfloat16") into.torch_dtype = dtype::bf16;
    if (name == "float16") into.torch_dtype = dtype::f16;
    return {};
}

/// Null means as many as query heads, but for gemma, whose null is nothing else than its default.
inline status read_key_value_heads(const json::value& root, model_config& into)
{
    const auto field = root.find("num_key_value_heads");
    if (field && field->is_null() && !into.offset_norms) into.num_key_value_heads = 0;
    return read_field(root, "num_key_value_heads", into.num_key_value_heads);
}

/// A size in one of its spellings, the first being the usual one. Those of a text part may be missing:
/// what is not there is the type's default.
inline status read_size(const json::value& root, std::initializer_list<std::string_view> keys, bool is_needed,
                        std::size_t& into)
{
    for (const std::string_view key : keys)
        if (root.find(key)) return read_field(root, key, into);
    return is_needed ? require_field(root, *keys.begin(), into) : status{};
}

inline status read_sizes(const json::value& root, const architecture& kind, model_config& into)
{
    const bool is_whole = !into.is_text_part;
    AWQ_CHECK(read_size(root, {"vocab_size"}, is_whole, into.vocab_size));
    AWQ_CHECK(read_size(root, {"hidden_size", "n_embd", "n_embed", "d_model"}, is_whole, into.hidden_size));
    AWQ_CHECK(read_size(root, {kind.width_field}, is_whole && into.intermediate_size != 0, into.intermediate_size));
    AWQ_CHECK(read_size(root, {"num_hidden_layers", "n_layer", "n_layers"}, is_whole, into.num_hidden_layers));
    AWQ_CHECK(read_size(root, {"num_attention_heads", "n_head", "n_heads"}, is_whole, into.num_attention_heads));
    AWQ_CHECK(read_key_value_heads(root, into));
    AWQ_CHECK(read_field(root, "head_dim", into.head_dim));
    AWQ_CHECK(read_size(root, {"max_position_embeddings", "n_positions", "max_seq_len"}, false,
                        into.max_position_embeddings));
    for (const std::string_view key :
         {"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"})
        AWQ_CHECK(read_field(root, key, into.rms_norm_eps));
    if (into.intermediate_size == 0) into.intermediate_size = 4 * into.hidden_size;
    return {};
}

inline status read_activations(const json::value& root, model_config& into)
{
    for (const std::string_view key : {"hidden_act", "hidden_activation", "activation_function", "activation"})
        AWQ_CHECK(read_field(root, key, into.hidden_act));
    return {};
}

/// Null switches a cap off.
inline status read_caps(const json::value& root, model_config& into)
{
    const auto read = [&](std::string_view key, double& cap) -> status {
        if (const auto field = root.find(key); field && field->is_null()) cap = 0.0;
        return read_field(root, key, cap);
    };
    AWQ_CHECK(read("attn_logit_softcapping", into.attention_cap));
    return read("final_logit_softcapping", into.logit_cap);
}

/// First of `architectures`; empty where there is none.
inline result<std::string> first_architecture(const json::value& root)
{
    const auto names = root.find_non_null("architectures");
    if (!names) return std::string{};
    AWQ_TRY(const auto list, names->as_array());
    for (const json::value& each : list) {
        AWQ_TRY(const std::string_view name, each.as_string());
        return std::string{name};
    }
    return std::string{};
}

/// The architecture of a whole checkpoint: that of `architectures`, else by `model_type`.
inline result<const architecture*> read_architecture(const json::value& root)
{
    std::string model_type;
    AWQ_CHECK(read_field(root, "model_type", model_type));
    AWQ_TRY(const std::string name, first_architecture(root));
    if (const architecture* const found = find_architecture(name)) return found;
    if (!name.empty()) return unknown_architecture(name).within(root.where());
    if (const architecture* const found = find_model_type(model_type)) return found;
    return root.error(error_code::missing_field,
                      "the field \"architectures\" is missing, and "
                      "model_type \"",
                      printable(model_type), "\" does not say which model it is");
}

/// The architecture of a multimodal model's text part: by its own `model_type` or `architectures`;
/// where it has neither, the whole's name says it.
inline result<const architecture*> read_part_architecture(const json::value& root, const json::value& text)
{
    std::string model_type;
    AWQ_CHECK(read_field(text, "model_type", model_type));
    if (const architecture* const found = find_model_type(model_type)) return found;
    AWQ_TRY(const std::string name, first_architecture(text));
    if (const architecture* const found = find_architecture(name)) return found;
    if (model_type.empty() && name.empty()) return read_architecture(root);
    AWQ_TRY(const std::string whole, first_architecture(root));
    return unknown_architecture(whole.empty() ? model_type : whole).within(root.where());
}

/// Counts that loops over a family's own fields go by.
inline status check_counts(const json::value& root, const model_config& config)
{
    for (const auto& [field, count] : {std::pair{"num_hidden_layers", config.num_hidden_layers},
                                       std::pair{"num_attention_heads", config.num_attention_heads}})
        if (const auto sound = check_size(field, count); !sound) return sound.error().from_file(root.where());
    return {};
}

/// What forward passes here do not do.
inline status refuse_unsupported(const json::value& root)
{
    bool bidirectional = false;
    AWQ_CHECK(read_field(root, "use_bidirectional_attention", bidirectional));
    if (bidirectional) return root.error(error_code::unsupported, "use_bidirectional_attention is not supported");
    return {};
}

/// The fields of a text model.
inline result<model_config> read_text_config(const json::value& root, const architecture* kind, bool is_part)
{
    model_config config = defaults_of(*kind);
    config.is_text_part = is_part;
    AWQ_CHECK(read_field(root, "model_type", config.model_type));
    AWQ_CHECK(read_sizes(root, *kind, config));
    AWQ_CHECK(read_activations(root, config));
    AWQ_CHECK(read_field(root, "query_pre_attn_scalar", config.query_pre_attn_scalar));
    AWQ_CHECK(read_caps(root, config));
    AWQ_CHECK(refuse_unsupported(root));
    AWQ_CHECK(read_field(root, "attention_bias", config.attention_bias));
    AWQ_CHECK(read_field(root, "mlp_bias", config.mlp_bias));
    AWQ_CHECK(read_field(root, "tie_word_embeddings", config.tie_word_embeddings));
    AWQ_CHECK(read_rope(root, config));
    AWQ_CHECK(read_sliding_window(root, config));
    AWQ_CHECK(read_token_ids(root, config));
    AWQ_CHECK(read_storage(root, config));
    AWQ_CHECK(check_counts(root, config));
    if (kind->read) AWQ_CHECK(kind->read(root, config));
    return config;
}

/// What stands beside a multimodal model's text part holds for it, too.
inline status read_outer_fields(const json::value& root, model_config& into)
{
    AWQ_CHECK(read_field(root, "tie_word_embeddings", into.tie_word_embeddings));
    if (const auto vision = root.find_non_null("vision_config")) {
        std::vector<std::size_t> layers;
        AWQ_CHECK(read_field(*vision, "deepstack_visual_indexes", layers));
        into.deepstack_layers = layers.size();
    }
    if (into.eos_token_ids.empty()) AWQ_CHECK(read_token_ids(root, into));
    return read_storage(root, into);
}

} // namespace detail

/// The fields of a Hugging Face config.json that a forward pass needs, checked; of a multimodal model
/// those of its text part. Both spellings of transformers 4 and 5 are read; what is missing or null is
/// what transformers assumes for the type. Errors: missing_field, malformed_file, unknown_architecture.
inline result<model_config> read_model_config(const json::value& root)
{
    auto text = root.find_non_null("text_config");
    if (!text) text = root.find_non_null("llm_config");
    AWQ_TRY(const architecture* const kind,
            text ? detail::read_part_architecture(root, *text) : detail::read_architecture(root));
    AWQ_TRY(model_config config, detail::read_text_config(text ? *text : root, kind, text.has_value()));
    if (text) AWQ_CHECK(detail::read_outer_fields(root, config));
    config.is_text_part = text || kind->name.ends_with("ForConditionalGeneration");
    if (const auto sound = check(config); !sound) return sound.error().from_file(root.where());
    return config;
}

} // namespace awq

#endif
