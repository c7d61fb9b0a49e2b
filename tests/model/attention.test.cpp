// SPDX-License-Identifier: MIT
#include <awq/model/causal_lm.hpp>
#include <awq/model/parts/alibi.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "random_model.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <cmath>
#include <numeric>

namespace {

std::vector<std::uint32_t> some_ids(std::size_t count)
{
    std::vector<std::uint32_t> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::uint32_t>(i * i * 7 % 48);
    return ids;
}

// The last hidden states, (tokens, 32), of all sequences.
std::vector<float> states_of(const test_model& loaded, std::span<const std::uint32_t> ids, const awq::sequences& batch,
                             awq::device& machine = test::fast_machine())
{
    auto model = awq::causal_lm::make(loaded.config, loaded.weights(), machine);
    REQUIRE(model);
    std::vector<float> states(ids.size() * 32);
    const auto done = model->hidden_states(ids, batch, {states.data(), ids.size(), 32});
    if (!done) FAIL(done.error().text());
    return states;
}

double largest_difference(std::span<const float> a, std::span<const float> b)
{
    REQUIRE(a.size() == b.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(double{a[i]} - b[i]));
    return largest;
}

} // namespace

TEST_CASE("sequences of one batch do not see each other")
{
    const test_model loaded = random_llama();
    const std::vector<std::size_t> lengths{3, 140, 1, 57};
    const auto ids = some_ids(201);
    const awq::sequences batch{lengths};
    const auto together = states_of(loaded, ids, batch);
    for (std::size_t s = 0; s < batch.count(); ++s) {
        const std::size_t begin = batch.begin(s), length = batch.length(s);
        const auto alone = states_of(loaded, std::span{ids}.subspan(begin, length), awq::sequences::uniform(1, length));
        CHECK(largest_difference(alone, std::span{together}.subspan(begin * 32, length * 32)) < 1e-4);
    }
}

TEST_CASE("a token does not see those after it")
{
    const test_model loaded = random_llama();
    auto ids = some_ids(300);
    const auto before = states_of(loaded, ids, awq::sequences::uniform(1, 300));
    ids[299] = (ids[299] + 1) % 48;
    const auto after = states_of(loaded, ids, awq::sequences::uniform(1, 300));
    CHECK(std::equal(before.begin(), before.end() - 32, after.begin()));
    CHECK_FALSE(std::equal(before.end() - 32, before.end(), after.end() - 32));
}

TEST_CASE("a text with a cache, in any steps, gives the logits of the whole text")
{
    test_model loaded = random_llama();
    const auto ids = some_ids(90);
    for (const std::size_t window : {0, 5}) {
        loaded.config.sliding_window = window;
        auto model = awq::causal_lm::make(loaded.config, loaded.weights(), test::fast_machine());
        REQUIRE(model);
        const auto states = states_of(loaded, ids, awq::sequences::uniform(1, 90));
        auto cache = model->make_cache(90);
        REQUIRE(cache);
        std::vector<float> stepped(48), whole(48);
        for (const std::size_t step : {50, 1, 1, 7, 1, 30}) {
            const std::size_t begin = cache->length();
            REQUIRE(model->step(*cache, std::span{ids}.subspan(begin, step), stepped));
            const awq::matrix_view<const float> last{&states[(begin + step - 1) * 32], 1, 32};
            REQUIRE(model->logits(last, awq::as_row(std::span{whole})));
            CHECK(largest_difference(stepped, whole) < 1e-4);
        }
        CHECK(cache->length() == 90);
        const auto full = model->step(*cache, std::span{ids}.first(1), stepped);
        REQUIRE_FALSE(full);
        CHECK(full.error().text().find("room for 90 tokens") != std::string_view::npos);
        CHECK(cache->length() == 90);
    }
}

TEST_CASE("a window as long as the text changes nothing, a shorter one does")
{
    test_model loaded = random_llama();
    const auto ids = some_ids(200);
    const awq::sequences one = awq::sequences::uniform(1, 200);
    const auto all = states_of(loaded, ids, one);
    loaded.config.sliding_window = 200;
    CHECK(largest_difference(states_of(loaded, ids, one), all) == 0.0);
    loaded.config.sliding_window = 199;
    const auto shorter = states_of(loaded, ids, one);
    CHECK(largest_difference(shorter, all) > 0.0);
    CHECK(std::equal(all.begin(), all.end() - 32, shorter.begin()));
}

TEST_CASE("hidden states have the same bits at 1, 2 and 8 threads")
{
    const test_model loaded = random_llama();
    const tbb::global_control allow{tbb::global_control::max_allowed_parallelism, 8};
    const std::vector<std::size_t> lengths{130, 64, 129};
    const awq::sequences batch{lengths};
    const auto ids = some_ids(batch.tokens());
    const auto serial = states_of(loaded, ids, batch, test::serial_machine());
    for (const int threads : {1, 2, 8}) {
        tbb::task_arena arena{threads};
        CHECK(arena.execute([&] { return states_of(loaded, ids, batch); }) == serial);
    }
}

TEST_CASE("attention and MLP run on their own, and the observer sees their inputs")
{
    const test_model loaded = random_llama();
    const awq::rope_table rope = awq::make_rope_table(loaded.config, 10);
    const awq::block_context context{loaded.config, rope, 0};
    const awq::block_weights block = loaded.block(0);
    const awq::sequences batch = awq::sequences::uniform(2, 10);
    awq::device& e = test::fast_machine();
    std::vector<float> values(20 * 32), changes(20 * 32);
    std::iota(values.begin(), values.end(), -300.0f);
    for (float& value : values) value *= 0.01f;
    const awq::matrix_view<float> input{values.data(), 20, 32}, output{changes.data(), 20, 32};
    std::vector<std::string> seen;
    const auto observer = [&](std::string_view layer, awq::matrix_view<const float> x) {
        seen.emplace_back(std::string{layer} + " " + std::to_string(x.rows()) + "x" + std::to_string(x.cols()));
    };
    // The norms of a block are parts 0 and 3, what is added back 2 and 5.
    REQUIRE(awq::part_forward(e, context, block, batch, 1, input, output));
    REQUIRE(awq::part_forward(e, context, block, batch, 4, input, output));
    REQUIRE(awq::decoder_block_forward(e, context, block, batch, input, observer));
    CHECK(seen == std::vector<std::string>{"self_attn.q_proj 20x32", "self_attn.o_proj 20x32", "mlp.gate_proj 20x32",
                                           "mlp.down_proj 20x56"});
}

TEST_CASE("wrong rows and positions beyond the rotary table are errors")
{
    const test_model loaded = random_llama();
    const awq::rope_table rope = awq::make_rope_table(loaded.config, 4);
    const awq::block_context context{loaded.config, rope, 0};
    std::vector<float> values(5 * 32);
    const awq::matrix_view<float> rows{values.data(), 5, 32};
    const awq::block_weights weights = loaded.block(0);
    awq::device& e = test::serial_machine();
    const auto four = awq::sequences::uniform(1, 4), five = awq::sequences::uniform(1, 5);
    CHECK(awq::part_forward(e, context, weights, four, 1, rows, rows).error().code() ==
          awq::error_code::shape_mismatch);
    CHECK(awq::part_forward(e, context, weights, five, 1, rows, rows).error().code() ==
          awq::error_code::invalid_argument);
}

TEST_CASE("ids beyond the vocabulary and missing tensors are errors that say which")
{
    test_model loaded = random_llama();
    auto model = awq::causal_lm::make(loaded.config, loaded.weights(), test::serial_machine());
    REQUIRE(model);
    std::vector<float> values(32);
    const std::uint32_t id = 48;
    const auto wrong = model->hidden_states(std::span{&id, 1}, awq::sequences::uniform(1, 1), {values.data(), 1, 32});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text().find("token id 48") != std::string_view::npos);
    loaded.config.attention_bias = true;
    const auto biased = awq::causal_lm::make(loaded.config, loaded.weights(), test::serial_machine());
    REQUIRE_FALSE(biased);
    CHECK(biased.error().text() == "model.layers.0.self_attn.q_proj.bias is missing (attention_bias)");
}

TEST_CASE("slopes of heads that are no power of two are those of transformers")
{
    // build_alibi_tensor of BLOOM, and build_mpt_alibi_tensor
    CHECK(awq::alibi_slopes({8.0}, 6) == std::vector<float>{0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f});
    CHECK(awq::alibi_slopes({8.0}, 3) == std::vector<float>{0.0625f, 0.00390625f, 0.25f});
    CHECK(awq::alibi_slopes({8.0}, 2) == std::vector<float>{0.0625f, 0.00390625f});
    CHECK(awq::alibi_slopes({}, 6).empty());
}
