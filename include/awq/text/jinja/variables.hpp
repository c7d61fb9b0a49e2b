// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_VARIABLES_HPP
#define AWQ_TEXT_JINJA_VARIABLES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/text/jinja/mapping.hpp>
#include <awq/text/jinja/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// The variables of a running template: one scope inside the other.
class variables {
public:
    explicit variables(mapping globals) { scopes_.push_back(std::move(globals)); }

    /// A scope that ends with this object. A macro's own scope hides all but the outermost one.
    class scope {
    public:
        explicit scope(variables& all, bool is_macro = false)
            : all_(all), outer_base_(all.base_), outer_depth_(all.macro_depth_)
        {
            if (is_macro) {
                all.base_ = all.scopes_.size();
                ++all.macro_depth_;
            }
            all.scopes_.emplace_back();
        }
        scope(const scope&) = delete;
        ~scope()
        {
            all_.scopes_.pop_back();
            all_.base_ = outer_base_;
            all_.macro_depth_ = outer_depth_;
        }

    private:
        variables& all_;
        std::size_t outer_base_, outer_depth_;
    };

    mapping& innermost() noexcept { return scopes_.back(); }
    std::size_t macro_depth() const noexcept { return macro_depth_; }

    /// Innermost scope first, then the functions of the environment; undefined if there is none.
    value find(std::string_view name) const
    {
        for (std::size_t i = scopes_.size(); i-- > base_;)
            if (const value* found = scopes_[i].find(name)) return *found;
        if (const value* found = scopes_.front().find(name)) return *found;
        for (const std::string_view each : {"namespace", "dict", "range", "raise_exception", "strftime_now"})
            if (name == each) return value{value::callable{each, nullptr}};
        return value::missing(name);
    }

private:
    std::vector<mapping> scopes_;
    std::size_t base_ = 0;
    std::size_t macro_depth_ = 0;
};

} // namespace awq::jinja

#endif
