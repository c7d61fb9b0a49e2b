// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

// Rounds to whole numbers.
struct whole_numbers {
    awq::status check(std::size_t) const { return {}; }
#ifndef AWQ_MUST_FAIL
    std::size_t row_block() const { return 1; }
#endif
    std::size_t scale_columns(std::size_t in_features) const { return in_features; }
    void pseudo_quantize(awq::matrix_view<const float> rows, std::span<const float>, awq::matrix_view<float> out) const
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t c = 0; c < rows.cols(); ++c) out(r, c) = awq::round_half_even(rows(r, c));
    }
};

awq::status check(const awq::mapping& pair) { return awq::modifier<awq::smoothing_only<whole_numbers>>{}.check(pair); }
