// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_CONVERT_HPP
#define AWQ_IO_SAFETENSORS_CONVERT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/io/safetensors/reader.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/dtype.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/// Between float32 and the 16- and 32-bit formats of weights in files, at any alignment, little
/// endian.
namespace awq::safetensors {

namespace detail {

static_assert(std::endian::native == std::endian::little, "awq reads and writes little endian files");

// body(i) for every i below count. The blocks' fixed length lets compilers vectorise them at -O2
// too.
template <class Body>
inline void for_each_index(std::size_t count, const Body& body) noexcept
{
    constexpr std::size_t block = 32;
    std::size_t i = 0;
    for (; i + block <= count; i += block)
        for (std::size_t j = 0; j < block; ++j) body(i + j);
    for (std::size_t j = 0; j < count % block; ++j) body(i + j);
}

template <class Bits>
inline Bits load(const std::byte* from, std::size_t index) noexcept
{
    Bits bits;
    std::memcpy(&bits, from + sizeof(Bits) * index, sizeof(Bits));
    return bits;
}

inline void store(std::byte* to, std::size_t index, std::uint16_t bits) noexcept
{
    std::memcpy(to + 2 * index, &bits, 2);
}

inline void widen_bf16(const std::byte* from, float* to, std::size_t count) noexcept
{
    for_each_index(
        count, [=](std::size_t i) { to[i] = std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(from, i)} << 16); });
}

inline void widen_f16_plain(const std::byte* from, float* to, std::size_t count) noexcept
{
    for_each_index(count,
                   [=](std::size_t i) { to[i] = static_cast<float>(f16::from_bits(load<std::uint16_t>(from, i))); });
}

inline void narrow_bf16(const float* from, std::byte* to, std::size_t count) noexcept
{
    for_each_index(count, [=](std::size_t i) { store(to, i, bf16{from[i]}.bits); });
}

inline void narrow_f16_plain(const float* from, std::byte* to, std::size_t count) noexcept
{
    for_each_index(count, [=](std::size_t i) { store(to, i, f16{from[i]}.bits); });
}

#if defined(__x86_64__) || defined(__i386__)
[[gnu::target("avx,f16c")]] inline void widen_f16_f16c(const std::byte* from, float* to, std::size_t count) noexcept
{
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 2 * i));
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(half));
    }
    widen_f16_plain(from + 2 * i, to + i, count - i);
}

[[gnu::target("avx,f16c")]] inline void narrow_f16_f16c(const float* from, std::byte* to, std::size_t count) noexcept
{
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2 * i), half);
    }
    narrow_f16_plain(from + i, to + 2 * i, count - i);
}

inline bool has_f16c() noexcept
{
    // clang 14's __builtin_cpu_supports does not know "f16c"; "avx" says that the system keeps ymm
    // registers.
    static const bool supported = [] {
        unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
        return __builtin_cpu_supports("avx") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
    }();
    return supported;
}
#endif

inline void widen_f16(const std::byte* from, float* to, std::size_t count) noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    if (has_f16c()) return widen_f16_f16c(from, to, count);
#endif
    widen_f16_plain(from, to, count);
}

inline void narrow_f16(const float* from, std::byte* to, std::size_t count) noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    if (has_f16c()) return narrow_f16_f16c(from, to, count);
#endif
    narrow_f16_plain(from, to, count);
}

// Whether no pattern has all the bits of `exponent` set: those with all are infinities and NaNs.
template <class Bits>
inline bool all_finite(const std::byte* from, std::size_t count, Bits exponent) noexcept
{
    constexpr std::size_t block = 32;
    const auto is_special = [=](std::size_t i) {
        return static_cast<Bits>((load<Bits>(from, i) & exponent) == exponent);
    };
    Bits found = 0;
    std::size_t i = 0;
    for (; i + block <= count; i += block)
        for (std::size_t j = 0; j < block; ++j) found |= is_special(i + j);
    for (std::size_t j = 0; j < count % block; ++j) found |= is_special(i + j);
    return found == 0;
}

// Values per step: source and result of a step stay in the first-level cache.
inline constexpr std::size_t values_per_step = 2048;

} // namespace detail

/// Whether every value of the given type (f32, f16 or bf16) in `bytes` is finite.
AWQ_COMPILED bool all_finite(dtype type, std::span<const std::byte> bytes) noexcept;

/// values = bytes of the given type (f32, f16 or bf16), exactly. The caller sees to it that
/// bytes.size() == values.size() * size_of(type).
AWQ_COMPILED void widen(dtype type, std::span<const std::byte> bytes, std::span<float> values) noexcept;

/// bytes = values rounded to the given type (f32, f16 or bf16), to nearest, ties to even. The
/// caller sees to it that bytes.size() == values.size() * size_of(type).
AWQ_COMPILED void narrow(dtype type, std::span<const float> values, std::span<std::byte> bytes) noexcept;

#if AWQ_COMPILES_KERNELS
AWQ_COMPILED bool all_finite(dtype type, std::span<const std::byte> bytes) noexcept
{
    switch (type) {
    case dtype::bf16:
        return detail::all_finite<std::uint16_t>(bytes.data(), bytes.size() / 2, 0x7F80);
    case dtype::f16:
        return detail::all_finite<std::uint16_t>(bytes.data(), bytes.size() / 2, 0x7C00);
    default:
        return detail::all_finite<std::uint32_t>(bytes.data(), bytes.size() / 4, 0x7F800000);
    }
}

AWQ_COMPILED void widen(dtype type, std::span<const std::byte> bytes, std::span<float> values) noexcept
{
    if (values.empty()) return;
    switch (type) {
    case dtype::bf16:
        return detail::widen_bf16(bytes.data(), values.data(), values.size());
    case dtype::f16:
        return detail::widen_f16(bytes.data(), values.data(), values.size());
    default:
        std::memcpy(values.data(), bytes.data(), std::min(values.size_bytes(), bytes.size()));
    }
}

AWQ_COMPILED void narrow(dtype type, std::span<const float> values, std::span<std::byte> bytes) noexcept
{
    if (values.empty()) return;
    switch (type) {
    case dtype::bf16:
        return detail::narrow_bf16(values.data(), bytes.data(), values.size());
    case dtype::f16:
        return detail::narrow_f16(values.data(), bytes.data(), values.size());
    default:
        std::memcpy(bytes.data(), values.data(), std::min(values.size_bytes(), bytes.size()));
    }
}
#endif

/// Index of the first value that is a NaN or an infinity.
inline std::optional<std::size_t> first_not_finite(std::span<const float> values) noexcept
{
    for (std::size_t begin = 0; begin < values.size(); begin += detail::values_per_step) {
        const auto step = values.subspan(begin, std::min(detail::values_per_step, values.size() - begin));
        if (all_finite(dtype::f32, std::as_bytes(step))) continue;
        for (std::size_t i = 0; i < step.size(); ++i)
            if (!all_finite(dtype::f32, std::as_bytes(step.subspan(i, 1)))) return begin + i;
    }
    return std::nullopt;
}

/// Whether a tensor's values are finite, where they are F32, F16 or BF16; others are not looked at.
/// Error: `not_finite`, naming the file, the tensor and the first such element.
inline status check_finite(const tensor& source)
{
    const std::optional<dtype> type = source.type();
    if (!type || !is_smoothable(*type) || all_finite(*type, source.bytes)) return {};
    const std::size_t width = size_of(*type);
    std::size_t at = 0;
    while (all_finite(*type, source.bytes.subspan(at * width, width))) ++at;
    return error{error_code::not_finite,
                 source.file->path(),
                 ": tensor \"",
                 printable(source.name),
                 "\": element ",
                 at,
                 " at offset ",
                 source.offset + at * width,
                 " is NaN or infinite; the file is damaged"};
}

/// Reads elements [first, first + values.size()) of a tensor as float32. Errors: `unsupported` for
/// an element type other than F32, F16 and BF16; `shape_mismatch` for elements that are not there;
/// `not_finite` naming the file, the tensor, the first such element and its offset in the file.
inline status read_floats(const tensor& source, std::span<float> values, std::uint64_t first = 0)
{
    const auto fail = [&](error_code code, const auto&... parts) {
        return error{code, source.file->path(), ": tensor \"", printable(source.name), "\": ", parts...};
    };
    const std::optional<dtype> type = source.type();
    if (!type || !is_smoothable(*type))
        return fail(error_code::unsupported, name_of(source.stored),
                    " cannot be read as weights, only F32, F16 and BF16");
    const std::uint64_t count = source.element_count();
    if (first > count || values.size() > count - first)
        return fail(error_code::shape_mismatch, "has ", count, " elements, ", values.size(),
                    " were asked for from element ", first);
    const std::size_t width = size_of(*type);
    const auto bytes = source.bytes.subspan(first * width, values.size() * width);
    for (std::size_t begin = 0; begin < values.size(); begin += detail::values_per_step) {
        const auto step = values.subspan(begin, std::min(detail::values_per_step, values.size() - begin));
        const auto stored = bytes.subspan(begin * width, step.size() * width);
        widen(*type, stored, step);
        if (all_finite(*type, stored)) continue;
        const std::size_t at = *first_not_finite(step);
        const std::uint64_t element = first + begin + at;
        return fail(error_code::not_finite, "element ", element, " at offset ", source.offset + element * width, " is ",
                    (std::bit_cast<std::uint32_t>(step[at]) & 0x7FFFFFu) != 0 ? "NaN" : "infinite");
    }
    return {};
}

} // namespace awq::safetensors

#endif
