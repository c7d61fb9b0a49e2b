// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/run/calls.hpp>

#include <map>

namespace {

awq::status run(awq::convert_options options)
{
    console_progress progress;
    options.progress = std::ref(progress);
    AWQ_TRY(const awq::conversion done, awq::convert(options));
    progress.finish();
    std::printf("%s: %zu layers, %s\n", done.output.c_str(), done.layers,
                done.symmetric ? "symmetric" : "with zero points");
    for (const std::string& note : done.notes) print_notice({awq::notice::severity::warning, note});
    if (done.rounded_scales > 0) std::printf("%zu scales were rounded\n", done.rounded_scales);
    return {};
}

} // namespace

void add_convert(CLI::App& app, int& exit_code)
{
    using awq::checkpoint_layout;
    auto options = std::make_shared<awq::convert_options>();
    CLI::App* const command =
        app.add_subcommand("convert", "Rewrite a quantized checkpoint in another layout, without loss.");
    command->add_option("--model", options->model, "Model directory with quantized layers")->required();
    command->add_option("--output", options->output, "Directory to write")->required();
    const std::map<std::string, checkpoint_layout> layouts{
        {"compressed-tensors", checkpoint_layout::compressed_tensors}, {"awq", checkpoint_layout::autoawq}};
    command->add_option("--format", options->layout, "compressed-tensors or awq")
        ->required()
        ->transform(CLI::CheckedTransformer(layouts));
    command->add_flag("--round-scales", options->round_scales, "Round scales that the layout cannot hold exactly");
    command->add_flag("--overwrite", options->overwrite, "Replace the output if it is there");
    command->callback([options, &exit_code] {
        const awq::status done = run(*options);
        exit_code = done ? exit_done : fail(done.error());
    });
}
