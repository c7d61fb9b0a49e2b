// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_DEVICE_HPP
#define AWQ_DEVICE_HOST_DEVICE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/device/host/activate.hpp>
#include <awq/device/host/attend.hpp>
#include <awq/device/host/channel_sums.hpp>
#include <awq/device/host/linear_forward.hpp>
#include <awq/device/host/norm_forward.hpp>
#include <awq/device/host/round_linear.hpp>
#include <awq/device/host/route.hpp>
#include <awq/device/host/row_steps.hpp>
#include <awq/device/host/search_mapping.hpp>
#include <awq/device/host/turn_heads.hpp>
#include <awq/execution/matrix_product.hpp>
#include <awq/execution/products/mirror_upper.hpp>
#include <awq/execution/products/upper_gram.hpp>
#include <awq/execution/widen.hpp>
#include <awq/quantization/cholesky.hpp>
#include <awq/quantization/clip_weights.hpp>
#include <awq/quantization/error_feedback.hpp>
#include <awq/quantization/gguf/quantize_rows.hpp>
#include <awq/quantization/least_squares_target.hpp>
#include <awq/quantization/pseudo_quantize.hpp>
#include <awq/smoothing/apply_scales.hpp>
#include <awq/support/finite.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace awq {

/// The processor: our kernels, with a matrix product and an execution.
template <class Product, execution E>
requires matrix_product<Product, E>
class AWQ_ABI_TAG host_device final : public device {
public:
    explicit host_device(E how = {}) : how_(std::move(how)), solving_(for_solving(how_)) {}

    void set_precision(precision operands) override
    {
        how_ = with_precision(how_, operands);
        solving_ = for_solving(how_);
    }
    any_execution tasks() const noexcept override { return any_execution{how_}; }

    void copy(matrix_view<const float> from, matrix_view<float> to) override
    {
        for_each_row(how_, from.rows(), [&](std::size_t r) { std::ranges::copy(from.row(r), to.row(r).begin()); });
    }
    void copy_columns(const column_copy& what, matrix_view<const float> from, matrix_view<float> to) override
    {
        awq::copy_columns(how_, what, from, to);
    }
    void clear(matrix_view<float> x) override
    {
        for_each_row(how_, x.rows(), [&](std::size_t r) { std::ranges::fill(x.row(r), 0.0f); });
    }
    void widen(matrix_view<const bf16> from, matrix_view<float> to) override { awq::widen(how_, from, to); }
    void narrow(matrix_view<const float> from, matrix_view<bf16> to) override
    {
        for_each_row(how_, from.rows(), [&](std::size_t r) {
            std::ranges::transform(from.row(r), to.row(r).begin(), [](float x) { return bf16{x}; });
        });
    }
    bool is_finite(matrix_view<const float> x) override
    {
        std::atomic<bool> all{true};
        for_each_row(how_, x.rows(), [&](std::size_t r) {
            if (!all_finite(x.row(r))) all = false;
        });
        return all;
    }

    void linear(const linear_view& layer, matrix_view<const float> input, matrix_view<float> output) override
    {
        linear_forward<Product>(how_, layer, input, output);
    }
    void norm(const norm_view& how, matrix_view<const float> input, matrix_view<float> output) override
    {
        norm_forward(how_, how, input, output);
    }
    void turn_heads(const head_turn& how, std::span<const std::size_t> positions, matrix_view<float> x) override
    {
        awq::turn_heads(how_, how, positions, x);
    }
    status attend(const attention_rule& rule, const sequences& batch, std::size_t start, matrix_view<const float> q,
                  matrix_view<const float> k, matrix_view<const float> v, matrix_view<float> out) override
    {
        return attend_all<Product>(how_, rule, batch, start, q, k, v, out);
    }
    void activate(activation act, matrix_view<float> x) override { awq::activate(how_, act, x); }
    void activate_xielu(float alpha_p, float alpha_n, matrix_view<float> x) override
    {
        awq::activate_xielu(how_, alpha_p, alpha_n, x);
    }
    void multiply_activated(activation act, matrix_view<const float> up, matrix_view<float> gate) override
    {
        awq::multiply_activated(how_, act, up, gate);
    }
    void gate_rows(matrix_view<const float> shares, matrix_view<float> x) override { awq::gate_rows(how_, shares, x); }
    void scale_rows(std::span<const float> factors, matrix_view<float> x) override
    {
        awq::scale_rows(how_, factors, x);
    }
    void clamp(float limit, matrix_view<float> x) override { clamp_rows(how_, limit, x); }
    void add(float factor, matrix_view<const float> x, matrix_view<float> y) override { add_rows(how_, factor, x, y); }
    void cap(float factor, float cap, matrix_view<float> x) override { cap_rows(how_, factor, cap, x); }
    std::vector<std::vector<routed_token>> route(const router_rule& rule, std::span<const float> bias,
                                                 matrix_view<float> logits) override
    {
        return awq::route(rule, bias, logits);
    }
    void gather(std::span<const routed_token> tokens, bool weighs, matrix_view<const float> from,
                matrix_view<float> to) override
    {
        gather_rows(how_, tokens, weighs, from, to);
    }
    void scatter(std::span<const routed_token> tokens, bool weighs, matrix_view<const float> from,
                 matrix_view<float> to) override
    {
        scatter_rows(how_, tokens, weighs, from, to);
    }

    status add_sums(matrix_view<const float> x, activation_stats& sums, std::span<float> largest) override
    {
        raise_largest(how_, x, largest);
        return sums.template observe<Product>(how_, x);
    }
    void add_upper_gram(matrix_view<const float> x, matrix_view<float> g) override
    {
        awq::add_upper_gram<Product>(how_, x, g);
    }
    void mirror_upper(matrix_view<float> g) override { awq::mirror_upper(how_, g); }
    void add_cross_gram(matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g) override
    {
        Product::add_cross_gram(how_, x, y, g);
    }
    void divide_gram(std::span<const double> scales, matrix_view<float> gram) override
    {
        awq::divide_gram(how_, scales, gram);
    }
    void divide_columns(std::span<const double> scales, matrix_view<float> x) override
    {
        awq::divide_columns(how_, scales, x);
    }

    result<found_scales> search(const mapping_search& what) override { return search_mapping<Product>(how_, what); }
    squared_error compare(matrix_view<const float> expected, matrix_view<const float> actual) override
    {
        return output_error(how_, expected, actual);
    }
    double gram_error(matrix_view<const float> weight, matrix_view<const float> candidate,
                      matrix_view<const float> gram, const row_sample& sample) override
    {
        constexpr std::size_t rows_at_once = 256;
        std::vector<float> memory(gram_loss_workspace_size(weight.cols()) * rows_at_once);
        const std::vector<float> zeros(candidate.empty() ? weight.cols() : 0);
        if (candidate.empty()) candidate = {zeros.data(), weight.rows(), weight.cols(), 0};
        return awq::gram_error<Product>(how_, weight, candidate, gram, memory, sample);
    }
    status apply_scales(const mapping& pair, std::span<const double> scales) override
    {
        return awq::apply_scales(how_, pair, scales);
    }
    void limit_smooth(const scale_limits& limits, const smooth_target& smooth, dtype storage) override
    {
        awq::limit_smooth(how_, limits, smooth, storage);
    }
    void limit_balance(const scale_limits& limits, matrix_view<const float> weight, dtype storage,
                       std::span<const std::uint32_t> column_scales) override
    {
        std::vector<float> magnitudes(weight.cols());
        raise_largest(how_, weight, magnitudes);
        awq::limit_balance(limits, magnitudes, storage, column_scales);
    }

    void clip_weights(const integer_quantizer& format, std::span<const float> importance,
                      matrix_view<float> weight) override
    {
        awq::clip_weights(how_, format, importance, weight);
    }
    status pseudo_quantize(const any_quantizer& format, matrix_view<const float> weight,
                           std::span<const float> importance, matrix_view<float> out) override
    {
        return awq::pseudo_quantize(how_, format, weight, importance, out);
    }
    status quantize_rows(const gguf::simd_block_quantizer& format, matrix_view<const float> rows,
                         std::span<const float> importance, std::span<std::byte> out) override
    {
        return gguf::quantize_rows(how_, format, rows, importance, out);
    }
    std::vector<float> diagonal(matrix_view<const float> gram) override
    {
        std::vector<float> values(gram.rows());
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = gram(i, i);
        return values;
    }
    void set_diagonal(std::span<const float> values, matrix_view<float> gram) override
    {
        for (std::size_t i = 0; i < values.size(); ++i) gram(i, i) = values[i];
    }
    bool factor_gram(float lambda, matrix_view<float> gram) override
    {
        std::vector<float> memory = memory_for(gram);
        return factor_damped_gram<Product>(solving_, gram, lambda, memory);
    }
    void solve(matrix_view<const float> l, matrix_view<float> x) override
    {
        std::vector<float> memory = memory_for(l);
        solve_cholesky<Product>(solving_, l, x, memory);
    }
    void move_to_target(matrix_view<const float> transfer, float share, matrix_view<float> weight) override
    {
        std::vector<float> memory = memory_for(transfer);
        awq::move_to_target<Product>(solving_, weight, transfer, share, memory);
    }
    void add_share(matrix_view<const float> change, float share, matrix_view<float> weight) override
    {
        awq::add_share(how_, weight, change, share);
    }
    bool make_feedback(float damping, matrix_view<float> gram) override
    {
        std::vector<float> memory = memory_for(gram);
        return awq::make_feedback<Product>(solving_, gram, damping, memory);
    }
    void restore_gram(std::span<const float> diagonal, matrix_view<float> gram) override
    {
        awq::restore_gram(how_, gram, diagonal);
    }
    quantized_linear round(const any_quantizer& format, const linear_rounding& by, matrix_view<float> weight) override
    {
        return linear_rounder<Product, E>{solving_, by}.round(format, weight);
    }

private:
    static std::vector<float> memory_for(matrix_view<const float> square)
    {
        return std::vector<float>(cholesky_scratch(square.rows()));
    }

    E how_, solving_; ///< what is solved and fed back needs more digits
};

} // namespace awq

#endif
