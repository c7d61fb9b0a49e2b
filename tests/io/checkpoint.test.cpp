// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/safetensors/checkpoint.hpp>

#include <string>
#include <vector>

using awq::error_code;
using awq::safetensors::checkpoint;
using awq::safetensors::is_plain_shard_name;
using awq::safetensors::shard_index;

namespace {

// A file with one-byte tensors of these names.
std::string shard(const std::vector<std::string>& names)
{
    std::string header = "{";
    for (std::size_t i = 0; i < names.size(); ++i)
        header += (i > 0 ? ",\"" : "\"") + names[i] + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" +
                  std::to_string(i) + "," + std::to_string(i + 1) + "]}";
    return test::safetensors_bytes(header + "}", std::string(names.size(), 'x'));
}

std::string index_of(const std::string& weight_map)
{
    return "{\"metadata\":{\"total_size\":3},\"weight_map\":" + weight_map + "}";
}

constexpr const char* index_name = "model.safetensors.index.json";

} // namespace

TEST_CASE("a single file is a checkpoint")
{
    const test::scratch scratch;
    scratch.put("model.safetensors", shard({"b", "a"}));
    const auto opened = checkpoint::open(scratch.string() + "/");
    REQUIRE(opened);
    CHECK_FALSE(opened->has_index());
    CHECK(opened->directory() == scratch.string());
    CHECK(opened->shards().size() == 1);
    CHECK(opened->shards()[0].name() == "model.safetensors");
    CHECK(opened->tensors().size() == 2);
    CHECK(opened->tensors()[0]->name == "b");
    CHECK(opened->total_bytes() == 2);
    CHECK(opened->total_elements() == 2);
    CHECK(opened->find("a")->offset == opened->find("b")->offset + 1);
    CHECK(opened->find("c") == nullptr);
    const auto missing = opened->at("c");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == error_code::missing_tensor);
    CHECK(test::says(missing.error(), "\"c\""));
}

TEST_CASE("shards with an index are a checkpoint")
{
    const test::scratch scratch;
    scratch.put("m-2.safetensors", shard({"c"}));
    scratch.put("m-1.safetensors", shard({"b", "a"}));
    scratch.put("unrelated.safetensors", shard({"a"}));
    scratch.put(index_name, index_of(R"({"a":"m-1.safetensors","c":"m-2.safetensors","b":"m-1.safetensors"})"));
    auto opened = checkpoint::open(scratch.string());
    REQUIRE(opened);
    const checkpoint moved = *std::move(opened);
    CHECK(moved.has_index());
    CHECK(moved.index()->total_size == 3);
    REQUIRE(moved.shards().size() == 2);
    CHECK(moved.shards()[0].name() == "m-1.safetensors");
    REQUIRE(moved.find("c") != nullptr);
    CHECK(moved.find("c")->name == "c");
    CHECK(moved.find("c")->file->path() == scratch / "m-2.safetensors");
    CHECK(moved.tensors().size() == 3);
}

TEST_CASE("an index may list model.safetensors alone, but not leave it out")
{
    const test::scratch scratch;
    scratch.put("model.safetensors", shard({"a"}));
    scratch.put(index_name, index_of(R"({"a":"model.safetensors"})"));
    CHECK(checkpoint::open(scratch.string()));
    scratch.put("m-1.safetensors", shard({"a"}));
    scratch.put(index_name, index_of(R"({"a":"m-1.safetensors"})"));
    const auto both = checkpoint::open(scratch.string());
    REQUIRE_FALSE(both);
    CHECK(test::says(both.error(), "both model.safetensors and"));
}

TEST_CASE("an index and shards that disagree are refused by name")
{
    struct disagreement {
        std::string what, weight_map;
        error_code code;
        std::vector<std::string> named;
    };
    const std::vector<disagreement> all{
        {"parent directory", R"({"a":"../m-1.safetensors"})", error_code::malformed_file, {"\"a\"", "../m-1"}},
        {"absolute", R"({"a":"/etc/m-1.safetensors"})", error_code::malformed_file, {"\"a\"", "/etc"}},
        {"subdirectory", R"({"a":"x/m-1.safetensors"})", error_code::malformed_file, {"\"a\""}},
        {"backslash", R"({"a":"..\\m-1.safetensors"})", error_code::malformed_file, {"\"a\""}},
        {"NUL", R"({"a":"m-1.safetensors\u0000.safetensors"})", error_code::malformed_file, {"\"a\""}},
        {"hidden", R"({"a":".safetensors"})", error_code::malformed_file, {"\"a\""}},
        {"empty name", R"({"a":""})", error_code::malformed_file, {"\"a\""}},
        {"other suffix", R"({"a":"passwd"})", error_code::malformed_file, {"\"a\"", "passwd"}},
        {"not a name", R"({"a":1})", error_code::malformed_file, {"weight_map.a", "string"}},
        {"twice in the index",
         R"({"a":"m-1.safetensors","a":"m-2.safetensors"})",
         error_code::malformed_file,
         {"\"a\"", "twice"}},
        {"empty map", R"({})", error_code::malformed_file, {"empty"}},
        {"map is a list", R"([])", error_code::malformed_file, {"weight_map"}},
        {"missing shard",
         R"({"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-3.safetensors"})",
         error_code::file_not_found,
         {"m-3.safetensors"}},
        {"in two shards",
         R"({"a":"m-1.safetensors","b":"m-1.safetensors","e":"m-4.safetensors"})",
         error_code::malformed_file,
         {"m-4.safetensors", "\"a\"", "offset", "in another of the checkpoint's files"}},
    };
    for (const disagreement& each : all) {
        INFO(each.what);
        const test::scratch scratch;
        scratch.put("m-1.safetensors", shard({"a", "b"}));
        scratch.put("m-2.safetensors", shard({"c"}));
        scratch.put("m-4.safetensors", shard({"a", "e"}));
        scratch.put(index_name, index_of(each.weight_map));
        const auto opened = checkpoint::open(scratch.string());
        REQUIRE_FALSE(opened);
        INFO(opened.error().text());
        CHECK(opened.error().code() == each.code);
        CHECK(test::says(opened.error(), scratch.string()));
        for (const std::string& part : each.named) CHECK(test::says(opened.error(), part));
    }
}

TEST_CASE("an index that does not agree with its files is repaired, and said so")
{
    struct repair {
        std::string weight_map;
        std::vector<std::string> notes; // their ends
    };
    const std::vector<repair> all{
        {R"({"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"})", {}},
        {R"({"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors",
             "d":"m-1.safetensors"})",
         {"lists what no file has, 1 tensor, \"d\"; what the files hold counts"}},
        {R"({"a":"m-1.safetensors","x":"m-2.safetensors"})",
         {"lists what no file has, 1 tensor, \"x\"; what the files hold counts",
          "lacks 2 tensors, \"b\" and others; what the files hold counts"}},
        {R"({"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-2.safetensors"})",
         {"names the wrong file of 1 tensor, \"b\"; what the files hold counts"}},
    };
    for (const repair& each : all) {
        INFO(each.weight_map);
        const test::scratch scratch;
        scratch.put("m-1.safetensors", shard({"a", "b"}));
        scratch.put("m-2.safetensors", shard({"c"}));
        scratch.put(index_name, index_of(each.weight_map));
        const auto opened = checkpoint::open(scratch.string());
        REQUIRE(opened);
        CHECK(opened->tensors().size() == 3);
        CHECK(opened->find("b") != nullptr);
        REQUIRE(opened->repairs().size() == each.notes.size());
        for (std::size_t i = 0; i < each.notes.size(); ++i) CHECK(opened->repairs()[i].ends_with(each.notes[i]));
    }
}

TEST_CASE("an index without weight_map, and directories without weights")
{
    const test::scratch scratch;
    CHECK(checkpoint::open(scratch.string()).error().code() == error_code::file_not_found);
    CHECK(checkpoint::open(scratch / "none").error().code() == error_code::file_not_found);
    scratch.put(index_name, "{}");
    const auto opened = checkpoint::open(scratch.string());
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == error_code::missing_field);
    CHECK(test::says(opened.error(), "weight_map"));
    scratch.put(index_name, "{");
    CHECK(test::says(checkpoint::open(scratch.string()).error(), "index.json: not valid JSON"));
}

TEST_CASE("the index text reads back")
{
    shard_index index;
    index.weight_map = {{"a", "m-1.safetensors"}, {"b", "m-2.safetensors"}};
    index.total_size = 12;
    index.total_parameters = 6;
    CHECK(index.text() == "{\n  \"metadata\": {\n    \"total_parameters\": 6,\n    \"total_size\": 12\n  },\n"
                          "  \"weight_map\": {\n    \"a\": \"m-1.safetensors\",\n    \"b\": \"m-2.safetensors\"\n  "
                          "}\n}\n");
    const auto read = shard_index::parse(index.text(), "index");
    REQUIRE(read);
    CHECK(read->weight_map == index.weight_map);
    CHECK(read->total_parameters == index.total_parameters);
    CHECK(read->files() == std::vector<std::string>{"m-1.safetensors", "m-2.safetensors"});
    CHECK(is_plain_shard_name("model-00001-of-00002.safetensors"));
    CHECK_FALSE(is_plain_shard_name("..safetensors"));
}

TEST_CASE("the example model opens")
{
    const auto opened = checkpoint::open(AWQ_EXAMPLE_DATA "/tiny-llama");
    REQUIRE(opened);
    const auto* const embedding = opened->find("model.embed_tokens.weight");
    REQUIRE(embedding != nullptr);
    CHECK(embedding->shape == std::vector<std::uint64_t>{2048, 256});
    CHECK(embedding->type() == awq::dtype::bf16);
}
