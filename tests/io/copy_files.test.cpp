// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/copy_files.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using names = std::vector<std::string>;

TEST_CASE("everything but weights is copied, subdirectories too")
{
    const test::scratch source;
    const test::scratch target;
    for (const char* const name :
         {"config.json", "tokenizer.json", "README.md", ".gitattributes", "sub/a.txt", "sub/deep/b.py", "vocab.bin"})
        source.put(name, name);
    for (const char* const name :
         {"model.safetensors", "model-00001-of-00002.safetensors", "pytorch_model.bin", "x.gguf",
          "model.safetensors.index.json", "consolidated.00.pth", "sub/w.onnx", ".git/HEAD"})
        source.put(name, "weights");
    fs::create_directory(source / "void");
    const names skip{"config.json"};
    const auto done = awq::copy_companion_files(source.string(), target.string(), skip);
    REQUIRE(done);
    CHECK(done->copied ==
          names{".gitattributes", "README.md", "sub/a.txt", "sub/deep/b.py", "tokenizer.json", "vocab.bin"});
    CHECK(done->skipped.empty());
    for (const std::string& name : done->copied) CHECK(test::read(target / name) == name);
    CHECK(fs::is_directory(target / "void"));
    CHECK_FALSE(fs::exists(target / "config.json"));
    CHECK_FALSE(fs::exists(target / ".git"));
    const auto again = awq::copy_companion_files(source.string(), target.string());
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == awq::error_code::file_exists);
}

TEST_CASE("links to directories and to nothing are left out, by name")
{
    const test::scratch outside;
    const test::scratch source;
    const test::scratch target;
    source.put("sub/a", "a");
    fs::create_symlink("sub/a", source / "inside");
    fs::create_symlink("nowhere", source / "dangling");
    fs::create_directory_symlink(outside.string(), source / "tree");
    fs::create_directory_symlink("sub", source / "loop");
    REQUIRE(::mkfifo((source / "pipe").c_str(), 0600) == 0);
    const auto done = awq::copy_companion_files(source.string(), target.string());
    REQUIRE(done);
    CHECK(done->copied == names{"inside", "sub/a"});
    CHECK(done->skipped == names{"dangling", "loop", "pipe", "tree"});
    CHECK(fs::is_regular_file(fs::symlink_status(target / "inside")));
    CHECK(test::read(target / "inside") == "a");
}

TEST_CASE("a link to a file that is no part of the model fails the copy, by name")
{
    const test::scratch outside;
    outside.put("secret", "secret");
    const test::scratch source;
    const test::scratch target;
    fs::create_symlink(outside / "secret", source / "leak");
    const auto done = awq::copy_companion_files(source.string(), target.string());
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == awq::error_code::unsupported);
    CHECK(test::says(done.error(), source / "leak"));
    CHECK(test::says(done.error(), outside / "secret"));
    CHECK_FALSE(fs::exists(target / "leak"));
}
