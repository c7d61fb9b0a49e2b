// SPDX-License-Identifier: MIT
// A tokenizer.json, and a text that it turns into ids and back.
#include "input.hpp"

#include <awq/text/tokenizer.hpp>

namespace {

void use(const awq::tokenizer& tokens, std::string_view text)
{
    const auto ids = tokens.encode(text, true);
    if (!fuzz::succeeded(ids)) return;
    for (const std::int32_t id : *ids)
        fuzz::require(id >= 0 && id < tokens.vocab_size(), "an id outside of the vocabulary");
    fuzz::succeeded(tokens.decode(*ids, false));
    fuzz::succeeded(tokens.decode(*ids, true));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [file, text] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    const auto tokens = awq::tokenizer::from_json(file, "x");
    if (!fuzz::succeeded(tokens)) return 0;
    use(*tokens, text);
    use(*tokens, fuzz::plain_text);
    return 0;
}
