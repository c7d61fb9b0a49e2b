// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"
#include "oneshot_flags.hpp"
#include "ranks.hpp"

#include <awq/report/write_report_text.hpp>
#include <awq/run/calls.hpp>

#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <variant>

namespace {

/// The outputs are in place: that there is no memory left for the summary does not make the run fail.
void print(const awq::run_report& report)
{
    try {
        std::fputs(awq::to_text(report).c_str(), stdout);
    } catch (const std::bad_alloc&) {
        std::fputs("done; there is no memory left for the summary\n", stdout);
    }
}

/// What the search of a task that only smooths looks at.
std::string simulated(const awq::smooth& task)
{
    if (const auto* const type = std::get_if<awq::simulated_type>(&task.simulated)) return type->target;
    std::string schemes;
    for (const awq::layer_format& each : std::get<awq::simulated_schemes>(task.simulated).formats)
        schemes += (schemes.empty() ? "" : ", ") + each.scheme +
                   (each.group_size ? " in groups of " + std::to_string(*each.group_size) : "");
    return schemes;
}

/// "12.50 s", "1234 s = 20.6 minutes".
std::string duration(double seconds)
{
    char text[64];
    std::snprintf(text, sizeof text, seconds < 120 ? "%.2f s" : "%.0f s = %.1f minutes", seconds, seconds / 60);
    return text;
}

void print(const awq::run_prediction& prediction)
{
    for (const auto& [step, seconds] : prediction.seconds)
        std::printf("predicted  %-10s %s\n", step.c_str(), duration(seconds).c_str());
    std::printf("peak RSS   %.2f GB of %.2f GB that are there\n", static_cast<double>(prediction.peak_bytes) / 1e9,
                static_cast<double>(prediction.available_bytes) / 1e9);
    std::printf("for        %zu samples, %zu tokens, %zu blocks; estimated from the first block\n", prediction.samples,
                prediction.tokens, prediction.blocks);
    for (const std::string& note : prediction.notes) std::printf("note       %s\n", note.c_str());
}

awq::status run(awq::oneshot_options request, awq::machines& all)
{
    const auto* const smooths = std::get_if<awq::smooth>(&request.task);
    if (smooths)
        std::fprintf(stderr, "smoothing only: weights stay in 16 bits; the search simulates %s\n",
                     simulated(*smooths).c_str());
    console_progress progress;
    request.progress = std::ref(progress);
    if (request.dry_run && !all.is_first()) return {};
    if (request.dry_run) {
        AWQ_TRY(const awq::run_prediction prediction, awq::predict(request));
        progress.finish();
        print(prediction);
        return {};
    }
    AWQ_TRY(const awq::run_report report, awq::oneshot(request, all));
    progress.finish();
    print(report);
    if (smooths) std::fprintf(stderr, "smoothing complete\n");
    return {};
}

awq::status build_and_run(const CLI::App& command, const oneshot_flags& flags, awq::machines& all)
{
    AWQ_TRY(awq::oneshot_options request, build_request(command, flags, print_notice));
    return run(std::move(request), all);
}

} // namespace

void add_oneshot(CLI::App& app, int& exit_code)
{
    auto flags = std::make_shared<oneshot_flags>();
    CLI::App* const command =
        app.add_subcommand("oneshot", "Calibrate, smooth, and quantize unless --smoothing-only is given.");
    add_flags(*command, *flags);
    command->callback([flags, command, &exit_code] {
        const thread_limit limit{flags->threads};
        exit_code = with_machines([&](awq::machines& all) {
            const awq::status done = build_and_run(*command, *flags, all);
            return done ? exit_done : fail(in_flags(done.error()));
        });
    });
}
