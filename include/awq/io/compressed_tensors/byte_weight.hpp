// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_BYTE_WEIGHT_HPP
#define AWQ_IO_COMPRESSED_TENSORS_BYTE_WEIGHT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/quantization_config.hpp>
#include <awq/io/compressed_tensors/small_floats.hpp>
#include <awq/io/weight_reader.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace awq::compressed_tensors {

/// Reads a layer whose weights take a byte each, or half a byte as FP4: "int-quantized",
/// "float-quantized", "naive-quantized", "nvfp4-pack-quantized", "mxfp4-pack-quantized" and
/// "mxfp8-quantized". A scale may hold for the tensor, a row, or a block of rows and columns.
class AWQ_ABI_TAG byte_weight final : public weight_reader {
public:
    /// Errors: missing_tensor, malformed_file for shapes that do not fit together, unsupported.
    static result<std::unique_ptr<weight_reader>> open(const layer_tensors& tensors, const config_group& group)
    {
        auto made = std::unique_ptr<byte_weight>{new byte_weight};
        made->args_ = group.weights;
        made->stored_ = group.format;
        made->rounds_activations_ = group.activations.has_value();
        made->is_fp4_ = group.format == format::nvfp4_pack_quantized || group.format == format::mxfp4_pack_quantized;
        AWQ_CHECK(made->find_values(tensors));
        AWQ_CHECK(made->find_scales(tensors));
        AWQ_CHECK(made->find_zero_points(tensors));
        AWQ_CHECK(made->find_global_scale(tensors, group.format));
        return std::unique_ptr<weight_reader>{std::move(made)};
    }

    std::size_t rows() const noexcept override { return rows_; }
    std::size_t cols() const noexcept override { return cols_; }
    dtype scale_type() const noexcept override { return rounding_; }
    bool rounds_activations() const noexcept override { return rounds_activations_; }

    status read_rows(std::size_t first_row, matrix_view<float> out) const override
    {
        for (std::size_t r = 0; r < out.rows(); ++r) {
            AWQ_TRY(const auto scales, read_scale_row((first_row + r) / block_rows_));
            std::vector<std::int8_t> zeros;
            if (zero_points_) zeros = zero_points_of((first_row + r) / block_rows_);
            read_row(first_row + r, scales, zeros, out.row(r));
        }
        return {};
    }

    result<integer_codes> codes() const override
    {
        if (args_.is_float || block_rows_ != 1)
            return error{error_code::unsupported, "the weight is ", name_of(stored_),
                         ", not integers in groups; quantize the original again"};
        integer_codes whole;
        whole.format = {args_.num_bits, args_.symmetric};
        whole.rows = rows_;
        whole.cols = cols_;
        whole.group_size = block_cols_ == cols_ ? 0 : block_cols_;
        whole.codes = awq::detail::copy_elements<std::int8_t>(*values_, 0, rows_ * cols_);
        AWQ_TRY(whole.scales, awq::detail::read_scales(*scales_, 0, rows_ * scale_cols_));
        if (zero_points_)
            whole.zero_points = awq::detail::copy_elements<std::int8_t>(*zero_points_, 0, rows_ * scale_cols_);
        AWQ_CHECK(check_range(whole.codes));
        AWQ_CHECK(check_range(whole.zero_points));
        return whole;
    }

private:
    byte_weight() = default;

    status find_values(const layer_tensors& tensors)
    {
        using safetensors::element_type;
        if (is_fp4_) {
            AWQ_TRY(values_, tensors.matrix("weight_packed", {element_type::u8}));
        } else if (args_.is_float) {
            AWQ_TRY(values_, tensors.matrix("weight", {element_type::f8_e4m3}));
        } else {
            AWQ_TRY(values_, tensors.matrix("weight", {element_type::i8}));
        }
        rows_ = static_cast<std::size_t>(values_->shape[0]);
        cols_ = static_cast<std::size_t>(values_->shape[1]) * (is_fp4_ ? 2 : 1);
        return {};
    }

    status choose_blocks(const layer_tensors& tensors)
    {
        block_rows_ = 1;
        block_cols_ = cols_;
        switch (args_.strategy) {
        case strategy::tensor:
            block_rows_ = rows_;
            break;
        case strategy::channel:
            break;
        case strategy::block:
            block_rows_ = args_.block_structure[0];
            block_cols_ = args_.block_structure[1];
            break;
        default:
            block_cols_ = args_.group_size;
            if (block_cols_ == 0 || cols_ % block_cols_ != 0)
                return tensors.fail(is_fp4_ ? "weight_packed" : "weight", "has ", cols_,
                                    " columns, which the group size ", block_cols_, " does not divide");
        }
        scale_cols_ = cols_ / block_cols_ + (cols_ % block_cols_ != 0 ? 1 : 0);
        return {};
    }

    status find_scales(const layer_tensors& tensors)
    {
        using safetensors::element_type;
        AWQ_CHECK(choose_blocks(tensors));
        const std::size_t scale_rows = rows_ / block_rows_ + (rows_ % block_rows_ != 0 ? 1 : 0);
        AWQ_TRY(scales_, tensors.at("weight_scale", {element_type::bf16, element_type::f16, element_type::f32,
                                                     element_type::f8_e4m3, element_type::u8, element_type::f8_e8m0}));
        if (scales_->element_count() != std::uint64_t{scale_rows} * scale_cols_)
            return tensors.fail("weight_scale", "has the shape ", safetensors::shape_text(scales_->shape),
                                ", expected [", scale_rows, ", ", scale_cols_, "]");
        const auto type = scales_->type();
        if (type && is_smoothable(*type)) rounding_ = *type;
        return {};
    }

    status find_zero_points(const layer_tensors& tensors)
    {
        if (args_.symmetric || args_.is_float) return {};
        AWQ_TRY(zero_points_, tensors.at("weight_zero_point", {safetensors::element_type::i8}));
        if (zero_points_->element_count() == scales_->element_count()) return {};
        return tensors.fail("weight_zero_point", "has the shape ", safetensors::shape_text(zero_points_->shape),
                            ", expected as many as there are scales");
    }

    // compressed-tensors decompresses FP4 to bfloat16.
    status find_global_scale(const layer_tensors& tensors, format stored)
    {
        if (is_fp4_) rounding_ = dtype::bf16;
        if (stored != format::nvfp4_pack_quantized) return {};
        AWQ_TRY(const auto* const found, tensors.at("weight_global_scale", {safetensors::element_type::f32}));
        if (found->element_count() != 1)
            return tensors.fail("weight_global_scale", "has ", found->element_count(), " elements, expected 1");
        AWQ_TRY(const auto values, awq::detail::read_scales(*found, 0, 1));
        if (values.front() == 0.0f) return tensors.fail("weight_global_scale", "is 0");
        global_scale_ = values.front();
        return {};
    }

    result<std::vector<float>> read_scale_row(std::size_t row) const
    {
        const auto type = scales_->type();
        const std::size_t first = row * scale_cols_;
        std::vector<float> scales(scale_cols_);
        if (type && is_smoothable(*type)) {
            AWQ_TRY(scales, awq::detail::read_scales(*scales_, first, scale_cols_));
        } else {
            const bool fp8 = scales_->stored == safetensors::element_type::f8_e4m3;
            for (std::size_t i = 0; i < scale_cols_; ++i) {
                const auto bits = std::to_integer<std::uint8_t>(scales_->bytes[first + i]);
                scales[i] = fp8 ? e4m3_values[bits] : from_e8m0(bits);
            }
        }
        for (float& scale : scales) scale /= global_scale_;
        return scales;
    }

    std::vector<std::int8_t> zero_points_of(std::size_t row) const
    {
        return awq::detail::copy_elements<std::int8_t>(*zero_points_, row * scale_cols_, scale_cols_);
    }

    float value_at(std::size_t row, std::size_t col) const
    {
        const std::size_t at = row * cols_ + col;
        const auto byte = std::to_integer<std::uint8_t>(values_->bytes[is_fp4_ ? at / 2 : at]);
        if (is_fp4_) return e2m1_values[col % 2 == 0 ? byte & 15 : byte >> 4];
        if (args_.is_float) return e4m3_values[byte];
        return static_cast<float>(static_cast<std::int8_t>(byte));
    }

    void read_row(std::size_t row, std::span<const float> scales, std::span<const std::int8_t> zeros,
                  std::span<float> out) const
    {
        with_storage(rounding_, [&](auto rounding) {
            for (std::size_t c = 0; c < cols_; ++c) {
                const std::size_t at = c / block_cols_;
                const float zero = zeros.empty() ? 0.0f : zeros[at];
                out[c] = value_of(value_at(row, c), qparams{scales[at], zero}, rounding);
            }
        });
    }

    status check_range(std::span<const std::int8_t> codes) const
    {
        const int limit = 1 << (args_.num_bits - 1);
        for (const int code : codes)
            if (code < -limit || code >= limit)
                return error{error_code::malformed_file,
                             values_->file->path(),
                             ": tensor \"",
                             printable(values_->name),
                             "\": ",
                             code,
                             " is not a code of ",
                             args_.num_bits,
                             " bits"};
        return {};
    }

    weight_args args_;
    format stored_ = format::int_quantized;
    bool is_fp4_ = false, rounds_activations_ = false;
    std::size_t rows_ = 0, cols_ = 0;
    std::size_t block_rows_ = 1, block_cols_ = 1; // that share a scale
    std::size_t scale_cols_ = 1;
    float global_scale_ = 1.0f;
    dtype rounding_ = dtype::f32;
    const safetensors::tensor* values_ = nullptr;
    const safetensors::tensor* scales_ = nullptr;
    const safetensors::tensor* zero_points_ = nullptr;
};

} // namespace awq::compressed_tensors

#endif
