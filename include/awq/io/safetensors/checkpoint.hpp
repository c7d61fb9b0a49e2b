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
    /// Opens and checks everything but the tensors' values. An index that does not agree with its
    /// files is repaired; see `repairs`. Errors: those of `file::open` and `shard_index::parse`;
    /// `malformed_file` for a tensor that is in two files, and for a directory that has both kinds.
    static result<checkpoint> open(const std::string& directory);

    const std::string& directory() const noexcept { return directory_; }
    /// The files, sorted by name; each knows its `name()` and its `tensors()`.
    std::span<const file> shards() const noexcept { return shards_; }
    /// Whether there is an index file. There can be one with a single shard.
    bool has_index() const noexcept { return index_.has_value(); }
    const std::optional<shard_index>& index() const noexcept { return index_; }

    /// Where the index says other things than the files, one sentence each; the files count.
    const std::vector<std::string>& repairs() const noexcept { return repairs_; }

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
        return error{error_code::missing_tensor, directory_, ": there is no tensor \"", printable(name), "\""};
    }
    /// Bytes of all tensors.
    std::uint64_t total_bytes() const noexcept
    {
        std::uint64_t sum = 0;
        for (const tensor* const each : tensors_) sum += each->bytes.size();
        return sum;
    }
    /// Elements of all tensors.
    std::uint64_t total_elements() const noexcept
    {
        std::uint64_t sum = 0;
        for (const tensor* const each : tensors_) sum += each->element_count();
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
            for (const tensor& each : shard.tensors()) tensors_.push_back(&each);
        return {};
    }

    status check_unique() const;
    void repair_index(const std::string& index_path);

    std::string directory_;
    std::vector<file> shards_;
    std::vector<const tensor*> tensors_;
    std::optional<shard_index> index_;
    std::vector<std::string> repairs_;
};

// No tensor may be in two files: which of them counts, nobody could say.
inline status checkpoint::check_unique() const
{
    for (const file& shard : shards_)
        for (const tensor& each : shard.tensors())
            if (find(each.name) != &each)
                return error{error_code::malformed_file,
                             shard.path(),
                             ": tensor \"",
                             printable(each.name),
                             "\" at offset ",
                             each.offset,
                             " is in another of the checkpoint's files, too; remove one of them"};
    return {};
}

// An index that is out of date is passed over, as transformers does: the files themselves say what is
// in them.
inline void checkpoint::repair_index(const std::string& index_path)
{
    std::vector<std::string_view> absent, unlisted, elsewhere;
    for (const auto& [name, shard] : index_->weight_map)
        if (find(name) == nullptr) absent.push_back(name);
    for (const file& shard : shards_)
        for (const tensor& each : shard.tensors()) {
            const std::string* const listed = index_->find(each.name);
            if (listed == nullptr) unlisted.push_back(each.name);
            if (listed != nullptr && *listed != shard.name()) elsewhere.push_back(each.name);
        }
    const auto note = [&](const std::vector<std::string_view>& names, const char* what) {
        if (names.empty()) return;
        const bool is_one = names.size() == 1;
        repairs_.push_back(index_path + ": " + what + " " + std::to_string(names.size()) +
                           (is_one ? " tensor, \"" : " tensors, \"") + printable(names.front()) +
                           (is_one ? "\"" : "\" and others") + "; what the files hold counts");
    };
    note(absent, "lists what no file has,");
    note(unlisted, "lacks");
    note(elsewhere, "names the wrong file of");
}

inline result<checkpoint> checkpoint::open(const std::string& directory)
{
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path root{directory};
    if (!fs::is_directory(root, ignored)) return error{error_code::file_not_found, directory, ": is not a directory"};
    checkpoint opened;
    opened.directory_ = directory;
    while (opened.directory_.size() > 1 && opened.directory_.back() == '/') opened.directory_.pop_back();
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
    AWQ_CHECK(opened.check_unique());
    opened.repair_index(index_path);
    return opened;
}

} // namespace awq::safetensors

#endif
