// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_ANY_QUANTIZER_HPP
#define AWQ_QUANTIZATION_ANY_QUANTIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/fp8_quantizer.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/weight_format.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace awq {

/// What a quantizer's weights are stored as, where that is a format of checkpoints.
inline integer_format format_of(const integer_quantizer& q) { return {q.format, q.group_size}; }
inline fp8_format format_of(const fp8_quantizer& q) { return {q.block_rows, q.block_cols}; }
inline fp4_format format_of(const fp4_quantizer& q) { return {q.kind}; }

/// A quantizer chosen at run time, so that the layers of one mapping may differ in format.
class any_quantizer {
public:
    any_quantizer() = default;
    template <quantizer Q>
    requires(!std::same_as<Q, any_quantizer>) any_quantizer(const Q& chosen) : chosen_(chosen) {}

    /// Calls `action` with the quantizer itself.
    template <class Action>
    decltype(auto) visit(Action&& action) const
    {
        return std::visit(std::forward<Action>(action), chosen_);
    }

    status check(std::size_t in_features) const
    {
        return visit([&](const auto& q) -> status { return q.check(in_features); });
    }
    std::size_t row_block() const
    {
        return visit([](const auto& q) -> std::size_t { return q.row_block(); });
    }
    std::size_t scale_columns(std::size_t in_features) const
    {
        return visit([&](const auto& q) -> std::size_t { return q.scale_columns(in_features); });
    }
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const;

    bool needs_magnitude() const
    {
        return visit([]([[maybe_unused]] const auto& q) -> bool {
            if constexpr (magnitude_quantizer<std::decay_t<decltype(q)>>) return q.needs_magnitude();
            return false;
        });
    }
    any_quantizer for_magnitude(float largest) const
    {
        return visit([&](const auto& q) -> any_quantizer {
            if constexpr (magnitude_quantizer<std::decay_t<decltype(q)>>) return q.for_magnitude(largest);
            return q;
        });
    }
    static float magnitude_of(matrix_view<const float> rows) noexcept { return fp4_quantizer::magnitude_of(rows); }

    /// For reports: "W4A16_ASYM g128", "FP8 per channel", "Q4_K".
    std::string name() const
    {
        if (const auto* blocks = get_if<gguf::simd_block_quantizer>())
            return std::string{gguf::name_of(blocks->type())};
        return visit([](const auto& q) -> std::string {
            if constexpr (requires { format_of(q); }) return describe(format_of(q));
            return {};
        });
    }

    /// The quantizer itself, or null where another one was chosen.
    template <class Q>
    const Q* get_if() const noexcept
    {
        return std::get_if<Q>(&chosen_);
    }

private:
    std::variant<integer_quantizer, fp8_quantizer, fp4_quantizer, gguf::simd_block_quantizer> chosen_;
};

#if AWQ_COMPILES_KERNELS
AWQ_COMPILED void any_quantizer::pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                                                 matrix_view<float> out) const
{
    visit([&](const auto& q) { q.pseudo_quantize(rows, importance, out); });
}
#endif

static_assert(magnitude_quantizer<any_quantizer>);

} // namespace awq

#endif
