// SPDX-License-Identifier: MIT
// The decoder of a tokenizer.json, and the tokens that it joins, one a line.
#include "input.hpp"

#include <awq/io/json_reader.hpp>
#include <awq/text/token_decoder.hpp>

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [file, lines] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    const auto document = awq::json::document::parse(file, "x");
    if (!fuzz::succeeded(document)) return 0;
    const auto decoder = awq::token_decoder::from_json(document->root());
    if (!fuzz::succeeded(decoder)) return 0;
    std::vector<std::string> tokens;
    for (std::string_view rest = lines; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (awq::unicode::check_utf8(line, "x")) tokens.emplace_back(line);
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    fuzz::succeeded(decoder->decode(std::move(tokens)));
    return 0;
}
