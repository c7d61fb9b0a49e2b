// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_CHAT_TEMPLATE_HPP
#define AWQ_TEXT_CHAT_TEMPLATE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/result.hpp>
#include <awq/text/chat_sample.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/from_json.hpp>
#include <awq/text/jinja/interpreter.hpp>
#include <awq/text/jinja/lexer.hpp>
#include <awq/text/jinja/template_parser.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/template_files.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A model's chat template: writes messages as the text that the model was trained to see. Reads
/// the part of Jinja that such templates use: for, if, set, macro, break and continue, the usual
/// filters and tests, `namespace`, `range`, `raise_exception` and `strftime_now`; with trim_blocks
/// and lstrip_blocks, as Hugging Face renders them. A hostile template ends in an error: see
/// `jinja::budget`.
class chat_template {
public:
    /// Reads a template. Errors (`where` and the line first): `malformed_file`; `unsupported` for
    /// other statements.
    static result<chat_template> parse(std::string_view source, std::string_view where)
    {
        if (source.size() > template_size_limit)
            return error{error_code::malformed_file,
                         where,
                         ": a template of ",
                         source.size(),
                         " bytes is too long; at most ",
                         template_size_limit,
                         " are read"};
        AWQ_CHECK(unicode::check_utf8(source, where));
        return catch_out_of_memory(where, give_more_memory, [&]() -> result<chat_template> {
            chat_template made;
            made.where_ = where;
            auto tokens = jinja::lexer{source}.tokens();
            if (!tokens) return tokens.error().within(where);
            auto program = jinja::template_parser{*std::move(tokens)}.parse();
            if (!program) return program.error().within(where);
            made.program_ = std::make_shared<const std::vector<jinja::statement>>(*std::move(program));
            return made;
        });
    }

    /// The template of a model directory for samples without tools. Errors: as `chat_templates`.
    static result<chat_template> load(const std::string& directory)
    {
        return catch_out_of_memory(directory, give_more_memory, [&]() -> result<chat_template> {
            AWQ_TRY(const template_files files, template_files::load(directory));
            AWQ_TRY(const named_template chosen, files.choose(false));
            return of(files, chosen);
        });
    }

    /// One of a model's templates, with the special tokens that it may print.
    static result<chat_template> of(const template_files& files, const named_template& chosen)
    {
        AWQ_TRY(chat_template made, parse(chosen.source, chosen.where));
        for (const auto& [name, text] : files.special_tokens()) made.set(name, text);
        return made;
    }

    /// A variable of the template, such as "bos_token".
    void set(std::string_view name, std::string text) { variables_.set(name, jinja::value::text(std::move(text))); }

    /// The text of a conversation. Special tokens are in the text, so it is tokenized without adding
    /// more. Errors: those of the template, with its line; also where it refuses the messages.
    result<std::string> render(const chat_sample& sample) const
    {
        return catch_out_of_memory(where_, give_more_memory, [&] { return render_all(sample); });
    }
    result<std::string> render(const json::value& messages, bool add_generation_prompt = false) const
    {
        return render({messages, {}, {}, add_generation_prompt});
    }

private:
    result<std::string> render_all(const chat_sample& sample) const
    {
        jinja::budget work;
        jinja::mapping globals = variables_;
        AWQ_TRY(jinja::value messages, messages_of(sample.messages, work));
        globals.set("messages", std::move(messages));
        AWQ_CHECK(add_list(globals, "tools", sample.tools, work));
        AWQ_CHECK(add_list(globals, "documents", sample.documents, work));
        globals.set("add_generation_prompt", jinja::value{sample.add_generation_prompt});
        auto text = jinja::interpreter{std::move(globals), work}.run(*program_);
        if (!text) return text.error().within(where_);
        return text;
    }

    // transformers hands over None where there is nothing.
    static status add_list(jinja::mapping& globals, std::string_view name, const std::optional<json::value>& from,
                           jinja::budget& work)
    {
        jinja::value content{jinja::value::none{}};
        if (from && !from->is_null()) {
            if (!from->is_array()) return from->error(error_code::malformed_file, "expected an array");
            AWQ_TRY(content, jinja::from_json(*from, work));
        }
        globals.set(name, std::move(content));
        return {};
    }

    static result<jinja::value> messages_of(const json::value& messages, jinja::budget& work)
    {
        if (!messages.is_array()) return messages.error(error_code::malformed_file, "messages must be an array");
        jinja::value::list all;
        AWQ_CHECK(work.room_for_list(messages.elements().size()));
        for (const json::value& each : messages.elements()) {
            if (!each.is_object())
                return each.error(error_code::malformed_file, "a message must be an object with "
                                                              "\"role\" and \"content\"");
            AWQ_TRY(jinja::value message, message_of(each, work));
            all.push_back(std::move(message));
        }
        return work.list(std::move(all));
    }

    // As transformers prepares a message: without members that are null, and with what the model
    // thought under each of the names that templates read.
    static result<jinja::value> message_of(const json::value& from, jinja::budget& work)
    {
        std::optional<json::value> thought;
        for (const char* name : {"reasoning", "thinking", "reasoning_content"})
            if (const auto found = from.find_non_null(name)) thought = found;
        auto message = std::make_shared<jinja::mapping>();
        const auto add = [&](std::string_view name, const json::value& what) -> status {
            AWQ_TRY(jinja::value content, jinja::from_json(what, work));
            return work.set(*message, jinja::value::text(std::string{name}), std::move(content));
        };
        if (thought) AWQ_CHECK(add("thinking", *thought));
        for (const json::member& each : from.members())
            if (!each.value.is_null()) AWQ_CHECK(add(each.key, each.value));
        if (thought) AWQ_CHECK(add("reasoning_content", *thought));
        return jinja::value{std::move(message)};
    }

    std::string where_;
    std::shared_ptr<const std::vector<jinja::statement>> program_;
    jinja::mapping variables_;
};

/// The chat templates of a model directory, each read when a sample first needs it: one for samples
/// with tools, one for the others, as transformers chooses them. A dataset without messages needs
/// none. Errors: those of the files and of the templates; `missing_field` if there is no template.
class AWQ_ABI_TAG chat_templates {
public:
    explicit chat_templates(const std::string& directory) : files_(template_files::load(directory)) {}

    result<std::string> render(const chat_sample& sample)
    {
        const bool has_tools = sample.tools && !sample.tools->is_null();
        auto& made = has_tools ? with_tools_ : without_;
        if (!made) made = read(has_tools);
        if (!*made) return made->error();
        return (**made)->render(sample);
    }

    /// As a function, for `sample_options::chat`.
    static chat_renderer renderer_of(const std::string& directory);

private:
    using one = result<std::shared_ptr<const chat_template>>;

    one read(bool has_tools) const
    {
        if (!files_) return files_.error();
        AWQ_TRY(const named_template chosen, files_->choose(has_tools));
        AWQ_TRY(chat_template made, chat_template::of(*files_, chosen));
        return std::make_shared<const chat_template>(std::move(made));
    }

    result<template_files> files_;
    std::optional<one> with_tools_, without_;
};

#if AWQ_COMPILES_FILES
AWQ_COMPILED chat_renderer chat_templates::renderer_of(const std::string& directory)
{
    auto templates = std::make_shared<chat_templates>(directory);
    return [templates](const chat_sample& sample) { return templates->render(sample); };
}
#endif

} // namespace awq

#endif
