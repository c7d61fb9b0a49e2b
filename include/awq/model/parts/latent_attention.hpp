// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_LATENT_ATTENTION_HPP
#define AWQ_MODEL_PARTS_LATENT_ATTENTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/parts/attention.hpp>

namespace awq {

/// Multi-head latent attention (DeepSeek-V2, 2024): keys and values come from a few normed channels,
/// and so may queries; one further key head, which alone is turned, serves all heads.
struct latent_attention_part {
    value_id from = hidden_state, query_latent = hidden_state, latent = hidden_state, mixed = hidden_state,
             to = hidden_state;
    linear_rows q_a, q; ///< without `q_a`, `q` reads the input
    linear_rows kv_a, kv_b, o;
    std::size_t q_norm = none_here, kv_norm = none_here; ///< tensors
    norm_rule norm_how;
    attention_rule rule;
    std::size_t rotary = 0; ///< the last dimensions of a query and key head, which are turned
    bool pairs = true;
};

namespace detail {

/// Turns the last `rotary` dimensions of every head.
template <class Run>
void turn_ends(const Run& run, const latent_attention_part& part, std::span<const std::size_t> positions,
               std::size_t head, matrix_view<float> x)
{
    head_turn how{head, &run.context.rope, part.pairs};
    how.plain = head - part.rotary;
    run.machine.turn_heads(how, positions, x);
}

/// Spreads what kv_b made, (tokens, heads * (plain + value)), and the shared key over keys and values.
template <class Run>
void spread_latent(const Run& run, const latent_attention_part& part, matrix_view<const float> made,
                   matrix_view<const float> shared, const key_values& kv)
{
    const attention_rule& rule = part.rule;
    const std::size_t plain = rule.head - part.rotary, both = plain + rule.value_head;
    const auto after = [](auto x, std::size_t first) { return x.cols_from(first, x.cols() - first); };
    run.machine.copy_columns({plain, rule.heads, both, rule.head}, made, kv.k);
    run.machine.copy_columns({part.rotary, rule.heads, 0, rule.head}, shared, after(kv.k, plain));
    run.machine.copy_columns({rule.value_head, rule.heads, both, rule.value_head}, after(made, plain), kv.v);
}

/// Queries into q; false: the run stops here.
template <class Run>
bool make_queries(Run& run, const latent_attention_part& part, matrix_view<const float> input, float* memory,
                  matrix_view<float> q)
{
    if (!part.q_a) return run.linear(part.q, input, q), true;
    const matrix_view<float> latent{memory, input.rows(), part.q_a.count};
    run.linear(part.q_a, input, latent);
    run.machine.norm({run.vector(part.q_norm), {}, part.norm_how}, latent, latent);
    if (!run.observe(part.query_latent, latent)) return false;
    run.linear(part.q, latent, q);
    return true;
}

/// Keys and values; false: the run stops here.
template <class Run>
bool make_keys(Run& run, const latent_attention_part& part, matrix_view<const float> input,
               std::span<const std::size_t> positions, float* memory, const key_values& kv)
{
    const std::size_t tokens = input.rows(), rank = part.kv_a.count - part.rotary;
    const matrix_view<float> both{memory, tokens, part.kv_a.count};
    const matrix_view<float> latent{both.data() + both.size(), tokens, rank};
    const matrix_view<float> made{latent.data() + latent.size(), tokens, part.kv_b.count};
    run.linear(part.kv_a, input, both);
    run.machine.norm({run.vector(part.kv_norm), {}, part.norm_how}, both.cols_from(0, rank), latent);
    if (!run.observe(part.latent, latent)) return false;
    run.linear(part.kv_b, latent, made);
    const auto shared = both.cols_from(rank, part.rotary);
    turn_ends(run, part, positions, part.rotary, shared);
    spread_latent(run, part, made, shared, kv);
    return true;
}

} // namespace detail

/// Normed input (tokens, hidden) to the output of the last layer, (tokens, hidden). The cache holds
/// whole keys and values.
template <class Run>
status run_part(Run& run, const latent_attention_part& part, matrix_view<const float> input, matrix_view<float> output)
{
    AWQ_CHECK(detail::check_rows(run, input, output));
    const attention_rule& rule = part.rule;
    const std::size_t tokens = input.rows();
    const std::size_t k_width = rule.heads * rule.head, v_width = rule.heads * rule.value_head;
    const std::size_t latents = std::max(part.q_a.count, 2 * part.kv_a.count + part.kv_b.count);
    scratch queries{tokens * k_width}, other{tokens * v_width}, between{tokens * latents},
        memory{run.cache ? 0 : tokens * (k_width + v_width)};
    if (!queries || !other || !between || !memory) return detail::no_memory("attention");
    const matrix_view<float> q{queries.data(), tokens, k_width};
    const matrix_view<float> mixed{other.data(), tokens, v_width};
    AWQ_TRY(const detail::key_values kv, detail::make_key_values(run, tokens, k_width, v_width, memory.data()));
    const auto positions = detail::positions_of(run.batch, run.start());
    if (!detail::make_queries(run, part, input, between.data(), q) ||
        !detail::make_keys(run, part, input, positions, between.data(), kv))
        return {};
    detail::turn_ends(run, part, positions, rule.head, q);
    detail::grow_queries(run, rule.growth, positions, q);
    AWQ_CHECK(run.machine.attend(rule, run.batch, run.start(), q, kv.all_k, kv.all_v, mixed));
    if (!run.observe(part.mixed, mixed)) return {};
    run.linear(part.o, mixed, output);
    return {};
}

} // namespace awq

#endif
