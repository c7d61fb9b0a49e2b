// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/modifier.hpp>

#include <type_traits>

namespace {

template <class A, class B>
constexpr bool same = std::is_same_v<A, B>;

struct my_execution {
    using policy_axis = awq::axis::execution;
    static constexpr std::string_view name = "mine";
    template <class Task>
    void for_each(std::size_t count, Task&& task) const
    {
        for (std::size_t i = count; i > 0; --i) task(i - 1);
    }
};

using namespace awq;

// Any order names one type, and every axis has a default.
static_assert(same<modifier<smoothing_only<>, group_size<64>, span_backend, serial_execution>,
                   modifier<serial_execution, span_backend, group_size<64>, smoothing_only<>>>);
static_assert(same<modifier<>, modifier<smooth_and_quantize<w4a16_asym>, group_size<128>>>);
static_assert(same<modifier<>, basic_modifier<smooth_and_quantize<>, group_size<128>, span_backend, serial_execution>>);
static_assert(same<smoothing_only<>, smoothing_only<w4a16_asym>>);
static_assert(same<modifier<my_execution>::execution_type, my_execution>);
static_assert(same<modifier<smoothing_only<w3a16>>::quantizer_type, scheme_quantizer<w3a16, group_size<128>>>);
static_assert(modifier<>::mode::quantizes);
static_assert(!modifier<smoothing_only<>>::mode::quantizes);

} // namespace

TEST_CASE("policies reach the quantizer that the search simulates")
{
    const auto of = [](auto how) { return how.target(); };
    CHECK(of(modifier<>{}).format == scheme{4, false});
    CHECK(of(modifier<>{}).group.columns() == 128);
    CHECK(of(modifier<smoothing_only<w3a16>, per_channel>{}).group.columns() == 0);
    CHECK(of(modifier<smoothing_only<w3a16>, per_channel>{}).format == scheme{3, true});
    const modifier<dynamic_group_size> dynamic{{}, dynamic_group_size{48}};
    CHECK(dynamic.target().group.columns() == 48);
}
