// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_LAYOUT_HPP
#define AWQ_CHECKPOINT_GGUF_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/tensor_source.hpp>
#include <awq/checkpoint/gguf_inventory.hpp>
#include <awq/checkpoint/gguf_tensor.hpp>
#include <awq/checkpoint/gguf_type_requests.hpp>
#include <awq/config.hpp>
#include <awq/format/name_matcher.hpp>
#include <awq/io/gguf/architecture.hpp>
#include <awq/io/gguf/file_type.hpp>
#include <awq/io/gguf/mix.hpp>
#include <awq/io/gguf/tensor_names.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// What decides over the types of a file's tensors.
struct gguf_type_options {
    gguf::file_type file_type = gguf::file_type::q4_k_m;
    std::vector<std::string> overrides; ///< "PATTERN=TYPE"; the pattern is searched in GGUF names
    std::vector<std::string> ignore;    ///< linear layers that stay in 16 bits, by checkpoint names
    bool has_importance = false;        ///< some mixes differ where importance is known
};

/// All tensors of the GGUF file of a model, with their types, in the order of llama-quantize.
class gguf_layout {
public:
    /// Errors: an architecture without counterpart, a tensor that is not there, an override that
    /// cannot be read.
    static result<gguf_layout> make(const tensor_source& source, const gguf_type_options& options);

    const gguf::architecture& architecture() const noexcept { return *architecture_; }
    gguf::file_type file_type() const noexcept { return file_type_; }
    const std::vector<gguf_tensor>& tensors() const noexcept { return tensors_; }
    /// Elements of all tensors of the checkpoint.
    std::uint64_t parameters() const noexcept
    {
        std::uint64_t count = 0;
        for (const gguf_tensor& each : tensors_)
            if (!each.parts.empty()) count += std::uint64_t{each.rows()} * each.cols();
        return count;
    }
    /// The tensor that holds all of a checkpoint's tensor, row by row; null where there is none.
    const gguf_tensor* find(std::string_view hf_name) const
    {
        const auto found = whole_.find(hf_name);
        return found == whole_.end() ? nullptr : &tensors_[found->second];
    }

private:
    status collect(const tensor_source& source)
    {
        AWQ_TRY(const auto inventory, gguf_inventory::make(source.config(), *architecture_));
        for (const gguf_tensor& each : inventory.tensors()) {
            const bool is_there = std::ranges::all_of(
                each.parts, [&](const gguf_part& part) { return source.stored(part.hf_name).has_value(); });
            if (is_there) tensors_.push_back(each);
            if (!is_there && !each.is_optional)
                return error{error_code::missing_tensor, source.path(), ": there is no tensor for \"", each.name,
                             "\"; the checkpoint is not complete"};
        }
        std::sort(tensors_.begin(), tensors_.end(),
                  [](const auto& a, const auto& b) { return gguf::precedes(a.name, b.name); });
        for (std::size_t i = 0; i < tensors_.size(); ++i)
            for (const gguf_part& part : tensors_[i].parts)
                if (inventory.whole(part.hf_name)) whole_.emplace(part.hf_name, i);
        return {};
    }

    status choose(const model_config& config, const gguf_type_options& options)
    {
        std::vector<gguf::tensor_shape> shapes;
        for (const gguf_tensor& each : tensors_) shapes.push_back({each.name, each.dims});
        gguf::mix_facts facts;
        facts.architecture = architecture_->name;
        facts.block_count = static_cast<std::uint32_t>(config.num_hidden_layers);
        facts.head_count = static_cast<std::uint32_t>(config.num_attention_heads);
        facts.head_count_kv = static_cast<std::uint32_t>(config.kv_heads());
        facts.expert_count = static_cast<std::uint32_t>(config.experts.count);
        facts.has_imatrix = options.has_importance;
        gguf::mix_options mix;
        mix.target = options.file_type;
        AWQ_TRY(const auto requests, read_type_requests(options.overrides));
        AWQ_TRY(mix.named_types, fix_types(requests, tensors_));
        const auto types = gguf::wanted_types(shapes, facts, mix);
        for (std::size_t i = 0; i < types.size(); ++i) {
            tensors_[i].wanted = types[i];
            tensors_[i].type = gguf::fitting_type(types[i], tensors_[i].dims[0]);
        }
        return keep_ignored(config, options.ignore);
    }

    /// The head is no such layer: its type is the mix's business.
    status keep_ignored(const model_config& config, const std::vector<std::string>& ignore)
    {
        AWQ_TRY(const name_matcher ignored, name_matcher::compile(ignore, "--ignore"));
        const bool wide = config.torch_dtype == dtype::bf16;
        for (gguf_tensor& each : tensors_) {
            constexpr std::string_view suffix = ".weight";
            if (!gguf::layer_of(each.name) || !gguf::is_quantized(each.type)) continue;
            const std::string& first = each.parts.front().hf_name;
            if (ignored.matches(first.substr(0, first.size() - suffix.size())))
                each.type = each.wanted = wide ? gguf::type::bf16 : gguf::type::f16;
        }
        return {};
    }

    const gguf::architecture* architecture_ = nullptr;
    gguf::file_type file_type_ = gguf::file_type::q4_k_m;
    std::vector<gguf_tensor> tensors_;
    std::map<std::string, std::size_t, std::less<>> whole_; ///< by the checkpoint's names
};

#if AWQ_COMPILES_FILES
AWQ_COMPILED result<gguf_layout> gguf_layout::make(const tensor_source& source, const gguf_type_options& options)
{
    gguf_layout layout;
    layout.file_type_ = options.file_type;
    AWQ_TRY(layout.architecture_, gguf_architecture_of(source.config()));
    AWQ_CHECK(layout.collect(source));
    AWQ_CHECK(layout.choose(source.config(), options));
    return layout;
}
#endif

} // namespace awq

#endif
