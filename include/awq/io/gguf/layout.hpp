// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_LAYOUT_HPP
#define AWQ_IO_GGUF_LAYOUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/gguf/type.hpp>
#include <awq/support/result.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

/// The parts of a GGUF file that its reader and its writer share. Source: the GGUF specification
/// (github.com/ggml-org/ggml, docs/gguf.md), and what llama.cpp 0.5.0 accepts where it is stricter.
namespace awq::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF files are read in place");

inline constexpr std::string_view magic = "GGUF";
inline constexpr std::uint32_t version = 3;
inline constexpr std::uint64_t default_alignment = 32;
inline constexpr std::string_view alignment_key = "general.alignment";

/// The largest numbers that a reader takes for real. They are far above any model's, and small
/// enough that nothing is allocated, or looped over, on the word of a damaged file.
namespace limits {
inline constexpr std::uint64_t keys = 1u << 16;
inline constexpr std::uint64_t tensors = 1u << 20;
inline constexpr std::uint64_t key_bytes = 65535;
inline constexpr std::uint64_t string_bytes = 1u << 30;
inline constexpr std::uint64_t array_elements = 1u << 30;
inline constexpr std::uint64_t tensor_name_bytes = 63;
inline constexpr std::uint64_t alignment = 1u << 20;
inline constexpr std::uint32_t dims = 4;
} // namespace limits

/// The types of metadata values; the numbers are those of the file.
enum class value_type : std::uint32_t {
    u8 = 0,
    i8 = 1,
    u16 = 2,
    i16 = 3,
    u32 = 4,
    i32 = 5,
    f32 = 6,
    boolean = 7,
    string = 8,
    array = 9,
    u64 = 10,
    i64 = 11,
    f64 = 12,
};

/// Bytes of one value in the file; 0 for strings and arrays, whose size varies, and unknown types.
constexpr std::size_t size_of(value_type type) noexcept
{
    constexpr unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    const auto index = static_cast<std::size_t>(type);
    return index < sizeof sizes ? sizes[index] : 0;
}

/// The name that llama.cpp prints: "u32", "str", "arr".
constexpr std::string_view name_of(value_type type) noexcept
{
    constexpr std::string_view names[] = {"u8",   "i8",  "u16", "i16", "u32", "i32", "f32",
                                          "bool", "str", "arr", "u64", "i64", "f64"};
    const auto index = static_cast<std::size_t>(type);
    return index < std::size(names) ? names[index] : std::string_view{"unknown"};
}

/// " (IQ2_XXS)" for a tensor type of ggml that the library does not read; empty for other numbers.
constexpr std::string_view name_of_other_type(std::uint32_t id) noexcept
{
    constexpr std::pair<std::uint32_t, std::string_view> names[] = {
        {16, " (IQ2_XXS)"}, {17, " (IQ2_XS)"}, {18, " (IQ3_XXS)"}, {19, " (IQ1_S)"}, {21, " (IQ3_S)"}, {22, " (IQ2_S)"},
        {23, " (IQ4_XS)"},  {24, " (I8)"},     {25, " (I16)"},     {26, " (I32)"},   {27, " (I64)"},   {28, " (F64)"},
        {29, " (IQ1_M)"},   {34, " (TQ1_0)"},  {35, " (TQ2_0)"},   {41, " (Q1_0)"},  {42, " (Q2_0)"}};
    for (const auto& [number, name] : names)
        if (number == id) return name;
    return {};
}

/// `size` rounded up to a multiple of `alignment`, a power of two; the sum must not overflow.
constexpr std::uint64_t padded(std::uint64_t size, std::uint64_t alignment) noexcept
{
    return (size + alignment - 1) & ~(alignment - 1);
}

/// Multiplies sizes that come from a file; false where the product exceeds 2^63 - 1.
constexpr bool multiply_sizes(std::uint64_t a, std::uint64_t b, std::uint64_t& product) noexcept
{
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (a != 0 && b > largest / a) return false;
    product = a * b;
    return true;
}

/// Bytes of a tensor: `dims` with the contiguous axis first (so dims[0] is in_features).
/// Errors: no or too many dims, an empty dim, a row that is no whole number of blocks, overflow.
inline result<std::uint64_t> tensor_bytes(type kind, std::span<const std::uint64_t> dims)
{
    if (dims.empty() || dims.size() > limits::dims)
        return error{error_code::malformed_file, "a tensor has ", dims.size(), " dimensions, not 1 to 4"};
    std::uint64_t elements = 1;
    for (const std::uint64_t dim : dims) {
        if (dim == 0) return error{error_code::malformed_file, "a tensor has an empty dimension"};
        if (!multiply_sizes(elements, dim, elements))
            return error{error_code::malformed_file, "a tensor has too many elements to count"};
    }
    if (dims[0] % block_columns(kind) != 0)
        return error{error_code::malformed_file,
                     "rows of ",
                     dims[0],
                     " elements are no whole number of ",
                     name_of(kind),
                     " blocks of ",
                     block_columns(kind)};
    std::uint64_t bytes = 0;
    if (!multiply_sizes(elements / block_columns(kind), block_bytes(kind), bytes))
        return error{error_code::malformed_file, "a tensor has too many bytes to count"};
    return bytes;
}

} // namespace awq::gguf

#endif
