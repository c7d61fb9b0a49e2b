// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CAUSAL_LM_HPP
#define AWQ_MODEL_CAUSAL_LM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/forward/decoder_block.hpp>
#include <awq/model/kv_cache.hpp>
#include <awq/support/finite.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace awq {

/// All weights of a causal language model, as views of memory that outlives it.
struct causal_lm_weights {
    matrix_view<const float> embed_tokens; ///< (vocab, hidden)
    std::vector<block_weights> layers;
    std::span<const float> norm;           ///< (hidden)
    matrix_view<const float> lm_head;      ///< (vocab, hidden); with tied embeddings, embed_tokens
};

/// hidden row t = scale * embedding of ids[t]: embed_tokens (vocab, hidden), hidden (tokens,
/// hidden).
/// Error: an id that is not in the vocabulary, or the wrong number of rows.
template <execution E>
status embed(const E& e, matrix_view<const float> embed_tokens, std::span<const std::uint32_t> ids,
             matrix_view<float> hidden, float scale = 1.0f)
{
    if (hidden.rows() != ids.size() || hidden.cols() != embed_tokens.cols())
        return error{error_code::shape_mismatch, "embedding of ", ids.size(), " tokens got ",
                     hidden.rows(), " x ", hidden.cols(), " for the output"};
    for (const std::uint32_t id : ids)
        if (id >= embed_tokens.rows())
            return error{error_code::shape_mismatch, "token id ", id,
                         " is not in the vocabulary of ", embed_tokens.rows(),
                         " tokens; does the tokenizer belong to this model?"};
    for_each_row(e, ids.size(), [&](std::size_t t) {
        kernels::simd::scale(scale, embed_tokens.row(ids[t]), hidden.row(t));
    });
    return {};
}

/// Final norm and head: hidden (tokens, hidden) to logits (tokens, vocab). Error: `not_finite`.
template <class Product, execution E>
status logits_forward(const E& e, std::span<const float> norm, norm_rule rule,
                      matrix_view<const float> lm_head, matrix_view<const float> hidden,
                      matrix_view<float> logits)
{
    scratch memory{hidden.size()};
    if (!memory) return detail::no_memory("the final norm");
    const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
    rms_norm_forward(e, norm, rule, hidden, normed);
    Product::multiply_nt(e, normed, lm_head, logits);
    if (all_finite({logits.data(), logits.size()})) return {};
    return error{error_code::not_finite, "the logits are not finite: the weights of model.norm or of "
                                         "the head are damaged, or too large for float32"};
}

/// A Llama-like model in memory: whole texts, or token after token with a key/value cache.
/// Not for use by two threads at once (it keeps a rotary table that grows).
template <class Product, execution E>
class causal_lm {
public:
    /// Checks config and shapes; the error names the field or the tensor.
    static result<causal_lm> make(model_config config, causal_lm_weights weights, E e = {})
    {
        AWQ_CHECK(check(config));
        AWQ_CHECK(check_weights(config, weights));
        return causal_lm{std::move(config), std::move(weights), std::move(e)};
    }

    const model_config& config() const noexcept { return config_; }
    const causal_lm_weights& weights() const noexcept { return weights_; }

    /// The last block's output, before the final norm: hidden (tokens, hidden). Error: `not_finite`,
    /// naming the block, where values stop being finite.
    status hidden_states(std::span<const std::uint32_t> ids, const sequences& batch,
                         matrix_view<float> hidden)
    {
        AWQ_CHECK(embed(execution_, weights_.embed_tokens, ids, hidden, config_.embedding_scale()));
        prepare_rope(batch.longest());
        for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer)
            AWQ_CHECK(run_layer(layer, batch, hidden));
        return {};
    }

    /// Final norm and head of some rows: logits (rows, vocab). Error: `not_finite`.
    status logits(matrix_view<const float> hidden, matrix_view<float> logits) const
    {
        return logits_forward<Product>(execution_, weights_.norm, config_.norm(), weights_.lm_head,
                                       hidden, logits);
    }

    /// Appends `ids`, at least one, to the sequence in `cache`; `logits` (vocab) are those of the
    /// token that follows. On an error the cache is as before.
    status step(kv_cache& cache, std::span<const std::uint32_t> ids, std::span<float> logits)
    {
        if (ids.empty() || logits.size() != weights_.lm_head.rows())
            return error{error_code::invalid_argument, "a step needs a token and room for ",
                         weights_.lm_head.rows(), " logits"};
        scratch memory{ids.size() * config_.hidden_size};
        if (!memory) return detail::no_memory("a step");
        const matrix_view<float> hidden{memory.data(), ids.size(), config_.hidden_size};
        AWQ_CHECK(embed(execution_, weights_.embed_tokens, ids, hidden, config_.embedding_scale()));
        prepare_rope(cache.length() + ids.size());
        for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer)
            AWQ_CHECK(run_layer(layer, cache, hidden));
        AWQ_CHECK(this->logits(hidden.rows_from(ids.size() - 1, 1), as_row(logits)));
        cache.advance(ids.size());
        return {};
    }

private:
    causal_lm(model_config config, causal_lm_weights weights, E e)
        : config_(std::move(config)), weights_(std::move(weights)), execution_(std::move(e))
    {
    }

    static status check_weights(const model_config& config, const causal_lm_weights& weights)
    {
        const auto norm = matrix_view<const float>{weights.norm.data(), 1, weights.norm.size()};
        const matrix_view<const float> outer[] = {weights.embed_tokens, norm, weights.lm_head};
        const auto expected = expected_outer_tensors(config);
        for (std::size_t i = 0; i < expected.size(); ++i)
            AWQ_CHECK(detail::check_tensor(expected[i], outer[i]));
        if (weights.layers.size() != config.num_hidden_layers)
            return error{error_code::shape_mismatch, "there are ", weights.layers.size(),
                         " layers, the config asks for ", config.num_hidden_layers};
        for (std::size_t layer = 0; layer < weights.layers.size(); ++layer)
            if (const status fits = check(config, weights.layers[layer]); !fits)
                return error{fits.error().code(), "model.layers.", layer, ".", fits.error().text()};
        return {};
    }

    /// `Past` is the batch that the rows are, or the cache of what came before them.
    template <class Past>
    status run_layer(std::size_t layer, Past& past, matrix_view<float> hidden) const
    {
        AWQ_CHECK(decoder_block_forward<Product>(execution_, context(layer),
                                                 weights_.layers[layer], past, hidden));
        if (all_finite({hidden.data(), hidden.size()})) return {};
        return error{error_code::not_finite, "the values stop being finite in block ", layer,
                     " (model.layers.", layer,
                     ".*): its weights are damaged, or too large for float32"};
    }

    block_context context(std::size_t layer) const
    {
        return {config_, rope_.of(config_, layer), layer};
    }

    /// Dynamic scaling depends on the length itself; the other tables only grow.
    void prepare_rope(std::size_t length)
    {
        const bool exact = config_.rope.kind == rope_kind::dynamic &&
                           std::max(length, rope_.length()) > config_.max_position_embeddings;
        if (exact ? length != rope_.length() : length > rope_.length())
            rope_ = rope_tables{config_, exact ? length : std::max(length, 2 * rope_.length())};
    }

    model_config config_;
    causal_lm_weights weights_;
    E execution_;
    rope_tables rope_;
};

} // namespace awq

#endif
