// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_MAPPING_SET_HPP
#define AWQ_BLOCK_MAPPING_SET_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_tensors.hpp>
#include <awq/format/name_matcher.hpp>
#include <awq/model/mapping/block_mappings.hpp>
#include <awq/model/mapping_pattern.hpp>
#include <awq/model/resolve_mappings.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// The modules of a block, as the mapping resolver wants them.
inline std::vector<block_module> modules_of(const block_layout& layout)
{
    std::vector<block_module> modules;
    for (const block_linear& each : layout.linears) modules.push_back({each.name, each.out_features, each.in_features});
    for (const expected_tensor& each : layout.tensors) {
        constexpr std::string_view suffix = ".weight";
        const std::string module = each.name.substr(0, each.name.rfind('.'));
        if (each.name.ends_with(suffix) && !layout.find(module)) modules.push_back({module, each.cols, 0});
    }
    return modules;
}

} // namespace detail

/// The mappings of a run: those of the blocks' layouts, or the user's as patterns, of which it knows
/// which some block had.
class mapping_set {
public:
    mapping_set() = default;

    /// The mappings that follow from the data flow of each block: all, or llm-compressor's choice.
    static mapping_set from_layouts(bool all)
    {
        mapping_set made;
        made.are_derived_ = true;
        made.are_all_ = all;
        return made;
    }

    /// `recipe`: the file that the patterns are from, or empty. `names`: of
    /// the model's modules. Error: an expression that does not compile or takes too long on a name.
    static result<mapping_set> make(std::vector<mapping_pattern> patterns, const std::string& recipe,
                                    const std::vector<std::string>& names)
    {
        mapping_set made;
        const std::string_view where = recipe.empty() ? std::string_view{"mappings"} : recipe;
        AWQ_TRY(made.expressions_, expression_matcher::compile(patterns, where));
        AWQ_CHECK(made.expressions_.check(names, where));
        made.patterns_ = std::move(patterns);
        made.recipe_ = recipe;
        return made;
    }

    /// Those of one block, in the order in which they are searched. Errors: those of
    /// `resolve_mappings`.
    result<std::vector<resolved_mapping>> resolve(const block_tensors& block)
    {
        if (are_derived_) return are_all_ ? all_mappings(block.layout()) : usual_mappings(block.layout());
        const auto modules = detail::modules_of(block.layout());
        const std::string_view name{block.prefix().data(), block.prefix().size() - 1};
        std::vector<resolved_mapping> all;
        for (std::size_t i = 0; i < patterns_.size(); ++i) {
            AWQ_TRY(auto found, resolve_mappings({&patterns_[i], 1}, name, modules, expressions_));
            if (!found.empty()) matched_.insert(i);
            std::ranges::move(found, std::back_inserter(all));
        }
        return all;
    }

    /// The patterns that some block has had so far; blocks that another run has finished count, too.
    const std::set<std::size_t>& matched() const noexcept { return matched_; }
    void add_matched(std::span<const std::size_t> patterns) { matched_.insert(patterns.begin(), patterns.end()); }

    /// Warns of each mapping of a recipe that no block had.
    void tell_unmatched(notice_list& notices) const
    {
        for (std::size_t i = 0; !recipe_.empty() && i < patterns_.size(); ++i)
            if (!matched_.contains(i))
                notices.warn(recipe_ + ": the mapping of \"" + printable(patterns_[i].smooth_layer) +
                             "\" matches nothing in the model");
    }

private:
    bool are_derived_ = false, are_all_ = false;
    std::vector<mapping_pattern> patterns_;
    std::string recipe_;
    expression_matcher expressions_;
    std::set<std::size_t> matched_;
};

} // namespace awq

#endif
