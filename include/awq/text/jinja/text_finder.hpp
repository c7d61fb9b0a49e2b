// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_TEXT_FINDER_HPP
#define AWQ_TEXT_JINJA_TEXT_FINDER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/budget.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace awq::jinja {

/// Finds one text in others in linear time, whatever the two are: a long one by Knuth, Morris and
/// Pratt, "Fast pattern matching in strings" (1977).
class text_finder {
public:
    static constexpr std::size_t npos = std::string_view::npos;

    /// The text that is looked for must outlive the finder.
    explicit text_finder(std::string_view what) : what_(what) {}

    std::size_t size() const noexcept { return what_.size(); }

    /// Where it begins at or after `from`; npos if it does not.
    result<std::size_t> find(std::string_view in, std::size_t from, budget& work) const
    {
        if (from > in.size() || what_.size() > in.size() - from) return npos;
        if (what_.size() > short_text && borders_.empty()) AWQ_CHECK(find_borders(work));
        const std::size_t at = what_.size() > short_text ? find_long(in, from) : in.find(what_, from);
        AWQ_CHECK(work.spend(budget::step + (at == npos ? in.size() : at + what_.size()) - from));
        return at;
    }

private:
    static constexpr std::size_t short_text = 32; // below it looking anew at each byte is fast

    // borders_[i]: the length of the longest proper beginning of what_[0, i] that also ends it.
    status find_borders(budget& work) const
    {
        AWQ_CHECK(work.spend(what_.size() * (1 + sizeof(std::uint32_t))));
        borders_.resize(what_.size());
        for (std::size_t i = 1, length = 0; i < what_.size(); ++i) {
            while (length > 0 && what_[i] != what_[length]) length = borders_[length - 1];
            if (what_[i] == what_[length]) ++length;
            borders_[i] = static_cast<std::uint32_t>(length);
        }
        return {};
    }

    std::size_t find_long(std::string_view in, std::size_t from) const noexcept
    {
        for (std::size_t i = from, length = 0; i < in.size(); ++i) {
            while (length > 0 && in[i] != what_[length]) length = borders_[length - 1];
            if (in[i] == what_[length]) ++length;
            if (length == what_.size()) return i + 1 - length;
        }
        return npos;
    }

    std::string_view what_;
    mutable std::vector<std::uint32_t> borders_;
};

} // namespace awq::jinja

#endif
