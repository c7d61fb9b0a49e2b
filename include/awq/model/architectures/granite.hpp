// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GRANITE_HPP
#define AWQ_MODEL_ARCHITECTURES_GRANITE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void granite_defaults(model_config& config) { config.attention_multiplier = 1.0; }

/// A Llama whose embeddings, branches, scores and logits have factors.
inline status read_granite(const json::value& root, model_config& config)
{
    double scaling = 1.0;
    AWQ_CHECK(detail::read_field(root, "embedding_multiplier", config.embedding_multiplier));
    AWQ_CHECK(detail::read_field(root, "residual_multiplier", config.residual_multiplier));
    AWQ_CHECK(detail::read_field(root, "attention_multiplier", config.attention_multiplier));
    AWQ_CHECK(detail::read_field(root, "logits_scaling", scaling));
    config.logit_multiplier = 1.0 / scaling;
    return {};
}

} // namespace awq

#endif
