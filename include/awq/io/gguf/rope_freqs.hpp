// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_ROPE_FREQS_HPP
#define AWQ_IO_GGUF_ROPE_FREQS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace awq::gguf {

/// The "llama3" rope scaling of config.json. The defaults are those of Llama 3.1.
struct llama3_rope {
    float base = 10000; ///< rope_theta
    float factor = 8;
    float low_freq_factor = 1;
    float high_freq_factor = 4;
    float original_context_length = 8192;
};

/// The values of the tensor `rope_freqs.weight` (float32, head_dim / 2 of them), by which llama.cpp
/// divides the rotation angles: 1 for short wavelengths, `factor` for long ones, a blend between.
/// Source: the Llama 3.1 model code. Errors: `invalid_argument` for an odd or empty head, or
/// numbers that make no scaling.
inline result<std::vector<float>> llama3_rope_freqs(const llama3_rope& rope, std::size_t head_dim)
{
    if (head_dim == 0 || head_dim % 2 != 0 || head_dim > 65536)
        return error{error_code::invalid_argument, "a rotary head of ", head_dim, " elements"};
    if (!(rope.base > 0) || !(rope.factor > 0) || !(rope.low_freq_factor > 0) ||
        !(rope.high_freq_factor > rope.low_freq_factor) || !(rope.original_context_length > 0))
        return error{error_code::invalid_argument, "llama3 rope scaling needs positive numbers and "
                                                   "low_freq_factor below high_freq_factor"};
    const double longest = rope.original_context_length / rope.low_freq_factor;
    const double shortest = rope.original_context_length / rope.high_freq_factor;
    std::vector<float> divisors;
    for (std::size_t i = 0; i < head_dim; i += 2) {
        const float exponent = static_cast<float>(i) / static_cast<float>(head_dim);
        const float frequency = 1.0f / std::pow(rope.base, exponent);
        const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
        if (wavelength < shortest) {
            divisors.push_back(1);
        } else if (wavelength > longest) {
            divisors.push_back(rope.factor);
        } else {
            const float smooth = (rope.original_context_length / wavelength - rope.low_freq_factor) /
                                 (rope.high_freq_factor - rope.low_freq_factor);
            divisors.push_back(1 / ((1 - smooth) / rope.factor + smooth));
        }
    }
    return divisors;
}

} // namespace awq::gguf

#endif
