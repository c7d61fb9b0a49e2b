// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CONFIG_FIND_NAMES_HPP
#define AWQ_MODEL_CONFIG_FIND_NAMES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>

#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// "model.layers." as a checkpoint with another prefix than "model." or "transformer." spells it.
inline std::string with_prefix(const std::string& name, std::string_view prefix)
{
    for (const std::string_view usual : {"model.", "transformer."})
        if (name.starts_with(usual)) return std::string{prefix}.append(name.substr(usual.size()));
    return name;
}

} // namespace detail

/// The names of a model as a checkpoint spells them: text parts of multimodal models stand below
/// "language_model." in one order or the other or below "text_model.", and some checkpoints leave
/// "model." out.
/// `has(tensor)`: whether the checkpoint has a tensor of that name. The usual names where none fits.
template <class Has>
model_names find_names(const model_names& usual, const Has& has)
{
    if (has(usual.embeddings + ".weight")) return usual;
    for (const std::string_view prefix :
         {"model.", "model.language_model.", "language_model.model.", "language_model.", "model.text_model.", ""}) {
        model_names found = usual;
        for (std::string* const each : {&found.blocks, &found.embeddings, &found.positions, &found.norm,
                                        &found.embedding_norm, &found.project_in, &found.project_out})
            *each = detail::with_prefix(*each, prefix);
        if (!has(found.embeddings + ".weight")) continue;
        const std::string inner = "language_model." + usual.head;
        if (!has(found.head + ".weight") && has(inner + ".weight")) found.head = inner;
        return found;
    }
    return usual;
}

} // namespace awq

#endif
