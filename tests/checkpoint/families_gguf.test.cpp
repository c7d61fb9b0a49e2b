// SPDX-License-Identifier: MIT
// GGUF files of all families: what stands where, and that a file read back is the model.
#include "gguf_files.hpp"
#include "run/family_model.hpp"
#include "run/model_runs.hpp"

#include <awq/block/block_tensors.hpp>
#include <awq/checkpoint/gguf_source.hpp>
#include <awq/io/gguf/architecture.hpp>

#include <cmath>
#include <memory>

namespace {

/// A family, what llama.cpp calls it, and a tensor that it alone has, with its dims, innermost first.
struct family {
    const char* config;
    const char* gguf;
    const char* tensor = "blk.1.attn_q.weight";
    std::vector<std::uint64_t> dims = {64, 64};
};

const family families[] = {
    {R"("architectures": ["LlamaForCausalLM"], "attention_bias": true, "mlp_bias": true,
        "num_key_value_heads": 2)",
     "llama",
     "blk.1.ffn_down.bias",
     {64}},
    {R"("architectures": ["HeliumForCausalLM"], "head_dim": 16, "num_key_value_heads": 2)", "llama"},
    {R"("architectures": ["MixtralForCausalLM"], "num_key_value_heads": 2, "num_local_experts": 4)",
     "llama",
     "blk.1.ffn_down_exps.weight",
     {128, 64, 4}},
    {R"("architectures": ["ArceeForCausalLM"], "num_key_value_heads": 2)", "arcee"},
    {R"("architectures": ["CohereForCausalLM"], "num_key_value_heads": 2, "logit_scale": 0.3)", "command-r"},
    {R"("architectures": ["Cohere2ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"])",
     "cohere2"},
    {R"("architectures": ["DeepseekV3ForCausalLM"], "q_lora_rank": 32, "kv_lora_rank": 32,
        "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 1, "n_group": 2,
        "topk_group": 1, "first_k_dense_replace": 1)",
     "deepseek2",
     "blk.1.attn_v_b.weight",
     {32, 12, 4}},
    {R"("architectures": ["DeepseekV3ForCausalLM"], "q_lora_rank": null, "kv_lora_rank": 32,
        "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 2, "n_group": 1,
        "topk_group": 1, "first_k_dense_replace": 0, "norm_topk_prob": false)",
     "deepseek2",
     "blk.0.attn_k_b.weight",
     {16, 32, 4}},
    {R"("architectures": ["Dots1ForCausalLM"], "num_key_value_heads": 4, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 1,
        "first_k_dense_replace": 1)",
     "dots1",
     "blk.1.exp_probs_b.bias",
     {4}},
    {R"("architectures": ["DeepseekV2ForCausalLM"], "q_lora_rank": null, "kv_lora_rank": 32,
        "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 2, "n_group": 1,
        "topk_group": 1, "first_k_dense_replace": 1)",
     "deepseek2",
     "blk.1.attn_k_b.weight",
     {16, 32, 4}},
    {R"("architectures": ["AfmoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_shared_experts": 1,
        "num_dense_layers": 1, "mup_enabled": true, "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"])",
     "afmoe",
     "blk.1.attn_gate.weight",
     {64, 64}},
    {R"("architectures": ["Ernie4_5_MoeForCausalLM"], "num_key_value_heads": 2, "moe_num_experts": 4,
        "moe_k": 2, "moe_intermediate_size": 32, "moe_num_shared_experts": 1,
        "moe_layer_start_index": 1)",
     "ernie4_5-moe",
     "blk.1.exp_probs_b.bias",
     {4}},
    {R"("architectures": ["GptOssForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096})",
     "gpt-oss",
     "blk.1.ffn_up_exps.bias",
     {128, 4}},
    {R"("architectures": ["GraniteMoeForCausalLM"], "num_key_value_heads": 2, "logits_scaling": 4.0,
        "num_local_experts": 4, "num_experts_per_tok": 2, "residual_multiplier": 0.5)",
     "granitemoe",
     "blk.1.ffn_gate_exps.weight",
     {64, 128, 4}},
    {R"("architectures": ["HunYuanMoEV1ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "num_experts": 4, "moe_topk": 2)",
     "hunyuan-moe",
     "blk.1.ffn_up_shexp.weight",
     {64, 128}},
    {R"("architectures": ["MiniMaxM2ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "rotary_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2)",
     "minimax-m2",
     "blk.1.attn_k_norm.weight",
     {32}},
    {R"("architectures": ["ApertusForCausalLM"], "num_key_value_heads": 2)", "apertus"},
    {R"("architectures": ["Cohere2MoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
        "num_experts_per_tok": 2, "num_shared_experts": 1, "first_k_dense_replace": 1, "sliding_window": 8,
        "prefix_dense_intermediate_size": 48, "expert_selection_fn": "sigmoid",
        "layer_types": ["full_attention", "sliding_attention"], "logit_scale": 0.5)",
     "cohere2moe",
     "blk.0.ffn_up.weight",
     {64, 48}},
    {R"("architectures": ["Cohere2MoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
        "num_experts_per_tok": 2, "num_shared_experts": 0, "sliding_window": 8, "rms_norm_eps": 1e-5,
        "layer_types": ["sliding_attention", "full_attention"])",
     "cohere2moe",
     "blk.1.ffn_gate_exps.weight",
     {64, 128, 4}},
    {R"("architectures": ["ExaoneMoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_shared_experts": 1, "sliding_window": 8,
        "first_k_dense_replace": 1, "layer_types": ["sliding_attention", "full_attention"])",
     "exaone-moe",
     "blk.1.exp_probs_b.bias",
     {4}},
    {R"("architectures": ["HYV3ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_shared_experts": 1,
        "first_k_dense_replace": 1)",
     "hy_v3",
     "blk.1.exp_probs_b",
     {4}},
    {R"("architectures": ["Llama4ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 4,
        "intermediate_size": 32, "intermediate_size_mlp": 128, "interleave_moe_layer_step": 2)",
     "llama4",
     "blk.1.ffn_down_shexp.weight",
     {32, 64}},
    {R"("architectures": ["MiMoV2FlashForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "v_head_dim": 24,
        "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "sliding_window": 8,
        "layer_types": ["full_attention", "sliding_attention"],
        "rope_parameters": {"full_attention": {"rope_theta": 5e6, "partial_rotary_factor": 0.5},
        "sliding_attention": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}},
        "first_k_dense_replace": 1, "attention_value_scale": 0.7)",
     "mimo2",
     "blk.1.attn_v.weight",
     {64, 96}},
    {R"("architectures": ["Mistral4ForCausalLM"], "q_lora_rank": 32, "kv_lora_rank": 32,
        "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12, "n_routed_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 1, "first_k_dense_replace": 1,
        "rope_parameters": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16,
        "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1})",
     "mistral4",
     "blk.1.attn_k_b.weight",
     {16, 32, 4}},
    {R"("architectures": ["BloomForCausalLM"])", "bloom", "blk.1.attn_qkv.bias", {192}},
    {R"("architectures": ["FalconForCausalLM"], "new_decoder_architecture": true, "num_kv_heads": 2)",
     "falcon",
     "blk.1.attn_norm_2.weight",
     {64}},
    {R"("architectures": ["GPT2LMHeadModel"])", "gpt2", "position_embd.weight", {64, 512}},
    {R"("architectures": ["GPTNeoXForCausalLM"])", "gptneox", "blk.1.attn_qkv.weight", {64, 192}},
    {R"("architectures": ["MptForCausalLM"])", "mpt", "blk.1.attn_qkv.weight", {64, 192}},
    {R"("architectures": ["PhiForCausalLM"], "hidden_act": "gelu_new")", "phi2", "output.bias", {979}},
    {R"("architectures": ["Ernie4_5ForCausalLM"], "head_dim": 16, "use_bias": true)", "ernie4_5"},
    {R"("architectures": ["Exaone4ForCausalLM"], "num_key_value_heads": 2, "sliding_window": null)",
     "exaone4",
     "blk.1.post_ffw_norm.weight",
     {64}},
    {R"("architectures": ["GemmaForCausalLM"], "num_key_value_heads": 1, "head_dim": 16)", "gemma"},
    {R"("architectures": ["Gemma2ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "query_pre_attn_scalar": 16, "sliding_window": 8)",
     "gemma2",
     "blk.1.post_attention_norm.weight",
     {64}},
    {R"("architectures": ["GlmForCausalLM"], "num_key_value_heads": 2, "head_dim": 16)",
     "chatglm",
     "blk.1.ffn_up.weight",
     {64, 256}},
    {R"("architectures": ["Glm4ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16)", "glm4"},
    {R"("architectures": ["Glm4MoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
        "n_shared_experts": 1, "first_k_dense_replace": 1, "routed_scaling_factor": 1.5)",
     "glm4moe",
     "blk.1.ffn_up_shexp.weight",
     {64, 32}},
    {R"("architectures": ["GraniteForCausalLM"], "num_key_value_heads": 2, "logits_scaling": 4.0,
        "attention_multiplier": 0.2, "residual_multiplier": 0.5, "embedding_multiplier": 3.0)",
     "granite"},
    {R"("architectures": ["HunYuanDenseV1ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16)",
     "hunyuan-dense",
     "blk.1.attn_k_norm.weight",
     {16}},
    {R"("architectures": ["NemotronForCausalLM"], "num_key_value_heads": 2, "head_dim": 16)", "nemotron"},
    {R"("architectures": ["OlmoForCausalLM"], "num_key_value_heads": 2)", "olmo"},
    {R"("architectures": ["Olmo3ForCausalLM"], "num_key_value_heads": 2, "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"])",
     "olmo2",
     "blk.1.attn_q_norm.weight",
     {64}},
    {R"("architectures": ["OlmoeForCausalLM"], "num_key_value_heads": 4, "num_experts": 4,
        "num_experts_per_tok": 2)",
     "olmoe",
     "blk.1.ffn_gate_inp.weight",
     {64, 4}},
    {R"("architectures": ["Phi3ForCausalLM"], "num_key_value_heads": 2, "partial_rotary_factor": 0.75,
        "original_max_position_embeddings": 256, "rope_scaling": {"type": "longrope",
        "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5], "long_factor": [2.0, 2.1, 2.2, 2.3, 2.4, 2.5]})",
     "phi3",
     "rope_factors_long.weight",
     {6}},
    {R"("architectures": ["Qwen2MoeForCausalLM"], "num_key_value_heads": 2, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48)",
     "qwen2moe",
     "blk.1.ffn_down_shexp.weight",
     {48, 64}},
    {R"("architectures": ["Qwen3MoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
        "norm_topk_prob": true)",
     "qwen3moe",
     "blk.0.ffn_gate_exps.weight",
     {64, 32, 4}},
    {R"("architectures": ["Qwen3VLForConditionalGeneration"], "num_key_value_heads": 2, "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 2, 2]})",
     "qwen3vl"},
    {R"("architectures": ["SeedOssForCausalLM"], "num_key_value_heads": 2, "head_dim": 16)",
     "seed_oss",
     "blk.1.post_attention_norm.weight",
     {64}},
    {R"("architectures": ["SmolLM3ForCausalLM"], "num_key_value_heads": 2)", "smollm3"},
    {R"("architectures": ["StableLmForCausalLM"], "num_key_value_heads": 2)", "stablelm", "blk.1.attn_norm.bias", {64}},
    {R"("architectures": ["StableLmForCausalLM"], "use_parallel_residual": true)", "stablelm"},
    {R"("architectures": ["Starcoder2ForCausalLM"], "num_key_value_heads": 2)",
     "starcoder2",
     "blk.1.ffn_up.bias",
     {128}},
};

/// The largest difference between the tensors of a checkpoint and those of a file.
double largest_difference(const awq::tensor_source& model, const awq::tensor_source& file)
{
    double most = 0.0;
    const auto compare = [&](const std::string& name) {
        const auto shape = model.shape(name);
        if (!shape || !file.shape(name)) return;
        std::vector<float> a(shape->rows * shape->cols), b = a;
        REQUIRE(model.read(name, {a.data(), shape->rows, shape->cols}));
        REQUIRE(file.read(name, {b.data(), shape->rows, shape->cols}));
        const float offset = model.config().offset_norms && name.ends_with("norm.weight") ? 1.0f : 0.0f;
        for (std::size_t i = 0; i < a.size(); ++i) most = std::fmax(most, std::fabs(a[i] + offset - b[i]));
    };
    for (const auto& each : awq::expected_outer_tensors(model.config())) compare(each.name);
    for (std::size_t layer = 0; layer < model.config().num_hidden_layers; ++layer)
        for (const auto& each : awq::layout_of(model.config(), layer).tensors)
            compare(awq::block_prefix(model.config(), layer) + each.name);
    return most;
}

} // namespace

TEST_CASE("a GGUF file of each family has its names and shapes, and computes what the checkpoint does")
{
    for (const family& each : families) {
        INFO(each.config);
        const test::scratch room;
        const std::string model = test::write_family(room, each.config);
        const std::string path = test::exported(model, room, "f32");
        const awq::gguf::file file = test::open_gguf(path);
        const auto* const architecture = file.find("general.architecture");
        REQUIRE(architecture);
        CHECK(architecture->as_string().value() == each.gguf);
        const auto* const tensor = file.find_tensor(each.tensor);
        REQUIRE(tensor);
        CHECK(std::vector(tensor->dims().begin(), tensor->dims().end()) == each.dims);
        const auto from = awq::open_model(model), back = awq::open_model(path);
        REQUIRE(from);
        if (!back) FAIL(back.error().text());
        // A Helium is written as the Llama that it is, with the rows of its heads in another order.
        const bool is_helium = std::string_view{each.config}.find("Helium") != std::string_view::npos;
        CHECK((is_helium || largest_difference(**from, **back) < 1e-6));
        const auto found = test::score(path, test::gemma3_windows(2, 3), {model, "", 32});
        if (!found) FAIL(found.error().text());
        CHECK(std::fabs(found->kl_divergence()) < 1e-8);
    }
}

TEST_CASE("one run rounds experts and latent attention into a GGUF file")
{
    for (const std::size_t i : {2, 6, 12, 16}) {
        INFO(families[i].config);
        const test::scratch room;
        const std::string model = test::write_family(room, families[i].config);
        awq::oneshot_options options;
        options.model = model;
        test::samples_of(options).dataset = test::write_gemma3_samples(room);
        options.smoothing->search.n_grid = 3;
        options.smoothing->loss = awq::loss_kind::gram;
        options.task = awq::write_gguf{"q8_0"};
        options.output = room / "m.gguf";
        options.output_imatrix = room / "m.imatrix.gguf";
        const auto done = awq::oneshot(options);
        if (!done) FAIL(done.error().text());
        const auto found = test::score(options.output, test::gemma3_windows(2, 3), {model, "", 32});
        if (!found) FAIL(found.error().text());
        const std::string exported = test::exported(model, room, "q8_0");
        const auto plain = test::score(exported, test::gemma3_windows(2, 3), {model, "", 32});
        REQUIRE(plain);
        CHECK(found->kl_divergence() < 2 * plain->kl_divergence()); // a token that takes another expert costs much
        const std::string weighed = test::exported(model, room, "q5_0", options.output_imatrix);
        const auto other = test::score(weighed, test::gemma3_windows(2, 3), {model, "", 32});
        REQUIRE(other);
        const std::string unweighed = test::exported(model, room, "q5_0");
        const auto without = test::score(unweighed, test::gemma3_windows(2, 3), {model, "", 32});
        REQUIRE(without);
        CHECK(other->kl_divergence() < 2 * without->kl_divergence());
    }
}

TEST_CASE("what llama.cpp loads of a family only in one shape is refused in the others, by its field")
{
    const auto refused = [](const char* config, const char* part) {
        INFO(config);
        const test::scratch room;
        const auto done = test::export_model(test::write_family(room, config), room / "m.gguf", "f32");
        REQUIRE_FALSE(done);
        CHECK(test::says(done.error(), part));
        CHECK_FALSE(std::filesystem::exists(room / "m.gguf"));
    };
    refused(R"("architectures": ["CohereForCausalLM"], "use_qk_norm": true)", "use_qk_norm");
    refused(R"("architectures": ["OlmoeForCausalLM"], "num_key_value_heads": 2, "num_experts": 4,
               "num_experts_per_tok": 2)",
            "num_key_value_heads (2");
    refused(R"("architectures": ["Qwen3MoeForCausalLM"], "head_dim": 16, "num_experts": 4,
               "num_experts_per_tok": 2, "moe_intermediate_size": 32, "mlp_only_layers": [0],
               "num_key_value_heads": 2, "norm_topk_prob": true)",
            "experts in every block");
    refused(R"("architectures": ["Qwen3MoeForCausalLM"], "head_dim": 16, "num_experts": 4,
               "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_key_value_heads": 2,
               "norm_topk_prob": false)",
            "norm_topk_prob");
    refused(R"("architectures": ["Exaone4ForCausalLM"], "sliding_window": 8,
               "layer_types": ["sliding_attention", "full_attention"])",
            "layer 1");
    refused(R"("architectures": ["SeedOssForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
               "attention_out_bias": true)",
            "attention_bias");
    refused(R"("architectures": ["Cohere2ForCausalLM"], "tie_word_embeddings": false, "head_dim": 16)",
            "tie_word_embeddings");
    refused(R"("architectures": ["OPTForCausalLM"], "ffn_dim": 128, "word_embed_proj_dim": 64)",
            "llama.cpp has no OPT");
    refused(R"("architectures": ["NanoChatForCausalLM"], "num_key_value_heads": 2)", "llama.cpp has no nanochat");
    refused(R"("architectures": ["PhimoeForCausalLM"], "num_key_value_heads": 2, "num_local_experts": 4)",
            "computes PhiMoE with RMS norms");
    refused(R"("architectures": ["Llama4ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
               "num_local_experts": 4, "intermediate_size": 32, "intermediate_size_mlp": 128, "moe_layers": [0])",
            "moe_layers");
    refused(R"("architectures": ["Llama4ForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
               "num_local_experts": 4, "intermediate_size": 32, "intermediate_size_mlp": 128, "use_qk_norm": false)",
            "use_qk_norm");
    refused(R"("architectures": ["ExaoneMoeForCausalLM"], "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
               "num_experts_per_tok": 2, "moe_intermediate_size": 32, "sliding_window": null)",
            "some layers have a sliding_window");
}
