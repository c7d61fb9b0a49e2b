// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_MXFP4_HPP
#define AWQ_IO_SAFETENSORS_MXFP4_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/small_floats.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::safetensors {

/// Weights in MXFP4 as gpt-oss is published (OCP microscaling formats 1.0): for every 32 of a row
/// sixteen bytes of two E2M1 each, the low half first, and a power of two in E8M0 that multiplies them.
inline void widen_mxfp4(std::span<const std::byte> blocks, std::span<const std::byte> scales,
                        std::span<float> out) noexcept
{
    constexpr std::size_t bytes = 16;
    for (std::size_t b = 0; b < scales.size(); ++b) {
        const float scale = compressed_tensors::from_e8m0(static_cast<std::uint8_t>(scales[b]));
        for (std::size_t i = 0; i < bytes; ++i) {
            const auto both = static_cast<std::uint8_t>(blocks[b * bytes + i]);
            float* const to = out.data() + 2 * (b * bytes + i);
            to[0] = scale * compressed_tensors::e2m1_values[both & 15];
            to[1] = scale * compressed_tensors::e2m1_values[both >> 4];
        }
    }
}

} // namespace awq::safetensors

#endif
