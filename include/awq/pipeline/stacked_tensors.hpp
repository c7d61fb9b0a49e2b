// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_STACKED_TENSORS_HPP
#define AWQ_PIPELINE_STACKED_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>
#include <awq/pipeline/check_tensors.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A layer's weight (outputs, inputs) or bias (outputs, 1) that a checkpoint holds in a slab of a
/// stack: blocks' layouts know experts one by one, some files have one tensor for all.
struct stacked_tensor {
    const safetensors::tensor* stack = nullptr;
    stacked_place place;
    bool is_transposed = false;
    std::size_t outputs = 0, inputs = 0; ///< of the layer
    bool is_bias = false;
    std::string block;                   ///< prefix of the block that it belongs to

    std::size_t slab_size() const noexcept { return place.outputs * inputs; }
    std::size_t slab_begin() const noexcept { return place.slab * slab_size(); }
    /// As if it had a tensor of its own.
    std::vector<std::uint64_t> shape() const
    {
        if (is_bias) return {outputs};
        return {outputs, inputs};
    }
};

namespace detail {

/// Whether a stack has this shape, and which way round; nothing where it has not.
inline std::optional<bool> is_transposed_stack(const stacked_tensor& wanted, const safetensors::tensor& stack)
{
    const std::uint64_t slabs = wanted.place.slabs, outputs = wanted.place.outputs, inputs = wanted.inputs;
    const std::vector<std::uint64_t>& shape = stack.shape;
    if (wanted.is_bias)
        return shape == std::vector{slabs, outputs} ? std::optional{true} : std::nullopt;
    const bool plain = shape == std::vector{slabs, outputs, inputs};
    const bool turned = shape == std::vector{slabs, inputs, outputs};
    if (wanted.place.order == stack_order::out_in) return plain ? std::optional{false} : std::nullopt;
    if (wanted.place.order == stack_order::in_out) return turned ? std::optional{true} : std::nullopt;
    return plain != turned ? std::optional{turned} : std::nullopt;
}

} // namespace detail

/// The stacked tensors of a checkpoint, by the names that layouts have for them.
class AWQ_ABI_TAG stacked_tensors {
public:
    /// Looks for the stack of every tensor that has no tensor of its own. Error: `shape_mismatch` that
    /// names a stack whose shape the config does not ask for, or which does not tell outputs from inputs.
    static result<stacked_tensors> find(const safetensors::checkpoint& files, const model_config& config)
    {
        stacked_tensors found;
        for (std::size_t layer = 0; config.experts.count != 0 && layer < config.num_hidden_layers; ++layer)
            for (const expected_tensor& wanted : layout_of(config, layer).tensors)
                if (wanted.stack.order != stack_order::none && wanted.is != presence::unwanted)
                    AWQ_CHECK(found.add(files, wanted, block_prefix(config, layer)));
        return found;
    }

    bool empty() const noexcept { return tensors_.empty(); }
    /// Null where the tensor is not stacked.
    const stacked_tensor* find(std::string_view name) const
    {
        const auto at = tensors_.find(name);
        return at == tensors_.end() ? nullptr : &at->second;
    }
    /// Whether a tensor of the file is such a stack.
    bool is_stack(std::string_view name) const { return stacks_.contains(name); }
    const std::map<std::string, stacked_tensor, std::less<>>& all() const noexcept { return tensors_; }

    /// Rows of a tensor; out (rows, inputs), or one row of a bias. Errors: those of `read_floats`.
    static status read_rows(const stacked_tensor& from, std::size_t first_row, matrix_view<float> out)
    {
        const std::size_t rows = from.is_bias ? from.outputs : out.rows();
        const matrix_view<float> values{out.data(), rows, from.inputs};
        stacked_place at = from.place;
        at.first += first_row * at.step;
        if (!from.is_transposed && at.step == 1)
            return safetensors::read_floats(*from.stack, {values.data(), values.size()},
                                            from.slab_begin() + at.first * from.inputs);
        std::vector<float> slab(from.slab_size());
        AWQ_CHECK(safetensors::read_floats(*from.stack, slab, from.slab_begin()));
        take_from_slab(at, from.is_transposed, slab, values);
        return {};
    }

private:
    status add(const safetensors::checkpoint& files, const expected_tensor& wanted, const std::string& block)
    {
        const std::string name = block + wanted.name;
        if (files.find(name)) return {};
        const safetensors::tensor* const stack = files.find(block + wanted.stack.name);
        if (!stack) return {};
        stacked_tensor made{stack, wanted.stack, false, wanted.rows, wanted.cols, !wanted.is_matrix, block};
        if (made.is_bias) std::swap(made.outputs, made.inputs);
        const auto way = detail::is_transposed_stack(made, *stack);
        if (!way)
            return error{error_code::shape_mismatch, files.directory(), ": tensor \"", printable(stack->name),
                         "\" has the shape ", safetensors::shape_text(stack->shape), ", the config asks for ",
                         made.place.slabs, " experts of ", made.place.outputs, " outputs and ", made.inputs,
                         " inputs (", wanted.fields, "), whose order the shape must tell"};
        made.is_transposed = *way;
        stacks_.insert(stack->name);
        tensors_.emplace(name, std::move(made));
        return {};
    }

    std::map<std::string, stacked_tensor, std::less<>> tensors_;
    std::set<std::string, std::less<>> stacks_;
};

/// Writes tensors into the stacks that their checkpoint has for them, a slab when all of its tensors
/// are there: gate and up of one expert may lie in turns.
class stack_writer {
public:
    /// Errors: those of `shard_set_writer::write_part`.
    status write(const stacked_tensor& to, std::span<const float> values, safetensors::shard_set_writer& out)
    {
        open_slab& slab = slabs_[{to.stack->name, to.place.slab}];
        slab.values.resize(to.slab_size());
        put_into_slab(to.place, to.is_transposed, {values.data(), to.outputs, to.inputs}, slab.values);
        slab.filled += values.size();
        if (slab.filled < slab.values.size()) return {};
        const status done = out.write_part(to.stack->name, to.slab_begin(), slab.values);
        slabs_.erase({to.stack->name, to.place.slab});
        return done;
    }

private:
    struct open_slab {
        std::vector<float> values;
        std::size_t filled = 0;
    };
    std::map<std::pair<std::string, std::size_t>, open_slab> slabs_;
};

/// Writes a tensor under its own name, where the output has it, or into its stack.
inline status write_tensor(const stacked_tensors& stacks, stack_writer& slabs, std::string_view name,
                           std::span<const float> values, safetensors::shard_set_writer& out)
{
    const stacked_tensor* const stacked = out.contains(name) ? nullptr : stacks.find(name);
    return stacked ? slabs.write(*stacked, values, out) : out.write_floats(name, values);
}

/// Gives every expert of a block in which some layer is quantized tensors of its own, for quantized
/// layers are not stacked. `is_quantized(layer)`: by its full name.
template <class Choice>
void unstack(const stacked_tensors& stacks, const Choice& is_quantized,
             std::vector<safetensors::shard_plan>& plans)
{
    std::set<std::string_view> blocks;
    std::multimap<std::string_view, safetensors::tensor_spec> members; // by their stack
    for (const auto& [name, each] : stacks.all())
        if (is_quantized(std::string_view{name}.substr(0, name.rfind('.')))) blocks.insert(each.block);
    for (const auto& [name, each] : stacks.all())
        if (blocks.contains(each.block))
            members.emplace(each.stack->name, safetensors::tensor_spec{name, each.stack->stored, each.shape()});
    for (safetensors::shard_plan& plan : plans) {
        std::vector<safetensors::tensor_spec> specs;
        for (safetensors::tensor_spec& spec : plan.tensors) {
            const auto [first, last] = members.equal_range(spec.name);
            if (first == last) specs.push_back(std::move(spec));
            for (auto at = first; at != last; ++at) specs.push_back(at->second);
        }
        plan.tensors = std::move(specs);
    }
}

} // namespace awq

#endif
