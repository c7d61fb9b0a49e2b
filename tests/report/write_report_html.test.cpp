// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "html_reader.hpp"
#include "schema_checker.hpp"

#include <awq/report/report_text.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace {

/// With `mark` in every text.
awq::run_report run(const std::string& mark)
{
    awq::run_report report;
    report.model = "models/model" + mark;
    report.mode = "smooth_and_quantize";
    report.scheme = "scheme" + mark;
    report.instruction_set = "level" + mark;
    report.options = {{"dataset", "data" + mark}, {"samples", "9"}, {"tokens", "8191"}};
    awq::mapping_report done{"model.layers.0",
                             "model.layers.0.norm" + mark,
                             {"model.layers.0.q" + mark, "k_proj"},
                             0.125,
                             0.0625,
                             0.45,
                             true,
                             4097,
                             3,
                             {}};
    awq::mapping_report left = done;
    left.smooth_layer = "model.layers.1.v_proj" + mark;
    left.skipped = "reason" + mark;
    report.mappings = {done, left};
    report.layers = {{"model.layers.0.q" + mark, "format" + mark, "steps" + mark, 0.0123},
                     {"model.layers.0.odd", {}, {}, 0, "unfit" + mark}};
    report.notes.warn("warned" + mark);
    report.notes.note("noted" + mark);
    report.add_seconds("step" + mark, 75);
    report.peak_rss_bytes = 123'000'000;
    report.outputs = {"out" + mark};
    report.contents = {{"out" + mark, {{"tensor" + mark, "TYPE" + mark, 4096, 2048}}}};
    report.parameters = 4096;
    report.source_bytes = 8192;
    return report;
}

awq::evaluation_report evaluation(const std::string& mark, std::size_t models)
{
    awq::evaluation_report report;
    report.dataset = "data" + mark;
    report.reference = "reference" + mark;
    report.pseudo_quantize = "rounded" + mark;
    report.instruction_set = "level" + mark;
    for (std::size_t i = 0; i < models; ++i) {
        const auto n = static_cast<double>(i + 1);
        report.models.push_back({"dir/model" + std::to_string(i) + mark,
                                 {{"TYPE" + mark, 3, 10, 1000 * (i + 1)}},
                                 1234,
                                 7.5 * n,
                                 0.5 / n,
                                 0.875});
    }
    report.notes.warn("warned" + mark);
    report.seconds = {{"step" + mark, 12}};
    report.peak_rss_bytes = 1'500'000'000;
    return report;
}

const std::string minus = "\xE2\x88\x92", space = "\xE2\x80\xAF"; // a true one, and a narrow one

void check_has(const std::string& page, const std::vector<std::string>& parts)
{
    const auto read = test::html_page::read(page);
    CHECK(read.problem == "");
    for (const std::string& part : parts) {
        INFO(part);
        CHECK(read.text.find(part) != std::string::npos);
    }
}

const std::string hostile = "</style><script>alert('x')</script>&amp;\"' onload=\"y\x01\xFF]]>-->";

} // namespace

TEST_CASE("the page of a run holds every figure of its report")
{
    check_has(awq::to_html(run("_x")), {"models/model_x",
                                        "scheme_x",
                                        "level_x",
                                        "data_x",
                                        "8191",
                                        "model.layers.0.norm_x",
                                        "q_x",
                                        "k_proj",
                                        "0.125",
                                        "0.0625",
                                        minus + "50.0 %",
                                        "0.450 duo",
                                        "4" + space + "097",
                                        "model.layers.1.v_proj_x",
                                        "reason_x",
                                        "format_x",
                                        "steps_x",
                                        "1.23 %",
                                        "model.layers.0.odd",
                                        "unfit_x",
                                        "warned_x",
                                        "noted_x",
                                        "step_x",
                                        "1 min 15 s",
                                        "123 MB",
                                        "out_x",
                                        "tensor_x",
                                        "TYPE_x",
                                        "2" + space + "048",
                                        "8.19 kB",
                                        "25.0 %",
                                        "4.00 bits",
                                        "1 of 2",
                                        "6 scale candidates"});
}

TEST_CASE("the page of an evaluation holds every figure of its report")
{
    check_has(awq::to_html(evaluation("_x", 1)),
              {"dir/model0_x", "reference_x", "data_x", "rounded_x", "level_x", "7.5", "0.5", "87.5 %",
               "1" + space + "234", "TYPE_x", "1 kB", "warned_x", "step_x", "12.0 s", "1.5 GB"});
    check_has(awq::to_html(evaluation("_x", 3)), {"dir/model0_x", "dir/model1_x", "dir/model2_x", "reference_x", "15",
                                                  "22.5", "0.25", "0.16667", "2 kB", "3 kB", "KL divergence"});
}

TEST_CASE("several models are drawn by what they weigh, each as one point with its name")
{
    const auto read = test::html_page::read(awq::to_html(evaluation("", 3)));
    CHECK(std::count(read.elements.begin(), read.elements.end(), "circle") == 3);
    const auto one = test::html_page::read(awq::to_html(evaluation("", 1)));
    CHECK(std::count(one.elements.begin(), one.elements.end(), "circle") == 0);
    auto without = evaluation("", 2);
    without.reference.clear();
    check_has(awq::to_html(without), {"Perplexity against bytes"});
}

TEST_CASE("names and texts of any content are text on the page and nothing else")
{
    for (const std::string& page :
         {awq::to_html(run(hostile)), awq::to_html(evaluation(hostile, 1)), awq::to_html(evaluation(hostile, 3))}) {
        const auto read = test::html_page::read(page);
        CHECK(read.problem == "");
        CHECK(std::count(read.elements.begin(), read.elements.end(), "script") == 0);
        CHECK(std::count(read.elements.begin(), read.elements.end(), "style") == 1);
        CHECK(std::count(read.attributes.begin(), read.attributes.end(), "onload") == 0);
        CHECK(read.text.find("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;&quot;") != std::string::npos);
        CHECK(page.find_first_of("\x01\xFF") == std::string::npos);
    }
}

TEST_CASE("a page needs nothing from elsewhere")
{
    for (const std::string& page : {awq::to_html(run("")), awq::to_html(evaluation("", 3))}) {
        const auto read = test::html_page::read(page);
        for (const char* const part : {"src", "href", "action", "style"})
            CHECK(std::count(read.attributes.begin(), read.attributes.end(), part) == 0);
        for (const char* const part : {"url(", "@import", "<script", "<link", "<iframe"})
            CHECK(page.find(part) == std::string::npos);
    }
}

TEST_CASE("an empty report and figures that are no numbers make a page all the same")
{
    CHECK(test::html_page::read(awq::to_html(awq::run_report{})).problem == "");
    awq::run_report report = run("");
    report.mappings.front().best_error = std::numeric_limits<double>::quiet_NaN();
    report.layers.front().relative_error = std::numeric_limits<double>::infinity();
    awq::evaluation_report other = evaluation("", 3);
    other.models[0].kl_divergence = std::numeric_limits<double>::infinity();
    other.models[1].kl_divergence = 0;
    for (const std::string& page : {awq::to_html(report), awq::to_html(other)}) {
        const auto read = test::html_page::read(page);
        CHECK(read.problem == "");
        CHECK(read.text.find("nan") == std::string::npos);
        CHECK(read.text.find("inf") == std::string::npos);
    }
}

TEST_CASE("experts of one block share a column")
{
    awq::run_report report;
    for (int expert = 0; expert < 40; ++expert)
        report.mappings.push_back({"model.layers.7",
                                   "model.layers.7.mlp.experts." + std::to_string(expert) + ".up_proj",
                                   {"down_proj"},
                                   1,
                                   0.5,
                                   0,
                                   false,
                                   1,
                                   0,
                                   {}});
    const auto read = test::html_page::read(awq::to_html(report));
    CHECK(std::count(read.elements.begin(), read.elements.end(), "figure") == 1);
    CHECK(read.text.find("mlp.experts.*.up_proj") != std::string::npos);
    CHECK(read.text.find("40 mappings, 50.0 % left") != std::string::npos);
}

TEST_CASE("the name of the file decides between a page and JSON")
{
    CHECK(awq::report_text(run(""), "a.html").starts_with("<!DOCTYPE html>"));
    for (const char* const name : {"a.json", "a", "html", ".htmlx"})
        CHECK(awq::report_text(evaluation("", 1), name).starts_with("{"));
}

TEST_CASE("figures are short and carry their units")
{
    using namespace awq::html;
    CHECK(bytes_text(999) == "999 bytes");
    CHECK(bytes_text(1'850'880) == "1.85 MB");
    CHECK(bytes_text(999'900'000) == "1 GB");
    CHECK(duration_text(1.716) == "1.72 s");
    CHECK(duration_text(59.97) == "1 min 00 s");
    CHECK(duration_text(7440) == "2 h 04 min");
    CHECK(change_text(0.937) == minus + "6.3 %");
    CHECK(change_text(1.0) == "0.0 %");
    CHECK(count_text(1234567) == "1" + space + "234" + space + "567");
    CHECK(percent_text(0.0042) == "0.42 %");
    CHECK(base_name("models/tiny//") == "tiny");
    CHECK(base_name("/") == "/");
}

TEST_CASE("JSON of an evaluation keeps the keys of one model, and has an entry for each of several")
{
    const std::string one = awq::to_json(evaluation("", 1));
    CHECK(test::differs_from_schema(one) == "");
    CHECK(one.starts_with("{\n  \"perplexity\": 7.5,\n  \"kl_divergence\": 0.5,\n  \"top1_agreement\": 0.875,\n"
                          "  \"tokens\": 1234,\n  \"instruction_set\": \"level\",\n  \"notes\": ["));
    const std::string several = awq::to_json(evaluation("", 2));
    CHECK(test::differs_from_schema(several) == "");
    CHECK(several.find("\"model\": \"dir/model1\"") != std::string::npos);
    CHECK(several.find("\"bytes\": 2000") != std::string::npos);
}

TEST_CASE("the schema of the reports explains every key, lets no other pass, and misses none")
{
    const auto schema = awq::json::load(AWQ_SOURCE_DIR "/examples/report.schema.json");
    REQUIRE(schema);
    CHECK(test::schema_checker{schema->root()}.undocumented() == std::vector<std::string>{});
    for (const char* const wrong : {"{}", R"({"perplexity": 1.0, "tokens": 2, "instruction_set": "a"})",
                                    R"({"perplexity": "1", "tokens": 2, "instruction_set": "a", "notes": []})",
                                    R"({"perplexity": 1.0, "tokens": 0, "instruction_set": "a", "notes": []})",
                                    R"({"perplexity": 1.0, "tokens": 2, "instruction_set": "a", "notes": [], "n": 1})"})
        CHECK(test::differs_from_schema(wrong) != "");
    CHECK(test::differs_from_schema(R"({"perplexity": 1.0, "tokens": 2, "instruction_set": "a", "notes": []})") == "");
}
