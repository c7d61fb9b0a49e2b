// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/check_outputs.hpp>

#include <filesystem>
#include <vector>

namespace fs = std::filesystem;
using paths = std::vector<awq::named_path>;

TEST_CASE("an output that touches its source is refused")
{
    const test::scratch scratch;
    fs::create_directories(scratch / "model/sub");
    fs::create_directory_symlink(scratch / "model", scratch / "link");
    const std::string source = scratch / "model";
    for (const char* const target :
         {"model", "model/", "model/out", "model/sub/out", "link", "link/out", "model/../model", "."}) {
        INFO(target);
        const auto checked = awq::check_output_apart(scratch / target, source);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code() == awq::error_code::invalid_argument);
    }
    CHECK(awq::check_output_apart(scratch / "model-awq", source));
    CHECK(awq::check_output_apart(scratch / "mode", source));
    CHECK(awq::check_output_apart(scratch / "new/out", source));
}

TEST_CASE("no output is an input, whatever leads to it")
{
    const test::scratch scratch;
    scratch.put("model/model.safetensors", "weights");
    scratch.put("blobs/tokenizer", "tokens");
    const std::string data = scratch.put("data.txt", "text");
    fs::create_symlink(scratch / "blobs/tokenizer", scratch / "model/tokenizer.json");
    fs::create_symlink(data, scratch / "soft");
    fs::create_hard_link(data, scratch / "hard");
    fs::create_hard_link(scratch / "model/model.safetensors", scratch / "weights");
    const paths inputs{{"--model", scratch / "model"}, {"--dataset", data}, {"--recipe", ""}};
    for (const char* const target :
         {"data.txt", "soft", "hard", "weights", "blobs/tokenizer", "model/tokenizer.json", "model/new"}) {
        INFO(target);
        const awq::named_path output{"--report", scratch / target};
        const auto checked = awq::check_outputs({&output, 1}, inputs);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code() == awq::error_code::invalid_argument);
        CHECK(test::says(checked.error(), "--report " + scratch / target));
    }
    const awq::named_path other{"--report", scratch / "other"};
    CHECK(awq::check_outputs({&other, 1}, inputs));
}

TEST_CASE("a directory that is replaced holds no input")
{
    const test::scratch scratch;
    const std::string data = scratch.put("out/data.txt", "text");
    scratch.put("out/tokenizer.json", "tokens");
    scratch.put("model/config.json", "{}");
    fs::create_symlink(scratch / "out/tokenizer.json", scratch / "model/tokenizer.json");
    const awq::named_path output{"--output", scratch / "out"};
    for (const awq::named_path& input : paths{{"--dataset", data}, {"--model", scratch / "model"}}) {
        const auto checked = awq::check_outputs({&output, 1}, {&input, 1});
        REQUIRE_FALSE(checked);
        CHECK(test::says(checked.error(), "contains " + input.name));
    }
}

TEST_CASE("two outputs have two places, and none lies in the other")
{
    const test::scratch scratch;
    fs::create_directory(scratch / "old");
    fs::create_directory_symlink("old", scratch / "link");
    fs::create_directory_symlink(".", scratch / "here");
    const auto refused = [&](const std::string& a, const std::string& b) {
        const auto checked =
            awq::check_outputs(paths{{"--output", scratch / a}, {"--report", ""}, {"--output-awq", scratch / b}}, {});
        return !checked && checked.error().code() == awq::error_code::invalid_argument &&
               test::says(checked.error(), "--output-awq");
    };
    CHECK(refused("new", "new"));
    CHECK(refused("new", "new/"));
    CHECK(refused("new", "here/./new"));
    CHECK(refused("old", "link"));
    CHECK(refused("old", "old/inner"));
    CHECK(refused("link/inner", "old"));
    CHECK_FALSE(refused("new", "new2"));
    CHECK_FALSE(refused("old/a", "old/b"));
}
