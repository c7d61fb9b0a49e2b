// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_BLOCK_WEIGHTS_HPP
#define AWQ_MODEL_BLOCK_BLOCK_WEIGHTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_layout.hpp>
#include <awq/support/result.hpp>

#include <memory>
#include <vector>

namespace awq {

/// Memory of weights, whose pages may go while nobody looks at them; they come back as they were.
class AWQ_ABI_TAG weight_pages {
public:
    virtual ~weight_pages() = default;
    /// Does nothing for weights that live elsewhere.
    virtual void release(matrix_view<const float> weight) const noexcept = 0;

protected:
    weight_pages() = default;
    weight_pages(const weight_pages&) = default;
    weight_pages& operator=(const weight_pages&) = default;
};

/// The tensors of one decoder block, as views of memory that somebody else owns; a vector is one row.
struct AWQ_ABI_TAG block_weights {
    std::shared_ptr<const block_layout> layout;
    /// Beside `layout->tensors`; empty where the block has none.
    std::vector<matrix_view<const float>> tensors;
    /// Where experts live that are not looked at; or null.
    const weight_pages* pages = nullptr;

    void release(std::size_t linear) const noexcept
    {
        if (pages && linear != none_here) pages->release(tensors[layout->linears[linear].weight]);
    }
};

namespace detail {

inline status check_tensor(const expected_tensor& wanted, matrix_view<const float> found)
{
    const bool unwanted = wanted.is == presence::unwanted;
    if (unwanted ? found.size() == 0 : found.rows() == wanted.rows && found.cols() == wanted.cols) return {};
    if (unwanted || found.size() == 0)
        return error{error_code::missing_tensor,
                     wanted.name,
                     " is ",
                     unwanted ? "there, but the config has none" : "missing",
                     " (",
                     wanted.cause,
                     ")"};
    return error{error_code::shape_mismatch,
                 wanted.name,
                 " is ",
                 found.rows(),
                 " x ",
                 found.cols(),
                 ", the config asks for ",
                 wanted.rows,
                 " x ",
                 wanted.cols,
                 " (",
                 wanted.fields,
                 ")"};
}

} // namespace detail

/// Whether the tensors have the shapes that the layout asks for; the error names the tensor.
inline status check(const block_weights& block)
{
    if (!block.layout || block.tensors.size() != block.layout->tensors.size())
        return error{error_code::shape_mismatch, "block weights do not belong to their layout"};
    for (std::size_t i = 0; i < block.tensors.size(); ++i)
        AWQ_CHECK(detail::check_tensor(block.layout->tensors[i], block.tensors[i]));
    return {};
}

} // namespace awq

#endif
