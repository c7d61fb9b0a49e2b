// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_RECIPE_RECIPE_TEXT_HPP
#define AWQ_TESTS_RECIPE_RECIPE_TEXT_HPP

#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/recipe/load_recipe.hpp>

#include <string>
#include <string_view>
#include <vector>

using names = std::vector<std::string>;

inline awq::recipe load(std::string_view text)
{
    const test::scratch room;
    const auto loaded = awq::load_recipe(room.put("recipe.yaml", text));
    if (!loaded) FAIL(loaded.error().text());
    return *loaded;
}

/// The error's text, which names the file and the line.
inline std::string problem(std::string_view text, int line, awq::error_code code = awq::error_code::malformed_file)
{
    const test::scratch room;
    const std::string path = room.put("recipe.yaml", text);
    const auto loaded = awq::load_recipe(path);
    INFO(text.substr(0, 400));
    REQUIRE_FALSE(loaded);
    const std::string message{loaded.error().text()};
    INFO(message);
    CHECK(awq::message(loaded.error().code()) == awq::message(code));
    CHECK(message.starts_with(path));
    CHECK(message.find("line " + std::to_string(line) + ":") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    return message;
}

inline bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

#endif
