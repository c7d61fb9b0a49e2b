// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/data/calibration_samples.hpp>
#include <awq/data/chat_template.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/pipeline/evaluate.hpp>
#include <awq/pipeline/layer_scheme.hpp>
#include <awq/pipeline/open_model.hpp>
#include <awq/pipeline/report_file.hpp>
#include <awq/pipeline/sample_notices.hpp>

#include <array>
#include <optional>


namespace {

struct eval_arguments {
    std::string model, dataset, reference, report, pseudo_quantize;
    std::size_t max_seq_length = 512, threads = 0;
    std::optional<std::size_t> group_size;
    bool overwrite = false;
};

/// Opens the report before any work; none where none is asked for.
awq::result<std::optional<awq::report_file>> open_report(const eval_arguments& arguments)
{
    std::optional<awq::report_file> file;
    if (arguments.report.empty()) return file;
    const awq::named_path report{"--report", arguments.report};
    const std::array<awq::named_path, 3> inputs{{{"--model", arguments.model},
                                                 {"--dataset", arguments.dataset},
                                                 {"--reference", arguments.reference}}};
    AWQ_CHECK(awq::check_outputs({&report, 1}, inputs));
    AWQ_TRY(file, awq::report_file::create(arguments.report, arguments.overwrite));
    return file;
}

awq::status write_report(const awq::evaluation& result, bool with_reference,
                         const awq::notice_list& notes, awq::report_file& file)
{
    awq::json::writer out{2};
    out.begin_object().field("perplexity", result.perplexity());
    if (with_reference) {
        out.field("kl_divergence", result.kl_divergence());
        out.field("top1_agreement", result.top1_agreement());
    }
    out.field("tokens", result.tokens);
    out.field("instruction_set", awq::instruction_set());
    out.key("notes").begin_array();
    for (const awq::notice& each : notes) out.value(awq::line_of(each));
    out.end_array().end_object();
    AWQ_CHECK(file.prepare(std::move(out).take() + "\n"));
    return file.commit();
}

void print(const awq::evaluation& result, bool with_reference)
{
    std::printf("perplexity      %.6g\n", result.perplexity());
    if (with_reference) {
        std::printf("kl_divergence   %.6g\n", result.kl_divergence());
        std::printf("top1_agreement  %.4f %%\n", 100 * result.top1_agreement());
    }
    std::printf("tokens          %zu\n", result.tokens);
}

awq::status run(const eval_arguments& arguments)
{
    AWQ_TRY(auto report, open_report(arguments));
    AWQ_TRY(const auto model, awq::open_model(arguments.model));
    AWQ_TRY(const auto tokens, awq::open_tokenizer(arguments.model));
    std::unique_ptr<awq::tensor_source> reference;
    if (!arguments.reference.empty()) {
        AWQ_TRY(reference, awq::open_model(arguments.reference));
    }
    for (const auto* const source : {model.get(), std::as_const(reference).get()})
        if (source)
            for (const awq::notice& note : source->notices()) print_notice(note);
    awq::evaluate_options options;
    console_progress progress;
    options.progress = std::ref(progress);
    if (!arguments.pseudo_quantize.empty()) {
        AWQ_TRY(const awq::layer_scheme scheme,
                awq::parse_layer_scheme(arguments.pseudo_quantize, arguments.group_size));
        options.pseudo_quantize = scheme.quantizer;
    }
    awq::sample_options reading;
    reading.max_seq_length = arguments.max_seq_length;
    reading.chat = awq::chat_templates::renderer_of(arguments.model);
    AWQ_TRY(const awq::sample_set samples,
            awq::load_windows(arguments.dataset, tokens, reading));
    awq::notify(options.progress, "evaluation: " + awq::summary_of(samples, arguments.dataset));
    awq::notice_list notes{print_notice};
    awq::note_samples(samples, arguments.dataset, model->config().max_position_embeddings, notes);
    const auto& windows = samples.sequences;
    AWQ_TRY(const awq::evaluation result,
            awq::evaluate<awq::packed_product>(awq::tbb_execution{}, *model, reference.get(),
                                               windows, options));
    progress.finish();
    print(result, reference != nullptr);
    return report ? write_report(result, reference != nullptr, notes, *report) : awq::status{};
}

} // namespace

void add_eval(CLI::App& app, int& exit_code)
{
    auto arguments = std::make_shared<eval_arguments>();
    CLI::App* const command =
        app.add_subcommand("eval", "Perplexity, and divergence from a reference model.");
    command->add_option("--model", arguments->model, "Model directory or GGUF file")->required();
    command->add_option("--dataset", arguments->dataset, "Text, JSON or JSONL, as for oneshot")
        ->required();
    command->add_option("--reference", arguments->reference, "Model to compare with");
    command->add_option("--max-seq-length", arguments->max_seq_length, "Tokens in a window")
        ->check(CLI::Range(2, 1 << 20))
        ->capture_default_str();
    command->add_option("--pseudo-quantize", arguments->pseudo_quantize,
                        "Round the linear layers of --model first, to a scheme of oneshot");
    command->add_option("--group-size", arguments->group_size,
                        "Of integer schemes in --pseudo-quantize; 0: per channel");
    command->add_option("--report", arguments->report, "JSON file to write the figures to");
    command->add_flag("--overwrite", arguments->overwrite, "Replace a report file that is no report");
    command->add_option("--threads", arguments->threads, "Threads; 0: all")->check(CLI::Range(0, 4096));
    command->callback([arguments, &exit_code] {
        const thread_limit limit{arguments->threads};
        const awq::status done = run(*arguments);
        exit_code = done ? exit_done : fail(done.error());
    });
}
