// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "report/html_reader.hpp"
#include "report/schema_checker.hpp"
#include "shell.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace {

const std::string quick = " --dataset $TEXT --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 --threads 1 ";

/// A text of some 200 tokens, for eval.
const std::string short_text = "head -c 600 \"$TEXT\" > short.txt\n";
const std::string score = " --dataset short.txt --max-seq-length 64 --threads 1 ";

} // namespace

TEST_CASE("reports of runs are as their schema says, whatever the run wrote")
{
    const test::scratch here;
    const auto run = test::shell(here, "set -e\nrun() { $AWQ oneshot --model $MODEL" + quick + R"("$@"; }
        run --type q4_k_m --output m.gguf --report gguf.json
        run --scheme W4A16 --output packed --output-smoothed smoothed --output-imatrix i.dat --report scheme.json
        run --smoothing-only --no-smoothing --output same --report plain.json --reproducible)");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    for (const char* const name : {"gguf.json", "scheme.json", "plain.json"}) {
        INFO(name);
        CHECK(test::differs_from_schema(test::read(here / name)) == "");
    }
}

TEST_CASE("a report says what each output holds: types and bytes, tensor by tensor")
{
    const test::scratch here;
    const auto run = test::shell(here, "$AWQ oneshot --model $MODEL" + quick +
                                           "--scheme W4A16 --output packed --output-smoothed smoothed --report r.json");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    const auto report = awq::json::load(here / "r.json");
    REQUIRE(report);
    std::vector<awq::json::value> outputs;
    for (const auto& each : report->root().at("contents").value().elements()) outputs.push_back(each);
    REQUIRE(outputs.size() == 2);
    const auto bytes = [](const awq::json::value& of) { return of.at("bytes").value().as_unsigned().value(); };
    CHECK(bytes(outputs[0]) == report->root().at("source_bytes").value().as_unsigned().value()); // smoothed
    CHECK(bytes(outputs[1]) < bytes(outputs[0]) / 2);
    std::uint64_t sum = 0;
    bool is_packed = false;
    for (const auto& each : outputs[1].at("tensors").value().elements()) {
        sum += bytes(each);
        is_packed |= each.at("name").value().as_string().value() == "model.layers.0.mlp.up_proj.weight_packed" &&
                     each.at("type").value().as_string().value() == "I32";
    }
    CHECK(sum == bytes(outputs[1]));
    CHECK(is_packed);
}

TEST_CASE("a report whose name ends in .html is a page, and replaces an earlier one")
{
    const test::scratch here;
    const auto run =
        test::shell(here, "set -e\nrun() { $AWQ oneshot --model $MODEL --smoothing-only --report r.html" + quick +
                              "--output \"$1\"; }\n"
                              "run '<i>a' >&2; run 'b&' >&2; ! ls -A | grep partial");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    const auto page = test::html_page::read(test::read(here / "r.html"));
    CHECK(page.problem == "");
    for (const char* const part : {"tiny-llama", "12 of 16", "b&amp;", "model.embed_tokens.weight"})
        CHECK(page.text.find(part) != std::string::npos);
}

TEST_CASE("eval compares several models on the same tokens, each as if it were alone")
{
    const test::scratch here;
    const auto run = test::shell(here, "set -e\n" + short_text + R"(
        $AWQ export --model $MODEL --type q4_0 --output q4.gguf
        $AWQ export --model $MODEL --type q8_0 --output q8.gguf
        judge() { $AWQ eval --reference $MODEL)" +
                                           score + R"("$@" >&2; }
        judge --model q4.gguf --report one.json
        judge --model q8.gguf --model q4.gguf --report two.json
        judge --model q8.gguf --model q4.gguf --report two.html)");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    for (const char* const name : {"one.json", "two.json"})
        CHECK(test::differs_from_schema(test::read(here / name)) == "");
    const auto one = awq::json::load(here / "one.json"), two = awq::json::load(here / "two.json");
    REQUIRE(one);
    REQUIRE(two);
    std::vector<awq::json::value> models;
    for (const auto& each : two->root().at("models").value().elements()) models.push_back(each);
    REQUIRE(models.size() == 2);
    for (const char* const figure : {"perplexity", "kl_divergence", "top1_agreement", "tokens"})
        CHECK(models[1].at(figure).value().as_number().value() == one->root().at(figure).value().as_number().value());
    CHECK(models[0].at("kl_divergence").value().as_number().value() <
          models[1].at("kl_divergence").value().as_number().value());
    CHECK(models[0].at("bytes").value().as_unsigned().value() > models[1].at("bytes").value().as_unsigned().value());
    const auto page = test::html_page::read(test::read(here / "two.html"));
    CHECK(page.problem == "");
    CHECK(std::count(page.elements.begin(), page.elements.end(), "circle") == 2);
}

TEST_CASE("models that see other tokens in a text are not compared")
{
    const test::scratch here;
    const auto run = test::shell(here, short_text + R"sh(
        cp -r $MODEL other
        sed -i -z 's/"merges": \[.*\]/"merges": []/' other/tokenizer.json
        $AWQ eval --model $MODEL --model other)sh" +
                                           score);
    INFO(run.err);
    CHECK(run.exit_code == 1);
    CHECK(run.error_lines() == 1);
    CHECK(run.says("other: its tokenizer makes other tokens of short.txt"));
}
