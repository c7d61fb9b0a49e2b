// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_EXPECTED_TENSOR_HPP
#define AWQ_MODEL_BLOCK_EXPECTED_TENSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/stacked_place.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace awq {

/// Whether a model of some config has a tensor.
enum class presence : unsigned char {
    required,
    optional,
    unwanted, ///< a file that has it was not made by this config: its function would not be the model's
};

/// A tensor that a config asks for: a matrix, or a vector as one row.
struct expected_tensor {
    std::string name;
    std::size_t rows = 1;
    std::size_t cols = 0;
    std::string fields; ///< of the config, that its shape follows from
    presence is = presence::required;
    std::string_view cause = {}; ///< the field that says whether it is there
    bool is_matrix = false;      ///< even where it has one row
    std::string gguf = {};       ///< its name in a GGUF file, or its block there; empty: it has none
    stacked_place stack = {};    ///< where it lies if the checkpoint has no tensor of its own name
};

} // namespace awq

#endif
