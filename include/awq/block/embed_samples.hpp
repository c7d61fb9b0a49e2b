// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_EMBED_SAMPLES_HPP
#define AWQ_BLOCK_EMBED_SAMPLES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/outer_tensors.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/device/no_memory.hpp>
#include <awq/execution/execution_concept.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/model/causal_lm.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Token ids of one sample.
using token_ids = std::vector<std::int32_t>;

/// The lengths of some samples.
inline sequences lengths_of(std::span<const token_ids> samples)
{
    sequences made;
    for (const token_ids& each : samples) made.push_back(each.size());
    return made;
}

namespace detail {

struct token_place {
    std::size_t id, row;
};

/// The tokens of all samples, in the order of their ids. Error: `shape_mismatch` for one that is no row of the table.
inline result<std::vector<token_place>> places_of(std::span<const token_ids> samples, std::size_t vocabulary,
                                                  const std::string& path)
{
    std::vector<token_place> places;
    for (const token_ids& sample : samples)
        for (const std::int32_t id : sample) {
            if (id < 0 || static_cast<std::size_t>(id) >= vocabulary)
                return error{error_code::shape_mismatch,
                             path,
                             ": token id ",
                             id,
                             " is not in the model's vocabulary of ",
                             vocabulary,
                             "; does the tokenizer belong to this model?"};
            places.push_back({static_cast<std::size_t>(id), places.size()});
        }
    std::sort(places.begin(), places.end(), [](const token_place& a, const token_place& b) { return a.id < b.id; });
    return places;
}

inline status add_learned_positions(device& machine, const tensor_source& source, const sequences& batch,
                                    matrix_view<float> hidden)
{
    const model_config& config = source.config();
    if (config.names.positions.empty()) return {};
    const std::string name = config.names.positions + ".weight";
    host_matrix table =
        xtensor_backend::make(config.max_position_embeddings + config.position_offset, config.hidden_size);
    AWQ_CHECK(source.read(name, view_of(table)));
    const auto done = add_positions(machine, config, view_of(std::as_const(table)), batch, 0, hidden);
    return done ? done : done.error().within(source.path());
}

} // namespace detail

/// The hidden states before the first block, (tokens, hidden), of some samples. The table is read in stripes, never
/// as a whole.
inline status embed_samples(device& machine, const tensor_source& source, std::span<const token_ids> samples,
                            matrix_view<float> hidden)
{
    const model_config& config = source.config();
    const std::string name = config.names.embeddings + ".weight";
    const auto shape = source.shape(name);
    if (!shape) return error{error_code::missing_tensor, source.path(), ": there is no tensor \"", name, "\""};
    AWQ_TRY(const auto places, detail::places_of(samples, shape->rows, source.path()));
    AWQ_TRY(const outer_tensors start, outer_tensors::read_start(source));
    constexpr std::size_t stripe = 256;
    std::vector<status> done(chunk_count(shape->rows, stripe));
    machine.tasks().for_each(done.size(), [&](std::size_t i) {
        const std::size_t first = i * stripe, end = std::min(first + stripe, shape->rows);
        auto place = std::ranges::lower_bound(places, first, {}, &detail::token_place::id);
        if (place == places.end() || place->id >= end) return;
        const scratch memory{(end - first) * shape->cols};
        const matrix_view<float> rows{memory.data(), end - first, shape->cols};
        done[i] = memory ? source.read_rows(name, first, rows) : status{detail::no_memory("embeddings")};
        for (; done[i] && place != places.end() && place->id < end; ++place)
            embed_row(config.embedding_scale(), start.project_in(), rows.row(place->id - first),
                      hidden.row(place->row));
    });
    for (const status& each : done) AWQ_CHECK(each);
    if (config.normed_embeddings) machine.norm(start.embedding_norm(config), hidden, hidden);
    return detail::add_learned_positions(machine, source, lengths_of(samples), hidden);
}

} // namespace awq

#endif
