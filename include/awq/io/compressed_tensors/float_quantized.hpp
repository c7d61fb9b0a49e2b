// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_FLOAT_QUANTIZED_HPP
#define AWQ_IO_COMPRESSED_TENSORS_FLOAT_QUANTIZED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/pack_quantized.hpp>
#include <awq/io/float_codes.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace awq::compressed_tensors {

/// The tensors of a layer in format "float-quantized" (or "naive-quantized"), names relative to the
/// layer: `weight` F8_E4M3 and `weight_scale`.
inline std::vector<safetensors::tensor_spec> float_quantized_layout(std::size_t rows, std::size_t cols,
                                                                    std::size_t scale_rows, std::size_t scale_cols,
                                                                    dtype scale_type)
{
    return {{"weight", safetensors::element_type::f8_e4m3, {rows, cols}},
            {"weight_scale", safetensors::to_element_type(scale_type), {scale_rows, scale_cols}}};
}

/// The tensors of `float_quantized_layout` with their bytes. Errors: shape_mismatch, not_finite.
inline result<std::vector<stored_tensor>> float_quantized(const fp8_codes& weight, dtype scale_type)
{
    AWQ_CHECK(check(weight));
    auto specs = float_quantized_layout(weight.rows, weight.cols, weight.scale_rows(), weight.scale_cols(), scale_type);
    std::vector<stored_tensor> made;
    made.push_back(awq::detail::make_stored<std::uint8_t>(std::move(specs[0]), weight.codes));
    AWQ_TRY(stored_tensor scales, detail::store_scales(std::move(specs[1]), scale_type, weight.scales));
    made.push_back(std::move(scales));
    return made;
}

} // namespace awq::compressed_tensors

#endif
