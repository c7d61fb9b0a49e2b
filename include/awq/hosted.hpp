// SPDX-License-Identifier: MIT
// Written by single_include/amalgamate.py; do not edit.
#ifndef AWQ_HOSTED_HPP
#define AWQ_HOSTED_HPP

/// The core with xtensor, TBB and fast matrix products: tensors in memory, no files and no models.
#include <awq/core.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/kernels/multiply_add.hpp>
#include <awq/execution/kernels/one_lane.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/execution/machines.hpp>
#include <awq/execution/products/amx_tile.hpp>
#include <awq/execution/products/few_rows.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/packed_engine.hpp>
#include <awq/execution/products/packed_tile.hpp>
#include <awq/execution/products/product_operand.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/quantization/weight_format.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/nearest_name.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/parse_double.hpp>
#include <awq/support/printable.hpp>
#include <awq/tensor/xtensor_backend.hpp>

#endif
