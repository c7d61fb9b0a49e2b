// SPDX-License-Identifier: MIT
// Written by single_include/amalgamate.py; do not edit.
#ifndef AWQ_CORE_HPP
#define AWQ_CORE_HPP

/// Everything that needs no heap, exceptions, RTTI, threads or third-party library.
#include <awq/calibration/activation_stats.hpp>
#include <awq/calibration/loss_mask.hpp>
#include <awq/config.hpp>
#include <awq/execution/execution_concept.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/policy/axis.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/pseudo_quantize.hpp>
#include <awq/quantization/qparams.hpp>
#include <awq/quantization/quantize_weight.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/scheme.hpp>
#include <awq/quantization/storage_rounding.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/ordered_sum.hpp>
#include <awq/search/output_loss.hpp>
#include <awq/search/parent_forward.hpp>
#include <awq/search/scale_grid.hpp>
#include <awq/search/scale_search.hpp>
#include <awq/search/search_options.hpp>
#include <awq/search/search_outcome.hpp>
#include <awq/search/weight_mean.hpp>
#include <awq/smoothing/apply_scales.hpp>
#include <awq/smoothing/check_mapping.hpp>
#include <awq/smoothing/mapping.hpp>
#include <awq/support/error.hpp>
#include <awq/support/error_code.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/dtype.hpp>
#include <awq/tensor/matrix_view.hpp>
#include <awq/tensor/workspace.hpp>
#include <awq/version.hpp>

#endif
