// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_CHECKPOINT_HPP
#define AWQ_IO_SAFETENSORS_CHECKPOINT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/model_file.hpp>
#include <awq/io/safetensors/reader.hpp>
#include <awq/io/safetensors/shard_index.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// All tensors of a Hugging Face model directory: model.safetensors, or the shards that
/// model.safetensors.index.json lists.
class checkpoint {
  public:
    /// Opens and checks everything but the tensors' values. Errors: those of `file::open` and
    /// `shard_index::parse`; `missing_tensor` where a shard lacks a tensor that the index lists;
    /// `malformed_file` for a tensor that the index does not list or lists in another shard, and
    /// for a directory that has both kinds.
    static result<checkpoint> open(const std::string& directory);

    const std::string& directory() const noexcept { return directory_; }
    /// The files, sorted by name; each knows its `name()` and its `tensors()`.
    std::span<const file> shards() const noexcept { return shards_; }
    /// Whether there is an index file. There can be one with a single shard.
    bool has_index() const noexcept { return index_.has_value(); }
    const std::optional<shard_index>& index() const noexcept { return index_; }

    /// Every tensor, shard by shard, in the order of their bytes.
    std::span<const tensor* const> tensors() const noexcept { return tensors_; }
    /// Null if there is no such tensor.
    const tensor* find(std::string_view name) const noexcept
    {
        for (const file& shard : shards_)
            if (const tensor* const found = shard.find(name)) return found;
        return nullptr;
    }
    /// As `find`, but `missing_tensor` if there is none.
    result<const tensor*> at(std::string_view name) const
    {
        if (const tensor* const found = find(name)) return found;
        return error{error_code::missing_tensor, directory_, ": there is no tensor \"",
                     printable(name), "\""};
    }
    /// Bytes of all tensors.
    std::uint64_t total_bytes() const noexcept
    {
        std::uint64_t sum = 0;
        for (const tensor* const each : tensors_)
            sum += each->bytes.size();
        return sum;
    }
    /// Elements of all tensors.
    std::uint64_t total_elements() const noexcept
    {
        std::uint64_t sum = 0;
        for (const tensor* const each : tensors_)
            sum += each->element_count();
        return sum;
    }

  private:
    status open_shards(const std::vector<std::string>& names)
    {
        shards_.reserve(names.size());
        for (const std::string& name : names) {
            AWQ_TRY(const std::string path, model_file(directory_, name));
            AWQ_TRY(file shard, file::open(path));
            shards_.push_back(std::move(shard));
        }
        for (const file& shard : shards_)
            for (const tensor& each : shard.tensors())
                tensors_.push_back(&each);
        return {};
    }

    status check_index(const std::string& index_path) const;

    std::string directory_;
    std::vector<file> shards_;
    std::vector<const tensor*> tensors_;
    std::optional<shard_index> index_;
};

// Each tensor is in exactly the file that the index says.
inline status checkpoint::check_index(const std::string& index_path) const
{
    for (const file& shard : shards_) {
        for (const tensor& each : shard.tensors()) {
            const std::string* const listed = index_->find(each.name);
            if (listed == nullptr)
                return error{error_code::malformed_file, shard.path(),    ": tensor \"",
                             printable(each.name),       "\" at offset ", each.offset,
                             " is not listed in ",       index_file_name};
            if (*listed != shard.name())
                return error{error_code::malformed_file,
                             shard.path(),
                             ": tensor \"",
                             printable(each.name),
                             "\" at offset ",
                             each.offset,
                             " is here, but ",
                             index_file_name,
                             " lists it in ",
                             *listed};
        }
    }
    for (const auto& [name, shard] : index_->weight_map)
        if (find(name) == nullptr)
            return error{error_code::missing_tensor,
                         index_path,
                         ": tensor \"",
                         printable(name),
                         "\" is listed in ",
                         shard,
                         ", but that file does not have it"};
    return {};
}

inline result<checkpoint> checkpoint::open(const std::string& directory)
{
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path root{directory};
    if (!fs::is_directory(root, ignored))
        return error{error_code::file_not_found, directory, ": is not a directory"};
    checkpoint opened;
    opened.directory_ = directory;
    while (opened.directory_.size() > 1 && opened.directory_.back() == '/')
        opened.directory_.pop_back();
    const bool single = fs::exists(root / single_file_name, ignored);
    const bool sharded = fs::exists(root / index_file_name, ignored);
    if (!single && !sharded)
        return error{error_code::file_not_found,
                     directory,
                     ": neither ",
                     single_file_name,
                     " nor ",
                     index_file_name,
                     " is there; other weight formats must be converted first"};
    if (!sharded) {
        AWQ_CHECK(opened.open_shards({std::string{single_file_name}}));
        return opened;
    }
    AWQ_TRY(const std::string index_path, model_file(opened.directory_, index_file_name));
    AWQ_TRY(const std::string text, read_file(index_path));
    AWQ_TRY(opened.index_, shard_index::parse(text, index_path));
    const std::vector<std::string> files = opened.index_->files();
    if (single && files != std::vector<std::string>{std::string{single_file_name}})
        return error{error_code::malformed_file,
                     directory,
                     ": both ",
                     single_file_name,
                     " and ",
                     index_file_name,
                     " are there; remove the one that is out of date"};
    AWQ_CHECK(opened.open_shards(files));
    AWQ_CHECK(opened.check_index(index_path));
    return opened;
}

} // namespace awq::safetensors

#endif
