// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/text/chat_template.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

awq::json::document parse(std::string_view text) { return awq::json::document::parse(text, "messages").value(); }

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
    for (int i = 0; i < count; ++i) all += what;
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
    CHECK(printed("a\n{% include 'x' %}") == "t: line 2: the statement {% include %} is not supported");
    CHECK(printed("\n\n{{ 1 | wordwrap }}") == "t: line 3: the filter \"wordwrap\" is not supported");
    CHECK(printed("{{ 1 is escaped }}") == "t: line 1: the test \"escaped\" is not supported");
    CHECK(printed("{{ [1].append(2) }}") == "t: line 1: the function or method \"append\" is not supported");
    CHECK(printed("{{ nothing.x }}") == "t: line 1: \"nothing\" is undefined");
    CHECK(printed("{{ raise_exception('no tools') }}") == "t: line 1: the template refuses: no tools");
    CHECK(printed("{{ {[1]: 2} }}") == "t: line 1: a key of a mapping must be a text, a number, a bool or none");
    CHECK(printed("{{ 9223372036854775807 + 1 }}") == "t: line 1: an integer of more than 64 bits is not supported");
    CHECK(printed("a\n{% macro f() %}\n{{ 1 / 0 }}{% endmacro %}\n{{ f() }}") == "t: line 3: division by zero");
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
              .find("too many steps") != std::string::npos);
    CHECK(printed("{% set ns = namespace() %}{% set ns.a = ns %}").find("namespace in a list") != std::string::npos);
    CHECK(printed("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}").find("too deeply") != std::string::npos);
    CHECK(printed("{{ range(999999999) }}").find("more than 100000 numbers") != std::string::npos);
    CHECK(printed("{{ " + repeat("(", 5000) + "1" + repeat(")", 5000) + " }}").find("too deeply") != std::string::npos);
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
    CHECK(printed(std::string(600 << 10, 'x')).find("too long") != std::string::npos);
}

TEST_CASE("A template pays for the bytes that it touches, before it touches them")
{
    const auto fails = [](std::string_view source) {
        const std::string text = printed(source);
        INFO(source << " prints " << text.substr(0, 200));
        CHECK((text.find("too many steps") != std::string::npos || text.find("too long") != std::string::npos));
        CHECK(text.starts_with("t: line 1: "));
        CHECK(text.find("line 1: line 1") == std::string::npos);
    };
    const std::string million = "{% set s = 'x' * 1000000 %}";
    const std::string again = "{% for i in range(100000) %}{% set q = ";
    for (const std::string work : {"s[i:]",
                                   "s ~ 'y'",
                                   "s == s ~ ''",
                                   "s in s",
                                   "'y' in s",
                                   "s | replace('x', 'y')",
                                   "s.split('x')",
                                   "s | upper",
                                   "s | length",
                                   "s[0]",
                                   "[s] | tojson",
                                   "s | trim('x')",
                                   "s.strip()",
                                   "s.find('y')",
                                   "s.count('x')",
                                   "'{0}{0}'.format(s)",
                                   "'%s' % s",
                                   "s | e",
                                   "s | list",
                                   "s | urlencode",
                                   "s | wordcount",
                                   "s | truncate(5)",
                                   "s | reverse",
                                   "[s, s] | join(s)",
                                   "[s ~ 'a', s ~ 'b'] | sort",
                                   "[s ~ 'a', s ~ 'b'] | unique | list",
                                   "{s ~ 'a': 1}",
                                   "s | indent",
                                   "s | center(2000000)",
                                   "s is lower",
                                   "dict(a=1)[s ~ i]",
                                   "s.startswith(s ~ '')",
                                   "s | string ~ s",
                                   "s.splitlines()"})
        fails(million + again + work + " %}{% endfor %}");
    const std::string list = "{% set s = range(50000) | list %}";
    for (const std::string work :
         {"s + [i]", "s == s[:]", "'y' in s", "s | sort", "s | join", "s[1:]", "s | map('string') | list", "s | sum",
          "s | batch(3) | list", "s | select('odd') | list", "s | first in s[::-1]", "s | max"})
        fails(list + again + work + " %}{% endfor %}");
    for (const std::string size :
         {"('{0}' * 300000).format('x' * 15000000)", "('x' * 15000000).replace('x', 'y' * 1000000)",
          "'a' | center(9000000000000000000)", "'a' * 9223372036854775807", "range(90000) | join('y' * 100000)",
          "'%999999999s' % 1", "'{:999999999}'.format(1)", "[1] | tojson(indent=99999999999)",
          "('\\n' * 4000000) | indent(64)", "[0] * 99999999999", "range(9) | batch(99999999999, 'x')",
          "s | default('x' * 99999999)"})
        fails("{{ " + size + " }}");
    CHECK(printed("{{ ('a' * 2000000 ~ 'b') in ('a' * 4000000) }}") == "False"); // in linear time
#ifndef __SANITIZE_ADDRESS__
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    CHECK(usage.ru_maxrss < 200'000); // KiB
#endif
}

TEST_CASE("A mapping of many keys is read in time and in order")
{
    std::string keys;
    for (int i = 0; i < 30000; ++i) keys += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    CHECK(printed("{% set d = {" + keys + "} %}{{ d | length }} {{ d.k29999 }} {{ (d | list)[1] }}") ==
          "30000 29999 k1");
    std::string json = "[{\"role\":\"u\"";
    for (int i = 0; i < 100000; ++i) json += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
    const auto messages = parse(json + "}]");
    const auto made = awq::chat_template::parse("{{ messages[0].k99999 }}", "t").value();
    CHECK(*made.render(messages.root()) == "99999");
}

TEST_CASE("The template of a model directory")
{
    const auto directory = std::filesystem::temp_directory_path() / ("awq_chat_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    const std::string path = directory.string();
    const auto messages = parse(R"([{"role":"user","content":"hi"}])");
    const auto without_tools = [&](const std::string& at) {
        return awq::chat_templates{at}.render({messages.root(), {}, {}});
    };
    CHECK(without_tools(path).error().code() == awq::error_code::missing_field);

    std::ofstream{path + "/tokenizer_config.json"} << R"({"bos_token":{"content":"<s>"}})";
    CHECK(without_tools(path).error().code() == awq::error_code::missing_field);

    std::ofstream{path + "/chat_template.json"} << R"({"chat_template":"{{ bos_token }}old"})";
    CHECK(*without_tools(path) == "<s>old");

    std::ofstream{path + "/tokenizer_config.json"}
        << R"({"bos_token":{"content":"<s>"},"chat_template":[{"name":"tool_use",
               "template":"{{ tools[0].name }}"},
               {"name":"default","template":"{{ bos_token }}{{ messages[0].content }}"}]})";
    CHECK(*without_tools(path) == "<s>hi");
    const auto tools = parse(R"([{"name":"f"}])");
    awq::chat_templates both{path};
    CHECK(*both.render({messages.root(), tools.root(), {}}) == "f");
    CHECK(*both.render({messages.root(), {}, {}}) == "<s>hi");

    std::filesystem::create_directories(directory / "additional_chat_templates");
    std::ofstream{path + "/additional_chat_templates/rag.jinja"} << "rag";
    CHECK(without_tools(path).error().text().ends_with(
        "none of the chat templates is called \"default\"; there are rag"));

    std::ofstream{path + "/chat_template.jinja"} << "file:{{ messages[0].role }}"
                                                 << "{{ tools is none }}";
    CHECK(*without_tools(path) == "file:userTrue");
    CHECK(*awq::chat_template::load(path)->render(messages.root()) == "file:userTrue");
    CHECK(*awq::chat_templates::renderer_of(path)({messages.root(), {}, {}}) == "file:userTrue");
    std::filesystem::remove_all(directory);
}
