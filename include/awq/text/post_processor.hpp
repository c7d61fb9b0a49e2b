// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_POST_PROCESSOR_HPP
#define AWQ_TEXT_POST_PROCESSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/vocabulary.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Adds special tokens around the ids of a text. Built from the "post_processor" of a
/// tokenizer.json.
class post_processor {
public:
    /// Adds nothing.
    post_processor() = default;

    /// Reads a component, a Sequence of them, or null. Every id must be below `vocabulary_size`.
    /// Errors: `unsupported` for an unknown type and for a template that does not hold the text
    /// exactly once.
    static result<post_processor> from_json(const json::value& component, std::int64_t vocabulary_size)
    {
        post_processor built;
        AWQ_CHECK(
            detail::for_each_component(component, "processors", [&](const json::value& part, const std::string& type) {
                return built.add(part, type, vocabulary_size);
            }));
        return built;
    }

    /// The ids that come before and after those of a text.
    const std::vector<std::int32_t>& prefix() const noexcept { return prefix_; }
    const std::vector<std::int32_t>& suffix() const noexcept { return suffix_; }

private:
    status add(const json::value& part, const std::string& type, std::int64_t size)
    {
        if (type == "ByteLevel") return {}; // moves offsets only
        if (type == "TemplateProcessing") return add_template(part, size);
        if (type == "RobertaProcessing" || type == "BertProcessing") return add_wrap(part, size);
        return detail::unsupported_type(part, "post_processor", type);
    }

    // A later processor wraps what the earlier ones give.
    void wrap(std::vector<std::int32_t> before, const std::vector<std::int32_t>& after)
    {
        before.insert(before.end(), prefix_.begin(), prefix_.end());
        prefix_ = std::move(before);
        suffix_.insert(suffix_.end(), after.begin(), after.end());
    }

    static result<std::int32_t> read_id(const json::value& from, std::int64_t size)
    {
        AWQ_TRY(const std::int64_t id, from.as_integer());
        if (id < 0 || id >= size)
            return from.error(error_code::malformed_file, "the id ", id, " is outside the vocabulary of ", size);
        return static_cast<std::int32_t>(id);
    }

    status add_wrap(const json::value& part, std::int64_t size) // "cls": ["<s>", 0]
    {
        std::vector<std::int32_t> ids;
        for (const char* key : {"cls", "sep"}) {
            AWQ_TRY(const json::value pair, part.at(key));
            AWQ_TRY(const auto entries, pair.as_array());
            if (entries.size() != 2) return pair.error(error_code::malformed_file, "expected [token, id]");
            AWQ_TRY(const std::int32_t id, read_id(*++entries.begin(), size));
            ids.push_back(id);
        }
        wrap({ids[0]}, {ids[1]});
        return {};
    }

    status add_template(const json::value& part, std::int64_t size)
    {
        AWQ_TRY(const json::value single, part.at("single"));
        AWQ_TRY(const auto pieces, single.as_array());
        std::vector<std::int32_t> before, after;
        std::size_t texts = 0;
        for (const json::value& piece : pieces) {
            if (piece.find("Sequence")) {
                ++texts;
                continue;
            }
            AWQ_TRY(const json::value special, piece.at("SpecialToken"));
            AWQ_TRY(const std::string name, detail::string_field(special, "id"));
            AWQ_CHECK(append_special(part, name, size, texts == 0 ? before : after));
        }
        if (texts != 1)
            return single.error(error_code::unsupported, "the template holds the text ", texts,
                                " times; once is supported");
        wrap(std::move(before), after);
        return {};
    }

    static status append_special(const json::value& part, const std::string& name, std::int64_t size,
                                 std::vector<std::int32_t>& to)
    {
        AWQ_TRY(const json::value all, part.at("special_tokens"));
        AWQ_TRY(const json::value token, all.at(name));
        AWQ_TRY(const json::value list, token.at("ids"));
        AWQ_TRY(const auto ids, list.as_array());
        for (const json::value& each : ids) {
            AWQ_TRY(const std::int32_t id, read_id(each, size));
            to.push_back(id);
        }
        return {};
    }

    std::vector<std::int32_t> prefix_, suffix_;
};

} // namespace awq

#endif
