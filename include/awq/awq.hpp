// SPDX-License-Identifier: MIT
// Written by single_include/amalgamate.py; do not edit.
#ifndef AWQ_AWQ_HPP
#define AWQ_AWQ_HPP

/// Everything but the headers of the optional components, which are included by name.
#include <awq/core.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/execution/products/few_rows.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/packed_tile.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/io/json_copy.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/io/printable.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/printable.hpp>

#endif
