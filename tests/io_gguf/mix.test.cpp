// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/mix.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace awq;
using gguf::file_type;
using gguf::type;

namespace {

struct model_shape {
    gguf::mix_facts facts;
    std::uint64_t width = 256;
    std::uint64_t feed_forward = 256;
    bool tied = false;
};

// The tensors of tests/golden/gguf_mix.py.
std::vector<gguf::tensor_shape> tensors_of(const model_shape& model)
{
    const auto& facts = model.facts;
    const std::uint64_t width = model.width, feed = model.feed_forward;
    const std::uint64_t head = width / facts.head_count;
    std::vector<gguf::tensor_shape> tensors{{"token_embd.weight", {width, 4}}, {"output_norm.weight", {width}}};
    if (!model.tied) tensors.push_back({"output.weight", {width, 4}});
    for (std::uint32_t i = 0; i < facts.block_count; ++i) {
        const std::string layer = "blk." + std::to_string(i) + ".";
        tensors.push_back({layer + "attn_norm.weight", {width}});
        tensors.push_back({layer + "ffn_norm.weight", {width}});
        tensors.push_back({layer + "attn_q.weight", {width, width}});
        tensors.push_back({layer + "attn_k.weight", {width, facts.head_count_kv * head}});
        tensors.push_back({layer + "attn_v.weight", {width, facts.head_count_kv * head}});
        tensors.push_back({layer + "attn_output.weight", {width, width}});
        if (facts.architecture == "qwen2") tensors.push_back({layer + "attn_q.bias", {width}});
        if (facts.architecture == "qwen3") tensors.push_back({layer + "attn_q_norm.weight", {head}});
        const std::string tail = facts.expert_count != 0 ? "_exps.weight" : ".weight";
        const std::uint64_t experts = std::max<std::uint64_t>(1, facts.expert_count);
        if (facts.expert_count != 0) tensors.push_back({layer + "ffn_gate_inp.weight", {width, experts}});
        tensors.push_back({layer + "ffn_gate" + tail, {width, feed, experts}});
        tensors.push_back({layer + "ffn_up" + tail, {width, feed, experts}});
        tensors.push_back({layer + "ffn_down" + tail, {feed, width, experts}});
    }
    return tensors;
}

char letter_of(type kind)
{
    switch (kind) {
    case type::f32:
        return 'f';
    case type::f16:
        return 'h';
    case type::q4_0:
        return 'a';
    case type::q4_1:
        return 'b';
    case type::q5_0:
        return 'c';
    case type::q5_1:
        return 'd';
    case type::q8_0:
        return '8';
    case type::q2_k:
        return '2';
    case type::q3_k:
        return '3';
    case type::q4_k:
        return '4';
    case type::q5_k:
        return '5';
    case type::q6_k:
        return '6';
    case type::iq4_nl:
        return 'n';
    default:
        return '?';
    }
}

std::string letters_of(std::vector<gguf::tensor_shape> tensors, const gguf::mix_facts& facts,
                       const gguf::mix_options& options)
{
    std::sort(tensors.begin(), tensors.end(),
              [](const auto& a, const auto& b) { return gguf::precedes(a.name, b.name); });
    std::string letters;
    for (const type each : gguf::choose_types(tensors, facts, options)) letters += letter_of(each);
    return letters;
}

type type_of(std::string_view name, const model_shape& model, const gguf::mix_options& options)
{
    const auto tensors = tensors_of(model);
    const auto types = gguf::choose_types(tensors, model.facts, options);
    for (std::size_t i = 0; i < tensors.size(); ++i)
        if (tensors[i].name == name) return types[i];
    FAIL("no such tensor");
    return type::f32;
}

model_shape twelve_layers()
{
    model_shape model;
    model.facts.block_count = 12;
    model.facts.head_count = 4;
    model.facts.head_count_kv = 2;
    return model;
}

} // namespace

TEST_CASE("mixes are those that llama.cpp's quantizer makes")
{
    std::ifstream golden{AWQ_TEST_DATA "/gguf_mix.txt"};
    REQUIRE(golden);
    model_shape model;
    std::string plain;
    int compared = 0;
    for (std::string line; std::getline(golden, line);) {
        std::istringstream words{line};
        std::string word;
        words >> word;
        auto& facts = model.facts;
        if (word == "model") {
            words >> facts.architecture >> facts.block_count >> facts.head_count >> facts.head_count_kv >>
                facts.expert_count >> model.width >> model.feed_forward >> model.tied;
            continue;
        }
        std::string name, letters;
        gguf::mix_options options;
        words >> name >> facts.has_imatrix >> options.pure >> letters;
        options.target = *gguf::parse_file_type(name);
        if (!facts.has_imatrix) plain = letters;
        INFO(line.substr(0, 40) << " of " << facts.architecture << " " << facts.block_count);
        CHECK(letters_of(tensors_of(model), facts, options) == (letters == "=" ? plain : letters));
        ++compared;
    }
    CHECK(compared > 300);
}

TEST_CASE("the order of the tensors does not matter")
{
    const model_shape model = twelve_layers();
    auto tensors = tensors_of(model);
    gguf::mix_options options;
    options.target = file_type::q4_k_m;
    const auto forward = gguf::choose_types(tensors, model.facts, options);
    std::reverse(tensors.begin(), tensors.end());
    auto backward = gguf::choose_types(tensors, model.facts, options);
    std::reverse(backward.begin(), backward.end());
    CHECK(forward == backward);
}

TEST_CASE("float mixes leave only small tensors at 32 bits")
{
    const file_type target = GENERATE(file_type::f32, file_type::f16, file_type::bf16);
    gguf::mix_options options;
    options.target = target;
    CHECK(type_of("token_embd.weight", twelve_layers(), options) == gguf::base_type(target));
    CHECK(type_of("blk.3.attn_v.weight", twelve_layers(), options) == gguf::base_type(target));
    CHECK(type_of("blk.3.attn_norm.weight", twelve_layers(), options) == type::f32);
}

TEST_CASE("options fix types by name, the most explicit first")
{
    gguf::mix_options options;
    options.named_types = {{"blk.0.attn_q.weight", type::q8_0},
                           {"blk.0.attn_norm.weight", type::q8_0},
                           {"blk.0.attn_k.weight", type::f16}};
    options.embedding_type = type::q5_k;
    options.output_type = type::q4_k;
    const auto model = twelve_layers();
    CHECK(type_of("blk.0.attn_q.weight", model, options) == type::q8_0);
    CHECK(type_of("blk.0.attn_k.weight", model, options) == type::f16);
    CHECK(type_of("blk.5.attn_output.weight", model, options) == type::q4_k);
    CHECK(type_of("token_embd.weight", model, options) == type::q5_k);
    CHECK(type_of("output.weight", model, options) == type::q4_k);
    CHECK(type_of("blk.0.attn_norm.weight", model, options) == type::f32);

    options.leave_output = true;
    CHECK(type_of("output.weight", model, options) == type::f16);
}

TEST_CASE("rows that no block divides fall back")
{
    CHECK(gguf::fitting_type(type::q4_k, 544) == type::q5_0);
    CHECK(gguf::fitting_type(type::q5_k, 544) == type::q5_1);
    CHECK(gguf::fitting_type(type::q6_k, 544) == type::q8_0);
    CHECK(gguf::fitting_type(type::q3_k, 544) == type::q4_0);
    CHECK(gguf::fitting_type(type::q2_k, 544) == type::q4_0);
    CHECK(gguf::fitting_type(type::q4_k, 100) == type::f16);
    CHECK(gguf::fitting_type(type::q8_0, 100) == type::f16);
    CHECK(gguf::fitting_type(type::bf16, 101) == type::bf16);
}

TEST_CASE("what the rules want is known beside what fits")
{
    const std::vector<gguf::tensor_shape> tensors{
        {"token_embd.weight", {544, 4}}, {"blk.0.attn_q.weight", {544, 544}}, {"blk.0.ffn_norm.weight", {544}}};
    gguf::mix_facts facts;
    facts.block_count = 1;
    const auto wanted = gguf::wanted_types(tensors, facts, {});
    CHECK(wanted == std::vector{type::q6_k, type::q4_k, type::f32});
    const auto chosen = gguf::choose_types(tensors, facts, {});
    CHECK(chosen == std::vector{type::q8_0, type::q5_0, type::f32});
}
