// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_FUZZ_INPUT_HPP
#define AWQ_TESTS_FUZZ_INPUT_HPP

#include "io/scratch.hpp"

#include <awq/support/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

/// What every fuzz target sees. A target returns 0 and breaks, by `fuzz::require` or a sanitizer, where a
/// reader does what it must not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// An array is not read whole where it is larger: the readers' speed is not in question.
inline constexpr std::size_t enough = std::size_t{1} << 20;

inline std::string_view text_of(const std::uint8_t* data, std::size_t size)
{
    return {reinterpret_cast<const char*>(data), size};
}

/// Cuts an input of several files at lines of four equal signs; what is missing is empty.
template <std::size_t Count>
std::array<std::string_view, Count> parts_of(std::string_view text)
{
    constexpr std::string_view cut = "\n====\n";
    std::array<std::string_view, Count> parts{};
    for (std::size_t i = 0; i < Count; ++i) {
        const std::size_t end = i + 1 < Count ? text.find(cut) : text.npos;
        parts[i] = text.substr(0, end);
        text = end == text.npos ? std::string_view{} : text.substr(end + cut.size());
    }
    return parts;
}

inline void require(bool condition, const char* what)
{
    if (condition) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

/// Errors are printed as well: to see how far an input comes.
inline bool shows_errors = false;

/// Every error is a line that a terminal can show.
inline void check(const awq::error& cause)
{
    if (shows_errors) std::fprintf(stderr, "%.*s\n", static_cast<int>(cause.text().size()), cause.text().data());
    require(cause.code() != awq::error_code::none, "an error without a code");
    require(!cause.text().empty(), "an error without a text");
    require(std::none_of(cause.text().begin(), cause.text().end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
            "an error of several lines, or with control characters");
}

/// The result's value was used elsewhere; its error is looked at here.
template <class Result>
bool succeeded(const Result& result)
{
    if (!result) check(result.error());
    return bool{result};
}

/// For readers that open files by name: a directory that lives as long as the program.
inline const test::scratch& folder()
{
    static const test::scratch here;
    return here;
}

/// Some text with what tokenizers treat differently: letters, digits, marks, spaces, special tokens.
inline constexpr std::string_view plain_text = "Hello w\xC3\xB6rld, it's 1234 <s>\n  \xF0\x9F\x98\x80 x";

} // namespace fuzz

#endif
