// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_TOKENIZER_HPP
#define AWQ_CHECKPOINT_GGUF_TOKENIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/pre_tokenizer.hpp>
#include <awq/io/gguf/tokenizer_facts.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/text/tokenizer.hpp>
#include <awq/text/unicode.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

/// A GGUF file's tokenizer, spelled out as the tokenizer.json that it stands for.
namespace awq {

namespace detail {

/// Writes the tokenizer.json of one set of facts.
class tokenizer_spelling {
public:
    tokenizer_spelling(const gguf::tokenizer_facts& facts, const gguf::pre_tokenizer_family* family)
        : facts_(facts), family_(family)
    {
        for (std::size_t id = 0; id < facts.tokens.size(); ++id)
            if (is_in_model(id)) ids_.emplace(facts.tokens[id], id);
    }

    std::string text() &&
    {
        out_.begin_object();
        write_added();
        if (family_)
            write_byte_level();
        else
            write_sentencepiece();
        write_template();
        write_model();
        out_.end_object();
        return std::move(out_).take();
    }

private:
    bool is_in_model(std::size_t id) const
    {
        using enum gguf::token_type;
        const gguf::token_type what = facts_.types[id];
        return !facts_.tokens[id].empty() && what != unused && what != control && what != user_defined;
    }

    void write_added()
    {
        out_.key("added_tokens").begin_array();
        for (std::size_t id = 0; id < facts_.tokens.size(); ++id) {
            const bool special = facts_.types[id] == gguf::token_type::control;
            const bool added = special || facts_.types[id] == gguf::token_type::user_defined;
            if (!added || facts_.tokens[id].empty()) continue;
            out_.begin_object().field("id", id).field("content", facts_.tokens[id]);
            out_.field("special", special).field("normalized", false).end_object();
        }
        out_.end_array();
    }

    void write_byte_level()
    {
        using kind = gguf::pre_tokenizer_step::kind;
        out_.key("pre_tokenizer").begin_object().field("type", "Sequence");
        out_.key("pretokenizers").begin_array();
        for (const gguf::pre_tokenizer_step& step : gguf::steps_of(*family_)) {
            out_.begin_object();
            if (step.what == kind::split) {
                out_.field("type", "Split").field("behavior", "Isolated").field("invert", false);
                out_.key("pattern").begin_object().field("Regex", step.pattern).end_object();
            } else if (step.what == kind::individual_digits) {
                out_.field("type", "Digits").field("individual_digits", true);
            } else {
                out_.field("type", "ByteLevel").field("add_prefix_space", false);
                out_.field("use_regex", step.what == kind::byte_level_words);
            }
            out_.end_object();
        }
        out_.end_array().end_object();
        out_.key("decoder").begin_object().field("type", "ByteLevel").end_object();
    }

    void begin_replace(const char* from, const char* to)
    {
        out_.begin_object().field("type", "Replace").field("content", to);
        out_.key("pattern").begin_object().field("String", from).end_object().end_object();
    }

    void write_sentencepiece()
    {
        constexpr const char* space = "\xE2\x96\x81";
        const bool prefix = facts_.add_space_prefix.value_or(true);
        out_.key("normalizer").begin_object().field("type", "Sequence");
        out_.key("normalizers").begin_array();
        if (prefix) out_.begin_object().field("type", "Prepend").field("prepend", space).end_object();
        begin_replace(" ", space);
        out_.end_array().end_object();
        out_.key("decoder").begin_object().field("type", "Sequence").key("decoders").begin_array();
        begin_replace(space, " ");
        out_.begin_object().field("type", "ByteFallback").end_object();
        out_.begin_object().field("type", "Fuse").end_object();
        if (prefix) {
            out_.begin_object().field("type", "Strip").field("content", " ");
            out_.field("start", 1).field("stop", 0).end_object();
        }
        out_.end_array().end_object();
    }

    /// llama.cpp's defaults hold where the file says nothing.
    void write_template()
    {
        const bool begins = family_ ? family_->adds_bos : true;
        const bool bos = facts_.add_bos.value_or(begins) && facts_.ids.bos;
        const bool eos = facts_.add_eos.value_or(false) && facts_.ids.eos;
        if (!bos && !eos) return;
        out_.key("post_processor").begin_object().field("type", "TemplateProcessing");
        out_.key("single").begin_array();
        if (bos) write_piece("SpecialToken", "bos");
        write_piece("Sequence", "A");
        if (eos) write_piece("SpecialToken", "eos");
        out_.end_array().key("special_tokens").begin_object();
        if (bos) write_special("bos", *facts_.ids.bos);
        if (eos) write_special("eos", *facts_.ids.eos);
        out_.end_object().end_object();
    }
    void write_piece(const char* kind, const char* name)
    {
        out_.begin_object().key(kind).begin_object().field("id", name).field("type_id", 0);
        out_.end_object().end_object();
    }
    void write_special(const char* name, std::uint32_t id)
    {
        out_.key(name).begin_object().field("id", name);
        out_.key("ids").begin_array().value(id).end_array().end_object();
    }

    void write_model()
    {
        out_.key("model").begin_object().field("type", "BPE");
        out_.field("byte_fallback", family_ == nullptr).field("fuse_unk", family_ == nullptr);
        out_.field("ignore_merges", family_ && family_->ignore_merges);
        const auto unknown = facts_.ids.unknown;
        if (!family_ && unknown && is_in_model(*unknown)) out_.field("unk_token", facts_.tokens[*unknown]);
        out_.key("vocab").begin_object();
        for (std::size_t id = 0; id < facts_.tokens.size(); ++id)
            if (is_in_model(id)) out_.field(facts_.tokens[id], id);
        out_.end_object().key("merges").begin_array();
        if (family_)
            write_merges();
        else
            write_merges_of_scores();
        out_.end_array().end_object();
    }

    bool knows(const std::string& token) const { return ids_.contains(token); }

    void write_merge(std::string_view left, std::string_view right)
    {
        out_.begin_array().value(left).value(right).end_array();
    }

    /// Merges of parts that are no tokens can never happen and are left out.
    void write_merges()
    {
        for (const std::string& merge : facts_.merges) {
            const std::size_t space = merge.find(' ', 1);
            if (space == std::string::npos) continue;
            const std::string left = merge.substr(0, space), right = merge.substr(space + 1);
            if (knows(left) && knows(right) && knows(left + right)) write_merge(left, right);
        }
    }

    /// SentencePiece merges the two neighbours whose token has the highest score.
    void write_merges_of_scores()
    {
        std::vector<std::size_t> order;
        for (std::size_t id = 0; id < facts_.tokens.size(); ++id)
            if (facts_.types[id] == gguf::token_type::normal) order.push_back(id);
        const auto score = [&](std::size_t id) { return facts_.scores[id]; };
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score(a) > score(b); });
        constexpr std::size_t longest = 512; // bytes; keeps a hostile file's work linear
        for (const std::size_t id : order) {
            const std::string& token = facts_.tokens[id];
            for (std::size_t at = 1; at < token.size() && token.size() <= longest; ++at) {
                if ((static_cast<unsigned char>(token[at]) & 0xC0) == 0x80) continue;
                const std::string left = token.substr(0, at), right = token.substr(at);
                if (knows(left) && knows(right)) write_merge(left, right);
            }
        }
    }

    const gguf::tokenizer_facts& facts_;
    const gguf::pre_tokenizer_family* family_; ///< null: SentencePiece style
    std::unordered_map<std::string_view, std::size_t> ids_;
    json::writer out_;
};

} // namespace detail

/// The tokenizer that a GGUF file describes. Text is not normalized, as llama.cpp does not do it
/// either. Errors: `unsupported` for another kind than byte-level BPE ("gpt2") and SentencePiece
/// style ("llama"), or a pre-tokenizer that is not known here.
inline result<tokenizer> tokenizer_of(const gguf::tokenizer_facts& facts, std::string_view where)
{
    const bool bytes = facts.model == "gpt2";
    if (!bytes && facts.model != "llama")
        return error{error_code::unsupported, where, ": its tokenizer is a \"", printable(facts.model),
                     "\"; \"gpt2\" and \"llama\" can be read"};
    const auto* const family = bytes ? gguf::find_pre_tokenizer(facts.pre) : nullptr;
    if (bytes && !family)
        return error{error_code::unsupported, where, ": its pre-tokenizer \"", printable(facts.pre),
                     "\" is not known here; give the text as token ids"};
    if (!bytes && facts.scores.empty())
        return error{error_code::missing_field, where, ": has no tokenizer.ggml.scores"};
    const std::string text = detail::tokenizer_spelling{facts, family}.text();
    return tokenizer::from_json(text, std::string{where} + ": tokenizer");
}

} // namespace awq

#endif
