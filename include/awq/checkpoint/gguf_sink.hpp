// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_SINK_HPP
#define AWQ_CHECKPOINT_GGUF_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/checkpoint_sink.hpp>
#include <awq/checkpoint/gguf_tensor_writer.hpp>
#include <awq/checkpoint/tensor_reports.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/io/gguf/layout.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Writes a GGUF file while blocks are finished; what is not part of a block is read, rounded and
/// written at the end, a stripe at a time. The file appears when it is complete.
class AWQ_ABI_TAG gguf_sink final : public checkpoint_sink {
public:
    /// `machine`, `source` and `layout` must outlive the sink. Errors: those of `gguf_metadata` and gguf::writer.
    static result<std::unique_ptr<checkpoint_sink>> create(device& machine, const directory_source& source,
                                                           const gguf_layout& layout, const std::string& target,
                                                           const output_policy& policy)
    {
        AWQ_CHECK(check_output_apart(target, source.path()));
        notice_list notices;
        AWQ_TRY(const gguf::key_values metadata, gguf_metadata(source, layout, notices));
        AWQ_TRY(auto out, gguf_tensor_writer::create(machine, target, layout, metadata, policy));
        return std::unique_ptr<checkpoint_sink>{
            new gguf_sink{source, layout, target, std::move(out), std::move(notices)}};
    }

    status write(const finished_block& block) override
    {
        for (const gguf_tensor& tensor : layout_.tensors())
            if (gguf::layer_of(tensor.name) == block.layer) AWQ_CHECK(write(tensor, block));
        return {};
    }

    status prepare() override
    {
        for (const gguf_tensor& tensor : layout_.tensors())
            if (!gguf::layer_of(tensor.name)) AWQ_CHECK(out_.copy(tensor, source_));
        return out_.prepare();
    }

    status commit() override { return out_.commit(); }
    std::string target() const override { return target_; }
    void save(state_writer& to) const override { out_.save(to); }
    status restore(state_reader& from) override { return out_.restore(from); }
    std::vector<tensor_report> tensors() const override
    {
        std::vector<tensor_report> reports;
        for (const gguf_tensor& each : layout_.tensors())
            if (const auto bytes = gguf::tensor_bytes(each.type, each.dims))
                reports.push_back({each.name, std::string{name_of(each.type)}, elements_of(each.dims), *bytes});
        return reports;
    }
    void tell(notice_list& notices) const override
    {
        for (const notice& each : notices_) notices.add(each);
    }

private:
    gguf_sink(const tensor_source& source, const gguf_layout& layout, const std::string& target,
              gguf_tensor_writer&& out, notice_list&& notices)
        : source_(source), layout_(layout), target_(target), out_(std::move(out)), notices_(std::move(notices))
    {}

    status write(const gguf_tensor& tensor, const finished_block& block)
    {
        for (const gguf_part& part : tensor.parts) {
            std::string_view name = part.hf_name;
            name.remove_prefix(block.smoothed->prefix().size());
            const gguf_blocks* const rounded = rounded_weight(name, block);
            const block_matrix* const found = block.smoothed->find(name);
            if (!rounded && !found)
                return error{error_code::missing_tensor, source_.path(), ": there is no tensor \"", part.hf_name, "\""};
            AWQ_CHECK(rounded ? out_.write(tensor, part, *rounded) : out_.write(tensor, part, view_of(*found)));
            if (found) block.smoothed->release(view_of(*found));
        }
        return {};
    }

    static const gguf_blocks* rounded_weight(std::string_view name, const finished_block& block)
    {
        constexpr std::string_view suffix = ".weight";
        if (!block.quantized || !name.ends_with(suffix)) return nullptr;
        const auto found = block.quantized->find(name.substr(0, name.size() - suffix.size()));
        return found == block.quantized->end() ? nullptr : std::get_if<gguf_blocks>(&found->second);
    }

    const tensor_source& source_;
    const gguf_layout& layout_;
    std::string target_;
    gguf_tensor_writer out_;
    notice_list notices_; ///< what the file does not hold, or holds otherwise
};

} // namespace awq

#endif
