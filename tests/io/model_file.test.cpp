// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/copy_files.hpp>
#include <awq/io/model_file.hpp>

#include <filesystem>
#include <string>

namespace fs = std::filesystem;
using awq::check_model_link;
using awq::error_code;

TEST_CASE("the links of the Hugging Face cache are followed")
{
    const test::scratch cache;
    const test::scratch target;
    cache.put("blobs/abc", "tokens");
    cache.put("other/def", "no");
    const std::string snapshot = cache / "snapshots/rev";
    fs::create_directories(snapshot);
    fs::create_symlink("../../blobs/abc", snapshot + "/tokenizer.json");
    const auto done = awq::copy_companion_files(snapshot, target.string());
    REQUIRE(done);
    CHECK(test::read(target / "tokenizer.json") == "tokens");
    fs::create_symlink("../../other/def", snapshot + "/other.json");
    CHECK(check_model_link(snapshot, "other.json").error().code() == error_code::unsupported);
}

TEST_CASE("a directory that was made from the Hugging Face cache may link to its blobs")
{
    const test::scratch cache;
    const test::scratch model;
    const std::string blob = cache.put("models--org--name/blobs/abc", "{}");
    const std::string other = cache.put("blobs/def", "no");
    fs::create_symlink(blob, model / "config.json");
    fs::create_symlink(other, model / "tokenizer.json");
    CHECK(awq::model_file(model.string(), "config.json"));
    CHECK(check_model_link(model.string(), "tokenizer.json").error().code() == error_code::unsupported);
}

TEST_CASE("a copy of a model that is all links is followed, to the files of the same names")
{
    const test::scratch real;
    const test::scratch model;
    for (const char* const name : {"model.safetensors", "config.json", "sub/a.txt", "secret"}) real.put(name, name);
    fs::create_directory(model / "sub");
    for (const char* const name : {"config.json", "sub/a.txt"}) fs::create_symlink(real / name, model / name);
    CHECK(check_model_link(model.string(), "config.json").error().code() ==
          error_code::unsupported); // nothing says yet that it belongs to the weights
    fs::create_symlink(real / "model.safetensors", model / "model.safetensors");
    for (const char* const name : {"model.safetensors", "config.json", "sub/a.txt"}) {
        INFO(name);
        CHECK(check_model_link(model.string(), name));
    }
    fs::create_symlink(real / "secret", model / "chat_template.jinja");
    const auto refused = check_model_link(model.string(), "chat_template.jinja");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::unsupported);
    CHECK(test::says(refused.error(), model / "chat_template.jinja"));
    CHECK(test::says(refused.error(), real / "secret"));
}

TEST_CASE("links inside the model are followed, links to nothing and to directories are errors")
{
    const test::scratch model;
    model.put("sub/a", "a");
    fs::create_symlink("sub/a", model / "inside");
    fs::create_symlink("nowhere", model / "dangling");
    fs::create_symlink("loop", model / "loop");
    fs::create_directory_symlink("sub", model / "directory");
    CHECK(check_model_link(model.string(), "inside"));
    CHECK(check_model_link(model.string(), "sub/a"));
    CHECK(check_model_link(model.string(), "not-there"));
    CHECK(check_model_link(model.string(), "dangling").error().code() == error_code::file_not_found);
    CHECK(check_model_link(model.string(), "loop").error().code() == error_code::file_not_found);
    CHECK(check_model_link(model.string(), "directory").error().code() == error_code::file_unreadable);
    CHECK(check_model_link(model.string(), "directory/a"));
    const test::scratch outside;
    outside.put("secret", "secret");
    fs::create_directory_symlink(outside.string(), model / "templates");
    CHECK(check_model_link(model.string(), "templates/secret").error().code() == error_code::unsupported);
}

TEST_CASE("a weight may be a link to a weight anywhere, and to nothing else")
{
    const test::scratch disk;
    const test::scratch model;
    fs::create_symlink(disk.put("shard-1.safetensors", "w"), model / "model.safetensors");
    fs::create_symlink(disk.put("letter.txt", "dear"), model / "other.safetensors");
    CHECK(check_model_link(model.string(), "model.safetensors"));
    CHECK_FALSE(check_model_link(model.string(), "other.safetensors"));
}
