// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_PARENT_FORWARD_HPP
#define AWQ_SEARCH_PARENT_FORWARD_HPP

#include <awq/calibration/loss_mask.hpp>
#include <awq/search/output_loss.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace awq {

/// Runs the module whose output the loss compares (attention, MLP, ...), on inputs that it keeps,
/// with other weights in the place of the balance layers': `forward(weights, output)` fills
/// `output`.
template <class F>
concept parent_forward = requires(F& forward, std::span<const matrix_view<const float>> weights,
                                  matrix_view<float> output)
{
    {
        forward(weights, output)
        } -> std::same_as<void>;
};

/// A parent and the shape of its output.
template <parent_forward F>
struct parent {
    F forward;
    std::size_t tokens = 0;       ///< rows of its output
    std::size_t out_features = 0; ///< columns of its output

    /// Floats for two outputs, beside those that `smooth` needs.
    constexpr std::size_t workspace_size() const noexcept { return 2 * tokens * out_features; }
};

template <class F>
parent(F, std::size_t, std::size_t) -> parent<F>;

/// Mean squared error between the parent's output with the original weights and with a candidate's:
/// llm-compressor's loss. A callable for `scale_search`.
template <parent_forward F, execution E>
class parent_output_loss {
public:
    /// `weights`: the originals. `memory`: `source.workspace_size()` floats.
    parent_output_loss(const E& how, parent<F>& source, std::span<const matrix_view<const float>> weights,
                       std::span<float> memory, loss_mask mask = {})
        : how_(how), source_(source), mask_(mask), expected_(memory.data(), source.tokens, source.out_features),
          actual_(memory.data() + expected_.size(), source.tokens, source.out_features)
    {
        source_.forward(weights, expected_);
    }

    double operator()(std::span<const matrix_view<const float>> candidates)
    {
        source_.forward(candidates, actual_);
        return output_error(how_, matrix_view<const float>{expected_}, matrix_view<const float>{actual_}, mask_).mean();
    }

private:
    const E& how_;
    parent<F>& source_;
    loss_mask mask_;
    matrix_view<float> expected_, actual_;
};

} // namespace awq

#endif
