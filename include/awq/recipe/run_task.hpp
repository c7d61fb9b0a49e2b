// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_RUN_TASK_HPP
#define AWQ_RECIPE_RUN_TASK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/layer_format.hpp>
#include <awq/recipe/rounding_options.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

// The kinds of work that a run is asked for, each with what only it has.
namespace awq {

/// Writes a checkpoint of schemes: compressed-tensors at `oneshot_options::output`.
struct quantize {
    std::vector<layer_format> formats = {}; ///< the first that names a layer decides over it
    rounding_steps rounding = {};
    int clip_steps = 20;                 ///< candidates for each group's range; 1: no clipping
    bool search_clipping = false;        ///< the search simulates the clipped ranges too
    std::string output_dequantized = {}; ///< the quantized weights as they read back, in 16 bits
    std::string output_awq = {};         ///< the same codes in AutoAWQ's layout; 4 bits only

    bool operator==(const quantize&) const = default;
};

/// Writes a GGUF file at `oneshot_options::output`; without one the type is simulated, for the other outputs.
struct write_gguf {
    std::string type = {};                      ///< "q4_k_m"
    std::vector<std::string> tensor_types = {}; ///< "PATTERN=TYPE", for GGUF tensors
    bool measured_types = false;                ///< the other types by `measure_types`; needs samples
    rounding_steps rounding = {};
    /// A longer search for the scales of blocks than llama.cpp's (`gguf::rounding::best`).
    bool better_rounding = false;
    std::string output_dequantized = {};

    bool operator==(const write_gguf&) const = default;
};

/// What a smoothing search simulates: schemes.
struct simulated_schemes {
    std::vector<layer_format> formats{{{"Linear"}, "W4A16_ASYM", 128}};
    /// Also clips the weights to the ranges of integer groups, of so many candidates; changes the function.
    std::optional<int> clip_steps = {};

    bool operator==(const simulated_schemes&) const = default;
};

/// What a smoothing search simulates: a GGUF type.
struct simulated_type {
    std::string target = {}; ///< "q4_k_m"
    std::vector<std::string> tensor_types = {};

    bool operator==(const simulated_type&) const = default;
};

/// Writes the smoothed checkpoint in 16 bits at `oneshot_options::output`.
struct smooth {
    std::variant<simulated_schemes, simulated_type> simulated = {};

    bool operator==(const smooth&) const = default;
};

/// Writes least-squares targets in 16 bits, for llama.cpp's quantizer to round to `target`.
struct compensate {
    std::string target = {}; ///< "q4_k_m"
    std::vector<std::string> tensor_types = {};
    least_squares_options least_squares = {};
    std::string output_dequantized = {};

    bool operator==(const compensate&) const = default;
};

using run_task = std::variant<quantize, write_gguf, smooth, compensate>;

} // namespace awq

#endif
