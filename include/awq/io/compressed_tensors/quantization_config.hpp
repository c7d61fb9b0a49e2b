// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_QUANTIZATION_CONFIG_HPP
#define AWQ_IO_COMPRESSED_TENSORS_QUANTIZATION_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/compressed_tensors/activation_args.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::compressed_tensors {

/// How a group's weights are stored. The names are those of compressed-tensors, with "-" for "_".
enum class format {
    pack_quantized,       ///< integers of 1 to 8 bits in 32-bit words
    int_quantized,        ///< integers, a byte each
    float_quantized,      ///< FP8 E4M3
    naive_quantized,      ///< as int_quantized or float_quantized, by the weights' type
    nvfp4_pack_quantized, ///< FP4 E2M1, FP8 scales per 16, a scale of them per tensor
    mxfp4_pack_quantized, ///< FP4 E2M1, power-of-two scales per 32
    mxfp8_quantized,      ///< FP8 E4M3, power-of-two scales per 32
    dense,                ///< not compressed
};

inline constexpr std::array<std::pair<std::string_view, format>, 8> format_names{
    {{"pack-quantized", format::pack_quantized},
     {"int-quantized", format::int_quantized},
     {"float-quantized", format::float_quantized},
     {"naive-quantized", format::naive_quantized},
     {"nvfp4-pack-quantized", format::nvfp4_pack_quantized},
     {"mxfp4-pack-quantized", format::mxfp4_pack_quantized},
     {"mxfp8-quantized", format::mxfp8_quantized},
     {"dense", format::dense}}};

/// The name as config.json has it; "unknown" for no format of the table.
constexpr std::string_view name_of(format value) noexcept
{
    for (const auto& [name, known] : format_names)
        if (known == value) return name;
    return "unknown";
}

/// What shares a scale.
enum class strategy { tensor, channel, group, block, tensor_group };

inline constexpr std::array<std::pair<std::string_view, strategy>, 5> strategy_names{
    {{"tensor", strategy::tensor},
     {"channel", strategy::channel},
     {"group", strategy::group},
     {"block", strategy::block},
     {"tensor_group", strategy::tensor_group}}};

/// The name as config.json has it.
constexpr std::string_view name_of(strategy value) noexcept
{
    for (const auto& [name, known] : strategy_names)
        if (known == value) return name;
    return "unknown";
}

/// The quantization of weights ("weights" of a group's scheme).
struct weight_args {
    int num_bits = 4;
    bool is_float = false;
    bool symmetric = true;
    compressed_tensors::strategy strategy = compressed_tensors::strategy::group;
    std::size_t group_size = 0;                       ///< of strategies group and tensor_group
    std::array<std::size_t, 2> block_structure{0, 0}; ///< rows and columns of strategy block
    bool activation_order = false;                    ///< `weight_g_idx` says each column's group

    friend bool operator==(const weight_args&, const weight_args&) = default;
};

/// One entry of `config_groups`.
struct config_group {
    std::vector<std::string> targets; ///< module names, `re:` expressions or class names
    weight_args weights;
    compressed_tensors::format format = compressed_tensors::format::pack_quantized;
    std::optional<activation_args> activations; ///< rounded too, where given
};

/// What `quantization_config` of a config.json says.
struct quantization_config {
    std::vector<config_group> groups;
    std::vector<std::string> ignore;
};

namespace detail {

inline result<std::vector<std::string>> read_strings(const json::value& list)
{
    AWQ_TRY(const auto entries, list.as_array());
    std::vector<std::string> texts;
    for (const json::value& entry : entries) {
        AWQ_TRY(const std::string_view text, entry.as_string());
        texts.emplace_back(text);
    }
    return texts;
}

inline result<format> read_format(const json::value& text)
{
    AWQ_TRY(const std::string_view given, text.as_string());
    for (const auto& [name, known] : format_names)
        if (name == given) return known;
    return text.error(error_code::unsupported, "the format \"", printable(given),
                      "\" is not supported; known: pack-, int-, float- and naive-quantized, "
                      "nvfp4- and mxfp4-pack-quantized, mxfp8-quantized");
}

inline status read_block_structure(const json::value& weights, weight_args& into)
{
    const auto given = weights.find_non_null("block_structure");
    if (!given && into.strategy != strategy::block) return {};
    if (!given) return weights.error(error_code::missing_field, "block_structure is missing");
    AWQ_TRY(const auto entries, given->as_array());
    std::size_t at = 0;
    for (const json::value& entry : entries) {
        AWQ_TRY(const std::uint64_t extent, entry.as_unsigned());
        if (at < 2) into.block_structure[at] = static_cast<std::size_t>(extent);
        ++at;
    }
    if (at == 2 && into.block_structure[0] > 0 && into.block_structure[1] > 0) return {};
    return given->error(error_code::malformed_file, "expected two positive numbers");
}

/// The strategy, also where older files leave it to the group size.
inline status read_strategy(const json::value& weights, weight_args& into)
{
    std::int64_t group_size = 0;
    if (const auto given = weights.find_non_null("group_size")) {
        AWQ_TRY(group_size, given->as_integer());
        if (group_size < -1) return given->error(error_code::malformed_file, "a group size cannot be ", group_size);
    }
    into.group_size = group_size > 0 ? static_cast<std::size_t>(group_size) : 0;
    into.strategy = group_size > 0 ? strategy::group : group_size == 0 ? strategy::tensor : strategy::channel;
    if (const auto given = weights.find_non_null("strategy")) {
        AWQ_TRY(const std::string_view text, given->as_string());
        bool known = false;
        for (const auto& [name, value] : strategy_names)
            if (name == text) into.strategy = value, known = true;
        if (!known)
            return given->error(error_code::unsupported, "the strategy \"", printable(text),
                                "\" is not one of weights");
    }
    const bool grouped = into.strategy == strategy::group || into.strategy == strategy::tensor_group;
    if (grouped && into.group_size == 0) return weights.error(error_code::missing_field, "group_size is missing");
    if (!grouped) into.group_size = 0;
    return read_block_structure(weights, into);
}

inline status read_activation_order(const json::value& weights, weight_args& into)
{
    const auto given = weights.find_non_null("actorder");
    if (!given) return {};
    if (given->is_bool()) {
        AWQ_TRY(into.activation_order, given->as_bool());
        return {};
    }
    AWQ_TRY(const std::string_view text, given->as_string());
    into.activation_order = text == "group" || text == "dynamic";
    return {};
}

inline result<weight_args> read_weight_args(const json::value& weights)
{
    weight_args args;
    args.num_bits = 8; // the format's own default
    if (const auto given = weights.find_non_null("num_bits")) {
        AWQ_TRY(const std::int64_t bits, given->as_integer());
        if (bits < 1 || bits > 8)
            return given->error(error_code::unsupported, "weights of ", bits, " bits are not supported, only 1 to 8");
        args.num_bits = static_cast<int>(bits);
    }
    if (const auto given = weights.find_non_null("type")) {
        AWQ_TRY(const std::string_view type, given->as_string());
        if (type != "int" && type != "float")
            return given->error(error_code::unsupported, "the type \"", printable(type),
                                "\" is neither \"int\" nor \"float\"");
        args.is_float = type == "float";
    }
    if (const auto given = weights.find_non_null("symmetric")) {
        AWQ_TRY(args.symmetric, given->as_bool());
    }
    AWQ_CHECK(read_strategy(weights, args));
    AWQ_CHECK(read_activation_order(weights, args));
    return args;
}

/// What older files, whose groups have no format of their own, mean by their weights.
inline format default_format(const weight_args& weights) noexcept
{
    return weights.is_float ? format::float_quantized : format::pack_quantized;
}

inline result<config_group> read_group(const json::value& group, const json::value& root)
{
    config_group read;
    AWQ_TRY(const json::value targets, group.at("targets"));
    AWQ_TRY(read.targets, read_strings(targets));
    const auto weights = group.find_non_null("weights");
    if (!weights) {
        read.format = format::dense;
        return read;
    }
    AWQ_TRY(read.weights, read_weight_args(*weights));
    read.format = default_format(read.weights);
    const auto own = group.find_non_null("format"), common = root.find_non_null("format");
    if (own) {
        AWQ_TRY(read.format, read_format(*own));
    } else if (common) {
        AWQ_TRY(read.format, read_format(*common));
    }
    if (const auto activations = group.find_non_null("input_activations")) {
        AWQ_TRY(read.activations, read_activation_args(*activations));
    }
    return read;
}

} // namespace detail

/// Reads `quantization_config` of a config.json. Errors: missing_field, malformed_file, and
/// unsupported for a format, a strategy or a type that is not known.
inline result<quantization_config> read_quantization_config(const json::value& root)
{
    quantization_config read;
    AWQ_TRY(const json::value groups, root.at("config_groups"));
    AWQ_TRY(const auto members, groups.as_object());
    for (const json::member& each : members) {
        AWQ_TRY(config_group group, detail::read_group(each.value, root));
        read.groups.push_back(std::move(group));
    }
    if (const auto ignore = root.find_non_null("ignore")) {
        AWQ_TRY(read.ignore, detail::read_strings(*ignore));
    }
    return read;
}

namespace detail {

inline void write_strings(json::writer& out, std::string_view key, const std::vector<std::string>& texts)
{
    out.key(key).begin_array();
    for (const std::string& text : texts) out.value(text);
    out.end_array();
}

/// The type of the scales, where it is not that of the weights before.
inline std::string_view scale_type_of(format stored) noexcept
{
    if (stored == format::nvfp4_pack_quantized) return "torch.float8_e4m3fn";
    return stored == format::mxfp4_pack_quantized ? "torch.uint8" : "";
}

inline void write_weight_args(json::writer& out, const weight_args& weights, format stored)
{
    out.key("weights").begin_object();
    out.field("num_bits", weights.num_bits).field("type", weights.is_float ? "float" : "int");
    out.field("symmetric", weights.symmetric).field("strategy", name_of(weights.strategy));
    if (weights.group_size > 0)
        out.field("group_size", weights.group_size);
    else
        out.key("group_size").null();
    if (weights.strategy == strategy::block)
        out.key("block_structure")
            .begin_array()
            .value(weights.block_structure[0])
            .value(weights.block_structure[1])
            .end_array();
    else
        out.key("block_structure").null();
    out.field("dynamic", false);
    if (weights.activation_order)
        out.field("actorder", "group");
    else
        out.key("actorder").null();
    out.field("observer", "memoryless_minmax").key("observer_kwargs").begin_object().end_object();
    const std::string_view scale_type = scale_type_of(stored);
    if (!scale_type.empty()) out.field("scale_dtype", scale_type);
    out.end_object();
}

inline void write_group(json::writer& out, const config_group& group)
{
    out.begin_object();
    write_strings(out, "targets", group.targets);
    write_weight_args(out, group.weights, group.format);
    if (group.activations)
        write_activation_args(out.key("input_activations"), *group.activations);
    else
        out.key("input_activations").null();
    out.key("output_activations").null().field("format", name_of(group.format)).end_object();
}

inline std::string_view common_format(const std::vector<config_group>& groups) noexcept
{
    for (const config_group& group : groups)
        if (group.format != groups.front().format) return "mixed-precision";
    return groups.empty() ? name_of(format::dense) : name_of(groups.front().format);
}

} // namespace detail

/// Writes the value of `quantization_config`. Keys that older readers refuse are left out.
inline void write_quantization_config(json::writer& out, const quantization_config& config)
{
    out.begin_object().field("quant_method", "compressed-tensors");
    out.field("format", detail::common_format(config.groups));
    out.field("quantization_status", "compressed");
    out.key("config_groups").begin_object();
    for (std::size_t i = 0; i < config.groups.size(); ++i)
        detail::write_group(out.key("group_" + std::to_string(i)), config.groups[i]);
    out.end_object();
    detail::write_strings(out, "ignore", config.ignore);
    out.key("kv_cache_scheme").null().key("global_compression_ratio").null().end_object();
}

} // namespace awq::compressed_tensors

#endif
