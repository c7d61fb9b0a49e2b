// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_CONCLUSIONS_HPP
#define AWQ_CHECKPOINT_GGUF_CONCLUSIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/architecture.hpp>
#include <awq/model/model_config.hpp>

#include <cstddef>

/// What no key of a GGUF file says: llama.cpp concludes it from the architecture and its number of layers.
namespace awq {

/// What llama.cpp divides attention scores by the root of. Gemma 2 and 3 27B, the only models that have
/// another value than their heads' size, are known by their layers.
inline std::size_t gguf_query_scalar(const gguf::architecture& arch, const model_config& config)
{
    const bool other = (arch.name == "gemma3" && config.num_hidden_layers == 62) ||
                       (arch.name == "gemma2" && config.num_hidden_layers == 46);
    return other ? config.hidden_size / config.num_attention_heads : config.head_size();
}

/// What llama.cpp fixes for Llama 4: chunks of attention, and how the queries of layers that do not turn
/// grow; every fourth is such a layer, and sees all tokens.
struct gguf_llama4 {
    static constexpr std::size_t chunk = 8192, period = 4, unnormed_experts = 128;
    static constexpr query_growth growth{.slope = 0.1, .length = 8192, .shift = 1};
};

/// Whether embeddings are multiplied by the root of their length.
inline bool gguf_scales_embeddings(const gguf::architecture& arch)
{
    return arch.name.starts_with("gemma") || arch.name == "afmoe";
}

/// Whether layers may have a window: of EXAONE 4 only those of the 32B model.
inline bool gguf_knows_windows(const gguf::architecture& arch, const model_config& config)
{
    if (arch.name == "exaone4") return config.num_hidden_layers == 64;
    return arch.window_period != 0;
}

/// Whether the heads of a layer turn.
inline bool gguf_turns(const gguf::architecture& arch, const model_config& config, std::size_t layer)
{
    if (arch.name == "smollm3") return (layer + 1) % 4 != 0;
    if (arch.name == "llama4") return (layer + 1) % gguf_llama4::period != 0;
    if (arch.name == "cohere2moe") return config.is_sliding(layer) || !config.experts.in(layer);
    if (arch.name == "exaone-moe") return config.is_sliding(layer);
    if (arch.name == "cohere2" || arch.name == "afmoe" || (arch.name == "exaone4" && gguf_knows_windows(arch, config)))
        return config.is_sliding(layer);
    return arch.turns;
}

} // namespace awq

#endif
