// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_AUTOAWQ_GEMM_WEIGHT_HPP
#define AWQ_IO_AUTOAWQ_GEMM_WEIGHT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/autoawq/quantization_config.hpp>
#include <awq/io/weight_reader.hpp>
#include <awq/quantization/pack_bits.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace awq::autoawq {

/// Reads a layer in AutoAWQ's "gemm" layout.
class AWQ_ABI_TAG gemm_weight final : public weight_reader {
public:
    /// Errors: missing_tensor, malformed_file for shapes that do not fit together.
    static result<std::unique_ptr<weight_reader>> open(const layer_tensors& tensors, const quantization_config& config)
    {
        using safetensors::element_type;
        auto made = std::unique_ptr<gemm_weight>{new gemm_weight};
        AWQ_TRY(made->qweight_, tensors.matrix("qweight", {element_type::i32}));
        integer_codes& shape = made->shape_;
        shape.format = {4, false};
        shape.cols = static_cast<std::size_t>(made->qweight_->shape[0]);
        shape.rows = static_cast<std::size_t>(made->qweight_->shape[1]) * 8;
        shape.group_size = config.group_size;
        if (shape.group_size != 0 && shape.cols % shape.group_size != 0)
            return tensors.fail("qweight", "has ", shape.cols, " inputs, which the group size ", shape.group_size,
                                " does not divide");
        AWQ_TRY(made->scales_, tensors.matrix("scales", {element_type::f16, element_type::bf16, element_type::f32},
                                              shape.groups(), shape.rows));
        if (config.zero_point || tensors.find("qzeros")) {
            AWQ_TRY(made->qzeros_, tensors.matrix("qzeros", {element_type::i32}, shape.groups(), shape.rows / 8));
        }
        return std::unique_ptr<weight_reader>{std::move(made)};
    }

    std::size_t rows() const noexcept override { return shape_.rows; }
    std::size_t cols() const noexcept override { return shape_.cols; }
    dtype scale_type() const noexcept override { return *scales_->type(); }

    status read_rows(std::size_t first_row, matrix_view<float> out) const override
    {
        // Whole words of eight outputs; the rows asked for are in the middle.
        const std::size_t begin = first_row / 8 * 8, end = (first_row + out.rows() + 7) / 8 * 8;
        AWQ_TRY(const integer_codes part, unpack(begin, end - begin));
        if (begin == first_row && end - begin == out.rows()) {
            dequantize(part, scale_type(), out);
            return {};
        }
        std::vector<float> rows(part.rows * part.cols);
        dequantize(part, scale_type(), {rows.data(), part.rows, part.cols});
        for (std::size_t r = 0; r < out.rows(); ++r)
            std::copy_n(rows.data() + (first_row - begin + r) * part.cols, part.cols, &out(r, 0));
        return {};
    }

    result<integer_codes> codes() const override { return unpack(0, rows()); }

private:
    gemm_weight() = default;

    // Rows from a multiple of eight on, a multiple of eight of them.
    result<integer_codes> unpack(std::size_t first, std::size_t count) const
    {
        integer_codes part = shape_;
        part.rows = count;
        const std::size_t groups = part.groups();
        part.codes.resize(count * part.cols);
        unpack_columns(*qweight_, part.cols, first, count, part.codes);
        part.zero_points.resize(count * groups); // 0 stands for the stored 8
        if (qzeros_) unpack_columns(*qzeros_, groups, first, count, part.zero_points);
        AWQ_TRY(const auto scales, awq::detail::read_scales(*scales_, 0, groups * shape_.rows));
        part.scales.resize(count * groups);
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t g = 0; g < groups; ++g) part.scales[r * groups + g] = scales[g * shape_.rows + first + r];
        return part;
    }

    void unpack_columns(const safetensors::tensor& from, std::size_t lines, std::size_t first, std::size_t count,
                        std::vector<std::int8_t>& into) const
    {
        const std::size_t width = shape_.rows / 8;
        std::vector<std::uint32_t> words(lines * (count / 8));
        for (std::size_t line = 0; line < lines; ++line)
            std::memcpy(words.data() + line * (count / 8), from.bytes.data() + 4 * (line * width + first / 8),
                        count / 8 * 4);
        unpack_autoawq({words.data(), lines, count / 8}, {into.data(), count, lines});
    }

    integer_codes shape_; // without codes
    const safetensors::tensor* qweight_ = nullptr;
    const safetensors::tensor* qzeros_ = nullptr; // null: symmetric
    const safetensors::tensor* scales_ = nullptr;
};

} // namespace awq::autoawq

#endif
