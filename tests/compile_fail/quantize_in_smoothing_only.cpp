// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
using mode = awq::smoothing_only<>;
#else
using mode = awq::smooth_and_quantize<>;
#endif

awq::status use(awq::matrix_view<const float> weight, const awq::quantized_weight& out)
{
    return awq::modifier<mode>{}.quantize(weight, out);
}
