// SPDX-License-Identifier: MIT
// Weights in 16 bits are widened in the caller's memory.
#include <awq/modifier.hpp>

awq::status quantize(awq::matrix_view<const awq::bf16> weight, const awq::quantized_weight& out,
                     [[maybe_unused]] awq::workspace memory)
{
#ifdef AWQ_MUST_FAIL
    return awq::modifier<>{}.quantize(weight, out);
#else
    return awq::modifier<>{}.quantize(weight, out, memory);
#endif
}
