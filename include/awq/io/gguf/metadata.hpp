// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_METADATA_HPP
#define AWQ_IO_GGUF_METADATA_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/file_type.hpp>
#include <awq/io/gguf/hyperparameters.hpp>
#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/tokenizer_facts.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace awq::gguf {

/// What a file says about itself, for people.
struct model_card {
    std::string name;       ///< "SmolLM2 135M Instruct"
    std::string size_label; ///< "135M"; see `size_label_of`
    /// More of the same, the keys without "general.": {"license", "apache-2.0"}.
    std::vector<std::pair<std::string, std::string>> more;
};

/// The number of parameters as people write it, with at least two digits: 2.9M, 135M, 1.1B.
inline std::string size_label_of(std::uint64_t parameters)
{
    constexpr std::array<std::pair<double, char>, 4> units{{{1e12, 'T'}, {1e9, 'B'}, {1e6, 'M'}, {1e3, 'K'}}};
    const auto count = static_cast<double>(parameters);
    std::size_t unit = 0;
    while (unit + 1 < units.size() && count < units[unit].first) ++unit;
    const double scaled = count / units[unit].first;
    char text[32];
    const int written =
        std::snprintf(text, sizeof text, "%.*f%c", std::nearbyint(scaled) < 10 ? 1 : 0, scaled, units[unit].second);
    return std::string(text, static_cast<std::size_t>(written));
}

/// All metadata of a file that llama.cpp loads, in the order of its own converter.
inline key_values build_metadata(const model_card& card, const hyperparameters& facts, const tokenizer_facts& tokenizer,
                                 file_type kind)
{
    key_values metadata;
    metadata.set("general.architecture", facts.architecture);
    metadata.set("general.type", "model");
    if (!card.name.empty()) metadata.set("general.name", card.name);
    if (!card.size_label.empty()) metadata.set("general.size_label", card.size_label);
    for (const auto& [key, text] : card.more) metadata.set("general." + key, text);
    append_hyperparameters(metadata, facts);
    metadata.set("general.file_type", static_cast<std::uint32_t>(kind));
    metadata.set("general.quantization_version", std::uint32_t{2});
    append_tokenizer(metadata, tokenizer);
    return metadata;
}

} // namespace awq::gguf

#endif
