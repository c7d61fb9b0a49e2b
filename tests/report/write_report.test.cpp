// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <awq/io/json_reader.hpp>
#include <awq/report/write_report_json.hpp>
#include <awq/report/write_report_text.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace {

using names = std::vector<std::string>;

awq::run_report example()
{
    awq::run_report report;
    report.model = "models/\"quoted\"";
    report.mode = "smoothing_only";
    report.scheme = "W4A16_ASYM";
    report.group_size = 128;
    report.options = {{"n_grid", "20"}, {"loss", "screened"}};
    awq::mapping_report done;
    done.layer = "model.layers.0";
    done.smooth_layer = "model.layers.0.input_layernorm";
    done.balance_layers = {"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj"};
    done.initial_error = 0.1;
    done.best_error = 0.025;
    done.best_ratio = 0.45;
    done.duo_scaling = true;
    done.tokens = 8192;
    awq::mapping_report skipped;
    skipped.layer = "model.layers.0";
    skipped.smooth_layer = "model.layers.0.self_attn.v_proj";
    skipped.skipped = "the shapes do not fit";
    report.mappings = {done, skipped};
    report.add_seconds("search", 1.5);
    report.add_seconds("write", 0.25);
    report.add_seconds("search", 0.5);
    report.peak_rss_bytes = 123'000'000;
    report.outputs = {"out/smoothed"};
    return report;
}

names keys_of(const awq::json::value& object)
{
    names keys;
    for (const auto& each : object.members()) keys.emplace_back(each.key);
    return keys;
}

} // namespace

TEST_CASE("the JSON report has the keys that scripts rely on")
{
    const auto parsed = awq::json::document::parse(awq::to_json(example()), "report");
    REQUIRE(parsed);
    const awq::json::value root = parsed->root();
    const names keys = keys_of(root);
    for (const char* const key : {"awq_version", "model", "mode", "scheme", "group_size", "instruction_set", "options",
                                  "mappings", "seconds", "peak_rss_bytes", "outputs"}) {
        INFO(key);
        CHECK(std::count(keys.begin(), keys.end(), key) == 1);
    }
    CHECK(root.at("awq_version").value().as_string().value() == AWQ_VERSION_STRING);
    CHECK(root.at("model").value().as_string().value() == "models/\"quoted\"");
    CHECK(root.at("mode").value().as_string().value() == "smoothing_only");
    CHECK(root.at("scheme").value().as_string().value() == "W4A16_ASYM");
    CHECK(root.at("group_size").value().as_unsigned().value() == 128);
    CHECK(root.at("options").value().at("loss").value().as_string().value() == "screened");
    CHECK(root.at("seconds").value().at("search").value().as_number().value() == 2.0);
    CHECK(root.at("peak_rss_bytes").value().as_unsigned().value() == 123'000'000);
    for (const auto& each : root.at("outputs").value().elements()) CHECK(each.as_string().value() == "out/smoothed");
}

TEST_CASE("a mapping in the JSON report has its figures, or the reason why it was left alone")
{
    const auto parsed = awq::json::document::parse(awq::to_json(example()), "report");
    REQUIRE(parsed);
    std::vector<awq::json::value> mappings;
    for (const auto& each : parsed->root().at("mappings").value().elements()) mappings.push_back(each);
    REQUIRE(mappings.size() == 2);
    const names keys = keys_of(mappings[0]);
    for (const char* const key : {"layer", "smooth_layer", "balance_layers", "initial_error", "best_error",
                                  "best_ratio", "duo_scaling", "tokens", "skipped"}) {
        INFO(key);
        CHECK(std::count(keys.begin(), keys.end(), key) == 1);
        CHECK(mappings[1].find(key));
    }
    CHECK(mappings[0].at("layer").value().as_string().value() == "model.layers.0");
    CHECK(mappings[0].at("balance_layers").value().elements().size() == 2);
    CHECK(mappings[0].at("initial_error").value().as_number().value() == 0.1);
    CHECK(mappings[0].at("best_error").value().as_number().value() == 0.025);
    CHECK(mappings[0].at("best_ratio").value().as_number().value() == 0.45);
    CHECK(mappings[0].at("duo_scaling").value().as_bool().value());
    CHECK(mappings[0].at("tokens").value().as_unsigned().value() == 8192);
    CHECK(mappings[0].at("skipped").value().is_null());
    CHECK(mappings[1].at("skipped").value().as_string().value() == "the shapes do not fit");
}

TEST_CASE("a figure that is not a number does not break the JSON report")
{
    awq::run_report report = example();
    report.mappings.front().initial_error = std::numeric_limits<double>::quiet_NaN();
    report.mappings.front().best_error = std::numeric_limits<double>::infinity();
    CHECK(awq::json::document::parse(awq::to_json(report), "report"));
    CHECK(awq::json::document::parse(awq::to_json({}), "report"));
}

TEST_CASE("the report for people has a line for each mapping, the totals and the outputs")
{
    const std::string text = awq::to_text(example());
    for (const char* const part :
         {"model.layers.0.input_layernorm", "25.0 %", "skipped: the shapes do not fit", "1 smoothed, 1 skipped",
          "W4A16_ASYM", "search     2.00", "123.0 MB", "out/smoothed"}) {
        INFO(part);
        CHECK(text.find(part) != std::string::npos);
    }
    CHECK(text.back() == '\n');
}

TEST_CASE("names of any length leave the lines of the report for people apart")
{
    const auto lines = [](const awq::run_report& report) {
        const std::string text = awq::to_text(report);
        return std::count(text.begin(), text.end(), '\n');
    };
    awq::run_report report = example();
    report.mappings.front().smooth_layer = std::string(5000, 'x');
    report.outputs = {std::string(5000, 'y')};
    CHECK(lines(report) == lines(example()));
    CHECK(awq::to_text({}).find("0 smoothed") != std::string::npos);
}

TEST_CASE("a notice is shown when it comes and is one line of both reports")
{
    std::vector<std::string> shown;
    awq::run_report report = example();
    report.notes = awq::notice_list{[&](const awq::notice& each) { shown.push_back(each.text); }};
    report.notes.note("nothing to do for a\nb");
    report.notes.warn("one token is too few");
    CHECK(shown == names{"nothing to do for a?b", "one token is too few"});
    const auto parsed = awq::json::document::parse(awq::to_json(report), "report");
    REQUIRE(parsed);
    names notes;
    for (const auto& each : parsed->root().at("notes").value().elements()) notes.emplace_back(each.as_string().value());
    CHECK(notes == names{"nothing to do for a?b", "warning: one token is too few"});
    CHECK(awq::to_text(report).find("note       warning: one token is too few\n") != std::string::npos);
}
