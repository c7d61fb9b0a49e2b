// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_COMPRESSED_TENSORS_SINK_HPP
#define AWQ_PIPELINE_COMPRESSED_TENSORS_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/int_quantized.hpp>
#include <awq/io/compressed_tensors/pack_quantized.hpp>
#include <awq/io/compressed_tensors/quantization_config.hpp>
#include <awq/pipeline/quantized_sink.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Layers as compressed-tensors stores them: "pack-quantized", or "int-quantized" where activations
/// are rounded too. Scales have the type of the source's weight.
class compressed_tensors_codec final : public layer_codec {
public:
    result<std::vector<safetensors::tensor_spec>> layout(const quantized_layer& layer) const override
    {
        if (!is_smoothable(layer.weight_type))
            return error{error_code::unsupported, "scales cannot be ", name_of(layer.weight_type),
                         ", only F32, F16 or BF16"};
        const std::size_t group_size = layer.format.group_size;
        if (group_size != 0 && layer.cols % group_size != 0)
            return error{error_code::shape_mismatch, "group size ", group_size,
                         " does not divide ", layer.cols,
                         " inputs; choose another group size or ignore the layer"};
        const std::size_t groups = group_size == 0 ? 1 : layer.cols / group_size;
        if (layer.format.dynamic_int8_activations) {
            AWQ_CHECK(compressed_tensors::check_int_quantized(layer.format.format));
            return compressed_tensors::int_quantized_layout(layer.rows, layer.cols, groups,
                                                            layer.weight_type);
        }
        return compressed_tensors::pack_quantized_layout(layer.format.format, layer.rows,
                                                         layer.cols, groups, layer.weight_type);
    }

    result<std::vector<stored_tensor>> encode(const quantized_layer& layer,
                                              const integer_codes& weight) const override
    {
        return layer.format.dynamic_int8_activations
                   ? compressed_tensors::int_quantized(weight, layer.weight_type)
                   : compressed_tensors::pack_quantized(weight, layer.weight_type);
    }

    /// One group has the target "Linear"; several name their layers, which no reader can mistake.
    status write_config(json::writer& out, const std::vector<quantized_layer>& layers,
                        const std::vector<std::string>& left) const override
    {
        compressed_tensors::quantization_config config;
        std::vector<integer_format> formats;
        for (const quantized_layer& layer : layers) {
            const auto known = std::find(formats.begin(), formats.end(), layer.format);
            const auto at = static_cast<std::size_t>(known - formats.begin());
            if (known == formats.end()) {
                formats.push_back(layer.format);
                config.groups.push_back(group_of(layer.format));
            }
            config.groups[at].targets.push_back(layer.name);
        }
        if (config.groups.size() == 1) config.groups.front().targets = {"Linear"};
        config.ignore = left;
        compressed_tensors::write_quantization_config(out, config);
        return {};
    }

private:
    static compressed_tensors::config_group group_of(const integer_format& format)
    {
        using compressed_tensors::strategy;
        compressed_tensors::config_group group;
        group.weights.num_bits = format.format.bits;
        group.weights.symmetric = format.format.symmetric;
        group.weights.strategy = format.group_size == 0 ? strategy::channel : strategy::group;
        group.weights.group_size = format.group_size;
        group.rounds_activations = format.dynamic_int8_activations;
        if (format.dynamic_int8_activations)
            group.format = compressed_tensors::format::int_quantized;
        return group;
    }
};

/// Writes a run's result as compressed-tensors, which vLLM and transformers load.
struct compressed_tensors_sink {
    /// See `quantized_sink::create`.
    static result<std::unique_ptr<checkpoint_sink>> create(const directory_source& source,
                                                           const std::string& target,
                                                           bool overwrite,
                                                           const integer_format_choice& formats)
    {
        return quantized_sink::create(source, target, overwrite, formats,
                                      std::make_unique<compressed_tensors_codec>());
    }
};

} // namespace awq

#endif
