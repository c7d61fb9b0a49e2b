// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CONVERT_HPP
#define AWQ_RUN_CONVERT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/autoawq_sink.hpp>
#include <awq/checkpoint/compressed_tensors_sink.hpp>
#include <awq/checkpoint/quantized_source.hpp>
#include <awq/report/progress.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/convert_options.hpp>
#include <awq/support/catch_out_of_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// How many values do not fit a type exactly.
inline std::size_t count_inexact(dtype type, std::span<const float> values)
{
    return with_storage(type, [&](auto rounding) {
        return static_cast<std::size_t>(
            std::count_if(values.begin(), values.end(), [&](float v) { return rounding.round(v) != v; }));
    });
}

/// One conversion: first all layers are looked at, so that nothing is written if one does not fit.
class AWQ_ABI_TAG converter {
public:
    converter(const convert_options& options, const quantized_source& source) : options_(options), source_(source) {}

    result<conversion> run()
    {
        AWQ_CHECK(refuse_same_layout());
        for (const auto& [name, weight] : source_.weights()) {
            const status fits = look_at(name, *weight);
            if (!fits) return fits.error().within(name);
        }
        if (layers_.empty()) return error{error_code::unsupported, source_.path(), ": no layer is quantized"};
        if (done_.symmetric)
            for (quantized_layer& layer : layers_)
                std::get<integer_format>(layer.format.weights).format.symmetric = true;
        return write();
    }

private:
    bool to_autoawq() const noexcept { return options_.layout == checkpoint_layout::autoawq; }

    status refuse_same_layout() const
    {
        if (source_.method() != (to_autoawq() ? "awq" : "compressed-tensors")) return {};
        return error{error_code::invalid_argument, source_.path(), " is stored as ", source_.method(),
                     " already; choose another --format"};
    }

    status look_at(const std::string& name, const weight_reader& weight)
    {
        AWQ_TRY(const integer_codes codes, weight.codes());
        if (weight.rounds_activations())
            return error{error_code::unsupported, "its activations are rounded too, which no other "
                                                  "layout says; quantize the original again"};
        if (to_autoawq() && name == "lm_head")
            return error{error_code::unsupported,
                         "the AWQ layout never quantizes lm_head; quantize the original again"};
        const auto is_zero = [](std::int8_t zero) { return zero == 0; };
        done_.symmetric = done_.symmetric && std::all_of(codes.zero_points.begin(), codes.zero_points.end(), is_zero);
        AWQ_TRY(const dtype type, choose_scale_type(weight, codes));
        layers_.push_back(
            {name, format_of(codes), codes.rows, codes.cols, type, module_targets{source_.config()}.of(name).target});
        return {};
    }

    // compressed-tensors keeps scales in the model's type, as long as that loses nothing.
    result<dtype> choose_scale_type(const weight_reader& weight, const integer_codes& codes)
    {
        if (!to_autoawq()) {
            const dtype model = source_.config().torch_dtype;
            return count_inexact(model, codes.scales) == 0 ? model : weight.scale_type();
        }
        const std::size_t inexact = count_inexact(dtype::f16, codes.scales);
        if (inexact > 0 && !options_.round_scales)
            return error{error_code::unsupported,
                         inexact,
                         " of ",
                         codes.scales.size(),
                         " scales are ",
                         name_of(weight.scale_type()),
                         " values that F16, the type of the AWQ layout, does not have; allow "
                         "rounding them, or quantize the original again"};
        done_.rounded_scales += inexact;
        return dtype::f16;
    }

    /// Matrices that are no embeddings and are not quantized.
    std::vector<named_module> find_left() const
    {
        constexpr std::string_view suffix = ".weight";
        const module_targets targets{source_.config()};
        const std::string& blocks = source_.config().names.blocks;
        std::vector<named_module> left;
        for (const safetensors::tensor* const each : source_.checkpoint().tensors()) {
            if (!each->name.ends_with(suffix) || each->shape.size() != 2) continue;
            const std::string layer = each->name.substr(0, each->name.size() - suffix.size());
            const bool embedding = layer.find("embed") != std::string::npos;
            if (!embedding && layer != "lm_head" && !source_.weights().contains(layer))
                add_once(left, layer.starts_with(blocks) ? targets.of(layer) : targets.outside(layer));
        }
        if (!source_.weights().contains("lm_head")) left.push_back(targets.of("lm_head"));
        return left;
    }

    std::unique_ptr<layer_codec> make_codec() const
    {
        if (to_autoawq()) return std::make_unique<autoawq_codec>();
        return std::make_unique<compressed_tensors_codec>();
    }

    result<conversion> write()
    {
        AWQ_TRY(auto output, quantized_output::create(source_.checkpoint(), options_.output, options_.overwrite,
                                                      make_codec(), std::move(layers_), find_left()));
        for (const auto& [name, weight] : source_.weights()) {
            notify(options_.progress, name, done_.layers++, source_.weights().size());
            AWQ_TRY(integer_codes codes, weight->codes());
            codes.format.symmetric = done_.symmetric || codes.format.symmetric;
            if (codes.format.symmetric) codes.zero_points.clear();
            AWQ_CHECK(output.write_layer(name, codes));
        }
        AWQ_CHECK(output.prepare());
        AWQ_CHECK(output.commit());
        done_.output = output.target();
        done_.notes = output.notes();
        return done_;
    }

    const convert_options& options_;
    const quantized_source& source_;
    std::vector<quantized_layer> layers_;
    conversion done_{{}, 0, 0, true, {}};
};

} // namespace detail

#if AWQ_COMPILES_FILES
/// Writes the integers of a quantized checkpoint in another layout, without rounding anything: codes,
/// zero points and scales keep their values. Errors: a layer that the layout cannot hold, named, and
/// why; nothing is written then.
AWQ_CALL result<conversion> convert(const convert_options& options)
{
    const auto run = [&]() -> result<conversion> {
        AWQ_TRY(const std::string path, model_file(options.model, "config.json"));
        AWQ_TRY(const auto config, json::load(path));
        if (!config.root().find_non_null("quantization_config"))
            return error{error_code::unsupported, options.model,
                         ": config.json has no quantization_config, so there is nothing to convert; "
                         "quantize it with oneshot"};
        AWQ_TRY(const auto source, quantized_source::open_tensors(options.model));
        const named_path output{"--output", options.output}, model{"--model", options.model};
        AWQ_CHECK(check_outputs({&output, 1}, {&model, 1}));
        return detail::converter{options, *source}.run();
    };
    return catch_out_of_memory(options.model, give_more_memory, run);
}
#endif

} // namespace awq

#endif
