// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_OBSERVER_HPP
#define AWQ_MODEL_FORWARD_OBSERVER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/matrix_view.hpp>

#include <string_view>

namespace awq {

/// Sees nothing. An observer is any callable `observer(layer, input)`: `layer` is relative to the
/// block and one of "self_attn.q_proj" (the shared input of q, k and v), "self_attn.o_proj",
/// "mlp.gate_proj" (the shared input of gate and up) and "mlp.down_proj"; `input` is
/// (tokens, in_features) and lives until the call returns.
struct no_observer {
    constexpr void operator()(std::string_view, matrix_view<const float>) const noexcept {}
};

} // namespace awq

#endif
