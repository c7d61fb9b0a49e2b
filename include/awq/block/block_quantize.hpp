// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_QUANTIZE_HPP
#define AWQ_BLOCK_BLOCK_QUANTIZE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_search.hpp>
#include <awq/block/block_stages.hpp>
#include <awq/block/count_tokens.hpp>
#include <awq/block/round_shared.hpp>
#include <awq/device/device.hpp>
#include <awq/quantization/storage_rounding.hpp>
#include <awq/report/run_report.hpp>
#include <awq/report/stopwatch.hpp>
#include <awq/tensor/storage_range.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Quantizes the linear layers of a smoothed block, in the order in which their inputs are computed.
///
/// With a least-squares target two streams of activations go through the block: the original one,
/// and the one that the already quantized layers produce. Without, the statistics of the original
/// inputs serve all layers. Either way the statistics' Gram matrices are used up: they are among the
/// largest things that a run keeps, so there are never more than two of one input.
///
/// A compensating run rounds as llama.cpp's quantizer will when it is handed the least-squares
/// targets in the checkpoint's 16 bits (`compensated`) and the importance of `rounded_statistics`.
class AWQ_ABI_TAG block_quantizer_run {
public:
    block_quantizer_run(device& machine, const block_tensors& smoothed, block_statistics& statistics,
                        const quantizer_choice& formats, const block_settings& options, run_report& report,
                        machines& all = alone())
        : machine_(machine), smoothed_(smoothed), quantized_(smoothed.borrow(machine)), statistics_(statistics),
          formats_(formats), options_(options), report_(report), all_(all)
    {}

    /// Compensates: what the checkpoint stores, and so what is rounded, has the elements of
    /// `storage`. For `run_sequential`.
    void store_targets(const storage_choice& storage)
    {
        storage_ = &storage;
        quantized_ = smoothed_.copy(machine_);
        rounded_statistics_.emplace(smoothed_.layout());
        for (auto& [name, tensor] : quantized_.all()) {
            constexpr std::string_view suffix = ".weight";
            const std::string module = name.substr(0, name.size() - suffix.size());
            const bool is_linear = name.ends_with(suffix) && is_block_linear(module);
            if (!is_linear || !formats_(module)) store(name, values_of(tensor));
            quantized_.release(view_of(std::as_const(tensor)));
        }
        compensated_ = quantized_.copy(machine_);
    }

    /// Of a layer that is rounded nothing but its codes will be wanted: weights are freed when both streams have gone
    /// over them. `smoothed`: what this run was made for. For `run_sequential`.
    void keep_codes_only(block_tensors& smoothed) noexcept { freed_ = &smoothed; }

    /// Rounds every layer as if the layers before it were not rounded.
    status run_alone()
    {
        watch_.lap();
        for (const block_input& input : smoothed_.layout().inputs) {
            if (takes_rows(input)) {
                AWQ_CHECK(quantize_stage(input, view_of(shared_.gram), shared_.tokens, nullptr));
                continue;
            }
            input_statistics& stats = statistics_.of(input.name);
            host_matrix gram = stats.gram().take();
            AWQ_CHECK(quantize_stage(input, view_of(gram), stats.tokens(), nullptr));
            if (smoothed_.layout().is_shared(input.value)) shared_ = {std::move(gram), stats.tokens(), false};
        }
        return {};
    }

    /// Rounds every layer on what the rounded layers before it produce; both streams come out behind
    /// the block.
    status run_sequential(block_stages& stages)
    {
        statistics_.drop_grams();
        const std::vector<block_input>& inputs = smoothed_.layout().inputs;
        watch_.lap();
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            AWQ_CHECK(quantize_sequential(stages, i));
            AWQ_CHECK(stages.pass(i, quantized_.weights()));
            if (freed_ && block_stages::is_last(smoothed_.layout(), i)) {
                drop_rounded(*freed_, i + 1);
                drop_rounded(quantized_, i + 1);
            }
            spent("streams");
        }
        return {};
    }

    const quantized_linears& linears() const noexcept { return linears_; }
    /// The block with every quantized weight replaced by what its codes stand for.
    const block_tensors& dequantized() const noexcept { return quantized_; }
    /// The block with every weight that is to be rounded replaced by its target; null unless
    /// `store_targets` was called.
    const block_tensors* compensated() const noexcept { return compensated_ ? &*compensated_ : nullptr; }
    /// Sums of x^2 of what the rounded layers are given; of a compensating run only.
    const block_statistics* rounded_statistics() const noexcept
    {
        return rounded_statistics_ ? &*rounded_statistics_ : nullptr;
    }

private:
    /// What all experts of the block read, for those that got few tokens of it.
    struct shared_input {
        host_matrix gram = xtensor_backend::make(0, 0);
        std::uint64_t tokens = 0;
        bool has_targets = false; ///< weights that read it were moved
    };

    /// Whether a value is some rows of another: what an expert is given.
    bool takes_rows(const block_input& input) const noexcept
    {
        return smoothed_.layout().whole_of(input.value) != input.value;
    }
    /// Whether so many tokens say less of an expert's inputs than all tokens of the block do.
    static bool is_little(const block_input& input, std::uint64_t tokens) noexcept
    {
        return are_few_tokens(tokens, input.width);
    }

    bool is_block_linear(std::string_view module) const noexcept { return smoothed_.layout().find(module) != nullptr; }
    void store(const std::string& name, std::span<float> values) const
    {
        round_to_storage((*storage_)(smoothed_.prefix() + name), values);
    }

    status quantize_sequential(block_stages& stages, std::size_t index)
    {
        const block_input& input = smoothed_.layout().inputs[index];
        const std::vector<std::string_view> layers = moved_by(input);
        host_matrix gram = make_zeros(machine_.tasks(), input.width, input.width), shift;
        matrix_view<const float> through;
        if (layers.size() == 1 && 2 * smoothed_.weight(layers[0]).rows() < input.width)
            through = smoothed_.weight(layers[0]);
        const bool has_target = !input.is_routed && static_cast<double>(stages.tokens()) >= target_tokens(input.width);
        if (has_target)
            shift = make_zeros(machine_.tasks(), through.empty() ? input.width : through.rows(), input.width);
        AWQ_TRY(const std::uint64_t tokens, stages.gather(index, smoothed_.weights(), quantized_.weights(),
                                                          view_of(gram), view_of(shift), through));
        spent("streams");
        if (freed_ && block_stages::is_last(smoothed_.layout(), index)) drop_rounded(*freed_, index);
        if (smoothed_.layout().is_shared(input.value)) shared_ = {gram, tokens, false};
        if (takes_rows(input) && is_little(input, tokens))
            return quantize_stage(input, view_of(shared_.gram), shared_.tokens, nullptr);
        return quantize_stage(input, view_of(gram), tokens, input.is_routed ? nullptr : &shift);
    }

    /// Fewer do not tell where the weights should move.
    double target_tokens(std::size_t in_features) const noexcept
    {
        return options_.rounding.least_squares_tokens * static_cast<double>(in_features);
    }

    /// The layers that have a target by all tokens that an input is of.
    std::vector<std::string_view> moved_by(const block_input& input) const
    {
        return to_be_rounded(smoothed_.layout().readers_of(input.value));
    }

    /// Those of some layers that have a format, by name.
    std::vector<std::string_view> to_be_rounded(const std::vector<const block_linear*>& linears) const
    {
        std::vector<std::string_view> names;
        for (const block_linear* const linear : linears)
            if (!linear->is_router && formats_(linear->name)) names.push_back(linear->name);
        return names;
    }

    /// All layers that read one input. `gram`: of the inputs that they will get, used up; `shift`: what
    /// `block_stages::gather` gives, used up, or null.
    status quantize_stage(const block_input& input, matrix_view<float> gram, std::uint64_t tokens, host_matrix* shift)
    {
        const std::vector<std::string_view> layers = to_be_rounded(smoothed_.layout().whole_readers_of(input.value));
        const std::vector<std::string_view> moved = shift ? moved_by(input) : layers;
        if (moved.empty()) return {};
        for (const auto* const each : {&layers, &moved})
            for (const std::string_view linear : *each) quantized_.own(machine_, linear);
        const std::vector<float> diagonal = machine_.diagonal(gram);
        std::vector<float> importance = diagonal;
        for (float& each : importance) each /= static_cast<float>(std::max<std::uint64_t>(tokens, 1));
        if (rounded_statistics_) record(input.name, diagonal, tokens);
        stage_steps steps;
        const bool weighted = options_.rounding.importance && tokens != 0;
        if (weighted) steps.take("importance");
        if (tokens == 0) steps.miss("no statistics (no token was routed to the expert)");
        // Experts have targets by all tokens, and are rounded by their own.
        if (takes_rows(input) && shared_.has_targets) steps.take("least-squares target");
        if (shift) {
            const bool done = move_targets(moved, gram, diagonal, view_of(*shift), steps);
            if (smoothed_.layout().is_shared(input.value)) shared_.has_targets = done;
            *shift = host_matrix{};
        }
        const bool feedback = !layers.empty() && options_.rounding.error_feedback && tokens != 0 &&
                              prepare_feedback(gram, diagonal, steps);
        spent("solve");
        if (layers.empty()) return {};
        const linear_rounding by{feedback ? matrix_view<const float>{gram} : matrix_view<const float>{},
                                 weighted ? std::span<const float>{importance} : std::span<const float>{},
                                 shared_magnitude(layers), options_.rounding.clip_steps,
                                 options_.rounding.better_rounding};
        for (const std::string_view linear : layers) AWQ_CHECK(quantize_layer(linear, by));
        if (feedback) machine_.restore_gram(diagonal, gram);
        for (const std::string_view linear : layers) {
            tell(linear, feedback, gram, steps);
            release(linear);
        }
        spent("quantize");
        return {};
    }

    /// The rounded layers that read one of the first so many inputs.
    void drop_rounded(block_tensors& from, std::size_t inputs) const
    {
        const block_layout& layout = smoothed_.layout();
        for (const auto& [linear, made] : linears_)
            if (layout.input_of(layout.find(linear)->reads) < inputs) from.drop(linear);
    }

    void spent(const char* step) { report_.add_seconds(step, watch_.lap()); }

    void release(std::string_view linear) const
    {
        smoothed_.release(linear);
        quantized_.release(linear);
        if (compensated_) compensated_->release(linear);
    }

    /// What was done to the layers of a stage, and what could not be.
    struct stage_steps {
        std::string taken;
        std::vector<std::string> missed;

        void take(std::string_view step) { taken += (taken.empty() ? "" : ", ") + std::string{step}; }
        void miss(std::string step)
        {
            take(step);
            missed.push_back(std::move(step));
        }
    };

    void record(std::string_view input, std::span<const float> squares, std::uint64_t tokens)
    {
        activation_stats& sums = rounded_statistics_->of(input).sums();
        sums.tokens = tokens;
        std::ranges::copy(squares, sums.square_sum.begin());
    }

    /// The largest |w| of the layers in NVFP4: servers fuse them, and they have one scale in common.
    float shared_magnitude(std::span<const std::string_view> layers) const
    {
        float magnitude = 0.0f;
        for (const std::string_view linear : layers)
            if (formats_(linear)->get_if<fp4_quantizer>())
                magnitude = std::max(magnitude, fp4_quantizer::magnitude_of(quantized_.weight(linear)));
        return magnitude;
    }

    /// Replaces the weights by their least-squares targets, where there are tokens enough to know; whether
    /// it did. `gram` comes out as it went in.
    bool move_targets(std::span<const std::string_view> layers, matrix_view<float> gram,
                      std::span<const float> diagonal, matrix_view<float> shift, stage_steps& steps)
    {
        if (shift.empty()) {
            steps.miss("no least-squares target (fewer than 4 tokens a channel)");
            return false;
        }
        const rounding_options& rounding = options_.rounding;
        const bool factored = machine_.factor_gram(rounding.least_squares_lambda, gram);
        if (factored) machine_.solve(gram, shift);
        const bool is_transfer = shift.rows() == shift.cols(); // else it is the layer's own change
        for (const std::string_view linear : layers) {
            if (!factored) break;
            const matrix_view<float> weight = quantized_.weight(linear);
            if (is_transfer)
                machine_.move_to_target(shift, rounding.least_squares_share, weight);
            else
                machine_.add_share(shift, rounding.least_squares_share, weight);
            quantized_.release(linear);
        }
        // The factor lies below the diagonal; what is above it is still the Gram matrix.
        machine_.set_diagonal(diagonal, gram);
        machine_.mirror_upper(gram);
        if (factored)
            steps.take("least-squares target");
        else
            steps.miss("no least-squares target (Gram matrix not positive definite)");
        return factored;
    }

    /// The feedback matrix above the diagonal of `gram`; more damping is tried before giving up.
    bool prepare_feedback(matrix_view<float> gram, std::span<const float> diagonal, stage_steps& steps)
    {
        for (float damping = options_.rounding.damping; damping <= largest_damping; damping *= 10.0f) {
            if (!machine_.make_feedback(damping, gram)) {
                machine_.restore_gram(diagonal, gram);
                continue;
            }
            steps.take("error feedback");
            if (damping > options_.rounding.damping) steps.miss("damping raised (Gram matrix not positive definite)");
            return true;
        }
        steps.miss("no error feedback (Gram matrix not positive definite)");
        return false;
    }

    status quantize_layer(std::string_view linear, const linear_rounding& by)
    {
        const any_quantizer& format = *formats_(linear);
        const matrix_view<float> weight = quantized_.weight(linear);
        const std::string name = smoothed_.prefix() + std::string{linear};
        if (const auto fits = format.check(weight.cols()); !fits) return fits.error().within(name);
        if (compensated_) keep_target(linear, name, weight);
        AWQ_TRY(quantized_linear made, round_shared(all_, machine_, by, format, weight));
        linears_.insert_or_assign(std::string{linear}, std::move(made));
        return {};
    }

    /// What was done to a layer, in the report.
    void tell(std::string_view linear, bool has_feedback, matrix_view<const float> power, const stage_steps& steps)
    {
        const any_quantizer& format = *formats_(linear);
        const std::string name = smoothed_.prefix() + std::string{linear};
        report_.layers.push_back({name, format.name(), steps.taken, relative_error(linear, power), {}});
        for (const std::string& each : steps.missed) report_.fallbacks.add(each, name);
        const auto* const blocks = format.get_if<gguf::simd_block_quantizer>();
        if (has_feedback && blocks && !gguf::has_grid(blocks->type()))
            report_.fallbacks.add("no error feedback (" + format.name() + " has no grid to feed back to)", name);
    }

    void keep_target(std::string_view linear, const std::string& name, matrix_view<float> weight)
    {
        const dtype type = (*storage_)(name + ".weight");
        const auto is_held = [limit = range_of(type).largest](float value) { return std::fabs(value) <= limit; };
        if (!std::all_of(weight.data(), weight.data() + weight.size(), is_held)) {
            std::copy_n(smoothed_.weight(linear).data(), weight.size(), weight.data());
            report_.fallbacks.add(
                "no least-squares target (it is more than " + std::string{name_of(type)} + " can hold)", name);
        }
        store(std::string{linear} + ".weight", {weight.data(), weight.size()});
        std::copy_n(weight.data(), weight.size(), compensated_->weight(linear).data());
    }

    /// Output error over output power of the layer alone, on the calibration inputs.
    double relative_error(std::string_view linear, matrix_view<const float> power) const
    {
        const matrix_view<const float> original = smoothed_.weight(linear);
        constexpr std::size_t most_rows = 256;
        const row_sample some{original.rows(), std::min(most_rows, chunk_count(original.rows(), 4))};
        const double error = machine_.gram_error(original, quantized_.weight(linear), power, some);
        const double all = machine_.gram_error(original, {}, power, some);
        return all > 0.0 ? error / all : 0.0;
    }

    device& machine_;
    const block_tensors& smoothed_;
    block_tensors quantized_;
    block_statistics& statistics_;
    const quantizer_choice& formats_;
    const block_settings& options_;
    run_report& report_;
    stopwatch watch_;
    machines& all_;
    quantized_linears linears_;
    const storage_choice* storage_ = nullptr; ///< where targets are stored
    std::optional<block_tensors> compensated_;
    std::optional<block_statistics> rounded_statistics_;
    shared_input shared_;
    block_tensors* freed_ = nullptr; ///< the smoothed block, where its weights are not wanted any more
};

} // namespace awq

#endif
