// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_BLOCK_LAYOUT_HPP
#define AWQ_MODEL_BLOCK_BLOCK_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_linear.hpp>
#include <awq/model/block/expected_tensor.hpp>
#include <awq/model/parts/attention.hpp>
#include <awq/model/parts/experts.hpp>
#include <awq/model/parts/latent_attention.hpp>
#include <awq/model/parts/mlp.hpp>
#include <awq/model/parts/norm.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// A block layout is all that the library knows of an architecture's decoder block: a small program
// over values.
//
//     value 0: the hidden state --norm--> 1 --attention--> 2 --add--> 0 --norm--> 3 --mlp--> 4 --add--> 0
//
// A part reads the value `from` and writes the value `to`; `add` puts a branch back on the hidden state.
// Two parts that read one value before they are added are a parallel block; a norm between a part and
// its `add` is a sandwich. Parts have values inside, too: what attention has mixed, what an MLP has
// gated, what a latent norm gives. Every linear layer says which value it reads.
//
// From this follow
// - the tensors on disk (`tensors`), and the check of a checkpoint;
// - the forward pass (block_forward.hpp), which shows an observer each value that linear layers read;
// - the statistics to keep (`inputs`) and the stages of sequential rounding (`segments`);
// - the mappings (`outputs`): a layer may be divided by s where every reader of its value is a linear
//   layer, and then all of them take s: the readers are looked up, never listed.
//
// An architecture is a file under architectures/ that builds a layout with a `block_builder`, and a line
// in registry.hpp. What no part does yet fits in the same way, as one more struct of the variant with
// its own `run_part`, its linear layers and its values:
// - a gated delta net reads `from` through its in_proj layers, keeps the convolution and the state of
//   each head beside the key/value cache, and its head norm's output is the value that out_proj reads:
//   an output of kind norm, one weight tiled over the heads;
// - a Mamba-2 mixer likewise: in_proj reads `from`, the gated norm's output is what out_proj reads;
// - a short convolution: in_proj reads `from`; the C rows enter linearly, so they are an output as the
//   up rows of a fused gate_up are, and out_proj reads the product.

namespace awq {

/// One step of a block.
using block_part =
    std::variant<norm_part, tap_part, attention_part, latent_attention_part, mlp_part, experts_part, add_part>;

/// The value that a part reads, and the one that it writes.
inline std::pair<value_id, value_id> ends_of(const block_part& part)
{
    return std::visit([](const auto& each) { return std::pair{each.from, each.to}; }, part);
}

inline bool writes_hidden(const block_part& part) { return ends_of(part).second == hidden_state; }

/// A value that some linear layers read.
struct block_input {
    value_id value = hidden_state;
    std::string name; ///< of its first reader
    std::size_t width = 0;
    bool is_routed = false; ///< its rows are some of the tokens only
};

/// How the channels of an output relate to those of the value that its readers see.
enum class output_kind : unsigned char {
    norm,    ///< one by one; it is a norm's
    linear,  ///< one by one
    grouped, ///< query heads share a value head
    rooted,  ///< the value is the square of relu: divide by the root of what the readers take
};

/// A layer that can be divided by scales, if all readers of a value are multiplied by them.
struct block_output {
    std::string name; ///< of the layer, from the block
    value_id value = hidden_state;
    output_kind kind = output_kind::norm;
    std::size_t weight = none_here, bias = none_here; ///< tensors; bias may be none
    bool has_offset = false;                          ///< of a norm: x (1 + weight)
    std::size_t head = 0, share = 1;                  ///< size of a value head; grouped: query heads of each
    bool is_usual = true;                             ///< llm-compressor smooths it; else exact, but on request only
    /// Where the channels are some rows of every head: `head` of `period`, from `first` on. 0: they are
    /// the last rows.
    std::size_t period = 0, first = 0;
};

/// Parts that lead from one hidden state to the next: [first, end), the last ones being those that
/// write it: `add`s, and norms behind them.
struct block_segment {
    std::size_t first = 0, end = 0;
};

/// The description of a decoder block; made by `block_builder`.
struct block_layout {
    std::vector<expected_tensor> tensors;
    std::vector<block_linear> linears;
    std::vector<block_part> parts;
    std::vector<block_input> inputs;   ///< in the order in which they are computed
    std::vector<block_output> outputs; ///< in the order in which they are searched
    std::vector<std::size_t> slots;    ///< memory of each value between parts
    std::vector<value_id> shares;      ///< of each value, that whose rows some of it are; itself
    std::size_t hidden_size = 0;
    std::size_t key_width = 0, value_width = 0; ///< floats of a token in the key/value cache

    std::size_t slot_count() const noexcept
    {
        std::size_t most = 0;
        for (const std::size_t slot : slots)
            if (slot != none_here) most = std::max(most, slot + 1);
        return most;
    }

    /// Null where the block has no such layer.
    const block_linear* find(std::string_view name) const noexcept
    {
        const auto at = std::ranges::find(linears, name, &block_linear::name);
        return at == linears.end() ? nullptr : &*at;
    }

    /// `none_here` where the block has no such tensor.
    std::size_t tensor(std::string_view name) const noexcept
    {
        const auto at = std::ranges::find(tensors, name, &expected_tensor::name);
        return at == tensors.end() ? none_here : static_cast<std::size_t>(at - tensors.begin());
    }

    /// Index of the input that a value is; `none_here` where no linear layer reads it.
    std::size_t input_of(value_id value) const noexcept
    {
        const auto at = std::ranges::find(inputs, value, &block_input::value);
        return at == inputs.end() ? none_here : static_cast<std::size_t>(at - inputs.begin());
    }

    /// The value that a value's rows are some of: an expert is given those of its tokens. Else itself.
    value_id whole_of(value_id value) const noexcept { return value < shares.size() ? shares[value] : value; }

    /// Whether experts are given rows of a value.
    bool is_shared(value_id value) const noexcept
    {
        for (value_id each = 0; each < shares.size(); ++each)
            if (each != value && shares[each] == value) return true;
        return false;
    }

    /// The linear layers that read a value, or some of its rows.
    std::vector<const block_linear*> readers_of(value_id value) const
    {
        std::vector<const block_linear*> found;
        for (const block_linear& each : linears)
            if (each.reads == value || whole_of(each.reads) == value) found.push_back(&each);
        return found;
    }

    /// Those that read all of it.
    std::vector<const block_linear*> whole_readers_of(value_id value) const
    {
        std::vector<const block_linear*> found = readers_of(value);
        std::erase_if(found, [&](const block_linear* each) { return each->reads != value; });
        return found;
    }

    /// The block cut behind the parts that write the hidden state.
    std::vector<block_segment> segments() const
    {
        std::vector<block_segment> cut;
        for (std::size_t first = 0, i = 0; i < parts.size(); ++i) {
            const bool goes_on = i + 1 < parts.size() && writes_hidden(parts[i + 1]);
            if (writes_hidden(parts[i]) && !goes_on) cut.push_back({std::exchange(first, i + 1), i + 1});
        }
        return cut;
    }
};

/// The values inside of a part, in the order in which they are computed.
inline std::vector<value_id> inner_values(const block_part& part)
{
    if (const auto* const mlp = std::get_if<mlp_part>(&part)) return {mlp->inner};
    if (const auto* const attention = std::get_if<attention_part>(&part)) return {attention->mixed};
    if (const auto* const latent = std::get_if<latent_attention_part>(&part))
        return {latent->query_latent, latent->latent, latent->mixed};
    std::vector<value_id> values;
    if (const auto* const experts = std::get_if<experts_part>(&part))
        for (const mlp_part& each : experts->experts) values.insert(values.end(), {each.from, each.inner});
    return values;
}

} // namespace awq

#endif
