// SPDX-License-Identifier: MIT
#include "gguf_files.hpp"
#include "run/model_runs.hpp"

#include <awq/run/open_model.hpp>

#include <cmath>

using test::says;

namespace {

std::vector<test::token_ids> some_windows()
{
    std::vector<test::token_ids> windows(2);
    std::uint32_t state = 1;
    for (auto& window : windows)
        for (int i = 0; i < 96; ++i) {
            state = state * 1664525u + 1013904223u;
            window.push_back(static_cast<std::int32_t>(state >> 8) % 2048);
        }
    return windows;
}

/// Mean KL divergence of a model from a reference, on the same windows.
double divergence(const std::string& model, const std::string& reference)
{
    const auto scored = test::score(model, some_windows(), {reference, "", 128});
    if (!scored) FAIL(scored.error().text());
    return scored->kl_divergence();
}

/// A checkpoint like the tiny model's, with other tensors and config.
std::string other_model(const test::scratch& room, test::model_copy& copy,
                        std::initializer_list<std::pair<const char*, const char*>> replacements)
{
    const std::string path = room / "other";
    copy.write(path, test::element_type::f32);
    for (const auto& [from, to] : replacements) test::replace_in_file(path + "/config.json", from, to);
    return path;
}

void add_vector(test::model_copy& copy, const std::string& name, std::size_t size, float first)
{
    test::float_tensor vector{{size}, {}};
    for (std::size_t i = 0; i < size; ++i) vector.values.push_back(first + 0.1f * std::sin(static_cast<float>(i)));
    copy.tensors()[name] = std::move(vector);
}

} // namespace

TEST_CASE("an exported model reads back as the checkpoint, tensor by tensor")
{
    const test::scratch room;
    const test::model_copy original;
    for (const char* type : {"f32", "bf16"}) {
        const auto source = awq::open_model(test::exported(test::tiny_model, room, type));
        REQUIRE(source);
        for (const auto& [name, wanted] : original.tensors()) {
            INFO(name);
            const auto shape = (*source)->shape(name);
            REQUIRE(shape);
            REQUIRE(shape->rows == wanted.rows());
            REQUIRE(shape->cols == wanted.cols());
            std::vector<float> values(wanted.values.size());
            REQUIRE((*source)->read(name, {values.data(), shape->rows, shape->cols}));
            CHECK(values == wanted.values);
            // A stripe from the middle is the same rows.
            const std::size_t first = shape->rows / 3, count = shape->rows - first;
            std::vector<float> stripe(count * shape->cols);
            REQUIRE((*source)->read_rows(name, first, {stripe.data(), count, shape->cols}));
            CHECK(std::equal(stripe.begin(), stripe.end(),
                             wanted.values.begin() + static_cast<std::ptrdiff_t>(first * shape->cols)));
        }
        CHECK_FALSE((*source)->shape("lm_head.weight"));
        CHECK((*source)->config().tie_word_embeddings);
        CHECK((*source)->config().eos_token_ids == std::vector<std::uint32_t>{0});
    }
}

TEST_CASE("an exported model computes what the directory does")
{
    const test::scratch room;
    const auto windows = some_windows();
    const auto wanted = test::score(test::tiny_model, windows);
    REQUIRE(wanted);
    for (const char* type : {"f32", "bf16"}) {
        const auto scored = test::score(test::exported(test::tiny_model, room, type), windows);
        REQUIRE(scored);
        CHECK(scored->perplexity() == wanted->perplexity());
    }
    double last = 0;
    for (const char* type : {"q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "q2_k"}) {
        INFO(type);
        const double kl = divergence(test::exported(test::tiny_model, room, type), test::tiny_model);
        CHECK(kl > last);
        last = kl;
    }
    CHECK(last < 3.0);
}

TEST_CASE("biases of q and k change places with their rows")
{
    const test::scratch room;
    test::model_copy copy;
    for (int layer = 0; layer < 4; ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".self_attn.";
        add_vector(copy, prefix + "q_proj.bias", 256, 0.3f);
        for (const char* name : {"k_proj.bias", "v_proj.bias"}) add_vector(copy, prefix + name, 128, -0.2f);
        add_vector(copy, prefix + "o_proj.bias", 256, 0.0f);
    }
    const std::string model = other_model(room, copy, {{"\"attention_bias\": false", "\"attention_bias\": true"}});
    CHECK(std::abs(divergence(test::exported(model, room, "f32"), model)) < 1e-9);
}

TEST_CASE("qwen2 and qwen3 keep their row order")
{
    const test::scratch room;
    test::model_copy copy;
    const bool third = GENERATE(false, true);
    for (int layer = 0; layer < 4; ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".self_attn.";
        if (third) {
            add_vector(copy, prefix + "q_norm.weight", 64, 1.0f);
            add_vector(copy, prefix + "k_norm.weight", 64, 0.9f);
            continue;
        }
        add_vector(copy, prefix + "q_proj.bias", 256, 0.3f);
        for (const char* name : {"k_proj.bias", "v_proj.bias"}) add_vector(copy, prefix + name, 128, -0.2f);
    }
    const std::string model =
        other_model(room, copy,
                    {{"LlamaForCausalLM", third ? "Qwen3ForCausalLM" : "Qwen2ForCausalLM"},
                     {"\"model_type\": \"llama\"", third ? "\"model_type\": \"qwen3\"" : "\"model_type\": \"qwen2\""}});
    const std::string path = test::exported(model, room, "f32");
    const auto file = test::open_gguf(path);
    CHECK(file.find("general.architecture")->as_string().value() == (third ? "qwen3" : "qwen2"));
    CHECK(file.find_tensor("rope_freqs.weight") == nullptr);
    CHECK(std::abs(divergence(path, model)) < 1e-9);
}

TEST_CASE("llama3 rope scaling travels as a tensor")
{
    const test::scratch room;
    test::model_copy copy;
    const std::string model = other_model(
        room, copy,
        {{"\"rope_type\": \"default\"", "\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, "
                                        "\"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 64"}});
    const std::string path = test::exported(model, room, "f32");
    const auto file = test::open_gguf(path);
    const auto* const divisors = file.find_tensor("rope_freqs.weight");
    REQUIRE(divisors);
    CHECK(divisors->in_features() == 32);
    CHECK(file.find("llama.rope.scaling.type") == nullptr);
    CHECK(std::abs(divergence(path, model)) < 1e-8);
    CHECK(divergence(path, test::tiny_model) > 1e-3);
}

TEST_CASE("lengths of keys and values that a file does not give are the share of a head")
{
    const test::scratch room;
    const std::string path = test::exported(test::tiny_model, room, "f32");
    const std::string plain = test::changed_copy(path, room, [](test::gguf_parts& parts) {
        parts.metadata.erase("llama.attention.key_length");
        parts.metadata.erase("llama.attention.value_length");
    });
    const auto opened = awq::open_model(plain);
    if (!opened) FAIL(opened.error().text());
    CHECK((*opened)->config().head_size() == 64);
}

TEST_CASE("a GGUF model that contradicts itself is refused in one line")
{
    const test::scratch room;
    const std::string path = test::exported(test::tiny_model, room, "q8_0");
    const auto refused = [&](const char* part, const std::function<void(test::gguf_parts&)>& change) {
        const auto scored = test::score(test::changed_copy(path, room, change), some_windows());
        REQUIRE_FALSE(scored);
        const std::string text{scored.error().text()};
        INFO(text);
        CHECK(says(scored.error(), part));
        CHECK(text.find('\n') == std::string::npos);
        CHECK(says(scored.error(), "changed.gguf"));
    };
    const auto without = [](const char* key) { return [key](test::gguf_parts& parts) { parts.metadata.erase(key); }; };
    refused("general.architecture", without("general.architecture"));
    refused("block_count", without("llama.block_count"));
    refused("feed_forward_length", without("llama.feed_forward_length"));
    refused("head_count", without("llama.attention.head_count"));
    refused("layer_norm_rms_epsilon", without("llama.attention.layer_norm_rms_epsilon"));
    const auto with = [](const char* key, std::uint32_t number) {
        return [=](test::gguf_parts& parts) { parts.metadata.set(key, number); };
    };
    refused("keys of 64 and values of 32", with("llama.attention.value_length", 32));
    refused("blk.4.attn_norm.weight", with("llama.block_count", 10));
    refused("head", with("llama.attention.head_count", 3));
    refused("expert_used_count", with("llama.expert_count", 8));
    refused("32 of 64", with("llama.rope.dimension_count", 32));
    refused("hidden_size", with("llama.embedding_length", 1u << 21));
    refused("asks for [500, 256]", with("llama.feed_forward_length", 500));
    refused("no forward pass", [](test::gguf_parts& parts) {
        parts.metadata.set("general.architecture", "mamba");
        parts.metadata.set("mamba.block_count", std::uint32_t{4});
        parts.metadata.set("mamba.embedding_length", std::uint32_t{256});
        parts.metadata.set("mamba.context_length", std::uint32_t{256});
    });
    refused("token_embd.weight", [](test::gguf_parts& parts) {
        std::erase_if(parts.tensors, [](const auto& each) { return each.name == "token_embd.weight"; });
    });
    refused("blk.2.attn_q.weight", [](test::gguf_parts& parts) {
        std::erase_if(parts.tensors, [](const auto& each) { return each.name == "blk.2.attn_q.weight"; });
    });
    refused("rope_freqs", [](test::gguf_parts& parts) {
        parts.tensors.push_back({"rope_freqs.weight", awq::gguf::type::f32, {16}});
    });
}
