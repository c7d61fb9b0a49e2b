// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_WRITER_HPP
#define AWQ_IO_GGUF_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/layout.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/io/write_file.hpp>
#include <awq/quantization/gguf/type.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::gguf {

/// A tensor that a file will hold; dims[0] is in_features (the reverse of a checkpoint's shape).
struct tensor_plan {
    std::string name;
    gguf::type type = type::f32;
    std::vector<std::uint64_t> dims;
};

namespace detail {

/// The header of a file: everything before the tensors' bytes.
class header_bytes {
public:
    template <class T>
    void number(T value)
    {
        append(std::as_bytes(std::span{&value, 1}));
    }
    void text(std::string_view value)
    {
        number(static_cast<std::uint64_t>(value.size()));
        append(std::as_bytes(std::span{value.data(), value.size()}));
    }
    void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    void metadata(std::string_view key, const value_view& content)
    {
        text(key);
        number(static_cast<std::uint32_t>(content.type()));
        if (content.is_array()) {
            number(static_cast<std::uint32_t>(content.element_type()));
            number(content.size());
        } else if (content.type() == value_type::string) {
            number(static_cast<std::uint64_t>(content.bytes().size()));
        }
        append(content.bytes());
    }
    void pad_to(std::uint64_t alignment) { bytes_.resize(static_cast<std::size_t>(padded(bytes_.size(), alignment))); }
    std::span<const std::byte> bytes() const noexcept { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

/// The tensors of a file and where they lie in its data.
struct file_layout {
    struct place {
        std::uint64_t offset; ///< from the start of the data
        std::uint64_t size;
    };

    static result<file_layout> of(std::vector<tensor_plan>&& tensors)
    {
        file_layout layout;
        layout.tensors = std::move(tensors);
        if (layout.tensors.size() > limits::tensors)
            return error{error_code::invalid_argument, layout.tensors.size(), " tensors are too many for a GGUF file"};
        for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
            AWQ_CHECK(layout.add(i));
        }
        return layout;
    }

    result<header_bytes> header(const key_values& metadata) const
    {
        header_bytes header;
        header.append(std::as_bytes(std::span{magic.data(), magic.size()}));
        header.number(version);
        header.number(static_cast<std::uint64_t>(tensors.size()));
        header.number(static_cast<std::uint64_t>(metadata.entries().size()));
        for (const key_values::entry& each : metadata.entries()) {
            AWQ_CHECK(check_key(each.key));
            header.metadata(each.key, each.value.view());
        }
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            header.text(tensors[i].name);
            header.number(static_cast<std::uint32_t>(tensors[i].dims.size()));
            for (const std::uint64_t dim : tensors[i].dims) header.number(dim);
            header.number(static_cast<std::uint32_t>(tensors[i].type));
            header.number(places[i].offset);
        }
        header.pad_to(default_alignment);
        return header;
    }

    std::vector<tensor_plan> tensors;
    std::vector<place> places;
    std::unordered_map<std::string, std::size_t> by_name;
    std::uint64_t data_size = 0;

private:
    status add(std::size_t index)
    {
        const tensor_plan& tensor = tensors[index];
        if (tensor.name.empty() || tensor.name.size() > limits::tensor_name_bytes)
            return error{error_code::invalid_argument, "tensor name \"",          printable(tensor.name),
                         "\" must have 1 to ",         limits::tensor_name_bytes, " bytes"};
        if (!by_name.emplace(tensor.name, index).second)
            return error{error_code::invalid_argument, "tensor \"", tensor.name, "\" comes twice"};
        const auto size = tensor_bytes(tensor.type, tensor.dims);
        if (!size) return error{error_code::shape_mismatch, tensor.name, ": ", size.error().text()};
        if (*size > (std::uint64_t{1} << 62) - data_size)
            return error{error_code::invalid_argument, tensor.name, ": the file becomes too large"};
        places.push_back({data_size, *size});
        data_size += padded(*size, default_alignment);
        return {};
    }

    static status check_key(std::string_view key)
    {
        if (key.empty() || key.size() > limits::key_bytes)
            return error{error_code::invalid_argument, "metadata key \"", printable(key),
                         "\" must have 1 to ",         limits::key_bytes, " bytes"};
        if (key == alignment_key)
            return error{error_code::invalid_argument, alignment_key, " cannot be chosen; files are written with 32"};
        return {};
    }
};

} // namespace detail

/// Writes a GGUF file (version 3, alignment 32). All tensors are announced first; their bytes then
/// come in any order and in any pieces. The file appears at its path only when `finish()` has found
/// every tensor complete and everything is on the disk; until then nothing is visible there.
class writer {
public:
    /// Errors: `invalid_argument` for a name or key that the format does not allow or that comes
    /// twice, and for an alignment key; `shape_mismatch` for rows that are no whole number of
    /// blocks; those of output_file.
    static result<writer> create(const std::string& path, const key_values& metadata, std::vector<tensor_plan> tensors,
                                 const output_policy& policy = {})
    {
        AWQ_TRY(output_file target, output_file::create(path, policy));
        return create(std::move(target), metadata, std::move(tensors));
    }

    /// The same for an output that was opened before.
    static result<writer> create(output_file target, const key_values& metadata, std::vector<tensor_plan> tensors)
    {
        AWQ_TRY(detail::file_layout layout, detail::file_layout::of(std::move(tensors)));
        AWQ_TRY(const detail::header_bytes header, layout.header(metadata));
        AWQ_TRY(new_file bytes, new_file::create(target.where()));
        writer created{std::move(layout), std::move(target), std::move(bytes), header.bytes().size()};
        AWQ_CHECK(created.bytes_.reserve(created.file_size()));
        AWQ_CHECK(created.bytes_.write_at(0, header.bytes()));
        return created;
    }

    /// Where the file will be.
    std::string target() const { return target_.target(); }

    std::span<const tensor_plan> tensors() const noexcept { return layout_.tensors; }
    /// Bytes of the finished file.
    std::uint64_t file_size() const noexcept { return data_start_ + layout_.data_size; }
    /// Bytes that a tensor takes.
    std::uint64_t size_of_tensor(std::size_t index) const noexcept { return layout_.places[index].size; }

    /// The index of a tensor by name; `missing_tensor` where it was not announced.
    result<std::size_t> index_of(std::string_view name) const
    {
        const auto found = layout_.by_name.find(std::string{name});
        if (found == layout_.by_name.end())
            return error{error_code::missing_tensor, target_.where().shown, ": no tensor \"", printable(name),
                         "\" was announced"};
        return found->second;
    }

    /// Writes all bytes of a tensor.
    status write(std::size_t index, std::span<const std::byte> bytes)
    {
        if (bytes.size() != size_of_tensor(index))
            return error{error_code::shape_mismatch, layout_.tensors[index].name, ": ",        bytes.size(),
                         " bytes given, ",           size_of_tensor(index),       " announced"};
        return write_part(index, 0, bytes);
    }

    status write(std::string_view name, std::span<const std::byte> bytes)
    {
        AWQ_TRY(const std::size_t index, index_of(name));
        return write(index, bytes);
    }

    /// Writes a piece of a tensor at `offset` bytes from its start. Every byte must be written
    /// once: `finish()` counts them. Different tensors may be written from different threads.
    status write_part(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes)
    {
        const detail::file_layout::place& place = layout_.places[index];
        if (offset > place.size || bytes.size() > place.size - offset)
            return error{error_code::shape_mismatch,
                         layout_.tensors[index].name,
                         ": bytes ",
                         offset,
                         " to ",
                         offset + bytes.size(),
                         " pass its ",
                         place.size,
                         " bytes"};
        AWQ_CHECK(bytes_.write_at(data_start_ + place.offset + offset, bytes));
        written_[index] += bytes.size();
        return {};
    }

    /// What was written so far, for another run to go on with.
    void save(state_writer& to) const { to(bytes_.extents()); }

    /// Takes for written what another run has `save`d. Error: `malformed_file`.
    status restore(state_reader& from)
    {
        std::vector<file_extent> extents;
        from(extents);
        for (std::size_t i = 0; i < written_.size(); ++i)
            written_[i] = bytes_between(extents, data_start_ + layout_.places[i].offset, layout_.places[i].size);
        return bytes_.restore(std::move(extents));
    }

    /// Makes the complete file ready for its place. Errors: `missing_tensor` where bytes were not
    /// written; `file_unwritable`.
    status prepare()
    {
        for (std::size_t i = 0; i < layout_.tensors.size(); ++i)
            if (written_[i] != layout_.places[i].size)
                return error{error_code::missing_tensor,
                             target_.where().shown,
                             ": tensor \"",
                             layout_.tensors[i].name,
                             "\" has ",
                             written_[i],
                             " of ",
                             layout_.places[i].size,
                             " bytes"};
        AWQ_CHECK(bytes_.finish());
        return target_.prepare();
    }

    /// Moves what is prepared into place.
    status commit() { return target_.commit(); }

    /// Both steps.
    status finish()
    {
        AWQ_CHECK(prepare());
        return commit();
    }

private:
    writer(detail::file_layout&& layout, output_file&& target, new_file&& bytes, std::uint64_t data_start)
        : layout_(std::move(layout)), target_(std::move(target)), bytes_(std::move(bytes)), data_start_(data_start),
          written_(layout_.tensors.size(), 0)
    {}

    detail::file_layout layout_;
    output_file target_;
    new_file bytes_;
    std::uint64_t data_start_;
    std::vector<std::uint64_t> written_; // bytes of each tensor
};

} // namespace awq::gguf

#endif
