// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_IO_GGUF_GGUF_BYTES_HPP
#define AWQ_TESTS_IO_GGUF_GGUF_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Puts GGUF files together by hand, well formed or not, without the library's own writer.
class gguf_bytes {
public:
    template <class T>
    gguf_bytes& add(T number)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(&number);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof number);
        return *this;
    }
    gguf_bytes& raw(std::string_view text)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
        bytes_.insert(bytes_.end(), bytes, bytes + text.size());
        return *this;
    }
    gguf_bytes& text(std::string_view text) { return add(std::uint64_t{text.size()}).raw(text); }
    gguf_bytes& header(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3)
    {
        return raw("GGUF").add(version).add(tensors).add(keys);
    }
    gguf_bytes& tensor(std::string_view name, std::vector<std::uint64_t> dims, std::uint32_t type, std::uint64_t offset)
    {
        text(name).add(static_cast<std::uint32_t>(dims.size()));
        for (const std::uint64_t dim : dims) add(dim);
        return add(type).add(offset);
    }
    gguf_bytes& pad(std::size_t alignment = 32)
    {
        while (bytes_.size() % alignment != 0) bytes_.push_back(std::byte{0});
        return *this;
    }
    gguf_bytes& zeros(std::size_t count)
    {
        bytes_.resize(bytes_.size() + count);
        return *this;
    }

    std::span<const std::byte> bytes() const { return bytes_; }
    std::vector<std::byte> copy() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

#endif
