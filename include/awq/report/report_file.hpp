// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_REPORT_FILE_HPP
#define AWQ_REPORT_REPORT_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/write_file.hpp>
#include <awq/report/html/page.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace awq {

/// Whether a text is a page that `to_html` made, by its head.
inline bool is_report_page(std::string_view text)
{
    constexpr std::size_t head = 512;
    return text.starts_with("<!DOCTYPE html>") &&
           text.substr(0, head).find(html::generator_mark) != std::string_view::npos;
}

/// Whether a file is an earlier report, by its content, or is empty: there is nothing to lose.
inline bool is_report(const std::string& path)
{
    const auto text = read_file(path, std::uint64_t{1} << 26);
    if (!text || text->empty()) return text.has_value();
    if (is_report_page(*text)) return true;
    const auto parsed = json::document::parse(*text, path);
    if (!parsed) return false;
    const json::value root = parsed->root();
    return root.find("awq_version") || (root.find("perplexity") && root.find("tokens"));
}

/// The file of a report: opened before the run, so that what is wrong with its path shows then, and
/// written after it.
class report_file {
public:
    /// An earlier report is replaced, and with `overwrite` any regular file. Errors: those of
    /// output_file.
    static result<report_file> create(const std::string& path, const output_policy& policy)
    {
        std::error_code ignored;
        const bool other = std::filesystem::is_regular_file(path, ignored) && !is_report(path);
        if (other && !policy.overwrite)
            return error{error_code::file_exists, path,
                         ": is there and is no report; choose another file or ask for overwriting"};
        AWQ_TRY(output_file file, output_file::create(path, {true, policy.group}));
        return report_file{std::move(file)};
    }

    /// Where it will be.
    std::string target() const { return file_.target(); }

    /// Writes the text; it is not in place yet.
    status prepare(std::string_view text)
    {
        AWQ_CHECK(write_file(file_.where(), text));
        return file_.prepare();
    }

    /// Puts it into place.
    status commit() { return file_.commit(); }

private:
    explicit report_file(output_file&& file) : file_(std::move(file)) {}

    output_file file_;
};

} // namespace awq

#endif
