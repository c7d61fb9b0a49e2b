// SPDX-License-Identifier: MIT
// config.json as transformers' own writers, old and new, and other tools spell it.
#include "catch.hpp"

#include <awq/device/host/turn_heads.hpp>
#include <awq/model/config/read_model_config.hpp>
#include <awq/model/forward/rope.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

awq::result<awq::model_config> read(const std::string& fields)
{
    const auto document = awq::json::document::parse("{" + fields + "}", "config.json");
    if (!document) FAIL(document.error().text());
    return awq::read_model_config(document->root());
}

const std::string sizes = R"("vocab_size": 100, "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 4)";

/// The config of a type with these sizes and further fields.
awq::model_config config(std::string_view model_type, const std::string& more = {})
{
    const auto found =
        read("\"model_type\": \"" + std::string{model_type} + "\", " + sizes + (more.empty() ? "" : ", " + more));
    if (!found) FAIL(found.error().text());
    return *found;
}

std::string refusal(const std::string& more)
{
    const auto found = read("\"model_type\": \"llama\", " + sizes + ", " + more);
    REQUIRE_FALSE(found);
    INFO(found.error().text());
    CHECK(found.error().code() != awq::error_code::invalid_argument); // nobody chose it
    return std::string{found.error().text()};
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("without architectures the model type decides, and the other way round")
{
    CHECK(config("llama").architecture == "LlamaForCausalLM");
    CHECK(config("qwen2", R"("architectures": null, "num_key_value_heads": 4)").architecture == "Qwen2ForCausalLM");
    CHECK(config("qwen3", R"("architectures": [], "num_key_value_heads": 4)").architecture == "Qwen3ForCausalLM");
    CHECK(config("gemma3_text", R"("num_key_value_heads": 4)").architecture == "Gemma3ForCausalLM");
    const auto untyped = read(R"("architectures": ["Qwen2ForCausalLM"], "num_key_value_heads": 2, )" + sizes);
    REQUIRE(untyped);
    CHECK(untyped->qkv_bias);
    const auto unknown = read(R"("model_type": "gnu", )" + sizes);
    REQUIRE_FALSE(unknown);
    CHECK(has(std::string{unknown.error().text()}, "\"gnu\""));
}

TEST_CASE("activations are known by all of their names")
{
    using awq::activation;
    for (const char* name : {"silu", "swish"}) CHECK(awq::activation_of(name) == activation::silu);
    for (const char* name : {"gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_accurate"})
        CHECK(awq::activation_of(name) == activation::gelu_tanh);
    for (const char* name : {"mish", "quick_gelu", ""}) CHECK_FALSE(awq::activation_of(name));
    CHECK(config("llama", R"("hidden_act": "swish")").hidden_act == "swish");
    CHECK(has(refusal(R"("hidden_act": "mish")"), "\"mish\" is not supported"));
}

TEST_CASE("null is what the model type has by default")
{
    const awq::model_config llama = config("llama", R"("head_dim": null, "rms_norm_eps": null,
        "num_key_value_heads": null, "rope_theta": null, "rope_scaling": null, "hidden_act": null,
        "attention_bias": null, "mlp_bias": null, "tie_word_embeddings": null, "eos_token_id": null,
        "bos_token_id": null, "torch_dtype": null, "max_position_embeddings": null,
        "layer_types": null, "use_sliding_window": null, "architectures": null)");
    CHECK(llama.head_size() == 16);
    CHECK(llama.kv_heads() == 4);
    CHECK(llama.rms_norm_eps == 1e-6);
    CHECK(llama.rope.theta == 10000.0);
    CHECK(llama.hidden_act == "silu");
    CHECK(llama.max_position_embeddings == 2048);
    CHECK_FALSE(llama.tie_word_embeddings);
    CHECK(llama.eos_token_ids.empty());
    const awq::model_config gemma = config("gemma3_text", R"("head_dim": null, "rope_theta": null,
        "num_key_value_heads": null, "tie_word_embeddings": null, "hidden_activation": null)");
    CHECK(gemma.head_size() == 256);
    CHECK(gemma.kv_heads() == 4);
    CHECK(gemma.rope.theta == 1e6);
    CHECK(gemma.tie_word_embeddings);
    CHECK(gemma.hidden_act == "gelu_pytorch_tanh");
    CHECK(config("mistral", R"("num_key_value_heads": null)").kv_heads() == 4);
    CHECK(config("qwen3", R"("num_key_value_heads": 4, "head_dim": null)").head_size() == 128);
    const auto sizeless = read(R"("model_type": "llama", "vocab_size": null, "hidden_size": null,
        "intermediate_size": null, "num_hidden_layers": null, "num_attention_heads": null)");
    REQUIRE(sizeless);
    CHECK(sizeless->hidden_size == 4096);
}

TEST_CASE("what is missing is what transformers assumes for the type")
{
    CHECK(config("qwen2", R"("num_key_value_heads": 4)").rope.theta == 10000.0);
    CHECK(config("gemma3_text").rope.theta == 1e6);
    CHECK(config("gemma3_text").local_rope->theta == 10000.0);
    CHECK(config("gemma3_text").tie_word_embeddings);
    CHECK_FALSE(config("qwen2", R"("num_key_value_heads": 4)").tie_word_embeddings);
    CHECK(has(std::string{read(R"("model_type": "mistral", "vocab_size": 9, "hidden_size": 64,
        "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4)")
                              .error()
                              .text()},
              "num_key_value_heads 8")); // mistral's default
    CHECK(has(std::string{read(R"("model_type": "llama", "hidden_size": 64)").error().text()},
              "\"vocab_size\" is missing"));
}

TEST_CASE("a text part that is silent has its type's defaults, and the whole may speak for it")
{
    const auto gemma = read(R"("architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34,
        "intermediate_size": 10240, "sliding_window": 1024})");
    REQUIRE(gemma);
    CHECK(gemma->is_text_part);
    CHECK(gemma->architecture == "Gemma3ForCausalLM");
    CHECK(gemma->vocab_size == 262208);
    CHECK(gemma->num_attention_heads == 8);
    CHECK(gemma->tie_word_embeddings);
    const auto llava = read(R"("architectures": ["LlavaForConditionalGeneration"], "tie_word_embeddings": false,
        "text_config": {"architectures": ["LlamaForCausalLM"], "vocab_size": 32064})");
    REQUIRE(llava);
    CHECK(llava->hidden_size == 4096);
    const auto qwen = read(R"("architectures": ["Qwen2VLForConditionalGeneration"], "num_key_value_heads": 2,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}, "vision_config": {}, )" +
                           sizes);
    REQUIRE(qwen); // as they were first published
    CHECK(qwen->is_text_part);
    CHECK(qwen->qkv_bias);
    CHECK(qwen->rope.kind == awq::rope_kind::plain);
    const auto intern = read(R"("architectures": ["InternVLChatModel"], "llm_config": {
        "architectures": ["Qwen2ForCausalLM"], "num_key_value_heads": 2, )" +
                             sizes + "}");
    REQUIRE(intern);
    CHECK(intern->architecture == "Qwen2ForCausalLM");
    const auto other = read(R"("architectures": ["NewForConditionalGeneration"], "text_config": {
        "model_type": "new_text"})");
    REQUIRE_FALSE(other);
    CHECK(has(std::string{other.error().text()}, "\"NewForConditionalGeneration\""));
}

TEST_CASE("sizes are read in the spellings of GPT-2 and MPT")
{
    const auto gpt = read(R"("model_type": "gpt2", "vocab_size": 100, "n_embd": 64, "n_layer": 3, "n_head": 4,
        "n_positions": 77, "n_inner": null, "layer_norm_epsilon": 1e-3)");
    REQUIRE(gpt);
    CHECK(gpt->hidden_size == 64);
    CHECK(gpt->intermediate_size == 256);
    CHECK(gpt->num_hidden_layers == 3);
    CHECK(gpt->kv_heads() == 4);
    CHECK(gpt->max_position_embeddings == 77);
    CHECK(gpt->rms_norm_eps == 1e-3);
    const auto mpt = read(R"("model_type": "mpt", "vocab_size": 100, "d_model": 64, "n_layers": 3, "n_heads": 4,
        "attn_config": {"alibi": true, "alibi_bias_max": 16})");
    REQUIRE(mpt);
    CHECK(mpt->hidden_size == 64);
    CHECK(mpt->alibi.most == 16.0);
    const auto normed = read(R"("model_type": "mpt", "vocab_size": 100, "d_model": 64, "n_layers": 3,
        "n_heads": 4, "attn_config": {"qk_ln": true})");
    REQUIRE_FALSE(normed);
    CHECK(has(std::string{normed.error().text()}, "qk_ln"));
    CHECK(config("gptj", R"("rotary_dim": 12)").rotary_size() == 12);
    CHECK(config("gptj", R"("rotary_dim": null)").rotary_size() == 16);
}

TEST_CASE("rotary parameters are read from either spelling")
{
    const auto same = [](const std::string& fields) {
        const awq::rope_config rope = config("llama", fields).rope;
        CHECK(rope.kind == awq::rope_kind::llama3);
        CHECK(rope.theta == 500000.0);
        CHECK(rope.factor == 8.0);
        CHECK(rope.original_max_position_embeddings == 8192);
    };
    const std::string llama3 = R"("factor": 8, "low_freq_factor": 1.0, "high_freq_factor": 4,
        "original_max_position_embeddings": 8192.0)";
    same(R"("rope_theta": 500000, "rope_scaling": {"rope_type": "llama3", )" + llama3 + "}");
    same(R"("rope_theta": 5e5, "rope_scaling": {"type": "llama3", "rope_type": null, )" + llama3 + "}");
    same(R"("rope_parameters": {"rope_theta": 500000.0, "rope_type": "llama3", )" + llama3 + "}");
    CHECK(has(refusal(R"("rope_scaling": "yarn")"), "rope_scaling: expected an object"));
    CHECK(has(refusal(R"("rope_scaling": {"type": "spiral"})"), "\"spiral\" is not supported"));
}

TEST_CASE("windows are switched as each type does")
{
    CHECK(config("mistral", R"("num_key_value_heads": 4)").window_of(0) == 4096);
    CHECK(config("mistral", R"("num_key_value_heads": 4, "sliding_window": null)").window_of(0) == 0);
    const std::string heads = R"("num_key_value_heads": 4, "max_window_layers": 1)";
    CHECK(config("qwen2", heads + R"(, "sliding_window": 16)").window_of(1) == 0);
    CHECK(config("qwen2", heads + R"(, "sliding_window": 16, "use_sliding_window": true)").window_of(1) == 16);
    CHECK(config("qwen2", heads + R"(, "use_sliding_window": true)").window_of(1) == 4096);
    CHECK(config("qwen2", heads + R"(, "use_sliding_window": true)").window_of(0) == 0);
    const awq::model_config full = config("qwen3", heads + R"(, "layer_types": ["full_attention", "full_attention"])");
    CHECK(full.window_of(1) == 0);
    CHECK(full.sliding_window == 0);
    CHECK(has(refusal(R"("layer_types": ["full_attention", "linear_attention"])"), "layer_types[1]"));
}

TEST_CASE("whole numbers may have a fraction of zero, and end tokens be one or many")
{
    const auto floats = read(R"("model_type": "llama", "vocab_size": 100.0, "hidden_size": 64.0,
        "intermediate_size": 96, "num_hidden_layers": 2e0, "num_attention_heads": 4.0,
        "eos_token_id": 7.0)");
    REQUIRE(floats);
    CHECK(floats->hidden_size == 64);
    CHECK(floats->num_hidden_layers == 2);
    CHECK(floats->eos_token_ids == std::vector<std::uint32_t>{7});
    using ids = std::vector<std::uint32_t>;
    CHECK(config("llama", R"("eos_token_id": 2)").eos_token_ids == ids{2});
    CHECK(config("llama", R"("eos_token_id": [2, 5])").eos_token_ids == ids{2, 5});
    CHECK(config("llama", R"("eos_token_id": -1)").eos_token_ids.empty());
    CHECK(has(refusal(R"("eos_token_id": 4294967296)"), "eos_token_id"));
    CHECK(has(refusal(R"("head_dim": 16.5)"), "head_dim: expected a whole number, found 16.5"));
    CHECK(has(refusal(R"("head_dim": -16)"), "head_dim"));
}

TEST_CASE("the type of the weights is read from either spelling")
{
    CHECK(config("llama", R"("torch_dtype": "bfloat16")").torch_dtype == awq::dtype::bf16);
    CHECK(config("llama", R"("dtype": "float16")").torch_dtype == awq::dtype::f16);
    CHECK(config("llama", R"("torch_dtype": "torch.bfloat16")").torch_dtype == awq::dtype::bf16);
}

TEST_CASE("an impossible config is a damaged file, named once")
{
    const std::string text = refusal(R"("rms_norm_eps": -1)");
    CHECK(text.starts_with("config.json: rms_norm_eps -1"));
}

TEST_CASE("counts beyond any model are refused before anything is made of them")
{
    for (const std::string kind : {"gptj", "opt", "bloom", "cohere2"}) {
        INFO(kind);
        const std::string fields = "\"model_type\": \"" + kind + R"(", "vocab_size": 100, "hidden_size": 64,
            "intermediate_size": 96, "ffn_dim": 96)";
        const auto no_heads = read(fields + R"(, "num_hidden_layers": 2, "num_attention_heads": 0)");
        REQUIRE_FALSE(no_heads);
        CHECK(has(std::string{no_heads.error().text()}, "num_attention_heads is 0"));
        const auto layers = read(fields + R"(, "num_hidden_layers": 4611686018427387904, "num_attention_heads": 4)");
        REQUIRE_FALSE(layers);
        CHECK(has(std::string{layers.error().text()}, "num_hidden_layers is 4611686018427387904"));
    }
}

TEST_CASE("PhiMoE has scores of its own for short texts and for long ones")
{
    const std::string factors = R"("short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [2, 2, 2, 2, 2, 2, 2, 2])";
    const auto rope = [&](const std::string& more) {
        return R"("num_key_value_heads": 4, "original_max_position_embeddings": 16, )"
               R"("rope_scaling": {"type": "longrope", )" +
               factors + more + "}";
    };
    const auto made = config("phimoe", rope(R"(, "short_mscale": 1.25, "long_mscale": 1.5)"));
    for (const auto& [length, factor] : {std::pair<std::size_t, float>{16, 1.25f}, {17, 1.5f}}) {
        std::vector<float> head(made.head_size(), 1.0f);
        awq::turn_head(awq::make_rope_table(made, length), 0, head);
        CHECK(head == std::vector<float>(head.size(), factor));
    }
    const auto without = read("\"model_type\": \"phimoe\", " + sizes + ", " + rope(""));
    REQUIRE_FALSE(without);
    CHECK(has(std::string{without.error().text()}, "short_mscale"));
}
