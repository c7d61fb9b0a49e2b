// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_TENSOR_HPP
#define AWQ_CHECKPOINT_GGUF_TENSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/gguf/type.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace awq {

/// Rows of a checkpoint's tensor that stand in a tensor of a GGUF file; elements where that is a vector.
struct gguf_part {
    std::string hf_name;
    std::size_t first = 0, rows = 1; ///< in the checkpoint
    std::size_t at = 0;              ///< the first of them in the file
    bool is_transposed = false;      ///< the file's rows are the columns of these
};

/// A tensor of the GGUF file that a model becomes.
struct gguf_tensor {
    std::string name;                ///< in the file: "blk.0.attn_q.weight"
    std::vector<std::uint64_t> dims; ///< dims[0] is in_features; one for a vector, three for experts
    std::vector<gguf_part> parts;    ///< in the file's order; none for rope tensors, which no checkpoint has
    gguf::type type = gguf::type::f32;
    gguf::type wanted = gguf::type::f32; ///< by the rules; not `type` where rows do not fit it
    std::size_t heads = 0;               ///< where rows are interleaved by heads; else 0
    float offset = 0.0f;                 ///< what the file's values are larger by: 1 for norms that add it
    bool is_optional = false;            ///< the checkpoint may lack it
    bool is_fixed = false;               ///< an override names its type

    std::size_t cols() const noexcept { return static_cast<std::size_t>(dims[0]); }
    std::size_t rows() const noexcept
    {
        std::size_t rows = 1;
        for (std::size_t i = 1; i < dims.size(); ++i) rows *= static_cast<std::size_t>(dims[i]);
        return rows;
    }
    /// Matrices that are stacked in it.
    std::size_t matrices() const noexcept { return dims.size() > 2 ? static_cast<std::size_t>(dims[2]) : 1; }
    bool is_vector() const noexcept { return dims.size() == 1; }
    /// Which matrix of the stack a part is in.
    std::size_t matrix_of(const gguf_part& part) const noexcept
    {
        return matrices() == 1 ? 0 : part.at / static_cast<std::size_t>(dims[1]);
    }
    /// The share of a part in the importance of columns, where each matrix of a stack has its own.
    std::span<const float> importance_of(const gguf_part& part, std::span<const float> importance) const noexcept
    {
        if (importance.size() != cols() * matrices()) return importance;
        return importance.subspan(matrix_of(part) * cols(), cols());
    }
};

} // namespace awq

#endif
