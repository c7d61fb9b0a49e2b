// SPDX-License-Identifier: MIT
#include <awq/execution/serial_execution.hpp>
#include <awq/model/causal_lm.hpp>
#include <awq/model/config/find_names.hpp>
#include <awq/model/config/read_model_config.hpp>
#include <awq/model/mapping/block_mappings.hpp>
#include <awq/smoothing/apply_scales.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "random_model.hpp"

#include <cmath>
#include <set>

namespace {

using lm = awq::causal_lm;

// A case of architectures.py as a model.
struct family {
    std::string name;
    test_model model;
    std::vector<std::uint32_t> ids;
    std::map<std::size_t, std::vector<double>> logits; // of some tokens
};

family read_family(const awq::json::value& each)
{
    family made;
    made.name = std::string{*each.at("name")->as_string()};
    made.ids = read_ids(*each.at("ids"));
    const auto config = awq::read_model_config(*each.at("config"));
    if (!config) FAIL(made.name << ": " << config.error().text());
    made.model.config = *config;
    for (const awq::json::member shape : each.at("shapes")->members()) {
        auto& extents = made.model.shapes[std::string{shape.key}]; // none of a constant
        for (const awq::json::value extent : shape.value.elements()) extents.push_back(*extent.as_unsigned());
    }
    made.model.config.names =
        awq::find_names(config->names, [&](const std::string& name) { return made.model.shapes.contains(name); });
    draw_weights(made.model);
    unstack_experts(made.model);
    for (const awq::json::member row : each.at("logits")->members())
        made.logits[std::stoul(std::string{row.key})] = read_numbers(row.value);
    return made;
}

std::vector<family> read_families()
{
    const auto golden = awq::json::load(AWQ_SOURCE_DIR "/tests/golden/architectures.json");
    REQUIRE(golden);
    std::vector<family> all;
    for (const awq::json::value each : golden->root().at("cases")->elements()) all.push_back(read_family(each));
    return all;
}

std::vector<float> logits_of(const family& each)
{
    auto model = lm::make(each.model.config, each.model.weights(), test::plain_machine());
    if (!model) FAIL(each.name << ": " << model.error().text());
    const std::size_t tokens = each.ids.size();
    std::vector<float> states(tokens * 32), logits(tokens * 48);
    const awq::matrix_view<float> hidden{states.data(), tokens, 32};
    REQUIRE(model->hidden_states(each.ids, awq::sequences::uniform(1, tokens), hidden));
    REQUIRE(model->logits(hidden, {logits.data(), tokens, 48}));
    return logits;
}

// The largest difference, relative to the largest value.
template <class Values>
double difference(std::span<const float> found, const Values& wanted)
{
    double largest = 0.0, off = 0.0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        largest = std::max(largest, std::fabs(double{wanted[i]}));
        off = std::max(off, std::fabs(double{found[i]} - double{wanted[i]}));
    }
    return off / largest;
}

// Divides an output by scales between 0.5 and 2, and multiplies its readers.
void smooth(family& each, std::size_t layer, const awq::block_layout& layout, const awq::block_output& output)
{
    const std::string at = each.model.config.names.blocks + std::to_string(layer) + ".";
    const auto view = [&](std::size_t tensor) {
        const auto found = each.model.tensor(at + layout.tensors[tensor].name);
        return awq::matrix_view<float>{const_cast<float*>(found.data()), found.rows(), found.cols()};
    };
    const auto bias_of = [&](std::size_t tensor) {
        const auto found = tensor == awq::none_here ? awq::matrix_view<float>{} : view(tensor);
        return std::span<float>{found.data(), found.size()};
    };
    std::vector<awq::matrix_view<float>> balances;
    for (const awq::block_linear* const reader : layout.readers_of(output.value))
        balances.push_back(view(reader->weight));
    const auto columns = awq::column_scales_of(layout, output);
    const auto rows = awq::row_scales_of(layout, output);
    std::vector<double> scales(balances.front().cols() / output.share);
    for (std::size_t i = 0; i < scales.size(); ++i)
        scales[i] = std::exp2(std::sin(7.0 * static_cast<double>(i + layer)));
    auto target = output.kind == awq::output_kind::norm
                      ? awq::smooth_target::of_norm(view(output.weight).row(0), bias_of(output.bias), output.has_offset)
                      : awq::smooth_target::of_linear(view(output.weight), bias_of(output.bias));
    target.rows = rows;
    const awq::serial_execution e;
    REQUIRE(awq::apply_scales(e, {target, balances, columns}, scales));
    if (output.kind != awq::output_kind::rooted) return;
    std::vector<float> ones(scales.size(), 1.0f); // the value grows by the square
    REQUIRE(awq::apply_scales(e, {awq::smooth_target::of_norm(ones), balances, columns}, scales));
}

} // namespace

TEST_CASE("every family agrees with transformers on a random model")
{
    for (const family& each : read_families()) {
        INFO(each.name);
        const auto logits = logits_of(each);
        for (const auto& [token, wanted] : each.logits)
            CHECK(difference(std::span{logits}.subspan(token * 48, 48), wanted) < 1e-5);
    }
}

TEST_CASE("every family gives the logits of the whole text token by token")
{
    for (const family& each : read_families()) {
        INFO(each.name);
        if (awq::rope_tables::depends_on(each.model.config, each.ids.size())) continue;
        const auto logits = logits_of(each);
        auto model = lm::make(each.model.config, each.model.weights(), test::plain_machine());
        REQUIRE(model);
        auto cache = model->make_cache(each.ids.size());
        REQUIRE(cache);
        std::vector<float> one(48);
        for (std::size_t t = 0; t < each.ids.size(); ++t) {
            REQUIRE(model->step(*cache, std::span{each.ids}.subspan(t, 1), one));
            CHECK(difference(one, std::span{logits}.subspan(t * 48, 48)) < 1e-5);
        }
    }
}

TEST_CASE("smoothing every output of every family leaves its logits")
{
    for (family& each : read_families()) {
        INFO(each.name);
        const auto before = logits_of(each);
        std::size_t smoothed = 0;
        for (std::size_t layer = 0; layer < each.model.config.num_hidden_layers; ++layer) {
            const awq::block_layout layout = awq::layout_of(each.model.config, layer);
            for (const awq::block_output& output : layout.outputs) {
                smooth(each, layer, layout, output);
                ++smoothed;
            }
        }
        CHECK(smoothed >= each.model.config.num_hidden_layers);
        CHECK(difference(logits_of(each), before) < 1e-5);
    }
}

TEST_CASE("every architecture of the registry has a golden case, in alphabetical order")
{
    std::set<std::string_view> seen{"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM",
                                    "Qwen3ForCausalLM"}; // forward_passes.py
    const auto families = read_families();
    for (const family& each : families) seen.insert(each.model.config.architecture);
    std::string_view before;
    for (const awq::architecture& each : awq::architectures) {
        CHECK(before < each.name);
        before = each.name;
        CHECK(seen.count(each.name) == 1);
    }
}
