// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/smoothing/scale_limits.hpp>

#include <limits>
#include <vector>

namespace {

constexpr awq::serial_execution serial;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct limits {
    explicit limits(std::size_t count) : smallest(count), largest(count) { view().clear(); }
    awq::scale_limits view() { return {smallest, largest}; }
    std::vector<double> smallest, largest;
};

} // namespace

TEST_CASE("a column times its scale stays below the largest value of its type")
{
    small::matrix weight(2, 3);
    weight(0, 0) = -32752.0f;
    weight(1, 1) = 2.0f;
    std::vector<float> scratch(3);
    limits found{3};
    awq::limit_balance(found.view(), weight.view(), awq::dtype::f16, {}, scratch);
    CHECK(found.largest == std::vector<double>{2.0, 32752.0, infinity});
    CHECK(found.smallest == std::vector<double>(3));
    awq::limit_balance(found.view(), weight.view(), awq::dtype::bf16, {}, scratch);
    CHECK(found.largest == std::vector<double>{2.0, 32752.0, infinity}); // the narrower type decides
}

TEST_CASE("columns that share a scale are limited by the largest of them")
{
    small::matrix weight(1, 4);
    weight.values = {1.0f, 65504.0f, 16376.0f, 2.0f};
    std::vector<float> scratch(4);
    const std::vector<std::uint32_t> shared{0, 0, 1, 1};
    limits found{2};
    awq::limit_balance(found.view(), weight.view(), awq::dtype::f16, shared, scratch);
    CHECK(found.largest == std::vector<double>{1.0, 4.0});
}

TEST_CASE("a norm divided by its scales is finite, and no gain becomes zero")
{
    std::vector<float> weight{4.0f, -65504.0f, 0x1p-20f, 0.0f}, bias{0.0f, 0.0f, 131008.0f, 0.0f};
    limits found{4};
    awq::limit_smooth(serial, found.view(), awq::smooth_target::of_norm(weight, bias), awq::dtype::f16);
    CHECK(found.smallest[0] == 4.0 / 65504.0);
    CHECK(found.smallest[1] == 1.0);
    CHECK(found.smallest[2] == 2.0); // the bias
    CHECK(found.smallest[3] == 0.0);
    CHECK(found.largest[0] == 0x1p26);
    CHECK(found.largest[2] == 0x1p4);
    CHECK(found.largest[3] == infinity);
}

TEST_CASE("of a norm of 1 + weight the gain counts")
{
    std::vector<float> weight{-1.0f, 65502.0f};
    limits found{2};
    awq::limit_smooth(serial, found.view(), awq::smooth_target::of_norm(weight, {}, true), awq::dtype::f16);
    CHECK(found.smallest == std::vector<double>{0.0, 1.0});
    CHECK(found.largest == std::vector<double>{infinity, infinity});
}

TEST_CASE("of a fused linear layer the last rows count, each by its largest weight")
{
    small::matrix fused(6, 2);
    fused(0, 0) = 65504.0f;
    fused(4, 1) = -16376.0f;
    limits found{2};
    awq::limit_smooth(serial, found.view(), awq::smooth_target::of_linear(fused.view()), awq::dtype::f16);
    CHECK(found.smallest == std::vector<double>{0.25, 0.0});
    CHECK(found.largest == std::vector<double>{16376.0 * 0x1p24, infinity});
}
