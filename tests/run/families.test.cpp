// SPDX-License-Identifier: MIT
// Whole runs of families whose blocks are built otherwise than Llama's.
#include "family_model.hpp"

namespace {

// Between the braces of config.json, beside the sizes that all have.
constexpr const char* families[] = {
    // attention and MLP side by side behind one layer norm, windows
    R"("architectures": ["Cohere2ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
       "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"])",
    // fused layers
    R"("architectures": ["Phi3ForCausalLM"], "num_key_value_heads": 2, "rms_norm_eps": 1e-5)",
    // biases, learned positions, ReLU
    R"("architectures": ["OPTForCausalLM"], "ffn_dim": 128, "word_embed_proj_dim": 64)",
    // 1 + weight with a bias, ReLU squared
    R"("architectures": ["NemotronForCausalLM"], "num_key_value_heads": 4, "head_dim": 16)",
    // experts
    R"("architectures": ["Qwen3MoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
       "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
       "mlp_only_layers": [0])",
    // latent attention, a shared expert, groups
    R"("architectures": ["DeepseekV3ForCausalLM"], "q_lora_rank": 32, "kv_lora_rank": 32,
       "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4,
       "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 1, "n_group": 2,
       "topk_group": 1, "first_k_dense_replace": 1)",
    // q, k and v of each key head together, two norms side by side
    R"("architectures": ["FalconForCausalLM"], "new_decoder_architecture": true, "num_kv_heads": 2,
       "ffn_hidden_size": 128)",
    // scores that fall with the distance, a norm of the embeddings
    R"("architectures": ["BloomForCausalLM"])",
    // a head with a bias
    R"("architectures": ["PhiForCausalLM"], "num_key_value_heads": 4)",
    // norms behind attention and MLP, none at the end, narrower embeddings
    R"("architectures": ["OPTForCausalLM"], "ffn_dim": 128, "word_embed_proj_dim": 32,
       "do_layer_norm_before": false)",
    // norms without weights, the other way round
    R"("architectures": ["NanoChatForCausalLM"], "num_key_value_heads": 2)"};

// Layers stored as (in_features, out_features), which no quantized checkpoint holds.
constexpr const char* transposed = R"("architectures": ["GPT2LMHeadModel"], "n_inner": 128, "n_positions": 512)";

} // namespace

TEST_CASE("smoothing every exact mapping of a family keeps its function")
{
    std::vector<const char*> all{std::begin(families), std::end(families)};
    all.push_back(transposed);
    for (const char* const family : all) {
        INFO(family);
        const test::scratch room;
        awq::oneshot_options options = test::run_of(room, test::write_family(room, family));
        options.smoothing->mappings = awq::mapping_choice::all;
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        CHECK(report->smoothed_mappings() >= 4);
        CHECK(test::kl_of(options.output, options.model) < 1e-7);
    }
}

TEST_CASE("a quantized family reads back as the model that it is")
{
    for (const char* const family : families) {
        INFO(family);
        const test::scratch room;
        awq::oneshot_options options = test::run_of(room, test::write_family(room, family));
        options.task = test::to_scheme("W8A16", 16);
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        CHECK(test::kl_of(options.output, options.model) < 0.01);
    }
}

TEST_CASE("layers stored the other way round go into no quantized checkpoint, and that is said")
{
    const test::scratch room;
    awq::oneshot_options options = test::run_of(room, test::write_family(room, transposed));
    options.task = test::to_scheme("W8A16", 16);
    const auto report = test::run_oneshot(options);
    REQUIRE_FALSE(report);
    CHECK(test::says(report.error(), "stores its layers as (in_features, out_features)"));
}

TEST_CASE("an expert that no token reaches is named, and smoothed by nothing")
{
    const test::scratch room;
    awq::oneshot_options options = test::run_of(room, test::write_family(room, families[4]));
    test::samples_of(options).dataset = room.put("one.jsonl", "{\"input_ids\": [5]}\n");
    options.task = test::to_scheme("W8A16", 16);
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    std::size_t untouched = 0;
    for (const awq::mapping_report& each : report->mappings)
        untouched += each.skipped == "no token was routed to the expert";
    CHECK(untouched == 2); // a token goes through two of four
}
