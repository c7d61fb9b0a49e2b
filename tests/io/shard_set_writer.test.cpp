// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/safetensors/shard_set_writer.hpp>

#include <filesystem>
#include <string>
#include <vector>

using awq::error_code;
using awq::safetensors::checkpoint;
using awq::safetensors::element_type;
using awq::safetensors::shard_set_writer;

namespace {

void check_copy(const std::string& directory)
{
    const auto source = checkpoint::open(directory);
    REQUIRE(source);
    const test::scratch scratch;
    auto created = shard_set_writer::create(scratch.string(), *source);
    REQUIRE(created);
    // Some through float32, the rest untouched.
    std::vector<float> values;
    for (const auto* const tensor : source->tensors()) {
        if (tensor->name.find("proj") == std::string::npos) continue;
        values.resize(tensor->element_count());
        REQUIRE(awq::safetensors::read_floats(*tensor, values));
        REQUIRE(created->write_floats(tensor->name, values));
        tensor->release();
    }
    REQUIRE(created->copy_rest(*source));
    REQUIRE(created->finish());
    const auto copy = checkpoint::open(scratch.string());
    REQUIRE(copy);
    REQUIRE(copy->shards().size() == source->shards().size());
    CHECK(copy->total_bytes() == source->total_bytes());
    for (std::size_t i = 0; i < source->shards().size(); ++i) {
        CHECK(copy->shards()[i].name() == source->shards()[i].name());
        CHECK(test::read(copy->shards()[i].path()) == test::read(source->shards()[i].path()));
    }
    if (!source->has_index()) return;
    CHECK(copy->index()->weight_map == source->index()->weight_map);
    CHECK(copy->index()->total_size == source->total_bytes());
    CHECK(copy->index()->total_parameters == source->index()->total_parameters);
}

} // namespace

TEST_CASE("a copy of the example model has the same files byte for byte")
{
    check_copy(AWQ_EXAMPLE_DATA "/tiny-llama");
}

TEST_CASE("a copy of a sharded model has the same files byte for byte")
{
    const std::string directory = AWQ_SHARED "/models/small";
    if (!std::filesystem::exists(directory)) {
        WARN("left out: " << directory << " is not there");
        return;
    }
    check_copy(directory);
}

TEST_CASE("a set of shards of one's own")
{
    const test::scratch scratch;
    auto created = shard_set_writer::create(
        scratch.string(),
        {{"m-1.safetensors", {{"a", element_type::i32, {2}}}}, {"m-2.safetensors", {{"b", element_type::f4, {4}}}}},
        true);
    REQUIRE(created);
    CHECK(created->contains("b"));
    REQUIRE(created->write("b", test::bytes_of("12")));
    CHECK(created->finish().error().code() == error_code::missing_tensor);
    REQUIRE(created->write("a", test::bytes_of("12345678")));
    CHECK(created->write("c", {}).error().code() == error_code::missing_tensor);
    REQUIRE(created->finish());
    const auto opened = checkpoint::open(scratch.string());
    REQUIRE(opened);
    CHECK(opened->index()->total_size == 10);
    CHECK_FALSE(opened->find("b")->type());
}

TEST_CASE("a set of shards that cannot be is refused and leaves nothing behind")
{
    const test::scratch scratch;
    const auto code_of = [&](std::vector<awq::safetensors::shard_plan> plans, bool with_index) {
        return shard_set_writer::create(scratch.string(), std::move(plans), with_index).error().code();
    };
    CHECK(code_of({{"a.safetensors", {}}, {"b.safetensors", {}}}, false) == error_code::invalid_argument);
    CHECK(code_of({{"../a.safetensors", {}}}, false) == error_code::invalid_argument);
    CHECK(
        code_of({{"a.safetensors", {{"t", element_type::u8, {1}}}}, {"b.safetensors", {{"t", element_type::u8, {1}}}}},
                true) == error_code::invalid_argument);
    CHECK(std::filesystem::is_empty(scratch.string()));
}

TEST_CASE("metadata without a format gets one")
{
    const test::scratch source;
    source.put("model.safetensors", test::safetensors_bytes("{\"__metadata__\":{\"k\":\"v\"}}", ""));
    const auto opened = checkpoint::open(source.string());
    REQUIRE(opened);
    const auto plans = awq::safetensors::plan_like(*opened);
    REQUIRE(plans.size() == 1);
    CHECK(plans[0].metadata == awq::safetensors::metadata{{"k", "v"}, {"format", "pt"}});
}
