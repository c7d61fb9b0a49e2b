// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_MAPPING_HPP
#define AWQ_TEXT_JINJA_MAPPING_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/text/jinja/value.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// What makes keys equal in Python: 1, 1.0 and True are one key.
struct key_view {
    enum class kind { none, whole, real, text } what = kind::none;
    std::int64_t number = 0; // of a real: its bits
    std::string_view text;

    auto operator<=>(const key_view&) const = default;

    static key_view of(std::string_view text) noexcept { return {kind::text, 0, text}; }

    /// Nothing for a value that cannot be a key here.
    static std::optional<key_view> of(const value& from) noexcept
    {
        if (const auto* text = from.as_text()) return of(std::string_view{*text});
        if (from.is<value::none>()) return key_view{};
        if (from.is_whole()) return key_view{kind::whole, from.whole(), {}};
        if (!from.is_number()) return std::nullopt;
        const double real = from.number();
        if (std::trunc(real) == real && std::fabs(real) < 9e18)
            return key_view{kind::whole, static_cast<std::int64_t>(real), {}};
        return key_view{kind::real, std::bit_cast<std::int64_t>(real), {}};
    }
};

/// A dict or a namespace: members in the order of their insertion, found in logarithmic time.
class mapping {
public:
    struct member {
        value key, content;
    };

    bool is_namespace = false;
    std::size_t depth = 1; ///< of the lists and mappings in it

    auto begin() const noexcept { return members_.begin(); }
    auto end() const noexcept { return members_.end(); }
    std::size_t size() const noexcept { return members_.size(); }
    bool empty() const noexcept { return members_.empty(); }

    const value* find(std::string_view key) const noexcept { return find(key_view::of(key)); }
    const value* find(const value& key) const noexcept
    {
        const auto view = key_view::of(key);
        return view ? find(*view) : nullptr;
    }

    void set(std::string_view key, value content)
    {
        const std::size_t at = place_of(key_view::of(key));
        if (at < members_.size())
            members_[at].content = std::move(content);
        else
            append(value::text(std::string{key}), std::move(content));
    }
    /// `key` must be one that `key_view` knows.
    void set(const value& key, value content)
    {
        const std::size_t at = place_of(*key_view::of(key));
        if (at < members_.size())
            members_[at].content = std::move(content);
        else
            append(key, std::move(content));
    }

private:
    static constexpr std::size_t few = 12; // up to here looking at all is as fast

    std::size_t place_of(const key_view& key) const noexcept
    {
        if (!index_.empty()) {
            const auto found = index_.find(key);
            return found == index_.end() ? members_.size() : found->second;
        }
        const auto found = std::find_if(members_.begin(), members_.end(),
                                        [&](const member& each) { return *key_view::of(each.key) == key; });
        return static_cast<std::size_t>(found - members_.begin());
    }

    const value* find(const key_view& key) const noexcept
    {
        const std::size_t at = place_of(key);
        return at < members_.size() ? &members_[at].content : nullptr;
    }

    void append(value key, value content)
    {
        members_.push_back({std::move(key), std::move(content)});
        if (members_.size() <= few) return;
        for (std::size_t i = index_.size(); i < members_.size(); ++i)
            index_.emplace(*key_view::of(members_[i].key), i); // the texts are shared: they stay
    }

    std::vector<member> members_;
    std::map<key_view, std::size_t> index_; // empty while there are few
};

} // namespace awq::jinja

#endif
