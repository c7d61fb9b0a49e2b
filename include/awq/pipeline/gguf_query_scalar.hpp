// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_QUERY_SCALAR_HPP
#define AWQ_PIPELINE_GGUF_QUERY_SCALAR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/architecture.hpp>
#include <awq/model/model_config.hpp>

#include <cstddef>

namespace awq {

/// What llama.cpp divides attention scores by the root of. No key of a GGUF file says it: Gemma 3
/// 27B, the one model that has another value than its heads' size, is known by its layers.
inline std::size_t gguf_query_scalar(const gguf::architecture& arch, const model_config& config)
{
    const bool other = arch.name == "gemma3" && config.num_hidden_layers == 62;
    return other ? config.hidden_size / config.num_attention_heads : config.head_size();
}

} // namespace awq

#endif
