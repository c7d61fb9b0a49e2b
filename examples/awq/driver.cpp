// SPDX-License-Identifier: MIT
// awq: activation-aware weight quantization of language-model checkpoints. Subcommands are in their
// own files; this one only parses and dispatches.
#include "commands.hpp"
#include "console.hpp"
#include "process.hpp"

#include <awq/version.hpp>

namespace {

int run(int argc, char** argv)
{
    CLI::App app{"Smooth and quantize language-model checkpoints, activation-aware.", "awq"};
    app.set_version_flag("--version", "awq " AWQ_VERSION_STRING);
    app.require_subcommand(1);
    int exit_code = exit_done;
    add_oneshot(app, exit_code);
    add_export(app, exit_code);
    add_eval(app, exit_code);
    add_generate(app, exit_code);
    add_inspect(app, exit_code);
    add_convert(app, exit_code);
    add_manual(app);
    try {
        watch_signals();
        app.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        return app.exit(problem) == 0 ? exit_done : exit_usage;
    } catch (const std::exception& problem) {
        return fail(awq::error{awq::error_code::out_of_memory, problem.what()});
    }
    return exit_code;
}

} // namespace

[[gnu::visibility("default")]] int awq_driver_main(int argc, char** argv)
{
    open_standard_streams();
    return finish_printing(run(argc, argv));
}
