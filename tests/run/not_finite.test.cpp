// SPDX-License-Identifier: MIT
// A NaN or an infinity, in a weight or on the way, ends a run with the tensor's or the block's name.
#include "model_copy.hpp"
#include "model_runs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Writes the small model in float32 after `change`, past the writer's own check of values.
template <class Change>
std::string changed_model(const test::scratch& room, const Change& change)
{
    test::model_copy model;
    change(model);
    model.write(room / "model", test::element_type::f32);
    return room / "model";
}

/// Puts a value into a tensor of a model directory that is written already.
void poke(const std::string& model, const std::string& name, std::size_t element, float value)
{
    const std::string path = model + "/model.safetensors";
    std::uint64_t offset = 0;
    {
        const auto file = awq::safetensors::file::open(path);
        REQUIRE(file);
        offset = file->find(name)->offset + 4 * element;
    }
    std::fstream bytes{path, std::ios::binary | std::ios::in | std::ios::out};
    bytes.seekp(static_cast<std::streamoff>(offset));
    bytes.write(reinterpret_cast<const char*>(&value), 4);
}

const std::vector<test::token_ids> windows{{1, 2, 3, 4, 5, 6, 7, 8}};

template <class Result>
void ends_not_finite(const Result& run, std::string_view name)
{
    REQUIRE_FALSE(run);
    INFO(run.error().text());
    CHECK(run.error().code() == awq::error_code::not_finite);
    CHECK(run.error().text().find(name) != std::string_view::npos);
}

awq::result<awq::run_report> smooth(const std::string& model, const test::scratch& room)
{
    awq::oneshot_options options;
    options.model = model;
    options.output = room / "output";
    test::samples_of(options).dataset = room.put("ids.jsonl", "{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 8]}\n");
    options.task = awq::smooth{};
    options.smoothing->loss = awq::loss_kind::gram;
    options.smoothing->search.n_grid = 3;
    return test::run_oneshot(options);
}

} // namespace

TEST_CASE("a weight that is not finite is named by eval, generate and oneshot")
{
    for (const std::string name :
         {"model.norm.weight", "model.embed_tokens.weight", "lm_head.weight",
          "model.layers.2.post_attention_layernorm.weight", "model.layers.1.mlp.gate_proj.weight"}) {
        const test::scratch room;
        const std::string model = changed_model(
            room, [](test::model_copy& copy) { copy.tensors()["lm_head.weight"] = copy["model.embed_tokens.weight"]; });
        poke(model, name, 17, name.starts_with("lm_head") ? infinity : std::nanf(""));
        ends_not_finite(test::score(model, windows), name);
        ends_not_finite(test::score(test::tiny_model, windows, {model, "", 128}), name);
        ends_not_finite(test::continue_greedily(model, {1, 2, 3}, 4), name);
        ends_not_finite(smooth(model, room), name);
        CHECK_FALSE(std::filesystem::exists(room / "output"));
    }
}

TEST_CASE("a tensor that nobody reads is carried over as it is, whatever it holds")
{
    const test::scratch room;
    const std::string model = changed_model(room, [](test::model_copy& copy) {
        copy.tensors()["visual.scale"] = {{4}, {1, 2, 3, 4}};
    });
    poke(model, "visual.scale", 3, std::nanf(""));
    CHECK(test::score(model, windows));
    REQUIRE(smooth(model, room));
    const auto before = awq::safetensors::checkpoint::open(model);
    const auto after = awq::safetensors::checkpoint::open(room / "output");
    REQUIRE((before && after));
    CHECK(std::ranges::equal(before->find("visual.scale")->bytes, after->find("visual.scale")->bytes));
}

TEST_CASE("values that overflow on the way are named by the block that they come from")
{
    const test::scratch room;
    const std::string model = changed_model(room, [](test::model_copy& copy) {
        for (float& each : copy["model.layers.2.mlp.down_proj.weight"].values) each *= 1e37f;
        for (float& each : copy["model.layers.2.mlp.up_proj.weight"].values) each *= 1e30f;
    });
    ends_not_finite(test::score(model, windows), "block 2 (model.layers.2.");
    ends_not_finite(test::score(test::tiny_model, windows, {model, "", 128}), model);
    ends_not_finite(test::continue_greedily(model, {1, 2, 3}, 4), "block 2 (model.layers.2.");
    ends_not_finite(smooth(model, room), "block 2 (model.layers.2.");
}

TEST_CASE("logits that overflow are no result")
{
    const test::scratch room;
    const std::string model = changed_model(room, [](test::model_copy& copy) {
        copy.tensors()["lm_head.weight"] = copy["model.embed_tokens.weight"];
        for (float& each : copy["lm_head.weight"].values) each = 3e38f;
    });
    ends_not_finite(test::score(model, windows), "the logits are not finite");
    ends_not_finite(test::continue_greedily(model, {1, 2, 3}, 4), "the logits are not finite");
}

TEST_CASE("a NaN agrees with nothing, not even with itself")
{
    const std::vector<float> sound{1, 3, 2}, broken{1, std::nanf(""), 2};
    CHECK(awq::score_position(sound, sound, 0).same_top);
    CHECK_FALSE(awq::score_position(broken, broken, 0).same_top);
    CHECK_FALSE(awq::score_position(sound, broken, 0).same_top);
    CHECK_FALSE(awq::score_position(broken, sound, 0).same_top);
}
