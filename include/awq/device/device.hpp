// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_DEVICE_HPP
#define AWQ_DEVICE_DEVICE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/calibration/activation_stats.hpp>
#include <awq/config.hpp>
#include <awq/device/declare_device.hpp>
#include <awq/device/forward/activation.hpp>
#include <awq/device/forward/attention_rule.hpp>
#include <awq/device/forward/column_copy.hpp>
#include <awq/device/forward/head_turn.hpp>
#include <awq/device/forward/linear_view.hpp>
#include <awq/device/forward/norm_view.hpp>
#include <awq/device/forward/router_rule.hpp>
#include <awq/device/forward/sequences.hpp>
#include <awq/device/found_scales.hpp>
#include <awq/device/linear_rounding.hpp>
#include <awq/device/mapping_search.hpp>
#include <awq/device/quantized_linear.hpp>
#include <awq/execution/any_execution.hpp>
#include <awq/execution/precision.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/search/output_loss.hpp>
#include <awq/smoothing/mapping.hpp>
#include <awq/smoothing/scale_limits.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace awq {

/// Who computes: the operations in which models, blocks and whole runs spend their time. They are written against this
/// interface and know neither products nor threads; `host_device` is the processor.
///
/// Views may have a stride, and an output overlaps no input but where it is said. Sums run in an order that depends on
/// shapes alone. Rows of activations are tokens; a weight is (out_features, in_features).
class AWQ_ABI_TAG device {
public:
    virtual ~device() = default;

    /// What the operands of large products are from now on. Where a result must hold more digits (`factor_gram` to
    /// `round`), the device takes care of it.
    virtual void set_precision(precision operands) = 0;
    /// For loops over host memory.
    virtual any_execution tasks() const noexcept = 0;

    // ---- rows of activations

    /// The same shape, the same elements.
    virtual void copy(matrix_view<const float> from, matrix_view<float> to) = 0;
    virtual void copy_columns(const column_copy& what, matrix_view<const float> from, matrix_view<float> to) = 0;
    virtual void clear(matrix_view<float> x) = 0;
    virtual void widen(matrix_view<const bf16> from, matrix_view<float> to) = 0;
    /// To the nearest, ties to even.
    virtual void narrow(matrix_view<const float> from, matrix_view<bf16> to) = 0;
    virtual bool is_finite(matrix_view<const float> x) = 0;

    // ---- the forward pass

    /// output = input weight^T + bias: (tokens, in_features) to (tokens, out_features).
    virtual void linear(const linear_view& layer, matrix_view<const float> input, matrix_view<float> output) = 0;
    /// Every row; the output may be the input.
    virtual void norm(const norm_view& how, matrix_view<const float> input, matrix_view<float> output) = 0;
    /// Norm and rotation of every head, (tokens, heads * head), in place; `positions` of the tokens.
    virtual void turn_heads(const head_turn& how, std::span<const std::size_t> positions, matrix_view<float> x) = 0;
    /// All heads of all sequences: q (tokens, heads * head), k (keys, kv_heads * head), v (keys,
    /// kv_heads * value_head) and out (tokens, heads * value_head), which may be q where heads and value
    /// heads are of one size. The first query stands at position `start`, and so do `start` keys before it.
    virtual status attend(const attention_rule& rule, const sequences& batch, std::size_t start,
                          matrix_view<const float> q, matrix_view<const float> k, matrix_view<const float> v,
                          matrix_view<float> out) = 0;
    /// x = act(x).
    virtual void activate(activation act, matrix_view<float> x) = 0;
    /// x = xIELU(x) (Huang & Schlag 2024), with the logarithmic parameters that a layer learns.
    virtual void activate_xielu(float alpha_p, float alpha_n, matrix_view<float> x) = 0;
    /// gate = act(gate) * up.
    virtual void multiply_activated(activation act, matrix_view<const float> up, matrix_view<float> gate) = 0;
    /// x *= sigmoid(shares); shares of one column count for whole rows.
    virtual void gate_rows(matrix_view<const float> shares, matrix_view<float> x) = 0;
    /// Every row times its own factor.
    virtual void scale_rows(std::span<const float> factors, matrix_view<float> x) = 0;
    /// Every element between -limit and limit.
    virtual void clamp(float limit, matrix_view<float> x) = 0;
    /// y += factor x.
    virtual void add(float factor, matrix_view<const float> x, matrix_view<float> y) = 0;
    /// x *= factor, and then x = cap tanh(x / cap) but for a cap of 0.
    virtual void cap(float factor, float cap, matrix_view<float> x) = 0;
    /// The tokens of each expert. `logits` (tokens, experts) is used up; `bias` (experts) or empty is
    /// added to the scores for the choice, but not for the weights.
    virtual std::vector<std::vector<routed_token>> route(const router_rule& rule, std::span<const float> bias,
                                                         matrix_view<float> logits) = 0;
    /// Row i of `to` = row `tokens[i].token` of `from`, times its weight if it `weighs`.
    virtual void gather(std::span<const routed_token> tokens, bool weighs, matrix_view<const float> from,
                        matrix_view<float> to) = 0;
    /// Row `tokens[i].token` of `to` += row i of `from`, the same way.
    virtual void scatter(std::span<const routed_token> tokens, bool weighs, matrix_view<const float> from,
                         matrix_view<float> to) = 0;

    // ---- statistics

    /// Adds a batch to sums (without a Gram matrix), and raises the largest |x| of each channel.
    virtual status add_sums(matrix_view<const float> x, activation_stats& sums, std::span<float> largest) = 0;
    /// g += x^T x, of which only the upper triangle is sure to hold it until `mirror_upper`.
    virtual void add_upper_gram(matrix_view<const float> x, matrix_view<float> g) = 0;
    virtual void mirror_upper(matrix_view<float> g) = 0;
    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    virtual void add_cross_gram(matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g) = 0;
    /// The Gram matrix of inputs that are divided by `scales`, one for each channel.
    virtual void divide_gram(std::span<const double> scales, matrix_view<float> gram) = 0;
    /// Each column of x by its scale.
    virtual void divide_columns(std::span<const double> scales, matrix_view<float> x) = 0;

    // ---- search and smoothing

    /// Errors: those of `scale_search`, and of the machines that search together.
    virtual result<found_scales> search(const mapping_search& what) = 0;
    /// The squared error of one output against another of the same shape.
    virtual squared_error compare(matrix_view<const float> expected, matrix_view<const float> actual) = 0;
    /// The squared error of a layer's outputs, summed over tokens and outputs, by the Gram matrix of its inputs; an
    /// empty `candidate` stands for zeros. Only the rows of `sample` are looked at.
    virtual double gram_error(matrix_view<const float> weight, matrix_view<const float> candidate,
                              matrix_view<const float> gram, const row_sample& sample) = 0;
    /// See `awq::apply_scales`, and so for the two that follow.
    virtual status apply_scales(const mapping& pair, std::span<const double> scales) = 0;
    virtual void limit_smooth(const scale_limits& limits, const smooth_target& smooth, dtype storage) = 0;
    virtual void limit_balance(const scale_limits& limits, matrix_view<const float> weight, dtype storage,
                               std::span<const std::uint32_t> column_scales) = 0;

    // ---- rounding

    /// See `awq::clip_weights`.
    virtual void clip_weights(const integer_quantizer& format, std::span<const float> importance,
                              matrix_view<float> weight) = 0;
    /// Replaces weights by what their codes stand for; `out` may be `weight`. Errors: those of
    /// `awq::pseudo_quantize`.
    virtual status pseudo_quantize(const any_quantizer& format, matrix_view<const float> weight,
                                   std::span<const float> importance, matrix_view<float> out) = 0;
    /// See `awq::gguf::quantize_rows`.
    virtual status quantize_rows(const gguf::simd_block_quantizer& format, matrix_view<const float> rows,
                                 std::span<const float> importance, std::span<std::byte> out) = 0;
    /// The diagonal of a square matrix.
    virtual std::vector<float> diagonal(matrix_view<const float> gram) = 0;
    virtual void set_diagonal(std::span<const float> values, matrix_view<float> gram) = 0;
    /// The Cholesky factor of gram + lambda diag(gram), in place of the lower triangle; what is above the diagonal
    /// stays. False where that matrix is not positive definite.
    [[nodiscard]] virtual bool factor_gram(float lambda, matrix_view<float> gram) = 0;
    /// x = x (l l^T)^-1 in place: x (m, n), l (n, n) from `factor_gram`.
    virtual void solve(matrix_view<const float> l, matrix_view<float> x) = 0;
    /// weight += share weight transfer: see `awq::move_to_target`.
    virtual void move_to_target(matrix_view<const float> transfer, float share, matrix_view<float> weight) = 0;
    /// weight += share change.
    virtual void add_share(matrix_view<const float> change, float share, matrix_view<float> weight) = 0;
    /// The feedback matrix above the diagonal of `gram`, see `awq::make_feedback`; false where it has none.
    [[nodiscard]] virtual bool make_feedback(float damping, matrix_view<float> gram) = 0;
    /// The Gram matrix that it was made of, with its diagonal.
    virtual void restore_gram(std::span<const float> diagonal, matrix_view<float> gram) = 0;
    /// Rounds `weight` and replaces it by what the codes stand for.
    virtual quantized_linear round(const any_quantizer& format, const linear_rounding& by,
                                   matrix_view<float> weight) = 0;

protected:
    device() = default;
    device(const device&) = default;
    device& operator=(const device&) = default;
};

} // namespace awq

#endif
