// SPDX-License-Identifier: MIT
// Norms that multiply by 1 + weight, four of them in a block: smoothing keeps the function, and
// quantizing counts on the right inputs.
#include "gemma3_model.hpp"
#include "model_copy.hpp"
#include "model_runs.hpp"

#include <algorithm>
#include <cmath>

namespace {

double kl_of(const std::string& model, const std::string& reference, const std::string& scheme = "")
{
    const auto found = test::score(model, test::gemma3_windows(6, 3), {reference, scheme, 32});
    if (!found) FAIL(found.error().text());
    return found->kl_divergence();
}

awq::oneshot_options small_run(const test::scratch& room, const std::string& model)
{
    awq::oneshot_options options;
    options.model = model;
    test::samples_of(options).dataset = test::write_gemma3_samples(room);
    options.output = room / "output";
    options.task = test::smoothing_for("W4A16_ASYM", 32);
    options.overwrite = true;
    options.smoothing->search.n_grid = 8;
    options.smoothing->smooth_grouped_query = true;
    return options;
}

awq::run_report run(const awq::oneshot_options& options)
{
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    return *report;
}

} // namespace

TEST_CASE("smoothing Gemma 3 keeps its function and makes it round better")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    awq::oneshot_options options = small_run(room, model);
    const awq::run_report report = run(options);
    CHECK(report.smoothed_mappings() == 12);
    CHECK(kl_of(options.output, model) < 1e-7);
    CHECK(kl_of(options.output, model, "W4A16_ASYM") < 0.9 * kl_of(model, model, "W4A16_ASYM"));
}

TEST_CASE("of the norms of Gemma 3 only the one before the MLP is smoothed, as 1 + weight")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    awq::oneshot_options options = small_run(room, model);
    options.smoothing->loss = awq::loss_kind::gram;
    (void)run(options);
    const test::model_copy before{model}, after{options.output};
    for (const auto& [name, tensor] : before.tensors()) {
        INFO(name);
        const bool smoothed = name.find("pre_feedforward") != name.npos || name.find("mlp") != name.npos ||
                              name.find("v_proj") != name.npos || name.find("o_proj") != name.npos;
        CHECK((after[name].values != tensor.values) == smoothed);
    }
    const std::string block = "model.layers.2.", norm = block + "pre_feedforward_layernorm.weight";
    const std::string gate = block + "mlp.gate_proj.weight";
    for (std::size_t c = 0; c < 64; ++c) {
        const double scale = after[gate].at(0, c) / before[gate].at(0, c);
        CHECK((1.0 + after[norm].values[c]) * scale == Approx(1.0 + before[norm].values[c]));
    }
}

TEST_CASE("a mapping that would change Gemma 3 is refused before anything is written")
{
    const test::scratch room;
    awq::oneshot_options options = small_run(room, test::write_gemma3(room));
    options.smoothing->loss = awq::loss_kind::gram;
    const auto refused = [&](const char* smooth, std::vector<std::string> balances, const char* part) {
        options.smoothing->mappings = awq::own_mappings{{{smooth, std::move(balances)}}};
        const auto report = test::run_oneshot(options);
        return !report && test::says(report.error(), part) && !std::filesystem::exists(options.output);
    };
    CHECK(refused("post_attention_layernorm", {"mlp.gate_proj", "mlp.up_proj"}, "nothing"));
    CHECK(refused("pre_feedforward_layernorm", {"mlp.up_proj"}, "mlp.gate_proj, mlp.up_proj"));
    options.smoothing->mappings =
        awq::own_mappings{{{"input_layernorm", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}}}};
    (void)run(options);
    CHECK(kl_of(options.output, options.model) < 1e-7);
}

TEST_CASE("quantizing Gemma 3 with every step beats plain rounding")
{
    const test::scratch room;
    const std::string model = test::write_gemma3(room);
    awq::oneshot_options options = small_run(room, model);
    options.task = test::to_scheme("W4A16_ASYM", 32);
    const awq::run_report report = run(options);
    CHECK(report.layers.size() == 28);
    CHECK(kl_of(options.output, model) < 0.6 * kl_of(model, model, "W4A16_ASYM"));
    const auto made = test::continue_greedily(options.output, {1, 40, 7}, 20);
    if (!made) FAIL(made.error().text());
    CHECK(made->size() <= 20);
}
