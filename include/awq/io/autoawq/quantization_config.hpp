// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_AUTOAWQ_QUANTIZATION_CONFIG_HPP
#define AWQ_IO_AUTOAWQ_QUANTIZATION_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq::autoawq {

/// What `quantization_config` with "quant_method": "awq" says. The bit count is always 4.
struct quantization_config {
    std::size_t group_size = 128; ///< 0: the whole row (stored as -1)
    bool zero_point = true;       ///< false: `qzeros` need not be there
    /// Parts of the names of layers that are not quantized.
    std::vector<std::string> modules_to_not_convert;
};

namespace detail {

/// A field under its present name or its old one.
inline std::optional<json::value> find_either(const json::value& root, std::string_view name, std::string_view old)
{
    const auto found = root.find_non_null(name);
    return found ? found : root.find_non_null(old);
}

} // namespace detail

/// Reads it, with the names of today or those of old (`w_bit`, `q_group_size`). Error: unsupported
/// for another version than "gemm" and for other bit counts.
inline result<quantization_config> read_quantization_config(const json::value& root)
{
    quantization_config read;
    if (const auto bits = detail::find_either(root, "bits", "w_bit")) {
        AWQ_TRY(const std::int64_t count, bits->as_integer());
        if (count != 4)
            return bits->error(error_code::unsupported, "AWQ weights of ", count, " bits are not supported, only 4");
    }
    if (const auto size = detail::find_either(root, "group_size", "q_group_size")) {
        AWQ_TRY(const std::int64_t count, size->as_integer());
        if (count == 0 || count < -1) return size->error(error_code::malformed_file, "a group size cannot be ", count);
        read.group_size = count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    if (const auto zeros = root.find_non_null("zero_point")) {
        AWQ_TRY(read.zero_point, zeros->as_bool());
    }
    if (const auto version = root.find_non_null("version")) {
        AWQ_TRY(const std::string_view name, version->as_string());
        if (name != "gemm" && name != "GEMM")
            return version->error(error_code::unsupported, "the AWQ layout \"", printable(name),
                                  "\" is not supported, only \"gemm\"");
    }
    if (const auto list = root.find_non_null("modules_to_not_convert")) {
        AWQ_TRY(const auto entries, list->as_array());
        for (const json::value& entry : entries) {
            AWQ_TRY(const std::string_view name, entry.as_string());
            read.modules_to_not_convert.emplace_back(name);
        }
    }
    return read;
}

/// Writes the value of `quantization_config`.
inline void write_quantization_config(json::writer& out, const quantization_config& config)
{
    out.begin_object().field("quant_method", "awq").field("bits", 4).key("group_size");
    if (config.group_size > 0)
        out.value(config.group_size);
    else
        out.value(-1);
    out.field("zero_point", config.zero_point).field("version", "gemm");
    out.key("modules_to_not_convert");
    if (config.modules_to_not_convert.empty()) {
        out.null().end_object();
        return;
    }
    out.begin_array();
    for (const std::string& name : config.modules_to_not_convert) out.value(name);
    out.end_array().end_object();
}

} // namespace awq::autoawq

#endif
