// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_QUANTIZED_LINEAR_HPP
#define AWQ_DEVICE_QUANTIZED_LINEAR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/float_codes.hpp>
#include <awq/io/integer_codes.hpp>
#include <awq/quantization/gguf/type.hpp>
#include <awq/quantization/weight_format.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// A weight as GGUF blocks, row by row, in the checkpoint's row order.
struct gguf_blocks {
    gguf::type type = gguf::type::f32;
    std::size_t rows = 0, cols = 0;
    std::vector<std::byte> bytes;
};

/// A weight as the run's output stores it.
using quantized_linear = std::variant<integer_codes, fp8_codes, fp4_codes, gguf_blocks>;

/// What a weight is stored as, where that is a format of checkpoints.
inline integer_format format_of(const integer_codes& w) { return {w.format, w.group_size}; }
inline fp8_format format_of(const fp8_codes& w) { return {w.block_rows, w.block_cols}; }
inline fp4_format format_of(const fp4_codes& w) { return {w.kind}; }

/// The quantized linear layers of a block, by their names relative to it ("mlp.up_proj"). A layer
/// that is not quantized is not in it.
using quantized_linears = std::map<std::string, quantized_linear, std::less<>>;

} // namespace awq

#endif
