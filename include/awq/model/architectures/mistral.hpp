// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MISTRAL_HPP
#define AWQ_MODEL_ARCHITECTURES_MISTRAL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void mistral_defaults(model_config& config)
{
    config.intermediate_size = 14336;
    config.num_key_value_heads = 8;
    config.max_position_embeddings = 131072;
    config.sliding_window = 4096;
}

} // namespace awq

#endif
