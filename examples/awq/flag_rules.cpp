// SPDX-License-Identifier: MIT
// Which flags of `awq oneshot` go with which request, and the request that they ask for.
#include "oneshot_flags.hpp"

#include <awq/recipe/load_recipe.hpp>
#include <awq/run/apply_recipe.hpp>

#include <utility>
#include <variant>

namespace {

/// What is known of a request before its details are filled in.
enum fact : unsigned {
    quantizes = 1,   ///< to schemes
    writes_gguf = 2, ///< or simulates it, see `only_simulated`
    only_smooths = 4,
    compensates = 8,
    only_simulated = 16, ///< a GGUF type that is not written: --target alone
    names_type = 32,     ///< --type
    searches_type = 64,  ///< a GGUF type in the search of a task that only smooths
    names_both = 128,    ///< and a scheme, too
    keeps_ranges = 256,  ///< only smooths, without --clip-weights
    by_matrix = 512,
    by_samples = 1024,
    not_smoothed = 2048,
    no_feedback = 4096,
    no_target = 8192,
    recipe_groups = 16384, ///< the recipe's schemes are taken
    recipe_mappings = 32768,
    dry = 65536,
};

enum class outcome { refused, no_effect };

/// What becomes of some flags where one of the facts holds. The first rule that is met decides.
struct flag_rule {
    std::string_view names; ///< with a blank behind each
    unsigned where;
    outcome is;
    std::string_view why;
    bool (*when)(const oneshot_flags&) = [](const oneshot_flags&) { return true; };
};

constexpr outcome refused = outcome::refused, no_effect = outcome::no_effect;
constexpr unsigned has_type = writes_gguf | compensates | searches_type;

const flag_rule rules[] = {
    {"--compensate ", only_smooths, refused, "and a smoothing-only run are two ways; give one"},
    {"--type ", only_smooths, refused,
     "writes a GGUF file, --smoothing-only keeps 16 bits: to optimise for that type, give it as --target"},
    {"--type ", compensates, refused, "is what --compensate leaves to llama.cpp: give --target"},
    {"--scheme ", compensates, refused, "is none of llama.cpp's types, which --compensate is for: give --target"},
    {"--scheme ", writes_gguf, refused, "and a GGUF type do not go together: a run quantizes to either; give one"},
    {"--target ", names_both, refused, "and a scheme: the search simulates either --target or --scheme; give one"},
    {"--target ", names_type, no_effect, "--type says what is written"},
    {"--imatrix ", by_samples, refused,
     "and --dataset are two sources: give --dataset to calibrate, or --imatrix for what llama.cpp found"},
    {"--imatrix ", compensates, refused, "has no forward pass, which --compensate needs: give --dataset"},
    {"--output ", only_simulated, refused,
     "has nothing to write: --target is only simulated; add --smoothing-only or --compensate, or give --type to write "
     "that type"},
    {"--output-dequantized ", only_smooths, refused,
     "has no quantized weights to read back: --smoothing-only keeps 16 bits"},
    {"--output-awq ", only_smooths | writes_gguf | compensates, refused, "needs a 4-bit --scheme that is written"},
    {"--better-rounding ", quantizes | only_smooths | compensates | only_simulated, refused,
     "searches the blocks of a GGUF file: give --type"},
    {"--measured-types ", quantizes | only_smooths | compensates | only_simulated | by_matrix, refused,
     "chooses the tensor types of a GGUF file by running the model: give --type and --dataset"},
    {"--tensor-type ", quantizes, refused, "is for tensors of GGUF files: give --type or --target"},
    {"--tensor-type ", only_smooths, refused, "is for tensors of GGUF files: give --target",
     [](const oneshot_flags& given) { return given.target.empty(); }},
    {"--clip-weights ", quantizes | has_type, refused,
     "goes with --smoothing-only and integer groups; when quantizing, --clip-steps clips"},
    {"--mappings ", not_smoothed, refused, "and --no-smoothing do not go together; give one"},
    {"--mappings ", recipe_mappings, refused, "and a recipe's mappings do not go together; give one"},
    {"--smooth-grouped-query ", not_smoothed, refused, "and --no-smoothing do not go together; give one"},
    {"--search-clipping ", only_smooths, refused, "has nothing to simulate: --smoothing-only keeps 16 bits"},
    {"--search-clipping ", writes_gguf | compensates, refused,
     "is for schemes: the ranges of GGUF types are not clipped"},
    {"--search-clipping ", not_smoothed, refused, "needs the search that --no-smoothing leaves out"},
    {"--least-squares ", compensates, refused, "0 leaves --compensate nothing to do: give more",
     [](const oneshot_flags& given) { return !(given.least_squares.lambda > 0); }},

    {"--n-grid --duo-scaling --loss ", not_smoothed, no_effect, "nothing is smoothed"},
    {"--loss ", by_matrix, no_effect, "an importance matrix knows the loss 'gram' only",
     [](const oneshot_flags& given) { return given.loss != "gram"; }},
    {"--num-calibration-samples --max-seq-length --all-experts --hidden-states ", by_matrix, no_effect,
     "an importance matrix takes the place of samples"},
    {"--importance --error-feedback --damping --least-squares --least-squares-share ", only_smooths, no_effect,
     "the weights stay in 16 bits"},
    {"--clip-steps ", keeps_ranges, no_effect, "the weights stay in 16 bits"},
    {"--clip-steps ", writes_gguf | compensates, no_effect, "the ranges of GGUF types are not clipped"},
    {"--group-size ", has_type, no_effect, "GGUF types have groups of their own"},
    {"--group-size ", recipe_groups, no_effect, "the recipe's schemes have groups of their own"},
    {"--importance ", compensates, no_effect, "llama.cpp's quantizer weighs by the importance matrix",
     [](const oneshot_flags& given) { return !given.quantize.rounding.importance; }},
    {"--error-feedback ", compensates, no_effect, "llama.cpp's quantizer has none",
     [](const oneshot_flags& given) { return given.error_feedback; }},
    {"--damping ", compensates, no_effect, "llama.cpp's quantizer has no error feedback"},
    {"--error-feedback ", by_matrix, no_effect, "an importance matrix has no Gram matrix",
     [](const oneshot_flags& given) { return given.error_feedback; }},
    {"--least-squares ", by_matrix, no_effect, "an importance matrix has no Gram matrix",
     [](const oneshot_flags& given) { return given.least_squares.lambda > 0; }},
    {"--damping --least-squares-share ", by_matrix, no_effect, "an importance matrix has no Gram matrix"},
    {"--damping ", no_feedback, no_effect, "there is no error feedback"},
    {"--least-squares-share ", no_target, no_effect, "there is no least-squares target"},
    {"--resume ", dry, no_effect, "a dry run begins nothing"},
};

const flag_rule* rule_for(const std::string& name, unsigned facts, const oneshot_flags& given)
{
    for (const flag_rule& each : rules)
        if (each.names.find(name + " ") != std::string_view::npos && (each.where & facts) && each.when(given))
            return &each;
    return nullptr;
}

/// A flag that is there and not switched off.
bool is_given(const CLI::App& command, const char* name)
{
    const CLI::Option* const option = command.get_option(name);
    return option->count() > 0 && (option->get_type_size() != 0 || option->as<bool>());
}

awq::result<awq::run_task> choose_task(const oneshot_flags& given, const awq::recipe& recipe)
{
    if (recipe.smoothing_only.value_or(false)) {
        awq::smooth task;
        if (!given.target.empty()) task.simulated = awq::simulated_type{};
        return awq::run_task{task};
    }
    if (given.compensate) return awq::run_task{awq::compensate{}};
    if (!given.type.empty() || !given.target.empty()) return awq::run_task{awq::write_gguf{}};
    if (!given.scheme.empty() || !recipe.groups.empty()) return awq::run_task{awq::quantize{}};
    return awq::error{awq::error_code::invalid_argument,
                      "nothing says how to quantize: give --scheme (or --type for GGUF), or --smoothing-only to keep "
                      "the weights in 16 bits"};
}

unsigned facts_of(const oneshot_flags& given, const awq::recipe& recipe, const awq::oneshot_options& request)
{
    const bool smooths = std::holds_alternative<awq::smooth>(request.task);
    const bool has_gguf = std::holds_alternative<awq::write_gguf>(request.task);
    const bool has_target = !given.target.empty();
    const auto if_so = [](bool so, unsigned facts) { return so ? facts : 0u; };
    return if_so(std::holds_alternative<awq::quantize>(request.task), quantizes) |
           if_so(std::holds_alternative<awq::compensate>(request.task), compensates) |
           if_so(smooths, only_smooths | if_so(!given.clip_weights, keeps_ranges)) |
           if_so(smooths && has_target,
                 searches_type | if_so(!given.scheme.empty() || !recipe.groups.empty(), names_both)) |
           if_so(has_gguf, writes_gguf | (given.type.empty() ? only_simulated : names_type)) |
           if_so(!given.imatrix.empty(), by_matrix) | if_so(!given.samples.dataset.empty(), by_samples) |
           if_so(!request.smoothing, not_smoothed) | if_so(!given.error_feedback, no_feedback) |
           if_so(!(given.least_squares.lambda > 0), no_target) | if_so(!recipe.groups.empty(), recipe_groups) |
           if_so(recipe.mappings.has_value(), recipe_mappings) | if_so(given.common.dry_run, dry);
}

/// The recipe that is named, or an empty one, with what the flags say instead of it.
awq::result<awq::recipe> read_recipe(const CLI::App& command, const oneshot_flags& given)
{
    awq::recipe recipe;
    recipe.smoothing = true;
    if (!given.common.recipe.empty()) {
        AWQ_TRY(recipe, awq::load_recipe(given.common.recipe));
    }
    if (is_given(command, "--smoothing-only")) recipe.smoothing_only = true;
    if (is_given(command, "--scheme")) recipe.groups.clear();
    return recipe;
}

} // namespace

awq::result<awq::oneshot_options> build_request(const CLI::App& command, const oneshot_flags& given,
                                                awq::notice_callback show)
{
    AWQ_TRY(const awq::recipe recipe, read_recipe(command, given));
    awq::oneshot_options request = given.common;
    request.notices = awq::notice_list{std::move(show)};
    request.operands = std::nullopt;
    AWQ_TRY(request.task, choose_task(given, recipe));
    if (given.no_smoothing) request.smoothing.reset();
    if (!given.imatrix.empty()) request.calibration = awq::matrix_calibration{};
    if (!given.common.recipe.empty()) AWQ_CHECK(awq::apply_recipe(recipe, request));
    const unsigned facts = facts_of(given, recipe, request);
    for (const flag_row& row : oneshot_flag_rows()) {
        if (!is_given(command, row.name)) continue;
        if (row.check) AWQ_CHECK(row.check(given));
        const flag_rule* const rule = rule_for(row.name, facts, given);
        if (rule && rule->is == refused) return awq::error{awq::error_code::invalid_argument, row.name, " ", rule->why};
        if (rule)
            request.notices.warn(std::string{row.name} + " has no effect: " + std::string{rule->why});
        else if (row.fill)
            row.fill(given, request);
    }
    if (!given.scheme.empty() && recipe.group_size && !is_given(command, "--group-size"))
        awq::formats_of(request.task)->front().group_size = *recipe.group_size;
    if (given.samples.dataset.empty() && given.imatrix.empty())
        return awq::error{awq::error_code::invalid_argument,
                          "give --dataset to calibrate, or --imatrix for what llama.cpp found"};
    return request;
}
