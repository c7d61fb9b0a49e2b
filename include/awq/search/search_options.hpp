// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_SEARCH_OPTIONS_HPP
#define AWQ_SEARCH_SEARCH_OPTIONS_HPP

#include <awq/tensor/dtype.hpp>

#include <cstddef>

namespace awq {

/// Whether a scale takes the weights' magnitude into account, or the activations' alone.
enum class duo : unsigned char {
    off,  ///< s = x_mean^r
    on,   ///< s = x_mean^r / w_mean^(1-r)
    both, ///< each of half the ratios, both ways
};

/// More candidates than that are a slip: each is a rounding of all the weights.
inline constexpr std::size_t largest_n_grid = 100'000;

/// The numbers of a scale search; the defaults are llm-compressor's.
struct search_options {
    /// How many candidates are tried: at least 2, 3 with `duo::on`, 4 with `duo::both`;
    /// at most `largest_n_grid`.
    std::size_t n_grid = 20;
    duo duo_scaling = duo::on;
    /// The dtype that the smoothed weights will have. bf16 and f16: W s and Q(W s)/s are rounded to
    /// it during the search, as happens in a model of that dtype. f32: not rounded. A candidate whose
    /// W s is more than f16 holds has no finite loss, so it is skipped; for the smooth layer see
    /// `search_problem::smallest_scales`.
    dtype storage = dtype::f32;
    /// Of a screened search: how many of the candidates that the cheap loss likes best are judged
    /// by the exact loss, identity apart.
    std::size_t finalists = 4;
    /// How many rows of each weight the Gram loss looks at, spread evenly, where it ranks candidates
    /// (`screening_rows`) and where it decides alone (`deciding_rows`).
    std::size_t screening_rows = 64;
    std::size_t deciding_rows = 256;

    bool operator==(const search_options&) const = default;
};

} // namespace awq

#endif
