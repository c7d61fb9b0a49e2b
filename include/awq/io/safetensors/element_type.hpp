// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_ELEMENT_TYPE_HPP
#define AWQ_IO_SAFETENSORS_ELEMENT_TYPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/dtype.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace awq::safetensors {

/// Every element type of the safetensors format, also those that this library only carries over.
/// The order is the format's own, by which the reference writer sorts (safetensors, `Dtype`).
enum class element_type : unsigned char {
    boolean,
    f4,
    f6_e2m3,
    f6_e3m2,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    f8_e8m0,
    f8_e4m3fnuz,
    f8_e5m2fnuz,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    c64,
    f64,
    i64,
    u64,
};

namespace detail {

struct element_type_facts {
    std::string_view name;
    unsigned bits;
    std::optional<dtype> type; // the library's own name for it
};

inline constexpr std::array<element_type_facts, 22> element_types{{
    {"BOOL", 8, dtype::boolean},
    {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"U8", 8, dtype::u8},
    {"I8", 8, dtype::i8},
    {"F8_E5M2", 8, dtype::f8_e5m2},
    {"F8_E4M3", 8, dtype::f8_e4m3},
    {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},
    {"I16", 16, dtype::i16},
    {"U16", 16, dtype::u16},
    {"F16", 16, dtype::f16},
    {"BF16", 16, dtype::bf16},
    {"I32", 32, dtype::i32},
    {"U32", 32, dtype::u32},
    {"F32", 32, dtype::f32},
    {"C64", 64, std::nullopt},
    {"F64", 64, dtype::f64},
    {"I64", 64, dtype::i64},
    {"U64", 64, dtype::u64},
}};

constexpr const element_type_facts& facts_of(element_type type) noexcept
{
    return element_types[static_cast<std::size_t>(type)];
}

} // namespace detail

/// The name in a header: "BF16".
constexpr std::string_view name_of(element_type type) noexcept { return detail::facts_of(type).name; }

/// Bits that one element takes (4, 6, 8, 16, 32 or 64).
constexpr unsigned bits_of(element_type type) noexcept { return detail::facts_of(type).bits; }

/// The library's dtype; nothing for a type that is only carried over.
constexpr std::optional<dtype> to_dtype(element_type type) noexcept { return detail::facts_of(type).type; }

/// The type with that name in a header ("BF16"), or nothing.
constexpr std::optional<element_type> element_type_named(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < detail::element_types.size(); ++i)
        if (detail::element_types[i].name == name) return static_cast<element_type>(i);
    return std::nullopt;
}

/// How a tensor of that type is stored.
constexpr element_type to_element_type(dtype type) noexcept { return *element_type_named(awq::name_of(type)); }

} // namespace awq::safetensors

#endif
