// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GEMMA_HPP
#define AWQ_MODEL_ARCHITECTURES_GEMMA_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void gemma_defaults(model_config& config)
{
    config.num_key_value_heads = 16;
    config.head_dim = 256;
    config.max_position_embeddings = 8192;
    config.hidden_act = "gelu_pytorch_tanh";
    config.offset_norms = config.scaled_embeddings = config.tie_word_embeddings = true;
}

} // namespace awq

#endif
