// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_DTYPE_HPP
#define AWQ_TENSOR_DTYPE_HPP

#include <awq/support/float16.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace awq {

/// The element types of checkpoint tensors. The order is that of safetensors, narrowest first.
enum class dtype : unsigned char {
    boolean,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    f64,
    i64,
    u64,
};

/// Bytes that one element takes.
constexpr std::size_t size_of(dtype type) noexcept
{
    if (type <= dtype::f8_e4m3) return 1;
    if (type <= dtype::bf16) return 2;
    if (type <= dtype::f32) return 4;
    return 8;
}

/// Whether the type is one of the three that weights are smoothed in.
constexpr bool is_smoothable(dtype type) noexcept
{
    return type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// The name that safetensors uses: "BF16".
constexpr std::string_view name_of(dtype type) noexcept
{
    constexpr std::string_view names[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3", "I16", "U16", "F16",
                                          "BF16", "I32", "U32", "F32",     "F64",     "I64", "U64"};
    return names[static_cast<std::size_t>(type)];
}

/// The dtype that holds values of the C++ type T.
template <class T>
inline constexpr dtype dtype_of = dtype::f32;
template <>
inline constexpr dtype dtype_of<bf16> = dtype::bf16;
template <>
inline constexpr dtype dtype_of<f16> = dtype::f16;

} // namespace awq

#endif
