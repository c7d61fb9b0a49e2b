// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_ACTIVATION_STREAM_HPP
#define AWQ_BLOCK_ACTIVATION_STREAM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/block/hidden_states.hpp>
#include <awq/block/outer_tensors.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/execution/machines.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/model/causal_lm.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Token ids of one sample.
using token_ids = std::vector<std::int32_t>;

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

/// The lengths of some samples.
inline sequences lengths_of(std::span<const token_ids> samples)
{
    sequences made;
    for (const token_ids& each : samples) made.push_back(each.size());
    return made;
}

/// The hidden states of all calibration samples between two blocks. Where several machines share the work, each has
/// those of some chunks, which are neighbours.
class activation_stream {
public:
    /// Embeds the samples, of which this machine keeps its share. The table is read in stripes, never as a whole.
    static result<activation_stream> make(device& machine, const tensor_source& source,
                                          std::span<const token_ids> samples, const machines& all = alone())
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
        AWQ_CHECK(stream.begin(machine, source, samples.subspan(first, count)));
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
    struct token_place {
        std::size_t id, row;
    };

    /// The rows of this machine's share of the chunks, among those of all.
    static row_range rows_of(const std::vector<sequence_chunk>& chunks, const machines& all)
    {
        const row_range share = all.share(chunks.size());
        if (share.size() == 0) return {};
        const sequence_chunk& last = chunks[share.end - 1];
        return {chunks[share.first].first_row, last.first_row + last.batch.tokens()};
    }

    status begin(device& machine, const tensor_source& source, std::span<const token_ids> samples)
    {
        const std::string name = source.config().names.embeddings + ".weight";
        const auto shape = source.shape(name);
        if (!shape) return error{error_code::missing_tensor, source.path(), ": there is no tensor \"", name, "\""};
        path_ = source.path();
        std::vector<token_place> places;
        for (const token_ids& sample : samples) {
            batch_.push_back(sample.size());
            for (const std::int32_t id : sample) {
                if (id < 0 || static_cast<std::size_t>(id) >= shape->rows)
                    return error{error_code::shape_mismatch,
                                 source.path(),
                                 ": token id ",
                                 id,
                                 " is not in the model's vocabulary of ",
                                 shape->rows,
                                 "; does the tokenizer belong to this model?"};
                places.push_back({static_cast<std::size_t>(id), places.size()});
            }
        }
        hidden_ = hidden_states{xtensor_backend::make(places.size(), source.config().hidden_size)};
        rope_ = rope_tables{source.config(), longest_};
        AWQ_TRY(const outer_tensors start, outer_tensors::read_start(source));
        AWQ_CHECK(embed(source, start, *shape, std::move(places)));
        if (source.config().normed_embeddings)
            machine.norm(start.embedding_norm(source.config()), hidden_.floats(), hidden_.floats());
        AWQ_CHECK(add_learned_positions(machine, source));
        return {};
    }

    status embed(const tensor_source& source, const outer_tensors& start, tensor_shape shape,
                 std::vector<token_place> places)
    {
        const std::string name = source.config().names.embeddings + ".weight";
        constexpr std::size_t stripe = 4096;
        std::sort(places.begin(), places.end(), [](const token_place& a, const token_place& b) { return a.id < b.id; });
        host_matrix table = xtensor_backend::make(std::min(stripe, shape.rows), shape.cols);
        std::size_t next = 0;
        for (std::size_t first = 0; first < shape.rows; first += stripe) {
            const auto rows = view_of(table).rows_from(0, std::min(stripe, shape.rows - first));
            AWQ_CHECK(source.read_rows(name, first, rows));
            for (; next < places.size() && places[next].id < first + rows.rows(); ++next)
                embed_row(source.config().embedding_scale(), start.project_in(), rows.row(places[next].id - first),
                          hidden_.floats().row(places[next].row));
        }
        return {};
    }

    status add_learned_positions(device& machine, const tensor_source& source)
    {
        const model_config& config = source.config();
        if (config.names.positions.empty()) return {};
        const std::string name = config.names.positions + ".weight";
        host_matrix table =
            xtensor_backend::make(config.max_position_embeddings + config.position_offset, config.hidden_size);
        AWQ_CHECK(source.read(name, view_of(table)));
        const auto done = add_positions(machine, config, view_of(std::as_const(table)), batch_, 0, hidden_.floats());
        return done ? done : done.error().within(source.path());
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
