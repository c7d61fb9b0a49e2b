// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_QWEN2_HPP
#define AWQ_MODEL_ARCHITECTURES_QWEN2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void qwen2_defaults(model_config& config)
{
    config.vocab_size = 151936;
    config.intermediate_size = 22016;
    config.num_key_value_heads = 32;
    config.max_position_embeddings = 32768;
    config.max_window_layers = 28;
    config.qkv_bias = true;
}

} // namespace awq

#endif
