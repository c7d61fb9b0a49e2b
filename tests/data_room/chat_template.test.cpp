// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/data/chat_template.hpp>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

awq::json::document parse(std::string_view text)
{
    return awq::json::document::parse(text, "messages").value();
}

// What a template prints without messages, or its error.
std::string printed(std::string_view source)
{
    const auto made = awq::chat_template::parse(source, "t");
    if (!made) return std::string{made.error().text()};
    const auto none = parse("[]");
    const auto text = made->render(none.root());
    return text ? *text : std::string{text.error().text()};
}

std::string repeat(std::string_view what, int count)
{
    std::string all;
    for (int i = 0; i < count; ++i)
        all += what;
    return all;
}

} // namespace

TEST_CASE("Templates print what Jinja prints")
{
    const auto golden = awq::json::load(AWQ_TEST_DATA "/tokenizers/chat_golden.json").value();
    const auto messages = golden.root().at("messages").value();
    const auto cases = golden.root().at("cases").value();
    CHECK(cases.elements().size() > 60);
    for (const awq::json::value& each : cases.elements()) {
        const std::string source{each.at("template").value().as_string().value()};
        const auto expected = each.at("text").value();
        CAPTURE(source);
        auto made = awq::chat_template::parse(source, "t");
        if (!made) {
            INFO(std::string{made.error().text()});
            CHECK(expected.is_null());
            continue;
        }
        made->set("bos_token", "<s>");
        made->set("eos_token", "</s>");
        const auto text = made->render(messages, true);
        if (!text) {
            INFO(std::string{text.error().text()});
            CHECK(expected.is_null());
        } else {
            REQUIRE_FALSE(expected.is_null());
            CHECK(*text == expected.as_string().value());
        }
    }
}

TEST_CASE("What a template cannot do is one error with its line")
{
    CHECK(printed("a\n{% include 'x' %}") ==
          "t: line 2: the statement {% include %} is not supported");
    CHECK(printed("\n\n{{ 1 | wordwrap }}") ==
          "t: line 3: the filter \"wordwrap\" is not supported");
    CHECK(printed("{{ 1 is escaped }}") == "t: line 1: the test \"escaped\" is not supported");
    CHECK(printed("{{ [1].append(2) }}") ==
          "t: line 1: the function or method \"append\" is not supported");
    CHECK(printed("{{ nothing.x }}") == "t: line 1: \"nothing\" is undefined");
    CHECK(printed("{{ raise_exception('no tools') }}") ==
          "t: line 1: the template refuses: no tools");
    CHECK(printed("{{ {1: 2} }}") ==
          "t: line 1: a mapping whose keys are no texts is not supported");
    CHECK(printed("{{ strftime_now('%Y') | length }}") == "4");
}

TEST_CASE("A hostile template ends in an error")
{
    CHECK(printed("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
              .find("too many steps") != std::string::npos);
    CHECK(printed("{{ 'a' * 999999999999 }}").find("too long") != std::string::npos);
    CHECK(printed("{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}"
                  "{% set ns.x = ns.x ~ ns.x %}{% endfor %}")
              .find("too long") != std::string::npos);
    CHECK(printed("{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
                  "{% set ns.x = ns.x + ns.x %}{% endfor %}")
              .find("too long") != std::string::npos);
    CHECK(printed("{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
                  "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}")
              .find("too large") != std::string::npos);
    CHECK(printed("{% set ns = namespace() %}{% set ns.a = ns %}").find("cannot hold itself") !=
          std::string::npos);
    CHECK(printed("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}").find("too deeply") !=
          std::string::npos);
    CHECK(printed("{{ range(999999999) }}").find("does not fit") != std::string::npos);
    CHECK(printed("{{ " + repeat("(", 5000) + "1" + repeat(")", 5000) + " }}").find("too deeply") !=
          std::string::npos);
    CHECK(printed("{{ " + repeat("-", 5000) + "1 }}").find("too deeply") != std::string::npos);
    CHECK(printed("{{ 1" + repeat(" + 1", 5000) + " }}").find("too long") != std::string::npos);
    CHECK(printed("{{ x" + repeat(".x", 5000) + " }}").find("too long") != std::string::npos);
    CHECK(printed("{{ x" + repeat("|trim", 5000) + " }}").find("too long") != std::string::npos);
    CHECK(printed("{{ " + repeat("not ", 5001) + "1 }}") == "False");
    CHECK(printed(repeat("{% if 1 %}", 500)).find("too deeply") != std::string::npos);
    CHECK(printed("{{ -9223372036854775807 - 1 }}") == "-9223372036854775808");
    CHECK(printed("{{ 1 // 0 }}").find("division by zero") != std::string::npos);
    CHECK(printed("{{ 99999999999999999999 }}").find("too large") != std::string::npos);
    CHECK(printed("a\xFFz").find("byte 1 is not valid UTF-8") != std::string::npos);
}

TEST_CASE("The template of a model directory")
{
    const auto directory =
        std::filesystem::temp_directory_path() / ("awq_chat_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    const std::string path = directory.string();
    const auto messages = parse(R"([{"role":"user","content":"hi"}])");
    CHECK(awq::chat_template::load(path).error().code() == awq::error_code::file_not_found);

    std::ofstream{path + "/tokenizer_config.json"} << R"({"bos_token":{"content":"<s>"}})";
    CHECK(awq::chat_template::load(path).error().code() == awq::error_code::missing_field);

    std::ofstream{path + "/tokenizer_config.json"}
        << R"({"bos_token":{"content":"<s>"},"chat_template":[{"name":"tool_use","template":"no"},
               {"name":"default","template":"{{ bos_token }}{{ messages[0].content }}"}]})";
    CHECK(*awq::chat_template::load(path)->render(messages.root()) == "<s>hi");

    std::ofstream{path + "/chat_template.jinja"} << "file:{{ messages[0].role }}";
    const auto render = awq::chat_template::load(path)->renderer();
    CHECK(*render(messages.root()) == "file:user");
    CHECK(*awq::chat_template::renderer_of(path)(messages.root()) == "file:user");
    CHECK(awq::chat_template::renderer_of(path + "/x")(messages.root()).error().code() ==
          awq::error_code::file_not_found);
    std::filesystem::remove_all(directory);
}
