// SPDX-License-Identifier: MIT
#include <awq/model/resolve_mappings.hpp>

#include "catch.hpp"

#include <regex>

namespace {

using names = std::vector<std::string>;

std::vector<awq::block_module> llama_block(std::size_t kv)
{
    return {{"mlp.down_proj", 64, 96},    {"mlp.gate_proj", 96, 64},    {"mlp.up_proj", 96, 64},
            {"input_layernorm", 64, 0},   {"self_attn.k_proj", kv, 64}, {"self_attn.o_proj", 64, 64},
            {"self_attn.q_proj", 64, 64}, {"self_attn.v_proj", kv, 64}, {"post_attention_layernorm", 64, 0}};
}

std::vector<awq::block_module> expert_block(std::size_t experts)
{
    std::vector<awq::block_module> modules = llama_block(64);
    modules.erase(modules.begin(), modules.begin() + 3);
    modules.push_back({"mlp.gate", experts, 64});
    for (std::size_t i = 0; i < experts; ++i) {
        const std::string expert = "mlp.experts." + std::to_string(i);
        modules.push_back({expert + ".down_proj", 64, 32});
        modules.push_back({expert + ".gate_proj", 32, 64});
        modules.push_back({expert + ".up_proj", 32, 64});
    }
    return modules;
}

std::vector<awq::mapping_pattern> llama_patterns()
{
    return {{"input_layernorm", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
            {"self_attn.v_proj", {"self_attn.o_proj"}},
            {"post_attention_layernorm", {"mlp.gate_proj", "mlp.up_proj"}},
            {"mlp.up_proj", {"mlp.down_proj"}}};
}

// A block's MLP may be dense or of experts.
std::vector<awq::mapping_pattern> expert_patterns()
{
    auto patterns = llama_patterns();
    patterns[2] = {"post_attention_layernorm",
                   {},
                   {"mlp.gate", "mlp.experts.*.gate_proj", "mlp.experts.*.up_proj", "mlp.shared_expert_gate",
                    "mlp.shared_expert.gate_proj", "mlp.shared_expert.up_proj", "mlp.gate_proj", "mlp.up_proj"}};
    patterns.insert(patterns.begin() + 3, {{"mlp.experts.*.up_proj", {"mlp.experts.*.down_proj"}},
                                           {"mlp.shared_expert.up_proj", {"mlp.shared_expert.down_proj"}}});
    return patterns;
}

auto resolve(const std::vector<awq::mapping_pattern>& patterns, const std::vector<awq::block_module>& modules)
{
    const auto found = awq::resolve_mappings(patterns, "model.layers.0", modules);
    if (!found) FAIL(found.error().text());
    return *found;
}

bool matches_from_start(std::string_view expression, std::string_view name)
{
    return std::regex_search(std::string{name}, std::regex{std::string{expression}},
                             std::regex_constants::match_continuous);
}

} // namespace

TEST_CASE("a llama block has four mappings with the parents of llm-compressor")
{
    const auto found = resolve(llama_patterns(), llama_block(64));
    REQUIRE(found.size() == 4);
    CHECK(found[0].smooth_layer == "input_layernorm");
    CHECK(found[0].smooth_is_norm);
    CHECK(found[0].balance_layers == names{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"});
    CHECK(found[0].parent == "self_attn");
    CHECK(found[1].smooth_layer == "self_attn.v_proj");
    CHECK_FALSE(found[1].smooth_is_norm);
    CHECK(found[1].parent == "self_attn.o_proj");
    CHECK(found[1].skipped == awq::skip_cause::none);
    CHECK(found[2].balance_layers == names{"mlp.gate_proj", "mlp.up_proj"});
    CHECK(found[2].parent == "mlp");
    CHECK(found[3].parent == "mlp.down_proj");
}

TEST_CASE("v_proj -> o_proj is skipped by name under grouped-query attention")
{
    const auto found = resolve(llama_patterns(), llama_block(32));
    REQUIRE(found.size() == 4);
    CHECK(found[1].skipped == awq::skip_cause::grouped_query);
    CHECK(found[1].reason == "self_attn.v_proj has 32 outputs, self_attn.o_proj has 64 inputs "
                             "(grouped-query attention)");
    CHECK(found[0].skipped == awq::skip_cause::none);
}

TEST_CASE("experts share the norm's scales and pair up one by one, in the order of their numbers")
{
    const auto found = resolve(expert_patterns(), expert_block(11));
    REQUIRE(found.size() == 3 + 11);
    REQUIRE(found[2].balance_layers.size() == 1 + 11 + 11);
    CHECK(found[2].balance_layers[0] == "mlp.gate");
    CHECK(found[2].balance_layers[3] == "mlp.experts.2.gate_proj");
    CHECK(found[2].balance_layers[11] == "mlp.experts.10.gate_proj");
    CHECK(found[2].parent == "mlp");
    CHECK(found[13].smooth_layer == "mlp.experts.10.up_proj");
    CHECK(found[13].balance_layers == names{"mlp.experts.10.down_proj"});
    CHECK(found[13].parent == "mlp.experts.10.down_proj");
}

TEST_CASE("a dense block of a model with experts resolves too, and shared experts are balanced")
{
    const auto dense = resolve(expert_patterns(), llama_block(64));
    REQUIRE(dense.size() == 4);
    CHECK(dense[2].balance_layers == names{"mlp.gate_proj", "mlp.up_proj"});
    auto modules = expert_block(2);
    modules.push_back({"mlp.shared_expert_gate", 1, 64});
    modules.push_back({"mlp.shared_expert.gate_proj", 48, 64});
    modules.push_back({"mlp.shared_expert.up_proj", 48, 64});
    modules.push_back({"mlp.shared_expert.down_proj", 64, 48});
    const auto shared = resolve(expert_patterns(), modules);
    CHECK(shared[2].balance_layers.size() == 1 + 4 + 3);
    CHECK(shared.back().balance_layers == names{"mlp.shared_expert.down_proj"});
}

TEST_CASE("fused layers fit by their last part")
{
    const std::vector<awq::block_module> modules{{"input_layernorm", 64, 0},      {"post_attention_layernorm", 64, 0},
                                                 {"self_attn.qkv_proj", 192, 64}, {"self_attn.o_proj", 64, 64},
                                                 {"mlp.gate_up_proj", 192, 64},   {"mlp.down_proj", 64, 96}};
    const std::vector<awq::mapping_pattern> patterns{{"input_layernorm", {"self_attn.qkv_proj"}},
                                                     {"self_attn.qkv_proj", {"self_attn.o_proj"}},
                                                     {"post_attention_layernorm", {"mlp.gate_up_proj"}},
                                                     {"mlp.gate_up_proj", {"mlp.down_proj"}}};
    auto found = resolve(patterns, modules);
    REQUIRE(found.size() == 4);
    for (const auto& mapping : found) CHECK(mapping.skipped == awq::skip_cause::none);
    CHECK(found[0].parent == "self_attn.qkv_proj");
    auto grouped = modules;
    grouped[2].out_features = 128;
    CHECK(resolve(patterns, grouped)[1].skipped == awq::skip_cause::grouped_query);
}

TEST_CASE("regular expressions match the whole name from its beginning")
{
    const awq::mapping_pattern pattern{"re:.*post_attention_layernorm$", {"re:.*gate_proj$", "re:.*up_proj$"}};
    const auto modules = llama_block(64);
    const auto found = awq::resolve_mappings(std::span{&pattern, 1}, "model.layers.7", modules, matches_from_start);
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK(found->front().balance_layers == names{"mlp.gate_proj", "mlp.up_proj"});
    const awq::mapping_pattern elsewhere{"model.layers.8.mlp.up_proj", {"model.layers.8.mlp.down_proj"}};
    const auto none = awq::resolve_mappings(std::span{&elsewhere, 1}, "model.layers.7", modules);
    REQUIRE(none);
    CHECK(none->empty());
}

TEST_CASE("a mapping of which only a part is there is an error that names the part")
{
    const awq::mapping_pattern pattern{"input_layernorm", {"self_attn.q_proj", "self_attn.x_proj"}};
    const auto modules = llama_block(64);
    const auto found = awq::resolve_mappings(std::span{&pattern, 1}, "model.layers.7", modules);
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == awq::error_code::missing_tensor);
    CHECK(found.error().text().find("self_attn.x_proj") != std::string_view::npos);
    CHECK(found.error().text().find("model.layers.7") != std::string_view::npos);
    const awq::mapping_pattern twice{"input_layernorm", {"self_attn.q_proj", "self_attn.*"}};
    CHECK_FALSE(awq::resolve_mappings(std::span{&twice, 1}, "model.layers.7", modules));
}
