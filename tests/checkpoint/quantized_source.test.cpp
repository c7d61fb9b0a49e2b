// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "io/scratch.hpp"
#include "rtn_model.hpp"

#include <awq/run/open_model.hpp>

#include <filesystem>

using awq::error_code;
using awq::quantized_source;

namespace {

/// A rounded model whose config.json may be spoiled.
class rounded_model {
public:
    rounded_model()
    {
        const auto done =
            test::round_to_compressed_tensors(test::tiny_model, folder_ / "out", test::all_layers({4, false}, 128));
        REQUIRE(done);
        config_ = test::read(path() + "/config.json");
    }

    std::string path() const { return folder_ / "out"; }

    /// Replaces a piece of config.json's text.
    void change(std::string_view from, std::string_view to) const
    {
        std::string changed = config_;
        const std::size_t at = changed.find(from);
        REQUIRE(at != std::string::npos);
        changed.replace(at, from.size(), to);
        folder_.put("out/config.json", changed);
    }

private:
    test::scratch folder_;
    std::string config_;
};

} // namespace

TEST_CASE("a model is opened by what its config.json says")
{
    const rounded_model model;
    const auto plain = awq::open_model(test::tiny_model);
    const auto quantized = awq::open_model(model.path());
    REQUIRE(plain);
    REQUIRE(quantized);
    CHECK(dynamic_cast<const awq::directory_source*>(plain->get()));
    REQUIRE(dynamic_cast<const quantized_source*>(quantized->get()));
    const auto& source = static_cast<const quantized_source&>(**quantized);
    CHECK(source.method() == "compressed-tensors");
    CHECK(source.weights().size() == 28);
    CHECK(source.config().num_hidden_layers == 4);
    const auto shape = source.shape("model.layers.0.mlp.down_proj.weight");
    REQUIRE(shape);
    CHECK(shape->rows == 256);
    CHECK(shape->cols == 512);
    CHECK_FALSE(source.shape("model.layers.0.mlp.down_proj.weight_shape.weight"));
    const auto block = awq::block_tensors::load(test::serial_machine(), source, 0);
    REQUIRE(block);
    CHECK_FALSE(awq::open_model("/nowhere"));
}

TEST_CASE("rows that are not there, and another width, are refused")
{
    const rounded_model model;
    const auto source = quantized_source::open(model.path());
    REQUIRE(source);
    const std::string name = "model.layers.0.mlp.down_proj.weight";
    std::vector<float> values(512 * 3);
    CHECK((*source)->read_rows(name, 253, {values.data(), 3, 512}));
    for (const auto& done : {(*source)->read_rows(name, 254, {values.data(), 3, 512}),
                             (*source)->read_rows(name, 0, {values.data(), 3, 256}),
                             (*source)->read_rows(name, ~std::size_t{0}, {values.data(), 3, 512})}) {
        REQUIRE_FALSE(done);
        CHECK(done.error().code() == error_code::shape_mismatch);
        CHECK(done.error().text().find(name) != std::string_view::npos);
    }
}

TEST_CASE("a config.json that does not go with the tensors is refused")
{
    const rounded_model model;
    const auto refused = [&](std::string_view from, std::string_view to, error_code code) {
        model.change(from, to);
        const auto source = quantized_source::open(model.path());
        INFO(to);
        REQUIRE_FALSE(source);
        CHECK(source.error().code() == code);
    };
    refused(R"("quant_method": "compressed-tensors")", R"("quant_method": "bitsandbytes")", error_code::unsupported);
    refused(R"("quant_method": "compressed-tensors")", R"("quant_method": 3)", error_code::malformed_file);
    refused(R"("quant_method": "compressed-tensors",)", "", error_code::missing_field);
    refused(R"("num_bits": 4)", R"("num_bits": 8)", error_code::malformed_file);
    refused(R"("group_size": 128)", R"("group_size": 64)", error_code::malformed_file);
    refused(R"("group_size": 128)", R"("group_size": 99999999999)", error_code::malformed_file);
    refused(R"("Linear")", R"("re:(")", error_code::malformed_file);
    refused(R"("Linear")", R"("model.layers.0.mlp.up_proj")", error_code::malformed_file);
    refused(R"("type": "int")", R"("type": "float")", error_code::unsupported);
    model.change(R"("Linear")", R"("re:.*_proj$")");
    CHECK(quantized_source::open(model.path()));
}

TEST_CASE("targets that are names go before expressions, and those before classes")
{
    awq::compressed_tensors::quantization_config config;
    const auto add = [&](std::string target, int bits) {
        awq::compressed_tensors::config_group group;
        group.targets = {std::move(target)};
        group.weights.num_bits = bits;
        config.groups.push_back(group);
    };
    add("Linear", 2);
    add("re:.*mlp.*", 3);
    add("re:.*down_proj", 5);
    add("layers.0.mlp.down_proj", 4);
    const auto groups = awq::config_group_matcher::make(config, "config.json");
    REQUIRE(groups);
    CHECK(groups->find("layers.0.mlp.down_proj")->weights.num_bits == 4);
    CHECK(groups->find("layers.1.mlp.down_proj")->weights.num_bits == 5);
    CHECK(groups->find("layers.1.mlp.up_proj")->weights.num_bits == 3);
    CHECK(groups->find("layers.1.self_attn.q_proj")->weights.num_bits == 2);
    config.groups.erase(config.groups.begin());
    const auto fewer = awq::config_group_matcher::make(config, "config.json");
    REQUIRE(fewer);
    CHECK_FALSE(fewer->find("layers.1.self_attn.q_proj"));
}
