// SPDX-License-Identifier: MIT
#ifndef AWQ_FORMAT_LAYER_CODEC_HPP
#define AWQ_FORMAT_LAYER_CODEC_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/quantized_linear.hpp>
#include <awq/format/module_target.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/io/stored_tensor.hpp>
#include <awq/quantization/weight_format.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace awq {

/// A quantized layer of a checkpoint that is to be written.
struct quantized_layer {
    std::string name;
    weight_format format;
    std::size_t rows = 0, cols = 0;
    dtype weight_type = dtype::f32; ///< of the source's weight
    std::string target = {};        ///< see `named_module`; empty: the name
};

/// A checkpoint format: which tensors a layer becomes and what config.json says.
class AWQ_ABI_TAG layer_codec {
public:
    virtual ~layer_codec() = default;

    /// Error: the layers do not go together in this format.
    virtual status check_layers(const std::vector<quantized_layer>&) const { return {}; }
    /// What readers of the format do not do with the layers, one sentence each.
    virtual std::vector<std::string> warnings(const std::vector<quantized_layer>&) const { return {}; }
    /// The layer's tensors, named relative to it. Error: the format cannot hold the layer.
    virtual result<std::vector<safetensors::tensor_spec>> layout(const quantized_layer& layer) const = 0;
    /// The same with their bytes. The weight is in the layer's format. `largest_input`: the largest
    /// |x| of the layer's inputs, 0 where it is not known.
    virtual result<std::vector<stored_tensor>> encode(const quantized_layer& layer, const quantized_linear& weight,
                                                      float largest_input) const = 0;
    /// Writes the value of config.json's `quantization_config`. `left`: the linear layers that are
    /// not quantized.
    virtual status write_config(json::writer& out, const std::vector<quantized_layer>& layers,
                                const std::vector<named_module>& left) const = 0;

protected:
    layer_codec() = default;
    layer_codec(const layer_codec&) = default;
    layer_codec& operator=(const layer_codec&) = default;
};

} // namespace awq

#endif
