// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_LAYOUT_HPP
#define AWQ_IO_SAFETENSORS_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/io/lfs_pointer.hpp>
#include <awq/io/safetensors/element_type.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The safetensors file format (https://github.com/huggingface/safetensors): 8 bytes with the
/// header's length, little endian; the header, a JSON object; the tensors' bytes without holes.
namespace awq::safetensors {

/// The string pairs of a header's "__metadata__", in the header's order.
using metadata = std::vector<std::pair<std::string, std::string>>;

/// What a tensor is, without its bytes.
struct tensor_spec {
    std::string name;
    element_type type = element_type::f32;
    std::vector<std::uint64_t> shape; ///< may be empty (one element) and may contain 0
};

/// A tensor's place: `begin` and `end` count from the first byte after the header.
struct tensor_entry {
    tensor_spec spec;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Where everything in one file is.
struct layout {
    std::vector<tensor_entry> tensors; ///< in the order of their bytes
    safetensors::metadata metadata;
    std::uint64_t data_begin = 0; ///< offset of the first tensor byte in the file
    std::uint64_t data_size = 0;  ///< bytes of all tensors

    std::uint64_t file_size() const noexcept { return data_begin + data_size; }
};

/// The longest header that the format allows.
inline constexpr std::uint64_t max_header_size = 100'000'000;

namespace detail {

inline std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) noexcept
{
    if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a) return std::nullopt;
    return a * b;
}

inline error tensor_error(std::string_view where, std::string_view name, std::string_view problem)
{
    return error{error_code::malformed_file, where, ": tensor \"", printable(name), "\": ", problem};
}

} // namespace detail

/// "[32, 64]": for texts.
inline std::string shape_text(std::span<const std::uint64_t> shape)
{
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size() && i < 8; ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    return text + (shape.size() > 8 ? ", ...]" : "]");
}

/// Bytes of a tensor; nothing if the number does not fit 64 bits or is not a whole number of bytes.
inline std::optional<std::uint64_t> byte_size(element_type type, std::span<const std::uint64_t> shape) noexcept
{
    std::optional<std::uint64_t> bits = 1;
    for (const std::uint64_t extent : shape) {
        bits = detail::multiply(*bits, extent);
        if (!bits) return std::nullopt;
    }
    bits = detail::multiply(*bits, bits_of(type));
    if (!bits || *bits % 8 != 0) return std::nullopt;
    return *bits / 8;
}

namespace detail {

inline result<std::uint64_t> read_header_size(std::span<const std::byte> file, std::string_view where)
{
    if (file.size() < 8)
        return error{error_code::malformed_file, where, ": offset 0: the file has ", file.size(),
                     " bytes, too few for the 8-byte header length; it is truncated"};
    std::uint64_t size = 0;
    for (unsigned i = 0; i < 8; ++i) size |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
    if (size > max_header_size)
        return error{error_code::malformed_file,
                     where,
                     ": offset 0: header length ",
                     size,
                     " is more than the format's limit of ",
                     max_header_size,
                     "; not a safetensors file?"};
    if (size > file.size() - 8)
        return error{error_code::malformed_file,
                     where,
                     ": offset 0: header length ",
                     size,
                     " reaches beyond the end of the file (",
                     file.size(),
                     " bytes); it is truncated"};
    if (size == 0 || file[8] != std::byte{'{'})
        return error{error_code::malformed_file, where, ": offset 8: the header must begin with '{'"};
    return size;
}

inline result<metadata> read_metadata(const json::value& content)
{
    metadata pairs;
    if (content.is_null()) return pairs;
    AWQ_TRY(const auto members, content.as_object());
    AWQ_CHECK(content.check_unique_keys());
    for (const json::member& each : members) {
        AWQ_TRY(const std::string_view text, each.value.as_string());
        pairs.emplace_back(each.key, text);
    }
    return pairs;
}

inline result<tensor_entry> read_entry(const json::member& member)
{
    tensor_entry entry;
    entry.spec.name = member.key;
    const json::value& content = member.value;
    AWQ_CHECK(content.as_object());
    AWQ_CHECK(content.check_unique_keys());
    AWQ_TRY(const json::value type, content.at("dtype"));
    AWQ_TRY(const std::string_view type_name, type.as_string());
    const std::optional<element_type> known = element_type_named(type_name);
    if (!known) return type.error(error_code::malformed_file, "unknown dtype \"", printable(type_name), "\"");
    entry.spec.type = *known;
    AWQ_TRY(const json::value shape, content.at("shape"));
    AWQ_TRY(const auto extents, shape.as_array());
    for (const json::value& extent : extents) {
        AWQ_TRY(const std::uint64_t size, extent.as_unsigned());
        entry.spec.shape.push_back(size);
    }
    AWQ_TRY(const json::value offsets, content.at("data_offsets"));
    AWQ_TRY(const auto ends, offsets.as_array());
    if (ends.size() != 2)
        return offsets.error(error_code::malformed_file, "expected [begin, end], found ", ends.size(), " numbers");
    auto at = ends.begin();
    AWQ_TRY(entry.begin, (*at).as_unsigned());
    ++at;
    AWQ_TRY(entry.end, (*at).as_unsigned());
    return entry;
}

inline status check_entry(const tensor_entry& entry, const layout& file, std::string_view where)
{
    const std::string range = "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
    if (entry.end < entry.begin) return tensor_error(where, entry.spec.name, range + " end before they begin");
    if (entry.end > file.data_size)
        return tensor_error(where, entry.spec.name,
                            range + " reach beyond the end of the file, which has " + std::to_string(file.data_size) +
                                " bytes after the header");
    const std::optional<std::uint64_t> size = byte_size(entry.spec.type, entry.spec.shape);
    const std::string shape = "shape " + shape_text(entry.spec.shape) + " of " + std::string{name_of(entry.spec.type)};
    if (!size)
        return tensor_error(where, entry.spec.name,
                            shape + " at " + range + " is too large or not a whole number of bytes");
    if (*size != entry.end - entry.begin)
        return tensor_error(where, entry.spec.name,
                            shape + " takes " + std::to_string(*size) + " bytes, but " + range + " hold " +
                                std::to_string(entry.end - entry.begin));
    return {};
}

// The tensors follow each other from the first byte to the last.
inline status check_no_holes(const layout& file, std::string_view where)
{
    std::uint64_t expected = 0;
    for (const tensor_entry& entry : file.tensors) {
        if (entry.begin != expected)
            return tensor_error(where, entry.spec.name,
                                "begins at data offset " + std::to_string(entry.begin) +
                                    (entry.begin < expected ? ", inside of the tensor before it, which ends at "
                                                            : ", behind a hole that begins at ") +
                                    std::to_string(expected));
        expected = entry.end;
    }
    if (expected == file.data_size) return {};
    return error{error_code::malformed_file,
                 where,
                 ": offset ",
                 file.data_begin + expected,
                 ": ",
                 file.data_size - expected,
                 " bytes after the last tensor",
                 file.tensors.empty() ? "" : " \"",
                 file.tensors.empty() ? "" : printable(file.tensors.back().spec.name),
                 file.tensors.empty() ? "" : "\"",
                 " belong to no tensor"};
}

} // namespace detail

/// Reads and checks the header of a whole safetensors file. Everything the format demands is
/// checked: lengths, JSON, known dtypes, unique names, byte ranges that fit shape and dtype, lie in
/// the file and cover it without holes or overlaps. `where` (the path) begins every error text.
/// Error: `malformed_file`.
inline result<layout> read_layout(std::span<const std::byte> file, std::string_view where)
{
    if (is_lfs_pointer({reinterpret_cast<const char*>(file.data()), file.size()})) return lfs_pointer_error(where);
    AWQ_TRY(const std::uint64_t header_size, detail::read_header_size(file, where));
    const std::string header_place = std::string{where} + ": header";
    AWQ_TRY(const json::document header,
            json::document::parse(
                {reinterpret_cast<const char*>(file.data()) + 8, static_cast<std::size_t>(header_size)}, header_place));
    AWQ_TRY(const auto members, header.root().as_object());
    AWQ_CHECK(header.root().check_unique_keys());
    layout found;
    found.data_begin = 8 + header_size;
    found.data_size = file.size() - found.data_begin;
    found.tensors.reserve(members.size());
    for (const json::member& member : members) {
        if (member.key == "__metadata__") {
            AWQ_TRY(found.metadata, detail::read_metadata(member.value));
            continue;
        }
        AWQ_TRY(tensor_entry entry, detail::read_entry(member));
        AWQ_CHECK(detail::check_entry(entry, found, where));
        found.tensors.push_back(std::move(entry));
    }
    std::stable_sort(found.tensors.begin(), found.tensors.end(), [](const tensor_entry& a, const tensor_entry& b) {
        return std::pair{a.begin, a.end} < std::pair{b.begin, b.end};
    });
    AWQ_CHECK(detail::check_no_holes(found, where));
    return found;
}

/// The header of a file, padded with spaces to a multiple of 8 bytes, without the 8 bytes of its
/// length.
inline std::string header_text(const layout& file)
{
    json::writer out;
    out.begin_object();
    if (!file.metadata.empty()) {
        out.key("__metadata__").begin_object();
        for (const auto& [key, text] : file.metadata) out.field(key, text);
        out.end_object();
    }
    for (const tensor_entry& entry : file.tensors) {
        out.key(entry.spec.name).begin_object().field("dtype", name_of(entry.spec.type));
        out.key("shape").begin_array();
        for (const std::uint64_t extent : entry.spec.shape) out.value(extent);
        out.end_array().key("data_offsets").begin_array();
        out.value(entry.begin).value(entry.end).end_array().end_object();
    }
    std::string text = std::move(out.end_object()).take();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
}

/// Gives every tensor its place as the reference writer does: widest dtype first, then by name, so
/// that each is aligned to its elements. Errors: `invalid_argument` for a name that is there twice
/// or a size that overflows.
inline result<layout> plan_layout(std::vector<tensor_spec> specs, metadata pairs, std::string_view where)
{
    std::sort(specs.begin(), specs.end(), [](const tensor_spec& a, const tensor_spec& b) {
        return a.type != b.type ? a.type > b.type : a.name < b.name;
    });
    layout planned;
    planned.metadata = std::move(pairs);
    std::vector<std::string_view> names{"__metadata__"};
    for (tensor_spec& spec : specs) {
        const std::optional<std::uint64_t> size = byte_size(spec.type, spec.shape);
        if (!size || *size > std::numeric_limits<std::int64_t>::max() - planned.data_size)
            return error{error_code::invalid_argument,
                         where,
                         ": tensor \"",
                         printable(spec.name),
                         "\": shape ",
                         shape_text(spec.shape),
                         " of ",
                         name_of(spec.type),
                         " is too large or not a whole number of bytes"};
        const std::uint64_t begin = planned.data_size;
        planned.data_size += *size;
        planned.tensors.push_back({std::move(spec), begin, planned.data_size});
    }
    for (const tensor_entry& entry : planned.tensors) names.push_back(entry.spec.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
        return error{error_code::invalid_argument, where, ": tensor \"", printable(*twice), "\" is there twice"};
    planned.data_begin = 8 + header_text(planned).size();
    if (planned.data_begin - 8 > max_header_size)
        return error{error_code::invalid_argument,
                     where,
                     ": a header of ",
                     planned.data_begin - 8,
                     " bytes is more than the format's limit of ",
                     max_header_size};
    return planned;
}

} // namespace awq::safetensors

#endif
