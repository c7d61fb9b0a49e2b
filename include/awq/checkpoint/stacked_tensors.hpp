// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_STACKED_TENSORS_HPP
#define AWQ_CHECKPOINT_STACKED_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/config.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/mxfp4.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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
    const safetensors::tensor* scales = nullptr; ///< of MXFP4, whose blocks the stack holds; else null
    stacked_place place;
    bool is_transposed = false;          ///< MXFP4 is not, but its 16-bit form may be
    std::size_t outputs = 0, inputs = 0; ///< of the layer
    bool is_bias = false;
    std::string block; ///< prefix of the block that it belongs to

    std::size_t slab_size() const noexcept { return place.outputs * inputs; }
    std::size_t slab_begin() const noexcept { return place.slab * slab_size(); }
    /// What it is written as: MXFP4 becomes 16 bits.
    safetensors::tensor_spec output() const
    {
        if (!scales) return stack->spec();
        const std::uint64_t slabs = place.slabs, rows = is_transposed ? inputs : place.outputs;
        return {
            block + place.name, safetensors::element_type::bf16, {slabs, rows, is_transposed ? place.outputs : inputs}};
    }

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
    if (wanted.is_bias) return shape == std::vector{slabs, outputs} ? std::optional{true} : std::nullopt;
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
        for (std::size_t layer = 0; config.experts.count != 0 && layer < config.num_hidden_layers; ++layer) {
            const block_layout layout = layout_of(config, layer);
            const std::string block = block_prefix(config, layer);
            if (!files.find(block + layout.tensors.front().name)) break; // no such block: the check says so
            for (const expected_tensor& wanted : layout.tensors)
                if (wanted.stack.order != stack_order::none && wanted.is != presence::unwanted)
                    AWQ_CHECK(found.add(files, wanted, block));
        }
        return found;
    }

    /// Whether some are MXFP4.
    bool has_packed() const
    {
        return std::ranges::any_of(tensors_, [](const auto& each) { return each.second.scales != nullptr; });
    }
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
        if (from.scales) return read_packed(from, first_row, out);
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
        if (!stack) return add_packed(files, wanted, block);
        stacked_tensor made{stack, nullptr, wanted.stack, false, wanted.rows, wanted.cols, !wanted.is_matrix, block};
        if (made.is_bias) std::swap(made.outputs, made.inputs);
        const auto way = detail::is_transposed_stack(made, *stack);
        if (!way)
            return error{error_code::shape_mismatch,
                         files.directory(),
                         ": tensor \"",
                         printable(stack->name),
                         "\" has the shape ",
                         safetensors::shape_text(stack->shape),
                         ", the config asks for ",
                         made.place.slabs,
                         " experts of ",
                         made.place.outputs,
                         " outputs and ",
                         made.inputs,
                         " inputs (",
                         wanted.fields,
                         "), whose order the shape must tell"};
        made.is_transposed = *way;
        stacks_.insert(stack->name);
        tensors_.emplace(name, std::move(made));
        return {};
    }

    status add_packed(const safetensors::checkpoint& files, const expected_tensor& wanted, const std::string& block)
    {
        const safetensors::tensor* const blocks = files.find(block + wanted.stack.name + "_blocks");
        const safetensors::tensor* const scales = files.find(block + wanted.stack.name + "_scales");
        if (!wanted.is_matrix || !blocks || !scales) return {};
        const bool is_turned = wanted.stack.order == stack_order::in_out;
        const std::uint64_t slabs = wanted.stack.slabs, rows = wanted.stack.outputs, groups = wanted.cols / 32;
        const auto is_bytes = [](const safetensors::tensor& each, const std::vector<std::uint64_t>& shape) {
            return each.stored == safetensors::element_type::u8 && each.shape == shape;
        };
        if (wanted.cols % 32 != 0 || !is_bytes(*blocks, {slabs, rows, groups, 16}) ||
            !is_bytes(*scales, {slabs, rows, groups}))
            return error{error_code::shape_mismatch,
                         files.directory(),
                         ": tensor \"",
                         printable(blocks->name),
                         "\" has the shape ",
                         safetensors::shape_text(blocks->shape),
                         ", MXFP4 of ",
                         slabs,
                         " experts of ",
                         rows,
                         " outputs and ",
                         wanted.cols,
                         " inputs has another (",
                         wanted.fields,
                         ")"};
        stacks_.insert({blocks->name, scales->name});
        tensors_.emplace(block + wanted.name, stacked_tensor{blocks, scales, wanted.stack, is_turned, wanted.rows,
                                                             wanted.cols, false, block});
        return {};
    }

    static status read_packed(const stacked_tensor& from, std::size_t first_row, matrix_view<float> out)
    {
        std::vector<float> slab(from.slab_size());
        const std::size_t blocks = slab.size() / 2, scales = slab.size() / 32;
        safetensors::widen_mxfp4(from.stack->bytes.subspan(from.place.slab * blocks, blocks),
                                 from.scales->bytes.subspan(from.place.slab * scales, scales), slab);
        if (const auto bad = safetensors::first_not_finite(slab))
            return error{error_code::not_finite,
                         from.stack->file->path(),
                         ": tensor \"",
                         printable(from.scales->name),
                         "\": element ",
                         from.place.slab * scales + *bad / 32,
                         " is NaN"};
        stacked_place at = from.place;
        at.first += first_row * at.step;
        take_from_slab(at, false, slab, out);
        from.stack->release();
        return {};
    }

    std::map<std::string, stacked_tensor, std::less<>> tensors_;
    std::set<std::string, std::less<>> stacks_;
};

/// The plan of a checkpoint like `source`, but for what is MXFP4 there: it becomes 16 bits.
inline std::vector<safetensors::shard_plan> plan_like(const safetensors::checkpoint& source,
                                                      const stacked_tensors& stacks)
{
    std::map<std::string_view, safetensors::tensor_spec> widened; // by the tensor that it takes the place of
    std::set<std::string_view> dropped;
    for (const auto& [name, each] : stacks.all()) {
        if (!each.scales) continue;
        widened.emplace(each.stack->name, each.output());
        dropped.insert(each.scales->name);
    }
    auto plans = safetensors::plan_like(source);
    for (safetensors::shard_plan& plan : plans) {
        std::erase_if(plan.tensors, [&](const auto& spec) { return dropped.contains(spec.name); });
        for (safetensors::tensor_spec& spec : plan.tensors)
            if (const auto at = widened.find(spec.name); at != widened.end()) spec = at->second;
    }
    return plans;
}

/// Writes tensors into the stacks that their checkpoint has for them, a slab when all of its tensors
/// are there: gate and up of one expert may lie in turns.
class stack_writer {
public:
    /// Errors: those of `shard_set_writer::write_part`.
    status write(const stacked_tensor& to, std::span<const float> values, safetensors::shard_set_writer& out)
    {
        const std::string name = to.output().name;
        open_slab& slab = slabs_[{name, to.place.slab}];
        slab.values.resize(to.slab_size());
        put_into_slab(to.place, to.is_transposed, {values.data(), to.outputs, to.inputs}, slab.values);
        slab.filled += values.size();
        if (slab.filled < slab.values.size()) return {};
        const status done = out.write_part(name, to.slab_begin(), slab.values);
        slabs_.erase({name, to.place.slab});
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
void unstack(const stacked_tensors& stacks, const Choice& is_quantized, std::vector<safetensors::shard_plan>& plans)
{
    std::set<std::string_view> blocks;
    std::multimap<std::string, safetensors::tensor_spec> members; // by their stack
    for (const auto& [name, each] : stacks.all())
        if (is_quantized(std::string_view{name}.substr(0, name.rfind('.')))) blocks.insert(each.block);
    for (const auto& [name, each] : stacks.all())
        if (blocks.contains(each.block))
            members.emplace(each.output().name, safetensors::tensor_spec{name, each.output().type, each.shape()});
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
