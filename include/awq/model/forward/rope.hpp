// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_ROPE_HPP
#define AWQ_MODEL_FORWARD_ROPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/rope_table.hpp>
#include <awq/model/model_config.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace awq {

namespace detail {

/// The context length that the model was first trained for, before its rope was stretched.
inline double original_length(const model_config& config) noexcept
{
    const std::size_t given = config.rope.original_max_position_embeddings;
    return static_cast<double>(given != 0 ? given : config.max_position_embeddings);
}

/// NTK-aware scaling: the base grows once a text is longer than the model was trained for.
inline double dynamic_base(const model_config& config, std::size_t length) noexcept
{
    const auto trained = static_cast<double>(config.max_position_embeddings);
    const auto size = static_cast<double>(config.rotary_size());
    const auto longest = static_cast<double>(length);
    const double factor = config.rope.factor;
    if (longest <= trained || size <= 2.0) return config.rope.theta;
    return config.rope.theta * std::pow(factor * longest / trained - (factor - 1.0), size / (size - 2.0));
}

/// Llama 3.1: long waves are stretched, short ones kept, those between blended.
inline double llama3_frequency(const model_config& config, double frequency) noexcept
{
    const rope_config& rope = config.rope;
    const double trained = original_length(config);
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    if (wavelength > trained / rope.low_freq_factor) return frequency / rope.factor;
    if (wavelength < trained / rope.high_freq_factor) return frequency;
    const double blend = (trained / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
    return (1.0 - blend) * frequency / rope.factor + blend * frequency;
}

/// YaRN (Peng et al. 2023): the dimension that turns `rotations` times over the trained length.
inline double yarn_dimension(const model_config& config, double rotations) noexcept
{
    const auto size = static_cast<double>(config.rotary_size());
    return size * std::log(original_length(config) / (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(config.rope.theta));
}

inline double yarn_frequency(const model_config& config, std::size_t index, double frequency) noexcept
{
    const rope_config& rope = config.rope;
    double low = yarn_dimension(config, rope.beta_fast);
    double high = yarn_dimension(config, rope.beta_slow);
    if (rope.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(config.rotary_size()) - 1.0);
    if (low == high) high += 0.001;
    const double ramp = std::clamp((static_cast<double>(index) - low) / (high - low), 0.0, 1.0);
    return frequency / rope.factor * ramp + frequency * (1.0 - ramp);
}

inline double yarn_magnitude(double factor, double mscale) noexcept
{
    return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// LongRoPE (Ding et al. 2024): longer texts than the original ones have sharper scores.
inline double longrope_factor(const model_config& config, std::size_t length) noexcept
{
    const double original = original_length(config);
    const auto given = static_cast<double>(length) > original ? config.rope.long_mscale : config.rope.short_mscale;
    if (given) return *given;
    const double ratio = static_cast<double>(config.max_position_embeddings) / original;
    if (config.rope.attention_factor) return *config.rope.attention_factor;
    return ratio <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(ratio) / std::log(original));
}

/// What cosines and sines are multiplied by, in texts of `length` tokens.
inline double attention_factor(const model_config& config, std::size_t length = 0) noexcept
{
    const rope_config& rope = config.rope;
    if (rope.kind == rope_kind::longrope) return longrope_factor(config, length);
    if (rope.kind != rope_kind::yarn) return 1.0;
    if (rope.attention_factor) return *rope.attention_factor;
    if (rope.mscale.value_or(0.0) != 0.0 && rope.mscale_all_dim.value_or(0.0) != 0.0)
        return yarn_magnitude(rope.factor, *rope.mscale) / yarn_magnitude(rope.factor, *rope.mscale_all_dim);
    return yarn_magnitude(rope.factor, 1.0);
}

} // namespace detail

/// Angle per position of the pair `index` of a head's dimensions, for texts of `length` tokens.
inline double rope_frequency(const model_config& config, std::size_t index, std::size_t length)
{
    const bool dynamic = config.rope.kind == rope_kind::dynamic;
    const double base = dynamic ? detail::dynamic_base(config, length) : config.rope.theta;
    const auto size = static_cast<double>(config.rotary_size());
    const bool stretched =
        config.rope.kind == rope_kind::longrope && static_cast<double>(length) > detail::original_length(config);
    const std::vector<float>& divisors = stretched ? config.rope.long_divisors : config.rope.frequency_divisors;
    const double divisor = index < divisors.size() ? static_cast<double>(divisors[index]) : 1.0;
    const double frequency = std::pow(base, -2.0 * static_cast<double>(index) / size) / divisor;
    switch (config.rope.kind) {
    case rope_kind::linear:
        return frequency / config.rope.factor;
    case rope_kind::llama3:
        return detail::llama3_frequency(config, frequency);
    case rope_kind::yarn:
        return detail::yarn_frequency(config, index, frequency);
    default:
        return frequency;
    }
}

/// For texts of up to `length` tokens. Frequencies and angles are rounded to float as
/// transformers does, so that they agree at late positions too.
inline rope_table make_rope_table(const model_config& config, std::size_t length)
{
    rope_table made{config.rotary_size() / 2, length};
    const auto factor = static_cast<float>(detail::attention_factor(config, length));
    for (std::size_t i = 0; i < made.pairs(); ++i) {
        const auto frequency = static_cast<float>(rope_frequency(config, i, length));
        for (std::size_t p = 0; p < length; ++p) {
            const double angle = static_cast<float>(p) * frequency;
            const auto sine = static_cast<float>(std::sin(angle)) * factor;
            made.set(p, i, static_cast<float>(std::cos(angle)) * factor, config.rope.is_reversed ? -sine : sine);
        }
    }
    return made;
}

/// The tables of a model whose sliding layers may turn heads differently.
class rope_tables {
public:
    rope_tables() = default;
    /// For texts of up to `length` tokens.
    rope_tables(const model_config& config, std::size_t length) : global_(make_rope_table(config, length))
    {
        if (!config.local_rope) return;
        model_config local = config;
        local.rope = *config.local_rope;
        local_ = make_rope_table(local, length);
    }

    std::size_t length() const noexcept { return global_.length(); }
    /// Whether the frequencies of texts of `length` tokens are others than those of shorter ones.
    static bool depends_on(const model_config& config, std::size_t length) noexcept
    {
        const rope_kind kind = config.rope.kind;
        const double trained = kind == rope_kind::longrope ? detail::original_length(config)
                                                           : static_cast<double>(config.max_position_embeddings);
        return (kind == rope_kind::dynamic || kind == rope_kind::longrope) && static_cast<double>(length) > trained;
    }
    const rope_table& of(const model_config& config, std::size_t layer) const noexcept
    {
        return config.local_rope && config.is_sliding(layer) ? local_ : global_;
    }

private:
    rope_table global_, local_;
};

} // namespace awq

#endif
