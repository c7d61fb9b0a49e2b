// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_PACKED_WEIGHT_HPP
#define AWQ_IO_COMPRESSED_TENSORS_PACKED_WEIGHT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/quantization_config.hpp>
#include <awq/io/weight_reader.hpp>
#include <awq/quantization/pack_bits.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace awq::compressed_tensors {

/// Reads a layer in format "pack-quantized".
class AWQ_ABI_TAG packed_weight final : public weight_reader {
public:
    /// Errors: missing_tensor, malformed_file for shapes that do not fit together, unsupported.
    static result<std::unique_ptr<weight_reader>> open(const layer_tensors& tensors, const weight_args& args)
    {
        auto made = std::unique_ptr<packed_weight>{new packed_weight};
        AWQ_CHECK(made->read_shape(tensors, args));
        AWQ_CHECK(made->find_qparams(tensors, args));
        return std::unique_ptr<weight_reader>{std::move(made)};
    }

    std::size_t rows() const noexcept override { return shape_.rows; }
    std::size_t cols() const noexcept override { return shape_.cols; }
    dtype scale_type() const noexcept override { return *scale_->type(); }

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
            return error{error_code::unsupported, "its columns were quantized in the order of their activations"};
        return unpack(0, rows());
    }

private:
    packed_weight() = default;

    status read_shape(const layer_tensors& tensors, const weight_args& args)
    {
        using safetensors::element_type;
        if (args.is_float || args.num_bits < 2)
            return error{error_code::unsupported, tensors.module(),
                         ": packed weights are integers "
                         "of 2 to 8 bits here"};
        AWQ_TRY(const auto* const stored, tensors.at("weight_shape", {element_type::i64, element_type::i32}));
        if (stored->element_count() != 2)
            return tensors.fail("weight_shape", "has ", stored->element_count(), " elements, expected 2");
        const bool wide = stored->stored == element_type::i64;
        std::uint64_t extents[2];
        for (std::size_t i = 0; i < 2; ++i)
            extents[i] = wide ? awq::detail::copy_elements<std::uint64_t>(*stored, i, 1)[0]
                              : awq::detail::copy_elements<std::uint32_t>(*stored, i, 1)[0];
        constexpr std::uint64_t most = 1u << 31;
        if (extents[0] == 0 || extents[1] == 0 || extents[0] > most || extents[1] > most)
            return tensors.fail("weight_shape", "says [", extents[0], ", ", extents[1], "]");
        shape_.format = {args.num_bits, args.symmetric};
        shape_.rows = static_cast<std::size_t>(extents[0]);
        shape_.cols = static_cast<std::size_t>(extents[1]);
        AWQ_TRY(packed_, tensors.matrix("weight_packed", {element_type::i32}, shape_.rows,
                                        packed_words(shape_.cols, args.num_bits)));
        return {};
    }

    status find_qparams(const layer_tensors& tensors, const weight_args& args)
    {
        using safetensors::element_type;
        const bool grouped = args.strategy == strategy::group;
        if (!grouped && args.strategy != strategy::channel)
            return error{error_code::unsupported, tensors.module(),
                         ": packed weights with the "
                         "strategy \"",
                         name_of(args.strategy), "\" are not supported"};
        shape_.group_size = grouped ? args.group_size : 0;
        if (grouped && (args.group_size == 0 || shape_.cols % args.group_size != 0))
            return tensors.fail("weight_packed", "has ", shape_.cols, " columns, which the group size ",
                                args.group_size, " does not divide");
        AWQ_TRY(scale_, tensors.matrix("weight_scale", {element_type::bf16, element_type::f16, element_type::f32},
                                       shape_.rows, shape_.groups()));
        if (!args.symmetric) {
            AWQ_TRY(zero_point_, tensors.matrix("weight_zero_point", {element_type::i32},
                                                packed_words(shape_.rows, args.num_bits), shape_.groups()));
        }
        if (!tensors.find("weight_g_idx")) return {};
        AWQ_TRY(order_, read_group_index(tensors, "weight_g_idx", shape_.cols, shape_.groups()));
        if (is_plain_order(order_, shape_.group_columns())) order_.clear();
        return {};
    }

    result<integer_codes> unpack(std::size_t first, std::size_t count) const
    {
        integer_codes part = shape_;
        part.rows = count;
        const int bits = part.format.bits;
        const std::size_t words = packed_words(part.cols, bits), groups = part.groups();
        const auto packed = awq::detail::copy_elements<std::uint32_t>(*packed_, first * words, count * words);
        part.codes.resize(count * part.cols);
        unpack_compressed_tensors({packed.data(), count, words}, bits, {part.codes.data(), count, part.cols});
        AWQ_TRY(part.scales, awq::detail::read_scales(*scale_, first * groups, count * groups));
        if (zero_point_) part.zero_points = unpack_zero_points(first, count);
        return part;
    }

    // 32 rows fill whole words whatever the bits.
    std::vector<std::int8_t> unpack_zero_points(std::size_t first, std::size_t count) const
    {
        const std::size_t groups = shape_.groups(), skipped = first % 32;
        const int bits = shape_.format.bits;
        const std::size_t begin = (first / 32) * static_cast<std::size_t>(bits);
        const std::size_t words = packed_words(skipped + count, bits);
        const auto packed = awq::detail::copy_elements<std::uint32_t>(*zero_point_, begin * groups, words * groups);
        std::vector<std::int8_t> zeros((skipped + count) * groups);
        unpack_compressed_tensors_zero_points({packed.data(), words, groups}, bits,
                                              {zeros.data(), skipped + count, groups});
        zeros.erase(zeros.begin(), zeros.begin() + static_cast<std::ptrdiff_t>(skipped * groups));
        return zeros;
    }

    integer_codes shape_; // without codes
    const safetensors::tensor* packed_ = nullptr;
    const safetensors::tensor* scale_ = nullptr;
    const safetensors::tensor* zero_point_ = nullptr; // null: symmetric
    std::vector<std::uint32_t> order_;                // group of each column; empty: neighbours
};

} // namespace awq::compressed_tensors

#endif
