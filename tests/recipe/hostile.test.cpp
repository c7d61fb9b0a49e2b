// SPDX-License-Identifier: MIT
// Recipes that were written to do harm, and files that are no recipes.
#include "recipe_text.hpp"

namespace {

std::string repeat(std::string_view part, std::size_t times)
{
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += part;
    return text;
}

/// The text of the error, which is one line.
std::string refused(std::string_view text, awq::error_code code = awq::error_code::malformed_file)
{
    const test::scratch room;
    const auto loaded = awq::load_recipe(room.put("recipe.yaml", text));
    REQUIRE_FALSE(loaded);
    CHECK(awq::message(loaded.error().code()) == awq::message(code));
    const std::string message{loaded.error().text()};
    CHECK(says(message, "recipe.yaml"));
    CHECK(message.find('\n') == std::string::npos);
    return message;
}

} // namespace

TEST_CASE("an alias to a value that holds it is refused")
{
    CHECK(says(problem("x_stage: &a\n  y_stage: *a\n", 2), "alias"));
    CHECK(says(problem("x_stage: &a [1, [*a]]\n", 1), "alias"));
}

TEST_CASE("aliases are charged as what they stand for")
{
    std::string bomb = "s0_stage: &s0 {}\n";
    for (int i = 1; i < 30; ++i) {
        const std::string before = std::to_string(i - 1), now = std::to_string(i);
        bomb += "s" + now + "_stage: &s" + now + " {a_stage: *s" + before + ", b_stage: *s" + before + "}\n";
    }
    CHECK(says(refused(bomb), "MiB"));
    const std::string large = "ignore: [&a \"" + repeat("x", 100'000) + "\"" + repeat(", *a", 10'000) + "]";
    CHECK(says(refused("AWQModifier: {" + large + "}\n"), "MiB"));
    const std::string deep = "- &a [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]\n- [[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]\n";
    CHECK(says(problem(deep, 2), "deep"));
}

TEST_CASE("an alias serves where it does no harm")
{
    const awq::recipe recipe = load("AWQModifier: {ignore: &names [lm_head, a]}\n"
                                    "QuantizationModifier: {scheme: W4A16, ignore: *names}\n");
    CHECK(recipe.ignore == names{"lm_head", "a"});
    CHECK(recipe.notes.empty());
}

TEST_CASE("values that lie too deep in each other are refused, however they are written")
{
    CHECK(says(problem(repeat("a_stage: {", 5'000), 1), "deep"));
    refused("AWQModifier: " + repeat("[", 100'000));
    refused(repeat("- ", 50'000));
    refused(repeat("? ", 50'000));
    std::string steps;
    for (std::size_t i = 0; i < 500; ++i) steps += repeat(" ", i) + "a_stage:\n";
    CHECK(says(problem(steps, 32), "deep"));
}

TEST_CASE("a number beyond its range is refused, never cut")
{
    const auto bits = [](const char* value) {
        return "AWQModifier: {config_groups: {g: {weights: {num_bits: " + std::string{value} + "}}}}\n";
    };
    for (const char* const value : {"4294967300", "18446744073709551620", "-4", "0", "65"})
        CHECK(says(problem(bits(value), 1), "'num_bits' is "));
    CHECK(load(bits("4")).groups.front().weights->num_bits == 4);
    for (const char* const key : {"n_grid: 4000000000000", "n_grid: 1", "group_size: 99999999999999999999",
                                  "group_size: 9000000000000000000", "group_size: -2"})
        CHECK(says(problem("AWQModifier: {" + std::string{key} + "}\n", 1), "use "));
    for (const char* const value : {"2", "0", "-0.1", "1e400", "nan", "inf"})
        problem("GPTQModifier: {dampening_frac: " + std::string{value} + "}\n", 1);
}

TEST_CASE("a key that is given twice is refused, with both lines")
{
    CHECK(says(problem("AWQModifier:\n  n_grid: 4\n  loss: gram\n  n_grid: 5\n", 4), "line 2"));
    CHECK(says(problem("a_stage: {AWQModifier: {}}\nb_stage: {AWQModifier: {}}\n", 2), "line 1"));
}

TEST_CASE("what is no text in UTF-8, or too large, is refused")
{
    using namespace std::string_literals;
    CHECK(says(problem("AWQModifier:\n  loss: \0\n"s, 2), "UTF-8"));
    CHECK(says(problem("AWQModifier:\n\n  ignore: [caf\xe9]\n", 3), "UTF-8"));
    CHECK(says(problem("\xff\xfe{\0}\0"s, 1), "UTF-8"));
    CHECK(says(problem("\x7f"
                       "ELF\2\1\1",
                       1),
               "UTF-8"));
    for (const char* const part : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
        problem("AWQModifier: {loss: " + std::string{part} + "}\n", 1);
    CHECK(load("# h\xc3\xa4user \xe2\x82\xac \xf0\x9f\x99\x82\nAWQModifier: {}\n").smoothing);
    CHECK(says(refused("#" + repeat("x", (4 << 20))), "limit"));
    CHECK(says(refused("a_stage: {}\n"), "no modifier"));
    CHECK(says(refused("AWQModifier: {}\n---\nAWQModifier: {}\n"), "second document"));
}
