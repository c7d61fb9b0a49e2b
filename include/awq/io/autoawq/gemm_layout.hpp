// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_AUTOAWQ_GEMM_LAYOUT_HPP
#define AWQ_IO_AUTOAWQ_GEMM_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/integer_codes.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/stored_tensor.hpp>
#include <awq/quantization/pack_bits.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The "gemm" layout of AutoAWQ (https://github.com/casper-hansen/AutoAWQ), which servers load as
/// "awq": everything transposed, inputs first.
namespace awq::autoawq {

/// Whether the layout can take a weight of this format and shape: 4 bits, outputs a multiple of 8,
/// groups that cut the inputs evenly. A symmetric scheme is stored with zero point 8 everywhere.
inline status check_layout(const scheme& format, std::size_t rows, std::size_t cols, std::size_t group_size)
{
    if (format.bits != 4)
        return error{error_code::unsupported, "the AWQ layout has 4 bits only, not ", format.bits,
                     "; write compressed-tensors, or choose W4A16_ASYM"};
    if (rows == 0 || rows % 8 != 0)
        return error{error_code::unsupported, "the AWQ layout packs 8 outputs a word, and ", rows,
                     " outputs are not a multiple of 8; ignore the layer"};
    if (cols == 0 || (group_size != 0 && cols % group_size != 0))
        return error{
            error_code::shape_mismatch, "group size ", group_size,
            " does not divide ",        cols,          " inputs; choose another group size or ignore the layer"};
    return {};
}

/// The tensors of a layer, names relative to it: `qweight`, `qzeros` and F16 `scales`.
inline std::vector<safetensors::tensor_spec> gemm_layout(std::size_t rows, std::size_t cols, std::size_t groups)
{
    using safetensors::element_type;
    return {{"qweight", element_type::i32, {cols, rows / 8}},
            {"qzeros", element_type::i32, {groups, rows / 8}},
            {"scales", element_type::f16, {groups, rows}}};
}

namespace detail {

inline std::vector<std::uint32_t> pack_zero_points(const integer_codes& weight)
{
    const std::size_t groups = weight.groups();
    const std::vector<std::int8_t> symmetric(weight.format.symmetric ? weight.rows * groups : 0);
    const auto& zeros = weight.format.symmetric ? symmetric : weight.zero_points;
    std::vector<std::uint32_t> packed(groups * (weight.rows / 8));
    pack_autoawq_zero_points({zeros.data(), weight.rows, groups}, {packed.data(), groups, weight.rows / 8});
    return packed;
}

inline result<stored_tensor> store_scales(safetensors::tensor_spec spec, const integer_codes& weight)
{
    const std::size_t groups = weight.groups();
    std::vector<float> turned(weight.scales.size());
    for (std::size_t r = 0; r < weight.rows; ++r)
        for (std::size_t g = 0; g < groups; ++g) turned[g * weight.rows + r] = weight.scales[r * groups + g];
    stored_tensor made{std::move(spec), std::vector<std::byte>(2 * turned.size())};
    safetensors::narrow(dtype::f16, turned, made.bytes);
    if (!safetensors::all_finite(dtype::f16, made.bytes))
        return error{error_code::not_finite, "a scale is not a finite F16"};
    return made;
}

} // namespace detail

/// The tensors of `gemm_layout` with their bytes; scales that are not F16 values are rounded.
/// Errors: those of `check` and `check_layout`, `not_finite`.
inline result<std::vector<stored_tensor>> pack_gemm(const integer_codes& weight)
{
    AWQ_CHECK(check(weight));
    AWQ_CHECK(check_layout(weight.format, weight.rows, weight.cols, weight.group_size));
    auto specs = gemm_layout(weight.rows, weight.cols, weight.groups());
    std::vector<stored_tensor> made;
    std::vector<std::uint32_t> packed(weight.cols * (weight.rows / 8));
    pack_autoawq({weight.codes.data(), weight.rows, weight.cols}, {packed.data(), weight.cols, weight.rows / 8});
    made.push_back(awq::detail::make_stored<std::uint32_t>(std::move(specs[0]), packed));
    const std::vector<std::uint32_t> zeros = detail::pack_zero_points(weight);
    made.push_back(awq::detail::make_stored<std::uint32_t>(std::move(specs[1]), zeros));
    AWQ_TRY(stored_tensor scales, detail::store_scales(std::move(specs[2]), weight));
    made.push_back(std::move(scales));
    return made;
}

} // namespace awq::autoawq

#endif
