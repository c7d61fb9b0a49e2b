// SPDX-License-Identifier: MIT
// awq: activation-aware weight quantization of language-model checkpoints. Subcommands are in their
// own files; this one only parses and dispatches.
#include "commands.hpp"
#include "console.hpp"
#include "process.hpp"

#include <awq/support/printable.hpp>
#include <awq/version.hpp>

#include <exception>
#include <new>

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
    }
    return exit_code;
}

/// Where an exception cannot pass, such as out of a destructor, there is no more to be done.
[[noreturn]] void end_at_once()
{
    constexpr char line[] = "awq: out of memory, or an error inside the program; it ended at once\n";
    if (::write(STDERR_FILENO, line, sizeof line - 1) < 0) ::_exit(exit_failed);
    ::_exit(exit_failed);
}

} // namespace

[[gnu::visibility("default")]] int awq_driver_main(int argc, char** argv)
{
    std::set_terminate(end_at_once);
    open_standard_streams();
    // The library gives errors back; what comes here was not foreseen.
    try {
        return finish_printing(run(argc, argv));
    } catch (const std::bad_alloc&) {
        return fail(awq::error{awq::error_code::out_of_memory, "out of memory; give the program more"});
    } catch (const std::exception& problem) {
        return fail(awq::error{awq::error_code::unsupported, "an error inside the program: ",
                               awq::one_line(problem.what())});
    } catch (...) {
        end_at_once();
    }
}
