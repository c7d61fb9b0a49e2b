// SPDX-License-Identifier: MIT
// awq: activation-aware weight quantization of language-model checkpoints. Subcommands are in their
// own files; this one only parses and dispatches.
#include "commands.hpp"
#include "console.hpp"
#include "process.hpp"
#include "ranks.hpp"

#include <awq/execution/products/reproducible.hpp>
#include <awq/support/printable.hpp>
#include <awq/version.hpp>

#include <exception>
#include <new>
#include <system_error>

namespace {

/// What every command takes beside its own.
void add_common(CLI::App& command)
{
    // Read before this library was loaded.
    command.add_option_function<std::string>(
        "--instruction-set", [](const std::string&) {}, "baseline, x86-64-v3 or x86-64-v4 instead of the best");
    command.add_flag_callback(
        "--reproducible", [] { awq::reproducible_products = true; },
        "The same bytes from baseline as from all others; several times slower there");
}

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
    add_common(app);
    for (CLI::App* const command : app.get_subcommands(nullptr)) add_common(*command);
    add_manual(app);
    const std::string command = argc > 1 ? argv[1] : "awq";
    if (const auto refused = refuse_several(command, command == "oneshot")) return fail(*refused);
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

extern "C" [[gnu::visibility("default")]] int awq_driver_main(int argc, char** argv)
{
    std::set_terminate(end_at_once);
    open_standard_streams();
    silence_others();
    // The library gives errors back; what comes here was not foreseen.
    try {
        return finish_printing(run(argc, argv));
    } catch (const std::bad_alloc&) {
        return fail(awq::error{awq::error_code::out_of_memory, "out of memory; give the program more"});
    } catch (const std::system_error& problem) { // a thread that could not be started
        return fail(awq::error{awq::error_code::out_of_memory, "no memory for a thread, or too many of them (",
                               problem.what(), "); give the program more"});
    } catch (const std::exception& problem) {
        return fail(
            awq::error{awq::error_code::unsupported, "an error inside the program: ", awq::one_line(problem.what())});
    } catch (...) {
        end_at_once();
    }
}
