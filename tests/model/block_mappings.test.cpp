// SPDX-License-Identifier: MIT
#include <awq/model/architectures/registry.hpp>
#include <awq/model/mapping/block_mappings.hpp>

#include "catch.hpp"

namespace {

using names = std::vector<std::string>;

awq::block_layout layout(std::string_view model_type, std::size_t key_value_heads = 4)
{
    awq::model_config config = awq::defaults_for(model_type);
    config.hidden_size = 64;
    config.intermediate_size = 96;
    config.num_attention_heads = 4;
    config.num_key_value_heads = key_value_heads;
    config.head_dim = 16;
    config.experts.count = config.experts.count == 0 ? 0 : 2;
    config.experts.first = 0;
    return awq::layout_of(config, 0);
}

names smooth_layers(const awq::block_layout& block)
{
    names found;
    for (const auto& mapping : awq::usual_mappings(block)) found.push_back(mapping.smooth_layer);
    return found;
}

} // namespace

TEST_CASE("the mappings of a llama block are those of llm-compressor, with its parents")
{
    const auto found = awq::usual_mappings(layout("llama"));
    REQUIRE(found.size() == 4);
    CHECK(found[0].smooth_layer == "input_layernorm");
    CHECK(found[0].smooth_is_norm);
    CHECK(found[0].balance_layers == names{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"});
    CHECK(found[0].parent == "self_attn");
    CHECK(found[1].smooth_layer == "self_attn.v_proj");
    CHECK(found[1].parent == "self_attn.o_proj");
    CHECK(found[1].skipped == awq::skip_cause::none);
    CHECK(found[2].balance_layers == names{"mlp.gate_proj", "mlp.up_proj"});
    CHECK(found[3].balance_layers == names{"mlp.down_proj"});
}

TEST_CASE("query heads that share values are skipped by name")
{
    const auto found = awq::usual_mappings(layout("qwen3", 2));
    REQUIRE(found.size() == 4);
    CHECK(found[1].skipped == awq::skip_cause::grouped_query);
    CHECK(found[1].reason == "self_attn.v_proj has 32 outputs, self_attn.o_proj has 64 inputs "
                             "(grouped-query attention)");
}

TEST_CASE("norms behind attention and MLP are no smooth layers")
{
    CHECK(smooth_layers(layout("gemma2")) ==
          names{"input_layernorm", "self_attn.v_proj", "pre_feedforward_layernorm", "mlp.up_proj"});
    CHECK(smooth_layers(layout("gemma3_text")) ==
          names{"self_attn.v_proj", "pre_feedforward_layernorm", "mlp.up_proj"});
    CHECK(smooth_layers(layout("olmo2")) == names{"self_attn.v_proj", "mlp.up_proj"});
}

TEST_CASE("every reader of a norm is balanced: both branches, routers, experts and what is shared")
{
    const auto parallel = awq::usual_mappings(layout("cohere"));
    CHECK(parallel[0].balance_layers ==
          names{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"});
    const auto experts = awq::usual_mappings(layout("qwen2_moe"));
    CHECK(experts[2].balance_layers == names{"mlp.gate", "mlp.experts.0.gate_proj", "mlp.experts.0.up_proj",
                                             "mlp.experts.1.gate_proj", "mlp.experts.1.up_proj",
                                             "mlp.shared_expert.gate_proj", "mlp.shared_expert.up_proj",
                                             "mlp.shared_expert_gate"});
    CHECK(experts[3].smooth_layer == "mlp.experts.0.up_proj");
    CHECK(experts.back().balance_layers == names{"mlp.shared_expert.down_proj"});
}

TEST_CASE("an MLP without a gate is smoothed only where its activation lets scales through")
{
    CHECK(smooth_layers(layout("starcoder2")) ==
          names{"input_layernorm", "self_attn.v_proj", "post_attention_layernorm"});
    const awq::block_layout nemotron = layout("nemotron");
    CHECK(awq::find_output(nemotron, "mlp.up_proj")->kind == awq::output_kind::rooted);
    CHECK(awq::find_output(layout("opt"), "fc1")->kind == awq::output_kind::linear);
}

TEST_CASE("a mapping that forgets a reader is refused with all of them")
{
    const awq::block_layout block = layout("qwen3_moe");
    awq::resolved_mapping mapping = awq::usual_mappings(block)[2];
    CHECK(awq::check_data_flow(block, mapping));
    mapping.balance_layers.erase(mapping.balance_layers.begin());
    const awq::status refused = awq::check_data_flow(block, mapping);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("is read by mlp.gate, mlp.experts.0.gate_proj") != std::string_view::npos);
    mapping.smooth_layer = "self_attn.o_proj";
    CHECK(awq::check_data_flow(block, mapping).error().text().find("nothing that could") != std::string_view::npos);
}

TEST_CASE("of latent attention the value rows of every head are smoothed, on request")
{
    awq::model_config config = awq::defaults_for("deepseek_v3");
    config.hidden_size = 64;
    config.num_attention_heads = 2;
    config.latent = {.query_rank = 8, .rank = 4, .plain = 3, .rotary = 2, .value = 2};
    config.experts.count = 2;
    config.experts.first = 0;
    const awq::block_layout block = awq::layout_of(config, 0);
    const awq::block_output* const values = awq::find_output(block, "self_attn.kv_b_proj");
    REQUIRE(values);
    CHECK_FALSE(values->is_usual);
    CHECK(awq::mapping_of(block, *values).balance_layers == names{"self_attn.o_proj"});
    CHECK(awq::row_scales_of(block, *values) == std::vector<std::uint32_t>{3, 4, 8, 9});
    CHECK(awq::mapping_of(block, *awq::find_output(block, "self_attn.kv_a_layernorm")).balance_layers ==
          names{"self_attn.kv_b_proj"});
}

TEST_CASE("experts whose up is not linear have no mapping from it")
{
    const awq::block_layout block = layout("gpt_oss");
    CHECK_FALSE(awq::find_output(block, "mlp.experts.0.up_proj"));
    CHECK(awq::find_output(block, "post_attention_layernorm"));
}
