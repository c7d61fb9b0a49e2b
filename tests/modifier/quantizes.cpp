// SPDX-License-Identifier: MIT
// The positive twin of smooths_only.cpp.
#include <awq/modifier.hpp>

using quantizer = awq::modifier<awq::smooth_and_quantize<awq::w4a16>, awq::group_size<32>>;

awq::status quantize(awq::matrix_view<const float> weight, const awq::quantized_weight& out)
{
    return quantizer{}.quantize(weight, out);
}
