// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_DEVICE_RECORDING_DEVICE_HPP
#define AWQ_TESTS_DEVICE_RECORDING_DEVICE_HPP

#include <awq/device/device.hpp>

#include <cstddef>
#include <map>
#include <string>

namespace test {

/// Lets another device do the work, and counts what it is asked for.
class recording_device final : public awq::device {
    using in = awq::matrix_view<const float>;
    using io = awq::matrix_view<float>;
    using floats = std::span<const float>;

public:
    explicit recording_device(awq::device& worker) : worker_(worker) {}

    std::size_t count(const std::string& operation) const
    {
        const auto found = counts_.find(operation);
        return found == counts_.end() ? 0 : found->second;
    }

    void set_precision(awq::precision operands) override { on("set_precision").set_precision(operands); }
    awq::any_execution tasks() const noexcept override { return worker_.tasks(); }
    void copy(in from, io to) override { on("copy").copy(from, to); }
    void copy_columns(const awq::column_copy& what, in from, io to) override
    {
        on("copy_columns").copy_columns(what, from, to);
    }
    void clear(io x) override { on("clear").clear(x); }
    void widen(awq::matrix_view<const awq::bf16> from, io to) override { on("widen").widen(from, to); }
    void narrow(in from, awq::matrix_view<awq::bf16> to) override { on("narrow").narrow(from, to); }
    bool is_finite(in x) override { return on("is_finite").is_finite(x); }
    void linear(const awq::linear_view& layer, in input, io output) override
    {
        on("linear").linear(layer, input, output);
    }
    void norm(const awq::norm_view& how, in input, io output) override { on("norm").norm(how, input, output); }
    void turn_heads(const awq::head_turn& how, std::span<const std::size_t> positions, io x) override
    {
        on("turn_heads").turn_heads(how, positions, x);
    }
    awq::status attend(const awq::attention_rule& rule, const awq::sequences& batch, std::size_t start, in q, in k,
                       in v, io out) override
    {
        return on("attend").attend(rule, batch, start, q, k, v, out);
    }
    void activate(awq::activation act, io x) override { on("activate").activate(act, x); }
    void activate_xielu(float p, float n, io x) override { on("activate_xielu").activate_xielu(p, n, x); }
    void multiply_activated(awq::activation act, in up, io gate) override
    {
        on("multiply_activated").multiply_activated(act, up, gate);
    }
    void gate_rows(in shares, io x) override { on("gate_rows").gate_rows(shares, x); }
    void scale_rows(floats factors, io x) override { on("scale_rows").scale_rows(factors, x); }
    void clamp(float limit, io x) override { on("clamp").clamp(limit, x); }
    void add(float factor, in x, io y) override { on("add").add(factor, x, y); }
    void cap(float factor, float limit, io x) override { on("cap").cap(factor, limit, x); }
    std::vector<std::vector<awq::routed_token>> route(const awq::router_rule& rule, floats bias, io logits) override
    {
        return on("route").route(rule, bias, logits);
    }
    void gather(std::span<const awq::routed_token> tokens, bool weighs, in from, io to) override
    {
        on("gather").gather(tokens, weighs, from, to);
    }
    void scatter(std::span<const awq::routed_token> tokens, bool weighs, in from, io to) override
    {
        on("scatter").scatter(tokens, weighs, from, to);
    }
    awq::status add_sums(in x, awq::activation_stats& sums, std::span<float> largest) override
    {
        return on("add_sums").add_sums(x, sums, largest);
    }
    void add_upper_gram(in x, io g) override { on("add_upper_gram").add_upper_gram(x, g); }
    void mirror_upper(io g) override { on("mirror_upper").mirror_upper(g); }
    void add_cross_gram(in x, in y, io g) override { on("add_cross_gram").add_cross_gram(x, y, g); }
    void divide_gram(std::span<const double> scales, io gram) override { on("divide_gram").divide_gram(scales, gram); }
    void divide_columns(std::span<const double> scales, io x) override
    {
        on("divide_columns").divide_columns(scales, x);
    }
    awq::result<awq::found_scales> search(const awq::mapping_search& what) override
    {
        return on("search").search(what);
    }
    awq::squared_error compare(in expected, in actual) override { return on("compare").compare(expected, actual); }
    double gram_error(in weight, in candidate, in gram, const awq::row_sample& sample) override
    {
        return on("gram_error").gram_error(weight, candidate, gram, sample);
    }
    awq::status apply_scales(const awq::mapping& pair, std::span<const double> scales) override
    {
        return on("apply_scales").apply_scales(pair, scales);
    }
    void limit_smooth(const awq::scale_limits& limits, const awq::smooth_target& smooth, awq::dtype storage) override
    {
        on("limit_smooth").limit_smooth(limits, smooth, storage);
    }
    void limit_balance(const awq::scale_limits& limits, in weight, awq::dtype storage,
                       std::span<const std::uint32_t> columns) override
    {
        on("limit_balance").limit_balance(limits, weight, storage, columns);
    }
    void clip_weights(const awq::integer_quantizer& format, floats importance, io weight) override
    {
        on("clip_weights").clip_weights(format, importance, weight);
    }
    awq::status pseudo_quantize(const awq::any_quantizer& format, in weight, floats importance, io out) override
    {
        return on("pseudo_quantize").pseudo_quantize(format, weight, importance, out);
    }
    awq::status quantize_rows(const awq::gguf::simd_block_quantizer& format, in rows, floats importance,
                              std::span<std::byte> out) override
    {
        return on("quantize_rows").quantize_rows(format, rows, importance, out);
    }
    std::vector<float> diagonal(in gram) override { return on("diagonal").diagonal(gram); }
    void set_diagonal(floats values, io gram) override { on("set_diagonal").set_diagonal(values, gram); }
    bool factor_gram(float lambda, io gram) override { return on("factor_gram").factor_gram(lambda, gram); }
    void solve(in l, io x) override { on("solve").solve(l, x); }
    void move_to_target(in transfer, float share, io weight) override
    {
        on("move_to_target").move_to_target(transfer, share, weight);
    }
    void add_share(in change, float share, io weight) override { on("add_share").add_share(change, share, weight); }
    bool make_feedback(float damping, io gram) override { return on("make_feedback").make_feedback(damping, gram); }
    void restore_gram(floats values, io gram) override { on("restore_gram").restore_gram(values, gram); }
    awq::quantized_linear round(const awq::any_quantizer& format, const awq::linear_rounding& by, io weight) override
    {
        return on("round").round(format, by, weight);
    }

private:
    awq::device& on(const char* operation)
    {
        ++counts_[operation];
        return worker_;
    }

    awq::device& worker_;
    std::map<std::string, std::size_t> counts_;
};

} // namespace test

#endif
