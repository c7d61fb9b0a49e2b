// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GPTQ_WEIGHT_HPP
#define AWQ_IO_GPTQ_WEIGHT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/weight_reader.hpp>
#include <awq/quantization/pack_bits.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

/// The layout of AutoGPTQ and GPTQModel (https://github.com/ModelCloud/GPTQModel).
namespace awq::gptq {

/// What `quantization_config` with "quant_method": "gptq" says.
struct quantization_config {
    int bits = 4;
    std::size_t group_size = 128; ///< 0: the whole row (stored as -1)
    bool symmetric = true;
    /// "gptq" stores every zero point less 1, "gptq_v2" stores it as it is.
    bool zero_points_less_one = true;
};

/// Reads it. Error: unsupported for bit counts other than 2, 3, 4 and 8 and for other layouts.
inline result<quantization_config> read_quantization_config(const json::value& root)
{
    quantization_config read;
    AWQ_TRY(const json::value bits, root.at("bits"));
    AWQ_TRY(const std::int64_t count, bits.as_integer());
    if (count != 2 && count != 3 && count != 4 && count != 8)
        return bits.error(error_code::unsupported, "GPTQ weights of ", count,
                          " bits are not supported, only 2, 3, 4 and 8");
    read.bits = static_cast<int>(count);
    if (const auto size = root.find_non_null("group_size")) {
        AWQ_TRY(const std::int64_t columns, size->as_integer());
        if (columns == 0 || columns < -1)
            return size->error(error_code::malformed_file, "a group size cannot be ", columns);
        read.group_size = columns < 0 ? 0 : static_cast<std::size_t>(columns);
    }
    if (const auto symmetric = root.find_non_null("sym")) {
        AWQ_TRY(read.symmetric, symmetric->as_bool());
    }
    const auto layout = root.find_non_null("checkpoint_format");
    if (!layout) return read;
    AWQ_TRY(const std::string_view name, layout->as_string());
    if (name != "gptq" && name != "gptq_v2")
        return layout->error(error_code::unsupported, "the GPTQ layout \"", printable(name),
                             "\" is not supported, only \"gptq\" and \"gptq_v2\"");
    read.zero_points_less_one = name == "gptq";
    return read;
}

/// Reads a layer in GPTQ's layout.
class AWQ_ABI_TAG weight final : public weight_reader {
public:
    /// Errors: missing_tensor, malformed_file for shapes that do not fit together.
    static result<std::unique_ptr<weight_reader>> open(const layer_tensors& tensors, const quantization_config& config)
    {
        auto made = std::unique_ptr<weight>{new weight};
        made->config_ = config;
        AWQ_CHECK(made->find_codes(tensors));
        AWQ_CHECK(made->find_qparams(tensors));
        return std::unique_ptr<weight_reader>{std::move(made)};
    }

    std::size_t rows() const noexcept override { return shape_.rows; }
    std::size_t cols() const noexcept override { return shape_.cols; }
    dtype scale_type() const noexcept override { return *scales_->type(); }

    status read_rows(std::size_t first_row, matrix_view<float> out) const override
    {
        AWQ_TRY(const integer_codes part, unpack(first_row, out.rows()));
        if (order_.empty())
            dequantize(part, scale_type(), out);
        else
            dequantize_ordered(part, order_, scale_type(), out);
        return {};
    }

    result<integer_codes> codes() const override
    {
        if (!order_.empty())
            return error{error_code::unsupported,
                         "its columns were quantized in the order of their activations (desc_act)"};
        return unpack(0, rows());
    }

private:
    weight() = default;

    status find_codes(const layer_tensors& tensors)
    {
        AWQ_TRY(qweight_, tensors.matrix("qweight", {safetensors::element_type::i32}));
        const auto bits = static_cast<std::uint64_t>(config_.bits);
        if (qweight_->shape[0] * 32 % bits != 0)
            return tensors.fail("qweight", "has ", qweight_->shape[0],
                                " rows of words, which are not a whole number of inputs");
        shape_.format = {config_.bits, false};
        shape_.cols = static_cast<std::size_t>(qweight_->shape[0] * 32 / bits);
        shape_.rows = static_cast<std::size_t>(qweight_->shape[1]);
        shape_.group_size = config_.group_size;
        if (shape_.group_size == 0 || shape_.cols % shape_.group_size == 0) return {};
        return tensors.fail("qweight", "has ", shape_.cols, " inputs, which the group size ", shape_.group_size,
                            " does not divide");
    }

    status find_qparams(const layer_tensors& tensors)
    {
        using safetensors::element_type;
        AWQ_TRY(scales_, tensors.matrix("scales", {element_type::f16, element_type::bf16, element_type::f32},
                                        shape_.groups(), shape_.rows));
        AWQ_TRY(qzeros_, tensors.matrix("qzeros", {element_type::i32}, shape_.groups(),
                                        packed_words(shape_.rows, config_.bits)));
        if (!tensors.find("g_idx")) return {};
        AWQ_TRY(order_, read_group_index(tensors, "g_idx", shape_.cols, shape_.groups()));
        if (is_plain_order(order_, shape_.group_columns())) order_.clear();
        return {};
    }

    result<integer_codes> unpack(std::size_t first, std::size_t count) const
    {
        integer_codes part = shape_;
        part.rows = count;
        const std::size_t groups = part.groups();
        part.codes.resize(count * part.cols);
        unpack_codes(first, part);
        unpack_zero_points(first, part);
        AWQ_TRY(const auto scales, awq::detail::read_scales(*scales_, 0, groups * shape_.rows));
        part.scales.resize(count * groups);
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t g = 0; g < groups; ++g) part.scales[r * groups + g] = scales[g * shape_.rows + first + r];
        return part;
    }

    std::uint32_t word(const safetensors::tensor& from, std::size_t index) const
    {
        return safetensors::detail::load<std::uint32_t>(from.bytes.data(), index);
    }

    void unpack_codes(std::size_t first, integer_codes& part) const
    {
        const int bits = config_.bits;
        for (std::size_t r = 0; r < part.rows; ++r)
            awq::detail::unpack_line(
                part.cols, bits, [&](std::size_t at) { return word(*qweight_, at * shape_.rows + first + r); },
                [&](std::size_t c, std::uint32_t value) {
                    part.codes[r * part.cols + c] = awq::detail::to_signed(value, bits);
                });
    }

    void unpack_zero_points(std::size_t first, integer_codes& part) const
    {
        const int bits = config_.bits;
        const std::size_t groups = part.groups(), width = packed_words(shape_.rows, bits);
        const std::uint32_t mask = (1u << bits) - 1u, less = config_.zero_points_less_one ? 1u : 0u;
        part.zero_points.resize(part.rows * groups);
        for (std::size_t g = 0; g < groups; ++g)
            awq::detail::unpack_line(
                first + part.rows, bits, [&](std::size_t at) { return word(*qzeros_, g * width + at); },
                [&](std::size_t r, std::uint32_t value) {
                    if (r < first) return;
                    const std::uint32_t zero = (value + less) & mask;
                    part.zero_points[(r - first) * groups + g] = awq::detail::to_signed(zero, bits);
                });
    }

    quantization_config config_;
    integer_codes shape_; // without codes
    const safetensors::tensor* qweight_ = nullptr;
    const safetensors::tensor* qzeros_ = nullptr;
    const safetensors::tensor* scales_ = nullptr;
    std::vector<std::uint32_t> order_; // group of each column; empty: neighbours
};

} // namespace awq::gptq

#endif
