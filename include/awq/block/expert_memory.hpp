// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_EXPERT_MEMORY_HPP
#define AWQ_BLOCK_EXPERT_MEMORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/scratch_mapping.hpp>
#include <awq/model/block/block_weights.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace awq {

/// The indices of the weights of a block's experts, in its layout's tensors.
inline std::set<std::size_t> expert_weights(const block_layout& layout)
{
    std::set<std::size_t> found;
    for (const block_part& part : layout.parts)
        if (const auto* const experts = std::get_if<experts_part>(&part))
            for (const mlp_part& each : experts->experts)
                for (const linear_rows& layer : {each.gate, each.up, each.down})
                    if (layer) found.insert(layout.linears[layer.linear].weight);
    return found;
}

/// Where the weights of a block's experts live, each on pages of its own: only those of the expert that
/// is looked at are resident.
class AWQ_ABI_TAG expert_memory final : public weight_pages {
public:
    /// In a scratch file of a directory. Null where they are not more than `most` bytes, or where the
    /// directory has no room: then they stay in memory.
    static std::unique_ptr<expert_memory> create(const block_layout& layout, const std::string& directory,
                                                 std::size_t most)
    {
        std::size_t bytes = 0;
        for (const std::size_t tensor : expert_weights(layout)) bytes += padded(layout.tensors[tensor]);
        if (directory.empty() || bytes <= most) return nullptr;
        auto file = scratch_mapping::create(directory, bytes);
        if (!file) return nullptr;
        return std::unique_ptr<expert_memory>{new expert_memory{directory, std::move(*file)}};
    }

    /// As large, and in the same directory.
    std::unique_ptr<expert_memory> create_like() const
    {
        auto file = scratch_mapping::create(directory_, file_->size());
        if (!file) return nullptr;
        return std::unique_ptr<expert_memory>{new expert_memory{directory_, std::move(*file)}};
    }

    /// The next tensor's memory.
    matrix_view<float> take(std::size_t rows, std::size_t cols)
    {
        auto* const begin = reinterpret_cast<float*>(file_->data() + taken_);
        taken_ += padded(rows * cols * sizeof(float));
        return {begin, rows, cols};
    }

    void release(matrix_view<const float> weight) const noexcept override
    {
        file_->release(weight.data(), padded(weight.size() * sizeof(float)));
    }

private:
    expert_memory(std::string directory, std::unique_ptr<scratch_mapping>&& file)
        : directory_(std::move(directory)), file_(std::move(file))
    {}

    static std::size_t padded(std::size_t bytes)
    {
        const std::size_t page = scratch_mapping::page_size();
        return (bytes + page - 1) / page * page;
    }
    static std::size_t padded(const expected_tensor& tensor)
    {
        return padded(tensor.rows * tensor.cols * sizeof(float));
    }

    std::string directory_;
    std::unique_ptr<scratch_mapping> file_;
    std::size_t taken_ = 0;
};

} // namespace awq

#endif
