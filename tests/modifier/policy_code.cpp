// SPDX-License-Identifier: MIT
// The rounding that one set of policies gives, all in one function, so that two objects can be compared.
#include <awq/modifier.hpp>

using policies = awq::modifier<awq::smoothing_only<awq::AWQ_TEST_SCHEME>, awq::AWQ_TEST_GROUP>;

extern "C" [[gnu::flatten]] void round_rows(const policies::quantizer_type& how, awq::matrix_view<const float> rows,
                                            awq::matrix_view<float> out)
{
    how.pseudo_quantize(rows, {}, out);
}
