// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_PACK_BITS_HPP
#define AWQ_QUANTIZATION_PACK_BITS_HPP

#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

// One function per packing order, named after the format. Codes and zero points come in signed, as
// `quantize_weight` makes them; every format stores them with 2^(bits-1) added. The views' shapes
// are the caller's duty: `packed_words` says how many words a line takes.

/// 32-bit words that `count` codes of `bits` bits take when packed without gaps.
constexpr std::size_t packed_words(std::size_t count, int bits) noexcept
{
    return (count * static_cast<std::size_t>(bits) + 31) / 32;
}

namespace detail {

/// Element i takes bits i*bits .. i*bits + bits-1 of the line's bit stream, lowest bit first,
/// across words where bits does not divide 32. Bits past the last element are 0.
template <class Unsigned, class Store>
constexpr void pack_line(std::size_t count, int bits, Unsigned element, Store store)
{
    std::uint64_t pending = 0;
    int filled = 0;
    std::size_t word = 0;
    for (std::size_t i = 0; i < count; ++i) {
        pending |= std::uint64_t{element(i)} << filled;
        filled += bits;
        if (filled < 32) continue;
        store(word++, static_cast<std::uint32_t>(pending));
        pending >>= 32;
        filled -= 32;
    }
    if (filled > 0) store(word, static_cast<std::uint32_t>(pending));
}

template <class Load, class Store>
constexpr void unpack_line(std::size_t count, int bits, Load load, Store store)
{
    const std::uint32_t mask = (1u << bits) - 1u;
    std::uint64_t pending = 0;
    int filled = 0;
    std::size_t word = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (filled < bits) {
            pending |= std::uint64_t{load(word++)} << filled;
            filled += 32;
        }
        store(i, static_cast<std::uint32_t>(pending) & mask);
        pending >>= bits;
        filled -= bits;
    }
}

constexpr std::uint32_t to_unsigned(std::int8_t code, int bits) noexcept
{
    const int shifted = code + (1 << (bits - 1));
    return static_cast<std::uint32_t>(shifted) & ((1u << bits) - 1u);
}

constexpr std::int8_t to_signed(std::uint32_t stored, int bits) noexcept
{
    return static_cast<std::int8_t>(static_cast<int>(stored) - (1 << (bits - 1)));
}

/// AutoAWQ's order of eight neighbours in a word: nibble i holds neighbour order[i].
inline constexpr std::size_t autoawq_order[8] = {0, 2, 4, 6, 1, 3, 5, 7};

constexpr void pack_autoawq_line(matrix_view<const std::int8_t> in, std::size_t column,
                                 std::span<std::uint32_t> out) noexcept
{
    for (std::size_t word = 0; word < out.size(); ++word) {
        std::uint32_t packed = 0;
        for (std::size_t nibble = 0; nibble < 8; ++nibble)
            packed |= to_unsigned(in(8 * word + autoawq_order[nibble], column), 4) << (4 * nibble);
        out[word] = packed;
    }
}

} // namespace detail

/// compressed-tensors `weight_packed`: codes (out, in) to (out, packed_words(in)), along rows.
constexpr void pack_compressed_tensors(matrix_view<const std::int8_t> codes, int bits, matrix_view<std::uint32_t> out)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::pack_line(
            codes.cols(), bits, [&](std::size_t c) { return detail::to_unsigned(codes(r, c), bits); },
            [&](std::size_t word, std::uint32_t value) { out(r, word) = value; });
}

/// The inverse of `pack_compressed_tensors`.
constexpr void unpack_compressed_tensors(matrix_view<const std::uint32_t> packed, int bits,
                                         matrix_view<std::int8_t> codes)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::unpack_line(
            codes.cols(), bits, [&](std::size_t word) { return packed(r, word); },
            [&](std::size_t c, std::uint32_t value) { codes(r, c) = detail::to_signed(value, bits); });
}

/// compressed-tensors `weight_zero_point`: (out, groups) to (packed_words(out), groups), along the
/// outputs.
constexpr void pack_compressed_tensors_zero_points(matrix_view<const std::int8_t> zero_points, int bits,
                                                   matrix_view<std::uint32_t> out)
{
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::pack_line(
            zero_points.rows(), bits, [&](std::size_t r) { return detail::to_unsigned(zero_points(r, g), bits); },
            [&](std::size_t word, std::uint32_t value) { out(word, g) = value; });
}

/// The inverse of `pack_compressed_tensors_zero_points`.
constexpr void unpack_compressed_tensors_zero_points(matrix_view<const std::uint32_t> packed, int bits,
                                                     matrix_view<std::int8_t> zero_points)
{
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::unpack_line(
            zero_points.rows(), bits, [&](std::size_t word) { return packed(word, g); },
            [&](std::size_t r, std::uint32_t value) { zero_points(r, g) = detail::to_signed(value, bits); });
}

/// AutoAWQ "gemm" `qweight`, 4 bits: codes (out, in) to (in, out/8), eight outputs a word in its
/// own order. `out` features must be a multiple of 8.
constexpr void pack_autoawq(matrix_view<const std::int8_t> codes, matrix_view<std::uint32_t> out)
{
    for (std::size_t c = 0; c < codes.cols(); ++c) detail::pack_autoawq_line(codes, c, out.row(c));
}

/// AutoAWQ "gemm" `qzeros`, 4 bits: (out, groups) to (groups, out/8), in the same order.
constexpr void pack_autoawq_zero_points(matrix_view<const std::int8_t> zero_points, matrix_view<std::uint32_t> out)
{
    pack_autoawq(zero_points, out);
}

/// The inverse of `pack_autoawq`, and of `pack_autoawq_zero_points`.
constexpr void unpack_autoawq(matrix_view<const std::uint32_t> packed, matrix_view<std::int8_t> codes)
{
    for (std::size_t c = 0; c < codes.cols(); ++c)
        for (std::size_t r = 0; r < codes.rows(); ++r)
            for (std::size_t nibble = 0; nibble < 8; ++nibble)
                if (detail::autoawq_order[nibble] == r % 8)
                    codes(r, c) = detail::to_signed((packed(c, r / 8) >> (4 * nibble)) & 15u, 4);
}

/// GPTQ `qweight`: codes (out, in) to (packed_words(in), out), along the inputs.
constexpr void pack_gptq(matrix_view<const std::int8_t> codes, int bits, matrix_view<std::uint32_t> out)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::pack_line(
            codes.cols(), bits, [&](std::size_t c) { return detail::to_unsigned(codes(r, c), bits); },
            [&](std::size_t word, std::uint32_t value) { out(word, r) = value; });
}

/// GPTQ `qzeros` (checkpoint_format "gptq"): (out, groups) to (groups, packed_words(out)), each
/// stored as the zero point less 1.
constexpr void pack_gptq_zero_points(matrix_view<const std::int8_t> zero_points, int bits,
                                     matrix_view<std::uint32_t> out)
{
    const std::uint32_t mask = (1u << bits) - 1u;
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::pack_line(
            zero_points.rows(), bits,
            [&](std::size_t r) { return (detail::to_unsigned(zero_points(r, g), bits) - 1u) & mask; },
            [&](std::size_t word, std::uint32_t value) { out(g, word) = value; });
}

} // namespace awq

#endif
