// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_READ_YAML_HPP
#define AWQ_RECIPE_READ_YAML_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/yaml_node.hpp>

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace awq {

/// How much a YAML file may hold. A recipe of a model with thousands of named layers stays far below.
struct yaml_limits {
    std::size_t file_bytes = std::size_t{4} << 20;
    std::size_t depth = 32;                           ///< levels, aliases replaced
    std::size_t memory_bytes = std::size_t{64} << 20; ///< of all nodes, aliases replaced
};

namespace detail {

/// Builds the tree from yaml-cpp's events. Every alias is charged as a copy, so neither the size nor
/// the depth of the tree can be more than the limits.
class yaml_builder final : public YAML::EventHandler {
public:
    explicit yaml_builder(const yaml_limits& limits) : limits_(limits), left_(limits.memory_bytes) {}

    yaml_node take() noexcept { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        add(begin(yaml_node::kind::null, mark, {}, anchor));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override
    {
        open_node made = begin(yaml_node::kind::scalar, mark, tag, anchor);
        charge(made.node.line, value.size());
        made.node.text = value;
        add(std::move(made));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        const std::size_t line = line_of(mark);
        const auto found = anchored_.find(anchor);
        if (found == anchored_.end()) reject_line(line, "an alias stands for a value that holds the alias itself");
        check_depth(line, found->second.height);
        charge_tree(line, found->second);
        open_node made;
        made.node = found->second;
        add(std::move(made));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override
    {
        open(begin(yaml_node::kind::sequence, mark, tag, anchor));
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override
    {
        open(begin(yaml_node::kind::map, mark, tag, anchor));
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

private:
    struct open_node {
        yaml_node node;
        YAML::anchor_t anchor = 0;
        bool has_key = false; ///< of a map: the key of the next entry is known
        std::string key = {};
        std::size_t key_line = 0;
    };

    static std::size_t line_of(const YAML::Mark& mark) noexcept
    {
        return static_cast<std::size_t>(std::max(mark.line, 0)) + 1;
    }

    void charge(std::size_t line, std::size_t bytes)
    {
        if (bytes > left_)
            reject_line(line, "the values take more than ", limits_.memory_bytes >> 20,
                        " MiB, aliases replaced; a recipe needs a fraction of that");
        left_ -= bytes;
    }
    void charge_tree(std::size_t line, const yaml_node& node)
    {
        charge(line, sizeof node + node.tag.size() + node.text.size() + node.key.size());
        for (const yaml_node& each : node.items) charge_tree(line, each);
    }
    void check_depth(std::size_t line, std::size_t height) const
    {
        if (open_.size() + height >= limits_.depth)
            reject_line(line, "values lie in each other more than ", limits_.depth, " deep");
    }

    open_node begin(yaml_node::kind type, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor)
    {
        open_node made;
        made.node.type = type;
        made.node.line = line_of(mark);
        made.anchor = anchor;
        charge(made.node.line, sizeof(yaml_node) + tag.size());
        made.node.tag = tag;
        check_depth(made.node.line, 0);
        return made;
    }
    void open(open_node made)
    {
        if (!open_.empty() && open_.back().node.is_map() && !open_.back().has_key)
            reject(made.node, "a key must be a text");
        open_.push_back(std::move(made));
    }
    void close()
    {
        open_node done = std::move(open_.back());
        open_.pop_back();
        replace_call(done.node);
        add(std::move(done));
    }

    /// PyYAML writes an enumerator as the call that makes it: the value is the first argument.
    static void replace_call(yaml_node& node)
    {
        const bool call = node.tag.find("python/object/apply:") != std::string::npos;
        if (!call || !node.is_sequence() || node.items.empty() || !node.items.front().is_scalar()) return;
        node.type = yaml_node::kind::scalar;
        node.text = std::move(node.items.front().text);
        node.items.clear();
        node.height = 0;
    }

    /// A finished value: the root, an item, or a key or value of an entry.
    void add(open_node made)
    {
        if (made.anchor != 0) {
            charge_tree(made.node.line, made.node);
            anchored_.emplace(made.anchor, made.node);
        }
        if (open_.empty()) {
            root_ = std::move(made.node);
            return;
        }
        open_node& into = open_.back();
        if (into.node.is_map() && !into.has_key) return begin_entry(into, made.node);
        made.node.key = std::exchange(into.key, {});
        made.node.key_line = into.key_line;
        into.has_key = false;
        into.node.height = std::max(into.node.height, made.node.height + 1);
        into.node.items.push_back(std::move(made.node));
    }
    static void begin_entry(open_node& into, const yaml_node& key)
    {
        if (!key.is_scalar()) reject(key, "a key must be a text");
        into.key = key.text;
        into.key_line = key.line;
        into.has_key = true;
    }

    yaml_limits limits_;
    std::size_t left_;
    std::vector<open_node> open_;
    std::map<YAML::anchor_t, yaml_node> anchored_; ///< finished values that an alias may stand for
    yaml_node root_;
};

/// Bytes of the UTF-8 sequence at the beginning of a text; 0 where there is none, or a control
/// character, which YAML does not allow either.
inline std::size_t utf8_length(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return (first >= 0x20 && first != 0x7F) || first == 9 || first == 10 || first == 13;
    const std::size_t length = first < 0xC2 || first > 0xF4 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    return overlong || beyond ? 0 : length;
}

inline void check_text(std::string_view text)
{
    std::size_t line = 1;
    for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
        length = utf8_length(text.substr(at));
        if (length == 0) reject_line(line, "byte ", at, " is no text; a recipe is YAML in UTF-8");
        line += text[at] == '\n';
    }
}

/// Keys are looked up by walking the entries, so one that is given twice would lose silently.
inline void check_keys(const yaml_node& node)
{
    if (node.is_map()) {
        std::vector<const yaml_node*> sorted;
        for (const yaml_node& each : node.items) sorted.push_back(&each);
        std::ranges::stable_sort(sorted, {}, &yaml_node::key);
        const auto twice = std::ranges::adjacent_find(sorted, {}, &yaml_node::key);
        if (twice != sorted.end())
            reject_line(twice[1]->key_line, "key '", printable(twice[1]->key, 60), "' is there already, in line ",
                        twice[0]->key_line);
    }
    for (const yaml_node& each : node.items) check_keys(each);
}

/// What `read()` gives, or the problem that it threw. It is not called, and the answer is `unsupported`, where
/// the program is compiled without exceptions: yaml-cpp has no other way to report what is wrong.
template <class Read>
std::invoke_result_t<Read&> catch_yaml_problems([[maybe_unused]] Read&& read)
{
#if AWQ_EXCEPTIONS
    try {
        return read();
    } catch (const recipe_problem& problem) {
        return problem.cause;
    } catch (const YAML::Exception& problem) {
        return error{error_code::malformed_file, "line ", problem.mark.line + 1, ": ", printable(problem.msg, 160)};
    } catch (const std::bad_alloc&) {
        return error{error_code::out_of_memory, "no memory for the recipe"};
    } catch (const std::exception& problem) {
        return error{error_code::malformed_file, printable(problem.what(), 160)};
    }
#else
    return error{error_code::unsupported, "this program is compiled without exceptions and reads no recipes; ",
                 "give the run its options instead"};
#endif
}

} // namespace detail

/// The one document of a YAML text. Errors, each with its line: what is no YAML, what exceeds the
/// limits, a key that is given twice.
inline result<yaml_node> read_yaml(const std::string& text, const yaml_limits& limits = {})
{
    return detail::catch_yaml_problems([&]() -> result<yaml_node> {
        detail::check_text(text);
        std::istringstream stream{text};
        YAML::Parser parser{stream};
        detail::yaml_builder builder{limits};
        parser.HandleNextDocument(builder);
        yaml_node root = builder.take();
        detail::yaml_builder second{limits};
        if (parser.HandleNextDocument(second) && !second.take().is_null())
            return error{error_code::malformed_file, "a second document ('---'); a recipe is one"};
        detail::check_keys(root);
        return root;
    });
}

} // namespace awq

#endif
