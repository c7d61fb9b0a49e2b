// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_JSON_READER_HPP
#define AWQ_IO_JSON_READER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_error_place.hpp>
#include <awq/io/json_long_integers.hpp>
#include <awq/io/lfs_pointer.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON in (RFC 8259). The whole text is checked when it is parsed: UTF-8, nesting of at most 1024,
/// nothing after the value. Values are cheap handles into their document, which must outlive them.
namespace awq::json {

class value;

namespace detail {

/// One step from the root to a value: a key, or the index of an array element.
struct path_step {
    const char* name = nullptr; // null: an index
    std::size_t size_or_index = 0;
};

/// Where a value is: its document's name and the last three steps to it, for error texts.
struct location {
    const std::string* where = nullptr;
    std::array<path_step, 3> steps{};
    unsigned depth = 0;

    location below(path_step step) const noexcept
    {
        location deeper = *this;
        if (depth < steps.size()) {
            deeper.steps[depth] = step;
        } else {
            std::shift_left(deeper.steps.begin(), deeper.steps.end(), 1);
            deeper.steps.back() = step;
        }
        ++deeper.depth;
        return deeper;
    }

    /// "config.json: rope_scaling.factor", or "config.json" for the root.
    std::string text() const
    {
        std::string joined = *where + (depth == 0 ? "" : depth > steps.size() ? ": ..." : ": ");
        for (unsigned i = 0; i < std::min<std::size_t>(depth, steps.size()); ++i) {
            const path_step& step = steps[i];
            if (step.name == nullptr) {
                joined += '[' + std::to_string(step.size_or_index) + ']';
            } else {
                if (i > 0) joined += '.';
                joined += printable({step.name, step.size_or_index});
            }
        }
        return joined;
    }
};

class element_iterator;
class member_iterator;

} // namespace detail

/// A range over the elements of an array or the members of an object, in the order of the text.
template <class Iterator>
class range {
public:
    range() = default;
    range(Iterator first, Iterator last, std::size_t size) : first_(first), last_(last), size_(size) {}
    Iterator begin() const { return first_; }
    Iterator end() const { return last_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

private:
    Iterator first_{};
    Iterator last_{};
    std::size_t size_ = 0;
};

/// One JSON value. Reading it as another type than it has is an error that names the document and
/// the key.
class value {
public:
    value() = default;
    value(simdjson::dom::element element, const detail::location& location) : element_(element), location_(location) {}

    bool is_object() const noexcept { return is(simdjson::dom::element_type::OBJECT); }
    bool is_array() const noexcept { return is(simdjson::dom::element_type::ARRAY); }
    bool is_string() const noexcept { return is(simdjson::dom::element_type::STRING); }
    bool is_bool() const noexcept { return is(simdjson::dom::element_type::BOOL); }
    bool is_null() const noexcept { return is(simdjson::dom::element_type::NULL_VALUE); }
    /// A whole number that fits 64 bits and is written without fraction and exponent.
    bool is_integer() const noexcept
    {
        return is(simdjson::dom::element_type::INT64) || is(simdjson::dom::element_type::UINT64);
    }
    bool is_number() const noexcept { return is_integer() || is(simdjson::dom::element_type::DOUBLE); }

    /// The member with this key (the first, if there are several); nothing if it is absent or this
    /// is no object. Linear in the number of members: walk `members()` to read many.
    std::optional<value> find(std::string_view key) const;

    /// As `find`, but a member that is null counts as absent.
    std::optional<value> find_non_null(std::string_view key) const;

    /// The member with this key; `missing_field` if it is absent, `malformed_file` if this is no
    /// object.
    result<value> at(std::string_view key) const;

    result<std::string_view> as_string() const { return read<std::string_view>("a string"); }
    result<std::int64_t> as_integer() const { return read<std::int64_t>("an integer"); }
    result<std::uint64_t> as_unsigned() const { return read<std::uint64_t>("an integer that is not negative"); }
    /// Any number, as the nearest double.
    result<double> as_number() const { return read<double>("a number"); }
    result<bool> as_bool() const { return read<bool>("true or false"); }

    /// The elements of an array; empty if this is no array (test `is_array()` or use `as_array()`).
    range<detail::element_iterator> elements() const;
    /// The members of an object; empty if this is no object (test `is_object()` or use
    /// `as_object()`).
    range<detail::member_iterator> members() const;
    /// As `elements()`, but an error if this is no array.
    result<range<detail::element_iterator>> as_array() const;
    /// As `members()`, but an error if this is no object.
    result<range<detail::member_iterator>> as_object() const;

    /// `malformed_file` naming the key if this object has the same key twice. Does not look into
    /// its members.
    status check_unique_keys() const;

    /// "config.json: rope_scaling.factor": for error texts.
    std::string where() const { return location_.where ? location_.text() : std::string{}; }

    /// An error at this value: `where()`, ": " and the parts.
    template <class... Parts>
    awq::error error(error_code code, const Parts&... parts) const
    {
        return awq::error{code, where(), ": ", parts...};
    }

private:
    bool is(simdjson::dom::element_type type) const noexcept { return element_.type() == type; }

    template <class T>
    result<T> read(const char* expected) const
    {
        T content{};
        if (element_.get(content) == simdjson::SUCCESS) return content;
        return error(error_code::malformed_file, "expected ", expected, ", found ", type_name());
    }

    const char* type_name() const noexcept
    {
        switch (element_.type()) {
        case simdjson::dom::element_type::OBJECT:
            return "an object";
        case simdjson::dom::element_type::ARRAY:
            return "an array";
        case simdjson::dom::element_type::STRING:
            return "a string";
        case simdjson::dom::element_type::BOOL:
            return "true or false";
        case simdjson::dom::element_type::NULL_VALUE:
            return "null";
        case simdjson::dom::element_type::INT64:
            return "an integer";
        case simdjson::dom::element_type::UINT64:
            return "a large integer";
        default:
            return "a number";
        }
    }

    simdjson::dom::element element_{};
    detail::location location_{};
};

/// A member of an object. The key lives as long as the document.
struct member {
    std::string_view key;
    json::value value;
};

namespace detail {

class element_iterator {
public:
    using value_type = json::value;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = value_type;

    element_iterator() = default;
    element_iterator(simdjson::dom::array::iterator at, const location& parent) : at_(at), parent_(parent) {}
    json::value operator*() const { return {*at_, parent_.below({nullptr, index_})}; }
    element_iterator& operator++()
    {
        ++at_;
        ++index_;
        return *this;
    }
    bool operator!=(const element_iterator& other) const { return at_ != other.at_; }
    bool operator==(const element_iterator& other) const { return !(at_ != other.at_); }

private:
    simdjson::dom::array::iterator at_{};
    location parent_{};
    std::size_t index_ = 0;
};

class member_iterator {
public:
    using value_type = json::member;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = value_type;

    member_iterator() = default;
    member_iterator(simdjson::dom::object::iterator at, const location& parent) : at_(at), parent_(parent) {}
    json::member operator*() const
    {
        const std::string_view key = at_.key();
        return {key, json::value{at_.value(), parent_.below({key.data(), key.size()})}};
    }
    member_iterator& operator++()
    {
        ++at_;
        return *this;
    }
    bool operator!=(const member_iterator& other) const { return at_ != other.at_; }
    bool operator==(const member_iterator& other) const { return !(at_ != other.at_); }

private:
    simdjson::dom::object::iterator at_{};
    location parent_{};
};

// The number of steps from one iterator to another (simdjson's own counters saturate at 24 bits).
template <class Container>
std::size_t exact_size(const Container& container) noexcept
{
    std::size_t size = container.size();
    if (size < 0xFFFFFF) return size;
    size = 0;
    for (auto at = container.begin(); at != container.end(); ++at) ++size;
    return size;
}

} // namespace detail

inline std::optional<value> value::find(std::string_view key) const
{
    simdjson::dom::object object;
    if (element_.get(object) != simdjson::SUCCESS) return std::nullopt;
    for (const auto field : object)
        if (field.key == key) return value{field.value, location_.below({field.key.data(), field.key.size()})};
    return std::nullopt;
}

inline std::optional<value> value::find_non_null(std::string_view key) const
{
    std::optional<value> found = find(key);
    if (found && found->is_null()) found.reset();
    return found;
}

inline result<value> value::at(std::string_view key) const
{
    if (!is_object())
        return error(error_code::malformed_file, "expected an object with the field \"", printable(key), "\", found ",
                     type_name());
    if (const std::optional<value> found = find(key)) return *found;
    return error(error_code::missing_field, "the field \"", printable(key), "\" is missing");
}

inline range<detail::element_iterator> value::elements() const
{
    simdjson::dom::array array;
    if (element_.get(array) != simdjson::SUCCESS) return {};
    return {{array.begin(), location_}, {array.end(), location_}, detail::exact_size(array)};
}

inline range<detail::member_iterator> value::members() const
{
    simdjson::dom::object object;
    if (element_.get(object) != simdjson::SUCCESS) return {};
    return {{object.begin(), location_}, {object.end(), location_}, detail::exact_size(object)};
}

inline result<range<detail::element_iterator>> value::as_array() const
{
    if (!is_array()) return error(error_code::malformed_file, "expected an array, found ", type_name());
    return elements();
}

inline result<range<detail::member_iterator>> value::as_object() const
{
    if (!is_object()) return error(error_code::malformed_file, "expected an object, found ", type_name());
    return members();
}

inline status value::check_unique_keys() const
{
    std::vector<std::string_view> keys;
    for (const member& each : members()) keys.push_back(each.key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return {};
    return error(error_code::malformed_file, "the key \"", printable(*twice), "\" is there twice");
}

/// A parsed text. Owns everything that its values refer to; moving it leaves them valid.
class document {
public:
    /// Parses one JSON text. `where` (usually the file's path) begins every error text. What is wrong
    /// has a line and a column; where the text is a line of a file already, a column only.
    static result<document> parse(std::string_view text, std::string_view where, bool is_whole_file = false)
    {
        document parsed{where};
        simdjson::error_code code = parsed.parse_text(text);
        if (code != simdjson::SUCCESS && code != simdjson::MEMALLOC && code != simdjson::CAPACITY) {
            const std::string rewritten = detail::with_long_integers_as_floats(text);
            if (rewritten.size() != text.size() && parsed.parse_text(rewritten) == simdjson::SUCCESS)
                code = simdjson::SUCCESS;
        }
        if (code == simdjson::SUCCESS) return parsed;
        if (code == simdjson::MEMALLOC) return error{error_code::out_of_memory, where, ": no memory to read it"};
        if (is_lfs_pointer(text)) return lfs_pointer_error(where);
        return error{error_code::malformed_file, where, not_json_text(text, is_whole_file), ": ",
                     one_line(simdjson::error_message(code))};
    }

    value root() const { return value{root_, detail::location{where_.get(), {}, 0}}; }

private:
    explicit document(std::string_view where)
        : parser_(std::make_unique<simdjson::dom::parser>()), where_(std::make_unique<std::string>(where))
    {}

    /// ":3:14: not valid JSON"; of a line that is one of a file, ": not valid JSON at column 14".
    static std::string not_json_text(std::string_view text, bool is_whole_file)
    {
        const auto place = find_error_place(text);
        if (!place) return ": not valid JSON";
        const std::string column = std::to_string(place->column);
        if (!is_whole_file && text.find('\n') == std::string_view::npos) return ": not valid JSON at column " + column;
        return ":" + std::to_string(place->line) + ":" + column + ": not valid JSON";
    }

    simdjson::error_code parse_text(std::string_view text)
    {
        if (text.empty()) return simdjson::EMPTY; // it would copy from a null pointer
        return parser_->parse(text.data(), text.size()).get(root_);
    }

    std::unique_ptr<simdjson::dom::parser> parser_;
    std::unique_ptr<std::string> where_;
    simdjson::dom::element root_{};
};

/// Reads and parses a file; its path begins every error text.
inline result<document> load(const std::string& path)
{
    AWQ_TRY(const std::string text, read_file(path));
    return document::parse(text, path, true);
}

} // namespace awq::json

#endif
