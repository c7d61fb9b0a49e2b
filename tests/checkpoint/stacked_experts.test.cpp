// SPDX-License-Identifier: MIT
// Checkpoints that hold the experts of a block in one tensor, in every order that is met.
#include "run/family_model.hpp"
#include "run/model_copy.hpp"

#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/mxfp4.hpp>

#include <algorithm>

using awq::stack_order;

namespace {

struct stacked_family {
    const char* config;
    stack_order order;
};

constexpr const char* qwen3_vl = R"("architectures": ["Qwen3VLMoeForConditionalGeneration"],
    "model_type": "qwen3_vl_moe_text", "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
    "num_experts_per_tok": 2, "moe_intermediate_size": 48, "tie_word_embeddings": false)";

constexpr stacked_family stacked[] = {
    {qwen3_vl, stack_order::out_in},
    {qwen3_vl, stack_order::in_out},
    // other names
    {R"("architectures": ["GraniteMoeForCausalLM"], "num_key_value_heads": 2, "num_local_experts": 4,
        "attention_multiplier": 0.25, "num_experts_per_tok": 2)",
     stack_order::out_in},
    // gate and up in turns, biases, sinks
    {R"("architectures": ["GptOssForCausalLM"], "num_key_value_heads": 2, "head_dim": 16,
        "num_local_experts": 4, "num_experts_per_tok": 2)",
     stack_order::in_out},
    // turned, and some blocks without experts
    {R"("architectures": ["Llama4ForCausalLM"], "model_type": "llama4_text", "num_key_value_heads": 2,
        "head_dim": 16, "num_local_experts": 4, "intermediate_size_mlp": 128,
        "interleave_moe_layer_step": 2, "attention_chunk_size": 16)",
     stack_order::in_out},
};

std::map<std::string, std::vector<std::uint64_t>> shapes_of(const std::string& directory)
{
    const auto files = awq::safetensors::checkpoint::open(directory);
    if (!files) FAIL(files.error().text());
    std::map<std::string, std::vector<std::uint64_t>> shapes;
    for (const auto* const each : files->tensors()) shapes[each->name] = each->shape;
    return shapes;
}

} // namespace

TEST_CASE("stacked experts are smoothed one by one, and stacked again")
{
    for (const auto& [family, order] : stacked) {
        INFO(family);
        const test::scratch room;
        awq::oneshot_options options = test::run_of(room, test::write_family(room, family, order));
        options.smoothing->mappings = awq::mapping_choice::all;
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        CHECK(report->smoothed_mappings() >= 6);
        CHECK(shapes_of(options.output) == shapes_of(options.model));
        CHECK(test::kl_of(options.output, options.model) < 1e-7);
    }
}

TEST_CASE("a checkpoint computes the same with and without stacks")
{
    for (const auto& [family, order] : stacked) {
        INFO(family);
        const test::scratch one, other;
        const std::string plain = test::write_family(one, family), tall = test::write_family(other, family, order);
        CHECK(shapes_of(plain).size() > shapes_of(tall).size());
        CHECK(test::kl_of(tall, plain) == 0.0);
    }
}

TEST_CASE("quantized experts are stored one by one")
{
    for (const auto& [family, order] : stacked) {
        INFO(family);
        const test::scratch room;
        awq::oneshot_options options = test::run_of(room, test::write_family(room, family, order));
        options.task = test::to_scheme("W8A16", 16);
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        const auto shapes = shapes_of(options.output);
        const auto is_expert = [](const auto& each) {
            return each.first.find("experts.3.up_proj.weight_packed") != std::string::npos;
        };
        CHECK(std::ranges::any_of(shapes, is_expert));
        CHECK(test::kl_of(options.output, options.model) < 0.05);
    }
}

TEST_CASE("experts with zero points are warned about, as few programs read them")
{
    const test::scratch room;
    const auto& [family, order] = stacked[0];
    awq::oneshot_options options = test::run_of(room, test::write_family(room, family, order));
    const auto warned = [&](const char* scheme) {
        options.task = test::to_scheme(scheme, 16);
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        return std::ranges::any_of(report->notes, [](const awq::notice& each) {
            return awq::line_of(each).starts_with("warning: experts have zero points");
        });
    };
    CHECK(warned("W4A16_ASYM"));
    CHECK_FALSE(warned("W4A16"));
}

TEST_CASE("a stack whose shape does not tell its order is refused by name")
{
    const test::scratch room;
    const std::string square = R"("architectures": ["Qwen3VLMoeForConditionalGeneration"],
        "model_type": "qwen3_vl_moe_text", "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "tie_word_embeddings": false)";
    const std::string model = test::write_family(room, square.c_str(), stack_order::in_out);
    awq::oneshot_options options = test::run_of(room, model);
    const auto report = test::run_oneshot(options);
    REQUIRE_FALSE(report);
    INFO(report.error().text());
    CHECK(report.error().text().find("experts") != std::string_view::npos);
}

namespace {

// A model of gpt-oss whose experts are MXFP4, and beside it what these stand for.
void write_packed(const std::string& plain, const std::string& packed)
{
    std::filesystem::copy(plain, packed);
    const auto source = awq::safetensors::checkpoint::open(packed);
    REQUIRE(source);
    std::vector<awq::safetensors::tensor_spec> specs[2];
    std::map<std::string, std::vector<float>> values;
    std::map<std::string, std::vector<std::byte>> bytes;
    std::mt19937 random{3};
    for (const auto* const each : source->tensors()) {
        values[each->name].resize(each->element_count());
        REQUIRE(awq::safetensors::read_floats(*each, values[each->name]));
        specs[0].push_back(each->spec());
        const auto& shape = each->shape;
        if (shape.size() != 3) {
            specs[1].push_back(each->spec());
            continue;
        }
        const std::size_t inputs = shape[1], outputs = shape[2], groups = inputs / 32;
        auto& blocks = bytes[each->name + "_blocks"];
        auto& scales = bytes[each->name + "_scales"];
        constexpr auto u8 = awq::safetensors::element_type::u8;
        specs[1].push_back({each->name + "_blocks", u8, {shape[0], outputs, groups, 16}});
        specs[1].push_back({each->name + "_scales", u8, {shape[0], outputs, groups}});
        for (std::size_t i = 0; i < shape[0] * outputs * groups; ++i) {
            scales.push_back(static_cast<std::byte>(119 + random() % 4));
            for (int j = 0; j < 16; ++j) blocks.push_back(static_cast<std::byte>(random()));
        }
        std::vector<float> made(values[each->name].size());
        awq::safetensors::widen_mxfp4(blocks, scales, made); // (experts, outputs, inputs)
        for (std::size_t i = 0; i < made.size(); ++i) {
            const std::size_t e = i / (outputs * inputs), o = i / inputs % outputs;
            values[each->name][(e * inputs + i % inputs) * outputs + o] = made[i];
        }
    }
    for (const int which : {0, 1}) {
        const std::string path = (which == 0 ? plain : packed) + "/model.safetensors";
        std::filesystem::remove(path);
        auto out = awq::safetensors::writer::create(path, specs[which]);
        REQUIRE(out);
        for (const auto& spec : specs[which])
            REQUIRE((bytes.contains(spec.name) && which == 1 ? out->write(spec.name, bytes[spec.name])
                                                             : out->write_floats(spec.name, values[spec.name])));
        REQUIRE(out->finish());
    }
    test::replace_in_file(packed + "/config.json", "{", R"({"quantization_config": {"quant_method": "mxfp4"},)");
}

} // namespace

TEST_CASE("MXFP4 experts are read as the weights that they stand for, and written in 16 bits")
{
    const test::scratch room;
    const std::string plain = test::write_family(room, stacked[3].config, stack_order::in_out);
    const std::string packed = room / "packed";
    write_packed(plain, packed);
    CHECK(test::kl_of(packed, plain) == 0.0);
    awq::oneshot_options options = test::run_of(room, packed);
    REQUIRE(test::run_oneshot(options));
    CHECK(shapes_of(options.output) == shapes_of(plain));
    CHECK(test::read(options.output + "/config.json").find("quantization_config") == std::string::npos);
    CHECK(test::kl_of(options.output, plain) < 1e-3); // of bfloat16
    options.task = test::to_scheme("W8A16", 16);
    REQUIRE(test::run_oneshot(options));
    CHECK(test::kl_of(options.output, plain) < 0.01);
}

TEST_CASE("tokens of every expert are counted, all of them where experts shall see all")
{
    const test::scratch room;
    awq::oneshot_options options = test::run_of(room, test::write_family(room, qwen3_vl));
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    REQUIRE(report->experts.size() == 2);
    std::uint64_t routed = 0;
    for (const std::uint64_t tokens : report->experts[1].tokens) routed += tokens;
    test::samples_of(options).all_experts = true;
    const auto all = test::run_oneshot(options);
    if (!all) FAIL(all.error().text());
    CHECK(2 * all->experts[1].fewest() == routed); // each token goes through two of four
    CHECK(all->experts[1].fewest() == all->experts[1].most());
    CHECK(test::kl_of(options.output, options.model) < 1e-7);
}

TEST_CASE("experts with few tokens are named, keep their scales, and are rounded by what all were given")
{
    const test::scratch room;
    awq::oneshot_options options = test::run_of(room, test::write_family(room, qwen3_vl));
    options.task = test::to_scheme("W4A16", 16);
    test::samples_of(options).num_calibration_samples = 1;
    test::samples_of(options).max_seq_length = 8; // eight tokens, each through two of four experts
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    for (const awq::expert_report& each : report->experts)
        CHECK(std::ranges::count(each.few, each.layer + ".mlp.experts.3") == 1);
    const auto kept = [](const awq::run_report& from) {
        return std::ranges::count_if(from.mappings, [](const awq::mapping_report& each) {
            return each.skipped.find("routed to the expert") != std::string::npos;
        });
    };
    std::ptrdiff_t starved = 0; // of 48 / 8 tokens
    for (const awq::expert_report& each : report->experts)
        starved += std::ranges::count_if(each.tokens, [](std::uint64_t tokens) { return tokens < 6; });
    CHECK(starved > 0);
    CHECK(kept(*report) == starved);
    test::samples_of(options).all_experts = true;
    const auto all = test::run_oneshot(options);
    REQUIRE(all);
    CHECK(kept(*all) == 0);
}

TEST_CASE("experts that wait in a file give the bytes of experts in memory")
{
    for (const bool quantizes : {false, true}) {
        const test::scratch room;
        awq::oneshot_options options = test::run_of(room, test::write_family(room, qwen3_vl));
        options.smoothing->mappings = awq::mapping_choice::all;
        options.smoothing->loss = awq::loss_kind::gram;
        if (quantizes) options.task = test::to_scheme("W8A16", 16);
        REQUIRE(test::run_oneshot(options));
        const std::string resident = test::read(options.output + "/model.safetensors");
        options.experts_in_memory = 0;
        REQUIRE(test::run_oneshot(options));
        CHECK(test::read(options.output + "/model.safetensors") == resident);
    }
}
