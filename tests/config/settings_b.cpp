// SPDX-License-Identifier: MIT
#include "settings.hpp"

std::size_t text_size_in_b() { return text_size(); }
double small_sum_in_b() { return small_sum(); }

awq::status refuse_in_b();
awq::status refuse_in_b() { return awq::error{awq::error_code::unsupported, "b"}; }
