// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_TYPE_HPP
#define AWQ_QUANTIZATION_GGUF_TYPE_HPP

#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace awq::gguf {

/// The tensor types of GGUF files that this library reads or writes; the numbers are those of the
/// file format (the GGUF specification of the ggml project).
enum class type : std::uint32_t {
    f32 = 0,
    f16 = 1,
    q4_0 = 2,
    q4_1 = 3,
    q5_0 = 6,
    q5_1 = 7,
    q8_0 = 8,
    q2_k = 10,
    q3_k = 11,
    q4_k = 12,
    q5_k = 13,
    q6_k = 14,
    iq4_nl = 20,
    bf16 = 30,
    mxfp4 = 39,
    nvfp4 = 40,
};

/// What a type looks like in a file.
struct type_facts {
    gguf::type type;
    std::string_view name;     ///< as ggml prints it: "Q4_K"
    std::size_t block_columns; ///< neighbouring elements of a row that make one block
    std::size_t block_bytes;   ///< bytes that one block takes
    std::size_t scale_columns; ///< neighbouring elements that share an effective scale; 0: no scale
};

inline constexpr type_facts all_types[] = {
    {type::f32, "F32", 1, 4, 0},          {type::f16, "F16", 1, 2, 0},        {type::q4_0, "Q4_0", 32, 18, 32},
    {type::q4_1, "Q4_1", 32, 20, 32},     {type::q5_0, "Q5_0", 32, 22, 32},   {type::q5_1, "Q5_1", 32, 24, 32},
    {type::q8_0, "Q8_0", 32, 34, 32},     {type::q2_k, "Q2_K", 256, 84, 16},  {type::q3_k, "Q3_K", 256, 110, 16},
    {type::q4_k, "Q4_K", 256, 144, 32},   {type::q5_k, "Q5_K", 256, 176, 32}, {type::q6_k, "Q6_K", 256, 210, 16},
    {type::iq4_nl, "IQ4_NL", 32, 18, 32}, {type::bf16, "BF16", 1, 2, 0},      {type::mxfp4, "MXFP4", 32, 17, 32},
    {type::nvfp4, "NVFP4", 64, 36, 16},
};

/// The facts of `type`, which must be one of the enumerators.
constexpr const type_facts& facts(type wanted) noexcept
{
    for (const type_facts& candidate : all_types)
        if (candidate.type == wanted) return candidate;
    return all_types[0];
}

/// "Q4_K".
constexpr std::string_view name_of(type wanted) noexcept { return facts(wanted).name; }
/// Neighbouring elements of a row that make one block.
constexpr std::size_t block_columns(type wanted) noexcept { return facts(wanted).block_columns; }
/// Bytes that one block takes.
constexpr std::size_t block_bytes(type wanted) noexcept { return facts(wanted).block_bytes; }
/// Whether elements are rounded to codes that share a scale.
constexpr bool is_quantized(type wanted) noexcept { return facts(wanted).scale_columns != 0; }

/// The type with this number in a file, or nothing where the library does not know it.
constexpr std::optional<type> type_from_id(std::uint32_t id) noexcept
{
    for (const type_facts& candidate : all_types)
        if (static_cast<std::uint32_t>(candidate.type) == id) return candidate.type;
    return std::nullopt;
}

namespace detail {
constexpr char lower(char letter) noexcept
{
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}
constexpr bool same_word(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}
} // namespace detail

/// The type of that name in upper or lower case ("Q4_K", "q4_k"), or nothing.
constexpr std::optional<type> type_from_name(std::string_view name) noexcept
{
    for (const type_facts& candidate : all_types)
        if (detail::same_word(candidate.name, name)) return candidate.type;
    return std::nullopt;
}

} // namespace awq::gguf

#endif
