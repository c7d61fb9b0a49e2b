// SPDX-License-Identifier: MIT
#include "failing_new.hpp"
#include "io/scratch.hpp"

#include <awq/data/tokenizer.hpp>
#include <awq/pipeline/open_model.hpp>
#include <awq/recipe/load_recipe.hpp>

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
    for (const char* const seed : {"dense", "gptq", "packed", "int8", "fp8"}) {
        here.put("config.json", part_of("quantized_model/" + std::string{seed}, 0));
        here.put("model.safetensors", part_of("quantized_model/" + std::string{seed}, 1));
        test::fail_each_allocation(seed, [&] { return awq::open_model(here.string()); });
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
