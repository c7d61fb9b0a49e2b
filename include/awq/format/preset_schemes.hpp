// SPDX-License-Identifier: MIT
#ifndef AWQ_FORMAT_PRESET_SCHEMES_HPP
#define AWQ_FORMAT_PRESET_SCHEMES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/weight_format.hpp>

#include <string_view>

namespace awq {

/// A scheme whose groups are part of its name: compressed-tensors' preset of that name.
struct preset_scheme {
    std::string_view name;
    std::string_view alias; ///< another name for it, or empty
    weight_format stored;
    /// What the arguments of weights and inputs amount to where a recipe gives them one by one, in the order of
    /// compressed-tensors: type and bits, strategy, sizes.
    std::string_view arguments;
    std::string_view more_arguments = {}; ///< another way to say so
    std::string_view difference = {};     ///< from what the alias stands for elsewhere
};

/// All of them. Names are compared in upper or lower case.
inline constexpr preset_scheme preset_schemes[] = {
    {"W8A8", "INT8", {integer_format{{8, true}, 0}, activation_rounding::int8_token}, "int8 channel, int8 token"},
    {"FP8_DYNAMIC",
     "FP8",
     {fp8_format{}, activation_rounding::fp8_token},
     "float8 channel, float8 token",
     {},
     "weights have a scale for each output, inputs are scaled at run time"},
    {"FP8_BLOCK", {}, {fp8_format{128, 128}, activation_rounding::fp8_group}, "float8 block 128 128, float8 group 128"},
    {"NVFP4",
     {},
     {fp4_format{fp4_kind::nvfp4}, activation_rounding::fp4_group},
     "float4 tensor_group 16, float4 tensor_group 16 local"},
    {"NVFP4A16", {}, {fp4_format{fp4_kind::nvfp4}}, "float4 tensor_group 16", "float4 group 16"},
    {"MXFP4A16", "MXFP4", {fp4_format{fp4_kind::mxfp4}}, "float4 group 32", {}, "the inputs stay in 16 bits"},
};

} // namespace awq

#endif
