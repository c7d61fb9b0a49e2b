// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_LAYER_PLAN_HPP
#define AWQ_RUN_LAYER_PLAN_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/layer_names.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/checkpoint/gguf_layout.hpp>
#include <awq/config.hpp>
#include <awq/format/layer_scheme.hpp>
#include <awq/format/name_matcher.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/report/fallback_list.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/support/notice.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Which quantizer each linear layer gets, in the search and in the output.
class layer_plan {
public:
    layer_plan() = default;

    /// Errors: an unknown scheme or type, an expression that does not compile, one of a flag that
    /// matches no layer, a scheme that fits no layer that it is for, a model that has no place in a
    /// GGUF file. What is only a pity is in `notices`.
    static result<layer_plan> make(const run_settings& options, const tensor_source& source);

    /// For reports: the names of all schemes, or that of the GGUF mix ("Q4_K_M").
    const std::string& name() const noexcept { return name_; }

    /// For reports: columns that share a scale in the first scheme, 0 for a whole row; nothing for
    /// GGUF types.
    std::optional<std::size_t> group_size() const
    {
        if (entries_.empty()) return std::nullopt;
        constexpr std::size_t whole_row = std::numeric_limits<std::size_t>::max();
        const std::size_t columns = entries_.front().second.quantizer.scale_columns(whole_row);
        return columns == whole_row ? 0 : columns;
    }

    /// What a run rounds the layer with, or would round it with if its shape allowed it. Null where
    /// the layer is ignored or no target names it.
    const any_quantizer* quantizer_of(std::string_view layer) const
    {
        if (layout_) {
            const auto found = types_.find(layer);
            return found == types_.end() ? nullptr : &found->second;
        }
        const layer_scheme* const found = scheme_of(layer);
        return found ? &found->quantizer : nullptr;
    }

    /// What a run rounds the layer with; null where it stays as it is.
    const any_quantizer* rounding_of(std::string_view layer) const
    {
        return unfit_.contains(layer) ? nullptr : quantizer_of(layer);
    }

    /// What a checkpoint stores the layer as; nothing where it stays as it is.
    std::optional<weight_format> format_of(std::string_view layer) const
    {
        const layer_scheme* const found = layout_ || unfit_.contains(layer) ? nullptr : scheme_of(layer);
        return found ? found->format() : std::nullopt;
    }

    /// The layers that a scheme is for but does not fit, each with the reason; they stay as they are.
    const std::map<std::string, std::string, std::less<>>& unfit() const noexcept { return unfit_; }

    /// What was found while planning and does not stop a run.
    const notice_list& notices() const noexcept { return notices_; }

    /// The tensors of the GGUF file with their types, where the plan is for one; else null. Stays
    /// where it is when the plan moves.
    const gguf_layout* layout() const noexcept { return layout_.get(); }

private:
    static std::string_view ignore_place(const run_settings& options) noexcept
    {
        return options.ignore_recipe.empty() ? std::string_view{"--ignore"} : options.ignore_recipe;
    }

    /// The head and the embeddings may be named, though no run quantizes them.
    status check_ignored(const run_settings& options, const model_config& config, std::vector<std::string> names)
    {
        add_routers(config, names);
        names.insert(names.end(), {"lm_head", config.names.head, config.names.embeddings});
        return check_patterns(options.ignore, names, ignore_place(options), options.ignore_recipe);
    }

    static void add_routers(const model_config& config, std::vector<std::string>& names)
    {
        for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
            for (const block_linear& each : layout_of(config, layer).linears)
                if (each.is_router) names.push_back(block_prefix(config, layer) + each.name);
    }

    /// A pattern that matches nothing is a slip: of a flag an error; a recipe may be for many models.
    status check_patterns(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
                          std::string_view where, const std::string& recipe)
    {
        AWQ_TRY(const auto unmatched, unmatched_patterns(patterns, names, where));
        for (const std::string& each : unmatched) {
            const std::string text = matches_nothing(where, each, names);
            if (recipe.empty()) return error{error_code::invalid_argument, text};
            notices_.warn(text);
        }
        return {};
    }

    status add_formats(const run_settings& options, const tensor_source& source, const std::vector<std::string>& layers)
    {
        // Codes are chosen for the scales as the output stores them; a search alone stores none.
        const simulation_options simulated{options.smoothing_only ? dtype::f32 : source.config().torch_dtype,
                                           options.search_clipping ? options.rounding.clip_steps : 1};
        for (const layer_format& format : options.formats) {
            AWQ_TRY(const layer_scheme chosen, parse_layer_scheme(format.scheme, format.group_size, simulated));
            AWQ_CHECK(check_patterns(format.targets, layers, place_of(format), format.recipe));
            AWQ_CHECK(add(format, chosen));
            name_ += (name_.empty() ? "" : ", ") + format.scheme;
        }
        for (std::size_t i = 0; i < options.formats.size(); ++i) {
            const std::string& recipe = options.formats[i].recipe;
            const std::string name = (recipe.empty() ? "scheme " : recipe + ": scheme ") + options.formats[i].scheme;
            AWQ_CHECK(check_shapes(i, name, options.smoothing_only, source, layers));
        }
        const auto is_rounded = [&](const std::string& layer) { return rounding_of(layer) != nullptr; };
        if (!options.smoothing_only && scheme_of("lm_head"))
            notices_.note("lm_head stays in 16 bits: only the linear layers of decoder blocks are quantized");
        if (options.smoothing_only || std::ranges::any_of(layers, is_rounded)) return {};
        return error{error_code::unsupported, "no layer of the model is quantized: all are ignored (",
                     ignore_place(options), "), or no target names them"};
    }

    static std::string place_of(const layer_format& format)
    {
        return format.recipe.empty() ? "targets" : format.recipe;
    }

    /// Finds the layers of one entry that its scheme does not fit. Where it fits none, an error,
    /// unless it is only searched for: then that is for the search to say.
    status check_shapes(std::size_t entry, const std::string& name, bool only_searched, const tensor_source& source,
                        const std::vector<std::string>& layers)
    {
        const layer_scheme& chosen = entries_[entry].second;
        std::map<std::string, std::vector<std::string>> by_reason; // layers
        std::size_t meant = 0, unfit = 0;
        for (const std::string& layer : layers) {
            const auto shape = source.shape(layer + ".weight");
            if (!shape || scheme_of(layer) != &chosen) continue;
            ++meant;
            const status fits = chosen.quantizer.check(shape->cols);
            if (fits) continue;
            ++unfit;
            unfit_.emplace(layer, fits.error().text());
            by_reason[std::string{fits.error().text()}].push_back(layer);
        }
        if (meant == 0) notices_.warn(name + " has no effect: its layers are ignored, or an earlier scheme has them");
        const std::string_view effect = only_searched ? ", which the search leaves out: " : ", which stay in 16 bits: ";
        for (const auto& [reason, names] : by_reason) {
            const std::string text = name + " does not fit " + count_and_name(names) + std::string{effect} + reason;
            if (unfit == meant && !only_searched) return error{error_code::shape_mismatch, text};
            notices_.warn(text);
        }
        return {};
    }

    status add(const layer_format& format, const layer_scheme& scheme)
    {
        AWQ_TRY(name_matcher matcher, name_matcher::compile(format.targets, place_of(format)));
        entries_.emplace_back(std::move(matcher), scheme);
        return {};
    }

    const layer_scheme* scheme_of(std::string_view layer) const
    {
        if (ignored_.matches(layer)) return nullptr;
        const auto named = [&](const auto& entry) { return entry.first.matches(layer); };
        const auto found = std::find_if(entries_.begin(), entries_.end(), named);
        return found == entries_.end() ? nullptr : &found->second;
    }

    status add_types(const std::string& type, const run_settings& options, const tensor_source& source)
    {
        if (!options.formats.empty())
            return error{error_code::invalid_argument, "a run quantizes either to a GGUF type or to schemes; give one"};
        gguf_type_options wanted;
        AWQ_TRY(wanted.file_type, gguf::parse_file_type(type));
        wanted.overrides = options.tensor_types;
        wanted.ignore = options.ignore;
        wanted.has_importance = options.rounding.importance;
        AWQ_TRY(gguf_layout layout, gguf_layout::make(source, wanted));
        for (const gguf_tensor& each : layout.tensors()) {
            constexpr std::string_view suffix = ".weight";
            if (!gguf::layer_of(each.name) || !gguf::is_quantized(each.type)) continue;
            for (const gguf_part& part : each.parts)
                if (layout.find(part.hf_name))
                    types_.emplace(part.hf_name.substr(0, part.hf_name.size() - suffix.size()),
                                   gguf::simd_block_quantizer{each.type});
        }
        layout_ = std::make_unique<const gguf_layout>(std::move(layout));
        name_ = gguf::name_of(wanted.file_type);
        return {};
    }

    name_matcher ignored_;
    std::vector<std::pair<name_matcher, layer_scheme>> entries_;
    std::unique_ptr<const gguf_layout> layout_;
    std::map<std::string, any_quantizer, std::less<>> types_; ///< of GGUF, by linear layer
    std::map<std::string, std::string, std::less<>> unfit_;
    notice_list notices_;
    std::string name_;
};

#if AWQ_COMPILES_FILES
AWQ_COMPILED result<layer_plan> layer_plan::make(const run_settings& options, const tensor_source& source)
{
    const std::string& type = options.gguf_type.empty() ? options.target : options.gguf_type;
    layer_plan plan;
    const std::vector<std::string> layers = linear_layers_of(source.config());
    AWQ_CHECK(plan.check_ignored(options, source.config(), layers));
    if (!type.empty()) {
        AWQ_CHECK(plan.add_types(type, options, source));
        return plan;
    }
    AWQ_TRY(plan.ignored_, name_matcher::compile(options.ignore, ignore_place(options)));
    AWQ_CHECK(plan.add_formats(options, source, layers));
    return plan;
}
#endif

} // namespace awq

#endif
