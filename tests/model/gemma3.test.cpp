// SPDX-License-Identifier: MIT
#include <awq/model/causal_lm.hpp>
#include <awq/model/config/read_model_config.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "random_model.hpp"

#include <cmath>
#include <string>
#include <string_view>

namespace {

// What transformers 4 writes of Gemma 3, shortened.
constexpr std::string_view older = R"({
    "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 262144,
    "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18, "head_dim": 256,
    "num_attention_heads": 4, "num_key_value_heads": 1, "max_position_embeddings": 32768,
    "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-06, "query_pre_attn_scalar": 256,
    "attn_logit_softcapping": null, "final_logit_softcapping": null, "rope_theta": 1000000.0,
    "rope_local_base_freq": 20000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    "sliding_window": 512, "eos_token_id": [1, 106], "bos_token_id": 2, "torch_dtype": "bfloat16"})";

awq::result<awq::model_config> config_of(std::string text)
{
    const auto file = awq::json::document::parse(std::move(text), "config.json");
    if (!file) return file.error();
    return awq::read_model_config(file->root());
}

awq::model_config sound_config(const std::string& text)
{
    const auto config = config_of(text);
    if (!config) FAIL(config.error().text());
    return *config;
}

std::string replaced(std::string_view from, std::string_view to)
{
    std::string text{older};
    const std::size_t at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}

test_model random_gemma3()
{
    test_model model;
    model.config = small_config("gemma3_text");
    model.config.sliding_window = 5;
    model.config.sliding_window_pattern = 2;
    model.shapes = {{"model.embed_tokens.weight", {48, 32}}, {"model.norm.weight", {32}}};
    for (std::size_t layer = 0; layer < model.config.num_hidden_layers; ++layer) {
        const std::string at = "model.layers." + std::to_string(layer) + ".";
        for (const char* norm :
             {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"})
            model.shapes[at + norm + ".weight"] = {32};
        for (const char* norm : {"q_norm", "k_norm"}) model.shapes[at + "self_attn." + norm + ".weight"] = {8};
        add_projections(model, at);
    }
    draw_weights(model);
    return model;
}

using lm = awq::causal_lm;

} // namespace

TEST_CASE("the config of Gemma 3 as transformers 4 writes it")
{
    const awq::model_config config = sound_config(std::string{older});
    CHECK(config.head_size() == 256);
    CHECK(config.query_size() == 1024);
    CHECK(config.rope.theta == 1e6);
    CHECK(config.rope.kind == awq::rope_kind::linear);
    REQUIRE(config.local_rope);
    CHECK(config.local_rope->theta == 2e4);
    CHECK(config.local_rope->kind == awq::rope_kind::plain);
    CHECK(config.attention_scale() == 1.0f / 16.0f);
    CHECK(config.embedding_scale() == Approx(std::sqrt(640.0)));
    CHECK(config.norm().offset == 1.0f);
    CHECK(config.tie_word_embeddings);
    for (std::size_t layer = 0; layer < 18; ++layer) CHECK(config.window_of(layer) == (layer % 6 == 5 ? 0 : 512));
    CHECK(config.eos_token_ids == std::vector<std::uint32_t>{1, 106});
    CHECK(sound_config(replaced("\"head_dim\"", "\"sliding_window_pattern\": 3, \"head_dim\"")).window_of(2) == 0);
}

TEST_CASE("the config of Gemma 3 as transformers 5 writes it")
{
    std::string text = replaced("\"rope_theta\": 1000000.0,", R"("rope_parameters": {
        "full_attention": {"rope_type": "linear", "rope_theta": 3e6, "factor": 4.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 5e4}},)");
    const std::string_view old = R"("rope_local_base_freq": 20000.0, )";
    text.erase(text.find(old), old.size());
    const std::string_view scaling = R"("rope_scaling": {"rope_type": "linear", "factor": 8.0},)";
    text.erase(text.find(scaling), scaling.size());
    const awq::model_config config = sound_config(text);
    CHECK(config.rope.theta == 3e6);
    CHECK(config.rope.factor == 4.0);
    REQUIRE(config.local_rope);
    CHECK(config.local_rope->theta == 5e4);
    CHECK(config.local_rope->kind == awq::rope_kind::plain);
}

TEST_CASE("what the forward pass of Gemma 3 does not do is refused by name")
{
    const auto refused = [](std::string_view from, std::string_view to, std::string_view part) {
        const auto config = config_of(replaced(from, to));
        return !config && config.error().text().find(part) != std::string_view::npos;
    };
    CHECK(refused("gelu_pytorch_tanh", "mish", "\"mish\""));
    CHECK(refused("\"query_pre_attn_scalar\": 256", "\"query_pre_attn_scalar\": -1", "query_pre_attn_scalar"));
    CHECK(refused("\"rope_local_base_freq\": 20000.0", "\"rope_local_base_freq\": 0", "rope"));
    CHECK(refused("\"head_dim\"", "\"use_bidirectional_attention\": true, \"head_dim\"", "bidirectional"));
}

TEST_CASE("Gemma 3 token by token gives the logits of the whole text")
{
    const test_model loaded = random_gemma3();
    auto model = lm::make(loaded.config, loaded.weights(), test::serial_machine());
    if (!model) FAIL(model.error().text());
    std::vector<std::uint32_t> ids(24);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint32_t>(i * i * 7 % 48);
    std::vector<float> states(ids.size() * 32), logits(ids.size() * 48), one(48);
    const awq::matrix_view<float> hidden{states.data(), ids.size(), 32};
    REQUIRE(model->hidden_states(ids, awq::sequences::uniform(1, ids.size()), hidden));
    REQUIRE(model->logits(hidden, {logits.data(), ids.size(), 48}));
    auto cache = model->make_cache(ids.size());
    REQUIRE(cache);
    for (std::size_t t = 0; t < ids.size(); ++t) {
        REQUIRE(model->step(*cache, std::span{ids}.subspan(t, 1), one));
        for (std::size_t i = 0; i < 48; ++i)
            if (std::fabs(one[i] - logits[t * 48 + i]) > 1e-4f) FAIL_CHECK("token " << t << ", logit " << i);
    }
}

TEST_CASE("a missing sandwich norm is an error that names it")
{
    test_model loaded = random_gemma3();
    loaded.shapes.erase("model.layers.1.post_feedforward_layernorm.weight");
    const auto model = lm::make(loaded.config, loaded.weights(), test::serial_machine());
    REQUIRE_FALSE(model);
    CHECK(model.error().text().find("model.layers.1.post_feedforward_layernorm") != std::string_view::npos);
}
