// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_RECIPE_HPP
#define AWQ_RECIPE_RECIPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/mapping_pattern.hpp>
#include <awq/recipe/smoothing_options.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace awq {

/// How the weights of some layers are quantized, in the words of compressed-tensors' `weights` args.
struct weight_arguments {
    int num_bits = 4;
    std::string type = "int"; ///< "int" or "float"
    bool symmetric = true;
    std::string strategy = "group";           ///< "group", "channel", "block", "tensor_group"
    std::size_t group_size = 128;             ///< only with "group" and "tensor_group"
    std::vector<std::size_t> block_structure; ///< rows and columns of "block"
};

/// How servers round the inputs of some layers, in the words of `input_activations`.
struct activation_arguments {
    int num_bits = 8;
    std::string type = "int";
    bool symmetric = true;
    std::string strategy = "tensor"; ///< "tensor", "token", "group", "tensor_group"
    std::size_t group_size = 0;
    bool dynamic = false;  ///< scales are found at run time
    bool is_local = false; ///< those of groups are, the tensor's by calibration
};

/// One entry of `config_groups`: which layers, and how.
struct recipe_group {
    std::vector<std::string> targets{"Linear"};
    std::string scheme; ///< a preset's name; empty where `weights` is given
    std::optional<weight_arguments> weights;
    std::optional<activation_arguments> activations; ///< with `weights`
    std::size_t line = 0;                            ///< of the recipe, from 1
};

/// What a recipe file asks for. A field that the file does not mention is empty.
struct recipe {
    std::string path;       ///< the file
    bool smoothing = false; ///< the recipe has an AWQModifier
    std::optional<bool> smoothing_only;
    std::optional<std::size_t> group_size;
    std::optional<std::size_t> n_grid;
    std::optional<duo> duo_scaling;
    std::optional<loss_kind> loss;
    std::optional<float> damping; ///< of a GPTQModifier: `dampening_frac`
    std::optional<std::vector<mapping_pattern>> mappings;
    std::optional<std::vector<std::string>> ignore;
    std::vector<recipe_group> groups; ///< of the quantizing modifiers; empty: nothing is quantized
    /// Keys that are accepted and change nothing here, each once, in the order of the file.
    std::vector<std::string> unused_keys;
    std::vector<std::string> notes; ///< one sentence each: what else is not as it was written
};

} // namespace awq

#endif
