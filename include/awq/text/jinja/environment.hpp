// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_ENVIRONMENT_HPP
#define AWQ_TEXT_JINJA_ENVIRONMENT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// strftime_now(format): the local time.
inline result<value> time_text(std::string_view format)
{
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    char text[256] = {};
    if (format.size() > 200) return error{error_code::unsupported, "the format of strftime_now is too long"};
    if (format.empty() || !::localtime_r(&now, &local)) return value::text({});
    const std::string pattern{format};
    return value::text(std::string{text, std::strftime(text, sizeof text, pattern.c_str(), &local)});
}

/// range(...), as in Python; as long as transformers lets a template make it.
inline result<value> range(const arguments& with, budget& work)
{
    constexpr std::uint64_t most = 100'000;
    const bool has_first = with.size() > 1;
    for (const value& each : with.positional)
        if (!each.is_whole()) return detail::wrong_type("the function", "range");
    const std::int64_t first = has_first ? with.integer(0, "", 0) : 0;
    const std::int64_t end = with.integer(has_first ? 1 : 0, "", 0), step = with.integer(2, "", 1);
    if (step == 0 || with.size() == 0) return detail::wrong_type("the function", "range");
    const auto low = static_cast<std::uint64_t>(step > 0 ? first : end);
    const auto high = static_cast<std::uint64_t>(step > 0 ? end : first);
    const std::uint64_t distance = (step > 0 ? first < end : end < first) ? high - low : 0;
    const std::uint64_t stride =
        step > 0 ? static_cast<std::uint64_t>(step) : std::uint64_t{0} - static_cast<std::uint64_t>(step);
    const std::uint64_t count = distance / stride + (distance % stride != 0);
    if (count > most) return error{error_code::unsupported, "a range of more than ", most, " numbers"};
    AWQ_CHECK(work.room_for_list(count));
    value::list numbers;
    numbers.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) // the last sum may not fit: it is not made
        numbers.push_back({first + static_cast<std::int64_t>(i) * step});
    return work.list(std::move(numbers));
}

/// The variable `loop` of the i-th run of a loop.
inline result<value> loop_variable(const value::list& items, std::size_t i, budget& work)
{
    // Made once: a loop in a loop asks for them again and again.
    static const std::array<value, 9> names = [] {
        std::array<value, 9> made;
        constexpr std::string_view all[] = {"index", "index0", "revindex", "revindex0", "first",
                                            "last",  "length", "previtem", "nextitem"};
        for (std::size_t at = 0; at < made.size(); ++at) made[at] = value::text(std::string{all[at]});
        return made;
    }();
    const std::size_t count = items.size();
    const value contents[] = {value::integer(i + 1),
                              value::integer(i),
                              value::integer(count - i),
                              value::integer(count - i - 1),
                              {i == 0},
                              {i + 1 == count},
                              value::integer(count),
                              i > 0 ? items[i - 1] : value{},
                              i + 1 < count ? items[i + 1] : value{}};
    AWQ_CHECK(work.spend(10 * budget::step));
    auto about = std::make_shared<mapping>();
    for (std::size_t at = 0; at < names.size(); ++at) about->set(names[at], contents[at]);
    about->is_namespace = true; // holds what the list holds, and is held by nothing
    return value{std::move(about)};
}

/// Sets one name to a value, or several to the items of one.
inline status bind_names(mapping& to, const std::vector<std::string>& names, const value& content, budget& work)
{
    AWQ_CHECK(work.spend(names.size() * 64));
    if (names.size() == 1) {
        to.set(names[0], content);
        return {};
    }
    AWQ_TRY(const auto parts, items_of(content, work));
    if (!parts || parts->size() != names.size())
        return error{error_code::malformed_file, "cannot unpack a value into ", names.size(), " names"};
    for (std::size_t i = 0; i < names.size(); ++i) to.set(names[i], (*parts)[i]);
    return {};
}

} // namespace awq::jinja

#endif
