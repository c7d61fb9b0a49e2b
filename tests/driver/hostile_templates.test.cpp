// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

// The small model with a template of its own, in bounded memory.
test::shell_result with_template(const std::string& source)
{
    const test::scratch here;
    here.put("template", source);
    return test::shell(here, R"(
        cp -r $MODEL m && chmod -R u+w m && cp template m/chat_template.jinja
        echo '{"messages": [{"role": "user", "content": "hi"}]}' > d.jsonl
        ulimit -v 1000000
        timeout 60 $AWQ oneshot --model m --dataset d.jsonl --output out --smoothing-only --n-grid 3 \
            --num-calibration-samples 1 --max-seq-length 32 --threads 1)");
}

} // namespace

TEST_CASE("a template that grows or works without limit ends the run in one line")
{
    const std::vector<std::string> templates{
        R"({{ ("{0}"*300000).format("x"*15000000)|length }})",
        R"({{ ("x"*15000000).replace("x","y"*1000000)|length }})",
        R"({% set s="x"*15000000 %}{% for i in range(9000) %}{{ s }}{% endfor %})",
        R"({% set s="a"*4000000 %}{% set t="a"*2000000+"b" %})"
        R"({% for i in range(100000) %}{% set q=t in s %}{% endfor %})",
        R"({% macro m(n) %}{% if n>0 %}{{ m(n-1) }}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(19) }})",
        R"({% set ns=namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s=[ns.s,ns.s] %}{% endfor %}{{ ns.s }})"};
    for (const std::string& source : templates) {
        INFO(source);
        const auto run = with_template(source);
        INFO(run.err);
        CHECK(run.exit_code == 1);
        CHECK(run.error_lines() == 1);
        CHECK(run.says("awq: d.jsonl:1: m/chat_template.jinja: line 1: "));
    }
}

TEST_CASE("a search in long texts takes linear time")
{
    const auto run = with_template(R"({{ ("a"*2000000 ~ "b") in ("a"*4000000) }} and more)");
    CHECK(run.exit_code == 0);
}

TEST_CASE("a tokenizer whose normalizer grows without limit ends the run in one line")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        cp -r $MODEL m && chmod -R u+w m
        python3 - << 'END' || exit 77
import json
path = 'm/tokenizer.json'
tokenizer = json.load(open(path))
step = {'type': 'Replace', 'pattern': {'String': 'a'}, 'content': 'a' * 90}
tokenizer['normalizer'] = {'type': 'Sequence', 'normalizers': [step] * 60}
json.dump(tokenizer, open(path, 'w'))
END
        ulimit -v 1000000
        timeout 60 $AWQ oneshot --model m --dataset $TEXT --output out --smoothing-only --threads 1)");
    if (run.exit_code == 77) return; // no Python
    CHECK(run.exit_code == 1);
    CHECK(run.error_lines() == 1);
    CHECK(run.says("grow without limit"));
}
