// SPDX-License-Identifier: MIT
#include <awq/model/causal_lm.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "test_model.hpp"

#include <tbb/task_arena.h>

#include <cmath>
#include <numeric>

namespace {

using model_type = awq::causal_lm;

// logits (tokens, vocab) of one text
std::vector<float> logits_of(model_type& model, const std::vector<std::uint32_t>& ids)
{
    const std::size_t hidden = model.config().hidden_size;
    const std::size_t vocab = model.config().vocab_size;
    std::vector<float> states(ids.size() * hidden);
    std::vector<float> logits(ids.size() * vocab);
    const awq::matrix_view<float> rows{states.data(), ids.size(), hidden};
    const awq::sequences one = awq::sequences::uniform(1, ids.size());
    REQUIRE(model.hidden_states(ids, one, rows));
    REQUIRE(model.logits(rows, {logits.data(), ids.size(), vocab}));
    return logits;
}

double negative_log_likelihood(std::span<const float> logits, std::uint32_t id)
{
    const double top = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (const float logit : logits) sum += std::exp(logit - top);
    return top + std::log(sum) - logits[id];
}

// Summed over every token but the first.
double summed_nll(std::span<const float> logits, std::span<const std::uint32_t> ids)
{
    const std::size_t vocab = logits.size() / ids.size();
    double sum = 0.0;
    for (std::size_t t = 0; t + 1 < ids.size(); ++t)
        sum += negative_log_likelihood(logits.subspan(t * vocab, vocab), ids[t + 1]);
    return sum;
}

std::uint32_t best_of(std::span<const float> logits)
{
    return static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<std::uint32_t> greedy(model_type& model, const std::vector<std::uint32_t>& prompt, std::size_t count)
{
    auto cache = model.make_cache(prompt.size() + count);
    REQUIRE(cache);
    std::vector<float> logits(model.config().vocab_size);
    std::vector<std::uint32_t> made;
    REQUIRE(model.step(*cache, prompt, logits));
    made.push_back(best_of(logits));
    while (made.size() < count) {
        REQUIRE(model.step(*cache, std::span{made}.last(1), logits));
        made.push_back(best_of(logits));
    }
    return made;
}

void check_prompt(model_type& model, const awq::json::value& golden)
{
    const auto ids = read_ids(*golden.at("ids"));
    const auto logits = logits_of(model, ids);
    const auto last = std::span{logits}.last(model.config().vocab_size);
    const auto top_ids = read_ids(*golden.at("top20_ids"));
    const auto top_logits = read_numbers(*golden.at("top20_logits"));
    const auto first = read_numbers(*golden.at("logits_first16"));
    // Relative to the size of the logits: single ones may be near 0.
    const double bound = 1e-4 * std::fabs(top_logits.front());
    for (std::size_t i = 0; i < top_ids.size(); ++i)
        CHECK(last[top_ids[i]] == Approx(top_logits[i]).margin(bound).epsilon(0));
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(last[i] == Approx(first[i]).margin(bound).epsilon(0));
    CHECK(best_of(last) == top_ids.front());
    CHECK(summed_nll(logits, ids) == Approx(*golden.at("nll_sum")->as_number()).epsilon(1e-4));
    CHECK(greedy(model, ids, 24) == read_ids(*golden.at("greedy24_ids")));
}

// Mean of |x| for each channel of one layer's input, over all tokens.
struct mean_abs_of_layer {
    std::map<std::string, std::vector<double>, std::less<>> means;

    void operator()(std::string_view layer, awq::matrix_view<const float> input)
    {
        auto& sums = means[std::string{layer}];
        sums.assign(input.cols(), 0.0);
        awq::kernels::simd::add_abs(input, sums);
        for (double& sum : sums) sum /= static_cast<double>(input.rows());
    }
};

void check_statistics(const test_model& loaded, const awq::json::value& golden)
{
    std::vector<std::uint32_t> ids;
    awq::sequences batch;
    for (const awq::json::value text : golden.at("stats_input_ids")->elements()) {
        const auto more = read_ids(text);
        ids.insert(ids.end(), more.begin(), more.end());
        batch.push_back(more.size());
    }
    awq::device& e = test::fast_machine();
    const awq::rope_table rope = awq::make_rope_table(loaded.config, batch.longest());
    std::vector<float> states(ids.size() * loaded.config.hidden_size);
    const awq::matrix_view<float> hidden{states.data(), ids.size(), loaded.config.hidden_size};
    REQUIRE(awq::embed(e, loaded.config, loaded.weights().outer, ids, batch, 0, hidden));
    for (std::size_t layer = 0; layer < loaded.config.num_hidden_layers; ++layer) {
        mean_abs_of_layer observed;
        const auto observer = [&](std::string_view name, awq::matrix_view<const float> input) {
            observed(name, input);
        };
        REQUIRE(
            awq::decoder_block_forward(e, {loaded.config, rope, layer}, loaded.block(layer), batch, hidden, observer));
        CHECK(observed.means.size() == 4);
        for (const auto& [name, means] : observed.means) {
            const std::string key = name.substr(name.find('.') + 1);
            std::size_t index = 0;
            for (const awq::json::value expected : golden.at("mean_abs_input")->at(key)->elements())
                if (index++ == layer) {
                    const auto numbers = read_numbers(expected);
                    REQUIRE(numbers.size() == means.size());
                    for (std::size_t c = 0; c < means.size(); ++c)
                        if (std::fabs(means[c] - numbers[c]) > 1e-4 * numbers[c])
                            FAIL_CHECK(name << " channel " << c << ": " << means[c] << " is not " << numbers[c]);
                }
            CHECK(index == loaded.config.num_hidden_layers);
        }
    }
}

void check_model(const std::string& directory, const std::string& golden_path)
{
    auto loaded = load_test_model(directory);
    REQUIRE(loaded);
    const auto config = awq::json::load(directory + "/config.json");
    REQUIRE(config);
    loaded->config = read_llama_config(config->root());
    auto model = model_type::make(loaded->config, loaded->weights(), test::fast_machine());
    if (!model) FAIL(model.error().text());
    const auto golden = awq::json::load(golden_path);
    REQUIRE(golden);
    for (const awq::json::value prompt : golden->root().at("prompts")->elements()) check_prompt(*model, prompt);
    check_statistics(*loaded, golden->root());
}

} // namespace

TEST_CASE("the forward pass agrees with transformers on the tiny model")
{
    const std::string shared = std::string{AWQ_SHARED} + "/models/tiny";
    const std::string example = AWQ_EXAMPLE_DATA "/tiny-llama";
    if (!std::filesystem::exists(shared + "/golden.json")) {
        WARN("skipped: the golden values of the tiny model are not here");
        return;
    }
    check_model(std::filesystem::exists(example) ? example : shared, shared + "/golden.json");
}

TEST_CASE("the forward pass agrees with transformers on the small model")
{
    const std::string shared = std::string{AWQ_SHARED} + "/models/small";
    if (!std::filesystem::exists(shared + "/golden.json")) {
        WARN("skipped: the small model is not here");
        return;
    }
    check_model(shared, shared + "/golden.json");
}
