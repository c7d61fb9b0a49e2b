// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_ACTIVATION_HPP
#define AWQ_DEVICE_FORWARD_ACTIVATION_HPP

#include <awq/support/requires_hosted.hpp>

#include <optional>
#include <string_view>

namespace awq {

/// What the gate of an MLP, or the inside of one without a gate, goes through.
enum class activation : unsigned char {
    silu,
    gelu_tanh,
    gelu,
    relu,
    relu_squared,
    xielu,          ///< with learned parameters; of an MLP without a gate
    clamped_swiglu, ///< of gate and up together (gpt-oss); not linear in up
};

/// The activation by its name in config.json ("silu", "gelu_pytorch_tanh"). transformers has several names
/// for each.
inline std::optional<activation> activation_of(std::string_view name) noexcept
{
    if (name == "silu" || name == "swish") return activation::silu;
    if (name == "gelu") return activation::gelu;
    if (name == "relu") return activation::relu;
    if (name == "relu2") return activation::relu_squared;
    if (name == "xielu") return activation::xielu;
    for (const std::string_view tanh :
         {"gelu_pytorch_tanh", "gelu_python_tanh", "gelu_new", "gelu_fast", "gelu_accurate"})
        if (name == tanh) return activation::gelu_tanh;
    return std::nullopt;
}

/// Constants of xIELU.
inline constexpr float xielu_beta = 0.5f, xielu_eps = -1e-6f;

} // namespace awq

#endif
