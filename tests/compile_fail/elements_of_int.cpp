// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
using element = std::uint16_t;
#else
using element = awq::bf16;
#endif

awq::status quantize(awq::matrix_view<const element> weight, const awq::quantized_weight& out, awq::workspace memory)
{
    return awq::modifier<>{}.quantize(weight, out, memory);
}
