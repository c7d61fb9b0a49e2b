// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/run/calls.hpp>
#include <awq/text/tokenizer.hpp>

namespace {

struct generate_arguments {
    std::string model, prompt;
    std::size_t max_new_tokens = 64, threads = 0;
};

awq::status run(const generate_arguments& arguments)
{
    AWQ_TRY(const auto source, awq::open_model(arguments.model));
    AWQ_TRY(const auto tokens, awq::open_tokenizer(arguments.model));
    for (const awq::notice& note : source->notices()) print_notice(note);
    AWQ_TRY(const auto prompt, tokens.encode(arguments.prompt, true));
    const auto made = awq::generate(*source, prompt, arguments.max_new_tokens, {});
    if (!made) return made.error().within(arguments.model);
    const auto text = tokens.decode(*made, true);
    if (!text) return text.error().within(arguments.model);
    std::printf("%s%s\n", arguments.prompt.c_str(), text->c_str());
    return {};
}

} // namespace

void add_generate(CLI::App& app, int& exit_code)
{
    auto arguments = std::make_shared<generate_arguments>();
    CLI::App* const command = app.add_subcommand("generate", "Continue a text, greedily.");
    command->add_option("--model", arguments->model, "Model directory or GGUF file")->required();
    command->add_option("--prompt", arguments->prompt, "Text to continue")->required();
    command->add_option("--max-new-tokens", arguments->max_new_tokens, "Tokens to add")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command->add_option("--threads", arguments->threads, "Threads; 0: all")->check(CLI::Range(0, 4096));
    command->callback([arguments, &exit_code] {
        const thread_limit limit{arguments->threads};
        const awq::status done = run(*arguments);
        exit_code = done ? exit_done : fail(done.error());
    });
}
