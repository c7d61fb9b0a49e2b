// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_SMOLLM3_HPP
#define AWQ_MODEL_ARCHITECTURES_SMOLLM3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void smollm3_defaults(model_config& config)
{
    config.num_key_value_heads = 4;
    config.max_position_embeddings = 32768;
    config.rope.theta = 2e6;
    config.tie_word_embeddings = true;
}

/// Some layers of this Llama have no rotary embedding: `no_rope_layers` says 0 of them.
inline status read_smollm3(const json::value& root, model_config& config)
{
    std::size_t interval = 4;
    AWQ_CHECK(detail::read_field(root, "no_rope_layer_interval", interval));
    std::vector<std::size_t> turned;
    AWQ_CHECK(detail::read_field(root, "no_rope_layers", turned));
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i)
        config.unturned_layers.push_back(i < turned.size() ? turned[i] == 0 : (i + 1) % interval == 0);
    return {};
}

} // namespace awq

#endif
