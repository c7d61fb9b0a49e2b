// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_SHARD_INDEX_HPP
#define AWQ_IO_SAFETENSORS_SHARD_INDEX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// File names that Hugging Face checkpoints use.
inline constexpr std::string_view single_file_name = "model.safetensors";
inline constexpr std::string_view index_file_name = "model.safetensors.index.json";

/// Whether a name from an index is the name of a file in the same directory and nothing else: no
/// path, no "..", no control character, and it ends in ".safetensors".
inline bool is_plain_shard_name(std::string_view name) noexcept
{
    constexpr std::string_view suffix = ".safetensors";
    const auto foreign = [](char each) {
        return each == '/' || each == '\\' || each == ':' || static_cast<unsigned char>(each) < 0x20;
    };
    return name.size() > suffix.size() && name.size() <= 255 && name.substr(name.size() - suffix.size()) == suffix &&
           name.front() != '.' && std::none_of(name.begin(), name.end(), foreign);
}

/// The content of model.safetensors.index.json: which tensor is in which file.
struct shard_index {
    std::vector<std::pair<std::string, std::string>> weight_map; ///< tensor, file; sorted by tensor
    std::uint64_t total_size = 0;                                ///< bytes of all tensors; not checked on reading
    std::optional<std::uint64_t> total_parameters;

    /// Parses an index. Errors (`malformed_file`, `missing_field`): not JSON, no weight_map, a
    /// tensor that is there twice, a file name that leaves the directory.
    static result<shard_index> parse(std::string_view text, std::string_view where);

    /// The file names, sorted, each once.
    std::vector<std::string> files() const
    {
        std::vector<std::string> names;
        for (const auto& [tensor, file] : weight_map) names.push_back(file);
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }

    /// The file that holds a tensor; null if the index lacks it.
    const std::string* find(std::string_view tensor) const noexcept
    {
        const auto found =
            std::lower_bound(weight_map.begin(), weight_map.end(), tensor,
                             [](const auto& entry, std::string_view name) { return entry.first < name; });
        return found == weight_map.end() || found->first != tensor ? nullptr : &found->second;
    }

    /// The index as Hugging Face's writer lays it out: indent 2, sorted by tensor name.
    std::string text() const
    {
        json::writer out{2};
        out.begin_object().key("metadata").begin_object();
        if (total_parameters) out.field("total_parameters", *total_parameters);
        out.field("total_size", total_size).end_object();
        out.key("weight_map").begin_object();
        for (const auto& [tensor, file] : weight_map) out.field(tensor, file);
        return std::move(out.end_object().end_object()).take() + "\n";
    }
};

inline result<shard_index> shard_index::parse(std::string_view text, std::string_view where)
{
    AWQ_TRY(const json::document document, json::document::parse(text, where));
    AWQ_CHECK(document.root().check_unique_keys());
    AWQ_TRY(const json::value map, document.root().at("weight_map"));
    AWQ_TRY(const auto members, map.as_object());
    AWQ_CHECK(map.check_unique_keys());
    shard_index index;
    index.weight_map.reserve(members.size());
    for (const json::member& each : members) {
        AWQ_TRY(const std::string_view file, each.value.as_string());
        if (!is_plain_shard_name(file))
            return error{error_code::malformed_file,
                         where,
                         ": tensor \"",
                         printable(each.key),
                         "\": \"",
                         printable(file),
                         "\" is not the name of a .safetensors file in this directory"};
        index.weight_map.emplace_back(each.key, file);
    }
    if (index.weight_map.empty()) return error{error_code::malformed_file, where, ": weight_map is empty"};
    std::sort(index.weight_map.begin(), index.weight_map.end());
    // Advisory fields: other writers leave them out or write them as floating-point numbers.
    if (const auto about = document.root().find("metadata")) {
        if (const auto size = about->find("total_size"))
            if (const auto bytes = size->as_unsigned(); bytes) index.total_size = *bytes;
        if (const auto parameters = about->find("total_parameters"))
            if (const auto count = parameters->as_unsigned(); count) index.total_parameters = *count;
    }
    return index;
}

} // namespace awq::safetensors

#endif
