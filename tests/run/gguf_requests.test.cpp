// SPDX-License-Identifier: MIT
// Types and importance that are asked for by name are honoured or refused.
#include "checkpoint/gguf_files.hpp"
#include "gemma3_model.hpp"
#include "model_runs.hpp"

#include <awq/io/imatrix.hpp>

using test::says;

namespace {

awq::result<awq::export_report> export_with(const std::string& model, const test::scratch& room,
                                            const std::vector<std::string>& types, const std::string& imatrix = {},
                                            const std::string& type = "q4_k_m")
{
    awq::export_options options;
    options.model = model;
    options.output = room / "m.gguf";
    options.type = type;
    options.tensor_types = types;
    options.imatrix = imatrix;
    options.overwrite = true;
    return awq::export_gguf(options);
}

void check_refused(const awq::result<awq::export_report>& done, const test::scratch& room, const char* part)
{
    REQUIRE_FALSE(done);
    INFO(std::string{done.error().text()});
    CHECK(says(done.error(), part));
    CHECK_FALSE(std::filesystem::exists(room / "m.gguf"));
}

/// A matrix with an entry of ones for each tensor that `keep` says yes to.
std::string write_imatrix(const test::scratch& room, const std::function<bool(const std::string&)>& keep,
                          std::size_t columns = 256)
{
    awq::imatrix matrix;
    matrix.datasets = {"text"};
    for (int layer = 0; layer < 4; ++layer)
        for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
            const std::string name = "blk." + std::to_string(layer) + "." + part + ".weight";
            const std::size_t size = std::string{part} == "ffn_down" ? 2 * columns : columns;
            if (keep(name)) matrix.entries[name] = {std::vector<float>(size, 1.0f), {1.0f}};
        }
    const std::string path = room / "m.imatrix";
    REQUIRE(matrix.write(path, true));
    return path;
}

} // namespace

TEST_CASE("a tensor type that cannot be given is refused before any work")
{
    const test::scratch room;
    const auto refused = [&](std::vector<std::string> types, const char* part) {
        INFO(types.back());
        check_refused(export_with(test::tiny_model, room, types), room, part);
    };
    refused({"ffn_down=q9_k"}, "unknown type \"q9_k\"; known are F32, F16, Q4_0");
    refused({"ffn_down"}, "PATTERN=TYPE");
    refused({"=q6_k"}, "PATTERN=TYPE");
    refused({"no_such=q6_k"}, "matches no tensor");
    refused({"attn_norm=q6_k"}, "matches only tensors that llama.cpp wants in F32, such as "
                                "\"blk.0.attn_norm.weight\"");
    refused({"ffn_down=q6_k", "blk.1.ffn_down=q8_0"}, "decides nothing");
    const std::string gemma = test::write_gemma3(room);
    check_refused(export_with(gemma, room, {"attn_q.weight=q6_k"}), room,
                  "asks for Q6_K, whose blocks of 256 do not divide the 64 columns of "
                  "\"blk.0.attn_q.weight\"; a type that fits is Q8_0");
}

TEST_CASE("a pattern that finds vectors beside weights is for the weights, and F32 suits norms")
{
    const test::scratch room;
    const auto done = export_with(test::tiny_model, room, {"attn_norm=f32", "blk.0.(attn|ffn)_.*=q8_0"});
    if (!done) FAIL(done.error().text());
    test::check_types(room / "m.gguf", {{"blk.0.attn_norm.weight", awq::gguf::type::f32},
                                        {"blk.0.ffn_norm.weight", awq::gguf::type::f32},
                                        {"blk.0.attn_q.weight", awq::gguf::type::q8_0}});
}

TEST_CASE("an importance matrix of no tensor here is refused, with names of both sides")
{
    const test::scratch room;
    awq::imatrix matrix;
    matrix.datasets = {"text"};
    matrix.entries["model.layers.0.q_proj"] = {std::vector<float>(256, 1.0f), {1.0f}};
    REQUIRE(matrix.write(room / "m.imatrix"));
    check_refused(export_with(test::tiny_model, room, {}, room / "m.imatrix"), room,
                  "has entries like \"model.layers.0.q_proj\", but none for tensors like "
                  "\"blk.0.attn_k.weight\"; it belongs to another model");
}

TEST_CASE("an importance matrix of other widths is refused before any work")
{
    const test::scratch room;
    const auto last = [](const std::string& name) { return name.starts_with("blk.3."); };
    check_refused(export_with(test::tiny_model, room, {}, write_imatrix(room, last, 128)), room,
                  "has 128 columns for \"blk.3.attn_k.weight\", which has 256");
}

TEST_CASE("what an importance matrix lacks, and has too much, is warned about by name")
{
    const test::scratch room;
    const auto some = [](const std::string& name) { return !name.starts_with("blk.1.attn_"); };
    std::string path = write_imatrix(room, some);
    auto matrix = awq::imatrix::read(path);
    REQUIRE(matrix);
    matrix->entries["blk.4.attn_q.weight"] = {std::vector<float>(256, 1.0f), {1.0f}};
    REQUIRE(matrix->write(path, true));
    const auto done = export_with(test::tiny_model, room, {}, path);
    if (!done) FAIL(done.error().text());
    REQUIRE(done->notes.size() == 2);
    CHECK(awq::line_of(done->notes[0]) ==
          "warning: " + path +
              ": has no entry for 4 of 28 tensors, which are rounded without "
              "importance: blk.1.attn_k.weight, blk.1.attn_output.weight, blk.1.attn_q.weight, ...");
    CHECK(awq::line_of(done->notes[1]) == "warning: " + path +
                                              ": 1 of its entries are of no tensor "
                                              "of this model: blk.4.attn_q.weight");
}

TEST_CASE("an importance matrix that decides nothing is said to")
{
    const test::scratch room;
    const std::string path = write_imatrix(room, [](const std::string&) { return true; });
    for (const char* type : {"q8_0", "bf16"}) {
        const auto done = export_with(test::tiny_model, room, {}, path, type);
        if (!done) FAIL(done.error().text());
        REQUIRE(done->notes.size() == 1);
        CHECK(done->notes[0].text.find("has no effect") != std::string::npos);
    }
}

TEST_CASE("a run on an importance matrix of another model ends before its first block")
{
    const test::scratch room;
    awq::oneshot_options options;
    options.model = test::tiny_model;
    options.task = awq::write_gguf{"q4_k_m"};
    options.output = room / "m.gguf";
    options.smoothing->search.n_grid = 3;
    const auto refused = [&](const char* part) {
        std::size_t steps = 0;
        options.progress = [&](const awq::progress_event&) { ++steps; };
        const auto report = test::run_oneshot(options, 1);
        REQUIRE_FALSE(report);
        INFO(std::string{report.error().text()});
        CHECK(says(report.error(), part));
        CHECK(steps == 0);
    };
    options.calibration =
        awq::matrix_calibration{write_imatrix(room, [](const std::string& n) { return !n.starts_with("blk.3."); })};
    refused("has entries like \"blk.0.attn_k.weight\", but none for \"blk.3.attn_q.weight\"");
    const std::string narrow = write_imatrix(
        room, [](const std::string&) { return true; }, 128);
    options.calibration = awq::matrix_calibration{narrow};
    refused("has 128 columns for \"blk.0.attn_q.weight\", which has 256");
}
