// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_INVENTORY_HPP
#define AWQ_CHECKPOINT_GGUF_INVENTORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/checkpoint/gguf_tensor.hpp>
#include <awq/io/gguf/architecture.hpp>
#include <awq/model/architectures/registry.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Why llama.cpp has no file for an architecture.
struct gguf_unknown {
    std::string_view hf_name, why;
};

inline constexpr gguf_unknown gguf_unknowns[] = {
    {"OPTForCausalLM", "has no OPT"},
    {"GPTJForCausalLM", "has a name for GPT-J but cannot compute it"},
    {"NanoChatForCausalLM", "has no nanochat"},
    {"PhimoeForCausalLM", "computes PhiMoE with RMS norms and a plain softmax router, which is another model"},
};

/// The architecture of the files that llama.cpp knows the model by. Error: `unknown_architecture`.
inline result<const gguf::architecture*> gguf_architecture_of(const model_config& config)
{
    if (const auto* const found = gguf::architecture_of_hf(config.architecture)) return found;
    for (const gguf_unknown& each : gguf_unknowns)
        if (each.hf_name == config.architecture)
            return error{
                error_code::unknown_architecture, "llama.cpp ",        each.why,
                "; no GGUF file can hold ",       config.architecture, ", oneshot and convert write safetensors of it"};
    return error{error_code::unknown_architecture, "architecture \"", config.architecture,
                 "\" cannot be written as a GGUF file here; oneshot and convert write "
                 "safetensors of it"};
}

/// Where rows of a checkpoint's tensor stand.
struct gguf_place {
    std::size_t tensor = 0, part = 0; ///< indices
};

/// All tensors that the GGUF file of a model has, in both directions. Names, shapes and the order of rows
/// follow from the layouts of the model's blocks; readers and writers go by it alike.
class gguf_inventory {
public:
    /// Errors: a tensor that has no place in such a file; rows that cannot be brought into its order.
    static result<gguf_inventory> make(const model_config& config, const gguf::architecture& arch);
    /// The same of one block only.
    static result<gguf_inventory> of_block(const model_config& config, const gguf::architecture& arch,
                                           std::size_t layer);

    const std::vector<gguf_tensor>& tensors() const noexcept { return tensors_; }
    const gguf_tensor& tensor(const gguf_place& at) const { return tensors_[at.tensor]; }
    const gguf_part& part(const gguf_place& at) const { return tensors_[at.tensor].parts[at.part]; }

    /// The places of a checkpoint's tensor; none where it is not known.
    std::span<const gguf_place> places_of(std::string_view hf_name) const
    {
        const auto found = places_.find(hf_name);
        if (found == places_.end()) return {};
        return found->second;
    }

    /// The first place of a checkpoint's tensor whose rows all stand in one of the file; null where there
    /// is no such one.
    const gguf_place* whole(std::string_view hf_name) const
    {
        const auto places = places_of(hf_name);
        const bool is_whole = std::ranges::all_of(places, [&](const gguf_place& each) {
            return each.tensor == places[0].tensor && !part(each).is_transposed;
        });
        return !places.empty() && is_whole ? &places[0] : nullptr;
    }

private:
    explicit gguf_inventory(std::vector<gguf_tensor>&& tensors) : tensors_(std::move(tensors))
    {
        for (std::size_t i = 0; i < tensors_.size(); ++i)
            for (std::size_t p = 0; p < tensors_[i].parts.size(); ++p)
                places_[tensors_[i].parts[p].hf_name].push_back({i, p});
    }

    std::vector<gguf_tensor> tensors_;
    std::map<std::string, std::vector<gguf_place>, std::less<>> places_; ///< by the checkpoint's names
};

namespace detail {

/// Goes through the tensors of a model and finds their places.
class inventory_builder {
public:
    inventory_builder(const model_config& config, const gguf::architecture& arch) : config_(config), arch_(arch) {}

    result<std::vector<gguf_tensor>> build()
    {
        for (const expected_tensor& each : expected_outer_tensors(config_))
            if (each.gguf != "output.weight" || arch_.output != gguf::output_rule::forbidden)
                AWQ_CHECK(add(each, each.name, each.gguf));
        if (arch_.output == gguf::output_rule::required && config_.tie_word_embeddings) repeat_embeddings();
        for (std::size_t layer = 0; layer < config_.num_hidden_layers; ++layer) AWQ_CHECK(add_block(layer));
        add_rope_tensors();
        return std::move(tensors_);
    }

    result<std::vector<gguf_tensor>> build_block(std::size_t layer)
    {
        AWQ_CHECK(add_block(layer));
        return std::move(tensors_);
    }

private:
    /// A tied checkpoint's head, for loaders that want one.
    void repeat_embeddings()
    {
        gguf_tensor& head = find_or_add("output.weight");
        head.parts.front().hf_name = config_.names.embeddings + ".weight";
        head.is_optional = false;
    }

    status add_block(std::size_t layer)
    {
        const block_layout layout = layout_of(config_, layer);
        const std::string prefix = block_prefix(config_, layer);
        const std::string place = "blk." + std::to_string(layer) + ".";
        std::vector<bool> done(layout.tensors.size());
        for (const block_part& part : layout.parts)
            std::visit([&](const auto& each) { split(each, layout, prefix, place, done); }, part);
        for (std::size_t i = 0; i < layout.tensors.size(); ++i)
            if (!done[i])
                AWQ_CHECK(add(layout.tensors[i], prefix + layout.tensors[i].name, place_of(layout.tensors[i], place)));
        return order_heads(layout, place);
    }

    /// What stands otherwise in the file than in the checkpoint.
    template <class Part>
    void split(const Part&, const block_layout&, const std::string&, const std::string&, std::vector<bool>&)
    {}

    void split(const latent_attention_part& part, const block_layout& layout, const std::string& prefix,
               const std::string& place, std::vector<bool>& done)
    {
        const std::size_t weight = layout.linears[part.kv_b.linear].weight;
        split_latent(part, prefix + layout.tensors[weight].name, place);
        done[weight] = true;
    }

    /// Queries, keys and values of a layer that has them head by head stand one behind the other.
    void split(const attention_part& part, const block_layout& layout, const std::string& prefix,
               const std::string& place, std::vector<bool>& done)
    {
        if (!part.by_group) return;
        const std::size_t head = part.rule.head, share = part.rule.heads / part.rule.kv_heads;
        const block_linear& linear = layout.linears[part.q.linear];
        for (const std::size_t i : {linear.weight, linear.bias}) {
            const expected_tensor& from = layout.tensors[i];
            done[i] = true;
            const auto take = [&](std::size_t first, std::size_t rows) {
                for (std::size_t g = 0; g < part.rule.kv_heads; ++g)
                    add_rows(from, prefix + from.name, place_of(from, place), g * (share + 2) * head + first, rows);
            };
            if (from.is == presence::unwanted) continue;
            take(0, share * head);
            take(share * head, head);
            take((share + 1) * head, head);
        }
    }

    /// Gate and up of one layer are two tensors to most loaders; parameters of xIELU are keys.
    void split(const mlp_part& part, const block_layout& layout, const std::string& prefix, const std::string& place,
               std::vector<bool>& done)
    {
        if (part.act == activation::xielu) done[part.alpha_p] = done[part.alpha_n] = true;
        if (!part.gate || part.gate.linear != part.up.linear || arch_.takes_fused_mlp) return;
        const block_linear& linear = layout.linears[part.gate.linear];
        for (const std::size_t i : {linear.weight, linear.bias}) {
            const expected_tensor& from = layout.tensors[i];
            done[i] = true;
            if (from.is == presence::unwanted) continue;
            const std::string up = place_of(from, place);
            std::string gate = up;
            gate.replace(gate.find("ffn_up"), 6, "ffn_gate");
            add_rows(from, prefix + from.name, gate, part.gate.first, part.gate.count);
            add_rows(from, prefix + from.name, up, part.up.first, part.up.count);
        }
    }

    /// Some rows of a tensor, behind those that are there.
    void add_rows(const expected_tensor& from, const std::string& hf_name, const std::string& name, std::size_t first,
                  std::size_t rows)
    {
        gguf_tensor& tensor = find_or_add(name);
        if (tensor.dims.empty() && from.is_matrix) tensor.dims.push_back(from.cols);
        if (tensor.parts.empty()) tensor.dims.push_back(0);
        const auto at = static_cast<std::size_t>(tensor.dims.back());
        tensor.dims.back() += rows;
        tensor.parts.push_back({hf_name, first, rows, at});
    }

    /// "blk.3.attn_q.weight"; empty where a file has no such tensor.
    std::string place_of(const expected_tensor& tensor, const std::string& place) const
    {
        if (tensor.gguf.empty()) return {};
        const std::size_t dot = tensor.gguf.find('.');
        const std::string stem = tensor.gguf.substr(0, dot);
        for (const gguf::renamed& each : arch_.renames)
            if (each.usual == tensor.gguf) return place + std::string{each.name};
        for (const gguf::renamed& each : arch_.renames)
            if (each.usual == stem) return place + std::string{each.name} + tensor.gguf.substr(dot);
        return place + tensor.gguf;
    }

    /// A tensor of its own, or one more matrix of a stack.
    status add(const expected_tensor& from, const std::string& hf_name, const std::string& name)
    {
        if (from.is == presence::unwanted) return {};
        if (name.empty())
            return error{
                error_code::unsupported, "\"", hf_name, "\" has no place in a GGUF file of a ", arch_.name, " model"};
        gguf_tensor& tensor = find_or_add(name);
        std::vector<std::uint64_t> dims{from.cols};
        if (from.is_matrix || from.rows > 1) dims.push_back(from.rows);
        const std::size_t rows = dims.size() > 1 || is_stack(name) ? from.rows : from.cols;
        const bool is_first = tensor.parts.empty();
        if (is_first) tensor.dims = dims;
        if (is_stack(name) && is_first) tensor.dims.push_back(0);
        if (is_stack(name)) ++tensor.dims.back();
        tensor.is_optional = from.is == presence::optional;
        if (config_.offset_norms && hf_name.ends_with("norm.weight")) tensor.offset = 1.0f;
        tensor.parts.push_back({hf_name, 0, rows, tensor.parts.size() * rows});
        return {};
    }

    /// Whether tensors of several names become one: of experts, or of norms that each head has.
    bool is_stack(std::string_view name) const
    {
        return name.find("_exps.") != name.npos || (arch_.stacks_head_norms && (name.ends_with(".attn_q_norm.weight") ||
                                                                                name.ends_with(".attn_k_norm.weight")));
    }

    gguf_tensor& find_or_add(const std::string& name)
    {
        const auto [at, is_new] = by_name_.emplace(name, tensors_.size());
        if (is_new) {
            tensors_.emplace_back();
            tensors_.back().name = name;
        }
        return tensors_[at->second];
    }

    /// llama.cpp takes the key rows of kv_b, transposed, into the queries, and its value rows into the
    /// mixed values.
    void split_latent(const latent_attention_part& part, const std::string& hf_name, const std::string& place)
    {
        const std::size_t heads = part.rule.heads, rank = config_.latent.rank;
        const std::size_t plain = config_.latent.plain, value = config_.latent.value;
        gguf_tensor& keys = find_or_add(place + "attn_k_b.weight");
        keys.dims = {plain, rank, heads};
        for (std::size_t h = 0; h < heads; ++h)
            keys.parts.push_back({hf_name, h * (plain + value), plain, h * rank, true});
        gguf_tensor& values = find_or_add(place + "attn_v_b.weight");
        values.dims = {rank, value, heads};
        for (std::size_t h = 0; h < heads; ++h)
            values.parts.push_back({hf_name, h * (plain + value) + plain, value, h * value});
    }

    /// Rows of queries and keys, where the file's heads turn other dimensions together.
    status order_heads(const block_layout& layout, const std::string& place)
    {
        for (const block_part& each : layout.parts) {
            const auto* const part = std::get_if<attention_part>(&each);
            if (!part || part->pairs == arch_.pairs) continue;
            const bool is_whole = config_.rope.partial_rotary_factor == 1.0;
            if (part->pairs || !is_whole || part->q.linear == part->k.linear || part->rule.head % 2 != 0)
                return error{error_code::unsupported, "config: llama.cpp turns heads of ", arch_.name,
                             " models otherwise; no GGUF file can hold this one"};
            order_rows(layout, part->q.linear, part->rule.heads, place);
            order_rows(layout, part->k.linear, part->rule.kv_heads, place);
        }
        return {};
    }

    void order_rows(const block_layout& layout, std::size_t linear, std::size_t heads, const std::string& place)
    {
        for (const std::size_t i : {layout.linears[linear].weight, layout.linears[linear].bias}) {
            const auto found = by_name_.find(place_of(layout.tensors[i], place));
            if (found != by_name_.end()) tensors_[found->second].heads = heads;
        }
    }

    void add_rope_tensors()
    {
        const std::uint64_t pairs = config_.rotary_size() / 2;
        if (config_.rope.kind == rope_kind::llama3) find_or_add("rope_freqs.weight").dims = {pairs};
        if (config_.rope.kind != rope_kind::longrope) return;
        find_or_add("rope_factors_long.weight").dims = {pairs};
        find_or_add("rope_factors_short.weight").dims = {pairs};
    }

    const model_config& config_;
    const gguf::architecture& arch_;
    std::vector<gguf_tensor> tensors_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
};

} // namespace detail

inline result<gguf_inventory> gguf_inventory::make(const model_config& config, const gguf::architecture& arch)
{
    AWQ_TRY(auto tensors, detail::inventory_builder(config, arch).build());
    return gguf_inventory{std::move(tensors)};
}

inline result<gguf_inventory> gguf_inventory::of_block(const model_config& config, const gguf::architecture& arch,
                                                       std::size_t layer)
{
    AWQ_TRY(auto tensors, detail::inventory_builder(config, arch).build_block(layer));
    return gguf_inventory{std::move(tensors)};
}

} // namespace awq

#endif
