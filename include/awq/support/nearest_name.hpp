// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_NEAREST_NAME_HPP
#define AWQ_SUPPORT_NEAREST_NAME_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Letters to insert, remove, replace or swap with a neighbour to make one name from the other
/// (optimal string alignment); upper and lower case and "-" and "_" count as the same.
inline std::size_t edit_distance(std::string_view a, std::string_view b)
{
    const auto plain = [](char c) {
        return c == '-' ? '_' : 'A' <= c && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    const auto same = [&](char x, char y) { return plain(x) == plain(y); };
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0u : 1u)});
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(now);
    }
    return last[b.size()];
}

/// The known name that was most likely meant: at most a third of the letters are wrong. Empty where
/// none is that near. `known`: any range of texts.
template <class Names>
std::string_view nearest_name(std::string_view name, const Names& known)
{
    constexpr std::size_t longest = 64;
    std::string_view nearest;
    if (name.size() > longest) return nearest;
    std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
    for (const std::string_view each : known)
        if (const std::size_t distance = edit_distance(name, each); distance < least) {
            least = distance;
            nearest = each;
        }
    return nearest;
}

/// "a, b, c".
template <class Names>
std::string join_names(const Names& names)
{
    std::string text;
    for (const std::string_view each : names) text += (text.empty() ? "" : ", ") + std::string{each};
    return text;
}

/// For the end of an error text: "did you mean 'n_grid'? known: ..." or the known names alone.
template <class Names>
std::string known_names(std::string_view name, const Names& known)
{
    const std::string_view nearest = nearest_name(name, known);
    const std::string guess = nearest.empty() ? "" : "did you mean '" + std::string{nearest} + "'? ";
    return guess + "known: " + join_names(known);
}

} // namespace awq

#endif
