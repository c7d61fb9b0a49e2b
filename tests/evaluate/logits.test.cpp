// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "device/machines.hpp"

#include "checkpoint/rtn_model.hpp"
#include "io/scratch.hpp"

#include <awq/evaluate/evaluate.hpp>
#include <awq/format/layer_scheme.hpp>
#include <awq/run/open_model.hpp>

#include <map>

namespace {

std::optional<awq::weight_format> mixed(std::string_view layer)
{
    if (layer == "model.layers.1.self_attn.o_proj") return std::nullopt;
    if (layer.ends_with("down_proj")) return awq::integer_format{{8, true}, 0};
    return awq::integer_format{{4, false}, 32};
}

/// Integers, FP8 and FP4 in one model.
std::optional<awq::weight_format> mixed_floats(std::string_view layer)
{
    using awq::activation_rounding;
    if (layer.ends_with("down_proj")) return awq::weight_format{awq::fp8_format{}, activation_rounding::fp8_token};
    if (layer.find("self_attn") != std::string_view::npos) return awq::integer_format{{4, true}, 128};
    return awq::fp4_format{awq::fp4_kind::nvfp4};
}

awq::weight_format_choice preset(std::string_view name)
{
    const auto scheme = awq::parse_layer_scheme(name, std::nullopt);
    REQUIRE(scheme);
    return test::all_layers(*scheme->format());
}

/// The logits of the last position.
std::vector<float> logits_of(const std::string& directory, const awq::token_ids& ids)
{
    const auto model = awq::open_model(directory);
    REQUIRE(model);
    awq::device& machine = test::plain_machine();
    const std::vector<awq::token_ids> windows{ids};
    const auto output = awq::detail::run_model(machine, **model, windows, {}, "model");
    REQUIRE(output);
    std::vector<float> logits((*model)->config().vocab_size);
    REQUIRE(awq::detail::logits_of(machine, **model, *output, ids.size() - 1, {logits.data(), 1, logits.size()}));
    return logits;
}

} // namespace

// transformers loads the same directories, decompresses them with compressed-tensors and computes in
// float32.
TEST_CASE("quantized directories give the logits that transformers gives for them")
{
    const auto golden = awq::json::load(test::golden_directory + "compressed_tensors_logits.json");
    REQUIRE(golden);
    awq::token_ids ids;
    for (const auto& id : golden->root().find("ids")->elements())
        ids.push_back(static_cast<awq::token_ids::value_type>(*id.as_unsigned()));
    const std::size_t step = *golden->root().find("step")->as_unsigned();
    const std::map<std::string_view, awq::weight_format_choice> cases{
        {"W4A16_ASYM_g128", test::all_layers({4, false}, 128)},
        {"W3A16_g128", test::all_layers({3, true}, 128)},
        {"W4A16_channel", test::all_layers({4, true}, 0)},
        {"W5A16_ASYM_g64", test::all_layers({5, false}, 64)},
        {"W8A8", preset("W8A8")},
        {"FP8_DYNAMIC", preset("FP8_DYNAMIC")},
        {"FP8_BLOCK", preset("FP8_BLOCK")},
        {"NVFP4A16", preset("NVFP4A16")},
        {"MXFP4A16", preset("MXFP4A16")},
        {"mixed", mixed},
        {"mixed_floats", mixed_floats}};
    for (const auto& each : golden->root().find("logits")->members()) {
        INFO(each.key);
        const test::scratch folder;
        const auto done = test::round_to_compressed_tensors(test::tiny_model, folder / "out", cases.at(each.key));
        REQUIRE(done);
        const auto logits = logits_of(*done, ids);
        std::size_t at = 0;
        double largest = 0;
        for (const auto& expected : each.value.elements()) {
            largest = std::max(largest, std::abs(*expected.as_number() - logits[at]));
            at += step;
        }
        CHECK(at >= logits.size());
        CHECK(largest < 1e-3); // measured: below 1e-5
    }
}
