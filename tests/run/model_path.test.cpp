// SPDX-License-Identifier: MIT
// What is given where a model is wanted is recognised, and the error says what to do.
#include "model_copy.hpp"

#include <awq/run/open_model.hpp>

namespace {

namespace fs = std::filesystem;

std::string refusal(const std::string& path)
{
    const auto opened = awq::open_model(path);
    REQUIRE_FALSE(opened);
    const std::string text{opened.error().text()};
    CHECK(text.find(path) != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(opened.error().code() != awq::error_code::invalid_argument); // no flag is wrong
    return text;
}

void says(const std::string& text, std::string_view part)
{
    INFO(text);
    INFO("must say " << part);
    CHECK(text.find(part) != std::string::npos);
}

const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 9\n";

} // namespace

TEST_CASE("directories that are no models say what they are")
{
    const test::scratch room;
    SECTION("nothing is there") { says(refusal(room / "nowhere"), "there is no such file or directory"); }
    SECTION("empty") { says(refusal(room.string()), "is an empty directory"); }
    SECTION("one level too high")
    {
        room.put("models/small/config.json", "{}");
        says(refusal(room / "models"), "has no config.json; give " + room / "models/small");
    }
    SECTION("the root of a hub cache")
    {
        room.put("models--org--name/snapshots/0a1b/config.json", "{}");
        room.put("models--org--name/refs/main", "0a1b");
        const std::string text = refusal(room / "models--org--name");
        says(text, "is the root of a download cache");
        says(text, "/snapshots/0a1b");
    }
    SECTION("GGUF files in a directory")
    {
        room.put("quants/model-q4_k_m.gguf", "GGUF");
        says(refusal(room / "quants"), "the GGUF file model-q4_k_m.gguf; give that file");
    }
    SECTION("no config.json")
    {
        room.put("model/tokenizer.json", "{}");
        says(refusal(room / "model"), "config.json: is not there");
    }
}

TEST_CASE("weights of other formats are named with the way out")
{
    const test::scratch room;
    room.put("model/config.json", "{}");
    for (const auto& [file, what] :
         {std::pair{"pytorch_model.bin", "PyTorch"}, std::pair{"consolidated.00.pth", "PyTorch"},
          std::pair{"weights.pt", "PyTorch"}, std::pair{"model.onnx", "ONNX"}, std::pair{"flax_model.msgpack", "Flax"},
          std::pair{"tf_model.h5", "TensorFlow"}}) {
        const std::string path = room.put(std::string{"model/"} + file, "x");
        for (const std::string& given : {room / "model", path}) {
            const std::string text = refusal(given);
            says(text, file);
            says(text, what);
            says(text, "safe_serialization=True");
        }
        fs::remove(path);
    }
    says(refusal(room / "model"), "neither model.safetensors nor");
    room.put("model/model-00001-of-00002.safetensors", "x");
    says(refusal(room / "model"), "model-00001-of-00002.safetensors");
}

TEST_CASE("a file of a model directory is not the model")
{
    const std::string weights = test::tiny_model + "/model.safetensors";
    says(refusal(weights), "give the model's directory, " + test::tiny_model);
    says(refusal(test::tiny_model + "/config.json"), "give the model's directory");
    const auto plain = awq::directory_source::open("some/model-q4_0.gguf");
    REQUIRE_FALSE(plain);
    CHECK(plain.error().code() == awq::error_code::file_not_found);
    const test::scratch room;
    const auto gguf = awq::directory_source::open(room.put("m.gguf", "GGUF"));
    says(std::string{gguf.error().text()}, "is a GGUF file");
}

TEST_CASE("a part of a split GGUF file names the tool that joins them")
{
    const test::scratch room;
    says(refusal(room.put("m-00001-of-00003.gguf", "GGUF")), "llama-gguf-split --merge");
    says(refusal(room.put("m-q4-00002-of-00003.gguf", "GGUF")), "llama-gguf-split --merge");
    says(refusal(room.put("m-1-of-3.gguf", "GGUF")), "m-1-of-3.gguf: ");
}

TEST_CASE("Git LFS pointers are recognised wherever a file is read")
{
    const test::scratch room;
    fs::copy(test::tiny_model, room / "model");
    says(refusal(room.put("m.gguf", pointer)), "is a Git LFS pointer");
    for (const char* name : {"config.json", "model.safetensors"}) {
        const std::string whole = test::read(room / "model/" + name);
        room.put(std::string{"model/"} + name, pointer);
        const std::string text = refusal(room / "model");
        says(text, std::string{name} + ": is a Git LFS pointer");
        says(text, "git lfs pull");
        room.put(std::string{"model/"} + name, whole);
    }
    room.put("model/tokenizer.json", pointer);
    const auto tokens = awq::open_tokenizer(room / "model");
    says(std::string{tokens.error().text()}, "tokenizer.json: is a Git LFS pointer");
}

TEST_CASE("a tokenizer of another kind says how to make one that can be read")
{
    for (const std::string name : {"tokenizer.model", "vocab.json", "tekken.json"}) {
        const test::scratch room;
        room.put("model/" + name, "x");
        const auto tokens = awq::open_tokenizer(room / "model");
        REQUIRE_FALSE(tokens);
        says(std::string{tokens.error().text()}, "has " + name + " but no tokenizer.json");
        says(std::string{tokens.error().text()}, "save_pretrained");
    }
    const test::scratch room;
    const auto tokens = awq::open_tokenizer(room.string());
    says(std::string{tokens.error().text()}, "tokenizer.json: is not there");
}
