// SPDX-License-Identifier: MIT
// A GGUF file whose tensors are not those of its metadata is refused when it is opened.
#include "gguf_files.hpp"

#include <awq/run/open_model.hpp>

#include <tuple>

namespace {

using dims = std::vector<std::uint64_t>;

std::string refusal(const std::string& path)
{
    const auto opened = awq::open_model(path);
    REQUIRE_FALSE(opened);
    return std::string{opened.error().text()};
}

void names(const std::string& text, std::string_view part)
{
    INFO(text);
    INFO("must name " << part);
    CHECK(text.find(part) != std::string::npos);
}

/// The small model with an own head, as a GGUF file of F32.
std::string whole_file(const test::scratch& room)
{
    test::model_copy model;
    model.tensors()["lm_head.weight"] = model["model.embed_tokens.weight"];
    model.write(room / "model", test::element_type::f32);
    test::replace_in_file(room / "model/config.json", "\"tie_word_embeddings\": true",
                          "\"tie_word_embeddings\": false");
    return test::exported(room / "model", room, "f32");
}

} // namespace

TEST_CASE("a GGUF tensor of another shape than the metadata says is refused by its name")
{
    const test::scratch room;
    const std::string sound = whole_file(room);
    REQUIRE(awq::open_model(sound));
    // GGUF's dims begin with the columns; errors show rows first, as for checkpoints.
    const std::vector<std::tuple<std::string, dims, std::string, std::string>> damages{
        {"token_embd.weight", {264, 2048}, "[2048, 264]", "[2048, 256]"},
        {"output_norm.weight", {16}, "[16]", "[256]"},
        {"output_norm.weight", {16, 16}, "[16, 16]", "[256]"},
        {"output.weight", {256, 8}, "[8, 256]", "[2048, 256]"},
        {"output.weight", {8, 2048}, "[2048, 8]", "[2048, 256]"},
        {"blk.3.attn_norm.weight", {255}, "[255]", "[256]"},
        {"blk.3.ffn_norm.weight", {8}, "[8]", "[256]"},
        {"blk.3.attn_q.weight", {256, 128}, "[128, 256]", "[256, 256]"},
        {"blk.3.attn_k.weight", {128, 128}, "[128, 128]", "[128, 256]"},
        {"blk.3.attn_v.weight", {256, 64}, "[64, 256]", "[128, 256]"},
        {"blk.3.attn_output.weight", {64, 256}, "[256, 64]", "[256, 256]"},
        {"blk.3.ffn_gate.weight", {256, 511}, "[511, 256]", "[512, 256]"},
        {"blk.3.ffn_up.weight", {16, 512}, "[512, 16]", "[512, 256]"},
        {"blk.3.ffn_down.weight", {512, 16}, "[16, 512]", "[256, 512]"},
        {"blk.3.ffn_down.weight", {512, 256, 2}, "[2, 256, 512]", "[256, 512]"},
    };
    for (const auto& [name, shape, found, wanted] : damages) {
        const auto damage = [&](test::gguf_parts& parts) {
            for (auto& tensor : parts.tensors)
                if (tensor.name == name) tensor.dims = shape;
        };
        const std::string text = refusal(test::changed_copy(sound, room, damage));
        names(text, "\"" + name + "\" has the shape " + found);
        names(text, "asks for " + wanted);
    }
}

TEST_CASE("a GGUF file without a tensor is refused, one with another of its own is not")
{
    const test::scratch room;
    const std::string sound = whole_file(room);
    const auto without = [&](test::gguf_parts& parts) {
        std::erase_if(parts.tensors, [](const auto& each) { return each.name == "blk.2.ffn_up.weight"; });
    };
    names(refusal(test::changed_copy(sound, room, without)), "there is no tensor \"blk.2.ffn_up.weight\"");
    const auto more = [](test::gguf_parts& parts) {
        parts.tensors.push_back({"blk.9.something.weight", awq::gguf::type::f32, {3}});
    };
    CHECK(awq::open_model(test::changed_copy(sound, room, more)));
}

TEST_CASE("a part of a split GGUF file is known by its metadata too")
{
    const test::scratch room;
    const auto split = [](test::gguf_parts& parts) {
        parts.metadata.set("split.count", awq::gguf::value{std::uint16_t{3}});
    };
    names(refusal(test::changed_copy(whole_file(room), room, split)), "llama-gguf-split");
}
