// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/smoothing/check_mapping.hpp>

#include <vector>

namespace {
awq::error_code code(const awq::mapping& pair)
{
    const auto checked = awq::check_mapping(pair);
    return checked ? awq::error_code::none : checked.error().code();
}
} // namespace

TEST_CASE("which layers fit together")
{
    using awq::error_code;
    using awq::smooth_target;
    std::vector<float> norm(8), long_norm(9), bias(8), short_bias(4);
    small::matrix q(4, 8), k(2, 8), wide(4, 9), up(8, 6), fused(20, 6), grouped(4, 6);
    const awq::matrix_view<float> both[2] = {q.view(), k.view()}, uneven[2] = {q.view(), wide.view()};

    CHECK(code({smooth_target::of_norm(norm), both}) == error_code::none);
    CHECK(code({smooth_target::of_norm(norm, bias, true), both}) == error_code::none);
    CHECK(code({smooth_target::of_linear(up.view()), both}) == error_code::none);
    CHECK(code({smooth_target::of_linear(fused.view()), both}) == error_code::none);

    CHECK(code({smooth_target::of_norm(long_norm), both}) == error_code::shape_mismatch);
    CHECK(code({smooth_target::of_norm(norm, short_bias), both}) == error_code::shape_mismatch);
    CHECK(code({smooth_target::of_norm(norm), uneven}) == error_code::shape_mismatch);
    CHECK(code({smooth_target::of_norm(norm), {}}) == error_code::invalid_argument);
    CHECK(code({smooth_target::of_linear(grouped.view()), both}) == error_code::shape_mismatch);

    const std::vector<std::uint32_t> shared{0, 1, 2, 3, 0, 1, 2, 3};
    CHECK(code({smooth_target::of_linear(grouped.view()), both, shared}) == error_code::none);
    CHECK(awq::scale_count({smooth_target::of_linear(grouped.view()), both, shared}) == 4);
    CHECK(code({smooth_target::of_linear(grouped.view()), both, std::span(shared).first(4)}) ==
          error_code::shape_mismatch);
    awq::smooth_target offset_linear = smooth_target::of_linear(up.view());
    offset_linear.offset = true;
    CHECK(code({offset_linear, both}) == error_code::invalid_argument);
}

TEST_CASE("tensors that would be scaled twice are refused")
{
    using awq::error_code;
    using awq::smooth_target;
    std::vector<float> norm(8);
    small::matrix q(4, 8), up(8, 8);
    const awq::matrix_view<float> twice[2] = {q.view(), q.view()};
    CHECK(code({smooth_target::of_norm(norm), twice}) == error_code::invalid_argument);
    const awq::matrix_view<float> itself[1] = {up.view()};
    CHECK(code({smooth_target::of_linear(up.view()), itself}) == error_code::invalid_argument);

    // Rows that overlap; of a view that is only read stride 0 is right.
    const awq::matrix_view<float> narrow[1] = {{q.values.data(), 3, 8, 4}};
    CHECK(code({smooth_target::of_norm(norm), narrow}) == error_code::invalid_argument);
    const awq::matrix_view<float> one_row[1] = {{q.values.data(), 1, 8, 0}};
    CHECK(code({smooth_target::of_norm(norm), one_row}) == error_code::none);
    const awq::matrix_view<float> halves[2] = {q.view().rows_from(0, 2), q.view().rows_from(2, 2)};
    CHECK(code({smooth_target::of_norm(norm), halves}) == error_code::none);
    CHECK(code({smooth_target::of_linear({up.values.data(), 8, 8, 7}), halves}) == error_code::invalid_argument);
}
