// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CHOOSE_PRECISION_HPP
#define AWQ_RUN_CHOOSE_PRECISION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/precision.hpp>
#include <awq/execution/products/amx_tile.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/support/notice.hpp>
#include <awq/tensor/dtype.hpp>

namespace awq {

/// What a run's products are in. Where the options leave it open: mixed where that is faster and the stored
/// weights are exact in it.
inline precision choose_precision(const run_settings& options, dtype stored, notice_list& notes)
{
    if (options.operands == precision::mixed && !detail::has_amx())
        notes.note("--precision mixed changes nothing: this processor does not multiply bfloat16 in tiles "
                   "(AMX), so products stay float32");
    const bool is_better = detail::has_amx() && stored == dtype::bf16 && !reproducible_products;
    return options.operands.value_or(is_better ? precision::mixed : precision::float32);
}

/// What the text is kept in between blocks. Where the options leave it open: what mixed products take of it, if
/// nothing is rounded by the difference of two streams, which wants all digits.
inline dtype choose_hidden_states(const run_settings& options)
{
    const bool is_enough = options.smoothing_only && options.operands == precision::mixed && detail::has_amx();
    return options.hidden_states.value_or(is_enough ? dtype::bf16 : dtype::f32);
}

} // namespace awq

#endif
