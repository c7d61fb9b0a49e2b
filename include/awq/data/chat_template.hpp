// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_CHAT_TEMPLATE_HPP
#define AWQ_DATA_CHAT_TEMPLATE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/interpreter.hpp>
#include <awq/data/jinja/lexer.hpp>
#include <awq/data/jinja/template_parser.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/result.hpp>

#include <functional>
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
/// and lstrip_blocks, as Hugging Face renders them.
class chat_template {
  public:
    /// Reads a template. Errors (`where` and the line first): `malformed_file`; `unsupported` for
    /// other statements.
    static result<chat_template> parse(std::string_view source, std::string_view where)
    {
        if (source.size() > (std::size_t{1} << 20))
            return error{error_code::malformed_file, where, ": a template of ", source.size(),
                         " bytes is too long"};
        AWQ_CHECK(unicode::check_utf8(source, where));
        chat_template made;
        made.where_ = where;
        auto tokens = jinja::lexer{source}.tokens();
        if (!tokens) return tokens.error().within(where);
        auto program = jinja::template_parser{*std::move(tokens)}.parse();
        if (!program) return program.error().within(where);
        made.program_ = std::make_shared<const std::vector<jinja::statement>>(*std::move(program));
        return made;
    }

    /// The template of a model directory: chat_template.jinja, else "chat_template" of
    /// tokenizer_config.json, whose bos_token and eos_token the template sees. Errors:
    /// `missing_field` if the model has no template.
    static result<chat_template> load(const std::string& directory)
    {
        AWQ_TRY(const std::string config_path, model_file(directory, "tokenizer_config.json"));
        AWQ_TRY(const std::string source_path, model_file(directory, "chat_template.jinja"));
        auto config = json::load(config_path);
        auto source = read_file(source_path, std::uint64_t{1} << 20);
        if (!config && config.error().code() != error_code::file_not_found) return config.error();
        if (!source && source.error().code() != error_code::file_not_found) return source.error();
        if (!source && !config) return config.error();
        std::string text = source ? *std::move(source) : std::string{};
        if (!source) {
            AWQ_TRY(text, template_of(config->root()));
        }
        AWQ_TRY(chat_template made, parse(text, source ? source_path : config_path));
        if (config) made.read_tokens(config->root());
        return made;
    }

    /// A variable of the template, such as "bos_token".
    void set(std::string_view name, std::string text)
    {
        jinja::set(variables_, name, jinja::value::text(std::move(text)));
    }

    /// The text of some messages: a JSON array of objects with "role" and "content".
    /// `add_generation_prompt`: and the beginning of an answer. Special tokens are in the text, so
    /// it is tokenized without adding more. Errors: those of the template, with its line;
    /// `invalid_argument` if the template itself refuses the messages.
    result<std::string> render(const json::value& messages,
                               bool add_generation_prompt = false) const
    {
        if (!messages.is_array())
            return messages.error(error_code::malformed_file, "messages must be an array");
        jinja::value::dict globals = variables_;
        jinja::set(globals, "messages", jinja::from_json(messages));
        jinja::set(globals, "add_generation_prompt", jinja::value{add_generation_prompt});
        auto text = jinja::interpreter{std::move(globals)}.run(*program_);
        if (!text) return text.error().within(where_);
        return text;
    }

    /// The template as a function, for `sample_options::chat`; it may outlive this object.
    std::function<result<std::string>(const json::value&)> renderer() const
    {
        return [copy = *this](const json::value& messages) { return copy.render(messages); };
    }

    /// The same for a model directory, read now. If its template is missing or broken, that is the
    /// error of the first
    /// use: a dataset without messages needs no template.
    static std::function<result<std::string>(const json::value&)>
    renderer_of(const std::string& directory)
    {
        const auto loaded = load(directory);
        if (loaded) return loaded->renderer();
        return [cause = loaded.error()](const json::value&) { return result<std::string>{cause}; };
    }

  private:
    // A string, or a list of {"name", "template"} of which "default" counts.
    static result<std::string> template_of(const json::value& config)
    {
        AWQ_TRY(const json::value found, config.at("chat_template"));
        for (const json::value& each : found.elements()) {
            const auto name = each.find("name");
            if (!name || !name->is_string() || *name->as_string() != "default") continue;
            AWQ_TRY(const json::value source, each.at("template"));
            AWQ_TRY(const std::string_view text, source.as_string());
            return std::string{text};
        }
        AWQ_TRY(const std::string_view text, found.as_string());
        return std::string{text};
    }

    void read_tokens(const json::value& config)
    {
        for (const char* name : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
            auto token = config.find_non_null(name);
            if (token && token->is_object()) token = token->find("content");
            if (token && token->is_string()) set(name, std::string{*token->as_string()});
        }
    }

    std::string where_;
    std::shared_ptr<const std::vector<jinja::statement>> program_;
    jinja::value::dict variables_;
};

} // namespace awq

#endif
