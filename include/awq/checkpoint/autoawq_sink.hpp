// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_AUTOAWQ_SINK_HPP
#define AWQ_CHECKPOINT_AUTOAWQ_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/quantized_sink.hpp>
#include <awq/io/autoawq/gemm_layout.hpp>
#include <awq/io/autoawq/quantization_config.hpp>

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace awq {

/// Layers in AutoAWQ's "gemm" layout. All have the same group size; scales are F16.
class AWQ_ABI_TAG autoawq_codec final : public layer_codec {
public:
    /// Integers, and one group size for the whole model.
    status check_layers(const std::vector<quantized_layer>& layers) const override
    {
        for (const quantized_layer& layer : layers) {
            const integer_format* const format = layer.format.integers();
            if (!format || layer.format.activations != activation_rounding::none)
                return error{error_code::unsupported,
                             layer.name,
                             " is ",
                             describe(layer.format),
                             (format ? " with rounded activations" : ""),
                             ": the AWQ layout takes 4-bit integers only; write compressed-tensors"};
            if (format->group_size != group_size_of(layers.front()))
                return error{error_code::unsupported,
                             layer.name,
                             " has group size ",
                             format->group_size,
                             " and ",
                             layers.front().name,
                             " has ",
                             group_size_of(layers.front()),
                             ": the AWQ layout takes one for all layers; write compressed-tensors"};
        }
        return {};
    }

    result<std::vector<safetensors::tensor_spec>> layout(const quantized_layer& layer) const override
    {
        const integer_format& how = *layer.format.integers();
        AWQ_CHECK(autoawq::check_layout(how.format, layer.rows, layer.cols, how.group_size));
        return autoawq::gemm_layout(layer.rows, layer.cols, how.group_size == 0 ? 1 : layer.cols / how.group_size);
    }

    result<std::vector<stored_tensor>> encode(const quantized_layer&, const quantized_linear& weight,
                                              float /*largest_input*/) const override
    {
        const auto* const codes = std::get_if<integer_codes>(&weight);
        if (!codes) return error{error_code::unsupported, "the AWQ layout takes integers only"};
        return autoawq::pack_gemm(*codes);
    }

    status write_config(json::writer& out, const std::vector<quantized_layer>& layers,
                        const std::vector<named_module>& left) const override
    {
        autoawq::quantization_config config;
        if (!layers.empty()) config.group_size = group_size_of(layers.front());
        for (const named_module& each : left) config.modules_to_not_convert.push_back(each.name);
        autoawq::write_quantization_config(out, config);
        return {};
    }

private:
    static std::size_t group_size_of(const quantized_layer& layer) noexcept
    {
        const integer_format* const format = layer.format.integers();
        return format ? format->group_size : 0;
    }
};

/// Writes a run's result in AutoAWQ's layout.
struct autoawq_sink {
    /// See `quantized_sink::create`. Only 4 bits; a layer with another format is an error.
    static result<std::unique_ptr<checkpoint_sink>> create(const directory_source& source, const std::string& target,
                                                           const output_policy& policy,
                                                           const weight_format_choice& formats)
    {
        return quantized_sink::create(source, target, policy, formats, std::make_unique<autoawq_codec>());
    }
};

} // namespace awq

#endif
