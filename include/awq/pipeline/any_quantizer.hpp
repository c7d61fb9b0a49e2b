// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_ANY_QUANTIZER_HPP
#define AWQ_PIPELINE_ANY_QUANTIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/gguf/simd_quantizer.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/quantizer_concept.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <variant>

namespace awq {

/// A quantizer chosen at run time, so that the layers of one mapping may differ in format.
class any_quantizer {
public:
    any_quantizer() = default;
    template <quantizer Q>
        requires(!std::same_as<Q, any_quantizer>)
    any_quantizer(const Q& chosen) : chosen_(chosen)
    {
    }

    status check(std::size_t in_features) const
    {
        return std::visit([&](const auto& q) -> status { return q.check(in_features); }, chosen_);
    }
    std::size_t row_block() const
    {
        return std::visit([](const auto& q) -> std::size_t { return q.row_block(); }, chosen_);
    }
    std::size_t scale_columns(std::size_t in_features) const
    {
        return std::visit(
            [&](const auto& q) -> std::size_t { return q.scale_columns(in_features); }, chosen_);
    }
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const
    {
        std::visit([&](const auto& q) { q.pseudo_quantize(rows, importance, out); }, chosen_);
    }

    /// For reports: "W4A16_ASYM g128", "Q4_K".
    std::string name() const
    {
        if (const auto* integer = get_if<integer_quantizer>())
            return std::string{name_of(integer->format)} +
                   (integer->group_size == 0 ? " per channel"
                                             : " g" + std::to_string(integer->group_size));
        return std::string{gguf::name_of(get_if<gguf::simd_block_quantizer>()->type())};
    }

    /// The quantizer itself, or null where another one was chosen.
    template <class Q>
    const Q* get_if() const noexcept
    {
        return std::get_if<Q>(&chosen_);
    }

private:
    std::variant<integer_quantizer, gguf::simd_block_quantizer> chosen_;
};

static_assert(quantizer<any_quantizer>);

} // namespace awq

#endif
