// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_TENSOR_WRITER_HPP
#define AWQ_CHECKPOINT_GGUF_TENSOR_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_facts.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/device/quantized_linear.hpp>
#include <awq/io/gguf/permute.hpp>
#include <awq/io/gguf/writer.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>
#include <awq/quantization/gguf/quantize_rows.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Writes the tensors of a layout into a GGUF file: rounds rows to the tensor's type, all cores at
/// work, and brings them into llama.cpp's order. Tensors may come in any order.
class AWQ_ABI_TAG gguf_tensor_writer {
public:
    /// `machine` must outlive the writer. Errors: those of gguf::writer.
    static result<gguf_tensor_writer> create(device& machine, const std::string& path, const gguf_layout& layout,
                                             const gguf::key_values& metadata, const output_policy& policy,
                                             gguf::rounding rounding = gguf::rounding::exact)
    {
        std::vector<gguf::tensor_plan> plan;
        for (const gguf_tensor& each : layout.tensors()) plan.push_back({each.name, each.type, each.dims});
        AWQ_TRY(gguf::writer out, gguf::writer::create(path, metadata, std::move(plan), policy));
        return gguf_tensor_writer{machine, std::move(out), rounding};
    }

    /// Rounds and writes a part of a tensor. `values`: all of the checkpoint's tensor; `importance`: mean
    /// of x^2 for each column, of each matrix of a stack, or empty.
    status write(const gguf_tensor& tensor, const gguf_part& part, matrix_view<const float> values,
                 std::span<const float> importance = {})
    {
        if (tensor.is_vector()) return write_elements(tensor, part, values);
        if (part.first + part.rows > values.rows() || values.cols() != columns_of(tensor, part))
            return error{error_code::shape_mismatch, part.hf_name, ": is ", values.rows(), " x ", values.cols(),
                         ", which does not fit ",    tensor.name};
        return write_part(tensor, part, values.rows_from(part.first, part.rows), importance);
    }

    /// Writes a part that is rounded already.
    status write(const gguf_tensor& tensor, const gguf_part& part, const gguf_blocks& blocks)
    {
        if (blocks.type != tensor.type || blocks.rows < part.first + part.rows || blocks.cols != tensor.cols())
            return error{error_code::shape_mismatch, part.hf_name,        ": was rounded to ", name_of(blocks.type),
                         ", the file is to hold ",   name_of(tensor.type)};
        const std::size_t row = blocks.bytes.size() / blocks.rows;
        return put(tensor, part.at,
                   std::span<const std::byte>{blocks.bytes}.subspan(part.first * row, part.rows * row));
    }

    /// Reads a tensor, rounds and writes it, a stripe of rows at a time; one that no checkpoint has is
    /// computed.
    status copy(const gguf_tensor& tensor, const tensor_source& source, std::span<const float> importance = {})
    {
        for (const gguf_part& part : tensor.parts) AWQ_CHECK(copy(tensor, part, source, importance));
        if (!tensor.parts.empty()) return {};
        AWQ_TRY(const auto values, gguf_rope_values(source.config(), tensor.name));
        if (values.size() != tensor.cols())
            return error{error_code::shape_mismatch,  source.path(), ": ", tensor.name, " needs ", tensor.cols(),
                         " factors, the config has ", values.size()};
        return write_rows(tensor, 0, {values.data(), 1, values.size()}, {});
    }

    /// What is written so far, and going on behind it, see `checkpoint_sink`.
    void save(state_writer& to) const { out_.save(to); }
    status restore(state_reader& from) { return out_.restore(from); }

    /// Makes the complete file ready, and puts it into place.
    status prepare() { return out_.prepare(); }
    status commit() { return out_.commit(); }

private:
    gguf_tensor_writer(device& machine, gguf::writer&& out, gguf::rounding rounding)
        : machine_(&machine), out_(std::move(out)), rounding_(rounding)
    {}

    /// Of the checkpoint's tensor.
    static std::size_t columns_of(const gguf_tensor& tensor, const gguf_part& part)
    {
        return part.is_transposed ? static_cast<std::size_t>(tensor.dims[1]) : tensor.cols();
    }

    status copy(const gguf_tensor& tensor, const gguf_part& part, const tensor_source& source,
                std::span<const float> importance)
    {
        if (tensor.is_vector()) {
            const auto shape = source.shape(part.hf_name);
            host_matrix values = xtensor_backend::make(1, shape ? shape->cols : 1);
            AWQ_CHECK(source.read(part.hf_name, view_of(values)));
            return write_elements(tensor, part, view_of(values));
        }
        const std::size_t rows = part.rows;
        const std::size_t step = std::min(part.is_transposed ? rows : stripe_rows(tensor), rows);
        host_matrix stripe = xtensor_backend::make(step, columns_of(tensor, part));
        for (std::size_t done = 0; done < rows; done += step) {
            gguf_part piece = part;
            piece.rows = std::min(step, rows - done);
            piece.at += done;
            const auto values = view_of(stripe).rows_from(0, piece.rows);
            AWQ_CHECK(source.read_rows(part.hf_name, part.first + done, values));
            AWQ_CHECK(write_part(tensor, piece, values, importance));
        }
        return {};
    }

    /// `values`: all of the checkpoint's vector.
    status write_elements(const gguf_tensor& tensor, const gguf_part& part, matrix_view<const float> values)
    {
        if (values.rows() != 1 || part.first + part.rows > values.cols())
            return error{error_code::shape_mismatch, part.hf_name, ": is ", values.rows(), " x ", values.cols(),
                         ", which does not fit ",    tensor.name};
        if (part.rows == tensor.cols()) return write_rows(tensor, 0, values, {});
        std::vector<float> some(values.row(0).begin() + static_cast<std::ptrdiff_t>(part.first),
                                values.row(0).begin() + static_cast<std::ptrdiff_t>(part.first + part.rows));
        for (float& value : some) value += tensor.offset;
        AWQ_TRY(const std::size_t index, out_.index_of(tensor.name));
        return out_.write_part(index, part.at * sizeof(float), std::as_bytes(std::span{some}));
    }

    /// `values`: the part's rows.
    status write_part(const gguf_tensor& tensor, const gguf_part& part, matrix_view<const float> values,
                      std::span<const float> importance)
    {
        const auto own = tensor.importance_of(part, importance);
        if (!part.is_transposed) return write_rows(tensor, part.at, values, own);
        host_matrix turned = xtensor_backend::make(values.cols(), values.rows());
        for (std::size_t row = 0; row < values.rows(); ++row)
            for (std::size_t col = 0; col < values.cols(); ++col) view_of(turned)(col, row) = values(row, col);
        return write_rows(tensor, part.at, view_of(turned), own);
    }

    /// About 16 MB of floats, and whole heads.
    static std::size_t stripe_rows(const gguf_tensor& tensor)
    {
        const std::size_t wanted = std::max<std::size_t>(1, (std::size_t{4} << 20) / tensor.cols());
        if (tensor.heads == 0 || tensor.dims.size() == 1) return wanted;
        const std::size_t head = tensor.rows() / tensor.heads;
        return std::max<std::size_t>(1, wanted / std::max<std::size_t>(1, head)) * head;
    }

    status write_rows(const gguf_tensor& tensor, std::size_t first, matrix_view<const float> rows,
                      std::span<const float> importance)
    {
        std::vector<float> shifted;
        if (tensor.offset != 0.0f) {
            for (std::size_t row = 0; row < rows.rows(); ++row)
                for (const float value : rows.row(row)) shifted.push_back(value + tensor.offset);
            rows = {shifted.data(), rows.rows(), rows.cols()};
        }
        const gguf::simd_block_quantizer quantizer{tensor.type, rounding_};
        std::vector<std::byte> bytes(rows.rows() * quantizer.row_bytes(rows.cols()));
        const auto done = machine_->quantize_rows(quantizer, rows, importance, bytes);
        if (!done) return done.error().within(name_of_origin(tensor));
        AWQ_CHECK(check_range(tensor, rows, bytes));
        return put(tensor, first, bytes);
    }

    /// F16 ends at 65504, and so do the scales of blocks.
    static status check_range(const gguf_tensor& tensor, matrix_view<const float> rows,
                              std::span<const std::byte> bytes)
    {
        constexpr float largest_half = 65504.0f;
        const gguf::block_quantizer reader{tensor.type};
        const std::size_t row_bytes = reader.row_bytes(rows.cols());
        std::vector<float> back;
        for (std::size_t row = 0; row < rows.rows(); ++row) {
            float most = 0.0f;
            for (const float value : rows.row(row)) most = std::max(most, std::fabs(value));
            if (most <= largest_half) continue;
            back.resize(rows.cols());
            reader.dequantize_row(bytes.subspan(row * row_bytes, row_bytes), back);
            const auto is_finite = [](float each) { return std::isfinite(each); };
            if (!std::all_of(back.begin(), back.end(), is_finite))
                return error{error_code::not_finite,
                             name_of_origin(tensor),
                             ": holds ",
                             most,
                             ", which ",
                             name_of(tensor.type),
                             " cannot; write bf16 or f32, or give this tensor "
                             "such a type"};
        }
        return {};
    }

    /// `bytes`: rows from `first` on, in the checkpoint's order.
    status put(const gguf_tensor& tensor, std::size_t first, std::span<const std::byte> bytes)
    {
        AWQ_TRY(const std::size_t index, out_.index_of(tensor.name));
        const std::size_t all_bytes = static_cast<std::size_t>(out_.size_of_tensor(index));
        const std::size_t offset = first * (all_bytes / tensor.rows());
        if (tensor.heads == 0) return out_.write_part(index, offset, bytes);
        // A bias has one value for each row of its weight.
        const std::size_t row_count = tensor.dims.size() > 1 ? tensor.rows() : tensor.cols();
        const std::size_t part_rows = bytes.size() / (all_bytes / row_count);
        const std::size_t part_heads = part_rows / std::max<std::size_t>(1, row_count / tensor.heads);
        std::vector<std::byte> ordered(bytes.size());
        const auto done = gguf::interleave_rotary_rows<std::byte>(bytes, ordered, part_rows, part_heads);
        if (!done) return done.error().within(name_of_origin(tensor));
        return out_.write_part(index, offset, ordered);
    }

    /// For error texts.
    static const std::string& name_of_origin(const gguf_tensor& tensor)
    {
        return tensor.parts.empty() ? tensor.name : tensor.parts.front().hf_name;
    }

    device* machine_;
    gguf::writer out_;
    gguf::rounding rounding_;
};

} // namespace awq

#endif
