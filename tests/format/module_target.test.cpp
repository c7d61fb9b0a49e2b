// SPDX-License-Identifier: MIT
#include <awq/format/module_target.hpp>

#include "catch.hpp"

namespace {

awq::module_targets targets_below(const std::string& blocks, bool is_text_part)
{
    awq::model_config config;
    config.names.blocks = blocks;
    config.is_text_part = is_text_part;
    return awq::module_targets{config};
}

} // namespace

TEST_CASE("modules of a text model are named as they are")
{
    const auto targets = targets_below("model.layers.", false);
    CHECK(targets.of("model.layers.0.mlp.gate").target == "model.layers.0.mlp.gate");
    CHECK(targets.outside("mtp.fc").target == "mtp.fc");
}

TEST_CASE("a module that transformers has under another name is found by both")
{
    awq::model_config config;
    config.architecture = "PhimoeForCausalLM";
    const awq::module_targets targets{config};
    const auto router = targets.of("model.layers.1.block_sparse_moe.gate");
    CHECK(router.name == "model.layers.1.block_sparse_moe.gate");
    CHECK(router.target == "re:model\\.layers\\.1\\.(block_sparse_moe\\.gate|mlp\\.router)$");
    CHECK(targets.of("model.layers.1.self_attn.q_proj").target == "model.layers.1.self_attn.q_proj");
}

TEST_CASE("modules of a text part are named by their end, all else by the part that it is in")
{
    for (const std::string prefix : {"language_model.model.", "model.language_model.", "model.", "model.text_model."}) {
        INFO(prefix);
        const auto targets = targets_below(prefix + "layers.", true);
        const auto layer = targets.of(prefix + "layers.3.mlp.up_proj");
        CHECK(layer.name == prefix + "layers.3.mlp.up_proj");
        CHECK(layer.target == "re:(.*\\.)?layers\\.3\\.mlp\\.up_proj$");
        CHECK(targets.of("language_model.lm_head").target == "re:(.*\\.)?lm_head$");
        CHECK(targets.of("lm_head").target == "re:(.*\\.)?lm_head$");
        for (const std::string name : {"vision_tower.encoder.layers.0.mlp.fc1", "model.vision_tower.head"}) {
            CHECK(targets.outside(name).name == "vision_tower");
            CHECK(targets.outside(name).target == "re:(.*\\.)?vision_tower(\\..*)?$");
        }
    }
}

TEST_CASE("a module is listed once")
{
    std::vector<awq::named_module> modules;
    awq::add_once(modules, {"a.b", "a"});
    awq::add_once(modules, {"a.c", "a"});
    awq::add_once(modules, {"d", "d"});
    CHECK(modules.size() == 2);
}
