// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_QUANTIZED_SOURCE_HPP
#define AWQ_CHECKPOINT_QUANTIZED_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/config_group_matcher.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/io/autoawq/gemm_weight.hpp>
#include <awq/io/compressed_tensors/byte_weight.hpp>
#include <awq/io/compressed_tensors/packed_weight.hpp>
#include <awq/io/gptq/weight.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// A Hugging Face model directory with quantized layers: compressed-tensors, AutoAWQ's "gemm" layout
/// or GPTQ's. Quantized weights are read dequantized, under the names that they had before.
/// Quantization of activations is not looked at.
class AWQ_ABI_TAG quantized_source final : public tensor_source {
public:
    using weights_by_layer = std::map<std::string, std::unique_ptr<weight_reader>, std::less<>>;

    /// Errors: those of `directory_source::open`; unsupported for other quantization methods and
    /// formats; missing_tensor and malformed_file for layers that are not stored as config.json says.
    static result<std::unique_ptr<quantized_source>> open(const std::string& directory)
    {
        AWQ_TRY(auto plain, directory_source::open_unchecked(directory));
        return open(std::move(plain));
    }

    /// The same of a model whose class need not be known: then only its layers are, not their places in it.
    static result<std::unique_ptr<quantized_source>> open_tensors(const std::string& directory)
    {
        AWQ_TRY(auto plain, directory_source::open_tensors(directory));
        return open(std::move(plain));
    }

    /// The same for a directory that is open, with unchecked tensors.
    static result<std::unique_ptr<quantized_source>> open(std::unique_ptr<directory_source> plain)
    {
        auto source = std::unique_ptr<quantized_source>{new quantized_source};
        source->directory_ = std::move(plain);
        AWQ_TRY(const std::string path, model_file(source->path(), "config.json"));
        AWQ_TRY(const auto config, json::load(path));
        const auto found = find_quantization(config.root());
        if (!found)
            return config.root().error(error_code::missing_field, "the field \"quantization_config\" is missing");
        const json::value quantization = *found;
        AWQ_TRY(const json::value method, quantization.at("quant_method"));
        AWQ_TRY(const std::string_view name, method.as_string());
        source->method_ = name;
        if (name == "compressed-tensors") {
            AWQ_CHECK(source->open_compressed_tensors(quantization));
        } else if (name == "awq") {
            AWQ_CHECK(source->open_autoawq(quantization));
        } else if (name == "gptq") {
            AWQ_CHECK(source->open_gptq(quantization));
        } else {
            return error{error_code::unsupported, source->path(),
                         ": is already quantized: ", source->directory_->quantization()->text,
                         ", which no command reads, only compressed-tensors, AWQ and GPTQ; start "
                         "from the 16-bit original"};
        }
        if (source->directory_->problem()) return source;
        AWQ_CHECK(source->directory_->find_stacks());
        AWQ_CHECK(check_tensors(*source));
        AWQ_CHECK(source->directory_->check_unknown());
        return source;
    }

    /// "compressed-tensors", "awq" or "gptq".
    const std::string& method() const noexcept { return method_; }
    const safetensors::checkpoint& checkpoint() const noexcept { return directory_->checkpoint(); }
    /// The quantized layers by their full names.
    const weights_by_layer& weights() const noexcept { return weights_; }

    const model_config& config() const noexcept override { return directory_->config(); }
    const std::string& path() const noexcept override { return directory_->path(); }

    std::vector<tensor_report> tensors() const override { return directory_->tensors(); }

    std::optional<tensor_shape> shape(std::string_view name) const override
    {
        if (const weight_reader* const weight = find(name)) return tensor_shape{weight->rows(), weight->cols()};
        return directory_->shape(name);
    }

    std::optional<stored_tensor_facts> stored(std::string_view name) const override
    {
        const weight_reader* const weight = find(name);
        if (!weight) return directory_->stored(name);
        return stored_tensor_facts{{weight->rows(), weight->cols()}, method_};
    }

    status read_rows(std::string_view name, std::size_t first_row, matrix_view<float> out) const override
    {
        const weight_reader* const weight = find(name);
        if (!weight) return directory_->read_rows(name, first_row, out);
        const auto fail = [&](error_code code, const auto&... parts) {
            return error{code, path(), ": tensor \"", printable(name), "\": ", parts...};
        };
        if (out.cols() != weight->cols() || first_row > weight->rows() || out.rows() > weight->rows() - first_row)
            return fail(error_code::shape_mismatch, "has the shape [", weight->rows(), ", ", weight->cols(), "], ",
                        out.rows(), " rows of ", out.cols(), " were asked for from row ", first_row);
        AWQ_CHECK(weight->read_rows(first_row, out));
        const auto bad = safetensors::first_not_finite({out.data(), out.size()});
        if (!bad) return {};
        return fail(error_code::not_finite, "dequantized, row ", first_row + *bad / out.cols(), ", column ",
                    *bad % out.cols(), " is NaN or infinite");
    }

private:
    quantized_source() = default;

    /// The weight that "<layer>.weight" names; null where that is not quantized.
    const weight_reader* find(std::string_view tensor) const
    {
        constexpr std::string_view suffix = ".weight";
        if (!tensor.ends_with(suffix)) return nullptr;
        const auto found = weights_.find(tensor.substr(0, tensor.size() - suffix.size()));
        return found == weights_.end() ? nullptr : found->second.get();
    }

    /// Opens every layer that has a tensor named `mark` as `open_layer` does.
    template <class OpenLayer>
    status open_marked(std::string_view mark, const OpenLayer& open_layer)
    {
        const std::string suffix = "." + std::string{mark};
        for (const safetensors::tensor* const each : checkpoint().tensors()) {
            if (!each->name.ends_with(suffix)) continue;
            const std::string layer = each->name.substr(0, each->name.size() - suffix.size());
            AWQ_TRY(auto opened, open_layer(layer_tensors{checkpoint(), layer}));
            if (opened) weights_.insert_or_assign(layer, std::move(opened));
        }
        return {};
    }

    using opened_weight = result<std::unique_ptr<weight_reader>>;

    status open_compressed_tensors(const json::value& quantization)
    {
        AWQ_TRY(auto config, compressed_tensors::read_quantization_config(quantization));
        AWQ_TRY(const auto groups, config_group_matcher::make(std::move(config), quantization.where()));
        return open_marked("weight_scale",
                           [&](const layer_tensors& tensors) { return open_compressed_layer(tensors, groups); });
    }

    static opened_weight open_compressed_layer(const layer_tensors& tensors, const config_group_matcher& groups)
    {
        using compressed_tensors::format;
        // Scales beside a weight that is still 16 bits wide: it was rounded but not compressed.
        const safetensors::tensor* const plain = tensors.find("weight");
        if (plain && plain->type() && is_smoothable(*plain->type())) return std::unique_ptr<weight_reader>{};
        const auto* const group = groups.find(tensors.module());
        if (!group || group->format == format::dense)
            return tensors.fail("weight_scale", "is there, but no target of config_groups names "
                                                "the layer");
        if (group->format == format::pack_quantized)
            return compressed_tensors::packed_weight::open(tensors, group->weights);
        return compressed_tensors::byte_weight::open(tensors, *group);
    }

    status open_autoawq(const json::value& quantization)
    {
        AWQ_TRY(const auto config, autoawq::read_quantization_config(quantization));
        return open_marked("qweight",
                           [&](const layer_tensors& tensors) { return autoawq::gemm_weight::open(tensors, config); });
    }

    status open_gptq(const json::value& quantization)
    {
        AWQ_TRY(const auto config, gptq::read_quantization_config(quantization));
        return open_marked("qweight",
                           [&](const layer_tensors& tensors) { return gptq::weight::open(tensors, config); });
    }

    std::unique_ptr<directory_source> directory_;
    std::string method_;
    weights_by_layer weights_;
};

} // namespace awq

#endif
