// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_TENSOR_HPP
#define AWQ_PIPELINE_GGUF_TENSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/gguf/type.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace awq {

/// A tensor of the GGUF file that a model becomes.
struct gguf_tensor {
    std::string hf_name; ///< in the checkpoint; empty for rope_freqs.weight, which no checkpoint has
    std::string name;    ///< in the file: "blk.0.attn_q.weight"
    std::vector<std::uint64_t> dims; ///< dims[0] is in_features; one for a vector
    gguf::type type = gguf::type::f32;
    gguf::type wanted = gguf::type::f32; ///< by the rules; not `type` where rows do not fit it
    std::size_t heads = 0; ///< where rows are interleaved by heads; else 0
    float offset = 0.0f;   ///< what the file's values are larger by: 1 for norms that add it
    bool is_fixed = false; ///< an override names its type

    std::size_t cols() const noexcept { return static_cast<std::size_t>(dims[0]); }
    std::size_t rows() const noexcept
    {
        return dims.size() > 1 ? static_cast<std::size_t>(dims[1]) : 1;
    }
};

} // namespace awq

#endif
