// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_SMOOTHED_SINK_HPP
#define AWQ_CHECKPOINT_SMOOTHED_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/checkpoint_sink.hpp>
#include <awq/checkpoint/companion_files.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/tensor_reports.hpp>
#include <awq/checkpoint/write_as_stored.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/io/output_directory.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Which of a finished block's weights a `smoothed_sink` writes.
enum class sink_content { smoothed, dequantized };

/// Writes a plain checkpoint: same files, tensors and dtypes as the source, every other file of the
/// directory carried over. The directory appears when it is complete.
class AWQ_ABI_TAG smoothed_sink final : public checkpoint_sink {
public:
    static result<std::unique_ptr<checkpoint_sink>> create(const directory_source& source, const std::string& target,
                                                           const output_policy& policy, sink_content content = {})
    {
        AWQ_CHECK(check_output_apart(target, source.path()));
        AWQ_TRY(output_directory directory, output_directory::create(target, policy));
        AWQ_TRY(auto writer, create_writer(source, directory.where()));
        const std::vector<std::string> replaced(source.stacks().has_packed() ? 1 : 0, "config.json");
        AWQ_TRY(auto notes, carry_over(source.path(), directory.where(), replaced));
        if (!replaced.empty()) AWQ_CHECK(write_plain_config(source.path(), directory.where()));
        return std::unique_ptr<checkpoint_sink>{
            new smoothed_sink{source, std::move(directory), std::move(writer), content, std::move(notes)}};
    }

    status write(const finished_block& block) override
    {
        const block_tensors& chosen = content_ == sink_content::smoothed ? *block.smoothed : *block.dequantized;
        return write_as_stored(source_, chosen, slabs_, writer_);
    }

    status prepare() override
    {
        AWQ_CHECK(writer_.copy_rest(source_.checkpoint()));
        AWQ_CHECK(writer_.finish());
        return directory_.prepare();
    }

    status commit() override { return directory_.commit(); }
    std::string target() const override { return directory_.target(); }
    void save(state_writer& to) const override { writer_.save(to); }
    status restore(state_reader& from) override { return writer_.restore(from); }
    std::vector<tensor_report> tensors() const override { return tensor_reports(writer_); }
    std::vector<std::string> notes() const override { return notes_; }

private:
    static result<safetensors::shard_set_writer> create_writer(const directory_source& source, const output_path& where)
    {
        const safetensors::checkpoint& files = source.checkpoint();
        if (!source.stacks().has_packed()) return safetensors::shard_set_writer::create(where, files);
        return safetensors::shard_set_writer::create(where, plan_like(files, source.stacks()), files.has_index());
    }

    smoothed_sink(const directory_source& source, output_directory&& directory, safetensors::shard_set_writer&& writer,
                  sink_content content, std::vector<std::string>&& notes)
        : source_(source), directory_(std::move(directory)), writer_(std::move(writer)), content_(content),
          notes_(std::move(notes))
    {}

    const directory_source& source_;
    output_directory directory_;
    safetensors::shard_set_writer writer_;
    stack_writer slabs_;
    sink_content content_;
    std::vector<std::string> notes_;
};

} // namespace awq

#endif
