// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_IMATRIX_HPP
#define AWQ_IO_IMATRIX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/cursor.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/io/gguf/writer.hpp>
#include <awq/io/mapped_file.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/write_file.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Sums of x^2 over tokens for the input columns of one weight, or of each matrix of a stack of
/// experts.
struct imatrix_entry {
    std::vector<float> sums;   ///< columns of the first matrix, then of the second, ...
    std::vector<float> counts; ///< tokens that each matrix saw; one number unless stacked

    /// Input columns of one matrix.
    std::size_t columns() const noexcept { return counts.empty() ? 0 : sums.size() / counts.size(); }
};

void visit_members(same_state<imatrix_entry> auto& entry, auto&& visit) { visit(entry.sums, entry.counts); }

/// llama.cpp's importance matrix: how strongly each input column of each weight (by GGUF name) is
/// excited. Read and written in its two formats: GGUF-based, and the older ".dat". Source:
/// llama.cpp 0.5.0's imatrix and quantize tools.
class imatrix {
public:
    /// By GGUF weight name, "blk.0.attn_q.weight"; sorted, as in the file.
    std::map<std::string, imatrix_entry, std::less<>> entries;
    std::vector<std::string> datasets; ///< what the activations came from
    std::uint32_t chunk_count = 0;     ///< windows of text
    std::uint32_t chunk_size = 512;    ///< tokens in one

    /// Reads either format. Errors: those of mapped_file and gguf::file; `malformed_file` for sums
    /// without counts, sizes that do not fit, numbers that are negative or not finite.
    static result<imatrix> read(const std::string& path)
    {
        AWQ_TRY(const auto mapping, mapped_file::open(path));
        return parse(mapping.bytes(), path);
    }

    /// The same for bytes in memory.
    static result<imatrix> parse(std::span<const std::byte> bytes, std::string_view where)
    {
        const bool is_gguf = bytes.size() >= gguf::magic.size() &&
                             std::memcmp(bytes.data(), gguf::magic.data(), gguf::magic.size()) == 0;
        auto parsed = is_gguf ? parse_gguf(bytes, where) : parse_legacy(bytes);
        if (!parsed) return is_gguf ? parsed.error() : parsed.error().within(where);
        for (const auto& [name, entry] : parsed->entries) {
            if (const auto usable = check(entry); !usable) return usable.error().within(printable(name)).within(where);
        }
        return parsed;
    }

    /// Mean of x^2 for each column (for stacked experts one after the other), as llama-quantize
    /// takes it; all ones for a matrix that saw no token. `missing_tensor` for an unknown name.
    result<std::vector<float>> mean_squares(std::string_view name) const
    {
        const auto found = entries.find(name);
        if (found == entries.end())
            return error{error_code::missing_tensor, "the importance matrix has no entry for ", name};
        return means_of(found->second);
    }

    /// Writes the GGUF-based format. Errors: those of gguf::writer.
    status write(const std::string& path, bool overwrite = false) const
    {
        AWQ_TRY(output_file target, output_file::create(path, overwrite));
        AWQ_TRY(gguf::writer out, prepare(std::move(target)));
        return out.commit();
    }

    /// The same up to the last step, `commit()`, for an output that was opened before.
    result<gguf::writer> prepare(output_file target) const
    {
        AWQ_TRY(auto out, gguf::writer::create(std::move(target), metadata(), plan()));
        for (const auto& [name, entry] : entries) {
            AWQ_CHECK(out.write(name + sums_suffix, std::as_bytes(std::span{entry.sums})));
            AWQ_CHECK(out.write(name + counts_suffix, std::as_bytes(std::span{entry.counts})));
        }
        AWQ_CHECK(out.prepare());
        return out;
    }

    /// Writes the older format, which knows means only.
    status write_legacy(const std::string& path, bool overwrite = false) const
    {
        AWQ_TRY(output_file target, output_file::create(path, overwrite));
        AWQ_TRY(target, prepare_legacy(std::move(target)));
        return target.commit();
    }

    /// The same up to the last step, for an output that was opened before.
    result<output_file> prepare_legacy(output_file target) const
    {
        AWQ_TRY(auto out, new_file::create(target.where()));
        AWQ_CHECK(out.append(legacy_bytes()));
        AWQ_CHECK(out.finish());
        AWQ_CHECK(target.prepare());
        return target;
    }

private:
    static constexpr const char* sums_suffix = ".in_sum2";
    static constexpr const char* counts_suffix = ".counts";

    static std::vector<float> means_of(const imatrix_entry& entry)
    {
        std::vector<float> means(entry.sums.size(), 1.0f);
        const std::size_t columns = entry.columns();
        for (std::size_t i = 0; i < means.size(); ++i)
            if (entry.counts[i / columns] > 0) means[i] = entry.sums[i] / entry.counts[i / columns];
        return means;
    }

    static status check(const imatrix_entry& entry)
    {
        if (entry.counts.empty() || entry.sums.empty() || entry.sums.size() % entry.counts.size() != 0)
            return error{error_code::malformed_file, entry.sums.size(), " sums do not fit ", entry.counts.size(),
                         " counts"};
        const auto is_wrong = [](float each) { return !std::isfinite(each) || each < 0; };
        if (std::any_of(entry.sums.begin(), entry.sums.end(), is_wrong) ||
            std::any_of(entry.counts.begin(), entry.counts.end(), is_wrong))
            return error{error_code::malformed_file, "holds a number that is negative or not finite"};
        return {};
    }

    static result<std::vector<float>> floats_of(const gguf::tensor_info& tensor)
    {
        if (tensor.type != gguf::type::f32)
            return error{error_code::malformed_file, tensor.name, ": is ", name_of(tensor.type), ", not F32"};
        std::vector<float> values(tensor.bytes.size() / sizeof(float));
        std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
        return values;
    }

    static result<imatrix> parse_gguf(std::span<const std::byte> bytes, std::string_view where)
    {
        AWQ_TRY(const auto file, gguf::file::parse(bytes, where));
        std::optional<std::string> kind;
        AWQ_CHECK(gguf::read_optional(file, "general.type", kind));
        if (kind != "imatrix")
            return error{error_code::malformed_file, where,
                         ": is a GGUF file, but no importance matrix (its general.type is not "
                         "\"imatrix\")"};
        imatrix parsed;
        AWQ_CHECK(parsed.read_metadata(file));
        for (const gguf::tensor_info& tensor : file.tensors()) {
            if (!tensor.name.ends_with(sums_suffix)) continue;
            const std::string name{tensor.name.substr(0, tensor.name.size() - std::strlen(sums_suffix))};
            AWQ_TRY(const auto counts, file.tensor(name + counts_suffix));
            imatrix_entry& entry = parsed.entries[name];
            AWQ_TRY(entry.sums, floats_of(tensor));
            AWQ_TRY(entry.counts, floats_of(counts));
        }
        return parsed;
    }

    status read_metadata(const gguf::file& file)
    {
        std::optional<std::uint32_t> count, size;
        AWQ_CHECK(gguf::read_optional(file, "imatrix.chunk_count", count));
        AWQ_CHECK(gguf::read_optional(file, "imatrix.chunk_size", size));
        AWQ_CHECK(gguf::read_strings(file, "imatrix.datasets", datasets));
        chunk_count = count.value_or(0);
        chunk_size = size.value_or(0);
        return {};
    }

    // Entries hold (mean * calls) and calls, so that their quotient is the mean.
    static result<imatrix> parse_legacy(std::span<const std::byte> bytes)
    {
        gguf::cursor at{bytes};
        imatrix parsed;
        AWQ_TRY(const auto count, at.take<std::int32_t>());
        if (count < 1)
            return error{error_code::malformed_file, "is no importance matrix (it announces ", count, " entries)"};
        AWQ_CHECK(at.expect_room(static_cast<std::uint64_t>(count), smallest_entry, "entries"));
        for (std::int32_t i = 0; i < count; ++i) {
            AWQ_CHECK(parsed.parse_legacy_entry(at));
        }
        if (at.remaining() == 0) return parsed;
        AWQ_TRY(const auto chunks, at.take<std::int32_t>());
        parsed.chunk_count = static_cast<std::uint32_t>(std::max(chunks, 0));
        AWQ_TRY(const auto dataset, take_text(at, 1u << 20));
        if (!dataset.empty()) parsed.datasets.emplace_back(dataset);
        return parsed;
    }

    static constexpr std::uint64_t smallest_entry = 4 + 1 + 4 + 4 + 4;

    static result<std::string_view> take_text(gguf::cursor& at, std::int32_t limit)
    {
        AWQ_TRY(const auto length, at.take<std::int32_t>());
        if (length < 0 || length > limit)
            return error{error_code::malformed_file, "has a text of ", length, " bytes at byte ", at.offset()};
        AWQ_TRY(const auto bytes, at.take_bytes(static_cast<std::uint64_t>(length)));
        return std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    status parse_legacy_entry(gguf::cursor& at)
    {
        AWQ_TRY(const auto name, take_text(at, 65535));
        AWQ_TRY(const auto calls, at.take<std::int32_t>());
        AWQ_TRY(const auto values, at.take<std::int32_t>());
        if (name.empty() || values < 1)
            return error{error_code::malformed_file, "entry \"", printable(name), "\" has ", values, " values"};
        AWQ_TRY(const auto bytes, at.take_bytes(static_cast<std::uint64_t>(values) * sizeof(float)));
        imatrix_entry entry;
        entry.sums.resize(static_cast<std::size_t>(values));
        std::memcpy(entry.sums.data(), bytes.data(), bytes.size());
        entry.counts = {calls > 0 ? static_cast<float>(calls) : 1.0f};
        if (!entries.emplace(std::string{name}, std::move(entry)).second)
            return error{error_code::malformed_file, "has the entry \"", printable(name), "\" twice"};
        return {};
    }

    gguf::key_values metadata() const
    {
        gguf::key_values metadata;
        metadata.set("general.type", "imatrix");
        metadata.set("imatrix.datasets", datasets);
        metadata.set("imatrix.chunk_count", chunk_count);
        metadata.set("imatrix.chunk_size", chunk_size);
        return metadata;
    }

    std::vector<gguf::tensor_plan> plan() const
    {
        std::vector<gguf::tensor_plan> tensors;
        for (const auto& [name, entry] : entries) {
            const std::uint64_t matrices = entry.counts.size();
            std::vector<std::uint64_t> dims{entry.columns()};
            if (matrices > 1) dims.push_back(matrices);
            tensors.push_back({name + sums_suffix, gguf::type::f32, dims});
            tensors.push_back({name + counts_suffix, gguf::type::f32, {1, matrices}});
        }
        return tensors;
    }

    std::vector<std::byte> legacy_bytes() const
    {
        gguf::detail::header_bytes out;
        const auto text = [&out](std::string_view each) {
            out.number(static_cast<std::int32_t>(each.size()));
            out.append(std::as_bytes(std::span{each.data(), each.size()}));
        };
        out.number(static_cast<std::int32_t>(entries.size()));
        for (const auto& [name, entry] : entries) {
            const float tokens = *std::max_element(entry.counts.begin(), entry.counts.end());
            const float calls = std::max(1.0f, std::ceil(tokens / static_cast<float>(std::max(1u, chunk_size))));
            text(name);
            out.number(static_cast<std::int32_t>(calls));
            out.number(static_cast<std::int32_t>(entry.sums.size()));
            for (const float mean : means_of(entry)) out.number(mean * calls);
        }
        out.number(static_cast<std::int32_t>(chunk_count));
        text(datasets.empty() ? std::string_view{} : std::string_view{datasets.front()});
        return {out.bytes().begin(), out.bytes().end()};
    }
};

} // namespace awq

#endif
