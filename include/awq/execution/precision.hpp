// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRECISION_HPP
#define AWQ_EXECUTION_PRECISION_HPP

#include <awq/execution/execution_concept.hpp>

#include <optional>
#include <string_view>

namespace awq {

/// What the operands of large matrix products are; their sums are float32 either way.
enum class precision : unsigned char {
    float32,
    /// bfloat16 where the processor multiplies it faster than float32: weights of a bfloat16 checkpoint are
    /// exact in it, activations lose their last digits.
    mixed,
    /// The sum of two bfloat16 each, where `mixed` is faster than float32: 16 bits of the significand.
    split,
};

/// The precision by its name, "float32" or "mixed".
constexpr std::optional<precision> precision_of(std::string_view name) noexcept
{
    if (name == "float32") return precision::float32;
    if (name == "mixed") return precision::mixed;
    return std::nullopt;
}

constexpr const char* name_of(precision which) noexcept { return which == precision::mixed ? "mixed" : "float32"; }

/// What an execution's products take: its member `operands`, where it has one.
template <execution E>
constexpr precision operands_of(const E& e) noexcept
{
    if constexpr (requires { e.operands; }) return e.operands;
    return precision::float32;
}

/// The same execution with other operands, where it has a choice.
template <execution E>
constexpr E with_precision(E e, precision operands) noexcept
{
    if constexpr (requires { e.operands; }) e.operands = operands;
    return e;
}

/// The same execution for products that need more digits than bfloat16 has, such as those of a Cholesky decomposition.
template <execution E>
constexpr E for_solving(const E& e) noexcept
{
    return operands_of(e) == precision::mixed ? with_precision(e, precision::split) : e;
}

} // namespace awq

#endif
