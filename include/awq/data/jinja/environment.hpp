// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_ENVIRONMENT_HPP
#define AWQ_DATA_JINJA_ENVIRONMENT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/sequences.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// strftime_now(format): the local time.
inline result<value> time_text(const std::string& format)
{
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    char text[256] = {};
    if (format.empty() || !::localtime_r(&now, &local)) return value::text({});
    return value::text(std::string{text, std::strftime(text, sizeof text, format.c_str(), &local)});
}

/// range(...), as in Python; at most half a million either way.
inline result<value> range(const arguments& with)
{
    const bool has_first = with.positional.size() > 1;
    const std::int64_t first = has_first ? with.integer(0, "", 0) : 0;
    const std::int64_t end = with.integer(has_first ? 1 : 0, "", 0), step = with.integer(2, "", 1);
    value::list numbers;
    constexpr auto most = static_cast<std::int64_t>(list_limit / 2);
    if (step == 0 || std::max({first, end, step}) > most || std::min({first, end, step}) < -most)
        return detail::wrong_type("the function", "range");
    for (std::int64_t at = first; step > 0 ? at < end : at > end; at += step)
        numbers.push_back({at});
    return value::of(std::move(numbers));
}

/// The variable `loop` of the i-th run of a loop.
inline value loop_variable(const value::list& items, std::size_t i)
{
    const std::size_t count = items.size();
    value::dict about{{"index", value::integer(i + 1)},
                      {"index0", value::integer(i)},
                      {"revindex", value::integer(count - i)},
                      {"revindex0", value::integer(count - i - 1)},
                      {"first", {i == 0}},
                      {"last", {i + 1 == count}},
                      {"length", value::integer(count)}};
    if (i > 0) about.emplace_back("previtem", items[i - 1]);
    if (i + 1 < count) about.emplace_back("nextitem", items[i + 1]);
    return value::of(std::move(about));
}

/// Sets one name to a value, or several to the items of one.
inline status bind_names(value::dict& to, const std::vector<std::string>& names,
                         const value& content)
{
    if (names.size() == 1) {
        set(to, names[0], content);
        return {};
    }
    const auto parts = detail::items_of(content);
    if (!parts || parts->size() != names.size())
        return error{error_code::malformed_file, "cannot unpack a value into ", names.size(),
                     " names"};
    for (std::size_t i = 0; i < names.size(); ++i)
        set(to, names[i], (*parts)[i]);
    return {};
}

/// Whether a value is this mapping or holds it; also true where that takes too long to tell.
inline bool holds(const value& v, const value::dict* what, std::size_t& budget) noexcept
{
    if (budget == 0 || v.as_dict() == what) return true;
    --budget;
    if (const auto* items = v.as_list())
        return std::any_of(items->begin(), items->end(),
                           [&](const value& each) { return holds(each, what, budget); });
    return v.as_dict() &&
           std::any_of(v.as_dict()->begin(), v.as_dict()->end(),
                       [&](const auto& each) { return holds(each.second, what, budget); });
}

} // namespace awq::jinja

#endif
