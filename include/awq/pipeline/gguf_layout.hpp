// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_LAYOUT_HPP
#define AWQ_PIPELINE_GGUF_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/io/gguf/architecture.hpp>
#include <awq/io/gguf/file_type.hpp>
#include <awq/io/gguf/mix.hpp>
#include <awq/io/gguf/tensor_names.hpp>
#include <awq/pipeline/block_tensors.hpp>
#include <awq/pipeline/gguf_tensor.hpp>
#include <awq/pipeline/gguf_type_requests.hpp>
#include <awq/pipeline/name_matcher.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
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

/// The architecture of the files that llama.cpp knows the model by. Error: `unknown_architecture`.
inline result<const gguf::architecture*> gguf_architecture_of(const model_config& config)
{
    const gguf::architecture* const found = gguf::architecture_of_hf(config.architecture);
    constexpr std::string_view written[] = {"llama", "qwen2", "qwen3", "gemma3"};
    if (found && std::ranges::find(written, found->name) != std::end(written) &&
        config.experts.count == 0)
        return found;
    return error{error_code::unknown_architecture, "architecture \"", config.architecture,
                 "\" has no GGUF counterpart here"};
}

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
            if (!each.hf_name.empty()) count += std::uint64_t{each.rows()} * each.cols();
        return count;
    }
    /// Null where no tensor comes from the checkpoint's tensor of that name.
    const gguf_tensor* find(std::string_view hf_name) const noexcept
    {
        for (const gguf_tensor& each : tensors_)
            if (each.hf_name == hf_name) return &each;
        return nullptr;
    }

private:
    status collect(const tensor_source& source)
    {
        const model_config& config = source.config();
        for (const expected_tensor& each : expected_outer_tensors(config))
            if (each.is != presence::unwanted)
                AWQ_CHECK(add(source, each.name, each.is == presence::required, each.is_matrix,
                              global_name(each.name)));
        for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
            for (const expected_tensor& each : layout_of(config, layer).tensors)
                if (each.is != presence::unwanted)
                    AWQ_CHECK(add(source, block_prefix(config, layer) + each.name,
                                  each.is == presence::required, each.is_matrix,
                                  "blk." + std::to_string(layer) + "." + each.gguf));
        if (config.rope.kind == rope_kind::llama3)
            tensors_.push_back({"", "rope_freqs.weight", {config.head_size() / 2}});
        return {};
    }

    /// What a tensor outside of the blocks is called in the file; empty: it has no place there.
    std::string global_name(const std::string& hf_name) const
    {
        const auto place = gguf::to_gguf(*architecture_, hf_name);
        return place ? place->name : std::string{};
    }

    status add(const tensor_source& source, const std::string& hf_name, bool required,
               bool is_matrix, const std::string& name)
    {
        const auto shape = source.shape(hf_name);
        if (!shape && !required) return {};
        if (!shape)
            return error{error_code::missing_tensor, source.path(), ": there is no tensor \"",
                         hf_name, "\"; the checkpoint is not complete"};
        if (name.empty() || name.ends_with('.'))
            return error{error_code::unsupported, source.path(), ": \"", hf_name,
                         "\" has no place in a GGUF file of a ", architecture_->name, " model"};
        gguf_tensor tensor{hf_name, name, {shape->cols}};
        if (is_matrix) tensor.dims.push_back(shape->rows);
        tensor.heads = heads_of(source.config(), hf_name);
        if (architecture_->adds_one_to_norms && hf_name.ends_with("norm.weight"))
            tensor.offset = 1.0f;
        const std::size_t rows = tensor.dims.size() > 1 ? shape->rows : shape->cols;
        if (rows == 0 || shape->cols == 0 ||
            (tensor.heads != 0 && (rows % tensor.heads != 0 || rows / tensor.heads % 2 != 0)))
            return error{error_code::shape_mismatch, source.path(), ": \"", hf_name, "\" with ",
                         rows, " rows of ", shape->cols, " cannot go into a GGUF file"};
        tensors_.push_back(std::move(tensor));
        return {};
    }

    std::size_t heads_of(const model_config& config, std::string_view hf_name) const
    {
        if (!architecture_->interleaves_rotary) return 0;
        if (hf_name.find(".q_proj.") != hf_name.npos) return config.num_attention_heads;
        return hf_name.find(".k_proj.") != hf_name.npos ? config.kv_heads() : 0;
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
            if (ignored.matches(each.hf_name.substr(0, each.hf_name.size() - suffix.size())))
                each.type = each.wanted = wide ? gguf::type::bf16 : gguf::type::f16;
        }
        return {};
    }

    const gguf::architecture* architecture_ = nullptr;
    gguf::file_type file_type_ = gguf::file_type::q4_k_m;
    std::vector<gguf_tensor> tensors_;
};

#if AWQ_COMPILES_FILES
AWQ_COMPILED result<gguf_layout> gguf_layout::make(const tensor_source& source,
                                                   const gguf_type_options& options)
{
    gguf_layout layout;
    layout.file_type_ = options.file_type;
    AWQ_TRY(layout.architecture_, gguf_architecture_of(source.config()));
    AWQ_CHECK(layout.collect(source));
    std::sort(layout.tensors_.begin(), layout.tensors_.end(),
              [](const auto& a, const auto& b) { return gguf::precedes(a.name, b.name); });
    AWQ_CHECK(layout.choose(source.config(), options));
    return layout;
}
#endif

} // namespace awq

#endif
