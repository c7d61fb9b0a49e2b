// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_MATRIX_HPP
#define AWQ_DEVICE_HOST_MATRIX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/xtensor_backend.hpp>

#include <cstddef>
#include <span>

namespace awq {

/// What tensors of a run are kept in.
using host_matrix = xtensor_backend::matrix;

/// A view of the whole matrix.
inline matrix_view<float> view_of(host_matrix& tensor) { return xtensor_backend::view(tensor); }
inline matrix_view<const float> view_of(const host_matrix& tensor) { return xtensor_backend::view(tensor); }

/// All elements, for tensors that are vectors.
inline std::span<float> values_of(host_matrix& tensor) { return {tensor.data(), tensor.size()}; }
inline std::span<const float> values_of(const host_matrix& tensor) { return {tensor.data(), tensor.size()}; }

} // namespace awq

#endif
