// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_BLOCK_OPTIONS_HPP
#define AWQ_MODEL_BLOCK_BLOCK_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/router_rule.hpp>
#include <awq/model/block/stacked_place.hpp>
#include <awq/model/parts/attention.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace awq {

/// What an architecture's attention does otherwise than Llama's. Names are of tensors, below `at`.
struct attention_options {
    std::string_view at = "self_attn.";
    std::string_view q = "q_proj", k = "k_proj", v = "v_proj", o = "o_proj";
    std::string_view fused = {}; ///< one layer with the rows of q, k and v; empty: three layers
    bool by_group = false;       ///< it has those of each key head together
    query_key_norm norm = query_key_norm::none;
    std::string_view q_norm = "q_norm", k_norm = "k_norm";
    bool norm_by_head = false;   ///< each head has its own weights
    bool norm_apart = false;     ///< they are tensors of their own: "q_layernorm.norms.3"
    bool pairs = false;          ///< neighbouring dimensions turn together
    bool weighted_norm = true;   ///< the norm of queries and keys has weights
    std::string_view sinks = {}; ///< a logit of each head that joins the softmax and is dropped
    std::string_view gate = {};  ///< a layer whose sigmoid is a factor of what is mixed
    std::size_t kv_heads = 0;    ///< 0: the config's
};

/// What an architecture's MLP does otherwise than Llama's.
struct mlp_options {
    std::string_view at = "mlp.";
    std::string_view gate = "gate_proj", up = "up_proj", down = "down_proj";
    std::string_view fused = {};       ///< one layer with the rows of gate and up
    std::string_view output_gate = {}; ///< whole name of the layer whose sigmoid is a factor
    std::size_t width = 0;             ///< 0: intermediate_size
    std::string_view width_field = "intermediate_size";
    std::string_view gguf = {}; ///< behind the names in a GGUF file: "_shexp"
    bool is_gated = true;
    std::string_view act_params = {};   ///< where the parameters of xielu are: "act_fn."
    bool bias = false;                  ///< beside the config's `mlp_bias`
    std::optional<activation> act = {}; ///< not given: the config's
};

/// What an architecture's experts are called, and how they are chosen.
struct experts_options {
    std::string_view at = "mlp.";
    std::string_view router = "gate", experts = "experts.";
    std::string_view gate = "gate_proj", up = "up_proj", down = "down_proj";
    std::string_view router_bias = {}; ///< tensor added to the scores for the choice
    router_kind kind = router_kind::softmax;
    std::string_view count_field = "num_experts";
    bool bias = false;                  ///< of router, gate, up and down
    bool weighs_input = false;          ///< the weight of an expert is a factor of what it is given
    std::optional<activation> act = {}; ///< not given: the config's
    std::size_t group_best = 2;         ///< a group counts by its so many best experts
    /// Where the checkpoint has one tensor for all experts: their names below `at`, and their order.
    std::string_view stacked = "experts.gate_up_proj", stacked_down = "experts.down_proj";
    stack_order order = stack_order::none;
    bool in_turns = false; ///< outputs of gate and up alternate
};

} // namespace awq

#endif
