// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_TENSOR_SOURCE_HPP
#define AWQ_PIPELINE_TENSOR_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// The shape of a named tensor: a matrix, or a vector as one row.
struct tensor_shape {
    std::size_t rows = 0;
    std::size_t cols = 0;
};

/// A model on disk as named float32 tensors, whatever format they are stored in: a quantized layer
/// reads as its dequantized weight under the plain name. Names are those of Hugging Face
/// checkpoints ("model.layers.0.self_attn.q_proj.weight").
class tensor_source {
public:
    virtual ~tensor_source() = default;

    virtual const model_config& config() const noexcept = 0;
    /// Where it came from, for error texts.
    virtual const std::string& path() const noexcept = 0;
    /// Nothing where there is no such tensor.
    virtual std::optional<tensor_shape> shape(std::string_view name) const = 0;
    /// Reads out.rows() rows from `first_row` on; `out` is contiguous and has the tensor's columns.
    /// Errors name the tensor; a NaN is one.
    virtual status read_rows(std::string_view name, std::size_t first_row,
                             matrix_view<float> out) const = 0;

    /// Reads a whole tensor; `out` has its shape.
    status read(std::string_view name, matrix_view<float> out) const
    {
        return read_rows(name, 0, out);
    }

protected:
    tensor_source() = default;
    tensor_source(const tensor_source&) = default;
    tensor_source& operator=(const tensor_source&) = default;
};

} // namespace awq

#endif
