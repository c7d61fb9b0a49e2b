// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_ROUND_LINEAR_HPP
#define AWQ_DEVICE_HOST_ROUND_LINEAR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/host_matrix.hpp>
#include <awq/device/linear_rounding.hpp>
#include <awq/device/quantized_linear.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/quantization/feedback_formats.hpp>
#include <awq/quantization/float_feedback.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace awq {

/// Rounds the weight of one linear layer to its format.
template <class Product, execution E>
class linear_rounder {
public:
    linear_rounder(const E& how, const linear_rounding& by) : how_(how), by_(by) {}

    /// Rounds `weight` (out_features, in_features) and replaces it by what the codes stand for.
    quantized_linear round(const any_quantizer& format, matrix_view<float> weight) const;

private:
    /// Nothing chooses the codes but the format's own rule: then they are those of compressed-tensors,
    /// which rounds the quotients to the weights' type.
    bool is_plain() const noexcept { return by_.feedback.empty() && by_.clip_steps <= 1; }

    integer_codes round_to(integer_quantizer format, matrix_view<float> weight) const
    {
        integer_codes made{format.format, weight.rows(), weight.cols(), format.group_size, {}, {}, {}};
        const std::size_t width = format.scale_columns(weight.cols()), groups = made.groups();
        made.codes.resize(weight.size());
        made.scales.resize(weight.rows() * groups);
        if (!format.format.symmetric) made.zero_points.resize(weight.rows() * groups);
        if (is_plain()) {
            how_.for_each(weight.rows(), [&](std::size_t row) {
                const std::span<std::int8_t> zeros{made.zero_points};
                format.quantize_row(weight.row(row), std::span{made.codes}.subspan(row * weight.cols(), weight.cols()),
                                    std::span{made.scales}.subspan(row * groups, groups),
                                    zeros.empty() ? zeros : zeros.subspan(row * groups, groups));
            });
            dequantize(made, format.storage, weight);
            return made;
        }
        const auto store = [&](std::size_t row, std::size_t first, const integer_grid& grid,
                               std::span<const std::uint8_t> codes) {
            const std::size_t group = row * groups + first / width;
            made.scales[group] = grid.shared.scale;
            if (!made.zero_points.empty()) made.zero_points[group] = static_cast<std::int8_t>(grid.shared.zero_point);
            const int low = static_cast<int>(format.format.smallest());
            for (std::size_t i = 0; i < codes.size(); ++i)
                made.codes[row * weight.cols() + first + i] = static_cast<std::int8_t>(codes[i] + low);
        };
        format.clip_steps = by_.clip_steps;
        run(integer_feedback_format{format}, weight, store);
        return made;
    }

    fp8_codes round_to(fp8_quantizer format, matrix_view<float> weight) const
    {
        fp8_codes made{weight.rows(), weight.cols(), format.block_rows, format.block_cols, {}, {}};
        made.codes.resize(weight.size());
        made.scales.resize(made.scale_rows() * made.scale_cols());
        const std::size_t width = format.scale_columns(weight.cols());
        const auto store = [&](std::size_t row, std::size_t first, const fp8_grid& grid,
                               std::span<const std::uint8_t> codes) {
            if (row % format.block_rows == 0)
                made.scales[row / format.block_rows * made.scale_cols() + first / width] = grid.scale;
            std::copy(codes.begin(), codes.end(), &made.codes[row * weight.cols() + first]);
        };
        const bool has_feedback_format = format.block_rows == 1 || format.block_rows == 128;
        if (is_plain() || !has_feedback_format) {
            format.quantize(weight, {made.codes.data(), made.rows, made.cols}, made.scales);
            format.pseudo_quantize(weight, {}, weight);
            return made;
        }
        format.clip_steps = by_.clip_steps;
        if (format.block_rows == 1)
            run(fp8_feedback_format<1>{format}, weight, store);
        else
            run(fp8_feedback_format<128>{format}, weight, store);
        return made;
    }

    fp4_codes round_to(const fp4_quantizer& chosen, matrix_view<float> weight) const
    {
        fp4_quantizer format = chosen.for_magnitude(by_.magnitude);
        fp4_codes made{format.kind, weight.rows(), weight.cols(), {}, {}, format.global_scale};
        const std::size_t groups = made.groups();
        made.codes.resize(weight.size());
        made.scales.resize(weight.rows() * groups);
        if (is_plain()) {
            format.quantize(weight, {made.codes.data(), made.rows, made.cols}, {made.scales.data(), made.rows, groups});
            format.pseudo_quantize(weight, {}, weight);
            return made;
        }
        const auto store = [&](std::size_t row, std::size_t first, const fp4_grid& grid,
                               std::span<const std::uint8_t> codes) {
            made.scales[row * groups + first / group_size_of(format.kind)] = grid.scale.pattern;
            std::copy(codes.begin(), codes.end(), &made.codes[row * weight.cols() + first]);
        };
        format.clip_steps = by_.clip_steps;
        run(fp4_feedback_format{format}, weight, store);
        return made;
    }

    gguf_blocks round_to(const gguf::simd_block_quantizer& format, matrix_view<float> weight) const
    {
        return round_to_blocks(format.type(), weight);
    }

    gguf_blocks round_to_blocks(gguf::type type, matrix_view<float> weight) const
    {
        const gguf::rounding how = by_.better_rounding ? gguf::rounding::best : gguf::rounding::exact;
        const gguf::simd_block_quantizer format{type, how};
        gguf_blocks made{type, weight.rows(), weight.cols(), {}};
        const std::size_t row_bytes = format.row_bytes(weight.cols());
        made.bytes.resize(weight.rows() * row_bytes);
        const std::span<std::byte> bytes{made.bytes};
        if (by_.feedback.empty() || !gguf::has_grid(type)) {
            how_.for_each(weight.rows(), [&](std::size_t row) {
                const auto to = bytes.subspan(row * row_bytes, row_bytes);
                format.quantize_row(weight.row(row), by_.importance, to);
                format.dequantize_row(to, weight.row(row));
            });
            return made;
        }
        std::vector<float> energies(weight.rows());
        how_.for_each(weight.rows(), [&](std::size_t row) { energies[row] = gguf::mean_square(weight.row(row)); });
        const std::size_t columns = gguf::block_columns(type), size = gguf::block_bytes(type);
        const auto store = [&](std::size_t row, std::size_t first, const gguf::block_grid& grid,
                               std::span<const std::uint8_t> codes) {
            const std::size_t at = row * row_bytes + first / columns * size;
            gguf::pack_block(grid, codes, bytes.subspan(at, size));
        };
        run(gguf_feedback_format<gguf::simd_engine>{type, energies, how}, weight, store);
        return made;
    }

    /// Without feedback each column is rounded for itself: the feedback matrix is then all zeros.
    template <class Format, class Store>
    void run(const Format& format, matrix_view<float> weight, const Store& store) const
    {
        host_matrix none;
        matrix_view<const float> feedback = by_.feedback;
        if (feedback.empty()) {
            none = xtensor_backend::make(weight.cols(), weight.cols());
            std::fill_n(none.data(), none.size(), 0.0f);
            feedback = view_of(std::as_const(none));
        }
        constexpr std::size_t rows_at_once = 2048; // enough for large products
        host_matrix difference = xtensor_backend::make(std::min(rows_at_once, weight.rows()), weight.cols());
        std::vector<float> scratch(feedback_scratch(format, view_of(std::as_const(difference))));
        round_with_feedback<Product>(how_, weight, feedback, by_.importance, format, view_of(difference), scratch,
                                     store);
    }

    const E& how_;
    const linear_rounding& by_;
};

template <class Product, execution E>
quantized_linear linear_rounder<Product, E>::round(const any_quantizer& format, matrix_view<float> weight) const
{
    return format.visit([&](const auto& rounding) -> quantized_linear { return round_to(rounding, weight); });
}

} // namespace awq

#endif
