// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <awq/io/compressed_tensors/quantization_config.hpp>

#include <string>

using awq::error_code;
using awq::json::document;
using namespace awq::compressed_tensors;

namespace {

awq::result<quantization_config> read(const std::string& text)
{
    const auto parsed = document::parse(text, "config.json");
    REQUIRE(parsed);
    return read_quantization_config(parsed->root());
}

std::string with_weights(const std::string& weights, const std::string& more = "")
{
    return R"({"format":"pack-quantized","config_groups":{"group_0":{"targets":["Linear"],"weights":)" + weights +
           more + "}}}";
}

} // namespace

TEST_CASE("what is written is read back, several groups too")
{
    quantization_config config;
    config_group grouped;
    grouped.targets = {"model.layers.0.mlp.up_proj", "re:.*q_proj$"};
    grouped.weights.num_bits = 3;
    grouped.weights.symmetric = false;
    grouped.weights.group_size = 64;
    config_group channel;
    channel.targets = {"model.layers.0.mlp.down_proj"};
    channel.weights.num_bits = 8;
    channel.weights.strategy = strategy::channel;
    channel.format = format::int_quantized;
    channel.activations.emplace();
    config.groups = {grouped, channel};
    config.ignore = {"lm_head"};
    awq::json::writer out;
    write_quantization_config(out, config);
    const std::string text = std::move(out).take();
    CHECK(text.find(R"("format":"mixed-precision")") != std::string::npos);
    CHECK(text.find(R"("quantization_status":"compressed")") != std::string::npos);
    const auto back = read(text);
    REQUIRE(back);
    REQUIRE(back->groups.size() == 2);
    CHECK(back->ignore == config.ignore);
    CHECK(back->groups[0].targets == grouped.targets);
    CHECK(back->groups[0].weights.num_bits == 3);
    CHECK_FALSE(back->groups[0].weights.symmetric);
    CHECK(back->groups[0].weights.strategy == strategy::group);
    CHECK(back->groups[0].weights.group_size == 64);
    CHECK(back->groups[0].format == format::pack_quantized);
    CHECK_FALSE(back->groups[0].activations);
    CHECK(back->groups[1].weights.strategy == strategy::channel);
    CHECK(back->groups[1].weights.group_size == 0);
    CHECK(back->groups[1].format == format::int_quantized);
    CHECK(back->groups[1].activations == channel.activations);
}

TEST_CASE("reads what older files leave out")
{
    const auto grouped = read(with_weights(R"({"num_bits":4,"group_size":32})"));
    REQUIRE(grouped);
    CHECK(grouped->groups[0].weights.strategy == strategy::group);
    CHECK(grouped->groups[0].weights.symmetric);
    const auto channel = read(with_weights(R"({"num_bits":8,"group_size":-1})"));
    REQUIRE(channel);
    CHECK(channel->groups[0].weights.strategy == strategy::channel);
    const auto ordered = read(with_weights(R"({"num_bits":4,"group_size":32,"strategy":"group","actorder":"group"})"));
    REQUIRE(ordered);
    CHECK(ordered->groups[0].weights.activation_order);
    const auto dense = read(R"({"config_groups":{"group_0":{"targets":["Linear"],"weights":null}}})");
    REQUIRE(dense);
    CHECK(dense->groups[0].format == format::dense);
}

TEST_CASE("what is not known is refused with its name")
{
    const auto refused = [](const std::string& text, error_code code, std::string_view name) {
        const auto config = read(text);
        REQUIRE_FALSE(config);
        INFO(config.error().text());
        CHECK(config.error().code() == code);
        CHECK(config.error().text().find(name) != std::string_view::npos);
    };
    refused(with_weights(R"({"num_bits":4,"group_size":32})", R"(,"format":"marlin-24")"), error_code::unsupported,
            "marlin-24");
    refused(with_weights(R"({"num_bits":9})"), error_code::unsupported, "num_bits");
    refused(with_weights(R"({"num_bits":0})"), error_code::unsupported, "num_bits");
    refused(with_weights(R"({"type":"complex"})"), error_code::unsupported, "complex");
    refused(with_weights(R"({"strategy":"token"})"), error_code::unsupported, "token");
    refused(with_weights(R"({"strategy":"group"})"), error_code::missing_field, "group_size");
    refused(with_weights(R"({"group_size":-5})"), error_code::malformed_file, "-5");
    refused(with_weights(R"({"strategy":"block"})"), error_code::missing_field, "block_structure");
    refused(with_weights(R"({"strategy":"block","block_structure":[128]})"), error_code::malformed_file,
            "block_structure");
    refused(with_weights(R"({"strategy":"block","block_structure":[0,128]})"), error_code::malformed_file,
            "block_structure");
    refused(R"({"format":"pack-quantized"})", error_code::missing_field, "config_groups");
    refused(R"({"config_groups":[]})", error_code::malformed_file, "config_groups");
    refused(R"({"config_groups":{"g":{"weights":{}}}})", error_code::missing_field, "targets");
}
