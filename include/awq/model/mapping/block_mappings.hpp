// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_MAPPING_BLOCK_MAPPINGS_HPP
#define AWQ_MODEL_MAPPING_BLOCK_MAPPINGS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_layout.hpp>
#include <awq/model/resolve_mappings.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// The layer of that name as something to smooth; null where its output is read by other things than
/// linear layers, so that nothing could make up for it.
inline const block_output* find_output(const block_layout& layout, std::string_view name) noexcept
{
    const auto at = std::ranges::find(layout.outputs, name, &block_output::name);
    return at == layout.outputs.end() ? nullptr : &*at;
}

/// The scale of each column of an output's readers, where query heads share those of a value head;
/// empty: column j has scale j.
inline std::vector<std::uint32_t> column_scales_of(const block_layout& layout, const block_output& output)
{
    if (output.kind != output_kind::grouped) return {};
    std::vector<std::uint32_t> scales(layout.readers_of(output.value).front()->in_features);
    for (std::size_t c = 0; c < scales.size(); ++c) {
        const std::size_t head = c / output.head / output.share;
        scales[c] = static_cast<std::uint32_t>(head * output.head + c % output.head);
    }
    return scales;
}

/// The row of the layer that each channel of an output is, where these are not the last ones; else empty.
inline std::vector<std::uint32_t> row_scales_of(const block_layout& layout, const block_output& output)
{
    if (output.period == 0) return {};
    std::vector<std::uint32_t> rows(layout.readers_of(output.value).front()->in_features / output.share);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = static_cast<std::uint32_t>(i / output.head * output.period + output.first + i % output.head);
    return rows;
}

/// The mapping of an output: all that read its value are balanced. Marked as skipped where query heads
/// share a value head, which llm-compressor does not smooth.
inline resolved_mapping mapping_of(const block_layout& layout, const block_output& output)
{
    resolved_mapping made;
    made.smooth_layer = output.name;
    made.smooth_is_norm = output.kind == output_kind::norm;
    for (const block_linear* const reader : layout.readers_of(output.value))
        made.balance_layers.push_back(reader->name);
    made.parent = detail::parent_of(made.balance_layers);
    if (output.kind != output_kind::grouped) return made;
    const block_linear& smooth = *layout.find(output.name);
    const block_linear& reader = *layout.find(made.balance_layers.front());
    made.skipped = skip_cause::grouped_query;
    made.reason = smooth.name + " has " + std::to_string(smooth.out_features) + " outputs, " + reader.name + " has " +
                  std::to_string(reader.in_features) + " inputs (grouped-query attention)";
    return made;
}

/// The mappings of a block that llm-compressor searches, in its order.
inline std::vector<resolved_mapping> usual_mappings(const block_layout& layout)
{
    std::vector<resolved_mapping> found;
    for (const block_output& output : layout.outputs)
        if (output.is_usual) found.push_back(mapping_of(layout, output));
    return found;
}

/// Everything of a block that can be smoothed exactly, in the same order.
inline std::vector<resolved_mapping> all_mappings(const block_layout& layout)
{
    std::vector<resolved_mapping> found;
    for (const block_output& output : layout.outputs) found.push_back(mapping_of(layout, output));
    return found;
}

/// Whether smoothing a mapping keeps the function of the block: the balance layers must be all that
/// reads the smooth layer's output. llm-compressor's default mappings, say, do not fit Gemma's norms.
/// Error: `invalid_argument` that names the layers.
inline status check_data_flow(const block_layout& layout, const resolved_mapping& mapping)
{
    const block_output* const output = find_output(layout, mapping.smooth_layer);
    const std::vector<std::string> readers =
        output ? mapping_of(layout, *output).balance_layers : std::vector<std::string>{};
    const auto balances = [&](const std::string& reader) {
        return std::ranges::find(mapping.balance_layers, reader) != mapping.balance_layers.end();
    };
    if (!readers.empty() && readers.size() == mapping.balance_layers.size() && std::ranges::all_of(readers, balances))
        return {};
    std::string wanted = readers.empty() ? "nothing that could make up for it" : "";
    for (const std::string& reader : readers) wanted += (wanted.empty() ? "" : ", ") + reader;
    return error{error_code::invalid_argument,
                 "a mapping smooths ",
                 mapping.smooth_layer,
                 ", which would change the model: its output is read by ",
                 wanted,
                 "; make these its balance layers, or leave the mapping out"};
}

} // namespace awq

#endif
