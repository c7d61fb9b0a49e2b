// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/io/gguf/file_type.hpp>
#include <awq/run/calls.hpp>

namespace {

awq::status run(awq::export_options options)
{
    console_progress progress;
    options.progress = std::ref(progress);
    options.notices = awq::notice_list{print_notice};
    AWQ_TRY(const awq::export_report report, awq::export_gguf(options));
    progress.finish();
    std::printf("wrote %s: %s, %zu tensors\n", options.output.c_str(), report.type.c_str(), report.tensors);
    if (!options.imatrix.empty())
        std::printf("%zu quantized tensors have no entry in the importance matrix\n", report.without_importance);
    return {};
}

} // namespace

void add_export(CLI::App& app, int& exit_code)
{
    auto options = std::make_shared<awq::export_options>();
    auto threads = std::make_shared<std::size_t>(0);
    CLI::App* const command = app.add_subcommand("export", "Convert to a GGUF file, without calibration.");
    command->add_option("--model", options->model, "Model directory")->required();
    command->add_option("--output", options->output, "FILE.gguf")->required();
    command->add_option("--type", options->type, awq::join_names(awq::gguf::known_file_types()))->capture_default_str();
    command->add_option("--imatrix", options->imatrix, "Importance matrix of llama.cpp, for types below 8 bits");
    command->add_option("--tensor-type", options->tensor_types,
                        "PATTERN=TYPE for tensors by GGUF name; may be repeated");
    command->add_flag("--better-rounding", options->better_rounding,
                      "Search longer for each block's scales than llama.cpp does");
    command->add_option("--pre-tokenizer", options->pre, "Its name in llama.cpp, where it cannot be found out");
    command->add_flag("--overwrite", options->overwrite, "Replace the file if it is there");
    command->add_option("--threads", *threads, "Threads; 0: all")->check(CLI::Range(0, 4096));
    command->callback([options, threads, &exit_code] {
        const thread_limit limit{*threads};
        const awq::status done = run(*options);
        exit_code = done ? exit_done : fail(done.error());
    });
}
