// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_QWEN3_HPP
#define AWQ_MODEL_ARCHITECTURES_QWEN3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/qwen2.hpp>
#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void qwen3_defaults(model_config& config)
{
    qwen2_defaults(config);
    config.head_dim = 128;
    config.qkv_bias = false;
    config.qk_norm = true;
}

} // namespace awq

#endif
