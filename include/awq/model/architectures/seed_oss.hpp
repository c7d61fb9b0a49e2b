// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_SEED_OSS_HPP
#define AWQ_MODEL_ARCHITECTURES_SEED_OSS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void seed_oss_defaults(model_config& config)
{
    config.num_key_value_heads = 8;
    config.head_dim = 128;
    config.max_position_embeddings = 524288;
    config.attention_bias = true;
}

/// A Llama whose output layer has a bias apart from q, k and v.
inline status read_seed_oss(const json::value& root, model_config& config)
{
    config.qkv_bias = std::exchange(config.attention_bias, false);
    return detail::read_field(root, "attention_out_bias", config.out_bias);
}

} // namespace awq

#endif
