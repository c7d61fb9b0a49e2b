// SPDX-License-Identifier: MIT
// The table of the flags of `awq oneshot`. Help, manual page, completion, parsing and the names in errors come from it.
#include "oneshot_flags.hpp"

#include <awq/format/layer_scheme.hpp>
#include <awq/io/gguf/file_type.hpp>
#include <awq/recipe/check_numbers.hpp>

#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

namespace {

using app = CLI::App;
using flags = oneshot_flags;
using request = awq::oneshot_options;

/// CLI11's range takes "nan", which is neither below nor above it.
std::string problem_of_nan(const std::string& text)
{
    return std::isnan(std::strtod(text.c_str(), nullptr)) ? "Value " + text + " is no number" : std::string{};
}

/// A number with the limits that the library has for it; they and the default are shown.
template <class Number>
void number(app& command, const char* name, Number& value, const awq::number_limits<Number>& limits, const char* help)
{
    command.add_option(name, value, help)
        ->check(CLI::Range(limits.least, limits.most))
        ->check(problem_of_nan)
        ->capture_default_str();
}

void choice(app& command, const char* name, std::string& value, const char* help, std::vector<std::string> known)
{
    auto* const option = command.add_option(name, value, help)->check(CLI::IsMember(std::move(known)));
    if (!value.empty()) option->capture_default_str();
}

template <class T>
awq::status problem_of(const awq::result<T>& parsed)
{
    return parsed ? awq::status{} : awq::status{parsed.error()};
}

/// Lets `change` loose on the steps of a task that rounds.
template <class Change>
void in_rounding(request& to, Change&& change)
{
    if (awq::rounding_steps* const steps = awq::rounding_of(to.task)) change(*steps);
}

/// And on the least-squares target of one that has it.
template <class Change>
void in_least_squares(request& to, Change&& change)
{
    if (auto* const task = std::get_if<awq::compensate>(&to.task)) change(task->least_squares);
    in_rounding(to, [&](awq::rounding_steps& steps) {
        if (steps.least_squares) change(*steps.least_squares);
    });
}

awq::sample_calibration& samples_of(request& to) { return awq::as<awq::sample_calibration>(to.calibration); }

void fill_dequantized(const flags& from, request& to)
{
    const std::string& path = from.quantize.output_dequantized;
    if (auto* const task = std::get_if<awq::quantize>(&to.task)) task->output_dequantized = path;
    if (auto* const task = std::get_if<awq::write_gguf>(&to.task)) task->output_dequantized = path;
    if (auto* const task = std::get_if<awq::compensate>(&to.task)) task->output_dequantized = path;
}

void fill_target(const flags& from, request& to)
{
    if (auto* const task = std::get_if<awq::write_gguf>(&to.task)) task->type = from.target; // simulated: no output
    if (auto* const task = std::get_if<awq::compensate>(&to.task)) task->target = from.target;
    if (auto* const task = std::get_if<awq::smooth>(&to.task))
        awq::as<awq::simulated_type>(task->simulated).target = from.target;
}

void fill_tensor_types(const flags& from, request& to)
{
    if (auto* const task = std::get_if<awq::write_gguf>(&to.task)) task->tensor_types = from.tensor_types;
    if (auto* const task = std::get_if<awq::compensate>(&to.task)) task->tensor_types = from.tensor_types;
    if (auto* const task = std::get_if<awq::smooth>(&to.task))
        awq::as<awq::simulated_type>(task->simulated).tensor_types = from.tensor_types;
}

void fill_clip_steps(const flags& from, request& to)
{
    if (auto* const task = std::get_if<awq::quantize>(&to.task)) task->clip_steps = from.quantize.clip_steps;
    if (auto* const task = std::get_if<awq::smooth>(&to.task))
        awq::as<awq::simulated_schemes>(task->simulated).clip_steps = from.quantize.clip_steps;
}

void fill_least_squares(const flags& from, request& to)
{
    if (!(from.least_squares.lambda > 0)) {
        in_rounding(to, [](awq::rounding_steps& steps) { steps.least_squares.reset(); });
        return;
    }
    in_least_squares(to, [&](awq::least_squares_options& target) { target.lambda = from.least_squares.lambda; });
}

const flag_row rows[] = {
    {"--model", "model",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.common.model, "Model directory")->required();
     }},
    {"--dataset", "dataset",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.samples.dataset,
                            "Calibration text; or a JSON array, {\"data\": [...]} or JSON lines of samples with "
                            "text, messages (and tools), conversations, input_ids, instruction or prompt");
     },
     [](const flags& from, request& to) { samples_of(to).dataset = from.samples.dataset; }},
    {"--imatrix", "imatrix",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.imatrix,
                            "Importance matrix of llama.cpp, instead of a dataset: no forward pass");
     },
     [](const flags& from, request& to) { awq::as<awq::matrix_calibration>(to.calibration).imatrix = from.imatrix; }},
    {"--num-calibration-samples", awq::limits::num_calibration_samples.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.samples.num_calibration_samples, awq::limits::num_calibration_samples, "At most");
     },
     [](const flags& from, request& to) {
         samples_of(to).num_calibration_samples = from.samples.num_calibration_samples;
     }},
    {"--max-seq-length", awq::limits::max_seq_length.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.samples.max_seq_length, awq::limits::max_seq_length,
                "Tokens in a sample, at most");
     },
     [](const flags& from, request& to) { samples_of(to).max_seq_length = from.samples.max_seq_length; }},
    {"--output", "output",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.common.output, "Directory, or FILE.gguf");
     }},
    {"--output-dequantized", "output_dequantized",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.quantize.output_dequantized,
                            "Also write the quantized weights as they read back, in 16 bits");
     },
     fill_dequantized},
    {"--output-smoothed", "output_smoothed",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.common.output_smoothed,
                            "Also write the smoothed 16-bit checkpoint to this directory");
     }},
    {"--output-awq", "output_awq",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.quantize.output_awq,
                            "Also write a checkpoint in AutoAWQ's layout to this directory");
     },
     [](const flags& from, request& to) { awq::as<awq::quantize>(to.task).output_awq = from.quantize.output_awq; }},
    {"--output-imatrix", "output_imatrix",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.common.output_imatrix,
                            "Also write the importance matrix for llama.cpp; FILE.dat: its older format");
     }},
    {"--overwrite", "overwrite",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.common.overwrite, "Replace outputs that are there");
     }},
    {"--dry-run", "dry_run",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.common.dry_run,
                          "Check all that the run would, measure its first block with a few samples, predict time and "
                          "memory; nothing is written");
     }},
    {"--resume", "resume",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.common.resume,
                          "Go on behind the blocks that the same run had finished when it was killed; else begin. "
                          "An error or a signal then leaves what is done, too");
     }},
    {"--smoothing-only", "",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.smoothing_only, "Smooth, keep the weights in 16 bits");
     }},
    {"--compensate", "compensate",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.compensate,
                          "Write 16-bit weights that make up for llama.cpp's rounding to --target");
     }},
    {"--scheme", "formats",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.scheme,
                            awq::describe_schemes() + "; with --smoothing-only what the search simulates");
     },
     [](const flags& from, request& to) {
         if (auto* const formats = awq::formats_of(to.task)) *formats = {{{"Linear"}, from.scheme}};
     }},
    {"--type", "type",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.type, "Of a GGUF output: " + awq::join_names(awq::gguf::known_file_types()));
     },
     [](const flags& from, request& to) { awq::as<awq::write_gguf>(to.task).type = from.type; }},
    {"--target", "target",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.target, "GGUF type to optimise for where no GGUF file is written, as --type");
     },
     fill_target},
    {"--tensor-type", "tensor_types",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.tensor_types, "PATTERN=TYPE for GGUF tensors by name; may be repeated");
     },
     fill_tensor_types},
    {"--measured-types", "measured_types",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.write_gguf.measured_types,
                          "Choose each tensor's type by what it costs, in no more bytes than --type's mix");
     },
     [](const flags& from, request& to) {
         awq::as<awq::write_gguf>(to.task).measured_types = from.write_gguf.measured_types;
     }},
    {"--group-size", awq::limits::group_size.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.group_size, awq::limits::group_size, "Elements that share a scale; 0: per channel");
     },
     [](const flags& from, request& to) {
         if (auto* const formats = awq::formats_of(to.task);
         formats && !formats->empty()) formats->front().group_size = from.group_size;
     }},
    {"--ignore", "ignore",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.ignore, "Layer name or re:PATTERN; may be repeated");
     },
     [](const flags& from, request& to) { to.ignore = from.ignore; to.ignore_recipe.clear(); }},
    {"--n-grid", awq::limits::n_grid.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.smoothing.search.n_grid, awq::limits::n_grid, "Candidates per mapping");
     },
     [](const flags& from, request& to) { to.smoothing->search.n_grid = from.smoothing.search.n_grid; }},
    {"--duo-scaling", "search.duo_scaling",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.duo_scaling, "true, false or both");
     },
     [](const flags& from, request& to) {
         to.smoothing->search.duo_scaling = *awq::parse_duo_scaling(from.duo_scaling);
     },
     [](const flags& from) { return problem_of(awq::parse_duo_scaling(from.duo_scaling)); }},
    {"--loss", "smoothing.loss",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.loss, "parent-output, gram or screened");
     },
     [](const flags& from, request& to) { to.smoothing->loss = *awq::parse_loss(from.loss); },
     [](const flags& from) { return problem_of(awq::parse_loss(from.loss)); }},
    {"--precision", "operands",
     [](app& command, const char* name, flags& into) {
         choice(command, name, into.precision,
                "mixed: products of calibration and search take bfloat16 where the processor is faster with it; "
                "auto: where the checkpoint is bfloat16, too",
                {"auto", "float32", "mixed"});
     },
     [](const flags& from, request& to) { to.operands = awq::precision_of(from.precision); }}, // none: auto
    {"--hidden-states", "hidden_states",
     [](app& command, const char* name, flags& into) {
         choice(command, name, into.hidden_states,
                "What the text is kept in between blocks; bfloat16 takes half the memory; auto: bfloat16 with mixed "
                "products and --smoothing-only",
                {"auto", "float32", "bfloat16"});
     },
     [](const flags& from, request& to) {
         if (from.hidden_states == "auto") return;
         samples_of(to).hidden_states = from.hidden_states == "bfloat16" ? awq::dtype::bf16 : awq::dtype::f32;
     }},
    {"--mappings", "mappings",
     [](app& command, const char* name, flags& into) {
         choice(command, name, into.mappings, "llm-compressor's choice of layers to smooth, or all that are exact",
                {"llm-compressor", "all"});
     },
     [](const flags& from, request& to) {
         const bool all = from.mappings == "all";
         to.smoothing->mappings = all ? awq::mapping_choice::all : awq::mapping_choice::llm_compressor;
     }},
    {"--all-experts", "all_experts",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.samples.all_experts,
                          "Statistics of every expert from all tokens, not only its own");
     },
     [](const flags& from, request& to) { samples_of(to).all_experts = from.samples.all_experts; }},
    {"--smooth-grouped-query", "smooth_grouped_query",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.smoothing.smooth_grouped_query,
                          "Also v_proj -> o_proj where query heads share values: one scale each");
     },
     [](const flags& from, request& to) { to.smoothing->smooth_grouped_query = from.smoothing.smooth_grouped_query; }},
    {"--clip-weights", "",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.clip_weights,
                          "Smoothing only: clip outliers of each group too; changes the function");
     },
     fill_clip_steps},
    {"--search-clipping", "search_clipping",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.quantize.search_clipping,
                          "The search simulates the clipped ranges of a scheme too");
     },
     [](const flags& from, request& to) {
         awq::as<awq::quantize>(to.task).search_clipping = from.quantize.search_clipping;
     }},
    {"--no-smoothing", "",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.no_smoothing, "Do not smooth before quantizing");
     }},
    {"--importance", "rounding.importance",
     [](app& command, const char* name, flags& into) {
         command
             .add_option(name, into.quantize.rounding.importance, "Weigh rounding errors by the inputs' mean square")
             ->capture_default_str();
     },
     [](const flags& from, request& to) {
         in_rounding(to, [&](auto& steps) { steps.importance = from.quantize.rounding.importance; });
     }},
    {"--better-rounding", "better_rounding",
     [](app& command, const char* name, flags& into) {
         command.add_flag(name, into.write_gguf.better_rounding,
                          "GGUF: search longer for each block's scales than llama.cpp does");
     },
     [](const flags& from, request& to) {
         awq::as<awq::write_gguf>(to.task).better_rounding = from.write_gguf.better_rounding;
     }},
    {"--clip-steps", awq::limits::clip_steps.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.quantize.clip_steps, awq::limits::clip_steps,
                "Schemes: candidates for each group's range; 1: no clipping");
     },
     fill_clip_steps},
    {"--error-feedback", "rounding.error_feedback",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.error_feedback, "Feed each column's rounding error into the next ones (GPTQ)")
             ->capture_default_str();
     },
     [](const flags& from, request& to) {
         in_rounding(to, [&](auto& steps) {
             if (!from.error_feedback) steps.error_feedback.reset();
         });
     }},
    {"--damping", awq::limits::damping.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.feedback.damping, awq::limits::damping, "Of the Gram matrix in the error feedback");
     },
     [](const flags& from, request& to) {
         in_rounding(to, [&](auto& steps) {
             if (steps.error_feedback) steps.error_feedback->damping = from.feedback.damping;
         });
     }},
    {"--least-squares", awq::limits::lambda.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.least_squares.lambda, awq::limits::lambda,
                "Pull to the original weight in the least-squares target; 0: no target");
     },
     fill_least_squares},
    {"--least-squares-share", awq::limits::share.field,
     [](app& command, const char* name, flags& into) {
         number(command, name, into.least_squares.share, awq::limits::share,
                "How much of the way to that target is taken");
     },
     [](const flags& from, request& to) {
         in_least_squares(to, [&](auto& target) { target.share = from.least_squares.share; });
     }},
    {"--recipe", "recipe",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.common.recipe, "YAML recipe; flags override it");
     }},
    {"--report", "report",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.common.report,
                            "File to write the report to: FILE.html, a page for people; else JSON");
     }},
    {"--threads", "",
     [](app& command, const char* name, flags& into) {
         command.add_option(name, into.threads, "Threads; 0: all")->check(CLI::Range(0, 4096));
     }},
};

} // namespace

std::span<const flag_row> oneshot_flag_rows() { return rows; }

void add_flags(CLI::App& command, oneshot_flags& into)
{
    for (const flag_row& each : rows) each.declare(command, each.name, into);
}

awq::error in_flags(const awq::error& from)
{
    std::string text{from.text()};
    for (const flag_row& each : rows) {
        if (each.field.empty()) continue;
        const std::string quoted = "`" + std::string{each.field} + "`";
        for (std::size_t at = text.find(quoted); at != text.npos; at = text.find(quoted, at))
            text.replace(at, quoted.size(), each.name);
    }
    return awq::error{from.code(), text};
}
