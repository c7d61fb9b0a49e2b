// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_MAPPING_SEARCH_HPP
#define AWQ_DEVICE_MAPPING_SEARCH_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/machines.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/search/gram_view.hpp>
#include <awq/search/row_sample.hpp>
#include <awq/search/search_options.hpp>
#include <awq/search/search_problem.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace awq {

/// A search for the scales of one mapping, and what candidates are judged by.
struct AWQ_ABI_TAG mapping_search {
    /// The loss of candidate weights, one for each layer of the problem.
    using loss_function = std::function<double(std::span<const matrix_view<const float>>)>;

    const search_problem<any_quantizer>& problem;
    const search_options& options;
    gram_view gram = {};         ///< of the layers' inputs,
    std::uint64_t tokens = 0;    ///< so many
    std::size_t rows = all_rows; ///< that the loss by the Gram matrix looks at, where it decides alone
    loss_function exact = {};    ///< decides instead of it, where there is one
    bool is_screened = true;     ///< by few rows and the Gram matrix: whatever decides, does so among the best few
    machines& all = alone();     ///< make this search together, each judging some candidates
};

} // namespace awq

#endif
