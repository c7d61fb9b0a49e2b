// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_FILE_TYPE_HPP
#define AWQ_IO_GGUF_FILE_TYPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/gguf/type.hpp>
#include <awq/support/nearest_name.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace awq::gguf {

/// What a file is called by its users ("Q4_K_M"): a mix of tensor types. The numbers are those of
/// `general.file_type`. Source: llama.cpp's llama_ftype.
enum class file_type : std::uint32_t {
    f32 = 0,
    f16 = 1,
    q4_0 = 2,
    q4_1 = 3,
    q8_0 = 7,
    q5_0 = 8,
    q5_1 = 9,
    q2_k = 10,
    q3_k_s = 11,
    q3_k_m = 12,
    q3_k_l = 13,
    q4_k_s = 14,
    q4_k_m = 15,
    q5_k_s = 16,
    q5_k_m = 17,
    q6_k = 18,
    iq4_nl = 25,
    bf16 = 32,
};

namespace detail {

struct file_type_row {
    file_type number;
    std::string_view name;
    type base; ///< what a tensor without a rule of its own becomes
};

inline constexpr file_type_row file_types[] = {
    {file_type::f32, "F32", type::f32},        {file_type::f16, "F16", type::f16},
    {file_type::bf16, "BF16", type::bf16},     {file_type::q8_0, "Q8_0", type::q8_0},
    {file_type::q4_0, "Q4_0", type::q4_0},     {file_type::q4_1, "Q4_1", type::q4_1},
    {file_type::q5_0, "Q5_0", type::q5_0},     {file_type::q5_1, "Q5_1", type::q5_1},
    {file_type::q2_k, "Q2_K", type::q2_k},     {file_type::q3_k_s, "Q3_K_S", type::q3_k},
    {file_type::q3_k_m, "Q3_K_M", type::q3_k}, {file_type::q3_k_l, "Q3_K_L", type::q3_k},
    {file_type::q4_k_s, "Q4_K_S", type::q4_k}, {file_type::q4_k_m, "Q4_K_M", type::q4_k},
    {file_type::q5_k_s, "Q5_K_S", type::q5_k}, {file_type::q5_k_m, "Q5_K_M", type::q5_k},
    {file_type::q6_k, "Q6_K", type::q6_k},     {file_type::iq4_nl, "IQ4_NL", type::iq4_nl},
};

} // namespace detail

/// The name in upper case, as in file names: "Q4_K_M"; empty for a number that is none of ours.
constexpr std::string_view name_of(file_type kind) noexcept
{
    for (const auto& row : detail::file_types)
        if (row.number == kind) return row.name;
    return {};
}

/// The tensor type that the mix is built on: Q4_K for Q4_K_M.
constexpr type base_type(file_type kind) noexcept
{
    for (const auto& row : detail::file_types)
        if (row.number == kind) return row.base;
    return type::f32;
}

/// The names that `parse_file_type` takes.
inline std::vector<std::string_view> known_file_types()
{
    std::vector<std::string_view> names;
    for (const auto& row : detail::file_types) names.push_back(row.name);
    return names;
}

/// Reads "q4_k_m" in any case; as llama-quantize does, "q3_k", "q4_k", "q5_k" mean the _M mixes.
/// Error: an unknown name, with the nearest and all that there are.
inline result<file_type> parse_file_type(std::string_view text)
{
    for (const auto& row : detail::file_types)
        if (detail::same_word(row.name, text)) return row.number;
    for (const file_type mix : {file_type::q3_k_m, file_type::q4_k_m, file_type::q5_k_m})
        if (detail::same_word(name_of(base_type(mix)), text)) return mix;
    return error{error_code::invalid_argument, "unknown GGUF file type '", printable(text, 60), "'; ",
                 known_names(text, known_file_types())};
}

} // namespace awq::gguf

#endif
