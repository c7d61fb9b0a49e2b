// SPDX-License-Identifier: MIT
// What a run refuses: one clear line, and nothing is left behind.
#include "model_copy.hpp"
#include "model_runs.hpp"

#include <algorithm>
#include <set>

namespace {

namespace fs = std::filesystem;

/// A folder with a copy of the small model in it, and options that would smooth it.
class workplace {
public:
    workplace()
    {
        fs::copy(test::tiny_model, room_ / "model");
        options.model = room_ / "model";
        options.output = room_ / "output";
        test::samples_of(options).dataset =
            room_.put("text.txt", "The history of the city begins in the twelfth century.\n");
        options.task = awq::smooth{};
        options.smoothing->loss = awq::loss_kind::gram;
        options.smoothing->search.n_grid = 3;
    }

    std::string model_file(const std::string& name) const { return options.model + "/" + name; }
    std::string put(std::string_view name, std::string_view content) const { return room_.put(name, content); }
    std::string operator/(std::string_view name) const { return room_ / name; }

    /// Replaces the weights by those that `change` has made of them.
    template <class Change>
    void change_weights(Change&& change)
    {
        test::model_copy model{options.model};
        change(model);
        model.write(room_ / "changed", test::element_type::bf16);
        fs::remove_all(options.model);
        fs::rename(room_ / "changed", options.model);
    }

    awq::oneshot_options options;

    /// Everything in the folder, the source included.
    std::set<std::string> contents() const
    {
        std::set<std::string> names;
        for (const auto& each : fs::recursive_directory_iterator{room_.string()}) names.insert(each.path().string());
        return names;
    }

private:
    test::scratch room_;
};

/// Runs, expects that code, and that nothing has appeared or gone; gives the text.
std::string refusal(const workplace& at, awq::error_code code)
{
    const auto before = at.contents();
    const auto report = test::run_oneshot(at.options);
    CHECK(at.contents() == before);
    REQUIRE_FALSE(report);
    const std::string text{report.error().text()};
    INFO(text);
    CHECK(awq::message(report.error().code()) == awq::message(code));
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.size() > 20);
    return text;
}

void names(const std::string& text, std::string_view part)
{
    INFO(text);
    INFO("must name " << part);
    CHECK(text.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("a run that nothing tells how to quantize says so")
{
    workplace at;
    at.options.task = awq::quantize{};
    names(refusal(at, awq::error_code::invalid_argument), "`formats` is empty");
}

TEST_CASE("a step of the search that could never act is refused")
{
    workplace at;
    const auto refused = [&](std::string_view part) {
        const std::string text = refusal(at, awq::error_code::invalid_argument);
        names(text, "`search_clipping`");
        names(text, part);
    };
    awq::quantize task = test::to_scheme("W4A16_ASYM", 128);
    task.search_clipping = true;
    task.clip_steps = 1;
    at.options.task = task;
    refused("`clip_steps` above 1");
    at.options.smoothing.reset();
    refused("the search, which smooths");
}

TEST_CASE("a group size that divides nothing is refused with advice")
{
    workplace at;
    at.options.task = test::smoothing_for("W4A16_ASYM", 96);
    const std::string text = refusal(at, awq::error_code::unsupported);
    names(text, "96");
    names(text, "--group-size");
}

TEST_CASE("a layer that the group size does not divide is skipped by name")
{
    workplace at;
    at.options.task =
        test::smoothing_for("W4A16_ASYM", 512); // divides down_proj's 512 inputs, not the 256 of the others
    const auto report = test::run_oneshot(at.options);
    REQUIRE(report);
    CHECK(report->smoothed_mappings() == 4);
    for (const awq::mapping_report& each : report->mappings) {
        INFO(each.smooth_layer << ": " << each.skipped);
        CHECK(each.skipped.empty() == each.smooth_layer.ends_with("up_proj"));
    }
    names(report->mappings.front().skipped, "model.layers.0.self_attn.");
    names(report->mappings.front().skipped, "512");
}

TEST_CASE("a scheme skips the layers that its groups do not divide, with a warning and in the report")
{
    workplace at;
    at.options.task = test::to_scheme("W4A16", 512);
    const auto report = test::run_oneshot(at.options);
    REQUIRE(report);
    std::size_t skipped = 0, written = 0;
    for (const awq::layer_report& each : report->layers) {
        INFO(each.layer << ": " << each.skipped);
        CHECK(each.skipped.empty() == each.layer.ends_with("down_proj"));
        each.skipped.empty() ? ++written : ++skipped;
    }
    CHECK(written == 4);
    CHECK(skipped == 24);
    const auto is_said = [](const awq::notice& each) {
        return each.level == awq::notice::severity::warning &&
               each.text.starts_with("scheme W4A16 does not fit 24 layers");
    };
    CHECK(std::any_of(report->notes.begin(), report->notes.end(), is_said));
    const std::string config = test::read(at.options.output + "/config.json");
    names(config, "model.layers.0.self_attn.q_proj"); // among those that servers must leave alone
    CHECK(config.find("model.layers.0.mlp.down_proj") == std::string::npos);
}

TEST_CASE("a smoothing-only run simulates its scheme, and its report says which")
{
    workplace at;
    at.options.task = test::smoothing_for("W2A16", 64);
    const auto coarse = test::run_oneshot(at.options);
    REQUIRE(coarse);
    CHECK(coarse->mode == "smoothing_only");
    CHECK(coarse->scheme == "W2A16");
    CHECK(coarse->group_size == 64);
    at.options.task = test::smoothing_for("W8A16", 64);
    at.options.overwrite = true;
    const auto fine = test::run_oneshot(at.options);
    REQUIRE(fine);
    CHECK(fine->mappings.front().initial_error < coarse->mappings.front().initial_error / 100);
}

TEST_CASE("a smoothing-only run writes its checkpoint to every directory that is named")
{
    workplace at;
    at.options.output_smoothed = at / "again";
    const auto report = test::run_oneshot(at.options);
    REQUIRE(report);
    CHECK(report->outputs.size() == 2);
    CHECK(test::read(at / "again/model.safetensors") == test::read(at / "output/model.safetensors"));
}

TEST_CASE("mappings of a recipe that the model does not have are a warning")
{
    workplace at;
    at.options.smoothing->mappings =
        awq::own_mappings{{{"re:.*up_proj$", {"re:.*down_proj$"}}, {"re:.*fc1$", {"re:.*fc2$"}}}, "my.yaml"};
    const auto report = test::run_oneshot(at.options);
    REQUIRE(report);
    const auto is_said = [](const awq::notice& each) {
        return each.level == awq::notice::severity::warning &&
               each.text.starts_with("my.yaml: the mapping of \"re:.*fc1$\"");
    };
    CHECK(std::count_if(report->notes.begin(), report->notes.end(), is_said) == 1);
}

TEST_CASE("steps that a run could not take are told, with the reason and the layers")
{
    workplace at;
    at.options.task = test::to_scheme("W4A16", 128);
    const auto report = test::run_oneshot(at.options); // one line of text: too few tokens
    REQUIRE(report);
    const auto is_said = [](const awq::notice& each) {
        return each.level == awq::notice::severity::warning &&
               each.text.starts_with("no least-squares target (fewer than 4 tokens a channel): 28 layers");
    };
    CHECK(std::any_of(report->notes.begin(), report->notes.end(), is_said));
}

TEST_CASE("an output is not put where it would do harm")
{
    workplace at;
    SECTION("over a directory that is there")
    {
        fs::create_directory(at.options.output);
        names(refusal(at, awq::error_code::file_exists), "output");
    }
    SECTION("over something that is not a model, even when overwriting is asked for")
    {
        at.put("output/thesis.txt", "years of work");
        at.options.overwrite = true;
        names(refusal(at, awq::error_code::file_exists), "config.json");
    }
    SECTION("into the source")
    {
        at.options.output = at.options.model + "/smoothed";
        names(refusal(at, awq::error_code::invalid_argument), "--model");
    }
    SECTION("over the source")
    {
        at.options.output = at.options.model + "/../model/";
        at.options.overwrite = true;
        names(refusal(at, awq::error_code::invalid_argument), "--model");
    }
    SECTION("into a directory that is not there")
    {
        at.options.output = at / "nowhere/output";
        refusal(at, awq::error_code::file_not_found);
    }
    SECTION("into something that is no directory")
    {
        at.options.output = at / "text.txt/output";
        const auto before = at.contents();
        CHECK_FALSE(test::run_oneshot(at.options));
        CHECK(at.contents() == before);
    }
}

TEST_CASE("an output is replaced only when that is asked for, and whole")
{
    workplace at;
    fs::copy(test::tiny_model, at.options.output);
    const std::string old = test::read(at.options.output + "/model.safetensors");
    refusal(at, awq::error_code::file_exists);
    CHECK(test::read(at.options.output + "/model.safetensors") == old);
    at.put("output/left_over.txt", "of the old model");
    at.options.overwrite = true;
    REQUIRE(test::run_oneshot(at.options));
    CHECK(test::read(at.options.output + "/model.safetensors") != old);
    CHECK_FALSE(fs::exists(at.options.output + "/left_over.txt"));
}

TEST_CASE("a config that cannot be used is refused, naming the file")
{
    workplace at;
    SECTION("an architecture that is not known")
    {
        test::replace_in_file(at.model_file("config.json"), "LlamaForCausalLM", "GnuForCausalLM");
        // Nor are its tensors a Llama's, which it would be taken for.
        test::replace_in_file(at.model_file("config.json"), "\"intermediate_size\": ", "\"intermediate_size\": 1");
        const std::string text = refusal(at, awq::error_code::unknown_architecture);
        names(text, "GnuForCausalLM");
        names(text, "config.json");
    }
    SECTION("a field is missing")
    {
        test::replace_in_file(at.model_file("config.json"), "\"hidden_size\"", "\"width\"");
        const std::string text = refusal(at, awq::error_code::missing_field);
        names(text, "hidden_size");
        names(text, "config.json");
    }
    SECTION("not JSON")
    {
        at.put("model/config.json", "{\"architectures\": [");
        names(refusal(at, awq::error_code::malformed_file), "config.json");
    }
    SECTION("not there")
    {
        fs::remove(at.model_file("config.json"));
        names(refusal(at, awq::error_code::file_not_found), "config.json");
    }
}

TEST_CASE("weights that cannot be used are refused, naming the tensor")
{
    workplace at;
    SECTION("a NaN in the last block")
    {
        const std::string bytes = test::read(at.model_file("model.safetensors"));
        const auto shard = awq::safetensors::file::open(at.model_file("model.safetensors"));
        REQUIRE(shard);
        const auto* const tensor = shard->find("model.layers.3.mlp.down_proj.weight");
        const auto place = static_cast<std::size_t>(tensor->offset) + 2 * 1000;
        at.put("model/model.safetensors",
               bytes.substr(0, place) + std::string{"\xc0\x7f", 2} + bytes.substr(place + 2));
        const std::string text = refusal(at, awq::error_code::not_finite);
        names(text, "model.layers.3.mlp.down_proj.weight");
        names(text, "1000");
    }
    SECTION("a missing tensor")
    {
        at.change_weights([](auto& model) { model.tensors().erase("model.layers.2.mlp.up_proj.weight"); });
        names(refusal(at, awq::error_code::missing_tensor), "model.layers.2.mlp.up_proj.weight");
    }
    SECTION("a shape that the config does not ask for")
    {
        at.change_weights([](auto& model) {
            auto& tensor = model["model.layers.1.self_attn.o_proj.weight"];
            tensor.shape = {128, 512};
        });
        names(refusal(at, awq::error_code::shape_mismatch), "model.layers.1");
    }
    SECTION("a file that was cut off")
    {
        fs::resize_file(at.model_file("model.safetensors"), 1'000'000);
        names(refusal(at, awq::error_code::malformed_file), "model.safetensors");
    }
    SECTION("no weights")
    {
        fs::remove(at.model_file("model.safetensors"));
        names(refusal(at, awq::error_code::file_not_found), "model.safetensors");
    }
}

TEST_CASE("a dataset that cannot be used is refused, naming the file and the line")
{
    workplace at;
    SECTION("ids beyond the vocabulary")
    {
        test::samples_of(at.options).dataset =
            at.put("ids.jsonl", "{\"input_ids\": [1, 2]}\n{\"input_ids\": [2048]}\n");
        const std::string text = refusal(at, awq::error_code::malformed_file);
        names(text, "ids.jsonl:2");
        names(text, "2048");
    }
    SECTION("empty")
    {
        test::samples_of(at.options).dataset = at.put("empty.txt", "");
        names(refusal(at, awq::error_code::malformed_file), "empty.txt");
    }
    SECTION("not there")
    {
        test::samples_of(at.options).dataset = at / "no such file.txt";
        names(refusal(at, awq::error_code::file_not_found), "no such file.txt");
    }
    SECTION("a line without anything to read")
    {
        test::samples_of(at.options).dataset = at.put("chat.jsonl", "{\"conversation\": []}\n");
        names(refusal(at, awq::error_code::missing_field), "chat.jsonl:1");
    }
}

TEST_CASE("when every layer is ignored there is nothing to do")
{
    workplace at;
    at.options.ignore = {"re:.*proj$"};
    names(refusal(at, awq::error_code::unsupported), "--ignore");
}
