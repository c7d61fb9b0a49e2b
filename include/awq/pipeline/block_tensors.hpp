// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_BLOCK_TENSORS_HPP
#define AWQ_PIPELINE_BLOCK_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_weights.hpp>
#include <awq/pipeline/check_tensors.hpp>
#include <awq/pipeline/host_matrix.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// All weights of one decoder block in float32, by their names relative to the block.
class block_tensors {
public:
    /// Reads the block; a missing tensor, a shape that the config does not ask for and a NaN are
    /// errors that name the tensor.
    static result<block_tensors> load(const tensor_source& source, std::size_t layer)
    {
        block_tensors block;
        block.prefix_ = block_prefix(source.config(), layer);
        block.layout_ = std::make_shared<const block_layout>(layout_of(source.config(), layer));
        for (const expected_tensor& wanted : block.layout_->tensors)
            AWQ_CHECK(block.read(source, wanted));
        return block;
    }

    const block_layout& layout() const noexcept { return *layout_; }
    /// "model.layers.3."
    const std::string& prefix() const noexcept { return prefix_; }

    /// Null where the block has no such tensor.
    host_matrix* find(std::string_view name)
    {
        const auto found = places_.find(name);
        return found == places_.end() ? nullptr : &tensors_[found->second].second;
    }
    const host_matrix* find(std::string_view name) const
    {
        return const_cast<block_tensors*>(this)->find(name);
    }
    /// A linear layer's weight, (out_features, in_features); the layer must be one of the block.
    matrix_view<float> weight(std::string_view linear)
    {
        return view_of(*find(std::string{linear} + ".weight"));
    }
    matrix_view<const float> weight(std::string_view linear) const
    {
        return view_of(*find(std::string{linear} + ".weight"));
    }

    std::vector<std::pair<std::string, host_matrix>>& all() noexcept { return tensors_; }
    const std::vector<std::pair<std::string, host_matrix>>& all() const noexcept
    {
        return tensors_;
    }

    /// What a forward pass takes; views of this object's tensors.
    block_weights weights() const
    {
        block_weights view{layout_, {}};
        for (const expected_tensor& each : layout_->tensors) {
            const host_matrix* const found = find(each.name);
            view.tensors.push_back(found ? view_of(*found) : matrix_view<const float>{});
        }
        return view;
    }

private:
    status read(const tensor_source& source, const expected_tensor& wanted)
    {
        const std::string full = prefix_ + wanted.name;
        AWQ_CHECK(check_tensor(source, wanted, full));
        if (wanted.is == presence::unwanted) return {};
        host_matrix tensor = xtensor_backend::make(wanted.rows, wanted.cols);
        AWQ_CHECK(source.read(full, view_of(tensor)));
        places_.emplace(wanted.name, tensors_.size());
        tensors_.emplace_back(wanted.name, std::move(tensor));
        return {};
    }

    std::string prefix_;
    std::shared_ptr<const block_layout> layout_;
    std::map<std::string, std::size_t, std::less<>> places_; ///< of names in `tensors_`
    std::vector<std::pair<std::string, host_matrix>> tensors_;
};

} // namespace awq

#endif
