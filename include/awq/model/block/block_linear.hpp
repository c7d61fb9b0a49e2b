// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_BLOCK_LINEAR_HPP
#define AWQ_MODEL_BLOCK_BLOCK_LINEAR_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <string>

namespace awq {

/// A value of a block's data flow: rows of floats, one a token. 0 is the hidden state.
using value_id = std::size_t;
inline constexpr value_id hidden_state = 0;

/// An index that points nowhere: a tensor or a layer that a part does not have.
inline constexpr std::size_t none_here = static_cast<std::size_t>(-1);

/// A linear layer of a block by its tensors' indices, and the value that it reads.
struct block_linear {
    std::string name; ///< from the block: "self_attn.q_proj"
    std::size_t weight = none_here, bias = none_here;
    value_id reads = hidden_state;
    std::size_t out_features = 0, in_features = 0;
    bool is_router = false; ///< chooses experts: it is balanced, but never rounded
};

/// Some rows of a linear layer's weight and bias: all, or one of those that a checkpoint has fused.
struct linear_rows {
    std::size_t linear = none_here; ///< index into the block's linear layers
    std::size_t first = 0, count = 0;

    explicit operator bool() const noexcept { return linear != none_here; }
};

} // namespace awq

#endif
