// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_QUANTIZED_SINK_HPP
#define AWQ_CHECKPOINT_QUANTIZED_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/checkpoint_sink.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/quantized_output.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Writes a quantized checkpoint in the format of a codec: quantized layers as the codec stores them,
/// everything else as the source has it.
class AWQ_ABI_TAG quantized_sink final : public checkpoint_sink {
public:
    /// Errors: a layer of whose format the codec is not capable, named; those of the output directory.
    static result<std::unique_ptr<checkpoint_sink>> create(const directory_source& source, const std::string& target,
                                                           const output_policy& policy,
                                                           const weight_format_choice& formats,
                                                           std::unique_ptr<layer_codec> codec)
    {
        if (source.config().transposed_layers)
            return error{error_code::unsupported, source.path(), ": ", source.config().architecture,
                         " stores its layers as (in_features, out_features), which quantized "
                         "checkpoints cannot; write a GGUF file, or a smoothed checkpoint"};
        AWQ_TRY(layer_split split, split_layers(source, formats));
        AWQ_TRY(auto output,
                quantized_output::create(source.checkpoint(), target, policy, std::move(codec),
                                         std::move(split.quantized), std::move(split.left), source.stacks()));
        return std::unique_ptr<checkpoint_sink>{new quantized_sink{std::move(output)}};
    }

    status write(const finished_block& block) override
    {
        const std::string& prefix = block.smoothed->prefix();
        for (const auto& [name, tensor] : block.smoothed->all())
            if (!is_quantized_weight(prefix + name)) {
                AWQ_CHECK(output_.write_floats(prefix + name, values_of(tensor)));
                block.smoothed->release(view_of(tensor));
            }
        for (const auto& [name, weight] : *block.quantized)
            AWQ_CHECK(output_.write_layer(prefix + name, weight,
                                          block.statistics ? block.statistics->of(name).largest() : 0.0f));
        return {};
    }

    status prepare() override { return output_.prepare(); }
    status commit() override { return output_.commit(); }
    std::string target() const override { return output_.target(); }
    void save(state_writer& to) const override { output_.save(to); }
    status restore(state_reader& from) override { return output_.restore(from); }
    std::vector<tensor_report> tensors() const override { return output_.tensors(); }
    std::vector<std::string> notes() const override { return output_.notes(); }

private:
    struct layer_split {
        std::vector<quantized_layer> quantized;
        std::vector<named_module> left;
    };

    explicit quantized_sink(quantized_output&& output) : output_(std::move(output)) {}

    static result<layer_split> split_layers(const directory_source& source, const weight_format_choice& formats)
    {
        layer_split split;
        const module_targets targets{source.config()};
        for (std::size_t layer = 0; layer < source.config().num_hidden_layers; ++layer) {
            for (const block_linear& linear : layout_of(source.config(), layer).linears) {
                const std::string name = block_prefix(source.config(), layer) + linear.name;
                const auto format = linear.is_router ? std::nullopt : formats(name);
                if (format) {
                    AWQ_TRY(auto planned, plan_layer(source, name, *format));
                    planned.target = targets.of(name).target;
                    split.quantized.push_back(std::move(planned));
                } else {
                    split.left.push_back(targets.of(name));
                }
            }
        }
        add_other_layers(source, targets, split);
        return split;
    }

    /// What is outside of the blocks stays: the head, layers beyond the config's, and what sees or
    /// hears.
    static void add_other_layers(const directory_source& source, const module_targets& targets, layer_split& split)
    {
        constexpr std::string_view suffix = ".weight";
        const model_names& names = source.config().names;
        for (const safetensors::tensor* const each : source.checkpoint().tensors()) {
            const std::string module = each->name.substr(0, each->name.rfind('.'));
            const bool is_layer = each->shape.size() == 2 && each->name.ends_with(suffix);
            const bool is_known = source.layer_of(module) || module == names.head || module == names.embeddings ||
                                  module == names.positions;
            if (!is_layer || is_known) continue;
            add_once(split.left, module.starts_with(names.blocks) ? targets.of(module) : targets.outside(module));
        }
        add_once(split.left, targets.of(names.head));
        add_once(split.left, targets.of("lm_head")); // as readers may call it: "embed_out" of GPT-NeoX
    }

    static result<quantized_layer> plan_layer(const directory_source& source, const std::string& name,
                                              const weight_format& format)
    {
        const std::string tensor = name + ".weight";
        const auto stored = source.stored(tensor);
        const auto type = source.stored_type(tensor);
        if (!stored || stored->shape.size() != 2 || !type)
            return error{error_code::shape_mismatch, source.path(), ": ", name, ".weight is not a matrix of weights"};
        return quantized_layer{name, format, static_cast<std::size_t>(stored->shape[0]),
                               static_cast<std::size_t>(stored->shape[1]), *type};
    }

    bool is_quantized_weight(std::string_view name) const
    {
        constexpr std::string_view suffix = ".weight";
        return name.ends_with(suffix) && output_.is_quantized(name.substr(0, name.size() - suffix.size()));
    }

    quantized_output output_;
};

} // namespace awq

#endif
