// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_FP4_QUANTIZED_HPP
#define AWQ_IO_COMPRESSED_TENSORS_FP4_QUANTIZED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/float_codes.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace awq::compressed_tensors {

/// The tensors of a layer in format "nvfp4-pack-quantized" or "mxfp4-pack-quantized", names relative
/// to the layer: `weight_packed` U8, two codes a byte, the even column in the low half;
/// `weight_scale` F8_E4M3 or U8; `weight_global_scale` F32 for NVFP4.
inline std::vector<safetensors::tensor_spec> fp4_quantized_layout(fp4_kind kind, std::size_t rows, std::size_t cols)
{
    using safetensors::element_type;
    const bool is_nvfp4 = kind == fp4_kind::nvfp4;
    std::vector<safetensors::tensor_spec> specs{
        {"weight_packed", element_type::u8, {rows, cols / 2}},
        {"weight_scale", is_nvfp4 ? element_type::f8_e4m3 : element_type::u8, {rows, cols / group_size_of(kind)}}};
    if (is_nvfp4) specs.push_back({"weight_global_scale", element_type::f32, {1}});
    return specs;
}

/// The tensors of `fp4_quantized_layout` with their bytes. Errors: those of `check`.
inline result<std::vector<stored_tensor>> fp4_quantized(const fp4_codes& weight)
{
    AWQ_CHECK(check(weight));
    auto specs = fp4_quantized_layout(weight.kind, weight.rows, weight.cols);
    std::vector<std::uint8_t> packed(weight.codes.size() / 2);
    for (std::size_t i = 0; i < packed.size(); ++i)
        packed[i] = static_cast<std::uint8_t>((weight.codes[2 * i] & 15) | weight.codes[2 * i + 1] << 4);
    std::vector<stored_tensor> made;
    made.push_back(awq::detail::make_stored<std::uint8_t>(std::move(specs[0]), packed));
    made.push_back(awq::detail::make_stored<std::uint8_t>(std::move(specs[1]), weight.scales));
    if (weight.kind == fp4_kind::mxfp4) return made;
    const float global[1] = {weight.global_scale};
    made.push_back(awq::detail::make_stored<float>(std::move(specs[2]), global));
    return made;
}

/// The tensor by which servers of NVFP4 scale a layer's inputs before they round them.
inline safetensors::tensor_spec input_global_scale_spec()
{
    return {"input_global_scale", safetensors::element_type::f32, {1}};
}

/// The same with its bytes.
inline stored_tensor input_global_scale(float value)
{
    const float scale[1] = {value};
    return awq::detail::make_stored<float>(input_global_scale_spec(), scale);
}

} // namespace awq::compressed_tensors

#endif
