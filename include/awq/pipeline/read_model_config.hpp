// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_READ_MODEL_CONFIG_HPP
#define AWQ_PIPELINE_READ_MODEL_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/model/model_config.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// A number without a fraction, which some writers give one: 128, 128.0.
inline result<std::uint64_t> read_whole(const json::value& field)
{
    if (!field.is_number() || field.is_integer()) return field.as_unsigned();
    AWQ_TRY(const double number, field.as_number());
    constexpr double exact = 9007199254740992.0; // 2^53
    if (number >= 0.0 && number <= exact && std::floor(number) == number)
        return static_cast<std::uint64_t>(number);
    return field.error(error_code::malformed_file, "expected a whole number, found ", number);
}

/// Reads a field where it is present and not null; the target keeps its default otherwise.
inline status read_field(const json::value& object, std::string_view key, std::size_t& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(const std::uint64_t value, read_whole(*field));
        into = static_cast<std::size_t>(value);
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, double& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(into, field->as_number());
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, bool& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(into, field->as_bool());
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, std::string& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(const std::string_view text, field->as_string());
        into = std::string{text};
    }
    return {};
}

template <class T>
status read_field(const json::value& object, std::string_view key, std::optional<T>& into)
{
    if (!object.find_non_null(key)) return {};
    T value{};
    AWQ_CHECK(read_field(object, key, value));
    into = value;
    return {};
}

/// A field that must be there; null leaves the default of the model type.
inline status require_field(const json::value& object, std::string_view key, std::size_t& into)
{
    AWQ_CHECK(object.at(key));
    return read_field(object, key, into);
}

/// `rope_scaling` (transformers 4) and `rope_parameters` (transformers 5) hold the same keys.
inline status read_rope_fields(const json::value& rope, rope_config& into)
{
    std::string kind;
    AWQ_CHECK(read_field(rope, "type", kind)); // the old spelling of rope_type
    AWQ_CHECK(read_field(rope, "rope_type", kind));
    if (!kind.empty()) {
        const auto known = rope_kind_of(kind);
        if (!known)
            return rope.error(error_code::unsupported, "rope type \"", kind,
                              "\" is not supported; known: default, linear, dynamic, llama3, yarn");
        into.kind = *known;
    }
    AWQ_CHECK(read_field(rope, "rope_theta", into.theta));
    AWQ_CHECK(read_field(rope, "factor", into.factor));
    AWQ_CHECK(read_field(rope, "low_freq_factor", into.low_freq_factor));
    AWQ_CHECK(read_field(rope, "high_freq_factor", into.high_freq_factor));
    AWQ_CHECK(read_field(rope, "original_max_position_embeddings",
                         into.original_max_position_embeddings));
    AWQ_CHECK(read_field(rope, "beta_fast", into.beta_fast));
    AWQ_CHECK(read_field(rope, "beta_slow", into.beta_slow));
    AWQ_CHECK(read_field(rope, "truncate", into.truncate));
    AWQ_CHECK(read_field(rope, "attention_factor", into.attention_factor));
    AWQ_CHECK(read_field(rope, "mscale", into.mscale));
    AWQ_CHECK(read_field(rope, "mscale_all_dim", into.mscale_all_dim));
    return read_field(rope, "partial_rotary_factor", into.partial_rotary_factor);
}

/// Where layers differ, `rope_parameters` holds one object for each kind of layer (transformers 5),
/// or `rope_local_base_freq` stands beside a `rope_theta` that sliding layers do not use.
inline status read_rope(const json::value& root, model_config& into)
{
    AWQ_CHECK(read_field(root, "rope_theta", into.rope.theta));
    AWQ_CHECK(read_field(root, "partial_rotary_factor", into.rope.partial_rotary_factor));
    rope_config local = into.local_rope.value_or(rope_config{});
    if (root.find_non_null("rope_local_base_freq")) {
        AWQ_CHECK(read_field(root, "rope_local_base_freq", local.theta));
        into.local_rope = local;
    }
    for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
        const auto rope = root.find_non_null(key);
        if (!rope) continue;
        AWQ_CHECK(rope->as_object());
        const auto full = rope->find_non_null("full_attention");
        const auto sliding = rope->find_non_null("sliding_attention");
        if (full || !sliding) AWQ_CHECK(read_rope_fields(full ? *full : *rope, into.rope));
        if (!sliding) continue;
        AWQ_CHECK(read_rope_fields(*sliding, local));
        into.local_rope = local;
    }
    return {};
}

/// `layer_types`, one for each layer.
inline status read_layer_types(const json::value& types, model_config& into)
{
    AWQ_TRY(const auto entries, types.as_array());
    for (const json::value& entry : entries) {
        AWQ_TRY(const std::string_view name, entry.as_string());
        const bool is_sliding = name == "sliding_attention";
        if (!is_sliding && name != "full_attention")
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

inline status read_sizes(const json::value& root, model_config& into)
{
    AWQ_CHECK(require_field(root, "vocab_size", into.vocab_size));
    AWQ_CHECK(require_field(root, "hidden_size", into.hidden_size));
    AWQ_CHECK(require_field(root, "intermediate_size", into.intermediate_size));
    AWQ_CHECK(require_field(root, "num_hidden_layers", into.num_hidden_layers));
    AWQ_CHECK(require_field(root, "num_attention_heads", into.num_attention_heads));
    AWQ_CHECK(read_key_value_heads(root, into));
    AWQ_CHECK(read_field(root, "head_dim", into.head_dim));
    AWQ_CHECK(read_field(root, "max_position_embeddings", into.max_position_embeddings));
    return read_field(root, "rms_norm_eps", into.rms_norm_eps);
}

/// The first of `architectures`; where there is none, `model_type` decides.
inline result<std::string> read_architecture(const json::value& root, std::string_view model_type)
{
    const auto names = root.find_non_null("architectures");
    if (names) {
        AWQ_TRY(const auto list, names->as_array());
        for (const json::value& name : list) {
            AWQ_TRY(const std::string_view text, name.as_string());
            return std::string{text};
        }
    }
    for (const model_kind& each : model_kinds)
        if (each.model_type == model_type) return std::string{each.architecture};
    return root.error(error_code::missing_field, "the field \"architectures\" is missing, and "
                      "model_type \"", printable(model_type), "\" does not say which model it is");
}

/// The type whose defaults hold: `model_type` where it is known, else that of the architecture.
inline std::string_view defaults_type(std::string_view model_type, std::string_view architecture)
{
    for (const model_kind& each : model_kinds)
        if (each.model_type == model_type) return model_type;
    for (const model_kind& each : model_kinds)
        if (each.architecture == architecture) return each.model_type;
    return model_type;
}

/// What forward passes here do not do.
inline status refuse_unsupported(const json::value& root)
{
    for (const std::string_view key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
        double cap = 0.0;
        AWQ_CHECK(read_field(root, key, cap));
        if (cap != 0.0)
            return root.error(error_code::unsupported, key, " ", cap, " is not supported");
    }
    bool bidirectional = false;
    AWQ_CHECK(read_field(root, "use_bidirectional_attention", bidirectional));
    if (bidirectional)
        return root.error(error_code::unsupported, "use_bidirectional_attention is not supported");
    return {};
}

} // namespace detail

/// The fields of a Hugging Face config.json that a forward pass needs, checked. Both spellings of
/// transformers 4 and 5 are read; what is missing or null is what transformers assumes for the type. Errors:
/// missing_field, malformed_file, unknown_architecture.
inline result<model_config> read_model_config(const json::value& root)
{
    std::string model_type;
    AWQ_CHECK(detail::read_field(root, "model_type", model_type));
    AWQ_TRY(const std::string architecture, detail::read_architecture(root, model_type));
    model_config config = defaults_for(detail::defaults_type(model_type, architecture));
    if (!model_type.empty()) config.model_type = model_type;
    config.architecture = architecture;
    if (const auto known = detail::check_architecture(config); !known)
        return known.error().within(root.where());
    AWQ_CHECK(detail::read_sizes(root, config));
    AWQ_CHECK(detail::read_field(root, "hidden_act", config.hidden_act));
    AWQ_CHECK(detail::read_field(root, "hidden_activation", config.hidden_act)); // gemma
    AWQ_CHECK(detail::read_field(root, "query_pre_attn_scalar", config.query_pre_attn_scalar));
    AWQ_CHECK(detail::refuse_unsupported(root));
    AWQ_CHECK(detail::read_field(root, "attention_bias", config.attention_bias));
    AWQ_CHECK(detail::read_field(root, "mlp_bias", config.mlp_bias));
    AWQ_CHECK(detail::read_field(root, "tie_word_embeddings", config.tie_word_embeddings));
    AWQ_CHECK(detail::read_rope(root, config));
    AWQ_CHECK(detail::read_sliding_window(root, config));
    AWQ_CHECK(detail::read_token_ids(root, config));
    AWQ_CHECK(detail::read_storage(root, config));
    if (const auto sound = check(config); !sound) return sound.error().from_file(root.where());
    return config;
}

} // namespace awq

#endif
