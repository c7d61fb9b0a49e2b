// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_CALIBRATION_SOURCE_HPP
#define AWQ_RECIPE_CALIBRATION_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/dtype.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

namespace awq {

/// Statistics from a forward pass over samples of a text.
struct sample_calibration {
    std::string dataset = {}; ///< text or JSONL
    std::size_t num_calibration_samples = 128;
    std::size_t max_seq_length = 512;
    bool all_experts = false; ///< statistics of every expert are of all tokens, not of its own only
    /// What the text is kept in between blocks: f32, or bf16 with half the memory; none: bf16 where products take it
    /// and nothing is quantized.
    std::optional<dtype> hidden_states = {};

    bool operator==(const sample_calibration&) const = default;
};

/// llama.cpp's importance matrix instead: no forward pass, so no Gram matrices and no loss but `gram`.
struct matrix_calibration {
    std::string imatrix = {}; ///< the file

    bool operator==(const matrix_calibration&) const = default;
};

/// Where a run's statistics come from.
using calibration_source = std::variant<sample_calibration, matrix_calibration>;

} // namespace awq

#endif
