// SPDX-License-Identifier: MIT
// Whole runs of families whose blocks are built otherwise than Llama's.
#include "family_model.hpp"
#include "pipeline_runs.hpp"

#include <cmath>

using test::write_family;

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
       "topk_group": 1, "first_k_dense_replace": 1)"};

awq::oneshot_options run_of(const test::scratch& room, const std::string& model)
{
    awq::oneshot_options options;
    options.model = model;
    options.dataset = test::write_gemma3_samples(room);
    options.output = room / "output";
    options.group_size = 16;
    options.overwrite = true;
    options.search.n_grid = 4;
    return options;
}

double kl_of(const std::string& model, const std::string& reference)
{
    const auto found = test::score(model, test::gemma3_windows(2, 3), {reference, "", 16});
    if (!found) FAIL(found.error().text());
    return found->kl_divergence();
}

} // namespace

TEST_CASE("smoothing every exact mapping of a family keeps its function")
{
    for (const char* const family : families) {
        INFO(family);
        const test::scratch room;
        awq::oneshot_options options = run_of(room, write_family(room, family));
        options.smoothing_only = true;
        options.all_mappings = true;
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        CHECK(report->smoothed_mappings() >= 6);
        CHECK(kl_of(options.output, options.model) < 1e-7);
    }
}

TEST_CASE("a quantized family reads back as the model that it is")
{
    for (const char* const family : families) {
        INFO(family);
        const test::scratch room;
        awq::oneshot_options options = run_of(room, write_family(room, family));
        options.formats = {{{"Linear"}, "W8A16", {16}, {}}};
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        CHECK(kl_of(options.output, options.model) < 0.01);
    }
}

TEST_CASE("an expert that no token reaches is named, and smoothed by nothing")
{
    const test::scratch room;
    awq::oneshot_options options = run_of(room, write_family(room, families[4]));
    options.dataset = room.put("one.jsonl", "{\"input_ids\": [5]}\n");
    options.formats = {{{"Linear"}, "W8A16", {16}, {}}};
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    std::size_t untouched = 0;
    for (const awq::mapping_report& each : report->mappings)
        untouched += each.skipped == "no token was routed to the expert";
    CHECK(untouched == 2); // a token goes through two of four
}
