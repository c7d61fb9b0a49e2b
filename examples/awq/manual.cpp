// SPDX-License-Identifier: MIT
// The manual page and the completion of bash, printed from the options that the program itself parses, so that they
// cannot say anything else.
#include "commands.hpp"
#include "console.hpp"

#include <awq/version.hpp>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

/// Text as troff prints it: backslashes and leading dots are commands there, and a hyphen is not a minus.
std::string troff(std::string_view text)
{
    std::string out;
    for (const char each : text) {
        if (each == '\\')
            out += "\\e";
        else if (each == '-')
            out += "\\-";
        else if ((each == '.' || each == '\'') && (out.empty() || out.back() == '\n'))
            out += std::string{"\\&"} + each;
        else
            out += each;
    }
    return out;
}

void print_option(const CLI::Option& option)
{
    const std::string name = option.get_positional() ? option.get_name(true) : option.get_name(false, true);
    const bool takes_value = option.get_type_size() != 0;
    std::printf(".TP\n.B %s%s%s\n%s", troff(name).c_str(), takes_value ? " " : "",
                takes_value ? troff(option.get_type_name()).c_str() : "", troff(option.get_description()).c_str());
    if (!option.get_default_str().empty()) std::printf(" [%s]", troff(option.get_default_str()).c_str());
    if (option.get_required()) std::printf(" (needed)");
    std::printf("\n");
}

void print_manual(const CLI::App& app)
{
    std::printf(".TH AWQ 1 \"\" \"awq " AWQ_VERSION_STRING "\"\n.SH NAME\nawq \\- %s\n"
                ".SH SYNOPSIS\n.B awq\n.I COMMAND\n[\\fIOPTION\\fR]...\n.SH COMMANDS\n",
                troff(app.get_description()).c_str());
    for (const CLI::App* const command : app.get_subcommands(nullptr)) {
        if (command->get_group().empty()) continue;
        std::printf(".SS awq %s\n%s\n", troff(command->get_name()).c_str(), troff(command->get_description()).c_str());
        for (const CLI::Option* const option : command->get_options()) print_option(*option);
    }
    std::printf(".SH EXIT STATUS\n0: done. 1: failed, with one line on standard error that says what, where and what "
                "to do. 2: wrong usage.\n");
}

void print_completion(const CLI::App& app)
{
    std::string commands, cases;
    for (const CLI::App* const command : app.get_subcommands(nullptr)) {
        if (command->get_group().empty()) continue;
        commands += command->get_name() + ' ';
        cases += "        " + command->get_name() + ") flags=\"";
        for (const CLI::Option* const option : command->get_options())
            for (const std::string& flag : option->get_lnames()) cases += "--" + flag + ' ';
        cases += "\" ;;\n";
    }
    std::printf("# bash completion of awq; printed by the program itself\n"
                "_awq()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} flags=\n"
                "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                "        COMPREPLY=($(compgen -W \"%s--help --version\" -- \"$word\"))\n        return\n    fi\n"
                "    case ${COMP_WORDS[1]} in\n%s    esac\n"
                "    case $word in\n        -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
                "        *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n    esac\n}\n"
                "complete -o filenames -F _awq awq\n",
                commands.c_str(), cases.c_str());
}

} // namespace

void add_manual(CLI::App& app)
{
    // No group: not listed in the help, since only packages need them.
    app.add_subcommand("manual", "Print the manual page.")->group("")->callback([&app] { print_manual(app); });
    app.add_subcommand("completion", "Print the completion of bash.")->group("")->callback([&app] {
        print_completion(app);
    });
}
