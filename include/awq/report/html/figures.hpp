// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_FIGURES_HPP
#define AWQ_REPORT_HTML_FIGURES_HPP

#include <awq/support/requires_hosted.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace awq::html {

/// A figure by a printf format for one double; a dash where it is no number.
inline std::string figure(const char* format, double value)
{
    if (!std::isfinite(value)) return "\xE2\x80\x93";
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, value);
    return text.data();
}

/// "2.38e-05": errors differ by orders of magnitude.
inline std::string error_text(double value) { return figure("%.3g", value); }
/// "12.3 %" for a share of 0.123.
inline std::string percent_text(double share)
{
    return figure(std::fabs(share) < 0.1 ? "%.2f %%" : "%.1f %%", 100 * share);
}
/// A change of a share, with its sign (a true minus): "-6.3 %" for what is left of one.
inline std::string change_text(double left)
{
    const double change = 100 * (left - 1);
    if (std::fabs(change) < 0.05) return "0.0 %";
    return (change < 0 ? "\xE2\x88\x92" : "+") + figure("%.1f %%", std::fabs(change));
}
/// "1.99 GB", in powers of ten.
inline std::string bytes_text(std::uint64_t bytes)
{
    constexpr std::array<const char*, 5> units{"%.0f bytes", "%.3g kB", "%.3g MB", "%.3g GB", "%.4g TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
    return figure(units[unit], value);
}
/// "1.72 s", "3 min 05 s", "2 h 04 min".
inline std::string duration_text(double seconds)
{
    if (!(seconds >= 59.95)) return figure(seconds < 10 ? "%.2f s" : "%.1f s", seconds);
    const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
    const auto pair = [](std::uint64_t high, const char* unit, std::uint64_t low, const char* small) {
        return std::to_string(high) + unit + (low < 10 ? " 0" : " ") + std::to_string(low) + small;
    };
    if (whole < 3600) return pair(whole / 60, " min", whole % 60, " s");
    return pair(whole / 3600, " h", whole / 60 % 60, " min");
}
/// "16 384": digits in threes, with a narrow space that does not break.
inline std::string count_text(std::uint64_t count)
{
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, "\xE2\x80\xAF");
    return text;
}
/// "1 mapping", "16 mappings".
inline std::string counted_text(std::uint64_t count, const std::string& what)
{
    return count_text(count) + ' ' + what + (count == 1 ? "" : "s");
}
/// A coordinate of a drawing.
inline std::string at(double value) { return figure("%.2f", std::isfinite(value) ? value : 0.0); }

/// The last component of a path: "tiny" of "models/tiny/".
inline std::string base_name(std::string path)
{
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

} // namespace awq::html

#endif
