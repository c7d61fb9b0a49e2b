// SPDX-License-Identifier: MIT
// Every flag of oneshot with every kind of request: taken, warned of or refused, and never silently without effect.
#include "../../examples/awq/oneshot_flags.hpp"

#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/run/check_request.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace {

using words = std::vector<std::string>;

struct built {
    awq::result<awq::oneshot_options> request;
    std::vector<std::string> warnings;
};

/// What the program makes of a command line.
built build(words line)
{
    CLI::App app;
    oneshot_flags flags;
    add_flags(app, flags);
    std::reverse(line.begin(), line.end());
    app.parse(line);
    std::vector<std::string> warnings;
    const auto note = [&](const awq::notice& each) {
        if (each.level == awq::notice::severity::warning) warnings.push_back(each.text);
    };
    auto request = build_request(app, flags, note);
    return {std::move(request), warnings};
}

words split(const std::string& text)
{
    std::istringstream in{text};
    return {std::istream_iterator<std::string>{in}, {}};
}

built build(const std::string& base, const words& more = {})
{
    words line = split("--model m " + base);
    line.insert(line.end(), more.begin(), more.end());
    return build(line);
}

bool same(const awq::oneshot_options& a, const awq::oneshot_options& b)
{
    const auto tied = [](const awq::oneshot_options& of) {
        return std::tie(of.model, of.calibration, of.smoothing, of.task, of.ignore, of.ignore_recipe, of.output,
                        of.output_smoothed, of.output_imatrix, of.report, of.recipe, of.overwrite, of.resume,
                        of.dry_run, of.operands);
    };
    return tied(a) == tied(b);
}

const std::string kinds[] = {
    "--dataset t --output o --scheme W4A16",
    "--dataset t --output o --type q4_k_m",
    "--dataset t --output-smoothed o --target q4_k_m",
    "--dataset t --output o --smoothing-only",
    "--dataset t --output o --smoothing-only --target q4_k_m",
    "--dataset t --output o --compensate --target q4_k_m",
    "--imatrix i --output o --scheme W4A16",
    "--imatrix i --output o --type q4_k_m",
    "--dataset t --output o --scheme W4A16 --no-smoothing",
};

/// A value for each flag that is not its default, and what becomes of it with each of the kinds: (a)ccepted,
/// (w)arned of, (r)efused, - where the kind has it already.
struct expectation {
    const char *value, *outcomes;
};
const std::map<std::string, expectation> expected = {
    {"--model", {"", "---------"}},
    {"--dataset", {"t", "------rr-"}},
    {"--imatrix", {"i", "rrrrrr--r"}},
    {"--num-calibration-samples", {"3", "aaaaaawwa"}},
    {"--max-seq-length", {"3", "aaaaaawwa"}},
    {"--output", {"o", "--r------"}},
    {"--output-dequantized", {"d", "aaarraaaa"}},
    {"--output-smoothed", {"s", "aa-aaaaaa"}},
    {"--output-awq", {"q", "arrrrrara"}},
    {"--output-imatrix", {"x", "aaaaaaaaa"}},
    {"--overwrite", {"", "aaaaaaaaa"}},
    {"--dry-run", {"", "aaaaaaaaa"}},
    {"--resume", {"", "aaaaaaaaa"}},
    {"--smoothing-only", {"", "ara--rara"}},
    {"--compensate", {"", "rrarr-rrr"}},
    {"--scheme", {"W8A16", "-rrarr-r-"}},
    {"--type", {"q8_0", "r-wrrrr-r"}},
    {"--target", {"q2_k", "rw-a--rwr"}},
    {"--tensor-type", {"a=q8_0", "raaraarar"}},
    {"--measured-types", {"", "rarrrrrrr"}},
    {"--group-size", {"32", "awwawwawa"}},
    {"--ignore", {"x", "aaaaaaaaa"}},
    {"--n-grid", {"7", "aaaaaaaaw"}},
    {"--duo-scaling", {"both", "aaaaaaaaw"}},
    {"--loss", {"parent-output", "aaaaaawww"}},
    {"--precision", {"float32", "aaaaaaaaa"}},
    {"--hidden-states", {"bfloat16", "aaaaaawwa"}},
    {"--mappings", {"all", "aaaaaaaar"}},
    {"--all-experts", {"", "aaaaaawwa"}},
    {"--smooth-grouped-query", {"", "aaaaaaaar"}},
    {"--clip-weights", {"", "rrrarrrrr"}},
    {"--search-clipping", {"", "arrrrrarr"}},
    {"--no-smoothing", {"", "aaaaaaaa-"}},
    {"--importance", {"false", "aaawwwaaa"}},
    {"--better-rounding", {"", "rarrrrrar"}},
    {"--clip-steps", {"7", "awwwwwawa"}},
    {"--error-feedback", {"false", "aaawwaaaa"}},
    {"--damping", {"0.5", "aaawwwwwa"}},
    {"--least-squares", {"0.7", "aaawwawwa"}},
    {"--least-squares-share", {"0.7", "aaawwawwa"}},
    {"--recipe", {"", "aaaaaaaaw"}},
    {"--report", {"r.json", "aaaaaaaaa"}},
    {"--threads", {"3", "aaaaaaaaa"}},
};

/// What becomes of the flag, with its value, beside what `base` has; checks that none of it is silent.
char outcome_of(const std::string& base, const std::string& flag, const std::string& value)
{
    const auto before = build(base);
    REQUIRE(before.request);
    const auto after = build(base, value.empty() ? words{flag} : words{flag, value});
    INFO(base << " with " << flag << " " << value);
    if (!after.request) {
        const std::string text{after.request.error().text()};
        INFO(text);
        CHECK(after.request.error().code() == awq::error_code::invalid_argument);
        CHECK(text.starts_with("--"));
        CHECK(text.size() > 30);
        return 'r';
    }
    if (after.warnings.size() > before.warnings.size()) {
        CHECK(after.warnings.back().find(" has no effect: ") != std::string::npos);
        return 'w';
    }
    // What is asked for is in the request, or what happens anyway: no error feedback where there is none.
    const bool changes_nothing_anyway = value == "false" || flag == "--threads";
    if (!changes_nothing_anyway) CHECK_FALSE(same(*before.request, *after.request));
    const auto checked = awq::check_request(*after.request);
    if (!checked) INFO(checked.error().text());
    CHECK(checked);
    return 'a';
}

} // namespace

TEST_CASE("every flag with every kind of request is taken, warned of or refused")
{
    const test::scratch room;
    const std::string recipe = room.put("r.yaml", "AWQModifier: {n_grid: 9}\n");
    for (const flag_row& row : oneshot_flag_rows()) {
        const auto found = expected.find(row.name);
        INFO(row.name);
        REQUIRE(found != expected.end());
        const auto& [value, outcomes] = found->second;
        std::string got;
        for (std::size_t i = 0; i < std::size(kinds); ++i)
            got += outcomes[i] == '-'
                       ? '-'
                       : outcome_of(kinds[i], row.name, row.name == std::string{"--recipe"} ? recipe : value);
        CHECK(got == outcomes);
    }
    CHECK(oneshot_flag_rows().size() == expected.size());
}

TEST_CASE("a flag without effect is warned of with the reason, and its value is not taken")
{
    const auto warning = [](const std::string& base, const std::string& flag, const std::string& value) {
        const auto before = build(base), after = build(base, {flag, value});
        REQUIRE(after.request);
        REQUIRE(after.warnings.size() == 1);
        CHECK(same(*before.request, *after.request));
        CHECK(after.request->notices.size() == 1);
        return after.warnings[0];
    };
    CHECK(warning(kinds[3], "--damping", "0.5") == "--damping has no effect: the weights stay in 16 bits");
    CHECK(warning(kinds[1], "--group-size", "32") == "--group-size has no effect: GGUF types have groups of their own");
    CHECK(warning(kinds[8], "--n-grid", "5") == "--n-grid has no effect: nothing is smoothed");
    CHECK(warning(kinds[6], "--max-seq-length", "5") ==
          "--max-seq-length has no effect: an importance matrix takes the place of samples");
    CHECK(warning(kinds[0] + " --error-feedback false", "--damping", "0.5") ==
          "--damping has no effect: there is no error feedback");
    CHECK(warning(kinds[0] + " --least-squares 0", "--least-squares-share", "0.7") ==
          "--least-squares-share has no effect: there is no least-squares target");
    CHECK(warning(kinds[6], "--error-feedback", "true") ==
          "--error-feedback has no effect: an importance matrix has no Gram matrix");
    CHECK(build(kinds[6], {"--error-feedback", "false"}).warnings.empty());
    CHECK(build(kinds[6], {"--loss", "gram"}).warnings.empty());
}

TEST_CASE("flags that contradict each other are refused with the way out")
{
    const auto refusal = [](const std::string& line) {
        const auto done = build(line);
        REQUIRE_FALSE(done.request);
        CHECK(done.request.error().code() == awq::error_code::invalid_argument);
        return std::string{done.request.error().text()};
    };
    const auto names = [&](const std::string& line, const char* part) {
        const std::string text = refusal(line);
        INFO(line << ": " << text);
        CHECK(text.find(part) != std::string::npos);
    };
    names("--dataset t", "give --scheme (or --type for GGUF), or --smoothing-only");
    names("--scheme W4A16", "give --dataset to calibrate, or --imatrix");
    names("--dataset t --imatrix i --scheme W4A16", "give --dataset to calibrate, or --imatrix");
    names("--dataset t --smoothing-only --type q4_k_m", "give it as --target");
    names("--dataset t --target q4_k_m --output o", "add --smoothing-only or --compensate, or give --type");
    names("--dataset t --compensate --target q4_k_m --least-squares 0",
          "--least-squares 0 leaves --compensate nothing");
    names("--dataset t --smoothing-only --scheme W4A16 --target q4_k_m", "simulates either --target or --scheme");
    names("--dataset t --scheme W4A16 --loss gramm", "did you mean 'gram'?");
}

TEST_CASE("errors of the library name flags where they quoted fields")
{
    const auto request = build("--dataset t --scheme W4A16 --search-clipping --clip-steps 1").request;
    REQUIRE(request);
    const auto checked = awq::check_request(*request);
    REQUIRE_FALSE(checked);
    CHECK(in_flags(checked.error()).text() == "--search-clipping needs --clip-steps above 1");
    const awq::error unknown{awq::error_code::invalid_argument, "`nothing` of `rounding.damping`"};
    CHECK(in_flags(unknown).text() == "`nothing` of --damping");
}

TEST_CASE("a recipe fills the request of the kind that it or the flags name")
{
    const test::scratch room;
    const auto with = [&](const std::string& recipe, const std::string& flags) {
        return build("--dataset t --recipe " + room.put("r.yaml", recipe) + " " + flags);
    };
    const std::string schemes = "QuantizationModifier: {scheme: W8A16}\n";
    auto done = with(schemes, "");
    REQUIRE(done.request);
    CHECK(std::get<awq::quantize>(done.request->task).formats.front().scheme == "W8A16");
    CHECK_FALSE(done.request->smoothing); // it has no AWQModifier
    done = with(schemes, "--smoothing-only");
    REQUIRE(done.request);
    CHECK(awq::formats_of(done.request->task)->front().scheme == "W8A16");
    CHECK(std::holds_alternative<awq::smooth>(done.request->task));
    done = with("AWQModifier: {smoothing_only: false}\n", "--smoothing-only");
    REQUIRE(done.request);
    CHECK(std::holds_alternative<awq::smooth>(done.request->task));
    done = with(schemes, "--group-size 64");
    REQUIRE(done.request);
    CHECK(done.warnings.size() == 1);
    done = with("GPTQModifier: {scheme: W4A16, dampening_frac: 0.2}\n", "");
    REQUIRE(done.request);
    CHECK(awq::rounding_of(done.request->task)->error_feedback->damping == 0.2f);
    done = with("GPTQModifier: {scheme: W4A16, dampening_frac: 0.2}\n", "--smoothing-only");
    REQUIRE(done.request);
    REQUIRE(done.warnings.size() == 1);
    CHECK(done.warnings[0].find("r.yaml: dampening_frac has no effect") != std::string::npos);
    done = with("AWQModifier: {scheme: W4A16, group_size: 64}\n", "--scheme W2A16");
    REQUIRE(done.request);
    CHECK(awq::formats_of(done.request->task)->front().group_size == std::size_t{64});

    done = with(schemes, "--type q4_k_m");
    REQUIRE_FALSE(done.request);
    CHECK(done.request.error().text().find("r.yaml: line 1: its schemes do not go with a GGUF type") !=
          std::string_view::npos);
    done = with("AWQModifier: {mappings: [[a, [b]]], scheme: W4A16}\n", "--mappings all");
    REQUIRE_FALSE(done.request);
    CHECK(done.request.error().text().find("--mappings and a recipe's mappings") != std::string_view::npos);
}
