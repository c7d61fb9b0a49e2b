// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_TENSORS_HPP
#define AWQ_BLOCK_BLOCK_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_matrix.hpp>
#include <awq/block/check_tensors.hpp>
#include <awq/block/expert_memory.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/model/block/block_weights.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// All weights of one decoder block in float32, by their names relative to the block.
class AWQ_ABI_TAG block_tensors {
public:
    /// Reads the block; a missing tensor, a shape that the config does not ask for and a NaN are
    /// errors that name the tensor. `scratch`: a directory where the weights of experts wait, if they have
    /// more than `in_memory` bytes; empty: they do not. Several tensors are read at a time.
    static result<block_tensors> load(device& machine, const tensor_source& source, std::size_t layer,
                                      const std::string& scratch = {}, std::size_t in_memory = 0)
    {
        block_tensors block;
        block.prefix_ = block_prefix(source.config(), layer);
        block.layout_ = std::make_shared<const block_layout>(layout_of(source.config(), layer));
        block.memory_ = expert_memory::create(*block.layout_, scratch, in_memory);
        const auto experts = block.memory_ ? expert_weights(*block.layout_) : std::set<std::size_t>{};
        for (std::size_t i = 0; i < block.layout_->tensors.size(); ++i)
            AWQ_CHECK(block.add(source, block.layout_->tensors[i], experts.contains(i)));
        AWQ_CHECK(block.read(machine.tasks(), source));
        return block;
    }

    block_tensors() = default;

    /// A copy of every tensor; experts wait in a file again, where there is room.
    block_tensors copy(device& machine) const
    {
        block_tensors made;
        made.prefix_ = prefix_, made.layout_ = layout_, made.places_ = places_;
        if (memory_) made.memory_ = memory_->create_like();
        for (const auto& [name, tensor] : tensors_) {
            const matrix_view<const float> from = view_of(tensor);
            block_matrix& to =
                made.tensors_
                    .emplace_back(name, made.make(from.rows(), from.cols(), made.memory_ && tensor.is_elsewhere()))
                    .second;
            copy_values(machine.tasks(), std::span{from.data(), from.size()}, to.data());
            made.release(view_of(std::as_const(to)));
            release(from);
        }
        return made;
    }

    /// The same tensors, until `own` makes copies: this one must live longer, and must not change. Where experts wait
    /// in a file, a copy.
    block_tensors borrow(device& machine) const
    {
        if (memory_) return copy(machine);
        block_tensors made;
        made.prefix_ = prefix_, made.layout_ = layout_, made.places_ = places_;
        for (const auto& [name, tensor] : tensors_) made.tensors_.emplace_back(name, block_matrix::borrow(tensor));
        return made;
    }
    /// From now on the layer's weight may be changed.
    void own(device& machine, std::string_view linear)
    {
        block_matrix& tensor = *find(std::string{linear} + ".weight");
        if (!tensor.is_borrowed()) return;
        const matrix_view<const float> from = view_of(std::as_const(tensor));
        host_matrix copied = xtensor_backend::make(from.rows(), from.cols());
        copy_values(machine.tasks(), std::span{from.data(), from.size()}, copied.data());
        tensor = block_matrix{std::move(copied)};
    }

    /// Lets the pages of a weight go, if it is one that waits in a file.
    void release(matrix_view<const float> weight) const noexcept
    {
        if (memory_) memory_->release(weight);
    }
    void release(std::string_view linear) const { release(weight(linear)); }

    /// Frees the layer's weight, which nothing will look at any more; one that waits in a file stays there.
    void drop(std::string_view linear)
    {
        block_matrix& tensor = *find(std::string{linear} + ".weight");
        if (!tensor.is_elsewhere()) tensor = block_matrix{host_matrix{}};
    }

    /// Whether experts wait in a file.
    bool has_waiting() const noexcept { return memory_ != nullptr; }

    const block_layout& layout() const noexcept { return *layout_; }
    /// "model.layers.3."
    const std::string& prefix() const noexcept { return prefix_; }

    /// Null where the block has no such tensor.
    block_matrix* find(std::string_view name)
    {
        const auto found = places_.find(name);
        return found == places_.end() ? nullptr : &tensors_[found->second].second;
    }
    const block_matrix* find(std::string_view name) const { return const_cast<block_tensors*>(this)->find(name); }
    /// A linear layer's weight, (out_features, in_features); the layer must be one of the block.
    matrix_view<float> weight(std::string_view linear) { return view_of(*find(std::string{linear} + ".weight")); }
    matrix_view<const float> weight(std::string_view linear) const
    {
        return view_of(*find(std::string{linear} + ".weight"));
    }

    std::vector<std::pair<std::string, block_matrix>>& all() noexcept { return tensors_; }
    const std::vector<std::pair<std::string, block_matrix>>& all() const noexcept { return tensors_; }

    /// What a forward pass takes; views of this object's tensors.
    block_weights weights() const
    {
        block_weights view{layout_, {}, memory_.get()};
        for (const expected_tensor& each : layout_->tensors) {
            const block_matrix* const found = find(each.name);
            view.tensors.push_back(found ? view_of(*found) : matrix_view<const float>{});
        }
        return view;
    }

private:
    block_matrix make(std::size_t rows, std::size_t cols, bool is_elsewhere)
    {
        return is_elsewhere ? block_matrix{memory_->take(rows, cols)} : block_matrix{xtensor_backend::make(rows, cols)};
    }

    /// Room for a tensor, if the source has it as it should be.
    status add(const tensor_source& source, const expected_tensor& wanted, bool is_elsewhere)
    {
        AWQ_CHECK(check_tensor(source, wanted, prefix_ + wanted.name));
        if (wanted.is == presence::unwanted) return {};
        places_.emplace(wanted.name, tensors_.size());
        tensors_.emplace_back(wanted.name, make(wanted.rows, wanted.cols, is_elsewhere));
        return {};
    }

    /// Those that wait in a file one after the other, so that they are not in memory together.
    status read(const any_execution& how, const tensor_source& source)
    {
        std::vector<status> done(tensors_.size());
        const auto read_if = [&](std::size_t i, bool is_elsewhere) {
            auto& [name, tensor] = tensors_[i];
            if (tensor.is_elsewhere() != is_elsewhere) return;
            done[i] = source.read(prefix_ + name, view_of(tensor));
            release(view_of(std::as_const(tensor)));
        };
        how.for_each(tensors_.size(), [&](std::size_t i) { read_if(i, false); });
        for (std::size_t i = 0; i < tensors_.size(); ++i) read_if(i, true);
        for (const status& each : done) AWQ_CHECK(each);
        return {};
    }

    std::string prefix_;
    std::shared_ptr<const block_layout> layout_;
    std::map<std::string, std::size_t, std::less<>> places_; ///< of names in `tensors_`
    std::vector<std::pair<std::string, block_matrix>> tensors_;
    std::unique_ptr<expert_memory> memory_; ///< of experts that wait in a file; null: they do not
};

} // namespace awq

#endif
