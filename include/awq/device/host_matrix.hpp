// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_MATRIX_HPP
#define AWQ_DEVICE_HOST_MATRIX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/xtensor_backend.hpp>

#include <algorithm>
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

/// Calls task(first, count) for every element of a range, many at a time, on all threads: the first to touch a large
/// matrix should not be one alone.
template <execution E, class Task>
void for_each_stretch(const E& how, std::size_t size, const Task& task)
{
    constexpr std::size_t stretch = std::size_t{1} << 18;
    how.for_each(chunk_count(size, stretch),
                 [&](std::size_t chunk) { task(chunk * stretch, std::min(stretch, size - chunk * stretch)); });
}

/// A matrix of zeros.
template <execution E>
host_matrix make_zeros(const E& how, std::size_t rows, std::size_t cols)
{
    host_matrix made = xtensor_backend::make(rows, cols);
    for_each_stretch(how, made.size(), [to = made.data()](std::size_t first, std::size_t count) {
        std::fill_n(to + first, count, 0.0f);
    });
    return made;
}

template <execution E, class T>
void copy_values(const E& how, std::span<const T> from, T* to)
{
    for_each_stretch(how, from.size(), [=](std::size_t first, std::size_t count) {
        std::copy_n(from.data() + first, count, to + first);
    });
}

} // namespace awq

#endif
