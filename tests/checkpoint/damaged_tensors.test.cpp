// SPDX-License-Identifier: MIT
// Every tensor that is used is compared with the config before any work.
#include "device/machines.hpp"
#include "run/model_copy.hpp"

#include <awq/block/block_tensors.hpp>
#include <awq/run/open_model.hpp>

namespace {

struct damage {
    std::string tensor;
    std::vector<std::uint64_t> shape; ///< instead of the right one
    std::string wanted;               ///< the right one, as the error writes it
    std::string field;                ///< of the config, that says so
};

const std::string block = "model.layers.3.";

/// Each kind of tensor with one of its dimensions changed.
std::vector<damage> damages()
{
    return {
        {"model.embed_tokens.weight", {2040, 256}, "[2048, 256]", "vocab_size, hidden_size"},
        {"model.embed_tokens.weight", {2048, 264}, "[2048, 256]", "vocab_size, hidden_size"},
        {"model.embed_tokens.weight", {2, 1024, 256}, "[2048, 256]", "vocab_size, hidden_size"},
        {"model.norm.weight", {16}, "[256]", "hidden_size"},
        {"model.norm.weight", {16, 16}, "[256]", "hidden_size"},
        {"model.norm.weight", {}, "[256]", "hidden_size"},
        {"lm_head.weight", {8, 256}, "[2048, 256]", "vocab_size, hidden_size"},
        {"lm_head.weight", {2048, 8}, "[2048, 256]", "vocab_size, hidden_size"},
        {block + "input_layernorm.weight", {255}, "[256]", "hidden_size"},
        {block + "post_attention_layernorm.weight", {512}, "[256]", "hidden_size"},
        {block + "self_attn.q_proj.weight", {128, 256}, "[256, 256]", "num_attention_heads * head_dim"},
        {block + "self_attn.q_proj.weight", {256, 128}, "[256, 256]", "hidden_size"},
        {block + "self_attn.k_proj.weight", {256, 256}, "[128, 256]", "num_key_value_heads * head_dim"},
        {block + "self_attn.v_proj.weight", {128, 255}, "[128, 256]", "hidden_size"},
        {block + "self_attn.o_proj.weight", {256, 64}, "[256, 256]", "num_attention_heads * head_dim"},
        {block + "self_attn.q_proj.bias", {128}, "[256]", "num_attention_heads * head_dim"},
        {block + "self_attn.k_proj.bias", {256}, "[128]", "num_key_value_heads * head_dim"},
        {block + "self_attn.o_proj.bias", {8}, "[256]", "hidden_size"},
        {block + "mlp.gate_proj.weight", {511, 256}, "[512, 256]", "intermediate_size"},
        {block + "mlp.up_proj.weight", {512, 16}, "[512, 256]", "hidden_size"},
        {block + "mlp.down_proj.weight", {256, 513}, "[256, 512]", "intermediate_size"},
        {block + "mlp.down_proj.weight", {16, 512}, "[256, 512]", "hidden_size"},
    };
}

/// The small model with an own head and biases, all as its config says.
test::model_copy whole_model()
{
    test::model_copy model;
    model.tensors()["lm_head.weight"] = model["model.embed_tokens.weight"];
    for (int layer = 0; layer < 4; ++layer) {
        const std::string attn = "model.layers." + std::to_string(layer) + ".self_attn.";
        for (const auto& [name, size] : {std::pair{"q_proj", 256u}, std::pair{"k_proj", 128u},
                                         std::pair{"v_proj", 128u}, std::pair{"o_proj", 256u}})
            model.tensors()[attn + name + ".bias"] = {{size}, std::vector<float>(size, 0.25f)};
    }
    return model;
}

void write(const test::model_copy& model, const std::string& path)
{
    std::filesystem::remove_all(path);
    model.write(path, test::element_type::bf16);
    test::replace_in_file(path + "/config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    test::replace_in_file(path + "/config.json", "\"attention_bias\": false", "\"attention_bias\": true");
}

std::string refusal(const std::string& model)
{
    const auto opened = awq::open_model(model);
    REQUIRE_FALSE(opened);
    const auto plain = awq::directory_source::open(model); // what oneshot and export use
    REQUIRE_FALSE(plain);
    CHECK(plain.error().text() == opened.error().text());
    return std::string{opened.error().text()};
}

void names(const std::string& text, std::string_view part)
{
    INFO(text);
    INFO("must name " << part);
    CHECK(text.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("a tensor of another shape than the config says is refused when the model is opened")
{
    const test::scratch room;
    const std::string path = room / "model";
    const test::model_copy sound = whole_model();
    write(sound, path);
    const auto opened = awq::open_model(path);
    if (!opened) FAIL(opened.error().text());
    for (const damage& each : damages()) {
        test::model_copy model = sound;
        std::uint64_t count = 1;
        for (const std::uint64_t extent : each.shape) count *= extent;
        model[each.tensor].shape = each.shape;
        model[each.tensor].values.assign(static_cast<std::size_t>(count), 0.5f);
        write(model, path);
        const std::string text = refusal(path);
        names(text, path);
        names(text, "\"" + each.tensor + "\" has the shape " + awq::safetensors::shape_text(each.shape));
        names(text, "asks for " + each.wanted);
        names(text, each.field);
    }
}

TEST_CASE("a tensor that the config asks for and one that it has none of are refused by name")
{
    const test::scratch room;
    const std::string path = room / "model";
    SECTION("each tensor is missed")
    {
        for (const std::string name : {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight",
                                       "model.layers.2.input_layernorm.weight", "model.layers.2.self_attn.q_proj.bias",
                                       "model.layers.2.mlp.up_proj.weight"}) {
            test::model_copy model = whole_model();
            model.tensors().erase(name);
            write(model, path);
            names(refusal(path), "there is no tensor \"" + name + "\"");
        }
    }
    SECTION("a bias that the config has not")
    {
        test::model_copy model = whole_model();
        model.tensors()["model.layers.1.mlp.up_proj.bias"] = {{512}, std::vector<float>(512, 1.0f)};
        write(model, path);
        names(refusal(path), "\"model.layers.1.mlp.up_proj.bias\" is there");
        model["model.layers.1.mlp.up_proj.bias"].values.assign(512, 0.0f); // as AutoGPTQ writes them
        write(model, path);
        const auto opened = awq::open_model(path);
        REQUIRE(opened);
        const auto loaded = awq::block_tensors::load(test::serial_machine(), **opened, 1);
        REQUIRE(loaded);
        CHECK_FALSE(loaded->find("mlp.up_proj.bias"));
    }
    SECTION("tensors that no config knows are none of our business")
    {
        test::model_copy model = whole_model();
        model.tensors()["model.layers.9.mlp.up_proj.weight"] = {{3, 3}, std::vector<float>(9)};
        model.tensors()["visual.patch.weight"] = {{2, 2, 2}, std::vector<float>(8)};
        write(model, path);
        CHECK(awq::open_model(path));
    }
}

TEST_CASE("a config that does not belong to the weights is refused by its field")
{
    const test::scratch room;
    const std::string path = room / "model";
    const auto refused = [&](std::string_view from, std::string_view to, std::string_view field) {
        std::filesystem::remove_all(path);
        std::filesystem::copy(test::tiny_model, path);
        test::replace_in_file(path + "/config.json", from, to);
        names(refusal(path), field);
    };
    refused("\"vocab_size\": 2048", "\"vocab_size\": 2047", "vocab_size");
    refused("\"hidden_size\": 256", "\"hidden_size\": 512", "hidden_size");
    refused("\"intermediate_size\": 512", "\"intermediate_size\": 513", "intermediate_size");
    refused("\"num_attention_heads\": 4", "\"num_attention_heads\": 2", "num_attention_heads");
    refused("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 4", "num_key_value_heads");
    refused("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5", "model.layers.4.");
    refused("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "lm_head.weight");
}
