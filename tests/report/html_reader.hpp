// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_REPORT_HTML_READER_HPP
#define AWQ_TESTS_REPORT_HTML_READER_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// A page as a strict reader takes it apart: every element is closed, every `<`, `&` and quote means markup.
struct html_page {
    std::string problem;               ///< empty: the page is well-formed
    std::string text;                  ///< all text and all attributes' values, still escaped
    std::vector<std::string> elements; ///< in the order in which they open
    std::vector<std::string> attributes;

    static html_page read(std::string_view page)
    {
        html_page made;
        constexpr std::string_view begin = "<!DOCTYPE html>\n";
        if (!page.starts_with(begin)) made.problem = "no doctype";
        page.remove_prefix(made.problem.empty() ? begin.size() : page.size());
        while (!page.empty() && made.problem.empty())
            if (page.front() == '<')
                made.take_tag(page);
            else
                made.take_text(page);
        if (made.problem.empty() && !made.open_.empty()) made.problem = made.open_.back() + " is not closed";
        return made;
    }

private:
    void take_text(std::string_view& page)
    {
        const std::string_view content = page.substr(0, page.find('<'));
        page.remove_prefix(content.size());
        if (open_.empty() && content != "\n") problem = "text outside of all elements";
        if (open_.empty() || open_.back() != "style") keep(content);
    }

    void keep(std::string_view content)
    {
        for (std::size_t at = content.find('&'); at != content.npos; at = content.find('&', at + 1)) {
            const std::string_view entity = content.substr(at, content.find(';', at) - at + 1);
            if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" && entity != "&#39;")
                problem = "a bare ampersand";
        }
        text += std::string{content} + '\n';
    }

    void take_tag(std::string_view& page)
    {
        const std::string_view tag = page.substr(0, page.find('>') + 1);
        page.remove_prefix(tag.size());
        if (tag.size() < 3) return void(problem = "a bare <");
        const bool closes = tag[1] == '/', is_empty = tag[tag.size() - 2] == '/';
        const std::size_t from = closes ? 2 : 1;
        const std::string name{tag.substr(from, tag.find_first_of(" />", from) - from)};
        if (closes) {
            if (open_.empty() || open_.back() != name) return void(problem = "closes " + name);
            open_.pop_back();
            return;
        }
        elements.push_back(name);
        take_attributes(tag.substr(1 + name.size(), tag.size() - 2 - name.size() - (is_empty ? 1 : 0)));
        if (!is_empty) open_.push_back(name);
    }

    void take_attributes(std::string_view rest)
    {
        while (!rest.empty()) {
            const std::size_t equals = rest.find("=\"");
            const std::size_t end = equals == rest.npos ? rest.npos : rest.find('"', equals + 2);
            if (rest.front() != ' ' || end == rest.npos) return void(problem = "attributes: " + std::string{rest});
            attributes.emplace_back(rest.substr(1, equals - 1));
            keep(rest.substr(equals + 2, end - equals - 2));
            rest.remove_prefix(end + 1);
        }
    }

    std::vector<std::string> open_;
};

} // namespace test

#endif
