// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_TENSOR_NAMES_HPP
#define AWQ_IO_GGUF_TENSOR_NAMES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/architecture.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace awq::gguf {

/// Where a checkpoint's tensor goes.
struct tensor_place {
    std::string name; ///< "blk.3.attn_q.weight"
    std::optional<std::size_t>
        expert; ///< its slice, where the experts of a layer become one tensor
};

namespace detail {

/// A leading decimal number, taken off the text; nothing where there is none.
inline std::optional<std::size_t> take_number(std::string_view& text) noexcept
{
    std::size_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return number;
}

inline bool take_prefix(std::string_view& text, std::string_view prefix) noexcept
{
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// "a.weight" -> ".weight", also ".bias"; empty where there is neither.
inline std::string_view parameter_suffix(std::string_view name) noexcept
{
    for (const std::string_view suffix : {std::string_view{".weight"}, std::string_view{".bias"}})
        if (name.ends_with(suffix)) return suffix;
    return {};
}

/// Looks a name up without its ".weight" or ".bias", which is put back behind; a pair that spells
/// a suffix out on either side stands for whole names.
template <std::string_view name_pair::*From, std::string_view name_pair::*To>
std::optional<std::string> translate(std::span<const name_pair> table, std::string_view name)
{
    const std::string_view suffix = parameter_suffix(name);
    const std::string_view stem = name.substr(0, name.size() - suffix.size());
    for (const name_pair& pair : table) {
        const bool whole =
            !parameter_suffix(pair.hf).empty() || !parameter_suffix(pair.gguf).empty();
        if (whole && pair.*From == name) return std::string{pair.*To};
        if (!whole && !suffix.empty() && pair.*From == stem)
            return std::string{pair.*To}.append(suffix);
    }
    return std::nullopt;
}

/// "mlp.experts.12.w1" -> "mlp.experts.w1" and 12.
inline std::optional<std::size_t> take_expert(std::string& name)
{
    constexpr std::string_view marker = "experts.";
    const std::size_t at = name.find(marker);
    if (at == std::string::npos) return std::nullopt;
    std::string_view rest = std::string_view{name}.substr(at + marker.size());
    const std::size_t before = rest.size();
    const auto number = take_number(rest);
    if (number && rest.starts_with('.')) name.erase(at + marker.size(), before - rest.size() + 1);
    return number;
}

} // namespace detail

/// Whether a checkpoint's tensor has no place in a text model's GGUF file and is left out: rotary
/// tables, attention masks, and the parts of a multimodal model that see or hear.
inline bool is_left_out(std::string_view hf_name) noexcept
{
    for (const std::string_view suffix :
         {".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"})
        if (hf_name.ends_with(suffix)) return true;
    for (const std::string_view part :
         {"vision_tower.", "vision_model.", "audio_tower.", "multi_modal_projector."})
        if (hf_name.find(part) != std::string_view::npos) return true;
    return false;
}

/// The GGUF name of a checkpoint's tensor: "model.layers.3.self_attn.q_proj.weight" ->
/// "blk.3.attn_q.weight". A "language_model." inside the name is passed over. Nothing where the
/// architecture has no such tensor.
inline std::optional<tensor_place> to_gguf(const architecture& arch, std::string_view hf_name)
{
    std::string name{hf_name};
    constexpr std::string_view wrapper = "language_model.";
    if (const std::size_t at = name.find(wrapper); at != std::string::npos)
        name.erase(at, wrapper.size());
    tensor_place place;
    place.expert = detail::take_expert(name);
    std::string_view rest = name;
    if (!detail::take_prefix(rest, arch.hf_layer)) {
        auto found = detail::translate<&name_pair::hf, &name_pair::gguf>(arch.globals, rest);
        if (!found) return std::nullopt;
        place.name = *std::move(found);
        return place;
    }
    const auto layer = detail::take_number(rest);
    if (!layer || !detail::take_prefix(rest, ".")) return std::nullopt;
    const auto found = detail::translate<&name_pair::hf, &name_pair::gguf>(arch.layers, rest);
    if (!found) return std::nullopt;
    place.name = "blk." + std::to_string(*layer) + "." + *found;
    return place;
}

/// The checkpoint name of a GGUF tensor: "blk.3.attn_q.weight" ->
/// "model.layers.3.self_attn.q_proj.weight". Stacked experts come back without an expert's number.
/// Nothing where the architecture has no such tensor.
inline std::optional<std::string> to_hf(const architecture& arch, std::string_view gguf_name)
{
    std::string_view rest = gguf_name;
    if (!detail::take_prefix(rest, "blk."))
        return detail::translate<&name_pair::gguf, &name_pair::hf>(arch.globals, rest);
    const auto layer = detail::take_number(rest);
    if (!layer || !detail::take_prefix(rest, ".")) return std::nullopt;
    const auto found = detail::translate<&name_pair::gguf, &name_pair::hf>(arch.layers, rest);
    if (!found) return std::nullopt;
    return std::string{arch.hf_layer} + std::to_string(*layer) + "." + *found;
}

/// The layer of a GGUF tensor name, or nothing: "blk.3.attn_q.weight" -> 3.
inline std::optional<std::size_t> layer_of(std::string_view gguf_name) noexcept
{
    if (!detail::take_prefix(gguf_name, "blk.")) return std::nullopt;
    const auto layer = detail::take_number(gguf_name);
    return gguf_name.starts_with('.') ? layer : std::nullopt;
}

} // namespace awq::gguf

#endif
