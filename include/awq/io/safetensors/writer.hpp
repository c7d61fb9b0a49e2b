// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_WRITER_HPP
#define AWQ_IO_SAFETENSORS_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/layout.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/io/write_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// Writes one safetensors file, byte for byte as the reference writer would. The whole file is laid
/// out and reserved first; then its tensors come in any order. A writer that is destroyed before
/// `finish()` succeeded removes its file.
class writer {
public:
    /// Creates the file and writes its header. `pairs` should hold {"format", "pt"}, which
    /// transformers asks for. Errors: `invalid_argument` (names, shapes), `file_exists`,
    /// `file_unwritable` (also: disk full).
    static result<writer> create(const output_path& where, std::vector<tensor_spec> specs,
                                 metadata pairs = {{"format", "pt"}})
    {
        AWQ_TRY(layout planned, plan_layout(std::move(specs), std::move(pairs), where.shown));
        AWQ_TRY(new_file created, new_file::create(where));
        AWQ_CHECK(created.reserve(planned.file_size()));
        const std::string header = header_text(planned);
        std::byte size[8];
        for (unsigned i = 0; i < 8; ++i) size[i] = static_cast<std::byte>(std::uint64_t{header.size()} >> (8 * i));
        AWQ_CHECK(created.write_at(0, size));
        AWQ_CHECK(created.write_at(8, std::as_bytes(std::span{header})));
        return writer{std::move(created), std::move(planned)};
    }

    /// How errors call the file.
    const std::string& shown() const noexcept { return file_.shown(); }
    /// The tensors in the order of the file.
    std::span<const tensor_entry> tensors() const noexcept { return layout_.tensors; }
    std::uint64_t total_bytes() const noexcept { return layout_.data_size; }
    bool contains(std::string_view name) const { return by_name_.contains(std::string{name}); }
    bool is_written(std::string_view name) const
    {
        const auto found = by_name_.find(std::string{name});
        return found != by_name_.end() && written_[found->second];
    }

    /// Writes a tensor's bytes as they are. Errors: `missing_tensor` for a name that was not
    /// announced, `invalid_argument` for one that is written already, `shape_mismatch` for another
    /// number of bytes, `file_unwritable`.
    status write(std::string_view name, std::span<const std::byte> bytes)
    {
        AWQ_TRY(const std::size_t index, claim(name));
        const tensor_entry& entry = layout_.tensors[index];
        if (bytes.size() != entry.end - entry.begin)
            return tensor_error(name, error_code::shape_mismatch, "takes ", entry.end - entry.begin, " bytes, ",
                                bytes.size(), " were given");
        AWQ_CHECK(file_.write_at(layout_.data_begin + entry.begin, bytes));
        written_[index] = true;
        return {};
    }

    /// Writes float32 values, rounded (to nearest, ties to even) to the tensor's F32, F16 or BF16.
    /// Errors: as `write`; `unsupported` for another element type; `not_finite` for a value that is
    /// not finite or does not fit the type.
    status write_floats(std::string_view name, std::span<const float> values)
    {
        AWQ_TRY(const std::size_t index, claim(name));
        const tensor_entry& entry = layout_.tensors[index];
        AWQ_TRY(const dtype type, float_type(entry));
        const std::size_t width = size_of(type);
        if (values.size() != (entry.end - entry.begin) / width)
            return tensor_error(name, error_code::shape_mismatch, "has ", (entry.end - entry.begin) / width,
                                " elements, ", values.size(), " were given");
        AWQ_CHECK(write_rounded(entry, type, values, 0));
        written_[index] = true;
        return {};
    }

    /// Writes some of a tensor's elements, as `write_floats` all: from element `first` on, each once.
    status write_part(std::string_view name, std::uint64_t first, std::span<const float> values)
    {
        AWQ_TRY(const std::size_t index, claim(name));
        const tensor_entry& entry = layout_.tensors[index];
        AWQ_TRY(const dtype type, float_type(entry));
        const std::uint64_t count = (entry.end - entry.begin) / size_of(type);
        if (first > count || values.size() > count - first)
            return tensor_error(name, error_code::shape_mismatch, "has ", count, " elements, ", values.size(),
                                " were given from element ", first);
        AWQ_CHECK(write_rounded(entry, type, values, first));
        filled_[index] += values.size();
        written_[index] = filled_[index] >= count;
        return {};
    }

    /// What was written so far, for another run to go on with.
    void save(state_writer& to) const { to(file_.extents()); }

    /// Takes for written what another run has `save`d. Error: `malformed_file`.
    status restore(state_reader& from)
    {
        std::vector<file_extent> extents;
        from(extents);
        for (std::size_t i = 0; i < written_.size(); ++i) {
            const std::uint64_t size = layout_.tensors[i].end - layout_.tensors[i].begin;
            const std::uint64_t begin = layout_.data_begin + layout_.tensors[i].begin;
            written_[i] = size > 0 && bytes_between(extents, begin, size) == size;
        }
        return file_.restore(std::move(extents));
    }

    /// Checks that every tensor was written and flushes the file to the disk. Error:
    /// `missing_tensor`.
    status finish()
    {
        for (std::size_t i = 0; i < written_.size(); ++i)
            if (!written_[i])
                return tensor_error(layout_.tensors[i].spec.name, error_code::missing_tensor,
                                    "was announced but not written");
        return file_.finish();
    }

private:
    writer(new_file&& file, layout&& planned)
        : file_(std::move(file)), layout_(std::move(planned)), written_(layout_.tensors.size()),
          filled_(layout_.tensors.size())
    {
        for (std::size_t i = 0; i < layout_.tensors.size(); ++i) by_name_.emplace(layout_.tensors[i].spec.name, i);
    }

    template <class... Parts>
    error tensor_error(std::string_view name, error_code code, const Parts&... parts) const
    {
        return error{code, shown(), ": tensor \"", printable(name), "\": ", parts...};
    }

    result<std::size_t> claim(std::string_view name) const
    {
        const auto found = by_name_.find(std::string{name});
        if (found == by_name_.end()) return tensor_error(name, error_code::missing_tensor, "was not announced");
        if (written_[found->second]) return tensor_error(name, error_code::invalid_argument, "is written already");
        return found->second;
    }

    result<dtype> float_type(const tensor_entry& entry) const
    {
        const std::optional<dtype> type = to_dtype(entry.spec.type);
        if (type && is_smoothable(*type)) return *type;
        return tensor_error(entry.spec.name, error_code::unsupported, name_of(entry.spec.type),
                            " cannot be written from float32");
    }

    status write_rounded(const tensor_entry& entry, dtype type, std::span<const float> values, std::uint64_t first)
    {
        constexpr std::size_t step_size = 1u << 18;
        const std::size_t width = size_of(type);
        std::vector<std::byte> rounded(std::min(values.size(), step_size) * width);
        for (std::size_t begin = 0; begin < values.size(); begin += step_size) {
            const auto step = values.subspan(begin, std::min(step_size, values.size() - begin));
            const auto bytes = std::span{rounded}.first(step.size() * width);
            narrow(type, step, bytes);
            if (!all_finite(type, bytes))
                return tensor_error(entry.spec.name, error_code::not_finite,
                                    not_finite_text(type, first + begin, step));
            AWQ_CHECK(file_.write_at(layout_.data_begin + entry.begin + (first + begin) * width, bytes));
        }
        return {};
    }

    static std::string not_finite_text(dtype type, std::uint64_t first, std::span<const float> values)
    {
        std::size_t at = 0;
        std::vector<std::byte> bytes(size_of(type));
        for (; at + 1 < values.size(); ++at) {
            narrow(type, values.subspan(at, 1), bytes);
            if (!all_finite(type, bytes)) break;
        }
        return "element " + std::to_string(first + at) + " (" + std::to_string(values[at]) + ") is not a finite " +
               std::string{awq::name_of(type)};
    }

    new_file file_;
    layout layout_;
    std::vector<bool> written_;
    std::vector<std::uint64_t> filled_; ///< elements written in parts
    std::unordered_map<std::string, std::size_t> by_name_;
};

} // namespace awq::safetensors

#endif
