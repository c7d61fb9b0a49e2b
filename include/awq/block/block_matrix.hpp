// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_MATRIX_HPP
#define AWQ_BLOCK_BLOCK_MATRIX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/host_matrix.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace awq {

/// A tensor of a block: in memory of its own, in that of the block's experts, or another block's, only to be read.
class block_matrix {
public:
    block_matrix() = default;
    explicit block_matrix(host_matrix&& own) : own_(std::move(own)) {}
    explicit block_matrix(matrix_view<float> elsewhere) : elsewhere_(elsewhere) {}

    static block_matrix borrow(const block_matrix& other)
    {
        const matrix_view<const float> theirs = other.view();
        block_matrix made{matrix_view<float>{const_cast<float*>(theirs.data()), theirs.rows(), theirs.cols()}};
        made.is_borrowed_ = true;
        return made;
    }

    bool is_borrowed() const noexcept { return is_borrowed_; }
    bool is_elsewhere() const noexcept { return elsewhere_.data() != nullptr; }
    matrix_view<float> view() { return is_elsewhere() ? elsewhere_ : view_of(own_); }
    matrix_view<const float> view() const
    {
        return is_elsewhere() ? matrix_view<const float>{elsewhere_} : view_of(own_);
    }
    float* data() { return view().data(); }
    const float* data() const { return view().data(); }
    std::size_t size() const { return view().size(); }

private:
    host_matrix own_ = xtensor_backend::make(0, 0);
    matrix_view<float> elsewhere_;
    bool is_borrowed_ = false;
};

inline matrix_view<float> view_of(block_matrix& tensor) { return tensor.view(); }
inline matrix_view<const float> view_of(const block_matrix& tensor) { return tensor.view(); }
inline std::span<float> values_of(block_matrix& tensor) { return {tensor.data(), tensor.size()}; }
inline std::span<const float> values_of(const block_matrix& tensor) { return {tensor.data(), tensor.size()}; }

} // namespace awq

#endif
