// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_TENSOR_SOURCE_HPP
#define AWQ_BLOCK_TENSOR_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>
#include <awq/report/tensor_report.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
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

/// How a file holds a tensor, for checks and error texts.
struct stored_tensor_facts {
    std::vector<std::uint64_t> shape; ///< outermost extent first, of any rank
    std::string type;                 ///< as the file calls it: "BF16"
    bool is_readable = true;          ///< as float32
};

/// A model on disk as named float32 tensors, whatever format they are stored in: a quantized layer
/// reads as its dequantized weight under the plain name. Names are those of Hugging Face
/// checkpoints ("model.layers.0.self_attn.q_proj.weight").
class AWQ_ABI_TAG tensor_source {
public:
    virtual ~tensor_source() = default;

    virtual const model_config& config() const noexcept = 0;
    /// Where it came from, for error texts.
    virtual const std::string& path() const noexcept = 0;
    /// Nothing where there is no such tensor.
    virtual std::optional<tensor_shape> shape(std::string_view name) const = 0;
    /// How the tensor is stored; nothing where there is none. By default a float32 matrix of `shape`.
    virtual std::optional<stored_tensor_facts> stored(std::string_view name) const
    {
        const auto known = shape(name);
        if (!known) return std::nullopt;
        return stored_tensor_facts{{known->rows, known->cols}, "F32"};
    }
    /// All tensors of the files, as they are stored and called there.
    virtual std::vector<tensor_report> tensors() const = 0;
    /// What the file calls a tensor, for error texts.
    virtual std::string name_in_file(std::string_view name) const { return std::string{name}; }
    /// What a user should be told about the checkpoint.
    virtual std::vector<notice> notices() const { return {}; }
    /// Reads out.rows() rows from `first_row` on; `out` is contiguous and has the tensor's columns.
    /// Errors name the tensor; a NaN is one.
    virtual status read_rows(std::string_view name, std::size_t first_row, matrix_view<float> out) const = 0;

    /// Reads a whole tensor; `out` has its shape.
    status read(std::string_view name, matrix_view<float> out) const { return read_rows(name, 0, out); }

protected:
    tensor_source() = default;
    tensor_source(const tensor_source&) = default;
    tensor_source& operator=(const tensor_source&) = default;
};

} // namespace awq

#endif
