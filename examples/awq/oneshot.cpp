// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"
#include "ranks.hpp"

#include <awq/io/gguf/file_type.hpp>
#include <awq/recipe/load_recipe.hpp>
#include <awq/report/write_report_text.hpp>
#include <awq/run/apply_recipe.hpp>
#include <awq/run/calls.hpp>

namespace {

/// The flags as they were given; those that were not leave the recipe's or the default value.
struct oneshot_arguments {
    awq::oneshot_options options;
    std::string scheme, duo_scaling, loss, precision = "auto", hidden_states = "float32";
    std::vector<std::string> ignore;
    std::size_t group_size = 128, threads = 0;
    bool no_smoothing = false;
    CLI::Option *group_size_flag = nullptr, *ignore_flag = nullptr;
};

awq::status read_search_flags(const oneshot_arguments& arguments, awq::oneshot_options& options)
{
    if (!arguments.duo_scaling.empty()) {
        AWQ_TRY(options.search.duo_scaling, awq::parse_duo_scaling(arguments.duo_scaling));
    }
    if (!arguments.loss.empty()) {
        AWQ_TRY(options.loss, awq::parse_loss(arguments.loss));
    }
    if (arguments.no_smoothing) options.smoothing = false;
    options.operands = awq::precision_of(arguments.precision); // none: auto
    if (arguments.hidden_states == "bfloat16") options.hidden_states = awq::dtype::bf16;
    return {};
}

awq::result<awq::oneshot_options> gather(const oneshot_arguments& arguments)
{
    awq::oneshot_options options = arguments.options;
    options.notices = awq::notice_list{print_notice};
    std::optional<std::size_t> group_size; // of a scheme, where something asks for one
    if (!options.recipe.empty()) {
        AWQ_TRY(const awq::recipe recipe, awq::load_recipe(options.recipe));
        AWQ_CHECK(awq::apply_recipe(recipe, options));
        group_size = recipe.group_size;
    }
    if (*arguments.ignore_flag) {
        options.ignore = arguments.ignore;
        options.ignore_recipe.clear();
    }
    if (*arguments.group_size_flag) group_size = options.group_size = arguments.group_size;
    if (!arguments.scheme.empty()) options.formats = {{{"Linear"}, arguments.scheme, group_size, {}}};
    AWQ_CHECK(read_search_flags(arguments, options));
    return options;
}

/// What the search of a smoothing-only run looks at.
std::string simulated(const awq::oneshot_options& options)
{
    if (!options.target.empty()) return options.target;
    if (options.formats.empty()) return "W4A16_ASYM in groups of " + std::to_string(options.group_size);
    std::string schemes;
    for (const awq::layer_format& each : options.formats) schemes += (schemes.empty() ? "" : ", ") + each.scheme;
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

awq::status run(const oneshot_arguments& arguments, awq::machines& all)
{
    AWQ_TRY(awq::oneshot_options options, gather(arguments));
    if (options.smoothing_only)
        std::fprintf(stderr, "smoothing only: weights stay in 16 bits; the search simulates %s\n",
                     simulated(options).c_str());
    console_progress progress;
    options.progress = std::ref(progress);
    if (options.dry_run && !all.is_first()) return {};
    if (options.dry_run) {
        AWQ_TRY(const awq::run_prediction prediction, awq::predict(options));
        progress.finish();
        print(prediction);
        return {};
    }
    AWQ_TRY(const awq::run_report report, awq::oneshot(options, all));
    progress.finish();
    std::fputs(awq::to_text(report).c_str(), stdout);
    if (options.smoothing_only) std::fprintf(stderr, "smoothing complete\n");
    return {};
}

void add_outputs(CLI::App& command, awq::oneshot_options& options)
{
    command.add_option("--output", options.output, "Directory, or FILE.gguf");
    command.add_option("--output-dequantized", options.output_dequantized,
                       "Also write the quantized weights as they read back, in 16 bits");
    command.add_option("--output-smoothed", options.output_smoothed,
                       "Also write the smoothed 16-bit checkpoint to this directory");
    command.add_option("--output-awq", options.output_awq,
                       "Also write a checkpoint in AutoAWQ's layout to this directory");
    command.add_option("--output-imatrix", options.output_imatrix,
                       "Also write the importance matrix for llama.cpp; FILE.dat: its older format");
    command.add_flag("--overwrite", options.overwrite, "Replace outputs that are there");
    command.add_flag("--dry-run", options.dry_run,
                     "Check all that the run would, measure its first block with a few samples, predict time and "
                     "memory; nothing is written");
    command.add_flag("--resume", options.resume,
                     "Go on behind the blocks that the same run had finished when it was killed; else begin. "
                     "An error or a signal then leaves what is done, too");
}

void add_calibration(CLI::App& command, awq::oneshot_options& options)
{
    command.add_option("--model", options.model, "Model directory")->required();
    command.add_option("--dataset", options.dataset,
                       "Calibration text; or a JSON array, {\"data\": [...]} or JSON lines of samples with "
                       "text, messages (and tools), conversations, input_ids, instruction or prompt");
    command.add_option("--imatrix", options.imatrix,
                       "Importance matrix of llama.cpp, instead of a dataset: no forward pass");
    command.add_option("--num-calibration-samples", options.num_calibration_samples, "At most")
        ->check(CLI::Range(1, 1 << 24))
        ->capture_default_str();
    command.add_option("--max-seq-length", options.max_seq_length, "Tokens in a sample, at most")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
}

void add_search(CLI::App& command, oneshot_arguments& arguments)
{
    command.add_flag("--smoothing-only", arguments.options.smoothing_only, "Smooth, keep the weights in 16 bits");
    command.add_flag("--compensate", arguments.options.compensate,
                     "Write 16-bit weights that make up for llama.cpp's rounding to --target");
    command.add_option("--scheme", arguments.scheme,
                       awq::describe_schemes() + "; with --smoothing-only what the search simulates");
    command.add_option("--type", arguments.options.gguf_type,
                       "Of a GGUF output: " + awq::join_names(awq::gguf::known_file_types()));
    command.add_option("--target", arguments.options.target,
                       "GGUF type to optimise for where no GGUF file is written, as --type");
    command.add_option("--tensor-type", arguments.options.tensor_types,
                       "PATTERN=TYPE for GGUF tensors by name; may be repeated");
    command.add_flag("--measured-types", arguments.options.measured_types,
                     "Choose each tensor's type by what it costs, in no more bytes than --type's mix");
    arguments.group_size_flag =
        command.add_option("--group-size", arguments.group_size, "Elements that share a scale; 0: per channel")
            ->check(CLI::Range(0, 1 << 24))
            ->capture_default_str();
    arguments.ignore_flag =
        command.add_option("--ignore", arguments.ignore, "Layer name or re:PATTERN; may be repeated");
    command.add_option("--n-grid", arguments.options.search.n_grid, "Candidates per mapping")
        ->check(CLI::Range(2, 100000))
        ->capture_default_str();
    command.add_option("--duo-scaling", arguments.duo_scaling, "true, false or both");
    command.add_option("--loss", arguments.loss, "parent-output, gram or screened");
    command
        .add_option("--precision", arguments.precision,
                    "mixed: products of calibration and search take bfloat16 where the processor is faster with it; "
                    "auto: where the checkpoint is bfloat16, too")
        ->check(CLI::IsMember({"auto", "float32", "mixed"}))
        ->capture_default_str();
    command
        .add_option("--hidden-states", arguments.hidden_states,
                    "What the text is kept in between blocks; bfloat16 takes half the memory")
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->capture_default_str();
    command
        .add_option_function<std::string>(
            "--mappings", [&arguments](const std::string& choice) { arguments.options.all_mappings = choice == "all"; },
            "llm-compressor's choice of layers to smooth, or all that are exact")
        ->check(CLI::IsMember({"llm-compressor", "all"}));
    command.add_flag("--all-experts", arguments.options.all_experts,
                     "Statistics of every expert from all tokens, not only its own");
    command.add_flag("--smooth-grouped-query", arguments.options.smooth_grouped_query,
                     "Also v_proj -> o_proj where query heads share values: one scale each");
    command.add_flag("--clip-weights", arguments.options.clip_weights,
                     "Smoothing only: clip outliers of each group too; changes the function");
    command.add_flag("--search-clipping", arguments.options.search_clipping,
                     "The search simulates the clipped ranges of a scheme too");
    command.add_flag("--no-smoothing", arguments.no_smoothing, "Do not smooth before quantizing");
}

void add_rounding(CLI::App& command, awq::rounding_options& options)
{
    command.add_option("--importance", options.importance, "Weigh rounding errors by the inputs' mean square")
        ->capture_default_str();
    command.add_flag("--better-rounding", options.better_rounding,
                     "GGUF: search longer for each block's scales than llama.cpp does");
    command
        .add_option("--clip-steps", options.clip_steps, "Schemes: candidates for each group's range; 1: no clipping")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command
        .add_option("--error-feedback", options.error_feedback, "Feed each column's rounding error into the next ones")
        ->capture_default_str();
    command.add_option("--damping", options.damping, "Of the Gram matrix in the error feedback")
        ->check(CLI::Range(1e-6, 1.0))
        ->capture_default_str();
    command
        .add_option("--least-squares", options.least_squares_lambda,
                    "Pull to the original weight in the least-squares target; 0: no target")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    command
        .add_option("--least-squares-share", options.least_squares_share, "How much of the way to that target is gone")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
}

} // namespace

void add_oneshot(CLI::App& app, int& exit_code)
{
    auto arguments = std::make_shared<oneshot_arguments>();
    CLI::App* const command =
        app.add_subcommand("oneshot", "Calibrate, smooth, and quantize unless --smoothing-only is given.");
    add_calibration(*command, arguments->options);
    add_outputs(*command, arguments->options);
    add_search(*command, *arguments);
    add_rounding(*command, arguments->options.rounding);
    command->add_option("--recipe", arguments->options.recipe, "YAML recipe; flags override it");
    command->add_option("--report", arguments->options.report,
                        "File to write the report to: FILE.html, a page for people; else JSON");
    command->add_option("--threads", arguments->threads, "Threads; 0: all")->check(CLI::Range(0, 4096));
    command->callback([arguments, &exit_code] {
        const thread_limit limit{arguments->threads};
        exit_code = with_machines([&](awq::machines& all) {
            const awq::status done = run(*arguments, all);
            return done ? exit_done : fail(done.error());
        });
    });
}
