// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

// Smooths the small model with a dataset; $MORE are more flags.
constexpr const char* smooth =
    R"(run() { $AWQ oneshot --model $MODEL --dataset "$1" --output out --smoothing-only --n-grid 3 \
       --num-calibration-samples 2 --max-seq-length 32 --threads 1 --report report.json $MORE; }
)";

test::shell_result run(const test::scratch& here, const std::string& script)
{
    return test::shell(here, smooth + script);
}

} // namespace

TEST_CASE("samples and tokens used are said on standard error and in the report")
{
    const test::scratch here;
    const auto done = run(here, R"(echo '["one text", "another text", "a third"]' > d.json
                                   run d.json)");
    CHECK(done.exit_code == 0);
    CHECK(done.says("calibration: 2 samples, "));
    CHECK(done.says(" tokens, from d.json\n"));
    CHECK(done.lines("awq: ") == 0);
    const std::string report = test::read(here / "report.json");
    CHECK(report.find(R"("samples": "2")") != std::string::npos);
    CHECK(report.find(R"("tokens": ")") != std::string::npos);
    CHECK(report.find(R"("notes": [])") != std::string::npos);
}

TEST_CASE("fewer samples than asked for, empty ones and long ones are said, once each")
{
    const test::scratch here;
    const auto done = run(here, R"sh({ echo '{"text": null}'; echo '{"text": ""}'
        printf '{"text": "%s"}\n' "$(head -c 2000 $TEXT | tr -d '"\\\n')"; } > d.jsonl
        run d.jsonl)sh");
    CHECK(done.exit_code == 0);
    CHECK(done.lines("awq: note: d.jsonl: skipped 2 of 3 samples: null or empty") == 1);
    CHECK(done.lines("awq: note: d.jsonl: cut off 1 of 3 samples: longer than max_seq_length") == 1);
    CHECK(done.lines("awq: warning: d.jsonl: it holds 1 sample; 2 were asked for") == 1);
    CHECK(done.error_lines() == 0);
    const std::string report = test::read(here / "report.json");
    CHECK(report.find("skipped 2 of 3 samples") != std::string::npos);
    CHECK(report.find("warning: d.jsonl: it holds 1 sample") != std::string::npos);
}

TEST_CASE("one token of calibration is a warning where a step solves for the weights")
{
    const test::scratch here;
    const auto done = test::shell(here, R"(echo '[{"input_ids": [5]}]' > d.json
                 $AWQ oneshot --model $MODEL --dataset d.json --output out --scheme W4A16_ASYM \
                     --group-size 32 --n-grid 3 --threads 1)");
    CHECK(done.exit_code == 0);
    CHECK(done.says("awq: warning: calibration on 1 token, fewer than the 512 inputs"));
    CHECK(done.says("error feedback and the least-squares target would need"));
    CHECK(done.says("awq: warning: d.json: it holds 1 sample; 128 were asked for"));
}

TEST_CASE("sequences beyond the model's positions are a warning")
{
    const test::scratch here;
    const auto done = run(here, R"(cp -r $MODEL m && chmod -R u+w m && MODEL=m
        sed -i 's/"max_position_embeddings": *[0-9]*/"max_position_embeddings": 16/' m/config.json
        run $TEXT)");
    CHECK(done.exit_code == 0);
    CHECK(done.says("sequences of 32 tokens go beyond the model's 16 positions"));
}

TEST_CASE("a dataset that is not understood is one line that names every accepted field")
{
    const test::scratch here;
    const auto done = run(here, R"(echo '[{"question": "a", "answer": "b"}]' > d.json
                                   run d.json)");
    CHECK(done.exit_code == 1);
    CHECK(done.error_lines() == 1);
    CHECK(done.says("awq: d.json: [0]: a sample needs one of "));
    for (const char* field : {"text", "messages", "conversations", "input_ids", "instruction", "prompt"})
        CHECK(done.says(field));
    CHECK_FALSE(test::shell(here, "test -e out").exit_code == 0);
}

TEST_CASE("a dataset that is no text, or broken JSON, is one line that says what to do")
{
    const test::scratch here;
    const auto packed = run(here, "echo text | gzip > d.jsonl; run d.jsonl");
    CHECK(packed.exit_code == 1);
    CHECK(packed.says("awq: d.jsonl: a gzip file; unpack it first\n"));
    const auto broken = run(here, R"(printf '{"text": "a"}\n{"text": \n' > d.jsonl; run d.jsonl)");
    CHECK(broken.exit_code == 1);
    CHECK(broken.error_lines() == 1);
    CHECK(broken.says("awq: d.jsonl:2: "));
    CHECK_FALSE(broken.says("d.jsonl:2: d.jsonl"));
    const auto wide = run(here, "printf '\\xff\\xfea\\0' > d.txt; run d.txt");
    CHECK(wide.says("iconv -f UTF-16 -t UTF-8"));
}

TEST_CASE("tools choose the template and reach it, as in transformers")
{
    const test::scratch here;
    const auto done = run(here, R"(cp -r $MODEL m && chmod -R u+w m && MODEL=m; rm -f m/chat_template.jinja
        python3 - << 'END' 2>/dev/null || exit 77
import json
path = 'm/tokenizer_config.json'
try: config = json.load(open(path))
except OSError: config = {}
config['chat_template'] = [
    {'name': 'default', 'template': '{{ raise_exception("no tools here") }}'},
    {'name': 'tool_use', 'template': '{% for t in tools %}{{ t | tojson }}{% endfor %}'}]
json.dump(config, open(path, 'w'))
END
        echo '{"messages": [{"role": "user", "content": "a"}], "tools": [{"name": "f"}]}' > d.jsonl
        run d.jsonl || exit 77
        rm -rf out report.json
        echo '{"messages": [{"role": "user", "content": "a"}]}' > d.jsonl; run d.jsonl)");
    if (done.exit_code == 77 && !done.says("awq: ")) return; // no Python
    CHECK(done.exit_code == 1);
    CHECK(done.says("calibration: 1 sample, "));
    CHECK(done.says("awq: d.jsonl:1: m/tokenizer_config.json: line 1: the template refuses: no tools "
                    "here\n"));
}
