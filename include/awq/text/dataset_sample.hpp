// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_DATASET_SAMPLE_HPP
#define AWQ_TEXT_DATASET_SAMPLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_copy.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/chat_sample.hpp>
#include <awq/text/tokenizer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// The fields that make a sample, for error texts.
inline constexpr std::string_view accepted_sample_fields =
    R"("text", "messages", "conversations" (from, value), "input_ids", "instruction" (input, )"
    R"(output) or "prompt" (completion))";

/// Whether an object is a sample, or was meant as one: it has one of these fields, if only null.
inline bool has_sample_field(const json::value& object)
{
    for (const char* name : {"input_ids", "text", "messages", "conversations", "instruction", "prompt"})
        if (object.find(name)) return true;
    return false;
}

/// Reads samples of JSON datasets as token ids.
class AWQ_ABI_TAG sample_reader {
public:
    using token_ids = std::vector<std::int32_t>;

    /// Both must outlive the reader. Without `chat`, messages are an error.
    sample_reader(const tokenizer& tokens, const chat_renderer& chat, bool add_special_tokens)
        : tokens_(tokens), chat_(chat), add_special_tokens_(add_special_tokens)
    {}

    /// The ids of one sample: an object with one of the accepted fields, a text, a list of ids or a
    /// list of messages. Empty where it is null or holds nothing. Errors name the place, once.
    result<token_ids> read(const json::value& sample)
    {
        auto ids = read_any(sample);
        if (ids || ids.error().text().starts_with(sample.where())) return ids;
        return ids.error().within(sample.where());
    }

private:
    result<token_ids> read_any(const json::value& sample)
    {
        if (sample.is_null()) return token_ids{};
        if (sample.is_string()) return read_text(sample);
        if (sample.is_array()) return read_list(sample);
        if (sample.is_object()) return read_object(sample);
        return sample.error(error_code::malformed_file,
                            "a sample must be a text, a list of ids, a list of messages or an "
                            "object with ",
                            accepted_sample_fields);
    }

    result<token_ids> read_object(const json::value& sample)
    {
        if (const auto ids = sample.find_non_null("input_ids")) return read_ids(*ids);
        if (const auto text = sample.find_non_null("text")) return read_text(*text);
        if (const auto messages = sample.find_non_null("messages")) return read_messages(*messages, sample);
        if (const auto turns = sample.find_non_null("conversations")) return read_turns(*turns, sample);
        if (sample.find_non_null("instruction")) return read_instruction(sample);
        if (sample.find_non_null("prompt")) return read_prompt(sample);
        if (has_sample_field(sample)) return token_ids{}; // null
        return sample.error(error_code::missing_field, "a sample needs one of ", accepted_sample_fields);
    }

    result<token_ids> read_list(const json::value& list)
    {
        const auto elements = list.elements();
        if (elements.empty()) return token_ids{};
        if ((*elements.begin()).is_object()) return read_turns(list, list);
        return read_ids(list);
    }

    result<token_ids> read_ids(const json::value& list) const
    {
        AWQ_TRY(const auto entries, list.as_array());
        token_ids ids;
        ids.reserve(entries.size());
        for (const json::value& each : entries) {
            AWQ_TRY(const std::int64_t id, each.as_integer());
            if (id < 0 || id >= tokens_.vocab_size())
                return each.error(error_code::malformed_file, "the id ", id, " is outside the vocabulary of ",
                                  tokens_.vocab_size());
            ids.push_back(static_cast<std::int32_t>(id));
        }
        return ids;
    }

    result<token_ids> read_text(const json::value& field)
    {
        AWQ_TRY(const std::string_view text, field.as_string());
        return encode(text, add_special_tokens_ && !text.empty());
    }

    result<token_ids> encode(std::string_view text, bool add_special_tokens)
    {
        return tokens_.encode(text, add_special_tokens, kept_);
    }

    result<token_ids> read_messages(const json::value& messages, const json::value& sample)
    {
        if (messages.is_array() && messages.elements().empty()) return token_ids{};
        if (!chat_)
            return messages.error(error_code::unsupported, "messages need the model's chat template, and it has none");
        chat_sample asked{messages, sample.find("tools"), sample.find("documents"), false};
        AWQ_TRY(const std::string text, chat_(asked));
        return encode(text, false); // the template writes special tokens itself
    }

    // Turns with "from" and "value" (ShareGPT) become messages; those with "role" are messages.
    result<token_ids> read_turns(const json::value& turns, const json::value& sample)
    {
        AWQ_TRY(const auto entries, turns.as_array());
        if (entries.empty()) return token_ids{};
        if ((*entries.begin()).find("role")) return read_messages(turns, sample);
        json::writer out;
        out.begin_array();
        for (const json::value& each : entries) AWQ_CHECK(write_turn(out, each));
        out.end_array();
        return read_written(std::move(out), sample);
    }

    static status write_turn(json::writer& out, const json::value& turn)
    {
        constexpr std::pair<std::string_view, std::string_view> roles[] = {
            {"human", "user"},        {"user", "user"},       {"gpt", "assistant"},    {"assistant", "assistant"},
            {"chatgpt", "assistant"}, {"model", "assistant"}, {"bing", "assistant"},   {"bard", "assistant"},
            {"system", "system"},     {"tool", "tool"},       {"observation", "tool"}, {"function_response", "tool"}};
        AWQ_TRY(const json::value from, turn.at("from"));
        AWQ_TRY(const std::string_view speaker, from.as_string());
        AWQ_TRY(const json::value said, turn.at("value"));
        std::string_view text;
        if (!said.is_null()) {
            AWQ_TRY(text, said.as_string());
        }
        for (const auto& [name, role] : roles)
            if (name == speaker) {
                out.begin_object().field("role", role).field("content", text).end_object();
                return {};
            }
        return from.error(error_code::unsupported, "the speaker \"", printable(speaker, 40),
                          "\" is not known; human, gpt, system and tool are");
    }

    static result<std::string_view> text_or_empty(const json::value& sample, const char* name)
    {
        const auto found = sample.find_non_null(name);
        return found ? found->as_string() : result<std::string_view>{std::string_view{}};
    }

    // Alpaca: the instruction and its input are what the user says.
    result<token_ids> read_instruction(const json::value& sample)
    {
        AWQ_TRY(const std::string_view instruction, text_or_empty(sample, "instruction"));
        AWQ_TRY(const std::string_view input, text_or_empty(sample, "input"));
        AWQ_TRY(const std::string_view output, text_or_empty(sample, "output"));
        std::string asked{instruction};
        if (!input.empty()) asked.append(asked.empty() ? "" : "\n\n").append(input);
        if (asked.empty() && output.empty()) return token_ids{};
        json::writer out;
        out.begin_array();
        out.begin_object().field("role", "user").field("content", asked).end_object();
        if (!output.empty()) out.begin_object().field("role", "assistant").field("content", output).end_object();
        out.end_array();
        return read_written(std::move(out), sample);
    }

    // Two texts are one text; two lists of messages are one conversation.
    result<token_ids> read_prompt(const json::value& sample)
    {
        const auto prompt = sample.find_non_null("prompt");
        const auto completion = sample.find_non_null("completion");
        if (prompt->is_string()) {
            AWQ_TRY(const std::string_view end, text_or_empty(sample, "completion"));
            const std::string text = std::string{*prompt->as_string()}.append(end);
            return encode(text, add_special_tokens_ && !text.empty());
        }
        json::writer out;
        out.begin_array();
        for (const auto& part : {prompt, completion}) {
            if (!part) continue;
            AWQ_TRY(const auto messages, part->as_array());
            for (const json::value& each : messages) json::write(out, each);
        }
        out.end_array();
        return read_written(std::move(out), sample);
    }

    result<token_ids> read_written(json::writer out, const json::value& sample)
    {
        AWQ_TRY(const json::document made, json::document::parse(std::move(out).take(), sample.where()));
        return read_messages(made.root(), sample);
    }

    const tokenizer& tokens_;
    const chat_renderer& chat_;
    bool add_special_tokens_;
    tokenizer::memory kept_;
};

} // namespace awq

#endif
