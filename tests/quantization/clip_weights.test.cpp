// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/clip_weights.hpp>

#include <algorithm>
#include <random>
#include <vector>

namespace {

using values = std::vector<float>;

values random_weights(std::size_t count, unsigned seed)
{
    std::mt19937 random{seed};
    std::normal_distribution<float> normal;
    values made(count);
    for (float& value : made) value = normal(random);
    return made;
}

/// A clipped copy: 4 rows of 64 in groups of 32, rounded to 2 bits.
values clipped(values weight, const values& importance, int clip_steps)
{
    const awq::integer_quantizer format{{2, false}, 32, awq::dtype::f32, clip_steps};
    awq::clip_weights(awq::serial_execution{}, format, importance, {weight.data(), 4, 64});
    return weight;
}

} // namespace

TEST_CASE("clipping pulls in outliers of a group and leaves everything within the range alone")
{
    values weight = random_weights(4 * 64, 11);
    weight[70] = 5.0f;   // row 1, group 0
    weight[100] = -5.0f; // row 1, group 1
    const values result = clipped(weight, {}, 20);
    CHECK(result[70] < 4.8f);
    CHECK(result[100] > -4.8f);
    for (std::size_t i = 0; i < weight.size(); ++i)
        if (result[i] != weight[i]) CHECK(std::abs(result[i]) < std::abs(weight[i]));
    const awq::integer_quantizer format{{2, false}, 32};
    const auto error = [&](const values& given) {
        values rounded(given.size());
        format.pseudo_quantize({given.data(), 4, 64}, {}, {rounded.data(), 4, 64});
        double sum = 0;
        for (std::size_t i = 0; i < rounded.size(); ++i) sum += (weight[i] - rounded[i]) * (weight[i] - rounded[i]);
        return sum;
    };
    CHECK(error(result) < error(weight));
}

TEST_CASE("clipping changes nothing with one step, and little where outliers matter most")
{
    values weight = random_weights(4 * 64, 12);
    CHECK(clipped(weight, {}, 1) == weight);
    weight[3] = 5.0f;
    values importance(64, 1.0f);
    importance[3] = 1e6f;
    CHECK(clipped(weight, importance, 20)[3] > 4.9f);
    CHECK(clipped(weight, {}, 20)[3] < 4.8f);
    const values zeros(4 * 64);
    CHECK(clipped(zeros, {}, 20) == zeros);
}
