// SPDX-License-Identifier: MIT
#include <awq/model/causal_lm.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "random_model.hpp"

#include <cmath>

namespace {

// What the cases of forward_passes.py change.
awq::model_config config_of(std::string_view name)
{
    const std::string_view type = name.substr(0, name.find('_'));
    awq::model_config config = small_config(type == "gemma3" ? name : type);
    config.attention_bias = config.mlp_bias = name == "llama_biases";
    if (name == "llama_linear") {
        config.rope.kind = awq::rope_kind::linear;
        config.rope.factor = 4.0;
    } else if (name == "llama_dynamic") {
        config.rope.kind = awq::rope_kind::dynamic;
        config.rope.factor = 2.0;
        config.max_position_embeddings = 24;
    } else if (name == "llama_llama3") {
        config.rope.kind = awq::rope_kind::llama3;
        config.rope.factor = 8.0;
        config.rope.original_max_position_embeddings = 32;
    } else if (name == "llama_yarn") {
        config.rope.kind = awq::rope_kind::yarn;
        config.rope.factor = 4.0;
        config.rope.original_max_position_embeddings = 16;
    } else if (name == "mistral_window") {
        config.sliding_window = 7;
    } else if (name == "gemma3_text") {
        config.sliding_window = 7;
        config.sliding_layers = {true, false, true};
        config.query_pre_attn_scalar = 16.0;
        config.rope.kind = awq::rope_kind::linear;
        config.rope.factor = 8.0;
    }
    return config;
}

void check_case(awq::device& machine, const test_model& loaded, const std::vector<std::uint32_t>& ids,
                const awq::json::value& golden)
{
    auto model = awq::causal_lm::make(loaded.config, loaded.weights(), machine);
    if (!model) FAIL(model.error().text());
    std::vector<float> states(ids.size() * 32), logits(ids.size() * 48);
    const awq::matrix_view<float> hidden{states.data(), ids.size(), 32};
    REQUIRE(model->hidden_states(ids, awq::sequences::uniform(1, ids.size()), hidden));
    REQUIRE(model->logits(hidden, {logits.data(), ids.size(), 48}));
    for (const awq::json::member row : golden.members()) {
        const auto t = static_cast<std::size_t>(std::stoul(std::string{row.key}));
        const auto expected = read_numbers(row.value);
        double largest = 0.0;
        for (const double logit : expected) largest = std::max(largest, std::fabs(logit));
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (!(std::fabs(logits[t * 48 + i] - expected[i]) <= 1e-5 * largest))
                FAIL_CHECK("token " << t << ", logit " << i << ": " << logits[t * 48 + i] << " is not " << expected[i]);
    }
}

} // namespace

TEST_CASE("architectures and rope kinds agree with transformers on random models")
{
    const auto golden = awq::json::load(AWQ_SOURCE_DIR "/tests/golden/forward_passes.json");
    REQUIRE(golden);
    std::size_t cases = 0;
    for (const awq::json::value each : golden->root().at("cases")->elements()) {
        const std::string name{*each.at("name")->as_string()};
        INFO(name);
        ++cases;
        test_model loaded;
        loaded.config = config_of(name);
        loaded.config.architecture = std::string{*each.at("architecture")->as_string()};
        for (const awq::json::member shape : each.at("shapes")->members()) {
            for (const awq::json::value extent : shape.value.elements())
                loaded.shapes[std::string{shape.key}].push_back(*extent.as_unsigned());
        }
        draw_weights(loaded);
        const auto ids = read_ids(*each.at("ids"));
        check_case(test::fast_machine(), loaded, ids, *each.at("logits"));
        check_case(test::plain_machine(), loaded, ids, *each.at("logits"));
    }
    CHECK(cases == 9);
}
