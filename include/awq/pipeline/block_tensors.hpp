// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_BLOCK_TENSORS_HPP
#define AWQ_PIPELINE_BLOCK_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block_weights.hpp>
#include <awq/pipeline/check_tensors.hpp>
#include <awq/pipeline/host_matrix.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// The linear layers of a decoder block, by their names relative to the block, in the order in which
/// their inputs are computed.
inline constexpr std::array<std::string_view, 7> block_linears = {
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};

/// The input that a linear layer shares with its siblings, by the name that observers are given.
constexpr std::string_view input_of(std::string_view linear) noexcept
{
    if (linear == "self_attn.k_proj" || linear == "self_attn.v_proj") return "self_attn.q_proj";
    if (linear == "mlp.up_proj") return "mlp.gate_proj";
    return linear;
}

/// All weights of one decoder block in float32, by their names relative to the block.
class block_tensors {
public:
    /// Reads the block; a missing tensor, a shape that the config does not ask for and a NaN are
    /// errors that name the tensor.
    static result<block_tensors> load(const tensor_source& source, std::size_t layer)
    {
        block_tensors block;
        block.prefix_ = block_prefix(layer);
        for (expected_tensor& wanted : expected_block_tensors(source.config()))
            AWQ_CHECK(block.read(source, std::move(wanted)));
        return block;
    }

    /// "model.layers.3."
    const std::string& prefix() const noexcept { return prefix_; }

    /// Null where the block has no such tensor.
    host_matrix* find(std::string_view name)
    {
        for (auto& [known, tensor] : tensors_)
            if (known == name) return &tensor;
        return nullptr;
    }
    const host_matrix* find(std::string_view name) const
    {
        return const_cast<block_tensors*>(this)->find(name);
    }
    /// A linear layer's weight, (out_features, in_features); the layer must be one of the block.
    matrix_view<float> weight(std::string_view linear)
    {
        return view_of(*find(std::string{linear} + ".weight"));
    }
    matrix_view<const float> weight(std::string_view linear) const
    {
        return view_of(*find(std::string{linear} + ".weight"));
    }

    std::vector<std::pair<std::string, host_matrix>>& all() noexcept { return tensors_; }
    const std::vector<std::pair<std::string, host_matrix>>& all() const noexcept
    {
        return tensors_;
    }

    /// What a forward pass takes; views of this object's tensors.
    block_weights weights() const
    {
        block_weights view;
        view.input_layernorm = vector("input_layernorm.weight");
        view.post_attention_layernorm = vector("post_attention_layernorm.weight");
        view.pre_feedforward_layernorm = vector("pre_feedforward_layernorm.weight");
        view.post_feedforward_layernorm = vector("post_feedforward_layernorm.weight");
        view.self_attn = {linear("self_attn.q_proj"),           linear("self_attn.k_proj"),
                          linear("self_attn.v_proj"),           linear("self_attn.o_proj"),
                          vector("self_attn.q_norm.weight"),    vector("self_attn.k_norm.weight")};
        view.mlp = {linear("mlp.gate_proj"), linear("mlp.up_proj"), linear("mlp.down_proj")};
        return view;
    }

private:
    status read(const tensor_source& source, expected_tensor wanted)
    {
        const std::string full = prefix_ + wanted.name;
        AWQ_CHECK(check_tensor(source, wanted, full));
        if (wanted.is == presence::unwanted) return {};
        host_matrix tensor = xtensor_backend::make(wanted.rows, wanted.cols);
        AWQ_CHECK(source.read(full, view_of(tensor)));
        tensors_.emplace_back(std::move(wanted.name), std::move(tensor));
        return {};
    }

    std::span<const float> vector(std::string_view name) const
    {
        const host_matrix* const found = find(name);
        return found ? values_of(*found) : std::span<const float>{};
    }
    linear_view linear(std::string_view name) const
    {
        return {weight(name), vector(std::string{name} + ".bias")};
    }

    std::string prefix_;
    std::vector<std::pair<std::string, host_matrix>> tensors_;
};

} // namespace awq

#endif
