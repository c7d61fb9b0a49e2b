// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_PACK_QUANTIZED_HPP
#define AWQ_IO_COMPRESSED_TENSORS_PACK_QUANTIZED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/integer_codes.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/stored_tensor.hpp>
#include <awq/quantization/pack_bits.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/// The checkpoint format of compressed-tensors (https://github.com/vllm-project/compressed-tensors),
/// as version 0.18 writes it.
namespace awq::compressed_tensors {

/// The tensors of a layer in format "pack-quantized", names relative to the layer: `weight_packed`
/// (codes along the inputs), `weight_scale`, `weight_shape`, and `weight_zero_point` (along the
/// outputs) for an asymmetric scheme. `groups` is the number of scales in a row.
inline std::vector<safetensors::tensor_spec>
pack_quantized_layout(const scheme& format, std::size_t rows, std::size_t cols, std::size_t groups, dtype scale_type)
{
    using safetensors::element_type;
    std::vector<safetensors::tensor_spec> specs{
        {"weight_packed", element_type::i32, {rows, packed_words(cols, format.bits)}},
        {"weight_scale", safetensors::to_element_type(scale_type), {rows, groups}},
        {"weight_shape", element_type::i64, {2}}};
    if (!format.symmetric)
        specs.push_back({"weight_zero_point", element_type::i32, {packed_words(rows, format.bits), groups}});
    return specs;
}

namespace detail {

/// Scales as a file of that type stores them; `not_finite` for one that does not fit.
inline result<stored_tensor> store_scales(safetensors::tensor_spec spec, dtype type, std::span<const float> scales)
{
    stored_tensor made{std::move(spec), std::vector<std::byte>(scales.size() * size_of(type))};
    safetensors::narrow(type, scales, made.bytes);
    if (!safetensors::all_finite(type, made.bytes))
        return error{error_code::not_finite, "a scale is not a finite ", name_of(type)};
    return made;
}

} // namespace detail

/// The tensors of `pack_quantized_layout` with their bytes. `scale_type` is F32, F16 or BF16; scales
/// that are not values of it are rounded. Errors: those of `check`, `not_finite`.
inline result<std::vector<stored_tensor>> pack_quantized(const integer_codes& weight, dtype scale_type)
{
    AWQ_CHECK(check(weight));
    const int bits = weight.format.bits;
    auto specs = pack_quantized_layout(weight.format, weight.rows, weight.cols, weight.groups(), scale_type);
    std::vector<stored_tensor> made;
    const std::size_t words = packed_words(weight.cols, bits);
    std::vector<std::uint32_t> packed(weight.rows * words);
    pack_compressed_tensors({weight.codes.data(), weight.rows, weight.cols}, bits, {packed.data(), weight.rows, words});
    made.push_back(awq::detail::make_stored<std::uint32_t>(std::move(specs[0]), packed));
    AWQ_TRY(stored_tensor scales, detail::store_scales(std::move(specs[1]), scale_type, weight.scales));
    made.push_back(std::move(scales));
    const std::uint64_t shape[2] = {weight.rows, weight.cols};
    made.push_back(awq::detail::make_stored<std::uint64_t>(std::move(specs[2]), shape));
    if (weight.format.symmetric) return made;
    const std::size_t lines = packed_words(weight.rows, bits);
    std::vector<std::uint32_t> zeros(lines * weight.groups());
    pack_compressed_tensors_zero_points({weight.zero_points.data(), weight.rows, weight.groups()}, bits,
                                        {zeros.data(), lines, weight.groups()});
    made.push_back(awq::detail::make_stored<std::uint32_t>(std::move(specs[3]), zeros));
    return made;
}

} // namespace awq::compressed_tensors

#endif
