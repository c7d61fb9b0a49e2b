// SPDX-License-Identifier: MIT
// What a GGUF file cannot hold: said, read back as llama.cpp reads it, or refused.
#include "gguf_files.hpp"
#include "run/gemma3_model.hpp"
#include "run/model_runs.hpp"

#include <awq/checkpoint/gguf_facts.hpp>
#include <awq/checkpoint/gguf_source.hpp>

using test::says;

namespace {

/// A copy of tiny-llama with something replaced in its config.json.
std::string tiny_with(const test::scratch& room, const char* from, const std::string& to)
{
    const std::string model = room / "model";
    std::filesystem::remove_all(model);
    test::model_copy{}.write(model, test::element_type::bf16);
    test::replace_in_file(model + "/config.json", from, to);
    return model;
}

std::string tiny_rope(const test::scratch& room, const std::string& rope)
{
    return tiny_with(room, "\"rope_theta\": 10000.0,\n    \"rope_type\": \"default\"",
                     "\"rope_theta\": 10000.0, " + rope);
}

/// The notices of an export, one a line, "warning: " before those that are.
std::string notices_of(const std::string& model, const test::scratch& room, const std::string& type = "f32")
{
    const auto done = test::export_model(model, room / (type + ".gguf"), type);
    if (!done) FAIL(done.error().text());
    std::string text;
    for (const awq::notice& each : done->notes) text += awq::line_of(each) + "\n";
    return text;
}

bool has(const std::string& text, const char* part) { return text.find(part) != text.npos; }

double kl_of(const std::string& model, const std::string& reference)
{
    const auto found = test::score(model, test::gemma3_windows(4, 3), {reference, "", 32});
    if (!found) FAIL(found.error().text());
    return found->kl_divergence();
}

void check_refused(const std::string& model, const test::scratch& room, const char* part)
{
    const auto done = test::export_model(model, room / "m.gguf", "f32");
    REQUIRE_FALSE(done);
    INFO(std::string{done.error().text()});
    CHECK(says(done.error(), part));
    CHECK_FALSE(std::filesystem::exists(room / "m.gguf"));
}

/// tiny-llama as a Mistral with a window.
std::string tiny_mistral(const test::scratch& room, const std::string& window)
{
    const std::string model = tiny_with(room, "LlamaForCausalLM", "MistralForCausalLM");
    test::replace_in_file(model + "/config.json", "\"model_type\": \"llama\"",
                          "\"model_type\": \"mistral\", \"sliding_window\": " + window);
    return model;
}

/// The error of a config that no GGUF file can hold.
std::string refusal_of(const char* architecture, void (*change)(awq::model_config&))
{
    awq::model_config config;
    config.architecture = architecture;
    change(config);
    const auto facts = awq::gguf_hyperparameters(config);
    return facts ? "" : std::string{facts.error().text()};
}

} // namespace

TEST_CASE("a model that a GGUF file holds whole gives no notice")
{
    const test::scratch room;
    CHECK(notices_of(test::tiny_model, room) == "");
    CHECK(notices_of(test::tiny_model, room, "q4_k_m") == "");
}

TEST_CASE("a window that llama.cpp does not have is warned about")
{
    const test::scratch room;
    const std::string said = notices_of(tiny_mistral(room, "16"), room);
    CHECK(has(said, "warning: sliding_window: llama.cpp has no windows for llama models; in texts "
                    "longer than 16 tokens"));
    CHECK(has(said, "where 4 of the model's 4 layers do not"));
    CHECK(test::open_gguf(room / "f32.gguf").find("llama.attention.sliding_window") == nullptr);
}

TEST_CASE("a window as long as the longest text needs no warning")
{
    const test::scratch room;
    CHECK(notices_of(tiny_mistral(room, "1024"), room) == "");
    CHECK(notices_of(tiny_mistral(room, "null"), room) == "");
}

TEST_CASE("dynamic rope scaling is warned about, linear and llama3 are held")
{
    const test::scratch room;
    const std::string original = "\"original_max_position_embeddings\": 16, ";
    CHECK(has(notices_of(tiny_rope(room, "\"rope_type\": \"dynamic\", \"factor\": 4.0"), room),
              "warning: rope type \"dynamic\": llama.cpp does not have it; in texts longer than 1024"));
    for (const std::string rope : {"\"rope_type\": \"linear\", \"factor\": 4.0",
                                   "\"rope_type\": \"llama3\", \"factor\": 4.0, \"low_freq_factor\": 1.0, "
                                   "\"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 16"}) {
        INFO(rope);
        const std::string model = tiny_rope(room, rope);
        CHECK(notices_of(model, room) == "");
        CHECK(kl_of(room / "f32.gguf", model) < 1e-8);
    }
}

TEST_CASE("yarn is held with any attention factor, its blend only as llama.cpp does it")
{
    const test::scratch room;
    const std::string yarn = "\"rope_type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 16";
    for (const std::string more : {"", ", \"attention_factor\": 1.3", ", \"mscale\": 0.7, \"mscale_all_dim\": 1.0"}) {
        INFO(more);
        const std::string model = tiny_rope(room, yarn + more);
        CHECK(notices_of(model, room) == "");
        CHECK(kl_of(room / "f32.gguf", model) < 1e-8);
    }
    for (const std::string more : {", \"beta_slow\": 0.5", ", \"truncate\": false"}) {
        INFO(more);
        CHECK(has(notices_of(tiny_rope(room, yarn + more), room), "warning: rope type \"yarn\""));
    }
}

TEST_CASE("chunks and growth of Llama 4 that llama.cpp does not have are warned about, as its epsilon of Qwen 2-VL is")
{
    awq::model_config config;
    awq::llama4_defaults(config);
    const auto said = [&](const char* gguf) {
        awq::notice_list notices;
        awq::note_gguf_losses(config, *awq::gguf::find_architecture(gguf), notices);
        return notices.empty() ? std::string{} : awq::line_of(notices[0]);
    };
    CHECK(said("llama4") == "");
    config.attention_chunk = 16;
    CHECK(has(said("llama4"), "warning: attention_chunk_size"));
    CHECK(has(said("llama4"), "longer than 16 tokens"));
    config.attention_chunk = 8192;
    config.growth.length = 0;
    CHECK(has(said("llama4"), "longer than 8192 tokens"));
    CHECK(has(said("qwen2vl"), "rms_norm_eps"));
}

TEST_CASE("an attention factor that llama.cpp would use and we do not is refused")
{
    const test::scratch room;
    const std::string good = test::exported(test::tiny_model, room, "f32");
    const std::string bad = test::changed_copy(
        good, room, [](test::gguf_parts& parts) { parts.metadata.set("llama.rope.scaling.attn_factor", 1.5f); });
    const auto opened = awq::gguf_source::open(bad);
    REQUIRE_FALSE(opened);
    CHECK(says(opened.error(), "llama.rope.scaling.attn_factor is 1.5"));
}

TEST_CASE("what llama.cpp would compute otherwise at every token is refused")
{
    const test::scratch room;
    check_refused(tiny_with(room, "\"silu\"", "\"gelu_pytorch_tanh\""), room, "hidden_act \"gelu_pytorch_tanh\"");
    using awq::model_config;
    CHECK(refusal_of("LlamaForCausalLM", [](model_config&) {}) == "");
    CHECK(refusal_of("LlamaForCausalLM", [](model_config& c) { c.attention_bias = c.mlp_bias = true; }) == "");
    CHECK(has(refusal_of("Qwen3ForCausalLM", [](model_config& c) { c.attention_bias = true; }),
              "llama.cpp loads no qwen3 models with attention_bias"));
    CHECK(has(refusal_of("Qwen2ForCausalLM", [](model_config& c) { c.mlp_bias = true; }),
              "llama.cpp loads no qwen2 models with mlp_bias"));
    CHECK(has(refusal_of("Qwen2ForCausalLM", [](model_config& c) { c.head_dim = 96; }),
              "only if heads times head_dim (3072 here) is hidden_size (4096)"));
    CHECK(refusal_of("Qwen3ForCausalLM", [](model_config& c) { c.head_dim = 96; }) == "");
    CHECK(has(refusal_of("Gemma3ForCausalLM", [](model_config& c) { c.hidden_act = "silu"; }),
              "llama.cpp computes gemma3 models with GELU"));
    CHECK(has(refusal_of("Qwen2ForCausalLM", [](model_config& c) { c.rope.kind = awq::rope_kind::llama3; }),
              "no llama3 rope scaling for qwen2"));
    CHECK(has(refusal_of("LlamaForCausalLM", [](model_config& c) { c.local_rope = awq::rope_config{}; }),
              "turns heads of llama models alike in all layers"));
}

TEST_CASE("a bias that the config does not have is not written in silence")
{
    const test::scratch room;
    test::model_copy copy;
    copy.tensors()["model.layers.1.self_attn.q_proj.bias"] = {{256}, std::vector<float>(256, 1.0f)};
    copy.write(room / "model", test::element_type::bf16);
    check_refused(room / "model", room, "q_proj.bias\" is there, but the config has none");
}

TEST_CASE("a weight that the type cannot hold is refused by name, not written as infinity")
{
    const test::scratch room;
    test::model_copy copy;
    copy["model.layers.1.mlp.up_proj.weight"].values[7] = 1e5f;
    copy.write(room / "model", test::element_type::bf16);
    const auto done = test::export_model(room / "model", room / "m.gguf", "f16");
    REQUIRE_FALSE(done);
    INFO(std::string{done.error().text()});
    CHECK(says(done.error(), "model.layers.1.mlp.up_proj.weight: holds "));
    CHECK(says(done.error(), "which F16 cannot"));
    CHECK_FALSE(std::filesystem::exists(room / "m.gguf"));
    CHECK(test::export_model(room / "model", room / "m.gguf", "bf16"));
    CHECK(test::export_model(room / "model", room / "q.gguf", "q8_0"));
}

TEST_CASE("Gemma 3 keeps its two rotary bases without a window, and no window without layers for it")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    test::replace_in_file(model + "/config.json", "\"sliding_window\": 16", "\"sliding_window\": null");
    CHECK(notices_of(model, room).find("warning: sliding") == std::string::npos);
    const auto* const window = test::open_gguf(room / "f32.gguf").find("gemma3.attention.sliding_window");
    REQUIRE(window);
    CHECK(kl_of(room / "f32.gguf", model) < 1e-8);
    for (int i = 0; i < 3; ++i)
        test::replace_in_file(model + "/config.json", "\"sliding_attention\"", "\"full_attention\"");
    notices_of(model, room);
    CHECK(test::open_gguf(room / "f32.gguf").find("gemma3.attention.sliding_window") == nullptr);
    CHECK(kl_of(room / "f32.gguf", model) < 1e-8);
}

TEST_CASE("a type that rows do not fit is replaced, and the notice says by what and how often")
{
    const test::scratch room;
    const std::string said = notices_of(test::write_gemma3(room), room, "q4_k_m");
    INFO(said);
    CHECK(has(said, "tensors of 64 columns stored as Q5_0 instead of Q4_K, whose blocks of 256 do not "
                    "fit: blk.0.attn_"));
    CHECK(has(said, "1 tensor of 64 columns stored as Q8_0 instead of Q6_K, whose blocks of 256 do not "
                    "fit: token_embd.weight") == false);
    CHECK(has(said, "stored as Q8_0 instead of Q6_K"));
    CHECK_FALSE(has(said, "warning: blk"));
}

TEST_CASE("tensors of the checkpoint that a text model's file does not have are named")
{
    const test::scratch room;
    test::model_copy copy;
    copy.tensors()["mtp.layers.0.eh_proj.weight"] = {{4, 4}, std::vector<float>(16, 1.0f)};
    copy.tensors()["model.layers.0.self_attn.rotary_emb.inv_freq"] = {{2}, {1.0f, 0.5f}};
    copy.write(room / "model", test::element_type::bf16);
    CHECK(notices_of(room / "model", room) ==
          "2 tensors of the checkpoint have no place in a GGUF file of a text model and are not "
          "written: model.layers.0.self_attn.rotary_emb.inv_freq, mtp.layers.0.eh_proj.weight\n");
}

TEST_CASE("a run that writes a GGUF file reports what the file does not hold, once")
{
    const test::scratch room;
    awq::oneshot_options options;
    options.model = tiny_mistral(room, "16");
    test::samples_of(options).dataset = AWQ_EXAMPLE_DATA "/calibration.txt";
    test::samples_of(options).num_calibration_samples = 2;
    test::samples_of(options).max_seq_length = 32;
    options.smoothing->search.n_grid = 3;
    options.task = awq::write_gguf{"q4_k_m", {}, true};
    options.output = room / "m.gguf";
    const auto report = test::run_oneshot(options, 1);
    if (!report) FAIL(report.error().text());
    std::size_t windows = 0;
    for (const awq::notice& each : report->notes) windows += has(each.text, "sliding_window: ");
    CHECK(windows == 1);
}
