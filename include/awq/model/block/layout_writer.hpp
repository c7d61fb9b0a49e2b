// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_LAYOUT_WRITER_HPP
#define AWQ_MODEL_BLOCK_LAYOUT_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_layout.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// Adds tensors, linear layers, values and parts to a layout that is being built.
class layout_writer {
protected:
    explicit layout_writer(std::size_t hidden_size)
    {
        layout_.hidden_size = hidden_size;
        next_value();
    }

    /// What is known of a linear layer beside its size.
    struct layer_facts {
        std::string fields; ///< of the config, that the shape follows from
        std::string gguf;
        bool bias = false;
        std::string_view bias_field = "model_type";
    };

    value_id next_value() noexcept { return values_++; }

    template <class Part>
    value_id append(const Part& part)
    {
        layout_.parts.push_back(part);
        return part.to;
    }

    std::size_t vector(std::string name, std::size_t size, std::string_view gguf,
                       std::string_view fields = "hidden_size")
    {
        std::string gguf_stem = gguf_name(name, gguf);
        layout_.tensors.push_back({std::move(name), 1, size, std::string{fields}, presence::required, "model_type",
                                   false, std::move(gguf_stem)});
        return layout_.tensors.size() - 1;
    }

    linear_rows linear(const std::string& name, value_id from, std::size_t out, std::size_t in,
                       const layer_facts& facts, bool is_router = false)
    {
        auto& tensors = layout_.tensors;
        const std::string weight = name + ".weight", bias = name + ".bias";
        const std::string fields{facts.fields};
        tensors.push_back({weight, out, in, fields, presence::required, {}, true, gguf_name(weight, facts.gguf)});
        tensors.push_back({bias, 1, out, fields.substr(0, fields.find(',')),
                           facts.bias ? presence::required : presence::unwanted, facts.bias_field, false,
                           gguf_name(bias, facts.gguf)});
        layout_.linears.push_back({name, tensors.size() - 2, tensors.size() - 1, from, out, in, is_router});
        return {layout_.linears.size() - 1, 0, out};
    }

    static std::string gguf_name(std::string_view name, std::string_view stem)
    {
        const bool is_bias = name.ends_with("bias");
        if (stem.find('.') != stem.npos) return std::string{stem}; // whole
        return stem.empty() ? std::string{} : std::string{stem} + (is_bias ? ".bias" : ".weight");
    }

    block_layout layout_;

private:
    std::size_t values_ = 0;
};

} // namespace awq

#endif
