// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_INT_QUANTIZED_HPP
#define AWQ_IO_COMPRESSED_TENSORS_INT_QUANTIZED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/pack_quantized.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace awq::compressed_tensors {

/// The format is for schemes that round activations too, and those have no zero points.
inline status check_int_quantized(const scheme& format)
{
    if (format.symmetric) return {};
    return error{error_code::unsupported, "with rounded activations weights are symmetric; choose W", format.bits,
                 "A8 without _ASYM"};
}

/// The tensors of a layer in format "int-quantized", names relative to the layer: `weight` I8, one
/// code a byte whatever its bits, and `weight_scale`.
inline std::vector<safetensors::tensor_spec> int_quantized_layout(std::size_t rows, std::size_t cols,
                                                                  std::size_t groups, dtype scale_type)
{
    return {{"weight", safetensors::element_type::i8, {rows, cols}},
            {"weight_scale", safetensors::to_element_type(scale_type), {rows, groups}}};
}

/// The tensors of `int_quantized_layout` with their bytes. Errors: those of `check` and
/// `check_int_quantized`, `not_finite`.
inline result<std::vector<stored_tensor>> int_quantized(const integer_codes& weight, dtype scale_type)
{
    AWQ_CHECK(check(weight));
    AWQ_CHECK(check_int_quantized(weight.format));
    auto specs = int_quantized_layout(weight.rows, weight.cols, weight.groups(), scale_type);
    std::vector<stored_tensor> made;
    made.push_back(awq::detail::make_stored<std::int8_t>(std::move(specs[0]), weight.codes));
    AWQ_TRY(stored_tensor scales, detail::store_scales(std::move(specs[1]), scale_type, weight.scales));
    made.push_back(std::move(scales));
    return made;
}

} // namespace awq::compressed_tensors

#endif
