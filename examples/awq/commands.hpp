// SPDX-License-Identifier: MIT
#ifndef AWQ_EXAMPLES_COMMANDS_HPP
#define AWQ_EXAMPLES_COMMANDS_HPP

#include <CLI/CLI.hpp>

/// Each adds one subcommand, whose callback leaves the program's exit code in `exit_code`.
void add_oneshot(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_generate(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_convert(CLI::App& app, int& exit_code);
/// Two commands more, for packages: they print the manual page and the completion of bash.
void add_manual(CLI::App& app);

#endif
