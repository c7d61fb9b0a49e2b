// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_KEY_VALUES_HPP
#define AWQ_IO_GGUF_KEY_VALUES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/value.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::gguf {

/// The metadata of a file to be written: keys in the order in which they were first set.
class key_values {
public:
    struct entry {
        std::string key;
        gguf::value value;
    };

    /// Adds the key, or replaces its value in place.
    template <class T>
    void set(std::string_view key, const T& content)
    {
        set(key, value{content});
    }
    void set(std::string_view key, value content)
    {
        if (entry* old = find_entry(key))
            old->value = std::move(content);
        else
            entries_.push_back({std::string{key}, std::move(content)});
    }

    /// The value of the key, or null.
    const value* find(std::string_view key) const noexcept
    {
        const auto at =
            std::find_if(entries_.begin(), entries_.end(), [key](const entry& each) { return each.key == key; });
        return at == entries_.end() ? nullptr : &at->value;
    }

    void erase(std::string_view key)
    {
        std::erase_if(entries_, [key](const entry& each) { return each.key == key; });
    }

    const std::vector<entry>& entries() const noexcept { return entries_; }

private:
    entry* find_entry(std::string_view key) noexcept
    {
        const auto at =
            std::find_if(entries_.begin(), entries_.end(), [key](const entry& each) { return each.key == key; });
        return at == entries_.end() ? nullptr : &*at;
    }

    std::vector<entry> entries_;
};

} // namespace awq::gguf

#endif
