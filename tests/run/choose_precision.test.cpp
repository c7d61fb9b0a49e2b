// SPDX-License-Identifier: MIT
#include <awq/run/choose_precision.hpp>

#include "catch.hpp"

#include <optional>

namespace {

struct reproducible_for_now {
    reproducible_for_now() { awq::reproducible_products = true; }
    ~reproducible_for_now() { awq::reproducible_products = false; }
};

std::size_t notes_of(std::optional<awq::precision> wanted)
{
    awq::run_settings options;
    options.operands = wanted;
    awq::notice_list notes;
    CHECK(awq::choose_precision(options, awq::dtype::bf16, notes) ==
          wanted.value_or(awq::detail::has_amx() ? awq::precision::mixed : awq::precision::float32));
    return notes.size();
}

} // namespace

TEST_CASE("a precision that is asked for is taken, and told of where the processor has no use for it")
{
    CHECK(notes_of(awq::precision::float32) == 0);
    CHECK(notes_of(awq::precision::mixed) == (awq::detail::has_amx() ? 0 : 1));
}

TEST_CASE("the automatic precision is mixed only where stored weights are exact in it and it is faster")
{
    awq::run_settings options;
    options.operands = std::nullopt;
    awq::notice_list notes;
    const auto fast = awq::detail::has_amx() ? awq::precision::mixed : awq::precision::float32;
    CHECK(awq::choose_precision(options, awq::dtype::bf16, notes) == fast);
    CHECK(awq::choose_precision(options, awq::dtype::f16, notes) == awq::precision::float32);
    CHECK(awq::choose_precision(options, awq::dtype::f32, notes) == awq::precision::float32);
    const reproducible_for_now reproducible;
    CHECK(awq::choose_precision(options, awq::dtype::bf16, notes) == awq::precision::float32);
    CHECK(notes.empty());
}

TEST_CASE("the text is kept in what mixed products take of it where a run only smooths, unless a type is asked for")
{
    awq::run_settings options;
    for (const bool smoothing_only : {false, true})
        for (const awq::precision operands : {awq::precision::float32, awq::precision::mixed}) {
            options.smoothing_only = smoothing_only;
            options.operands = operands;
            options.hidden_states = std::nullopt;
            const bool is_half = smoothing_only && operands == awq::precision::mixed && awq::detail::has_amx();
            CHECK(awq::choose_hidden_states(options) == (is_half ? awq::dtype::bf16 : awq::dtype::f32));
            for (const awq::dtype wanted : {awq::dtype::f32, awq::dtype::bf16}) {
                options.hidden_states = wanted;
                CHECK(awq::choose_hidden_states(options) == wanted);
            }
        }
}
