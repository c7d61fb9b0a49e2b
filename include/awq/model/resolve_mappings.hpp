// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_RESOLVE_MAPPINGS_HPP
#define AWQ_MODEL_RESOLVE_MAPPINGS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/mapping_pattern.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A module of a decoder block that has a weight.
struct block_module {
    std::string name;             ///< from the block: "self_attn.q_proj"
    std::size_t out_features = 0; ///< of a norm: its size
    std::size_t in_features = 0;  ///< of a norm: 0

    bool is_norm() const noexcept { return in_features == 0; }
};

/// Why a mapping is found but not used.
enum class skip_cause : unsigned char {
    none,
    grouped_query, ///< v_proj has fewer outputs than o_proj has inputs: heads share values
    shape,         ///< the layers do not fit together
};

/// A mapping of one block; all names are from the block.
struct resolved_mapping {
    std::string smooth_layer;
    bool smooth_is_norm = true;
    /// The first one's input is the one that is observed.
    std::vector<std::string> balance_layers;
    /// The module whose output the parent-output loss compares: the deepest that holds all balance
    /// layers (a single one is its own parent); empty: the block.
    std::string parent;
    skip_cause skipped = skip_cause::none;
    std::string reason; ///< one line, where it is skipped
};

/// Knows no regular expressions. Another matcher is any callable
/// `matches(expression, name)` that is true where the expression matches from the name's beginning.
struct no_expressions {
    constexpr bool operator()(std::string_view, std::string_view) const noexcept { return false; }
};

namespace detail {

/// Parts that two dotted names begin with in common.
inline std::size_t common_parts(std::string_view a, std::string_view b) noexcept
{
    std::size_t parts = 0;
    for (std::size_t i = 0;; ++i) {
        const bool a_ends = i == a.size() || a[i] == '.';
        const bool b_ends = i == b.size() || b[i] == '.';
        if (a_ends != b_ends || (!a_ends && a[i] != b[i])) return parts;
        parts += a_ends;
        if (i == a.size() || i == b.size()) return parts;
    }
}

inline std::string_view first_parts(std::string_view name, std::size_t parts) noexcept
{
    std::size_t end = 0;
    for (; parts > 0; --parts) end = name.find('.', end + (end > 0));
    return name.substr(0, end);
}

/// "a.10.b" after "a.9.b": runs of digits compare as numbers.
inline bool natural_less(std::string_view a, std::string_view b) noexcept
{
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto mismatch = std::ranges::mismatch(a, b);
    auto at = static_cast<std::size_t>(mismatch.in1 - a.begin());
    while (at > 0 && is_digit(a[at - 1])) --at;
    const auto digits = [&](std::string_view text) {
        return std::ranges::find_if_not(text.substr(at), is_digit) - text.substr(at).begin();
    };
    const auto in_a = digits(a);
    const auto in_b = digits(b);
    return in_a != in_b && in_a > 0 && in_b > 0 ? in_a < in_b : a < b;
}

/// The deepest module that holds all; lists of experts are no modules, for nothing calls them.
inline std::string parent_of(const std::vector<std::string>& names)
{
    std::string_view parent = names.front();
    for (const std::string& name : names) parent = first_parts(parent, common_parts(parent, name));
    if (names.size() > 1 && (parent == "experts" || parent.ends_with(".experts")))
        parent = first_parts(parent, common_parts(parent, parent) - 1);
    return std::string{parent};
}

template <class Matcher>
class mapping_resolver {
public:
    mapping_resolver(std::string_view block, std::span<const block_module> modules, const Matcher& matches)
        : block_(block), modules_(modules), matches_(matches)
    {}

    status resolve(const mapping_pattern& pattern, std::vector<resolved_mapping>& found) const
    {
        const auto smooths = modules_like(pattern.smooth_layer);
        std::vector<const block_module*> balances;
        AWQ_CHECK(collect_balances(pattern, !smooths.empty(), balances));
        if (smooths.empty() && balances.empty()) return {};
        if (smooths.empty() || balances.empty())
            return incomplete(smooths.empty() ? pattern.smooth_layer : "no balance layer", pattern);
        std::vector<std::vector<std::string>> groups(smooths.size());
        for (const block_module* balance : balances) groups[nearest(smooths, balance->name)].push_back(balance->name);
        for (std::size_t i = 0; i < smooths.size(); ++i) {
            if (groups[i].empty()) return incomplete(smooths[i]->name, pattern);
            found.push_back(finish(*smooths[i], std::move(groups[i])));
        }
        return {};
    }

private:
    bool is_like(std::string_view pattern, const std::string& name) const
    {
        const std::string whole = block_.empty() ? name : std::string{block_} + "." + name;
        const std::string_view expression = expression_of(pattern);
        if (!expression.empty()) return matches_(expression, std::string_view{whole});
        return matches_parts(pattern, name) || matches_parts(pattern, whole);
    }

    std::vector<const block_module*> modules_like(std::string_view pattern) const
    {
        std::vector<const block_module*> found;
        for (const block_module& each : modules_)
            if (is_like(pattern, each.name)) found.push_back(&each);
        std::ranges::sort(found, natural_less, &block_module::name);
        return found;
    }

    status collect_balances(const mapping_pattern& pattern, bool required,
                            std::vector<const block_module*>& balances) const
    {
        const auto append = [&](const std::string& name, bool must) {
            const auto more = modules_like(name);
            balances.insert(balances.end(), more.begin(), more.end());
            return !must || !more.empty();
        };
        for (const std::string& name : pattern.balance_layers)
            if (!append(name, required)) return incomplete(name, pattern);
        for (const std::string& name : pattern.optional_layers) (void)append(name, false);
        for (std::size_t i = 0; i < balances.size(); ++i)
            if (std::find(balances.begin(), balances.begin() + static_cast<std::ptrdiff_t>(i), balances[i]) !=
                balances.begin() + static_cast<std::ptrdiff_t>(i))
                return error{error_code::invalid_argument,
                             block_,
                             ": \"",
                             balances[i]->name,
                             "\" is matched by two balance layers of the mapping of \"",
                             pattern.smooth_layer,
                             "\"; make them narrower"};
        return {};
    }

    error incomplete(std::string_view missing, const mapping_pattern& pattern) const
    {
        return error{error_code::missing_tensor,
                     block_,
                     ": the mapping of \"",
                     pattern.smooth_layer,
                     "\" is incomplete, nothing answers to \"",
                     missing,
                     "\"; does the mapping belong to this architecture?"};
    }

    /// An expert's down_proj belongs to that expert's up_proj: the smooth layer that shares most.
    static std::size_t nearest(const std::vector<const block_module*>& smooths, std::string_view balance) noexcept
    {
        std::size_t best = 0;
        for (std::size_t i = 1; i < smooths.size(); ++i)
            if (common_parts(smooths[i]->name, balance) > common_parts(smooths[best]->name, balance)) best = i;
        return best;
    }

    resolved_mapping finish(const block_module& smooth, std::vector<std::string> balances) const
    {
        resolved_mapping made;
        made.smooth_layer = smooth.name;
        made.smooth_is_norm = smooth.is_norm();
        made.parent = parent_of(balances);
        made.balance_layers = std::move(balances);
        for (const std::string& name : made.balance_layers)
            check_fit(smooth, *std::ranges::find(modules_, name, &block_module::name), made);
        return made;
    }

    /// Whether the smooth layer's outputs are the balance layer's inputs. Of fused layers, value
    /// and up come last.
    static void check_fit(const block_module& smooth, const block_module& balance, resolved_mapping& mapping)
    {
        const auto ends = [&](std::string_view end) { return smooth.name.ends_with(end); };
        const std::size_t parts = ends("qkv_proj") ? 3 : ends("gate_up_proj") ? 2 : 1;
        if (smooth.out_features == parts * balance.in_features && !balance.is_norm()) return;
        const bool grouped = ends("v_proj") && smooth.out_features < parts * balance.in_features;
        mapping.skipped = grouped ? skip_cause::grouped_query : skip_cause::shape;
        mapping.reason = smooth.name + " has " + std::to_string(smooth.out_features) + " outputs, " + balance.name +
                         " has " + std::to_string(balance.in_features) + " inputs" +
                         (grouped ? " (grouped-query attention)" : "");
    }

    std::string_view block_;
    std::span<const block_module> modules_;
    const Matcher& matches_;
};

} // namespace detail

/// Finds the layers of one decoder block that each pattern names. A pattern that names nothing in
/// this block is passed over; one that names only a part is `missing_tensor`; mappings whose shapes
/// do not fit (v_proj -> o_proj under grouped-query attention) are found, and marked as skipped.
/// `block`: the block's own name, "model.layers.3", for patterns and error texts; `matches`: what "re:"
/// patterns are matched with.
template <class Matcher = no_expressions>
result<std::vector<resolved_mapping>> resolve_mappings(std::span<const mapping_pattern> patterns,
                                                       std::string_view block, std::span<const block_module> modules,
                                                       const Matcher& matches = {})
{
    const detail::mapping_resolver<Matcher> resolver{block, modules, matches};
    std::vector<resolved_mapping> found;
    for (const mapping_pattern& pattern : patterns) AWQ_CHECK(resolver.resolve(pattern, found));
    return found;
}

} // namespace awq

#endif
