// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_TENSOR_NAMES_HPP
#define AWQ_IO_GGUF_TENSOR_NAMES_HPP

#include <awq/support/requires_hosted.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

namespace awq::gguf {

/// The layer of a GGUF tensor name, or nothing: "blk.3.attn_q.weight" -> 3.
inline std::optional<std::size_t> layer_of(std::string_view name) noexcept
{
    constexpr std::string_view prefix = "blk.";
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    std::size_t layer = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), layer);
    name.remove_prefix(static_cast<std::size_t>(read.ptr - name.data()));
    if (read.ec != std::errc{} || !name.starts_with('.')) return std::nullopt;
    return layer;
}

} // namespace awq::gguf

#endif
