// SPDX-License-Identifier: MIT
#include "failing_new.hpp"
#include "io/scratch.hpp"

#include <awq/recipe/load_recipe.hpp>
#include <awq/run/open_model.hpp>
#include <awq/text/calibration_samples.hpp>
#include <awq/text/chat_template.hpp>
#include <awq/text/tokenizer.hpp>

namespace {

const std::string seeds = AWQ_SOURCE_DIR "/tests/fuzz/seeds/";

/// The parts of a seed, which is cut at lines of four equal signs.
std::string part_of(const std::string& seed, std::size_t index)
{
    std::string text = test::read(seeds + seed);
    for (; index > 0; --index) text.erase(0, text.find("\n====\n") + 6);
    return text.substr(0, text.find("\n====\n"));
}

} // namespace

TEST_CASE("a model directory is opened or there is no memory for it")
{
    const test::scratch here;
    const std::string path = here.string();
    for (const char* const seed : {"dense", "gptq", "packed", "int8", "fp8"}) {
        here.put("config.json", part_of("quantized_model/" + std::string{seed}, 0));
        here.put("model.safetensors", part_of("quantized_model/" + std::string{seed}, 1));
        test::fail_each_allocation(seed, [&] { return awq::open_model(path); });
    }
}

TEST_CASE("a GGUF file and its tokenizer are opened or there is no memory for them")
{
    for (const char* const seed : {"bpe", "spm"}) {
        const std::string path = seeds + "gguf_model/" + seed;
        test::fail_each_allocation(seed, [&] { return awq::open_model(path); });
        test::fail_each_allocation(seed, [&] { return awq::open_tokenizer(path); });
    }
}

TEST_CASE("a tokenizer is read and used or there is no memory for it")
{
    for (const char* const seed : {"sentencepiece", "bytes"}) {
        const std::string name = "tokenizer/" + std::string{seed};
        const std::string file = part_of(name, 0), text = part_of(name, 1);
        test::fail_each_allocation(seed, [&] { return awq::tokenizer::from_json(file, "x"); });
        const auto tokens = awq::tokenizer::from_json(file, "x");
        REQUIRE(tokens);
        test::fail_each_allocation(seed, [&] { return tokens->encode(text, true); });
    }
}

TEST_CASE("a recipe is read or there is no memory for it")
{
    for (const char* const seed : {"smoothing", "groups"}) {
        const std::string path = seeds + "recipe/" + seed;
        test::fail_each_allocation(seed, [&] { return awq::load_recipe(path); });
    }
}

TEST_CASE("a chat template is read and rendered or there is no memory for it")
{
    for (const char* const seed : {"loops", "chatml", "methods"}) {
        const std::string name = "chat_template/" + std::string{seed};
        const std::string source = part_of(name, 0);
        const auto messages = awq::json::document::parse(part_of(name, 1), "messages");
        REQUIRE(messages);
        test::fail_each_allocation(seed, [&] { return awq::chat_template::parse(source, "x"); });
        const auto made = awq::chat_template::parse(source, "x");
        REQUIRE(made);
        const auto root = messages->root();
        test::fail_each_allocation(seed, [&] { return made->render(root); });
    }
}

TEST_CASE("samples are read or there is no memory for them")
{
    const test::scratch here;
    const std::string path = here.put("d.jsonl", part_of("dataset/messages", 1));
    const auto tokens = awq::tokenizer::load(AWQ_EXAMPLE_DATA "/tiny-llama/tokenizer.json");
    const auto chat = awq::chat_template::parse("{% for m in messages %}{{ m.content }}{% endfor %}", "x");
    REQUIRE(tokens);
    REQUIRE(chat);
    awq::sample_options options;
    options.chat = [&](const awq::chat_sample& sample) { return chat->render(sample); };
    test::fail_each_allocation("samples", [&] { return awq::load_samples(path, *tokens, options); });
    test::fail_each_allocation("windows", [&] { return awq::load_windows(path, *tokens, options); });
}
