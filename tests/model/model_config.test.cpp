// SPDX-License-Identifier: MIT
#include <awq/model/architectures/registry.hpp>

#include "catch.hpp"

#include <limits>

namespace {

awq::model_config llama()
{
    awq::model_config config;
    config.architecture = "LlamaForCausalLM";
    return config;
}

// Whether the changed config is refused with a text that has `part` in it.
template <class Change>
bool refused(const Change& change, std::string_view part)
{
    awq::model_config config = llama();
    change(config);
    const awq::status checked = awq::check(config);
    if (checked) return false;
    CAPTURE(checked.error().text());
    return checked.error().text().find(part) != std::string_view::npos;
}

} // namespace

TEST_CASE("defaults are those of transformers and pass the check")
{
    CHECK(awq::check(llama()));
    CHECK(llama().head_size() == 128);
    CHECK(llama().kv_heads() == 32);
    CHECK(awq::defaults_for("mistral").sliding_window == 4096);
    CHECK(awq::defaults_for("mistral").kv_heads() == 8);
    CHECK(awq::defaults_for("qwen2").qkv_bias);
    CHECK(awq::defaults_for("qwen3").qk_norm);
    CHECK(awq::defaults_for("qwen3").head_size() == 128);
}

TEST_CASE("an architecture without a forward pass is refused by its name")
{
    awq::model_config config = llama();
    config.architecture = "MambaForCausalLM";
    const awq::status checked = awq::check(config);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code() == awq::error_code::unknown_architecture);
    for (const char* name : {"MambaForCausalLM", "is not known here"})
        CHECK(checked.error().text().find(name) != std::string_view::npos);
}

TEST_CASE("impossible sizes are refused by field and value")
{
    using config = awq::model_config;
    CHECK(refused([](config& c) { c.experts.step = 0; }, "decoder_sparse_step is 0"));
    CHECK(refused([](config& c) { c.experts.count = 5000; }, "experts is 5000"));
    CHECK(refused([](config& c) { c.latent.rank = std::size_t{1} << 40; }, "latent attention"));
    CHECK(refused([](config& c) { c.hidden_size = 0; }, "hidden_size is 0"));
    CHECK(refused([](config& c) { c.num_attention_heads = 0; }, "num_attention_heads is 0"));
    CHECK(refused([](config& c) { c.num_attention_heads = 33; }, "give head_dim"));
    CHECK(refused([](config& c) { c.num_key_value_heads = 5; }, "multiple of num_key_value_heads"));
    CHECK(refused([](config& c) { c.vocab_size = std::size_t{1} << 40; }, "vocab_size"));
    CHECK(refused([](config& c) { c.head_dim = 7; }, "even head_dim"));
    CHECK(refused([](config& c) { c.hidden_act = "mish"; }, "\"mish\" is not supported"));
    CHECK(refused([](config& c) { c.rms_norm_eps = -1.0; }, "rms_norm_eps"));
    CHECK(refused([](config& c) { c.sliding_layers.resize(3); }, "layer_types has 3"));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(refused([=](config& c) { c.rope.theta = nan; }, "rope_theta"));
    CHECK(refused([=](config& c) { c.rope.factor = 0.0; }, "factor"));
    CHECK(refused([=](config& c) { c.rope.partial_rotary_factor = nan; }, "partial_rotary_factor"));
    CHECK(refused(
        [](config& c) {
            c.rope.kind = awq::rope_kind::llama3;
            c.rope.high_freq_factor = 1.0;
        },
        "low_freq_factor"));
}

TEST_CASE("windows apply to the layers that the config names")
{
    awq::model_config config = llama();
    CHECK(config.window_of(5) == 0);
    config.sliding_window = 100;
    CHECK(config.window_of(0) == 100);
    config.max_window_layers = 3;
    CHECK(config.window_of(2) == 0);
    CHECK(config.window_of(3) == 100);
    config.sliding_layers = {true, false};
    CHECK(config.window_of(0) == 100);
    CHECK(config.window_of(1) == 0);
    CHECK(config.window_of(9) == 0);
}
