// SPDX-License-Identifier: MIT
// Gemma 3 in GGUF files: norms are stored as 1 + weight, windows and a second rotary base are keys.
#include "gguf_files.hpp"
#include "run/gemma3_model.hpp"
#include "run/model_runs.hpp"

#include <awq/run/open_model.hpp>

#include <cstring>

using test::says;

namespace {

double kl_of(const std::string& model, const std::string& reference)
{
    const auto found = test::score(model, test::gemma3_windows(4, 3), {reference, "", 32});
    if (!found) FAIL(found.error().text());
    return found->kl_divergence();
}

std::vector<float> floats_of(const awq::gguf::file& file, const std::string& name)
{
    const auto* const tensor = file.find_tensor(name);
    REQUIRE(tensor);
    REQUIRE(tensor->type == awq::gguf::type::f32);
    std::vector<float> values(tensor->bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
    return values;
}

} // namespace

TEST_CASE("an exported Gemma 3 computes what the checkpoint does")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    CHECK(kl_of(test::exported(model, room, "f32"), model) < 1e-9);
    CHECK(kl_of(test::exported(model, room, "q8_0"), model) < 0.01);
}

TEST_CASE("norms of Gemma 3 are stored as 1 + weight, under llama.cpp's names")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    const auto file = test::open_gguf(test::exported(model, room, "q8_0"));
    const test::model_copy checkpoint{model};
    const std::pair<const char*, const char*> names[] = {
        {"blk.1.attn_norm.weight", "input_layernorm"},
        {"blk.1.post_attention_norm.weight", "post_attention_layernorm"},
        {"blk.1.ffn_norm.weight", "pre_feedforward_layernorm"},
        {"blk.1.post_ffw_norm.weight", "post_feedforward_layernorm"},
        {"blk.1.attn_q_norm.weight", "self_attn.q_norm"},
        {"blk.1.attn_k_norm.weight", "self_attn.k_norm"}};
    for (const auto& [ours, theirs] : names) {
        std::vector<float> wanted = checkpoint["model.layers.1." + std::string{theirs} + ".weight"].values;
        for (float& value : wanted) value += 1.0f;
        CHECK(floats_of(file, ours) == wanted);
    }
    CHECK(file.find_tensor("output.weight") == nullptr);
}

TEST_CASE("windows and rotary bases of Gemma 3 survive in a GGUF file")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    const auto read = awq::open_model(test::exported(model, room, "f32"));
    REQUIRE(read);
    const awq::model_config& config = (*read)->config();
    CHECK(config.architecture == "Gemma3ForCausalLM");
    CHECK(config.norm().offset == 0.0f); // the file's norms have it in them
    CHECK(awq::layout_of(config, 0).tensor("pre_feedforward_layernorm.weight") != awq::none_here);
    CHECK(config.embedding_scale() == 8.0f);
    CHECK(config.tie_word_embeddings);
    CHECK(config.rope.theta == 1e6);
    REQUIRE(config.local_rope);
    CHECK(config.local_rope->theta == 1e4);
    for (std::size_t layer = 0; layer < 4; ++layer) CHECK(config.window_of(layer) == (layer == 2 ? 0 : 16));
}

TEST_CASE("a usual order of windows is not spelled out, as llama.cpp's converter does not")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    const char* const key = "gemma3.attention.sliding_window_pattern";
    CHECK(test::open_gguf(test::exported(model, room, "f32")).find(key) != nullptr);
    test::replace_in_file(model + "/config.json", "\"full_attention\"", "\"sliding_attention\"");
    CHECK(test::open_gguf(test::exported(model, room, "f32")).find(key) == nullptr);
}

TEST_CASE("what llama.cpp would compute otherwise is refused before writing")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    const std::string config = model + "/config.json";
    test::replace_in_file(config, "\"query_pre_attn_scalar\": 32", "\"query_pre_attn_scalar\": 16");
    const auto done = test::export_model(model, room / "m.gguf", "f32");
    REQUIRE_FALSE(done);
    CHECK(says(done.error(), "query_pre_attn_scalar"));
}

TEST_CASE("a cap of the logits is read from a file")
{
    const test::scratch room;
    const std::string path = test::exported(test::write_gemma3(room), room, "f32");
    const std::string capped = test::changed_copy(
        path, room, [](test::gguf_parts& parts) { parts.metadata.set("gemma3.final_logit_softcapping", 30.0f); });
    const auto opened = awq::open_model(capped);
    REQUIRE(opened);
    CHECK((*opened)->config().logit_cap == 30.0);
}

TEST_CASE("one run writes Gemma 3 into a GGUF file that beats plain rounding")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    awq::oneshot_options options;
    options.model = model;
    test::samples_of(options).dataset = test::write_gemma3_samples(room);
    options.smoothing->search.n_grid = 6;
    options.smoothing->loss = awq::loss_kind::gram;
    options.task = awq::write_gguf{"q4_0"};
    options.output = room / "m.gguf";
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    CHECK(kl_of(options.output, model) < 0.8 * kl_of(test::exported(model, room, "q4_0"), model));
}

TEST_CASE("a GGUF file of Gemma 3 cuts text as its checkpoint does")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    const auto ours = awq::open_tokenizer(model);
    const auto file = awq::open_tokenizer(test::exported(model, room, "q8_0"));
    REQUIRE(ours);
    REQUIRE(file);
    for (const char* text : {"The model says", " a\n\nb", "naive \xC3\xA9t\xC3\xA9 <table>"}) {
        const auto a = ours->encode(text, true), b = file->encode(text, true);
        REQUIRE(a);
        REQUIRE(b);
        CHECK(*a == *b);
    }
}
