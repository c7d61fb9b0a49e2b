// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_FALLBACK_LIST_HPP
#define AWQ_REPORT_FALLBACK_LIST_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/notice.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// "2 layers (model.layers.0.mlp.up_proj, ...)": how many, and the first few by name.
inline std::string count_and_name(const std::vector<std::string>& layers)
{
    constexpr std::size_t shown = 3;
    std::string text = std::to_string(layers.size()) + (layers.size() == 1 ? " layer (" : " layers (");
    for (std::size_t i = 0; i < std::min(shown, layers.size()); ++i) text += (i > 0 ? ", " : "") + layers[i];
    return text + (layers.size() > shown ? ", ...)" : ")");
}

/// Steps that a run was asked for and could not take, each with the layers that it happened to.
class fallback_list {
public:
    /// `what`: the step and the reason, "no error feedback (...)".
    void add(const std::string& what, const std::string& layer)
    {
        const auto same = [&](const auto& entry) { return entry.first == what; };
        const auto found = std::find_if(all_.begin(), all_.end(), same);
        (found == all_.end() ? all_.emplace_back(what, std::vector<std::string>{}) : *found).second.push_back(layer);
    }

    /// One warning for each.
    void tell(notice_list& notices) const
    {
        for (const auto& [what, layers] : all_) notices.warn(what + ": " + count_and_name(layers));
    }

    /// The layers by step, as they were added.
    auto& all() noexcept { return all_; }
    const auto& all() const noexcept { return all_; }

private:
    std::vector<std::pair<std::string, std::vector<std::string>>> all_;
};

} // namespace awq

#endif
