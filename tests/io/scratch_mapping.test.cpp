// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/scratch_mapping.hpp>

#include <cstring>
#include <filesystem>

TEST_CASE("memory in a nameless file keeps what pages held that were let go")
{
    const test::scratch room;
    const std::size_t bytes = 8 * awq::scratch_mapping::page_size();
    const auto made = awq::scratch_mapping::create(room.string(), bytes);
    REQUIRE(made);
    CHECK(std::filesystem::is_empty(room.string()));
    std::memset((*made)->data(), 7, bytes);
    (*made)->release((*made)->data(), bytes);
    CHECK((*made)->data()[0] == std::byte{7});
    CHECK((*made)->data()[bytes - 1] == std::byte{7});
}

TEST_CASE("memory that is not of the file is never let go")
{
    const test::scratch room;
    const std::size_t page = awq::scratch_mapping::page_size();
    const auto made = awq::scratch_mapping::create(room.string(), page);
    REQUIRE(made);
    std::vector<std::byte> own(4 * page, std::byte{5});
    (*made)->release(own.data(), own.size());
    (*made)->release((*made)->data(), 2 * page);
    CHECK(own[2 * page] == std::byte{5});
}

TEST_CASE("a directory without room for a scratch file is named")
{
    const test::scratch room;
    const auto made = awq::scratch_mapping::create(room / "absent", 4096);
    REQUIRE_FALSE(made);
    CHECK(made.error().text().find("absent: no room for a scratch file") != std::string_view::npos);
}
