// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_RUN_IDENTITY_HPP
#define AWQ_RUN_RUN_IDENTITY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/products/amx_tile.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/io/digest.hpp>
#include <awq/io/directory_entries.hpp>
#include <awq/io/read_file.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/run/run_record.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/support/result.hpp>
#include <awq/version.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

void visit_members(same_state<layer_format> auto& each, auto&& visit)
{
    visit(each.targets, each.scheme, each.group_size);
}
void visit_members(same_state<mapping_pattern> auto& each, auto&& visit)
{
    visit(each.smooth_layer, each.balance_layers, each.optional_layers);
}
void visit_members(same_state<search_options> auto& each, auto&& visit)
{
    visit(each.n_grid, each.duo_scaling, each.storage, each.finalists, each.screening_rows, each.deciding_rows);
}
void visit_members(same_state<rounding_options> auto& each, auto&& visit)
{
    visit(each.importance, each.better_rounding, each.clip_steps, each.error_feedback, each.damping,
          each.least_squares_lambda, each.least_squares_share, each.least_squares_tokens);
}

namespace detail {

/// Values that are no short text are known by their digest.
inline constexpr std::string_view digest_mark = "digest ";

template <class T>
std::string identity_text(const T& value)
{
    if constexpr (std::is_same_v<T, std::string>) {
        return value;
    } else if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_arithmetic_v<T>) {
        return std::to_string(value);
    } else if constexpr (std::is_enum_v<T>) {
        return std::string{name_of(value)};
    } else {
        state_writer bytes;
        bytes(value);
        return std::string{digest_mark} + digits_of(digest_of(std::string_view{bytes.bytes()}));
    }
}

/// Size and time of each file of a model directory: the time tells more than reading them all would cost.
inline void add_files(const std::string& model, run_identity& into)
{
    namespace fs = std::filesystem;
    std::vector<fs::path> files;
    std::error_code failure;
    visit_below(model, failure, [&](const fs::path& path, fs::file_type kind) {
        if (kind != fs::file_type::directory) files.push_back(path);
        return !path.filename().string().starts_with('.'); // as where companion files are copied
    });
    std::ranges::sort(files);
    for (const fs::path& file : files) {
        struct ::stat about {};
        if (::stat(file.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
        into.emplace_back("the model's file " + file.lexically_relative(model).string(),
                          std::to_string(about.st_size) + " bytes of the time " + std::to_string(about.st_mtim.tv_sec) +
                              "." + std::to_string(about.st_mtim.tv_nsec));
    }
}

} // namespace detail

/// Of a run with these options, and these samples, where it has any. Error: an importance matrix that
/// cannot be read.
inline result<run_identity> identity_of(const run_settings& options, std::span<const token_ids> samples)
{
    // Binding all of them: whoever adds a setting must say here whether it makes another run.
    const auto& [smoothing_only, all_mappings, smooth_grouped_query, search, loss, exact_loss_tokens, search_tokens,
                 rounding] = static_cast<const block_settings&>(options);
    const auto& [model, dataset, imatrix, output, output_smoothed, output_dequantized, output_awq, output_imatrix,
                 report, overwrite, resume, compensate, smoothing, mappings, mappings_recipe, clip_weights,
                 search_clipping, formats, gguf_type, target, tensor_types, measured_types, ignore, ignore_recipe,
                 all_experts, experts_in_memory, operands, hidden_states, num_calibration_samples, max_seq_length,
                 progress] = static_cast<const model_settings&>(options);
    run_identity made;
    const auto add = [&](const char* name, const auto& value) {
        made.emplace_back(name, detail::identity_text(value));
    };
    add("the program's version", std::string{AWQ_VERSION_STRING});
    add("--instruction-set", std::string{kernel_instruction_set()});
    add("--reproducible", reproducible_products.load());
    add("--precision", operands.value_or(precision::float32));
    add("the processor's matrix unit", operands == precision::mixed && detail::has_amx());
    add("--model", model);
    detail::add_files(model, made);
    add("--dataset", dataset);
    add("--imatrix", imatrix);
    add("--output", output);
    add("--output-smoothed", output_smoothed);
    add("--output-dequantized", output_dequantized);
    add("--output-awq", output_awq);
    add("--output-imatrix", output_imatrix);
    add("--report", report);
    add("--smoothing-only", smoothing_only);
    add("--compensate", compensate);
    add("smoothing", smoothing);
    add("--mappings", all_mappings);
    add("the recipe's mappings", mappings.value_or(std::vector<mapping_pattern>{}));
    add("--all-experts", all_experts);
    add("experts_in_memory", experts_in_memory);
    add("--smooth-grouped-query", smooth_grouped_query);
    add("--clip-weights", clip_weights);
    add("--search-clipping", search_clipping);
    add("--scheme", formats);
    add("--type", gguf_type);
    add("--target", target);
    add("--tensor-type", tensor_types);
    add("--measured-types", measured_types);
    add("--ignore", ignore);
    add("--num-calibration-samples", num_calibration_samples);
    add("--max-seq-length", max_seq_length);
    add("--n-grid", search.n_grid);
    add("--duo-scaling", search.duo_scaling);
    add("the search's options", search);
    add("--loss", loss);
    add("exact_loss_tokens", exact_loss_tokens);
    add("search_tokens", search_tokens);
    add("--importance", rounding.importance);
    add("--better-rounding", rounding.better_rounding);
    add("--clip-steps", rounding.clip_steps);
    add("--error-feedback", rounding.error_feedback);
    add("--damping", rounding.damping);
    add("--least-squares", rounding.least_squares_lambda);
    add("--least-squares-share", rounding.least_squares_share);
    add("the options of rounding", rounding);
    add("--hidden-states", hidden_states.value_or(dtype::f32)); // behind those that it may follow from
    add("the calibration text", std::vector<token_ids>{samples.begin(), samples.end()});
    if (imatrix.empty()) return made;
    AWQ_TRY(const std::string content, read_file(imatrix));
    add("the importance matrix", std::vector<std::string>{content});
    return made;
}

/// The first thing that differs, as "NAME was A and is B"; none where two runs are the same.
inline std::optional<std::string> difference_of(const run_identity& before, const run_identity& now)
{
    const auto value_in = [](const run_identity& all, const std::string& name) -> const std::string* {
        const auto found = std::ranges::find(all, name, &std::pair<std::string, std::string>::first);
        return found == all.end() ? nullptr : &found->second;
    };
    for (const run_identity* const names : {&before, &now}) {
        for (const auto& [name, unused] : *names) {
            const std::string *const was = value_in(before, name), *const is = value_in(now, name);
            if (was && is && *was == *is) continue;
            if (!was || !is) return name + (was ? " is gone" : " is new");
            if (was->starts_with(detail::digest_mark)) return name + " has changed";
            const auto shown = [](const std::string& value) { return value.empty() ? "not given" : value; };
            return name + " was " + shown(*was) + " and is " + shown(*is);
        }
    }
    return std::nullopt;
}

/// Error: `unsupported` where an interrupted run was another than this one, with what differs.
inline status check_same(const run_identity& before, const run_identity& now)
{
    const auto difference = difference_of(before, now);
    if (!difference) return {};
    return error{error_code::unsupported, "--resume cannot go on with the interrupted run: ", *difference,
                 "; give what it was begun with, or leave out --resume to start afresh"};
}

} // namespace awq

#endif
