// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_BLOCK_STAGES_HPP
#define AWQ_BLOCK_BLOCK_STAGES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/block/ordered_grams.hpp>
#include <awq/device/device.hpp>
#include <awq/execution/scratch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace awq {

/// Two streams of hidden states that go through a block stage by stage: the original one, and the
/// one that the rounded layers produce. A stage is what leads to a value that linear layers read; the
/// stages come in the order of the layout's inputs. Behind the last value of a segment `gather` carries
/// the original stream over the segment, and `pass` the rounded one, as soon as its readers are rounded.
class AWQ_ABI_TAG block_stages {
public:
    /// `original` and `rounded`: hidden states before the block, changed in place.
    /// `all`: the machines that each have some of the `tokens` tokens there are.
    block_stages(device& machine, const block_context& context, const sequences& batch, hidden_states& original,
                 hidden_states& rounded, machines& all, std::size_t tokens)
        : machine_(machine), context_(context), chunks_(cut_into_chunks(batch)), original_(original), rounded_(rounded),
          all_(all), tokens_(tokens)
    {}

    std::size_t tokens() const noexcept { return tokens_; }

    /// gram += Xr^T Xr and shift += (Xo - Xr)^T Xr for the layout's `input`, with Xo from the original
    /// stream and weights, Xr from the rounded ones; gives the rows of Xr. Of a layer `through` with few outputs,
    /// shift += (its outputs of Xo - Xr)^T Xr instead, its product with the former: less work and less memory.
    /// The tokens of an expert are not the same in both streams: of a routed value there is no shift.
    result<std::uint64_t> gather(std::size_t input, const block_weights& original, const block_weights& rounded,
                                 matrix_view<float> gram, matrix_view<float> shift, matrix_view<const float> through)
    {
        AWQ_TRY(std::uint64_t rows, gather_chunks(input, original, rounded, gram, shift, through));
        scratch::drop_kept(); // what comes next, solving, has large buffers of its own
        AWQ_CHECK(add_kept(gram, shift, rows));
        machine_.mirror_upper(gram);
        return rows;
    }

    /// Whether the layout's `input` is the last of its segment: behind it no stream needs what the segment holds.
    static bool is_last(const block_layout& layout, std::size_t input) { return place_of(layout, input).is_last; }

    /// Carries the rounded stream over a segment, if the layout's `input` is its last.
    status pass(std::size_t input, const block_weights& rounded)
    {
        const place at = place_of(*rounded.layout, input);
        if (!at.is_last) return {};
        for (const sequence_chunk& chunk : chunks_) {
            const block_context unseen{context_.config, context_.rope, context_.layer};
            AWQ_CHECK(with_rows(rounded_, chunk, true, [&](matrix_view<float> rows) {
                block_run run{machine_, unseen, rounded, chunk.batch, {}};
                return run_parts(run, at.segment, rows);
            }));
        }
        return {};
    }

private:
    /// Where a value is computed.
    struct place {
        block_input input;
        block_segment segment;
        bool is_last = false; ///< of its segment
        bool is_routed = false;
    };

    static place place_of(const block_layout& layout, std::size_t input)
    {
        const auto holds = [&](const block_segment& segment, value_id value) {
            for (std::size_t i = segment.first; i < segment.end; ++i) {
                const auto inner = inner_values(layout.parts[i]);
                if (ends_of(layout.parts[i]).second == value || std::ranges::find(inner, value) != inner.end())
                    return true;
            }
            return false;
        };
        place found{layout.inputs[input], {}, false, layout.inputs[input].is_routed};
        for (const block_segment& segment : layout.segments())
            if (holds(segment, found.input.value)) found.segment = segment;
        const bool is_end = input + 1 == layout.inputs.size();
        found.is_last = is_end || !holds(found.segment, layout.inputs[input + 1].value);
        return found;
    }

    static error no_memory() { return detail::no_memory("a decoder block"); }

    template <class Change>
    status with_rows(hidden_states& stream, const sequence_chunk& chunk, bool is_kept, const Change& change) const
    {
        return stream.with_rows(machine_, chunk.first_row, chunk.batch.tokens(), is_kept, change);
    }

    /// Gives the rows of the rounded stream's value.
    result<std::uint64_t> gather_chunks(std::size_t input, const block_weights& original, const block_weights& rounded,
                                        matrix_view<float> gram, matrix_view<float> shift,
                                        matrix_view<const float> through)
    {
        const place at = place_of(*rounded.layout, input);
        std::size_t most = 0;
        for (const sequence_chunk& chunk : chunks_) most = std::max(most, chunk.batch.tokens());
        const scratch memory{shift.empty() ? 0 : most * gram.cols()}; // kept by the thread
        if (!memory) return no_memory();
        std::uint64_t rows = 0;
        for (const sequence_chunk& chunk : chunks_) {
            const matrix_view<float> kept{memory.data(), shift.empty() ? 0 : chunk.batch.tokens(), gram.cols()};
            const auto keep = [&](matrix_view<const float> x) {
                if (!kept.empty()) machine_.copy(x, kept);
                return status{};
            };
            const auto add = [&](matrix_view<const float> x) -> status {
                rows += x.rows();
                if (all_.are_several())
                    kept_.push_back(copy_of(machine_, x));
                else
                    machine_.add_upper_gram(x, gram);
                return kept.empty() ? status{} : add_shift(kept, x, shift, through);
            };
            if (at.is_last || !kept.empty()) AWQ_CHECK(show(at, chunk, original, original_, at.is_last, keep));
            AWQ_CHECK(show(at, chunk, rounded, rounded_, false, add));
        }
        return rows;
    }

    /// Calls see(value) with the value of one chunk. `goes_on`: the stream is carried over the segment, else it stays.
    template <class See>
    status show(const place& at, const sequence_chunk& chunk, const block_weights& weights, hidden_states& stream,
                bool goes_on, const See& see)
    {
        status seen;
        const auto observe = [&](std::string_view name, matrix_view<const float> x) {
            if (name == at.input.name) seen = see(x);
        };
        block_run run{machine_, context_, weights, chunk.batch, observe};
        block_segment parts = at.segment;
        if (!goes_on) {
            run.wanted = at.input.value;
            while (writes_hidden(weights.layout->parts[parts.end - 1])) --parts.end;
        }
        AWQ_CHECK(with_rows(stream, chunk, goes_on, [&](matrix_view<float> x) { return run_parts(run, parts, x); }));
        return seen;
    }

    /// What several machines have kept, in their order.
    status add_kept(matrix_view<float> gram, matrix_view<float> shift, std::uint64_t& rows)
    {
        if (!all_.are_several()) return {};
        AWQ_CHECK(add_upper_grams(machine_, all_, kept_, gram));
        if (!shift.empty()) AWQ_CHECK(add_cross_grams(machine_, all_, kept_changes_, kept_, shift));
        kept_.clear();
        kept_changes_.clear();
        std::uint64_t sum = 0;
        const std::span<std::byte> piece = std::as_writable_bytes(std::span{&sum, 1});
        AWQ_CHECK(all_.in_order({&piece, 1}, [&](std::size_t) -> status {
            sum += rows;
            return {};
        }));
        rows = sum;
        return {};
    }

    /// shift += (a - b)^T b, or (a - b through a layer)^T b; a is used up.
    status add_shift(matrix_view<float> a, matrix_view<const float> b, matrix_view<float> shift,
                     matrix_view<const float> through)
    {
        const auto add = [&](matrix_view<const float> change) {
            if (all_.are_several())
                kept_changes_.push_back(copy_of(machine_, change));
            else
                machine_.add_cross_gram(change, b, shift);
            return status{};
        };
        machine_.add(-1.0f, b, a);
        if (through.empty()) return add(a);
        const scratch memory{a.rows() * through.rows()};
        if (!memory) return no_memory();
        const matrix_view<float> outputs{memory.data(), a.rows(), through.rows()};
        machine_.linear({through}, a, outputs);
        return add(outputs);
    }

    device& machine_;
    const block_context& context_;
    std::vector<sequence_chunk> chunks_;
    hidden_states &original_, &rounded_;
    machines& all_;
    std::size_t tokens_;
    std::vector<host_matrix> kept_, kept_changes_; ///< of the chunks, for `add_kept`
};

} // namespace awq

#endif
