// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_OLMO_HPP
#define AWQ_MODEL_ARCHITECTURES_OLMO_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void olmo_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.norms = norm_kind::layer;
    config.norm_weights = false;
}

inline status read_olmo(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "clip_qkv", config.projection_limit));
    return detail::read_field(root, "layer_norm_eps", config.rms_norm_eps);
}

} // namespace awq

#endif
