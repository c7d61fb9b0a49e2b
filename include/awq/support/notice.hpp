// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_NOTICE_HPP
#define AWQ_SUPPORT_NOTICE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// One sentence about a run that goes on: what was dropped, fell back or had no effect.
struct notice {
    enum class severity {
        note,    ///< the result is what was asked for
        warning, ///< the result may be worse than what was asked for
    };
    severity level = severity::note;
    std::string text; ///< one line: what (as the user named it), where, what to do
};

/// Whoever started a run shows a notice when it comes; may be empty.
using notice_callback = std::function<void(const notice&)>;

/// The notices of a run, in order: shown as they come, kept for the report.
class notice_list {
public:
    notice_list() = default;
    explicit notice_list(notice_callback show) : show_(std::move(show)) {}

    void note(std::string_view text) { add({notice::severity::note, std::string{text}}); }
    void warn(std::string_view text) { add({notice::severity::warning, std::string{text}}); }

    /// Control characters, which come out of files, become '?'.
    void add(notice made)
    {
        made.text = printable(made.text, made.text.size());
        if (show_) show_(made);
        all_.push_back(std::move(made));
    }

    std::size_t size() const noexcept { return all_.size(); }
    bool empty() const noexcept { return all_.empty(); }
    const notice& operator[](std::size_t i) const { return all_[i]; }
    auto begin() const noexcept { return all_.begin(); }
    auto end() const noexcept { return all_.end(); }

private:
    notice_callback show_;
    std::vector<notice> all_;
};

/// "warning: ..." for a warning, the plain text for a note: a line of a report.
inline std::string line_of(const notice& from)
{
    return from.level == notice::severity::warning ? "warning: " + from.text : from.text;
}

} // namespace awq

#endif
