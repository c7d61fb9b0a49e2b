// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_SHARD_SET_WRITER_HPP
#define AWQ_IO_SAFETENSORS_SHARD_SET_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/writer.hpp>

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

/// One file of a checkpoint that is to be written.
struct shard_plan {
    std::string file_name; ///< "model-00001-of-00002.safetensors"
    std::vector<tensor_spec> tensors;
    safetensors::metadata metadata{{"format", "pt"}};
};

/// The files, tensors and element types of a checkpoint that is there. Metadata without a "format"
/// gets "pt", which transformers asks for. Change what shall be different before it goes to
/// `shard_set_writer::create`.
inline std::vector<shard_plan> plan_like(const checkpoint& source)
{
    std::vector<shard_plan> plans;
    for (const file& shard : source.shards()) {
        shard_plan plan{std::string{shard.name()}, {}, shard.metadata()};
        for (const tensor& each : shard.tensors()) plan.tensors.push_back(each.spec());
        const auto is_format = [](const auto& pair) { return pair.first == "format"; };
        if (std::none_of(plan.metadata.begin(), plan.metadata.end(), is_format))
            plan.metadata.emplace_back("format", "pt");
        plans.push_back(std::move(plan));
    }
    return plans;
}

/// Writes the weight files of a model directory, and their index if there is one. Tensors come in
/// any order; one thread at a time. Files that are not finished are removed.
class shard_set_writer {
public:
    /// Creates all files in an existing directory and reserves their space. With `with_index`,
    /// model.safetensors.index.json is written at the end; without, there may be one file only.
    /// Errors: those of `writer::create`; `invalid_argument` for a file name with a path in it or a
    /// tensor in two files.
    static result<shard_set_writer> create(const output_path& directory, std::vector<shard_plan> plans,
                                           bool with_index);

    /// The same files, tensors and element types as `source`.
    static result<shard_set_writer> create(const output_path& directory, const checkpoint& source)
    {
        AWQ_TRY(shard_set_writer set, create(directory, plan_like(source), source.has_index()));
        if (source.has_index() && source.repairs().empty()) set.total_parameters_ = source.index()->total_parameters;
        return set;
    }

    /// As `writer::write`; finds the tensor's file.
    status write(std::string_view name, std::span<const std::byte> bytes)
    {
        AWQ_TRY(writer* const shard, shard_of(name));
        return shard->write(name, bytes);
    }

    /// As `writer::write_floats`; finds the tensor's file.
    status write_floats(std::string_view name, std::span<const float> values)
    {
        AWQ_TRY(writer* const shard, shard_of(name));
        return shard->write_floats(name, values);
    }

    /// As `writer::write_part`; finds the tensor's file.
    status write_part(std::string_view name, std::uint64_t first, std::span<const float> values)
    {
        AWQ_TRY(writer* const shard, shard_of(name));
        return shard->write_part(name, first, values);
    }

    /// The files, in the order of their plans.
    std::span<const writer> shards() const noexcept { return shards_; }
    bool contains(std::string_view name) const { return shard_by_tensor_.contains(std::string{name}); }
    bool is_written(std::string_view name) const
    {
        const auto found = shard_by_tensor_.find(std::string{name});
        return found != shard_by_tensor_.end() && shards_[found->second].is_written(name);
    }

    /// Copies every tensor that was not written yet from `source`, byte for byte, as far as
    /// `source` has it with the same element type and shape. Their memory pages are let go. Error:
    /// `not_finite` for one with a NaN or an infinity.
    status copy_rest(const checkpoint& source);

    /// Flushes all files and writes the index. Error: `missing_tensor` if one was not written.
    status finish();

    /// What was written so far, for another run to go on with.
    void save(state_writer& to) const
    {
        for (const writer& shard : shards_) shard.save(to);
    }
    /// Takes for written what another run has `save`d. Error: `malformed_file`.
    status restore(state_reader& from)
    {
        for (writer& shard : shards_) AWQ_CHECK(shard.restore(from));
        return {};
    }

private:
    result<writer*> shard_of(std::string_view name)
    {
        const auto found = shard_by_tensor_.find(std::string{name});
        if (found != shard_by_tensor_.end()) return &shards_[found->second];
        return error{error_code::missing_tensor, directory_.shown, ": tensor \"", printable(name),
                     "\" was not announced"};
    }

    output_path directory_;
    std::vector<std::string> file_names_;
    std::vector<writer> shards_;
    std::unordered_map<std::string, std::size_t> shard_by_tensor_;
    std::optional<std::uint64_t> total_parameters_; // an advisory field of the index, carried over
    bool with_index_ = false;
};

inline result<shard_set_writer> shard_set_writer::create(const output_path& directory, std::vector<shard_plan> plans,
                                                         bool with_index)
{
    if (plans.size() != 1 && !with_index)
        return error{error_code::invalid_argument, directory.shown, ": ", plans.size(), " weight files need an index"};
    shard_set_writer set;
    set.directory_ = directory;
    set.with_index_ = with_index;
    for (shard_plan& plan : plans) {
        if (!is_plain_shard_name(plan.file_name))
            return error{error_code::invalid_argument, directory.shown, ": \"", printable(plan.file_name),
                         "\" is not a plain .safetensors file name"};
        for (const tensor_spec& spec : plan.tensors)
            if (!set.shard_by_tensor_.emplace(spec.name, set.shards_.size()).second)
                return error{error_code::invalid_argument, directory.shown, ": tensor \"", printable(spec.name),
                             "\" is there twice"};
        AWQ_TRY(writer shard,
                writer::create(directory / plan.file_name, std::move(plan.tensors), std::move(plan.metadata)));
        set.shards_.push_back(std::move(shard));
        set.file_names_.push_back(std::move(plan.file_name));
    }
    return set;
}

inline status shard_set_writer::copy_rest(const checkpoint& source)
{
    for (writer& shard : shards_) {
        for (const tensor_entry& entry : shard.tensors()) {
            if (shard.is_written(entry.spec.name)) continue;
            const tensor* const original = source.find(entry.spec.name);
            if (original == nullptr || original->stored != entry.spec.type || original->shape != entry.spec.shape)
                continue; // finish() reports it
            AWQ_CHECK(shard.write(entry.spec.name, original->bytes));
            original->release();
        }
    }
    return {};
}

inline status shard_set_writer::finish()
{
    for (writer& shard : shards_) AWQ_CHECK(shard.finish());
    if (!with_index_) return {};
    shard_index index;
    index.total_parameters = total_parameters_;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        index.total_size += shards_[i].total_bytes();
        for (const tensor_entry& entry : shards_[i].tensors())
            index.weight_map.emplace_back(entry.spec.name, file_names_[i]);
    }
    std::sort(index.weight_map.begin(), index.weight_map.end());
    return write_file(directory_ / index_file_name, index.text());
}

} // namespace awq::safetensors

#endif
