// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_READER_HPP
#define AWQ_IO_GGUF_READER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/cursor.hpp>
#include <awq/io/gguf/layout.hpp>
#include <awq/io/gguf/value.hpp>
#include <awq/io/lfs_pointer.hpp>
#include <awq/io/mapped_file.hpp>
#include <awq/quantization/gguf/type.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::gguf {

/// A tensor of an open file; everything points into the file.
struct tensor_info {
    std::string_view name;
    gguf::type type = type::f32;
    std::array<std::uint64_t, limits::dims> extents{1, 1, 1, 1};
    std::uint32_t dim_count = 1;
    std::uint64_t offset = 0; ///< from the start of the data section
    std::span<const std::byte> bytes;

    /// The contiguous axis first: {in_features, out_features} for a linear layer.
    std::span<const std::uint64_t> dims() const noexcept { return {extents.data(), dim_count}; }
    std::size_t in_features() const noexcept { return static_cast<std::size_t>(extents[0]); }
    /// Rows of all matrices together: the product of all dims but the first.
    std::size_t rows() const noexcept { return static_cast<std::size_t>(extents[1] * extents[2] * extents[3]); }
};

/// A GGUF file (version 2 or 3), mapped into memory and checked: every name, value and tensor lies
/// inside the file, names are unique, tensors follow each other without gap or overlap, as
/// llama.cpp requires. The values of arrays and tensors stay where they are until they are read.
class file {
public:
    struct entry {
        std::string_view key;
        value_view value;
    };

    /// Errors: those of mapped_file; `malformed_file`; `unsupported` for version 1, big-endian
    /// files and tensor types that this library does not know.
    static result<file> open(const std::string& path)
    {
        AWQ_TRY(auto mapping, mapped_file::open(path));
        AWQ_TRY(auto opened, parse(mapping.bytes(), path));
        opened.mapping_ = std::move(mapping);
        return opened;
    }

    /// The same for bytes that somebody else owns and keeps alive.
    static result<file> parse(std::span<const std::byte> bytes, std::string_view where = "GGUF file")
    {
        file parsed;
        parsed.path_ = where;
        if (is_lfs_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
            return lfs_pointer_error(where);
        if (const auto done = parsed.parse_all(bytes); !done) return done.error().within(where);
        return parsed;
    }

    const std::string& path() const noexcept { return path_; }
    std::uint32_t version() const noexcept { return version_; }
    std::uint64_t alignment() const noexcept { return alignment_; }
    std::span<const entry> metadata() const noexcept { return entries_; }
    std::span<const tensor_info> tensors() const noexcept { return tensors_; }

    /// The value of a key, or null.
    const value_view* find(std::string_view key) const noexcept
    {
        const std::size_t at = find_in(key_order_, key, [this](std::size_t i) { return entries_[i].key; });
        return at < entries_.size() ? &entries_[at].value : nullptr;
    }

    /// The tensor of that name, or null.
    const tensor_info* find_tensor(std::string_view name) const noexcept
    {
        const std::size_t at = find_in(tensor_order_, name, [this](std::size_t i) { return tensors_[i].name; });
        return at < tensors_.size() ? &tensors_[at] : nullptr;
    }

    /// The tensor of that name; `missing_tensor` where there is none.
    result<tensor_info> tensor(std::string_view name) const
    {
        if (const tensor_info* found = find_tensor(name)) return *found;
        return error{error_code::missing_tensor, path_, ": has no tensor \"", name, "\""};
    }

    /// Lets the memory of a tensor go until it is read again.
    void release(const tensor_info& tensor) const noexcept { mapping_.release(tensor.bytes); }

private:
    // Bytes that even the smallest record takes.
    static constexpr std::uint64_t smallest_entry = 8 + 1 + 4 + 1;
    static constexpr std::uint64_t smallest_tensor = 8 + 1 + 4 + 8 + 4 + 8;

    status parse_all(std::span<const std::byte> bytes)
    {
        cursor at{bytes};
        AWQ_CHECK(parse_magic(at));
        AWQ_TRY(const auto tensor_count, at.take_count(limits::tensors, "tensors"));
        AWQ_TRY(const auto key_count, at.take_count(limits::keys, "keys"));
        AWQ_CHECK(at.expect_room(key_count, smallest_entry, "keys"));
        AWQ_CHECK(parse_entries(at, key_count));
        AWQ_CHECK(parse_alignment());
        AWQ_CHECK(at.expect_room(tensor_count, smallest_tensor, "tensors"));
        AWQ_CHECK(parse_tensors(at, tensor_count));
        return place_tensors(bytes, at.offset());
    }

    status parse_magic(cursor& at)
    {
        AWQ_TRY(const auto start, at.take_bytes(magic.size()));
        if (std::memcmp(start.data(), magic.data(), magic.size()) != 0)
            return error{error_code::malformed_file, "is no GGUF file (it does not start with \"GGUF\")"};
        AWQ_TRY(version_, at.take<std::uint32_t>());
        if (version_ == 2 || version_ == 3) return {};
        if (version_ != 0 && (version_ & 0xFFFFu) == 0)
            return error{error_code::unsupported, "is a big-endian GGUF file; convert it on a "
                                                  "little-endian machine"};
        return error{error_code::unsupported, "is a GGUF file of version ", version_, "; versions 2 and 3 can be read"};
    }

    status parse_entries(cursor& at, std::uint64_t count)
    {
        entries_.reserve(static_cast<std::size_t>(count));
        while (entries_.size() < count) {
            AWQ_TRY(const auto key, at.take_string(limits::key_bytes));
            if (key.empty()) return error{error_code::malformed_file, "metadata key ", entries_.size(), " is empty"};
            const auto content = parse_value(at);
            if (!content) return content.error().within(quoted("key", key));
            entries_.push_back({key, *content});
        }
        return sort_names(key_order_, entries_.size(), "key", [this](std::size_t i) { return entries_[i].key; });
    }

    static std::string quoted(std::string_view what, std::string_view name)
    {
        return std::string{what} + " \"" + printable(name) + "\"";
    }

    static result<value_view> parse_value(cursor& at)
    {
        AWQ_TRY(const auto type, take_type(at));
        if (type == value_type::array) return parse_array(at);
        if (type == value_type::string) {
            AWQ_TRY(const auto text, at.take_string(limits::string_bytes));
            return value_view{type, type, 1, std::as_bytes(std::span{text.data(), text.size()})};
        }
        AWQ_TRY(const auto bytes, at.take_bytes(size_of(type)));
        return value_view{type, type, 1, bytes};
    }

    static result<value_type> take_type(cursor& at)
    {
        AWQ_TRY(const auto number, at.take<std::uint32_t>());
        if (number > static_cast<std::uint32_t>(value_type::f64))
            return error{error_code::malformed_file, "has the unknown value type ", number};
        return static_cast<value_type>(number);
    }

    static result<value_view> parse_array(cursor& at)
    {
        AWQ_TRY(const auto element, take_type(at));
        if (element == value_type::array) return error{error_code::malformed_file, "is an array of arrays"};
        AWQ_TRY(const auto count, at.take_count(limits::array_elements, "array elements"));
        if (element == value_type::string) return parse_strings(at, count);
        AWQ_CHECK(at.expect_room(count, size_of(element), "array elements"));
        AWQ_TRY(const auto bytes, at.take_bytes(count * size_of(element)));
        return value_view{value_type::array, element, count, bytes};
    }

    // Steps over the strings once, so that reading them later cannot fail.
    static result<value_view> parse_strings(cursor& at, std::uint64_t count)
    {
        AWQ_CHECK(at.expect_room(count, sizeof(std::uint64_t), "strings"));
        cursor end = at;
        for (std::uint64_t i = 0; i < count; ++i) {
            AWQ_CHECK(end.take_string(limits::string_bytes));
        }
        AWQ_TRY(const auto bytes, at.take_bytes(end.offset() - at.offset()));
        return value_view{value_type::array, value_type::string, count, bytes};
    }

    status parse_alignment()
    {
        const value_view* found = find(alignment_key);
        if (found == nullptr) return {};
        if (found->type() != value_type::u32)
            return error{error_code::malformed_file, alignment_key, " is ", name_of(found->type()), ", not u32"};
        AWQ_TRY(alignment_, found->as_integer<std::uint64_t>());
        if (!std::has_single_bit(alignment_) || alignment_ > limits::alignment)
            return error{error_code::malformed_file,    alignment_key,    " is ", alignment_,
                         ", not a power of two up to ", limits::alignment};
        return {};
    }

    status parse_tensors(cursor& at, std::uint64_t count)
    {
        tensors_.reserve(static_cast<std::size_t>(count));
        while (tensors_.size() < count) {
            AWQ_TRY(const auto name, at.take_string(limits::tensor_name_bytes));
            if (name.empty()) return error{error_code::malformed_file, "tensor ", tensors_.size(), " has no name"};
            auto tensor = parse_tensor(at, name);
            if (!tensor) return tensor.error().within(quoted("tensor", name));
            tensors_.push_back(*tensor);
        }
        return sort_names(tensor_order_, tensors_.size(), "tensor", [this](std::size_t i) { return tensors_[i].name; });
    }

    static result<tensor_info> parse_tensor(cursor& at, std::string_view name)
    {
        tensor_info tensor;
        tensor.name = name;
        AWQ_TRY(tensor.dim_count, at.take<std::uint32_t>());
        if (tensor.dim_count == 0 || tensor.dim_count > limits::dims)
            return error{error_code::malformed_file, "has ", tensor.dim_count, " dimensions, not 1 to ", limits::dims};
        for (std::uint32_t i = 0; i < tensor.dim_count; ++i) {
            AWQ_TRY(tensor.extents[i], at.take<std::uint64_t>());
        }
        AWQ_TRY(const auto id, at.take<std::uint32_t>());
        const auto known = type_from_id(id);
        if (!known)
            return error{error_code::unsupported, "has type number ", id, name_of_other_type(id),
                         ", which this library cannot read"};
        tensor.type = *known;
        AWQ_TRY(tensor.offset, at.take<std::uint64_t>());
        return tensor;
    }

    status place_tensors(std::span<const std::byte> bytes, std::uint64_t header_end)
    {
        const std::uint64_t start = padded(header_end, alignment_);
        std::uint64_t expected = 0;
        for (tensor_info& tensor : tensors_) {
            const auto size = tensor_bytes(tensor.type, tensor.dims());
            if (!size) return size.error().within(quoted("tensor", tensor.name));
            if (tensor.offset != expected)
                return error{error_code::malformed_file,
                             quoted("tensor", tensor.name),
                             ": lies at offset ",
                             tensor.offset,
                             ", not at ",
                             expected,
                             " where the tensors before it end"};
            if (start > bytes.size() || tensor.offset > bytes.size() - start ||
                *size > bytes.size() - start - tensor.offset)
                return error{error_code::malformed_file,
                             quoted("tensor", tensor.name),
                             ": its ",
                             *size,
                             " bytes pass the end of the file (",
                             bytes.size(),
                             " bytes)"};
            tensor.bytes =
                bytes.subspan(static_cast<std::size_t>(start + tensor.offset), static_cast<std::size_t>(*size));
            expected = tensor.offset + padded(*size, alignment_);
        }
        return {};
    }

    template <class NameOf>
    status sort_names(std::vector<std::size_t>& order, std::size_t count, std::string_view what, NameOf name_of_index)
    {
        order.resize(count);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(),
                  [&](std::size_t a, std::size_t b) { return name_of_index(a) < name_of_index(b); });
        const auto twice = std::adjacent_find(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return name_of_index(a) == name_of_index(b);
        });
        if (twice == order.end()) return {};
        return error{error_code::malformed_file, "has the ", quoted(what, name_of_index(*twice)), " twice"};
    }

    // The index of the name, or one past any.
    template <class NameOf>
    static std::size_t find_in(const std::vector<std::size_t>& order, std::string_view name,
                               NameOf name_of_index) noexcept
    {
        const auto at = std::lower_bound(order.begin(), order.end(), name, [&](std::size_t i, std::string_view wanted) {
            return name_of_index(i) < wanted;
        });
        return at != order.end() && name_of_index(*at) == name ? *at : static_cast<std::size_t>(-1);
    }

    std::string path_;
    mapped_file mapping_;
    std::uint32_t version_ = 0;
    std::uint64_t alignment_ = default_alignment;
    std::vector<entry> entries_;
    std::vector<tensor_info> tensors_;
    std::vector<std::size_t> key_order_;
    std::vector<std::size_t> tensor_order_;
};

} // namespace awq::gguf

#endif
