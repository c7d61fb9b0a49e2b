// SPDX-License-Identifier: MIT
// Checkpoints that also see: the text part is worked on, all else is carried over; names in every
// spelling, and an index that is out of date.
#include "catch.hpp"
#include "run/model_copy.hpp"
#include "shell.hpp"

namespace {

using awq::safetensors::checkpoint;

const std::string settings = " --dataset $TEXT --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 ";

std::vector<float> ramp(std::size_t size)
{
    std::vector<float> values(size);
    for (std::size_t i = 0; i < size; ++i) values[i] = 0.01f * static_cast<float>(i);
    return values;
}

// The small Llama as the text part of a LLaVA, its tensors below `prefix`.
void write_llava(const test::scratch& room, const std::string& prefix)
{
    test::model_copy model;
    auto& tensors = model.tensors();
    const std::map<std::string, test::float_tensor> text = tensors;
    tensors.clear();
    for (const auto& [name, tensor] : text) tensors[prefix + name.substr(6)] = tensor;
    tensors["vision_tower.layers.0.self_attn.v_proj.weight"] = {{8, 8}, ramp(64)};
    tensors["vision_tower.patch_conv.weight"] = {{2, 3, 4, 4}, ramp(96)};
    tensors["multi_modal_projector.linear_1.weight"] = {{16, 8}, ramp(128)};
    model.write(room / "llava", awq::safetensors::element_type::bf16);
    // What is missing or null is the type's default: head_dim, rope, biases.
    room.put("llava/config.json", R"({"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
        "tie_word_embeddings": true, "torch_dtype": "bfloat16", "text_config": {"model_type": "llama",
        "hidden_size": 256, "intermediate_size": 512, "max_position_embeddings": 1024,
        "num_attention_heads": 4, "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05,
        "vocab_size": 2048, "head_dim": null, "attention_bias": null, "rope_scaling": null}})");
}

bool same_bytes(const std::string& one, const std::string& other, std::string_view name)
{
    const auto a = checkpoint::open(one), b = checkpoint::open(other);
    REQUIRE(a);
    REQUIRE(b);
    REQUIRE(a->find(name));
    REQUIRE(b->find(name));
    return a->find(name)->shape == b->find(name)->shape &&
           std::ranges::equal(a->find(name)->bytes, b->find(name)->bytes);
}

} // namespace

TEST_CASE("the text part of a multimodal checkpoint is quantized, all else is carried over")
{
    for (const std::string prefix : {"language_model.model.", "model.language_model."}) {
        INFO(prefix);
        const test::scratch room;
        write_llava(room, prefix);
        const auto run = test::shell(room, "set -e; $AWQ oneshot --model llava --output out --scheme W4A16_ASYM"
                                           " --group-size 64" +
                                               settings +
                                               "\nhead -c 600 $TEXT > short.txt"
                                               "\n$AWQ eval --model out --dataset short.txt --max-seq-length 64");
        INFO(run.err);
        REQUIRE(run.exit_code == 0);
        for (const std::string name : {"vision_tower.layers.0.self_attn.v_proj.weight",
                                       "vision_tower.patch_conv.weight", "multi_modal_projector.linear_1.weight"})
            CHECK(same_bytes(room / "llava", room / "out", name));
        const auto out = checkpoint::open(room / "out");
        REQUIRE(out);
        CHECK(out->find(prefix + "layers.3.mlp.down_proj.weight_packed"));
        // transformers loads the modules below other prefixes than the file has
        const auto config = awq::json::load(room / "out/config.json");
        REQUIRE(config);
        std::vector<std::string> ignored;
        for (const awq::json::value each : config->root().at("quantization_config")->at("ignore")->elements())
            ignored.emplace_back(*each.as_string());
        CHECK(ignored == std::vector<std::string>{"re:(.*\\.)?multi_modal_projector(\\..*)?$",
                                                  "re:(.*\\.)?vision_tower(\\..*)?$", "re:(.*\\.)?lm_head$"});
    }
}

TEST_CASE("the text part of a multimodal checkpoint is the model that it is alone")
{
    for (const std::string prefix : {"language_model.model.", "model.language_model.", "model.", ""}) {
        INFO(prefix);
        const test::scratch room;
        write_llava(room, prefix);
        const auto run =
            test::shell(room, "set -e; head -c 600 $TEXT > short; for m in $MODEL llava; do"
                              " $AWQ eval --model $m --dataset short --max-seq-length 64 > $(basename $m).txt;"
                              " done; cat *.txt");
        INFO(run.err);
        REQUIRE(run.exit_code == 0);
        CHECK(test::read(room / "llava.txt") == test::read(room / "tiny-llama.txt"));
    }
}

TEST_CASE("an index that is out of date is passed over with a note, and written anew")
{
    const test::scratch room;
    const auto run =
        test::shell(room, R"(set -e; cp -r $MODEL model; mv model/model.safetensors model/model-1.safetensors
echo '{"weight_map": {"model.norm.weight": "model-1.safetensors", "gone.weight": "model-1.safetensors"}}' \
    > model/model.safetensors.index.json
$AWQ oneshot --model model --output out --smoothing-only)" +
                              settings);
    INFO(run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.says("model.safetensors.index.json: lists what no file has, 1 tensor, \"gone.weight\""));
    CHECK(run.says("index.json: lacks 37 tensors, "));
    const auto out = checkpoint::open(room / "out");
    REQUIRE(out);
    CHECK(out->repairs().empty());
    CHECK(out->index()->weight_map.size() == 38);
}
