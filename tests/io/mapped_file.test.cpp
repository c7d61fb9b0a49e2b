// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/mapped_file.hpp>

using awq::error_code;
using awq::mapped_file;

TEST_CASE("a mapped file shows the file's bytes, also after they were released")
{
    const test::scratch scratch;
    std::string content;
    for (int i = 0; i < 100'000; ++i) content += static_cast<char>(i * 7);
    auto opened = mapped_file::open(scratch.put("f", content));
    REQUIRE(opened);
    const mapped_file file = *std::move(opened);
    const auto shown = [&] {
        return std::string_view{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
    };
    CHECK(shown() == content);
    file.prefetch(file.bytes());
    file.release(file.bytes());
    CHECK(shown() == content);
    file.release(file.bytes().subspan(10, 9000));
    file.release(test::bytes_of("not a part of the file"));
    CHECK(shown() == content);
    CHECK(file.path() == scratch / "f");
}

TEST_CASE("empty files, directories and missing files")
{
    const test::scratch scratch;
    const auto empty = mapped_file::open(scratch.put("empty", ""));
    REQUIRE(empty);
    CHECK(empty->bytes().empty());
    const auto directory = mapped_file::open(scratch.string());
    REQUIRE_FALSE(directory);
    CHECK(directory.error().code() == error_code::file_unreadable);
    CHECK(test::says(directory.error(), scratch.string() + ": is a directory"));
    CHECK(mapped_file::open(scratch / "none").error().code() == error_code::file_not_found);
    CHECK(mapped_file::open(scratch / "empty/x").error().code() == error_code::file_not_found);
    CHECK(mapped_file::open("/dev/null").error().code() == error_code::file_unreadable);
    REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
    CHECK(mapped_file::open(scratch / "pipe").error().code() == error_code::file_unreadable);
}
