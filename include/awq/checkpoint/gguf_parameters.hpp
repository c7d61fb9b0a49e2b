// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_PARAMETERS_HPP
#define AWQ_CHECKPOINT_GGUF_PARAMETERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/model/architectures/registry.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Tensors of one number that a GGUF file has as keys: the parameters of xIELU, a list of all blocks each.
namespace awq {

/// Such a tensor of a block, and the key that its number stands in.
struct gguf_parameter {
    std::string name;
    std::string_view key;
    std::size_t layer = 0;
};

/// Those of a model, block by block.
inline std::vector<gguf_parameter> gguf_parameters(const model_config& config)
{
    std::vector<gguf_parameter> found;
    if (activation_of(config.hidden_act) != activation::xielu) return found;
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) {
        const block_layout layout = layout_of(config, layer);
        const auto add = [&](std::size_t tensor, std::string_view key) {
            found.push_back({block_prefix(config, layer) + layout.tensors[tensor].name, key, layer});
        };
        for (const block_part& part : layout.parts)
            if (const auto* const mlp = std::get_if<mlp_part>(&part); mlp && mlp->act == activation::xielu) {
                add(mlp->alpha_p, "xielu.alpha_p");
                add(mlp->alpha_n, "xielu.alpha_n");
            }
    }
    return found;
}

/// Sets the keys; xIELU's constants, which are the same in all blocks, among them. Errors: those of `read`.
inline status write_gguf_parameters(const tensor_source& source, gguf::key_values& metadata)
{
    const std::size_t layers = source.config().num_hidden_layers;
    std::map<std::string_view, std::vector<float>> lists;
    for (const gguf_parameter& each : gguf_parameters(source.config())) {
        auto& list = lists.try_emplace(each.key, layers).first->second;
        AWQ_CHECK(source.read(each.name, {&list[each.layer], 1, 1}));
    }
    if (lists.empty()) return {};
    lists.emplace("xielu.beta", std::vector<float>(layers, xielu_beta));
    lists.emplace("xielu.eps", std::vector<float>(layers, xielu_eps));
    for (const auto& [key, list] : lists) metadata.set(key, list);
    return {};
}

/// The numbers by the names of the tensors that they are. Error: `missing_field` where a list has not an
/// entry for every block.
inline result<std::map<std::string, float, std::less<>>> read_gguf_parameters(const gguf::file& file,
                                                                              const model_config& config)
{
    std::map<std::string, float, std::less<>> found;
    for (const gguf_parameter& each : gguf_parameters(config)) {
        std::optional<std::vector<float>> list;
        AWQ_CHECK(gguf::read_optional(file, each.key, list));
        if (!list || list->size() != config.num_hidden_layers)
            return error{error_code::missing_field, file.path(), ": ", each.key, " is no list of ",
                         config.num_hidden_layers,  " numbers"};
        found.emplace(each.name, (*list)[each.layer]);
    }
    return found;
}

} // namespace awq

#endif
