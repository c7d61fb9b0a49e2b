// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_COMPRESSED_TENSORS_SINK_HPP
#define AWQ_CHECKPOINT_COMPRESSED_TENSORS_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/quantized_sink.hpp>
#include <awq/io/compressed_tensors/float_quantized.hpp>
#include <awq/io/compressed_tensors/fp4_quantized.hpp>
#include <awq/io/compressed_tensors/int_quantized.hpp>
#include <awq/io/compressed_tensors/pack_quantized.hpp>
#include <awq/io/compressed_tensors/quantization_config.hpp>
#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/integer_quantizer.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Layers as compressed-tensors stores them. Scales have the type of the source's weight, but for
/// FP4, whose scales are part of the format.
class AWQ_ABI_TAG compressed_tensors_codec final : public layer_codec {
public:
    result<std::vector<safetensors::tensor_spec>> layout(const quantized_layer& layer) const override
    {
        if (!is_smoothable(layer.weight_type))
            return error{error_code::unsupported, "scales cannot be ", name_of(layer.weight_type),
                         ", only F32, F16 or BF16"};
        return std::visit([&](const auto& format) { return layout_of(layer, format); }, layer.format.weights);
    }

    result<std::vector<stored_tensor>> encode(const quantized_layer& layer, const quantized_linear& weight,
                                              float largest_input) const override
    {
        AWQ_TRY(auto made, std::visit([&](const auto& codes) { return encode_as(layer, codes); }, weight));
        if (layer.format.activations == activation_rounding::fp4_group) {
            if (!(largest_input > 0.0f))
                return error{error_code::not_calibrated,
                             "NVFP4 with rounded activations needs calibration inputs; give "
                             "--dataset, or choose NVFP4A16"};
            const auto format = fp4_quantizer{fp4_kind::nvfp4}.for_magnitude(largest_input);
            made.push_back(compressed_tensors::input_global_scale(format.global_scale));
        }
        return made;
    }

    std::vector<std::string> warnings(const std::vector<quantized_layer>& layers) const override
    {
        const auto is_lost = [](const quantized_layer& each) {
            const integer_format* const integers = each.format.integers();
            return integers && !integers->format.symmetric && each.name.find(".experts.") != std::string::npos;
        };
        if (std::ranges::none_of(layers, is_lost)) return {};
        return {"experts have zero points, which transformers 5.17 and vLLM up to 0.22 do not read in "
                "compressed-tensors; a symmetric scheme (W4A16) or AutoAWQ's layout is read"};
    }

    /// One group has the target "Linear"; several name their layers, which no reader can mistake.
    status write_config(json::writer& out, const std::vector<quantized_layer>& layers,
                        const std::vector<named_module>& left) const override
    {
        compressed_tensors::quantization_config config;
        std::vector<weight_format> formats;
        for (const quantized_layer& layer : layers) {
            const auto known = std::find(formats.begin(), formats.end(), layer.format);
            const auto at = static_cast<std::size_t>(known - formats.begin());
            if (known == formats.end()) {
                formats.push_back(layer.format);
                config.groups.push_back(group_of(layer.format));
            }
            config.groups[at].targets.push_back(layer.target.empty() ? layer.name : layer.target);
        }
        if (config.groups.size() == 1) config.groups.front().targets = {"Linear"};
        for (const named_module& each : left) config.ignore.push_back(each.target);
        compressed_tensors::write_quantization_config(out, config);
        return {};
    }

private:
    using specs = result<std::vector<safetensors::tensor_spec>>;
    using tensors = result<std::vector<stored_tensor>>;

    static bool rounds_activations(const quantized_layer& layer) noexcept
    {
        return layer.format.activations != activation_rounding::none;
    }

    static specs layout_of(const quantized_layer& layer, const integer_format& how)
    {
        AWQ_CHECK((integer_quantizer{how.format, how.group_size}.check(layer.cols)));
        const std::size_t groups = how.group_size == 0 ? 1 : layer.cols / how.group_size;
        if (!rounds_activations(layer))
            return compressed_tensors::pack_quantized_layout(how.format, layer.rows, layer.cols, groups,
                                                             layer.weight_type);
        AWQ_CHECK(compressed_tensors::check_int_quantized(how.format));
        return compressed_tensors::int_quantized_layout(layer.rows, layer.cols, groups, layer.weight_type);
    }
    static specs layout_of(const quantized_layer& layer, const fp8_format& how)
    {
        const fp8_codes shape{layer.rows, layer.cols, how.block_rows, how.block_cols, {}, {}};
        return compressed_tensors::float_quantized_layout(layer.rows, layer.cols, shape.scale_rows(),
                                                          shape.scale_cols(), layer.weight_type);
    }
    static specs layout_of(const quantized_layer& layer, const fp4_format& how)
    {
        AWQ_CHECK(fp4_quantizer{how.kind}.check(layer.cols));
        auto specs = compressed_tensors::fp4_quantized_layout(how.kind, layer.rows, layer.cols);
        if (rounds_activations(layer)) specs.push_back(compressed_tensors::input_global_scale_spec());
        return specs;
    }

    static tensors encode_as(const quantized_layer& layer, const integer_codes& weight)
    {
        return rounds_activations(layer) ? compressed_tensors::int_quantized(weight, layer.weight_type)
                                         : compressed_tensors::pack_quantized(weight, layer.weight_type);
    }
    static tensors encode_as(const quantized_layer& layer, const fp8_codes& weight)
    {
        return compressed_tensors::float_quantized(weight, layer.weight_type);
    }
    static tensors encode_as(const quantized_layer&, const fp4_codes& weight)
    {
        return compressed_tensors::fp4_quantized(weight);
    }
    static tensors encode_as(const quantized_layer&, const gguf_blocks&)
    {
        return error{error_code::unsupported, "compressed-tensors has no GGUF blocks"};
    }

    static compressed_tensors::config_group group_of(const weight_format& format)
    {
        compressed_tensors::config_group group;
        std::visit([&](const auto& weights) { describe_weights(weights, group); }, format.weights);
        const bool integers = format.integers() != nullptr;
        switch (format.activations) {
        case activation_rounding::none:
            return group;
        case activation_rounding::int8_token:
            group.activations = {8, false, "token", 0};
            break;
        case activation_rounding::fp8_token:
            group.activations = {8, true, "token", 0};
            break;
        case activation_rounding::fp8_group:
            group.activations = {8, true, "group", 128};
            break;
        case activation_rounding::fp4_group:
            group.activations = {4, true, "tensor_group", 16, true};
            break;
        }
        if (integers) group.format = compressed_tensors::format::int_quantized;
        return group;
    }

    static void describe_weights(const integer_format& how, compressed_tensors::config_group& into)
    {
        using compressed_tensors::strategy;
        into.weights.num_bits = how.format.bits;
        into.weights.symmetric = how.format.symmetric;
        into.weights.strategy = how.group_size == 0 ? strategy::channel : strategy::group;
        into.weights.group_size = how.group_size;
    }
    static void describe_weights(const fp8_format& how, compressed_tensors::config_group& into)
    {
        using compressed_tensors::strategy;
        into.weights.num_bits = 8;
        into.weights.is_float = true;
        into.weights.strategy = how.block_cols == 0 ? strategy::channel : strategy::block;
        into.weights.block_structure = {how.block_rows, how.block_cols};
        into.format = compressed_tensors::format::float_quantized;
    }
    static void describe_weights(const fp4_format& how, compressed_tensors::config_group& into)
    {
        using compressed_tensors::strategy;
        const bool is_nvfp4 = how.kind == fp4_kind::nvfp4;
        into.weights.is_float = true;
        into.weights.strategy = is_nvfp4 ? strategy::tensor_group : strategy::group;
        into.weights.group_size = group_size_of(how.kind);
        into.format = is_nvfp4 ? compressed_tensors::format::nvfp4_pack_quantized
                               : compressed_tensors::format::mxfp4_pack_quantized;
    }
};

/// Writes a run's result as compressed-tensors, which vLLM and transformers load.
struct compressed_tensors_sink {
    /// See `quantized_sink::create`.
    static result<std::unique_ptr<checkpoint_sink>> create(const directory_source& source, const std::string& target,
                                                           const output_policy& policy,
                                                           const weight_format_choice& formats)
    {
        return quantized_sink::create(source, target, policy, formats, std::make_unique<compressed_tensors_codec>());
    }
};

} // namespace awq

#endif
