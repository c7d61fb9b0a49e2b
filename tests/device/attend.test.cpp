// SPDX-License-Identifier: MIT
#include <awq/device/host/attend.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/tbb_execution.hpp>

#include "catch.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

struct attention_case {
    awq::attention_rule rule;
    std::vector<std::size_t> lengths;
    std::size_t start = 0;
    std::vector<float> q, k, v;

    attention_case(awq::attention_rule given, std::vector<std::size_t> given_lengths, std::size_t past = 0)
        : rule(given), lengths(std::move(given_lengths)), start(past)
    {
        q = values(tokens() * rule.heads * rule.head, 1);
        k = values((tokens() + start) * rule.kv_heads * rule.head, 2);
        v = values((tokens() + start) * rule.kv_heads * rule.value_head, 3);
    }
    std::size_t tokens() const { return awq::sequences{lengths}.tokens(); }

    static std::vector<float> values(std::size_t count, std::uint32_t seed)
    {
        std::vector<float> made(count);
        for (float& value : made) {
            seed = seed * 1664525u + 1013904223u;
            value = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-30f;
        }
        return made;
    }
};

template <class Product, class E = awq::tbb_execution>
std::vector<float> attended(const attention_case& it, const E& how = {})
{
    const awq::attention_rule& rule = it.rule;
    const std::size_t keys = it.tokens() + it.start;
    std::vector<float> out(it.tokens() * rule.heads * rule.value_head);
    const auto done = awq::attend_all<Product>(
        how, rule, awq::sequences{it.lengths}, it.start, {it.q.data(), it.tokens(), rule.heads * rule.head},
        {it.k.data(), keys, rule.kv_heads * rule.head}, {it.v.data(), keys, rule.kv_heads * rule.value_head},
        {out.data(), it.tokens(), rule.heads * rule.value_head});
    REQUIRE(done);
    return out;
}

double plain_score(const attention_case& it, std::size_t h, std::size_t query, std::size_t key, std::size_t position)
{
    const awq::attention_rule& rule = it.rule;
    const std::size_t kv = h / (rule.heads / rule.kv_heads);
    double score = 0.0;
    for (std::size_t i = 0; i < rule.head; ++i)
        score +=
            double{it.q[(query * rule.heads + h) * rule.head + i]} * it.k[(key * rule.kv_heads + kv) * rule.head + i];
    score *= double{rule.scale};
    if (!rule.slopes.empty()) score += double{rule.slopes[h]} * static_cast<double>(position);
    return rule.cap > 0.0f ? double{rule.cap} * std::tanh(score / rule.cap) : score;
}

// Token by token, in double.
std::vector<float> plainly(const attention_case& it)
{
    const awq::attention_rule& rule = it.rule;
    std::vector<float> out;
    const awq::sequences batch{it.lengths};
    for (std::size_t s = 0; s < batch.count(); ++s)
        for (std::size_t t = 0; t < batch.length(s); ++t)
            for (std::size_t h = 0; h < rule.heads; ++h) {
                const std::size_t at = it.start + t, kv = h / (rule.heads / rule.kv_heads);
                std::vector<double> mixed(rule.value_head);
                double sum = rule.sinks.empty() ? 0.0 : std::exp(double{rule.sinks[h]});
                for (std::size_t p = 0; p <= at; ++p) {
                    if (rule.window != 0 && p + rule.window <= at) continue;
                    if (rule.chunk != 0 && p / rule.chunk != at / rule.chunk) continue;
                    const std::size_t key = batch.begin(s) + p;
                    const double weight = std::exp(plain_score(it, h, batch.begin(s) + t, key, p));
                    sum += weight;
                    for (std::size_t i = 0; i < rule.value_head; ++i)
                        mixed[i] += weight * it.v[(key * rule.kv_heads + kv) * rule.value_head + i];
                }
                for (const double value : mixed) out.push_back(static_cast<float>(value / sum));
            }
    return out;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b)
{
    REQUIRE(a.size() == b.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(double{a[i]} - b[i]));
    return largest;
}

awq::attention_rule some_rule(std::size_t heads = 6, std::size_t kv_heads = 2, std::size_t head = 20)
{
    awq::attention_rule rule;
    rule.heads = heads, rule.kv_heads = kv_heads, rule.head = head, rule.value_head = head;
    rule.scale = 0.4f;
    return rule;
}

// One of each kind; sequences longer than a tile of keys and a run of queries.
std::vector<attention_case> all_kinds()
{
    static const std::vector<float> sinks{0.5f, -40.0f, 3.0f, 1.0f, 30.0f, 0.0f};
    std::vector<attention_case> cases;
    const auto add = [&](const awq::attention_rule& rule, std::size_t past = 0) {
        if (past == 0) cases.push_back({rule, {300, 1, 130}});
        cases.push_back({rule, {70}, past == 0 ? 250 : past});
    };
    awq::attention_rule rule = some_rule();
    add(rule);
    add(rule, 1);
    rule.window = 100, add(rule);
    rule.window = 1, add(rule);
    rule = some_rule(), rule.chunk = 90, add(rule);
    rule.window = 31, add(rule);
    rule = some_rule(), rule.cap = 0.7f, add(rule);
    rule = some_rule(), rule.sinks = sinks, add(rule);
    rule.window = 40, add(rule);
    rule = some_rule(), rule.slopes = {0.025f, 0.0125f, 0.05f, 0.003f, 0.006f, 0.1f}, add(rule);
    rule = some_rule(6, 6), add(rule);
    rule = some_rule(6, 1, 32), rule.value_head = 9, add(rule);
    return cases;
}

} // namespace

TEST_CASE("attention by tiles is that of all tokens with all tokens")
{
    for (const attention_case& it : all_kinds()) {
        const auto expected = plainly(it);
        CHECK(largest_difference(attended<awq::plain_product>(it), expected) < 3e-6);
        CHECK(largest_difference(attended<awq::packed_product>(it), expected) < 3e-6);
    }
}

TEST_CASE("attention in mixed precision loses the last digits of bfloat16 alone")
{
    awq::tbb_execution mixed;
    mixed.operands = awq::precision::mixed;
    for (const attention_case& it : all_kinds())
        CHECK(largest_difference(attended<awq::packed_product>(it, mixed), plainly(it)) < 0.05);
}

TEST_CASE("attention by tiles has the same bits at 1, 2 and 8 threads")
{
    const tbb::global_control allow{tbb::global_control::max_allowed_parallelism, 8};
    awq::attention_rule rule = some_rule(12, 3);
    for (const awq::precision operands : {awq::precision::float32, awq::precision::mixed}) {
        awq::tbb_execution how;
        how.operands = operands;
        const attention_case it{rule, {290, 40, 33}};
        const auto serial = attended<awq::packed_product>(it, awq::with_precision(awq::serial_execution{}, operands));
        for (const int threads : {1, 2, 8}) {
            tbb::task_arena arena{threads};
            CHECK(arena.execute([&] { return attended<awq::packed_product>(it, how); }) == serial);
        }
    }
}

TEST_CASE("a query's attention does not depend on the queries that run beside it")
{
    awq::attention_rule rule = some_rule(4, 4, 24);
    rule.window = 120;
    const attention_case whole{rule, {416}}; // all runs have rows enough for packed products
    const auto all = attended<awq::packed_product>(whole);
    attention_case rest{rule, {216}, 200};
    std::copy_n(whole.q.begin() + 200 * 96, rest.q.size(), rest.q.begin());
    rest.k = whole.k, rest.v = whole.v;
    const auto last = attended<awq::packed_product>(rest);
    CHECK(std::equal(last.begin(), last.end(), all.begin() + 200 * 96));
}

TEST_CASE("attention may put its output where the queries were")
{
    attention_case it{some_rule(), {140, 20}};
    const auto apart = attended<awq::packed_product>(it);
    const awq::matrix_view<float> q{it.q.data(), it.tokens(), it.rule.heads * it.rule.head};
    const std::size_t width = it.rule.kv_heads * it.rule.head;
    REQUIRE(awq::attend_all<awq::packed_product>(awq::tbb_execution{}, it.rule, awq::sequences{it.lengths}, 0, q,
                                                 {it.k.data(), it.tokens(), width}, {it.v.data(), it.tokens(), width},
                                                 q));
    CHECK(it.q == apart);
}
