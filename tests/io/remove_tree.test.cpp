// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"

#include <awq/io/remove_tree.hpp>

TEST_CASE("a tree is removed whole, and what its links point to is not")
{
    namespace fs = std::filesystem;
    const test::scratch here;
    here.put("kept/file", "a");
    here.put("gone/inner/file", "b");
    fs::create_directory_symlink(here / "kept", here / "gone/inner/link");
    awq::detail::remove_tree((here / "gone").c_str());
    CHECK_FALSE(fs::exists(fs::symlink_status(here / "gone")));
    CHECK(test::read(here / "kept/file") == "a");
    awq::detail::remove_tree((here / "not there").c_str());
}
