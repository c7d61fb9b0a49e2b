// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_QUANTIZATION_SUMMARY_HPP
#define AWQ_CHECKPOINT_QUANTIZATION_SUMMARY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// What the `quantization_config` of a config.json says, in words: for errors and notes. Nothing in it is
/// checked; a reader of the format does that.
struct quantization_summary {
    std::string method;   ///< `quant_method`: "gptq"; may be empty
    std::string text;     ///< "GPTQ, 4 bits, groups of 128"
    bool is_read = false; ///< `quantized_source` knows the method
};

namespace detail {

inline std::string text_at(const json::value& object, std::string_view key)
{
    const auto field = object.find_non_null(key);
    if (!field) return {};
    if (const auto text = field->as_string()) return printable(*text, 40);
    const auto number = field->as_integer();
    return number ? std::to_string(*number) : std::string{};
}

inline std::string first_text(const json::value& object, std::string_view key, std::string_view other)
{
    std::string text = text_at(object, key);
    return text.empty() ? text_at(object, other) : text;
}

/// "W4A16" of the first group of compressed-tensors' config.
inline std::string width_text(const json::value& quantization)
{
    const auto groups = quantization.find_non_null("config_groups");
    if (!groups) return {};
    for (const json::member& group : groups->members()) {
        const auto weights = group.value.find_non_null("weights");
        if (!weights) continue;
        const auto inputs = group.value.find_non_null("input_activations");
        const std::string type = text_at(*weights, "type") == "float" ? "FP" : "W";
        const std::string bits = text_at(*weights, "num_bits");
        if (type == "FP") return " FP" + bits;
        return " W" + bits + "A" + (inputs ? text_at(*inputs, "num_bits") : "16");
    }
    return {};
}

/// ", 4 bits, groups of 128", as far as the config says.
inline std::string size_text(const json::value& quantization)
{
    std::string text;
    const std::string bits = first_text(quantization, "bits", "w_bit");
    const std::string group = first_text(quantization, "group_size", "q_group_size");
    if (!bits.empty()) text += ", " + bits + " bits";
    if (!group.empty() && group != "-1") text += ", groups of " + group;
    return text;
}

inline std::string bitsandbytes_text(const json::value& quantization)
{
    const auto is_set = [&](std::string_view key) {
        const auto field = quantization.find_non_null(key);
        const auto value = field ? field->as_bool() : result<bool>{false};
        return value && *value;
    };
    if (is_set("load_in_8bit")) return ", 8 bits";
    const std::string kind = text_at(quantization, "bnb_4bit_quant_type");
    return is_set("load_in_4bit") ? ", 4 bits" + (kind.empty() ? "" : " (" + kind + ")") : "";
}

/// How a method is written by those who made it; itself where it is not known.
inline std::string_view proper_name(std::string_view method) noexcept
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> names{{{"awq", "AWQ"},
                                                                                  {"gptq", "GPTQ"},
                                                                                  {"fp8", "FP8"},
                                                                                  {"fbgemm_fp8", "FP8 (fbgemm)"},
                                                                                  {"mxfp4", "MXFP4"},
                                                                                  {"hqq", "HQQ"},
                                                                                  {"aqlm", "AQLM"},
                                                                                  {"eetq", "EETQ"}}};
    for (const auto& [key, name] : names)
        if (key == method) return name;
    return method;
}

} // namespace detail

/// The quantization of a config.json; nothing where it has none.
inline std::optional<json::value> find_quantization(const json::value& config)
{
    const auto found = config.find_non_null("quantization_config");
    return found ? found : config.find_non_null("compression_config"); // older compressed-tensors
}

/// Of config.json's `quantization_config`, whatever wrote it; never fails.
inline quantization_summary summarize_quantization(const json::value& quantization)
{
    quantization_summary summary;
    summary.method = detail::text_at(quantization, "quant_method");
    const std::string& method = summary.method;
    summary.is_read = method == "compressed-tensors" || method == "awq" || method == "gptq";
    summary.text = method.empty() ? "of an unnamed method" : detail::proper_name(method);
    if (method == "compressed-tensors") {
        summary.text += detail::width_text(quantization);
        const std::string format = detail::text_at(quantization, "format");
        if (!format.empty()) summary.text += " (" + format + ")";
    } else if (method == "bitsandbytes") {
        summary.text += detail::bitsandbytes_text(quantization);
    } else {
        const std::string variant =
            detail::first_text(quantization, "version", "quant_algo"); // AWQ's "gemm", modelopt's "NVFP4"
        if (!variant.empty()) summary.text += " " + variant;
        summary.text += detail::size_text(quantization);
    }
    return summary;
}

} // namespace awq

#endif
