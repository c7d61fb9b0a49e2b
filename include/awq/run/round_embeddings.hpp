// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_ROUND_EMBEDDINGS_HPP
#define AWQ_RUN_ROUND_EMBEDDINGS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_layout.hpp>
#include <awq/device/device.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>

#include <cstddef>

namespace awq {

/// GGUF files round the embeddings, too: row by row, without importance. `rows`: of the embeddings, changed in place.
inline void round_embeddings(device& machine, const model_config& config, const gguf_layout& layout,
                             matrix_view<float> rows)
{
    const model_names& names = config.names;
    // Where more was done to them they are no rows of the table any more.
    if (!names.positions.empty() || !names.project_in.empty() || config.normed_embeddings) return;
    const gguf_tensor* const table = layout.find(config.names.embeddings + ".weight");
    if (!table || !gguf::is_quantized(table->type)) return;
    const gguf::simd_block_quantizer rounding{table->type};
    const float scale = config.embedding_scale(); // the file's rows are not scaled
    machine.tasks().for_each(rows.rows(), [=](std::size_t row) {
        const auto one = rows.rows_from(row, 1);
        for (float& value : one.row(0)) value /= scale;
        rounding.pseudo_quantize(one, {}, one);
        kernels::simd::scale(scale, one.row(0), one.row(0));
    });
}

} // namespace awq

#endif
