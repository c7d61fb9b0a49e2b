// SPDX-License-Identifier: MIT
#ifndef AWQ_EXAMPLES_ONESHOT_FLAGS_HPP
#define AWQ_EXAMPLES_ONESHOT_FLAGS_HPP

#include <awq/recipe/oneshot_options.hpp>
#include <awq/support/result.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The flags of `awq oneshot` as they were given, before it is known which of them the task has a place for.
struct oneshot_flags {
    awq::oneshot_options common; ///< what every request has
    awq::sample_calibration samples;
    std::string imatrix;

    bool smoothing_only = false, compensate = false, no_smoothing = false;
    std::string scheme, type, target;
    std::size_t group_size = 128;
    std::vector<std::string> tensor_types, ignore;
    awq::smoothing_options smoothing;
    std::string duo_scaling, loss, mappings, precision = "auto", hidden_states = "auto";

    awq::quantize quantize;
    awq::write_gguf write_gguf;
    bool error_feedback = true, clip_weights = false;
    awq::feedback_options feedback;
    awq::least_squares_options least_squares;
    std::size_t threads = 0;
};

/// One flag: how it is declared, what the library calls its field, and what it puts into a request.
struct flag_row {
    const char* name;
    std::string_view field; ///< as errors of the library quote it; empty where none does
    void (*declare)(CLI::App& command, const char* name, oneshot_flags& flags);
    /// Into the request, whose task, calibration and smoothing are chosen and which has a place for it. Null: those
    /// that choose, and those of `common`.
    void (*fill)(const oneshot_flags& flags, awq::oneshot_options& request) = nullptr;
    /// Whether a value that is a name is a known one, whatever becomes of it. Null: it is no name.
    awq::status (*check)(const oneshot_flags& flags) = nullptr;
};

/// All flags of oneshot, in the order of the help.
std::span<const flag_row> oneshot_flag_rows();

/// Declares them.
void add_flags(CLI::App& command, oneshot_flags& flags);

/// What is asked for, from the flags, which `command` has parsed, and from the recipe that they name. A flag that the
/// task has no place for is refused, or warned of where it would change nothing else: the table of rules says which.
awq::result<awq::oneshot_options> build_request(const CLI::App& command, const oneshot_flags& flags,
                                                awq::notice_callback show);

/// An error of the library with flags in the place of the fields that it quotes: "`rounding.damping` 2: ..." becomes
/// "--damping 2: ...".
awq::error in_flags(const awq::error& from);

#endif
