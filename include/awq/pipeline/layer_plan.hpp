// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_LAYER_PLAN_HPP
#define AWQ_PIPELINE_LAYER_PLAN_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/pipeline/any_quantizer.hpp>
#include <awq/pipeline/name_matcher.hpp>
#include <awq/pipeline/oneshot_options.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Which quantizer each linear layer gets, in the search and in the output.
class layer_plan {
public:
    layer_plan() = default;

    /// Errors: an unknown scheme, an expression that does not compile.
    static result<layer_plan> make(const oneshot_options& options)
    {
        layer_plan plan;
        AWQ_TRY(plan.ignored_, name_matcher::compile(options.ignore, "--ignore"));
        if (options.smoothing_only) {
            // Nothing is written quantized; the search needs some rounding to look at.
            AWQ_CHECK(plan.add({"Linear"}, integer_quantizer{scheme{4, false}, options.group_size}));
            plan.name_ = name_of(scheme{4, false});
            return plan;
        }
        for (const layer_format& format : options.formats) {
            AWQ_TRY(const scheme chosen, parse_scheme(format.scheme));
            AWQ_CHECK(plan.add(format.targets, integer_quantizer{chosen, format.group_size}));
            plan.name_ += (plan.name_.empty() ? "" : ", ") + format.scheme;
        }
        return plan;
    }

    /// For reports: the names of all schemes.
    const std::string& name() const noexcept { return name_; }

    /// Null where the layer is ignored or no target names it.
    const any_quantizer* quantizer_of(std::string_view layer) const
    {
        if (ignored_.matches(layer)) return nullptr;
        const auto named = [&](const auto& entry) { return entry.first.matches(layer); };
        const auto found = std::find_if(entries_.begin(), entries_.end(), named);
        return found == entries_.end() ? nullptr : &found->second;
    }

private:
    status add(const std::vector<std::string>& targets, const any_quantizer& quantizer)
    {
        AWQ_TRY(name_matcher matcher, name_matcher::compile(targets, "targets"));
        entries_.emplace_back(std::move(matcher), quantizer);
        return {};
    }

    name_matcher ignored_;
    std::vector<std::pair<name_matcher, any_quantizer>> entries_;
    std::string name_;
};

} // namespace awq

#endif
