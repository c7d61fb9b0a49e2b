// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_ROUND_LINEAR_HPP
#define AWQ_PIPELINE_ROUND_LINEAR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/pipeline/any_quantizer.hpp>
#include <awq/pipeline/host_matrix.hpp>
#include <awq/pipeline/oneshot_options.hpp>
#include <awq/pipeline/quantized_linear.hpp>
#include <awq/quantization/feedback_formats.hpp>
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
    /// `feedback`: from `make_feedback`, or empty for rounding without error feedback.
    /// `importance`: mean of x^2 per column, or empty.
    linear_rounder(const E& how, matrix_view<const float> feedback,
                   std::span<const float> importance, const rounding_options& options)
        : how_(how), feedback_(feedback), importance_(importance), options_(options)
    {
    }

    /// Rounds `weight` (out_features, in_features) and replaces it by what the codes stand for.
    quantized_linear round(const any_quantizer& format, matrix_view<float> weight) const
    {
        if (const auto* integer = format.get_if<integer_quantizer>())
            return round_to_integers(*integer, weight);
        return round_to_blocks(format.get_if<gguf::simd_block_quantizer>()->type(), weight);
    }

private:
    integer_codes round_to_integers(const integer_quantizer& format, matrix_view<float> weight) const
    {
        integer_codes made{format.format, weight.rows(), weight.cols(), format.group_size, {}, {}, {}};
        const std::size_t width = format.scale_columns(weight.cols()), groups = made.groups();
        made.codes.resize(weight.size());
        made.scales.resize(weight.rows() * groups);
        if (!format.format.symmetric) made.zero_points.resize(weight.rows() * groups);
        const auto store = [&](std::size_t row, std::size_t first, const integer_grid& grid,
                               std::span<const std::uint8_t> codes) {
            const std::size_t group = row * groups + first / width;
            made.scales[group] = grid.shared.scale;
            if (!made.zero_points.empty())
                made.zero_points[group] = static_cast<std::int8_t>(grid.shared.zero_point);
            const int low = static_cast<int>(format.format.smallest());
            for (std::size_t i = 0; i < codes.size(); ++i)
                made.codes[row * weight.cols() + first + i] =
                    static_cast<std::int8_t>(codes[i] + low);
        };
        integer_quantizer clipped = format;
        clipped.clip_steps = options_.clip_steps;
        run(integer_feedback_format{clipped}, weight, store);
        return made;
    }

    gguf_blocks round_to_blocks(gguf::type type, matrix_view<float> weight) const
    {
        const gguf::basic_block_quantizer<gguf::simd_engine> format{type};
        gguf_blocks made{type, weight.rows(), weight.cols(), {}};
        const std::size_t row_bytes = format.row_bytes(weight.cols());
        made.bytes.resize(weight.rows() * row_bytes);
        const std::span<std::byte> bytes{made.bytes};
        if (feedback_.empty() || !gguf::has_grid(type)) {
            how_.for_each(weight.rows(), [&](std::size_t row) {
                const auto to = bytes.subspan(row * row_bytes, row_bytes);
                format.quantize_row(weight.row(row), importance_, to);
                format.dequantize_row(to, weight.row(row));
            });
            return made;
        }
        std::vector<float> energies(weight.rows());
        for (std::size_t row = 0; row < weight.rows(); ++row)
            energies[row] = gguf::mean_square(weight.row(row));
        const std::size_t columns = gguf::block_columns(type), size = gguf::block_bytes(type);
        const auto store = [&](std::size_t row, std::size_t first, const gguf::block_grid& grid,
                               std::span<const std::uint8_t> codes) {
            const std::size_t at = row * row_bytes + first / columns * size;
            gguf::pack_block(grid, codes, bytes.subspan(at, size));
        };
        run(gguf_feedback_format<gguf::simd_engine>{type, energies}, weight, store);
        return made;
    }

    /// Without feedback each column is rounded for itself: the feedback matrix is then all zeros.
    template <class Format, class Store>
    void run(const Format& format, matrix_view<float> weight, const Store& store) const
    {
        host_matrix none;
        matrix_view<const float> feedback = feedback_;
        if (feedback.empty()) {
            none = xtensor_backend::make(weight.cols(), weight.cols());
            std::fill_n(none.data(), none.size(), 0.0f);
            feedback = view_of(std::as_const(none));
        }
        host_matrix difference = xtensor_backend::make(weight.rows(), weight.cols());
        host_matrix target = xtensor_backend::make(weight.rows(), weight.cols());
        std::copy_n(weight.data(), weight.size(), target.data());
        std::vector<float> scratch(weight.rows() * format.block_columns(weight.cols()));
        round_with_feedback<Product>(how_, view_of(std::as_const(target)), feedback, importance_,
                                     format, weight, view_of(difference), scratch, store);
    }

    const E& how_;
    matrix_view<const float> feedback_;
    std::span<const float> importance_;
    const rounding_options& options_;
};

} // namespace awq

#endif
