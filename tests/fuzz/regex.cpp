// SPDX-License-Identifier: MIT
// A pattern and a text: matches and gaps cover the text, in order.
#include "input.hpp"

#include <awq/text/regex.hpp>
#include <awq/text/unicode.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [pattern, text] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    if (!awq::unicode::check_utf8(pattern, "x") || !awq::unicode::check_utf8(text, "x")) return 0;
    const auto compiled = awq::regex::compile(pattern, "x");
    if (!fuzz::succeeded(compiled)) return 0;
    awq::regex::scratch memory;
    std::size_t covered = 0;
    const auto see = [&](awq::text_range found, bool) -> awq::status {
        fuzz::require(found.begin == covered && found.end >= found.begin, "ranges not in order");
        covered = found.end;
        return {};
    };
    if (fuzz::succeeded(awq::for_each_match(*compiled, text, memory, see)))
        fuzz::require(covered == text.size(), "a text that is not covered");
    return 0;
}
