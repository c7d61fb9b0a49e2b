// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_SIMD_LANES_HPP
#define AWQ_QUANTIZATION_GGUF_SIMD_LANES_HPP

#include <awq/config.hpp>
#include <awq/quantization/gguf/lanes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" // what takes or returns vectors is always inlined
#endif

#if AWQ_GNU
namespace awq::gguf {

// Vectors of the compiler's own vector extension (GCC, Clang): no library, any instruction set. One
// that is wider than the target's registers is still right, only slower.

using floats_4 = float __attribute__((vector_size(16)));
using floats_8 = float __attribute__((vector_size(32)));
using floats_16 = float __attribute__((vector_size(64)));

namespace detail {

#if defined(__x86_64__)
// In assembly: the headers of all intrinsics take a third of the time that the core takes to include.
inline void square_roots_4(float* values, std::size_t size) noexcept
{
    for (std::size_t i = 0; i < size; i += 4) {
        floats_4 some;
        std::memcpy(&some, values + i, sizeof some);
        asm("sqrtps %0, %0" : "+x"(some));
        std::memcpy(values + i, &some, sizeof some);
    }
}
[[gnu::target("avx")]] inline void square_roots_8(float* values, std::size_t size) noexcept
{
    for (std::size_t i = 0; i < size; i += 8) {
        floats_8 some;
        std::memcpy(&some, values + i, sizeof some);
        asm("vsqrtps %0, %0" : "+x"(some));
        std::memcpy(values + i, &some, sizeof some);
    }
}
[[gnu::target("avx512f")]] inline void square_roots_16(float* values, std::size_t size) noexcept
{
    for (std::size_t i = 0; i < size; i += 16) {
        floats_16 some;
        std::memcpy(&some, values + i, sizeof some);
        asm("vsqrtps %0, %0" : "+v"(some));
        std::memcpy(values + i, &some, sizeof some);
    }
}
#endif

/// What the three widths share. The code is inlined into functions for a wider instruction set than
/// the file is compiled for; so intrinsics, which must not be, are in functions of their own.
template <class Floats, class Integers>
struct vector_storage {
    using integers = Integers;
    static constexpr std::size_t count = sizeof(Floats) / sizeof(float);

    [[gnu::always_inline]] static void from_integers(const Integers& value, Floats& out) noexcept
    {
        out = __builtin_convertvector(value, Floats);
    }
    [[gnu::always_inline]] static void to_integers(const Floats& value, Integers& out) noexcept
    {
        out = __builtin_convertvector(value, Integers);
    }
    [[gnu::always_inline]] static void multiply(const Floats& a, const Floats& b, Floats& out) noexcept
    {
#if defined(__clang__)
#pragma clang fp contract(off)
#endif
        Floats rounded = a * b;
#if !defined(__clang__) && defined(__x86_64__)
        // Says that somebody may look at the product: GCC must not fuse it into a multiply-add.
        asm("" : "+v"(rounded));
#elif !defined(__clang__) && defined(__aarch64__)
        asm("" : "+w"(rounded));
#endif
        out = rounded;
    }
    static void square_roots(float* values, std::size_t size) noexcept
    {
#if defined(__x86_64__)
        if constexpr (count == 4) square_roots_4(values, size);
        if constexpr (count == 8) square_roots_8(values, size);
        if constexpr (count == 16) square_roots_16(values, size);
#else
        for (std::size_t i = 0; i < size; ++i) values[i] = __builtin_sqrtf(values[i]);
#endif
    }
    [[gnu::always_inline]] static bool any(const Integers& mask) noexcept
    {
        std::uint64_t words[count / 2];
        std::memcpy(words, &mask, sizeof words);
        std::uint64_t set = 0;
        for (const std::uint64_t word : words) set |= word;
        return set != 0;
    }
    [[gnu::always_inline]] static bool all(const Integers& mask) noexcept { return !any(~mask); }
};

} // namespace detail

template <>
struct lane_storage<floats_4> : detail::vector_storage<floats_4, int __attribute__((vector_size(16)))> {};
template <>
struct lane_storage<floats_8> : detail::vector_storage<floats_8, int __attribute__((vector_size(32)))> {};
template <>
struct lane_storage<floats_16> : detail::vector_storage<floats_16, int __attribute__((vector_size(64)))> {};

} // namespace awq::gguf
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
