// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_COMPENSATED_SINK_HPP
#define AWQ_CHECKPOINT_COMPENSATED_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/checkpoint_sink.hpp>
#include <awq/checkpoint/companion_files.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/tensor_reports.hpp>
#include <awq/checkpoint/write_as_stored.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/io/json_copy.hpp>
#include <awq/io/output_directory.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>
#include <awq/io/write_file.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// What a compensated checkpoint says of itself, in config.json ("awq_compensated").
struct compensation_label {
    std::string target;                ///< the GGUF type that it must be quantized to: "Q4_K_M"
    std::string importance_matrix;     ///< file name of the matching one; may be empty
    double least_squares_lambda = 0.0; ///< see `rounding_options`
};

/// Writes a checkpoint whose weights make up for the rounding that is still to come: the same files,
/// tensors and types as the source, but not its function. It says so in config.json and in the
/// metadata of its weight files; readers pass over both.
class AWQ_ABI_TAG compensated_sink final : public checkpoint_sink {
public:
    static result<std::unique_ptr<checkpoint_sink>> create(const directory_source& source, const std::string& target,
                                                           const output_policy& policy, const compensation_label& label)
    {
        AWQ_CHECK(check_output_apart(target, source.path()));
        AWQ_TRY(output_directory directory, output_directory::create(target, policy));
        std::vector<safetensors::shard_plan> plans = plan_like(source.checkpoint(), source.stacks());
        for (safetensors::shard_plan& plan : plans) {
            std::erase_if(plan.metadata, [](const auto& pair) { return pair.first == key; });
            plan.metadata.emplace_back(key, label.target + ", not function-preserving");
        }
        AWQ_TRY(auto writer, safetensors::shard_set_writer::create(directory.where(), std::move(plans),
                                                                   source.checkpoint().has_index()));
        const std::string replaced = "config.json";
        AWQ_TRY(auto notes, carry_over(source.path(), directory.where(), {&replaced, 1}));
        auto sink = std::unique_ptr<compensated_sink>{
            new compensated_sink{source, std::move(directory), std::move(writer), label, std::move(notes)}};
        AWQ_CHECK(sink->write_config());
        return std::unique_ptr<checkpoint_sink>{std::move(sink)};
    }

    status write(const finished_block& block) override
    {
        return write_as_stored(source_, *block.compensated, slabs_, writer_);
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
    static constexpr const char* key = "awq_compensated";

    compensated_sink(const directory_source& source, output_directory&& directory,
                     safetensors::shard_set_writer&& writer, const compensation_label& label,
                     std::vector<std::string>&& notes)
        : source_(source), directory_(std::move(directory)), writer_(std::move(writer)), label_(label),
          notes_(std::move(notes))
    {}

    status write_config() const
    {
        AWQ_TRY(const std::string path, model_file(source_.path(), "config.json"));
        AWQ_TRY(const auto config, json::load(path));
        AWQ_TRY(const auto members, config.root().as_object());
        json::writer out{2};
        out.begin_object();
        for (const json::member& each : members)
            if (each.key != key && each.key != "quantization_config") json::write(out.key(each.key), each.value);
        out.key(key).begin_object().field("function_preserving", false);
        out.field("target", label_.target);
        out.field("importance_matrix", label_.importance_matrix);
        out.field("least_squares_lambda", label_.least_squares_lambda);
        out.end_object().end_object();
        return write_file(directory_.where() / "config.json", std::move(out).take() + "\n");
    }

    const directory_source& source_;
    output_directory directory_;
    safetensors::shard_set_writer writer_;
    stack_writer slabs_;
    compensation_label label_;
    std::vector<std::string> notes_;
};

} // namespace awq

#endif
