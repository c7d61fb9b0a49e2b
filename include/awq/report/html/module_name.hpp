// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_MODULE_NAME_HPP
#define AWQ_REPORT_HTML_MODULE_NAME_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace awq::html {

namespace detail {

inline bool is_number(std::string_view part) noexcept
{
    const auto is_digit = [](char each) { return each >= '0' && each <= '9'; };
    return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
}

} // namespace detail

/// "model.layers.3.mlp.experts.17.up_proj": which decoder block, and what it is there. Modules of one
/// kind in different blocks, and experts of one block, have the same `kind`.
struct module_name {
    std::string block; ///< "3"; empty outside of the blocks
    std::string kind;  ///< "mlp.experts.*.up_proj"

    static module_name of(std::string_view name)
    {
        module_name made;
        while (!name.empty()) {
            const std::size_t dot = std::min(name.find('.'), name.size());
            const std::string_view part = name.substr(0, dot);
            name.remove_prefix(std::min(dot + 1, name.size()));
            if (made.block.empty() && detail::is_number(part)) {
                made.block = part;
                made.kind.clear();
            } else {
                if (!made.kind.empty()) made.kind += '.';
                made.kind += detail::is_number(part) ? "*" : part;
            }
        }
        return made;
    }
};

/// "q_proj" of "self_attn.q_proj".
inline std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

/// "q_proj, k_proj, v_proj": the last parts, each once.
inline std::string last_parts(const std::vector<std::string>& names)
{
    std::vector<std::string> parts;
    for (const std::string& name : names)
        if (std::find(parts.begin(), parts.end(), last_part(name)) == parts.end()) parts.push_back(last_part(name));
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
}

} // namespace awq::html

#endif
