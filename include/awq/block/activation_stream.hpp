// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_ACTIVATION_STREAM_HPP
#define AWQ_BLOCK_ACTIVATION_STREAM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/block/embed_samples.hpp>
#include <awq/block/hidden_states.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/device/device.hpp>
#include <awq/execution/machines.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/model/causal_lm.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Tokens that go through a block at a time: enough for large products, few enough to stay small.
inline constexpr std::size_t tokens_per_chunk = 2048;

/// Some neighbouring sequences of a stream.
struct sequence_chunk {
    std::size_t first_sequence = 0;
    std::size_t first_row = 0;
    sequences batch;
};

/// Cuts sequences into chunks of about `tokens_per_chunk` tokens, each at least one sequence long.
inline std::vector<sequence_chunk> cut_into_chunks(const sequences& batch)
{
    std::vector<sequence_chunk> chunks;
    for (std::size_t s = 0; s < batch.count(); ++s) {
        const std::size_t length = batch.length(s);
        if (chunks.empty() || chunks.back().batch.tokens() + length > tokens_per_chunk)
            chunks.push_back({s, batch.begin(s), {}});
        chunks.back().batch.push_back(length);
    }
    return chunks;
}

/// Calls `change(rows)` with each chunk's hidden states, (tokens, hidden), and keeps what it makes of them if
/// `is_kept`.
template <class Change>
status with_chunks(device& machine, const sequences& batch, hidden_states& hidden, bool is_kept, const Change& change)
{
    for (const sequence_chunk& chunk : cut_into_chunks(batch))
        AWQ_CHECK(hidden.with_rows(machine, chunk.first_row, chunk.batch.tokens(), is_kept, change));
    return {};
}

/// Evenly spaced chunks of at least `tokens` tokens, all of them where there are not more: they stand for the rest
/// where sums over tokens are compared with each other only.
inline std::vector<sequence_chunk> sample_of(const std::vector<sequence_chunk>& chunks, std::size_t tokens)
{
    std::size_t all = 0;
    for (const sequence_chunk& chunk : chunks) all += chunk.batch.tokens();
    if (all <= tokens) return chunks;
    const std::size_t count = std::min(chunks.size(), chunk_count(tokens * chunks.size(), all));
    std::vector<sequence_chunk> sample;
    for (std::size_t i = 0; i < count; ++i) sample.push_back(chunks[i * chunks.size() / count]);
    return sample;
}

/// Whether the hidden states behind a block are finite; the error names the block. A NaN or an infinity
/// stays in them, so the first block that it is seen behind has made it.
inline status check_hidden(device& machine, const std::string& path, const std::string& block, std::size_t layer,
                           matrix_view<const float> hidden)
{
    if (machine.is_finite(hidden)) return {};
    return error{error_code::not_finite,
                 path,
                 ": the values stop being finite in block ",
                 layer,
                 " (",
                 block,
                 "*): its weights are damaged, or too large for float32"};
}

/// The hidden states of all calibration samples between two blocks. Where several machines share the work, each has
/// those of some chunks, which are neighbours.
class activation_stream {
public:
    /// Embeds the samples, of which this machine keeps its share. The table is read in stripes, never as a whole.
    /// `type`: of the hidden states, f32 or bf16.
    static result<activation_stream> make(device& machine, const tensor_source& source,
                                          std::span<const token_ids> samples, const machines& all = alone(),
                                          dtype type = dtype::f32)
    {
        activation_stream stream;
        stream.all_chunks_ = cut_into_chunks(lengths_of(samples));
        stream.longest_ = lengths_of(samples).longest();
        stream.own_rows_ = rows_of(stream.all_chunks_, all);
        const auto is_own = [&](const sequence_chunk& each) { return stream.own_rows_.holds(each.first_row); };
        std::size_t first = 0, count = 0;
        for (const sequence_chunk& each : stream.all_chunks_) {
            if (!is_own(each)) continue;
            if (count == 0) first = each.first_sequence;
            count += each.batch.count();
        }
        AWQ_CHECK(stream.begin(machine, source, samples.subspan(first, count), type));
        return stream;
    }

    /// Of the samples that this machine has.
    const sequences& batch() const noexcept { return batch_; }
    /// Of all samples, with the rows that they would have on one machine; and those of them that this one has, with
    /// the rows that they have here.
    const std::vector<sequence_chunk>& all_chunks() const noexcept { return all_chunks_; }
    std::size_t sequences_before(std::span<const sequence_chunk> chunks) const
    {
        std::size_t count = 0;
        for (const sequence_chunk& each : chunks)
            if (each.first_row < own_rows_.first) count += each.batch.count();
        return count;
    }
    /// Which of the chunks' tokens this machine has.
    row_range own_tokens(std::span<const sequence_chunk> chunks) const
    {
        row_range range;
        for (const sequence_chunk& each : chunks)
            if (each.first_row < own_rows_.first) range.first += each.batch.tokens();
        range.end = range.first;
        for (const sequence_chunk& each : own(chunks)) range.end += each.batch.tokens();
        return range;
    }
    std::vector<sequence_chunk> own(std::span<const sequence_chunk> chunks) const
    {
        std::vector<sequence_chunk> made;
        for (const sequence_chunk& each : chunks)
            if (own_rows_.holds(each.first_row)) made.push_back(each);
        for (sequence_chunk& each : made) each.first_row -= own_rows_.first;
        return made;
    }
    /// Observers see what each expert would make of all tokens, not only of its own.
    void show_all_experts(bool all) noexcept { all_experts_ = all; }
    /// What a block of the model that was embedded needs to know.
    block_context context(const model_config& config, std::size_t layer) const
    {
        return {config, rope_.of(config, layer), layer, all_experts_};
    }
    /// Of all samples.
    std::size_t tokens() const noexcept
    {
        return all_chunks_.empty() ? 0 : all_chunks_.back().first_row + all_chunks_.back().batch.tokens();
    }
    hidden_states& hidden() noexcept { return hidden_; }
    const hidden_states& hidden() const noexcept { return hidden_; }

    /// Runs one block over all sequences, in place. The observer sees the inputs of the linear
    /// layers chunk by chunk; `begin(chunk)` is called before each chunk.
    template <class Begin>
    status advance(device& machine, const model_config& config, std::size_t layer, const block_weights& weights,
                   const Begin& begin, observer_ref observer = {})
    {
        const block_context about = context(config, layer);
        for (const sequence_chunk& chunk : cut_into_chunks(batch_)) {
            begin(chunk);
            const auto pass = [&](matrix_view<float> rows) -> status {
                AWQ_CHECK(decoder_block_forward(machine, about, weights, chunk.batch, rows, observer));
                return check_hidden(machine, path_, block_prefix(config, layer), layer, rows);
            };
            AWQ_CHECK(hidden_.with_rows(machine, chunk.first_row, chunk.batch.tokens(), true, pass));
        }
        return {};
    }

    status advance(device& machine, const model_config& config, std::size_t layer, const block_weights& weights)
    {
        return advance(machine, config, layer, weights, [](const sequence_chunk&) {});
    }

    /// Runs some chunks through a block as `advance` does, but only for the observer: the hidden states stay before
    /// it.
    template <class Begin>
    status observe(device& machine, const model_config& config, std::size_t layer, const block_weights& weights,
                   std::span<const sequence_chunk> chunks, const Begin& begin, observer_ref observer)
    {
        const block_context about = context(config, layer);
        for (const sequence_chunk& chunk : chunks) {
            begin(chunk);
            const auto pass = [&](matrix_view<float> from) -> status {
                scratch memory{from.size()};
                if (!memory) return detail::no_memory("a decoder block");
                std::copy_n(from.data(), from.size(), memory.data());
                const matrix_view<float> rows{memory.data(), from.rows(), from.cols()};
                AWQ_CHECK(decoder_block_forward(machine, about, weights, chunk.batch, rows, observer));
                return check_hidden(machine, path_, block_prefix(config, layer), layer, rows);
            };
            AWQ_CHECK(hidden_.with_rows(machine, chunk.first_row, chunk.batch.tokens(), false, pass));
        }
        return {};
    }

private:
    /// The rows of this machine's share of the chunks, among those of all.
    static row_range rows_of(const std::vector<sequence_chunk>& chunks, const machines& all)
    {
        const row_range share = all.share(chunks.size());
        if (share.size() == 0) return {};
        const sequence_chunk& last = chunks[share.end - 1];
        return {chunks[share.first].first_row, last.first_row + last.batch.tokens()};
    }

    /// In bfloat16 there is room for the floats of some samples at a time: about what the table of embeddings takes,
    /// as it is read once for each.
    status begin(device& machine, const tensor_source& source, std::span<const token_ids> samples, dtype type)
    {
        const std::size_t width = source.config().hidden_size, few = std::size_t{1} << 23;
        const tensor_shape table = source.shape(source.config().names.embeddings + ".weight").value_or(tensor_shape{});
        path_ = source.path();
        batch_ = lengths_of(samples);
        rope_ = rope_tables{source.config(), longest_};
        hidden_ = hidden_states{batch_.tokens(), width, type};
        const std::size_t most =
            type == dtype::f32 ? batch_.tokens() : std::max(few, table.rows * table.cols / 2) / width;
        for (std::size_t first = 0, end = 0; first < samples.size(); first = end) {
            while (end < samples.size() && (end == first || batch_.begin(end + 1) - batch_.begin(first) <= most)) ++end;
            const auto embed = [&](matrix_view<float> rows) {
                return embed_samples(machine, source, samples.subspan(first, end - first), rows);
            };
            const std::size_t row = batch_.begin(first);
            AWQ_CHECK(hidden_.with_rows(machine, row, batch_.begin(end) - row, true, embed));
        }
        return {};
    }

    std::string path_; ///< of the model
    std::vector<sequence_chunk> all_chunks_;
    row_range own_rows_;      ///< among those of all samples
    std::size_t longest_ = 0; ///< of all samples
    sequences batch_;
    rope_tables rope_;
    bool all_experts_ = false;
    hidden_states hidden_;
};

} // namespace awq

#endif
