// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_QUANTIZED_OUTPUT_HPP
#define AWQ_CHECKPOINT_QUANTIZED_OUTPUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/companion_files.hpp>
#include <awq/checkpoint/stacked_tensors.hpp>
#include <awq/checkpoint/tensor_reports.hpp>
#include <awq/format/layer_codec.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/io/json_copy.hpp>
#include <awq/io/output_directory.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A model directory in the making that is like a source but for the layers that are quantized: each
/// one's tensors (all but its bias) give way to those of the codec, in the same shard. config.json
/// keeps its keys and gains `quantization_config`; other files are carried over. The directory
/// appears when it is complete.
class AWQ_ABI_TAG quantized_output {
public:
    /// `left`: the linear layers that stay as they are. Errors: a layer that the codec cannot
    /// hold or the source does not have, named; those of the output directory.
    static result<quantized_output> create(const safetensors::checkpoint& source, const std::string& target,
                                           const output_policy& policy, std::unique_ptr<layer_codec> codec,
                                           std::vector<quantized_layer> layers, std::vector<named_module> left,
                                           const stacked_tensors& stacks = {})
    {
        AWQ_CHECK(check_output_apart(target, source.directory()));
        AWQ_CHECK(codec->check_layers(layers));
        AWQ_TRY(auto plans, plan(source, *codec, layers, stacks));
        AWQ_TRY(output_directory directory, output_directory::create(target, policy));
        AWQ_TRY(auto writer,
                safetensors::shard_set_writer::create(directory.where(), std::move(plans), source.has_index()));
        quantized_output made{source,           std::move(directory), std::move(writer),
                              std::move(codec), std::move(layers),    std::move(left)};
        AWQ_TRY(made.notes_, carry_over(source.directory(), made.directory_.where(), replaced_files));
        for (std::string& each : made.codec_->warnings(made.layers_)) made.notes_.push_back(std::move(each));
        made.stacks_ = stacks;
        AWQ_CHECK(made.write_config());
        return made;
    }

    bool is_quantized(std::string_view layer) const { return by_name_.contains(layer); }
    const std::vector<quantized_layer>& layers() const noexcept { return layers_; }

    /// A tensor that is not quantized, by its full name.
    status write_floats(std::string_view name, std::span<const float> values)
    {
        return write_tensor(stacks_, slabs_, name, values, writer_);
    }

    /// The tensors of a quantized layer. `largest_input`: of |x|, or 0. Errors name the layer.
    status write_layer(std::string_view name, const quantized_linear& weight, float largest_input = 0.0f)
    {
        const auto found = by_name_.find(name);
        if (found == by_name_.end())
            return error{error_code::invalid_argument, "layer ", name, " was not announced as quantized"};
        const status done = write(layers_[found->second], weight, largest_input);
        return done ? done : done.error().within(name);
    }

    /// What of the model is not in the output, one sentence each.
    const std::vector<std::string>& notes() const noexcept { return notes_; }

    /// The tensors that it is made of, as they are stored.
    std::vector<tensor_report> tensors() const { return tensor_reports(writer_); }

    /// Carries over the tensors that were not written, and brings all of it to the disk.
    status prepare()
    {
        AWQ_CHECK(writer_.copy_rest(*source_));
        AWQ_CHECK(writer_.finish());
        return directory_.prepare();
    }

    /// What is written so far, and going on behind it, see `checkpoint_sink`.
    void save(state_writer& to) const { writer_.save(to); }
    status restore(state_reader& from) { return writer_.restore(from); }

    /// Puts the directory into place.
    status commit() { return directory_.commit(); }
    /// Where the directory will be.
    std::string target() const { return directory_.target(); }

private:
    quantized_output(const safetensors::checkpoint& source, output_directory&& directory,
                     safetensors::shard_set_writer&& writer, std::unique_ptr<layer_codec>&& codec,
                     std::vector<quantized_layer>&& layers, std::vector<named_module>&& left)
        : source_(&source), directory_(std::move(directory)), writer_(std::move(writer)), codec_(std::move(codec)),
          layers_(std::move(layers)), left_(std::move(left))
    {
        for (std::size_t i = 0; i < layers_.size(); ++i) by_name_.emplace(layers_[i].name, i);
    }

    inline static const std::vector<std::string> replaced_files{"config.json", "quant_config.json",
                                                                "quantize_config.json"};

    static result<std::vector<safetensors::shard_plan>> plan(const safetensors::checkpoint& source,
                                                             const layer_codec& codec,
                                                             const std::vector<quantized_layer>& layers,
                                                             const stacked_tensors& stacks)
    {
        std::map<std::string_view, const quantized_layer*> waiting;
        for (const quantized_layer& layer : layers) waiting.emplace(layer.name, &layer);
        const auto all = waiting;
        auto plans = plan_like(source, stacks);
        unstack(
            stacks, [&](std::string_view layer) { return all.contains(layer); }, plans);
        for (safetensors::shard_plan& shard : plans) {
            std::vector<safetensors::tensor_spec> specs;
            for (safetensors::tensor_spec& spec : shard.tensors) {
                const std::string_view module = module_of(spec.name);
                if (!all.contains(module) || spec.name.ends_with(".bias")) {
                    specs.push_back(std::move(spec));
                } else if (const auto layer = waiting.extract(module)) {
                    AWQ_CHECK(announce(codec, *layer.mapped(), specs));
                }
            }
            shard.tensors = std::move(specs);
        }
        if (waiting.empty()) return plans;
        return error{error_code::missing_tensor, source.directory(), ": there is no weight of ",
                     waiting.begin()->first};
    }

    static std::string_view module_of(std::string_view tensor) noexcept
    {
        const std::size_t dot = tensor.rfind('.');
        return dot == std::string_view::npos ? std::string_view{} : tensor.substr(0, dot);
    }

    static status announce(const layer_codec& codec, const quantized_layer& layer,
                           std::vector<safetensors::tensor_spec>& into)
    {
        auto specs = codec.layout(layer);
        if (!specs) return specs.error().within(layer.name);
        for (safetensors::tensor_spec& spec : *specs) {
            spec.name = layer.name + "." + spec.name;
            into.push_back(std::move(spec));
        }
        return {};
    }

    /// Whether a weight has the format and the shape that were announced.
    static status check_announced(const quantized_layer& layer, const quantized_linear& weight)
    {
        return std::visit(
            [&](const auto& given) -> status {
                if constexpr (requires { format_of(given); }) {
                    const weight_format::weights_type format = format_of(given);
                    if (format == layer.format.weights && given.rows == layer.rows && given.cols == layer.cols)
                        return {};
                    return error{error_code::shape_mismatch,
                                 "was announced as ",
                                 describe(layer.format),
                                 " [",
                                 layer.rows,
                                 ", ",
                                 layer.cols,
                                 "], and came as ",
                                 describe(weight_format{format}),
                                 " [",
                                 given.rows,
                                 ", ",
                                 given.cols,
                                 "]"};
                } else {
                    return error{error_code::invalid_argument, "was quantized to ", gguf::name_of(given.type),
                                 ", which no checkpoint holds"};
                }
            },
            weight);
    }

    status write(const quantized_layer& layer, const quantized_linear& weight, float largest_input)
    {
        AWQ_CHECK(check_announced(layer, weight));
        AWQ_TRY(const auto tensors, codec_->encode(layer, weight, largest_input));
        for (const stored_tensor& tensor : tensors)
            AWQ_CHECK(writer_.write(layer.name + "." + tensor.spec.name, tensor.bytes));
        return {};
    }

    status write_config() const
    {
        AWQ_TRY(const std::string path, model_file(source_->directory(), "config.json"));
        AWQ_TRY(const auto config, json::load(path));
        AWQ_TRY(const auto members, config.root().as_object());
        json::writer out{2};
        out.begin_object();
        for (const json::member& each : members)
            if (each.key != "quantization_config" && each.key != "compression_config")
                json::write(out.key(each.key), each.value);
        AWQ_CHECK(codec_->write_config(out.key("quantization_config"), layers_, left_));
        out.end_object();
        return write_file(directory_.where() / "config.json", std::move(out).take() + "\n");
    }

    const safetensors::checkpoint* source_;
    output_directory directory_;
    safetensors::shard_set_writer writer_;
    stacked_tensors stacks_;
    stack_writer slabs_;
    std::unique_ptr<layer_codec> codec_;
    std::vector<quantized_layer> layers_;
    std::vector<named_module> left_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
    std::vector<std::string> notes_;
};

} // namespace awq

#endif
