// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_CONFIG_SETTINGS_HPP
#define AWQ_TESTS_CONFIG_SETTINGS_HPP

#include <awq/core.hpp>

#include <cstddef>
#include <string_view>

/// What is kept of a text of 300 characters.
inline constexpr char text[301] = {};
static std::size_t text_size()
{
    return awq::error{awq::error_code::invalid_argument, std::string_view{text, 300}}.text().size();
}

/// The mean of 1 and 2^-26, which a sum in float loses.
static double small_sum()
{
    const float x[] = {1.0f, 0x1p-13f}, zeros[2] = {};
    return awq::output_error(awq::serial_execution{}, awq::matrix_view<const float>{zeros, 2, 1},
                             awq::matrix_view<const float>{x, 2, 1})
        .mean();
}

std::size_t text_size_in_b();
double small_sum_in_b();

#endif
