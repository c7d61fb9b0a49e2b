// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_WRITE_AS_STORED_HPP
#define AWQ_CHECKPOINT_WRITE_AS_STORED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_tensors.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/stacked_tensors.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace awq {

namespace detail {

/// The elements of a matrix column by column.
inline std::vector<float> turned(matrix_view<const float> weight)
{
    std::vector<float> values(weight.size());
    for (std::size_t r = 0; r < weight.rows(); ++r)
        for (std::size_t c = 0; c < weight.cols(); ++c) values[c * weight.rows() + r] = weight(r, c);
    return values;
}

} // namespace detail

/// Writes all tensors of a block in the order of dimensions that the source has, stacked ones into
/// their stack.
inline status write_as_stored(const directory_source& source, const block_tensors& block, stack_writer& slabs,
                              safetensors::shard_set_writer& writer)
{
    for (const auto& [name, tensor] : block.all()) {
        const std::string full = block.prefix() + name;
        if (source.is_transposed(full)) {
            AWQ_CHECK(writer.write_floats(full, detail::turned(view_of(tensor))));
        } else {
            AWQ_CHECK(write_tensor(source.stacks(), slabs, full, values_of(tensor), writer));
        }
        block.release(view_of(tensor));
    }
    return {};
}

} // namespace awq

#endif
