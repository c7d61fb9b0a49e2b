// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_OBSERVER_HPP
#define AWQ_MODEL_FORWARD_OBSERVER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/matrix_view.hpp>

#include <string_view>

namespace awq {

/// Sees nothing. An observer is any callable `observer(layer, input)`: `layer`, relative to the block,
/// is the first linear layer that reads the value ("self_attn.q_proj" for the shared input of q, k
/// and v); `input` is (tokens, in_features) and lives until the call returns. An expert's inner value
/// has the rows of its own tokens only.
struct no_observer {
    constexpr void operator()(std::string_view, matrix_view<const float>) const noexcept {}
};

} // namespace awq

#endif
