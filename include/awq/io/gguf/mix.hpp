// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_MIX_HPP
#define AWQ_IO_GGUF_MIX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/file_type.hpp>
#include <awq/io/gguf/tensor_names.hpp>
#include <awq/quantization/gguf/type.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Which type each tensor of a file gets. Source: the behaviour of llama.cpp 0.5.0's llama-quantize
/// and, for F32, F16, BF16 and Q8_0, of its converter.
namespace awq::gguf {

/// A tensor by name and shape; dims[0] is in_features.
struct tensor_shape {
    std::string name;
    std::vector<std::uint64_t> dims;
};

/// What the choice depends on besides the tensors.
struct mix_facts {
    std::string architecture = "llama";
    std::uint32_t block_count = 0;
    std::uint32_t head_count = 1;
    std::uint32_t head_count_kv = 1;
    std::uint32_t expert_count = 0;
    bool has_imatrix = false;
};

/// Types by tensor name.
using type_table = std::map<std::string, type, std::less<>>;

/// What a mix of types is asked for: one of llama.cpp's file types, and what llama-quantize may be told.
struct mix_options {
    file_type target = file_type::q4_k_m;
    bool pure = false;                  ///< every tensor gets the base type
    bool leave_output = false;          ///< output.weight is not quantized
    std::optional<type> output_type;    ///< for output.weight (and a tied embedding)
    std::optional<type> embedding_type; ///< for token_embd.weight
    type_table named_types;             ///< of single tensors
    type left_alone = type::f16;        ///< what `leave_output` keeps the output as
};

/// The order in which llama-quantize visits and writes tensors: those outside the layers first,
/// then layer by layer, by name within each.
inline bool precedes(std::string_view a, std::string_view b) noexcept
{
    const auto key = [](std::string_view name) {
        const auto layer = layer_of(name);
        return std::pair{layer ? static_cast<std::int64_t>(*layer) : -1, name};
    };
    return key(a) < key(b);
}

/// Whether a tensor may have fewer than 32 bits: at least two real dimensions, "weight" at the
/// end of its name, and none of the small or delicate tensors that stay float32 (a 16-bit norm even
/// makes llama.cpp abort).
inline bool is_quantizable(std::string_view name, std::span<const std::uint64_t> dims) noexcept
{
    while (dims.size() > 1 && dims.back() == 1) dims = dims.first(dims.size() - 1);
    if (dims.size() < 2 || !name.ends_with("weight")) return false;
    if (name == "position_embd.weight" || name == "token_types.weight") return false;
    for (const std::string_view part :
         {"_norm.weight", "ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "altup", "laurel", "per_layer_model_proj",
          "ssm_conv1d", "shortconv.conv.weight", "attn_rel_b.weight", "indexer.q_proj.weight", "indexer.k_proj.weight"})
        if (name.find(part) != std::string_view::npos) return false;
    return true;
}

/// The type that takes the place of one whose block does not divide the rows; F16 where no block
/// does.
constexpr type fitting_type(type wanted, std::uint64_t in_features) noexcept
{
    if (in_features % block_columns(wanted) == 0) return wanted;
    type fallback = type::f16;
    switch (wanted) {
    case type::q2_k:
    case type::q3_k:
        fallback = type::q4_0;
        break;
    case type::q4_k:
        fallback = type::q5_0;
        break;
    case type::q5_k:
        fallback = type::q5_1;
        break;
    case type::q6_k:
        fallback = type::q8_0;
        break;
    default:
        break;
    }
    return in_features % block_columns(fallback) == 0 ? fallback : type::f16;
}

namespace detail {

enum class role : unsigned char { output, embedding, value, key, attention_output, down, other };

inline role role_of(std::string_view name) noexcept
{
    const auto has = [name](std::string_view part) { return name.find(part) != name.npos; };
    if (name == "output.weight") return role::output;
    if (name == "token_embd.weight") return role::embedding;
    if (has("attn_qkv.weight") || has("attn_kv_b.weight") || has("attn_v.weight")) return role::value;
    if (has("attn_k.weight")) return role::key;
    if (has("attn_output.weight")) return role::attention_output;
    return has("ffn_down") ? role::down : role::other;
}

/// The layers that the _M mixes spend more bits on: the first and last eighth, and every third
/// between.
constexpr bool takes_more_bits(std::size_t index, std::size_t count) noexcept
{
    return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
}

/// Chooses types in visiting order, counting as it goes.
class mix_chooser {
public:
    mix_chooser(const mix_facts& facts, file_type target, std::size_t value_count, bool tied) noexcept
        : facts_(facts), target_(target), base_(base_type(target)), value_count_(value_count), tied_(tied)
    {}

    type choose(std::string_view name)
    {
        switch (role_of(name)) {
        case role::output:
            return for_output();
        case role::embedding:
            return tied_ ? for_output() : base_;
        case role::value:
            return for_value(value_index_++);
        case role::key:
            return is_mixtral() ? type::q8_0 : base_;
        case role::attention_output:
            return for_attention_output();
        case role::down:
            return for_down(down_index(name));
        case role::other:
            break;
        }
        return base_;
    }

private:
    bool is_mixtral() const noexcept { return facts_.expert_count == 8; }

    type for_output() const noexcept { return base_ == type::q8_0 ? base_ : type::q6_k; }

    type for_value(std::size_t index) const noexcept
    {
        type chosen = value_rule(index);
        const bool many_share_it =
            facts_.block_count == 80 && (facts_.architecture == "qwen2" ||
                                         (facts_.architecture == "llama" && facts_.head_count != facts_.head_count_kv));
        if (many_share_it && (chosen == type::q3_k || chosen == type::q4_k)) chosen = type::q5_k;
        return is_mixtral() ? type::q8_0 : chosen;
    }

    type value_rule(std::size_t index) const noexcept
    {
        const bool shared_by_four = facts_.head_count / std::max<std::uint32_t>(1, facts_.head_count_kv) >= 4;
        switch (target_) {
        case file_type::q2_k:
            return shared_by_four ? type::q4_k : type::q3_k;
        case file_type::q3_k_m:
            return index < 2 ? type::q5_k : type::q4_k;
        case file_type::q3_k_l:
            return type::q5_k;
        case file_type::q4_k_s:
            return index < 4 ? type::q5_k : base_;
        case file_type::q4_k_m:
        case file_type::q5_k_m:
            return takes_more_bits(index, value_count_) ? type::q6_k : base_;
        case file_type::iq4_nl:
            return shared_by_four ? type::q5_k : base_;
        default:
            return base_;
        }
    }

    type for_attention_output() const noexcept
    {
        if (is_mixtral()) {
            switch (target_) {
            case file_type::q2_k:
            case file_type::q3_k_s:
            case file_type::q3_k_m:
            case file_type::q4_k_s:
            case file_type::q4_k_m:
            case file_type::iq4_nl:
                return type::q5_k;
            default:
                return base_;
            }
        }
        switch (target_) {
        case file_type::q2_k:
            return type::q3_k;
        case file_type::q3_k_m:
            return type::q4_k;
        case file_type::q3_k_l:
            return type::q5_k;
        default:
            return base_;
        }
    }

    type for_down(std::size_t index) const noexcept
    {
        const std::size_t layers = facts_.block_count;
        const bool first_eighth = index < layers / 8;
        switch (target_) {
        case file_type::q2_k:
            return type::q3_k;
        case file_type::q3_k_m:
            return index < layers / 16 ? type::q5_k : type::q4_k;
        case file_type::q3_k_l:
            return type::q5_k;
        case file_type::q4_k_s:
            return first_eighth ? type::q5_k : base_;
        case file_type::q4_k_m:
        case file_type::q5_k_m:
            return takes_more_bits(index, layers) ? type::q6_k : base_;
        case file_type::q4_0:
            return first_eighth && facts_.has_imatrix ? type::q4_1 : base_;
        case file_type::q5_0:
            return first_eighth && facts_.has_imatrix ? type::q5_1 : base_;
        case file_type::iq4_nl:
            return first_eighth && !facts_.has_imatrix ? type::q5_k : base_;
        default:
            return base_;
        }
    }

    // With experts the layer's own number counts, as there may be several such tensors in a layer.
    std::size_t down_index(std::string_view name)
    {
        const std::size_t running = down_index_++;
        return facts_.expert_count > 1 ? layer_of(name).value_or(running) : running;
    }

    const mix_facts& facts_;
    file_type target_;
    type base_;
    std::size_t value_count_;
    bool tied_;
    std::size_t value_index_ = 0;
    std::size_t down_index_ = 0;
};

/// The type that the options fix by name, if they do.
inline std::optional<type> fixed_type(std::string_view name, const mix_options& options, bool tied)
{
    const role what = role_of(name);
    if (what == role::output && options.leave_output) return options.left_alone;
    if (const auto named = options.named_types.find(name); named != options.named_types.end()) return named->second;
    if (what == role::embedding && options.embedding_type) return options.embedding_type;
    if ((what == role::output || (tied && what == role::embedding)) && options.output_type) return options.output_type;
    if (options.pure) return base_type(options.target);
    return std::nullopt;
}

inline std::vector<std::size_t> visiting_order(std::span<const tensor_shape> tensors)
{
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [tensors](std::size_t a, std::size_t b) { return precedes(tensors[a].name, tensors[b].name); });
    return order;
}

} // namespace detail

/// The type that the rules want for every tensor of a file, whether its rows fit or not, in the
/// order given (any order; the rules that count layers count them in visiting order). Tensors that
/// are not quantizable become F32. `tensors` must hold all tensors of the file, as the rules depend
/// on how many there are of a kind.
inline std::vector<type> wanted_types(std::span<const tensor_shape> tensors, const mix_facts& facts,
                                      const mix_options& options)
{
    std::size_t value_count = 0;
    bool tied = true;
    for (const tensor_shape& each : tensors) {
        value_count += detail::role_of(each.name) == detail::role::value;
        tied = tied && each.name != "output.weight";
    }
    detail::mix_chooser chooser{facts, options.target, value_count, tied};
    const bool is_mix = is_quantized(base_type(options.target));
    std::vector<type> types(tensors.size(), type::f32);
    for (const std::size_t index : detail::visiting_order(tensors)) {
        const tensor_shape& each = tensors[index];
        if (!is_quantizable(each.name, each.dims)) continue;
        const auto fixed = detail::fixed_type(each.name, options, tied);
        types[index] = fixed ? *fixed : is_mix ? chooser.choose(each.name) : base_type(options.target);
    }
    return types;
}

/// The type of every tensor of a file: what `wanted_types` gives, or `fitting_type` of it.
inline std::vector<type> choose_types(std::span<const tensor_shape> tensors, const mix_facts& facts,
                                      const mix_options& options)
{
    std::vector<type> types = wanted_types(tensors, facts, options);
    for (std::size_t i = 0; i < types.size(); ++i) types[i] = fitting_type(types[i], tensors[i].dims[0]);
    return types;
}

} // namespace awq::gguf

#endif
