// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MINISTRAL3_HPP
#define AWQ_MODEL_ARCHITECTURES_MINISTRAL3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/mistral.hpp>
#include <awq/model/config/read_fields.hpp>

#include <string_view>

namespace awq {

/// Ministral: a Mistral of which some layers have windows, as `layer_types` says.
inline void ministral_defaults(model_config& config) { mistral_defaults(config); }

/// Ministral 3: a Mistral without windows, stretched by YaRN, with hotter queries at late positions.
inline void ministral3_defaults(model_config& config)
{
    mistral_defaults(config);
    config.rms_norm_eps = 1e-5;
    config.vocab_size = 131072;
    config.num_hidden_layers = 34;
    config.head_dim = 128;
    config.max_position_embeddings = 262144;
    config.sliding_window = 0;
    rope_config& rope = config.rope;
    rope.kind = rope_kind::yarn;
    rope.theta = 1e6;
    rope.factor = 16.0;
    rope.original_max_position_embeddings = 16384;
    rope.mscale = rope.mscale_all_dim = 1.0;
    config.growth = {.slope = 0.1, .length = 16384};
}

/// `llama_4_scaling_beta` says how queries grow beyond the original length.
inline status read_ministral3(const json::value& root, model_config& config)
{
    for (const std::string_view key : {"rope_scaling", "rope_parameters"})
        if (const auto rope = root.find_non_null(key)) {
            config.growth.slope = 0.0;
            AWQ_CHECK(detail::read_field(*rope, "llama_4_scaling_beta", config.growth.slope));
        }
    config.growth.length = config.rope.original_max_position_embeddings;
    return {};
}

} // namespace awq

#endif
