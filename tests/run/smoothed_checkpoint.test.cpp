// SPDX-License-Identifier: MIT
// The main job on the small trained model: a smoothed checkpoint that is like the source in
// everything but the values of the smoothed weights, and that quantizes better.
#include "model_copy.hpp"
#include "model_runs.hpp"

#include <awq/support/float16.hpp>

#include <algorithm>
#include <random>
#include <set>

namespace {

namespace fs = std::filesystem;

const std::string calibration = AWQ_EXAMPLE_DATA "/calibration.txt";
const std::string heldout = AWQ_EXAMPLE_DATA "/heldout.txt";

awq::oneshot_options smoothing_of(const std::string& model, const std::string& output)
{
    awq::oneshot_options options;
    options.model = model;
    test::samples_of(options).dataset = calibration;
    options.output = output;
    options.task = awq::smooth{};
    test::samples_of(options).num_calibration_samples = 16;
    test::samples_of(options).max_seq_length = 256;
    options.smoothing->loss = awq::loss_kind::gram;
    return options;
}

awq::run_report smooth(const awq::oneshot_options& options, std::size_t threads = 0)
{
    const auto report = test::run_oneshot(options, threads);
    if (!report) FAIL(report.error().text());
    return *report;
}

std::set<std::string> files_of(const std::string& directory)
{
    std::set<std::string> names;
    for (const auto& each : fs::recursive_directory_iterator{directory})
        if (each.is_regular_file()) names.insert(fs::relative(each.path(), directory).string());
    return names;
}

double kl_of(const std::string& model, const std::vector<test::token_ids>& windows, const std::string& scheme = "")
{
    const auto found = test::score(model, windows, {test::tiny_model, scheme, 128});
    if (!found) FAIL(found.error().text());
    return found->kl_divergence();
}

/// The model with every linear layer's columns multiplied by random factors, rounded to bfloat16,
/// and divided again: what one further rounding of the weights does.
void write_rounded_once_more(const std::string& target)
{
    test::model_copy model;
    std::mt19937 random{7};
    std::uniform_real_distribution<double> exponent{-1.0, 1.0};
    for (auto& [name, tensor] : model.tensors()) {
        if (!name.ends_with("proj.weight")) continue;
        for (std::size_t col = 0; col < tensor.cols(); ++col) {
            const auto factor = static_cast<float>(std::exp2(exponent(random)));
            for (std::size_t row = 0; row < tensor.rows(); ++row) {
                float& weight = tensor.at(row, col);
                weight = static_cast<float>(awq::bf16{weight * factor}) / factor;
            }
        }
    }
    model.write(target, test::element_type::f32);
}

bool is_smoothed(std::string_view name)
{
    return name.starts_with("model.layers.") && name.find("o_proj") == std::string_view::npos;
}

} // namespace

TEST_CASE("a smoothed checkpoint has the source's files, tensors and types")
{
    const test::scratch room;
    const std::string source = room / "source";
    test::model_copy{}.write(source, test::element_type::bf16);
    // Things that the library does not know: a file, a folder, and tensors in files of their own.
    room.put("source/notes/how it was trained.txt", "three days\n");
    room.put("source/modeling_extra.py", "raise SystemExit\n");
    const auto report = smooth(smoothing_of(source, room / "smoothed"));

    CHECK(report.mode == "smoothing_only");
    CHECK(report.smoothed_mappings() == 12);
    CHECK(report.mappings.size() == 16); // v_proj -> o_proj does not fit under grouped queries
    CHECK(report.outputs == std::vector<std::string>{room / "smoothed"});
    CHECK(files_of(room / "smoothed") == files_of(source));
    for (const std::string& name : files_of(source))
        if (!awq::is_weight_file(name))
            CHECK(test::read(fs::path{source} / name) == test::read(room / ("smoothed/" + name)));

    const auto before = awq::safetensors::checkpoint::open(source);
    const auto after = awq::safetensors::checkpoint::open(room / "smoothed");
    REQUIRE(before);
    REQUIRE(after);
    REQUIRE(before->tensors().size() == after->tensors().size());
    for (const awq::safetensors::tensor* const each : before->tensors()) {
        INFO(each->name);
        const awq::safetensors::tensor* const found = after->find(each->name);
        REQUIRE(found != nullptr);
        CHECK(found->stored == each->stored);
        CHECK(found->shape == each->shape);
        CHECK(std::ranges::equal(found->bytes, each->bytes) != is_smoothed(each->name));
    }
}

TEST_CASE("tensors that the library does not know are carried over byte for byte")
{
    const test::scratch room;
    const std::string source = room / "source";
    fs::copy(test::tiny_model, source);
    const auto shard = awq::safetensors::file::open(source + "/model.safetensors");
    REQUIRE(shard);
    // The same tensors with two more, in two files and with an index.
    std::vector<awq::safetensors::tensor_spec> first, second;
    std::string map;
    for (const auto& each : shard->tensors()) {
        const bool early = each.name.find("layers.0") != std::string::npos;
        (early ? first : second).push_back(each.spec());
    }
    first.push_back({"extra.counts", test::element_type::i64, {3}});
    second.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", test::element_type::f16, {4}});
    const std::string counts = std::string{"\1\0\0\0\0\0\0\x80\xff\0\0\0\0\0\0\0abcdefgh", 24};
    const std::string frequencies{"\0\x7e\1\2\3\4\5\6", 8}; // a NaN among them, nobody minds
    const auto write = [&](const char* name, const auto& specs) {
        auto file = awq::safetensors::writer::create(source + "/" + name, specs);
        REQUIRE(file);
        for (const auto& spec : specs) {
            const auto* const known = shard->find(spec.name);
            const std::string& more = spec.name == "extra.counts" ? counts : frequencies;
            REQUIRE(file->write(spec.name, known ? known->bytes : test::bytes_of(more)));
            map += (map.empty() ? "\"" : ",\"") + spec.name + "\":\"" + name + "\"";
        }
        REQUIRE(file->finish());
    };
    write("model-00001-of-00002.safetensors", first);
    write("model-00002-of-00002.safetensors", second);
    fs::remove(source + "/model.safetensors");
    room.put("source/model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":{" + map + "}}");

    smooth(smoothing_of(source, room / "smoothed"));
    CHECK(files_of(room / "smoothed") == files_of(source));
    const auto after = awq::safetensors::checkpoint::open(room / "smoothed");
    REQUIRE(after);
    CHECK(std::ranges::equal(after->find("extra.counts")->bytes, test::bytes_of(counts)));
    CHECK(std::ranges::equal(after->find(second.back().name)->bytes, test::bytes_of(frequencies)));
    REQUIRE(after->shards().size() == 2);
    CHECK(after->shards()[0].tensors().size() == first.size());
}

TEST_CASE("the output has the same bytes at 1, 2 and 8 threads")
{
    const test::scratch room;
    const auto loss = GENERATE(awq::loss_kind::gram, awq::loss_kind::screened);
    const auto smoothed_with = [&](std::size_t threads) {
        auto options = smoothing_of(test::tiny_model, room / std::to_string(threads));
        test::samples_of(options).num_calibration_samples = 6;
        test::samples_of(options).max_seq_length = 200; // chunks that do not come out even
        options.smoothing->loss = loss;
        options.smoothing->search.n_grid = 8;
        smooth(options, threads);
        return test::read(options.output + "/model.safetensors");
    };
    const std::string one = smoothed_with(1);
    CHECK(one == smoothed_with(2));
    CHECK(one == smoothed_with(8));
}

TEST_CASE("smoothing keeps the function to rounding, and the model quantizes better")
{
    const test::scratch room;
    auto options = smoothing_of(test::tiny_model, room / "smoothed");
    test::samples_of(options).num_calibration_samples = 64;
    options.smoothing->loss = awq::loss_kind::screened;
    options.smoothing->exact_loss_tokens = 2048;
    const auto report = smooth(options);
    for (const awq::mapping_report& each : report.mappings) {
        INFO(each.smooth_layer);
        CHECK(each.best_error <= each.initial_error);
    }
    const auto windows = test::windows_of(test::tiny_model, heldout, 256, 24);
    REQUIRE(windows);

    write_rounded_once_more(room / "rounded");
    const double level = kl_of(room / "rounded", *windows);
    const double smoothed = kl_of(options.output, *windows);
    WARN("KL: smoothed " << smoothed << ", one bfloat16 rounding " << level);
    CHECK(level > 1e-6);
    CHECK(smoothed <= 2 * level);

    for (const char* const scheme : {"W4A16_ASYM", "W3A16_ASYM"}) {
        const double plain = kl_of(test::tiny_model, *windows, scheme);
        const double better = kl_of(options.output, *windows, scheme);
        WARN("KL at " << scheme << ": " << plain << " unsmoothed, " << better << " smoothed");
        CHECK(better < plain);
    }
}

TEST_CASE("under grouped-query attention v_proj and o_proj can share scales, and the function stays")
{
    const test::scratch room;
    const std::string source = room / "source";
    test::model_copy{}.write(source, test::element_type::f32); // nothing is lost to rounding
    auto options = smoothing_of(source, room / "smoothed");
    options.smoothing->smooth_grouped_query = true;
    const auto report = smooth(options);
    CHECK(report.smoothed_mappings() == 16);
    CHECK(report.notes.empty());
    for (const awq::mapping_report& each : report.mappings) {
        INFO(each.smooth_layer);
        CHECK(each.best_error <= each.initial_error);
    }
    const auto windows = test::windows_of(test::tiny_model, heldout, 256, 8);
    REQUIRE(windows);
    CHECK(kl_of(options.output, *windows) < 1e-7);
    const auto before = awq::safetensors::checkpoint::open(source);
    const auto after = awq::safetensors::checkpoint::open(options.output);
    REQUIRE(before);
    REQUIRE(after);
    const std::string moved = "model.layers.1.self_attn.o_proj.weight";
    CHECK_FALSE(std::ranges::equal(before->find(moved)->bytes, after->find(moved)->bytes));
}

TEST_CASE("a run that finds no query heads that share values says that it was asked to")
{
    const test::scratch room;
    auto options = smoothing_of(test::tiny_model, room / "smoothed");
    options.smoothing->mappings = awq::own_mappings{{{"re:.*up_proj$", {"re:.*down_proj$"}}}};
    options.smoothing->loss = awq::loss_kind::gram;
    options.smoothing->smooth_grouped_query = true;
    const auto report = smooth(options);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].text.find("smooth_grouped_query") == 0);
}

TEST_CASE("clipping in a smoothing-only run changes the function, and the report says so")
{
    const test::scratch room;
    auto options = smoothing_of(test::tiny_model, room / "clipped");
    awq::simulated_schemes clipped_to;
    clipped_to.clip_steps = 20;
    options.task = awq::smooth{clipped_to};
    const auto report = smooth(options);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].text.find("function has changed") != std::string::npos);
    const auto windows = test::windows_of(test::tiny_model, heldout, 256, 24);
    REQUIRE(windows);
    CHECK(kl_of(options.output, *windows) > 1e-3);
    const double clipped = kl_of(options.output, *windows, "W3A16_ASYM");
    options.task = awq::smooth{};
    options.output = room / "smoothed";
    CHECK(smooth(options).notes.empty());
    CHECK(clipped < kl_of(options.output, *windows, "W3A16_ASYM"));
}
