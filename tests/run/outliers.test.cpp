// SPDX-License-Identifier: MIT
// Outlier channels, put into a trained model without changing what it computes, ruin plain rounding;
// the search takes most of the damage back.
#include "model_copy.hpp"
#include "model_runs.hpp"

namespace {

constexpr std::size_t channel_step = 13; // 20 of the 256 channels
constexpr float factor = 32;             // a power of two: nothing is rounded by it

void scale_columns(test::float_tensor& weight, float by)
{
    for (std::size_t row = 0; row < weight.rows(); ++row)
        for (std::size_t col = 5; col < weight.cols(); col += channel_step) weight.at(row, col) *= by;
}

void inject(test::model_copy& model, const std::string& norm, const std::vector<std::string>& linears)
{
    scale_columns(model[norm + ".weight"], factor);
    for (const std::string& linear : linears) scale_columns(model[linear + ".weight"], 1 / factor);
}

void write_model_with_outliers(const std::string& target)
{
    test::model_copy model;
    for (int layer = 0; layer < 4; ++layer) {
        const std::string block = "model.layers." + std::to_string(layer) + ".";
        inject(model, block + "input_layernorm",
               {block + "self_attn.q_proj", block + "self_attn.k_proj", block + "self_attn.v_proj"});
        inject(model, block + "post_attention_layernorm", {block + "mlp.gate_proj", block + "mlp.up_proj"});
    }
    model.write(target, test::element_type::bf16);
}

} // namespace

TEST_CASE("the search takes back what outlier channels do to rounding")
{
    const test::scratch room;
    const std::string outliers = room / "outliers";
    write_model_with_outliers(outliers);
    const auto windows = test::windows_of(test::tiny_model, AWQ_EXAMPLE_DATA "/heldout.txt", 256, 16);
    REQUIRE(windows);
    const auto kl = [&](const std::string& model, const char* scheme) {
        const auto found = test::score(model, *windows, {test::tiny_model, scheme, 128});
        if (!found) FAIL(found.error().text());
        return found->kl_divergence();
    };
    CHECK(kl(outliers, "") < 1e-9);

    awq::oneshot_options options;
    options.model = outliers;
    test::samples_of(options).dataset = AWQ_EXAMPLE_DATA "/calibration.txt";
    options.output = room / "smoothed";
    options.task = awq::smooth{};
    test::samples_of(options).num_calibration_samples = 32;
    test::samples_of(options).max_seq_length = 256;
    options.smoothing->exact_loss_tokens = 2048;
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());

    const double before = kl(test::tiny_model, "W4A16_ASYM");
    const double damaged = kl(outliers, "W4A16_ASYM");
    const double smoothed = kl(options.output, "W4A16_ASYM");
    const double taken_back = (damaged - smoothed) / (damaged - before);
    WARN("KL at 4 bits: " << before << " as trained, " << damaged << " with outliers, " << smoothed << " smoothed; "
                          << 100 * taken_back << " % taken back");
    CHECK(damaged > 4 * before);
    CHECK(taken_back > 0.7);
}
