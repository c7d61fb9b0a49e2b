// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_HOST_KERNELS_HPP
#define AWQ_RUN_HOST_KERNELS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_quantize.hpp>
#include <awq/config.hpp>
#include <awq/evaluate/divergence.hpp>
#include <awq/evaluate/evaluate.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/quantization/clip_weights.hpp>
#include <awq/quantization/gguf/quantize_rows.hpp>

// The operations in which runs on packed products and TBB's threads spend their time. In the compiled mode one unit
// compiles them, for the instruction set that it is given, and the calls on whole models only use them; so a program
// may have the calls once and these for several levels of x86-64.
/// @cond
#if !AWQ_HEADER_ONLY

#if AWQ_COMPILES_KERNELS
#define AWQ_KERNEL template
#else
#define AWQ_KERNEL extern template
#endif

namespace awq {

// Forward pass.
AWQ_KERNEL status run_parts(block_run<packed_product, tbb_execution>&, block_segment, matrix_view<float>);
AWQ_KERNEL status part_forward<packed_product>(const tbb_execution&, const block_context&, const block_weights&,
                                               const sequences&, std::size_t, matrix_view<const float>,
                                               matrix_view<float>);
AWQ_KERNEL status logits_forward<packed_product>(const tbb_execution&, const model_config&, const end_weights&,
                                                 matrix_view<const float>, matrix_view<float>);
AWQ_KERNEL void widen(const tbb_execution&, matrix_view<bf16>, matrix_view<float>);

// Statistics.
AWQ_KERNEL status input_statistics::observe<packed_product>(const tbb_execution&, matrix_view<const float>, bool);
AWQ_KERNEL void input_statistics::divide_inputs(const tbb_execution&, std::span<const double>);
AWQ_KERNEL void add_upper_gram<packed_product>(const tbb_execution&, matrix_view<const float>, matrix_view<float>);
AWQ_KERNEL void mirror_upper(const tbb_execution&, matrix_view<float>);

AWQ_KERNEL status block_stages<packed_product, tbb_execution>::add_shift(matrix_view<float>, matrix_view<const float>,
                                                                         matrix_view<float>, matrix_view<const float>);
AWQ_KERNEL status add_upper_grams<packed_product>(const tbb_execution&, machines&, std::span<const host_matrix>,
                                                  matrix_view<float>);
AWQ_KERNEL status add_cross_grams<packed_product>(const tbb_execution&, machines&, std::span<const host_matrix>,
                                                  std::span<const host_matrix>, matrix_view<float>);

// Search and smoothing.
AWQ_KERNEL result<search_outcome>
block_search<packed_product, tbb_execution>::search(const resolved_mapping&, const search_problem<any_quantizer>&,
                                                    std::vector<float>&);
AWQ_KERNEL status apply_scales(const tbb_execution&, const basic_mapping<float>&, std::span<const double>);
AWQ_KERNEL void limit_balance(const scale_limits&, matrix_view<const float>, dtype, std::span<const std::uint32_t>,
                              std::span<float>) noexcept;
AWQ_KERNEL void limit_smooth(const scale_limits&, const basic_smooth_target<float>&, dtype) noexcept;

AWQ_KERNEL double gram_error<packed_product>(const tbb_execution&, matrix_view<const float>, matrix_view<const float>,
                                             matrix_view<const float>, std::span<float>, const row_sample&);

// Rounding.
AWQ_KERNEL quantized_linear linear_rounder<packed_product, tbb_execution>::round(const any_quantizer&,
                                                                                 matrix_view<float>) const;
AWQ_KERNEL bool factor_damped_gram<packed_product>(const tbb_execution&, matrix_view<float>, float, std::span<float>);
AWQ_KERNEL void solve_cholesky<packed_product>(const tbb_execution&, matrix_view<const float>, matrix_view<float>,
                                               std::span<float>);
AWQ_KERNEL void move_to_target<packed_product>(const tbb_execution&, matrix_view<float>, matrix_view<const float>,
                                               float, std::span<float>);
AWQ_KERNEL void add_share(const tbb_execution&, matrix_view<float>, matrix_view<const float>, float);
AWQ_KERNEL bool make_feedback<packed_product>(const tbb_execution&, matrix_view<float>, float, std::span<float>);
AWQ_KERNEL void restore_gram(const tbb_execution&, matrix_view<float>, std::span<const float>);
AWQ_KERNEL void clip_weights(const tbb_execution&, const integer_quantizer&, std::span<const float>,
                             matrix_view<float>);
AWQ_KERNEL status gguf::quantize_rows(const tbb_execution&, const gguf::simd_block_quantizer&, matrix_view<const float>,
                                      std::span<const float>, std::span<std::byte>);

} // namespace awq

#undef AWQ_KERNEL

#endif
/// @endcond

#endif
