// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CAUSAL_LM_HPP
#define AWQ_MODEL_CAUSAL_LM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/model/architectures/registry.hpp>
#include <awq/model/block/block_forward.hpp>
#include <awq/model/forward/rope.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// What stands before and behind the decoder blocks, as views of memory that outlives it.
struct outer_weights {
    matrix_view<const float> embed_tokens;     ///< (vocab, hidden), or narrower
    norm_view norm;                            ///< weight and bias (hidden) or empty
    matrix_view<const float> lm_head;          ///< (vocab, hidden); with tied embeddings, embed_tokens
    matrix_view<const float> positions = {};   ///< (positions, hidden), learned ones; or empty
    norm_view embedding_norm = {};             ///< where `normed_embeddings`
    std::span<const float> head_bias = {};     ///< (vocab) or empty
    matrix_view<const float> project_in = {};  ///< (hidden, width of the embeddings) or empty
    matrix_view<const float> project_out = {}; ///< the other way
};

/// What stands behind the last block.
struct end_weights {
    norm_view norm;
    linear_view lm_head;
    matrix_view<const float> project_out = {};

    static end_weights of(const outer_weights& outer)
    {
        return {outer.norm, {outer.lm_head, outer.head_bias}, outer.project_out};
    }
};

/// All weights of a causal language model.
struct AWQ_ABI_TAG causal_lm_weights {
    outer_weights outer;
    std::vector<block_weights> layers;
};

/// Adds the learned embeddings of positions, (positions, hidden) or empty, from `start` on.
inline status add_positions(device& machine, const model_config& config, matrix_view<const float> table,
                            const sequences& batch, std::size_t start, matrix_view<float> hidden)
{
    if (table.empty()) return {};
    const std::size_t first = start + config.position_offset;
    if (first + batch.longest() > table.rows())
        return error{error_code::invalid_argument,          "position ",
                     start + batch.longest() - 1,           " is beyond the ",
                     table.rows() - config.position_offset, " that the model has learned; take shorter texts"};
    const auto positions = detail::positions_of(batch, first);
    for_each_row(machine.tasks(), hidden.rows(),
                 [&](std::size_t t) { kernels::simd::add(table.row(positions[t]), hidden.row(t)); });
    return {};
}

/// hidden = scale * embedding, (hidden), projected where there is a projection, (hidden, width).
inline void embed_row(float scale, matrix_view<const float> projection, std::span<const float> embedding,
                      std::span<float> hidden)
{
    if (projection.empty()) return kernels::simd::scale(scale, embedding, hidden);
    for (std::size_t i = 0; i < hidden.size(); ++i)
        hidden[i] = scale * kernels::simd::dot(projection.row(i), embedding);
}

/// hidden row t = scale * embedding of ids[t], and the learned embedding of its position where there
/// is one: embed_tokens (vocab, hidden), hidden (tokens, hidden). `start`: position of each sequence's
/// first token.
/// Error: an id that is not in the vocabulary, a position beyond the learned ones, or the wrong number
/// of rows.
inline status embed(device& machine, const model_config& config, const outer_weights& weights,
                    std::span<const std::uint32_t> ids, const sequences& batch, std::size_t start,
                    matrix_view<float> hidden)
{
    const matrix_view<const float> table = weights.embed_tokens;
    const std::size_t width = weights.project_in.empty() ? table.cols() : weights.project_in.rows();
    if (hidden.rows() != ids.size() || hidden.cols() != width || batch.tokens() != ids.size())
        return error{error_code::shape_mismatch,
                     "embedding of ",
                     ids.size(),
                     " tokens got ",
                     hidden.rows(),
                     " x ",
                     hidden.cols(),
                     " for the output"};
    for (const std::uint32_t id : ids)
        if (id >= table.rows())
            return error{
                error_code::shape_mismatch,      "token id ",  id,
                " is not in the vocabulary of ", table.rows(), " tokens; does the tokenizer belong to this model?"};
    const float scale = config.embedding_scale();
    for_each_row(machine.tasks(), ids.size(),
                 [&](std::size_t t) { embed_row(scale, weights.project_in, table.row(ids[t]), hidden.row(t)); });
    if (config.normed_embeddings) machine.norm(weights.embedding_norm, hidden, hidden);
    return add_positions(machine, config, weights.positions, batch, start, hidden);
}

namespace detail {

/// Factor and cap of logits.
inline void finish_logits(device& machine, const model_config& config, matrix_view<float> logits)
{
    const auto factor = static_cast<float>(config.logit_multiplier);
    const auto cap = static_cast<float>(config.logit_cap);
    if (factor != 1.0f || cap != 0.0f) machine.cap(factor, cap, logits);
}

} // namespace detail

/// Final norm and head, as far as there are any: hidden (tokens, hidden) to logits (tokens, vocab).
/// Error: `not_finite`.
inline status logits_forward(device& machine, const model_config& config, const end_weights& end,
                             matrix_view<const float> hidden, matrix_view<float> logits)
{
    const std::size_t narrow = end.project_out.rows();
    scratch memory{hidden.size()}, other{hidden.rows() * narrow};
    if (!memory || !other) return detail::no_memory("the final norm");
    const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
    const matrix_view<float> projected{other.data(), hidden.rows(), narrow};
    if (config.final_norm) machine.norm(end.norm, hidden, normed);
    const matrix_view<const float> last = config.final_norm ? normed : hidden;
    if (narrow != 0) machine.linear({end.project_out}, last, projected);
    machine.linear(end.lm_head, narrow != 0 ? projected : last, logits);
    detail::finish_logits(machine, config, logits);
    if (machine.is_finite(logits)) return {};
    return error{error_code::not_finite, "the logits are not finite: the weights of model.norm or of "
                                         "the head are damaged, or too large for float32"};
}

/// A model in memory: whole texts, or token after token with a key/value cache.
/// Not for use by two threads at once (it keeps a rotary table that grows).
class AWQ_ABI_TAG causal_lm {
public:
    /// Checks config and shapes; the error names the field or the tensor. `machine` must live longer.
    static result<causal_lm> make(model_config config, causal_lm_weights weights, device& machine)
    {
        AWQ_CHECK(check(config));
        AWQ_CHECK(check_weights(config, weights));
        return causal_lm{std::move(config), std::move(weights), machine};
    }

    const model_config& config() const noexcept { return config_; }
    const causal_lm_weights& weights() const noexcept { return weights_; }

    /// The last block's output, before the final norm: hidden (tokens, hidden). Error: `not_finite`,
    /// naming the block, where values stop being finite.
    status hidden_states(std::span<const std::uint32_t> ids, const sequences& batch, matrix_view<float> hidden)
    {
        AWQ_CHECK(embed(*machine_, config_, weights_.outer, ids, batch, 0, hidden));
        prepare_rope(batch.longest());
        for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) AWQ_CHECK(run_layer(layer, batch, hidden));
        return {};
    }

    /// Final norm and head of some rows: logits (rows, vocab). Error: `not_finite`.
    status logits(matrix_view<const float> hidden, matrix_view<float> logits) const
    {
        return logits_forward(*machine_, config_, end_weights::of(weights_.outer), hidden, logits);
    }

    /// An empty cache with room for `capacity` tokens.
    result<kv_cache> make_cache(std::size_t capacity) const
    {
        std::vector<kv_widths> widths;
        for (const block_weights& block : weights_.layers)
            widths.push_back({block.layout->key_width, block.layout->value_width});
        return kv_cache::make(std::move(widths), capacity);
    }

    /// Appends `ids`, at least one, to the sequence in `cache`; `logits` (vocab) are those of the
    /// token that follows. On an error the cache is as before.
    status step(kv_cache& cache, std::span<const std::uint32_t> ids, std::span<float> logits)
    {
        if (ids.empty() || logits.size() != weights_.outer.lm_head.rows())
            return error{error_code::invalid_argument, "a step needs a token and room for ",
                         weights_.outer.lm_head.rows(), " logits"};
        scratch memory{ids.size() * config_.hidden_size};
        if (!memory) return detail::no_memory("a step");
        const matrix_view<float> hidden{memory.data(), ids.size(), config_.hidden_size};
        AWQ_CHECK(
            embed(*machine_, config_, weights_.outer, ids, sequences::uniform(1, ids.size()), cache.length(), hidden));
        prepare_rope(cache.length() + ids.size());
        for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) AWQ_CHECK(run_layer(layer, cache, hidden));
        AWQ_CHECK(this->logits(hidden.rows_from(ids.size() - 1, 1), as_row(logits)));
        cache.advance(ids.size());
        return {};
    }

private:
    causal_lm(model_config config, causal_lm_weights weights, device& machine)
        : config_(std::move(config)), weights_(std::move(weights)), machine_(&machine)
    {}

    static status check_weights(const model_config& config, const causal_lm_weights& weights)
    {
        for (const expected_tensor& each : expected_outer_tensors(config))
            AWQ_CHECK(detail::check_tensor(each, outer_tensor(config, weights.outer, each.name)));
        if (weights.layers.size() != config.num_hidden_layers)
            return error{error_code::shape_mismatch, "there are ", weights.layers.size(),
                         " layers, the config asks for ", config.num_hidden_layers};
        for (std::size_t layer = 0; layer < weights.layers.size(); ++layer)
            if (const status fits = check(weights.layers[layer]); !fits)
                return error{fits.error().code(), config.names.blocks, layer, ".", fits.error().text()};
        return {};
    }

    /// Of what `expected_outer_tensors` asks for, by its name.
    static matrix_view<const float> outer_tensor(const model_config& config, const outer_weights& outer,
                                                 std::string_view name)
    {
        const model_names& names = config.names;
        const std::pair<std::string, matrix_view<const float>> known[] = {
            {names.embeddings + ".weight", outer.embed_tokens},
            {names.norm + ".weight", as_row(outer.norm.weight)},
            {names.norm + ".bias", as_row(outer.norm.bias)},
            {names.head + ".weight", outer.lm_head},
            {names.head + ".bias", as_row(outer.head_bias)},
            {names.positions + ".weight", outer.positions},
            {names.embedding_norm + ".weight", as_row(outer.embedding_norm.weight)},
            {names.embedding_norm + ".bias", as_row(outer.embedding_norm.bias)},
            {names.project_in + ".weight", outer.project_in},
            {names.project_out + ".weight", outer.project_out}};
        for (const auto& [own, tensor] : known)
            if (own == name) return tensor;
        return {};
    }

    /// `Past` is the batch that the rows are, or the cache of what came before them.
    template <class Past>
    status run_layer(std::size_t layer, Past& past, matrix_view<float> hidden) const
    {
        AWQ_CHECK(decoder_block_forward(*machine_, context(layer), weights_.layers[layer], past, hidden));
        if (machine_->is_finite(hidden)) return {};
        return error{error_code::not_finite,
                     "the values stop being finite in block ",
                     layer,
                     " (",
                     config_.names.blocks,
                     layer,
                     ".*): its weights are damaged, or too large for float32"};
    }

    block_context context(std::size_t layer) const { return {config_, rope_.of(config_, layer), layer}; }

    /// Some scaling depends on the length itself; the other tables only grow.
    void prepare_rope(std::size_t length)
    {
        const std::size_t grown = std::max(length, 2 * rope_.length());
        const bool exact = rope_tables::depends_on(config_, grown);
        if (exact ? length != rope_.length() : length > rope_.length())
            rope_ = rope_tables{config_, exact ? length : grown};
    }

    model_config config_;
    causal_lm_weights weights_;
    device* machine_;
    rope_tables rope_;
};

} // namespace awq

#endif
