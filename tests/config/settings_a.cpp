// SPDX-License-Identifier: MIT
// Two units of one program with other settings: each keeps its own layout of an error, and its own sums.
#include "settings.hpp"

#ifdef AWQ_TEST_SHARES
awq::status refuse_in_b(); // settings_b.cpp's is another function
#else
awq::status refuse_in_b() { return {}; }
#endif

int main()
{
    const bool alone = text_size() == 300 && small_sum() > 0.5 && text_size_in_b() == 100 && small_sum_in_b() == 0.5;
    return alone && refuse_in_b() ? 0 : 1;
}
