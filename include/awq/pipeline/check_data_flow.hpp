// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_CHECK_DATA_FLOW_HPP
#define AWQ_PIPELINE_CHECK_DATA_FLOW_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>
#include <awq/model/resolve_mappings.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// The linear layers that read what a layer of a decoder block computes; empty where other things
/// read it, too (norms behind attention or MLP feed the residual stream).
inline std::vector<std::string_view> readers_of(const model_config& config, std::string_view layer)
{
    const std::string_view before_mlp =
        config.sandwich_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
    if (layer == "input_layernorm")
        return {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    if (layer == before_mlp) return {"mlp.gate_proj", "mlp.up_proj"};
    if (layer == "self_attn.v_proj") return {"self_attn.o_proj"};
    if (layer == "mlp.up_proj") return {"mlp.down_proj"};
    return {};
}

/// Whether smoothing a mapping keeps the function of the block: the balance layers must be all that
/// reads the smooth layer's output. llm-compressor's default mappings, say, do not fit Gemma's
/// norms.
/// Error: `invalid_argument` that names the layers.
inline status check_data_flow(const model_config& config, const resolved_mapping& mapping)
{
    const auto readers = readers_of(config, mapping.smooth_layer);
    const auto balances = [&](std::string_view reader) {
        const auto& layers = mapping.balance_layers;
        return std::find(layers.begin(), layers.end(), reader) != layers.end();
    };
    if (!readers.empty() && readers.size() == mapping.balance_layers.size() &&
        std::all_of(readers.begin(), readers.end(), balances))
        return {};
    std::string wanted = "nothing that could make up for it";
    for (const std::string_view reader : readers)
        wanted = (reader == readers.front() ? "" : wanted + ", ") + std::string{reader};
    return error{error_code::invalid_argument, "a mapping smooths ", mapping.smooth_layer,
                 ", which would change the model: its output is read by ", wanted,
                 "; make these its balance layers, or leave the mapping out"};
}

} // namespace awq

#endif
