// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/format/layer_scheme.hpp>
#include <awq/io/check_outputs.hpp>
#include <awq/report/report_file.hpp>
#include <awq/report/report_text.hpp>
#include <awq/run/calls.hpp>
#include <awq/run/process_usage.hpp>
#include <awq/run/sample_notices.hpp>
#include <awq/text/calibration_samples.hpp>
#include <awq/text/chat_template.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

struct eval_arguments {
    std::vector<std::string> models;
    std::string dataset, reference, report, pseudo_quantize;
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
    std::vector<awq::named_path> inputs{{"--dataset", arguments.dataset}, {"--reference", arguments.reference}};
    for (const std::string& each : arguments.models) inputs.push_back({"--model", each});
    AWQ_CHECK(awq::check_outputs({&report, 1}, inputs));
    AWQ_TRY(file, awq::report_file::create(arguments.report, arguments.overwrite));
    return file;
}

void print(const awq::evaluated_model& result, bool with_reference)
{
    std::printf("perplexity      %.6g\n", result.perplexity);
    if (with_reference) {
        std::printf("kl_divergence   %.6g\n", result.kl_divergence);
        std::printf("top1_agreement  %.4f %%\n", 100 * result.top1_agreement);
    }
    std::printf("tokens          %zu\n", result.tokens);
}

void print(const awq::evaluation_report& report)
{
    for (const awq::evaluated_model& each : report.models) {
        if (report.models.size() > 1) std::printf("model           %s\n", each.model.c_str());
        print(each, !report.reference.empty());
    }
}

awq::result<std::unique_ptr<awq::tensor_source>> open_source(const std::string& path)
{
    AWQ_TRY(auto source, awq::open_model(path));
    for (const awq::notice& note : source->notices()) print_notice(note);
    return source;
}

/// The text as a model's own tokenizer and chat template see it.
awq::result<awq::sample_set> read_windows(const eval_arguments& arguments, const std::string& model)
{
    AWQ_TRY(const auto tokens, awq::open_tokenizer(model));
    awq::sample_options reading;
    reading.max_seq_length = arguments.max_seq_length;
    reading.chat = awq::chat_templates::renderer_of(model);
    return awq::load_windows(arguments.dataset, tokens, reading);
}

/// The windows that all models are scored on. Models that see other tokens cannot be compared.
awq::result<awq::sample_set> read_common_windows(const eval_arguments& arguments)
{
    const std::string& first = arguments.models.front();
    AWQ_TRY(awq::sample_set samples, read_windows(arguments, first));
    for (std::size_t i = 1; i < arguments.models.size(); ++i) {
        const std::string& other = arguments.models[i];
        AWQ_TRY(const awq::sample_set seen, read_windows(arguments, other));
        if (seen.sequences != samples.sequences)
            return awq::error{awq::error_code::unsupported,
                              other,
                              ": its tokenizer makes other tokens of ",
                              arguments.dataset,
                              " than that of ",
                              first,
                              "; evaluate it alone"};
    }
    return samples;
}

awq::result<awq::evaluate_options> read_options(const eval_arguments& arguments)
{
    awq::evaluate_options options;
    if (arguments.pseudo_quantize.empty()) return options;
    AWQ_TRY(const awq::layer_scheme scheme, awq::parse_layer_scheme(arguments.pseudo_quantize, arguments.group_size));
    options.pseudo_quantize = scheme.quantizer;
    return options;
}

struct open_models {
    std::vector<std::unique_ptr<awq::tensor_source>> all;
    std::unique_ptr<awq::tensor_source> reference; ///< null: none

    static awq::result<open_models> open(const eval_arguments& arguments)
    {
        open_models opened;
        for (const std::string& each : arguments.models) {
            AWQ_TRY(auto model, open_source(each));
            opened.all.push_back(std::move(model));
        }
        if (arguments.reference.empty()) return opened;
        AWQ_TRY(opened.reference, open_source(arguments.reference));
        return opened;
    }
};

awq::evaluation_report begin_report(const eval_arguments& arguments)
{
    awq::evaluation_report report;
    report.dataset = arguments.dataset;
    report.reference = arguments.reference;
    report.pseudo_quantize = arguments.pseudo_quantize;
    report.notes = awq::notice_list{print_notice};
    return report;
}

awq::evaluated_model report_of(const std::string& path, const awq::tensor_source& model, const awq::evaluation& scored)
{
    return {path,
            awq::totals_by_type(model.tensors()),
            scored.tokens,
            scored.perplexity(),
            scored.kl_divergence(),
            scored.top1_agreement()};
}

awq::result<awq::evaluation_report> evaluate(const eval_arguments& arguments)
{
    awq::stopwatch watch;
    AWQ_TRY(const open_models models, open_models::open(arguments));
    console_progress progress;
    AWQ_TRY(awq::evaluate_options options, read_options(arguments));
    options.progress = std::ref(progress);
    AWQ_TRY(const awq::sample_set samples, read_common_windows(arguments));
    awq::notify(options.progress, "evaluation: " + awq::summary_of(samples, arguments.dataset));
    awq::evaluation_report report = begin_report(arguments);
    std::vector<const awq::tensor_source*> all;
    for (const auto& each : models.all) all.push_back(each.get());
    awq::note_samples(samples, arguments.dataset, all.front()->config().max_position_embeddings, report.notes);
    report.seconds.emplace_back("read", watch.lap());
    AWQ_TRY(const auto scored, awq::evaluate_each(all, models.reference.get(), samples.sequences, options));
    progress.finish();
    report.instruction_set = scored.front().instruction_set;
    report.seconds.emplace_back("evaluate", watch.lap());
    report.peak_rss_bytes = awq::peak_rss_bytes();
    for (std::size_t i = 0; i < scored.size(); ++i)
        report.models.push_back(report_of(arguments.models[i], *all[i], scored[i]));
    return report;
}

awq::status run(const eval_arguments& arguments)
{
    AWQ_TRY(auto file, open_report(arguments));
    AWQ_TRY(const awq::evaluation_report report, evaluate(arguments));
    print(report);
    if (!file) return {};
    AWQ_CHECK(file->prepare(awq::report_text(report, file->target())));
    return file->commit();
}

} // namespace

void add_eval(CLI::App& app, int& exit_code)
{
    auto arguments = std::make_shared<eval_arguments>();
    CLI::App* const command = app.add_subcommand("eval", "Perplexity, and divergence from a reference model.");
    command
        ->add_option("--model", arguments->models,
                     "Model directory or GGUF file; several, one --model each, are compared")
        ->required()
        ->allow_extra_args(false);
    command->add_option("--dataset", arguments->dataset, "Text, JSON or JSONL, as for oneshot")->required();
    command->add_option("--reference", arguments->reference, "Model to compare with");
    command->add_option("--max-seq-length", arguments->max_seq_length, "Tokens in a window")
        ->check(CLI::Range(2, 1 << 20))
        ->capture_default_str();
    command->add_option("--pseudo-quantize", arguments->pseudo_quantize,
                        "Round the linear layers of --model first, to a scheme of oneshot");
    command->add_option("--group-size", arguments->group_size,
                        "Of integer schemes in --pseudo-quantize; 0: per channel");
    command->add_option("--report", arguments->report,
                        "File to write the figures to: FILE.html, a page for people; else JSON");
    command->add_flag("--overwrite", arguments->overwrite, "Replace a report file that is no report");
    command->add_option("--threads", arguments->threads, "Threads; 0: all")->check(CLI::Range(0, 4096));
    command->callback([arguments, &exit_code] {
        const thread_limit limit{arguments->threads};
        const awq::status done = run(*arguments);
        exit_code = done ? exit_done : fail(done.error());
    });
}
