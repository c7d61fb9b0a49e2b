// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_PARENT_LOSS_HPP
#define AWQ_BLOCK_PARENT_LOSS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/device/device.hpp>
#include <awq/search/output_loss.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Inputs of a parent module, kept for the search: whole sequences, row by row.
struct parent_inputs {
    sequences batch;
    host_matrix rows; ///< (tokens, hidden)
};

/// Keeps the inputs of attention, MLP and experts for every `stride`-th sequence while a block runs.
class parent_recorder {
public:
    /// `chunks`: those that will run, on all machines; `first`: the sequences of those that run before this machine's.
    parent_recorder(std::span<const sequence_chunk> chunks, const block_layout& layout, std::size_t stride,
                    std::size_t first = 0)
        : stride_(stride), begin_(first), first_sequence_(first)
    {
        sequences kept;
        std::size_t index = 0;
        for (const sequence_chunk& chunk : chunks)
            for (std::size_t s = 0; s < chunk.batch.count(); ++s)
                if (index++ % stride == 0) kept.push_back(chunk.batch.length(s));
        for (const block_part& part : layout.parts) {
            const std::size_t input = layout.input_of(ends_of(part).first);
            if (input == none_here || find(layout.inputs[input].name)) continue;
            parent_inputs& inputs = entries_.emplace_back(layout.inputs[input].name, parent_inputs{}).second;
            inputs.rows = xtensor_backend::make(kept.tokens(), layout.hidden_size);
            inputs.batch = kept;
        }
    }

    void begin(const sequence_chunk& chunk)
    {
        first_sequence_ += chunk_.count();
        chunk_ = chunk.batch;
    }

    /// Part of an observer.
    void observe(std::string_view layer, matrix_view<const float> input)
    {
        for (auto& [name, inputs] : entries_)
            if (name == layer) keep(inputs, input);
    }

    /// After the last chunk: all machines get the inputs that each has seen.
    status share(machines& all)
    {
        for (auto& [name, inputs] : entries_) {
            const auto row_of = [&](std::size_t sequence) {
                return inputs.batch.begin(chunk_count(sequence, stride_));
            };
            const row_range seen{row_of(begin_), row_of(first_sequence_ + chunk_.count())};
            AWQ_CHECK(all.share_rows(std::as_writable_bytes(values_of(inputs.rows)),
                                     inputs.rows.shape()[1] * sizeof(float), seen));
        }
        return {};
    }

    /// The inputs that a value's first reader is given; null where no part begins with them.
    const parent_inputs* find(std::string_view layer) const noexcept
    {
        for (const auto& [name, inputs] : entries_)
            if (name == layer) return &inputs;
        return nullptr;
    }

private:
    void keep(parent_inputs& into, matrix_view<const float> input) const
    {
        for (std::size_t i = 0; i < chunk_.count(); ++i) {
            const std::size_t sequence = first_sequence_ + i;
            if (sequence % stride_ != 0) continue;
            const auto from = input.rows_from(chunk_.begin(i), chunk_.length(i));
            const auto to = view_of(into.rows).rows_from(into.batch.begin(sequence / stride_), from.rows());
            for (std::size_t row = 0; row < from.rows(); ++row)
                std::copy_n(from.row(row).data(), from.cols(), to.row(row).data());
        }
    }

    std::size_t stride_;
    std::size_t begin_;              ///< the first sequence that this machine sees
    std::size_t first_sequence_ = 0; ///< of the chunk that runs, among all that do
    sequences chunk_;
    std::vector<std::pair<std::string, parent_inputs>> entries_; ///< by a value's first reader
};

/// llm-compressor's objective: the mean squared error at the parent module's output, re-run with the
/// candidate weights on the recorded inputs. A callable for `scale_search`.
/// `forward(weights, batch, input, output)` runs the parent; `weights` empty: the original ones.
template <class Forward>
class recorded_parent_loss {
public:
    recorded_parent_loss(device& machine, const parent_inputs& inputs, Forward forward)
        : machine_(machine), inputs_(inputs), forward_(std::move(forward)), chunks_(cut_into_chunks(inputs.batch)),
          expected_(xtensor_backend::make(inputs.rows.shape()[0], inputs.rows.shape()[1])),
          actual_(xtensor_backend::make(most_tokens(), inputs.rows.shape()[1]))
    {}

    /// Runs the parent with its original weights; call it once, before the search.
    status prepare()
    {
        for (const sequence_chunk& chunk : chunks_)
            AWQ_CHECK(forward_({}, chunk.batch, rows_of(inputs_.rows, chunk), rows_of(expected_, chunk)));
        return {};
    }

    double operator()(std::span<const matrix_view<const float>> weights)
    {
        squared_error error;
        for (const sequence_chunk& chunk : chunks_) {
            const auto output = view_of(actual_).rows_from(0, chunk.batch.tokens());
            if (!forward_(weights, chunk.batch, rows_of(inputs_.rows, chunk), output))
                return std::numeric_limits<double>::quiet_NaN();
            error += machine_.compare(rows_of(std::as_const(expected_), chunk), output);
        }
        return error.mean();
    }

private:
    template <class Matrix>
    static auto rows_of(Matrix& matrix, const sequence_chunk& chunk)
    {
        return view_of(matrix).rows_from(chunk.first_row, chunk.batch.tokens());
    }
    std::size_t most_tokens() const
    {
        std::size_t most = 0;
        for (const sequence_chunk& chunk : chunks_) most = std::max(most, chunk.batch.tokens());
        return most;
    }

    device& machine_;
    const parent_inputs& inputs_;
    Forward forward_;
    std::vector<sequence_chunk> chunks_;
    host_matrix expected_, actual_;
};

} // namespace awq

#endif
