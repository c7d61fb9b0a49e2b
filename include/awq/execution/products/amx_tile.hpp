// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_AMX_TILE_HPP
#define AWQ_EXECUTION_PRODUCTS_AMX_TILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/execution/products/product_operand.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// Products of bfloat16 in the tile registers of Intel's Advanced Matrix Extensions ("Intel 64 and IA-32
// Architectures Software Developer's Manual", volume 1, chapter 18). The code is there whatever a translation
// unit is compiled for, and used where the processor and the system have it.
#if defined(__x86_64__) && defined(__linux__) && AWQ_GNU
#define AWQ_HAS_AMX 1
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define AWQ_HAS_AMX 0
#endif

namespace awq::detail {

#if AWQ_HAS_AMX

#define AWQ_AMX_CODE __attribute__((target("avx512f,avx512bw,avx512bf16,amx-tile,amx-bf16")))

/// Whether processor and system multiply tiles of bfloat16. Asks Linux for the permission to use them.
inline bool has_amx() noexcept
{
    static const bool found = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        constexpr unsigned bf16_tiles = 1u << 22, tiles = 1u << 24, bf16_vectors = 1u << 5;
        if (!__builtin_cpu_supports("avx512bw")) return false;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & bf16_tiles) || !(d & tiles)) return false;
        if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & bf16_vectors)) return false;
        constexpr long request_permission = 0x1023, tile_data = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
        return ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
    }();
    return found;
}

/// Sixteen registers of 16 pairs of bfloat16 each: a tile.
struct amx_rows {
    __m512i row[16];
};

/// Which bfloat16 of a float is packed: the nearest one, or the one nearest to what that leaves.
enum class bfloat16_part : unsigned char { nearest, rest };

template <bfloat16_part Part>
AWQ_AMX_CODE inline __m512 part_of(__m512 x) noexcept
{
    if constexpr (Part == bfloat16_part::nearest) return x;
    const __m512i nearest = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(x));
    return _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(nearest, 16)));
}

/// Pairs (2p, 2p + 1) of sixteen lines whose depth is contiguous: register i holds those of line i. What is
/// beyond `count` lines or `depth` is zero.
template <bfloat16_part Part>
AWQ_AMX_CODE inline amx_rows pairs_of_lines(const float* in, std::size_t stride, std::size_t count,
                                            std::size_t depth) noexcept
{
    const auto bits = static_cast<__mmask32>(depth >= 32 ? ~0u : (1u << depth) - 1);
    amx_rows made;
    for (std::size_t i = 0; i < 16; ++i) {
        const __mmask32 mask = i < count ? bits : 0;
        const float* const from = in + (i < count ? i * stride : 0);
        const __m512 low = part_of<Part>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from));
        const __m512 high = part_of<Part>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), from + 16));
        made.row[i] = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    }
    return made;
}

/// The same of lines that lie side by side: register p holds pair p of all lines.
template <bfloat16_part Part>
AWQ_AMX_CODE inline amx_rows pairs_of_columns(const float* in, std::size_t stride, std::size_t count,
                                              std::size_t depth) noexcept
{
    alignas(64) static constexpr std::uint16_t interleaved[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                                  21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                                  11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i order = _mm512_load_si512(interleaved);
    const auto bits = static_cast<__mmask16>(count >= 16 ? 0xffff : (1u << count) - 1);
    amx_rows made;
    for (std::size_t p = 0; p < 16; ++p) {
        const std::size_t d = 2 * p;
        const __m512 even = _mm512_maskz_loadu_ps(d < depth ? bits : 0, in + (d < depth ? d * stride : 0));
        const __m512 odd = _mm512_maskz_loadu_ps(d + 1 < depth ? bits : 0, in + (d + 1 < depth ? (d + 1) * stride : 0));
        made.row[p] =
            _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(part_of<Part>(odd), part_of<Part>(even)));
    }
    return made;
}

using sixteen_pairs [[gnu::vector_size(64)]] = std::int32_t;

/// Every second four of two registers' pairs, from the first or from the second on.
template <int First>
AWQ_AMX_CODE inline sixteen_pairs every_second_four(sixteen_pairs a, sixteen_pairs b) noexcept
{
    return __builtin_shufflevector(a, b, First, First + 1, First + 2, First + 3, First + 8, First + 9, First + 10,
                                   First + 11, First + 16, First + 17, First + 18, First + 19, First + 24, First + 25,
                                   First + 26, First + 27);
}

/// Transposes the four 4 x 4 squares that registers `at` to `at + 3` are.
AWQ_AMX_CODE inline void transpose_squares(const amx_rows& in, int at, sixteen_pairs* out) noexcept
{
    sixteen_pairs row[4], half[4];
    __builtin_memcpy(row, &in.row[at], sizeof row);
    for (int i = 0; i < 4; i += 2) {
        half[i] = __builtin_shufflevector(row[i], row[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        half[i + 1] =
            __builtin_shufflevector(row[i], row[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    }
    for (int i = 0; i < 2; ++i) {
        out[2 * i] =
            __builtin_shufflevector(half[i], half[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        out[2 * i + 1] =
            __builtin_shufflevector(half[i], half[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
}

/// Rows become columns, pairs staying together.
AWQ_AMX_CODE inline amx_rows transposed(const amx_rows& in) noexcept
{
    sixteen_pairs square[16], out[16];
    for (int i = 0; i < 16; i += 4) transpose_squares(in, i, square + i);
    for (int i = 0; i < 4; ++i) {
        const sixteen_pairs low0 = every_second_four<0>(square[i], square[i + 4]);
        const sixteen_pairs low1 = every_second_four<4>(square[i], square[i + 4]);
        const sixteen_pairs high0 = every_second_four<0>(square[i + 8], square[i + 12]);
        const sixteen_pairs high1 = every_second_four<4>(square[i + 8], square[i + 12]);
        out[i] = every_second_four<0>(low0, high0);
        out[i + 8] = every_second_four<4>(low0, high0);
        out[i + 4] = every_second_four<0>(low1, high1);
        out[i + 12] = every_second_four<4>(low1, high1);
    }
    amx_rows made;
    __builtin_memcpy(&made, out, sizeof made);
    return made;
}

/// The shapes of the eight tile registers: 16 rows of 64 bytes each.
struct amx_tile_config {
    alignas(64) std::uint8_t palette = 1;
    std::uint8_t start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(amx_tile_config) == 64);

// In memory for good: the compiler sees that its first bytes are read, and no others.
inline constexpr amx_tile_config whole_amx_tiles{};

/// One tile of a panel.
inline constexpr std::size_t amx_tile_size = 512;

/// Loads or clears the four tiles of sums, c (32, 32).
AWQ_AMX_CODE inline void begin_sums(const float* c, std::size_t stride, bool accumulate) noexcept
{
    if (!accumulate) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        return;
    }
    const std::size_t bytes = stride * sizeof(float);
    _tile_loadd(0, c, bytes);
    _tile_loadd(1, c + 16, bytes);
    _tile_loadd(2, c + 16 * stride, bytes);
    _tile_loadd(3, c + 16 * stride + 16, bytes);
}

AWQ_AMX_CODE inline void end_sums(float* c, std::size_t stride) noexcept
{
    const std::size_t bytes = stride * sizeof(float);
    _tile_stored(0, c, bytes);
    _tile_stored(1, c + 16, bytes);
    _tile_stored(2, c + 16 * stride, bytes);
    _tile_stored(3, c + 16 * stride + 16, bytes);
}

/// The sums += two tiles of a times two tiles of b. Tiles 4 and 5 hold a's afterwards.
AWQ_AMX_CODE inline void add_tiles(const std::uint16_t* a, const std::uint16_t* b) noexcept
{
    constexpr int line = 64;
    _tile_loadd(4, a, line);
    _tile_loadd(6, b, line);
    _tile_loadd(7, b + amx_tile_size, line);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + amx_tile_size, line);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/// The same with the tiles of a that are loaded.
AWQ_AMX_CODE inline void add_tiles_again(const std::uint16_t* b) noexcept
{
    constexpr int line = 64;
    _tile_loadd(6, b, line);
    _tile_loadd(7, b + amx_tile_size, line);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/// Panels of 32 lines in bfloat16, multiplied tile by tile into float32: a kernel of `packed_engine`. A panel
/// holds for each 32 of its depth two tiles of sixteen lines; those of b lie with the pairs of the depth as rows.
/// With two `Parts` a float is the sum of two bfloat16, so that 16 bits of its significand count: the tiles of the
/// rest lie behind those of the nearest, and of the four products all but that of the rests are added.
template <std::size_t Parts>
struct amx_kernel {
    using element = std::conditional_t<Parts == 1, std::uint16_t, std::uint32_t>;
    static constexpr std::size_t rows = 32, cols = 32;
    static constexpr std::size_t max_slab = 1024 / Parts, slab_step = 32, depth_step = 32;
    static constexpr std::size_t max_lines = 7168, panels_per_task = 1;

    static void pack_a(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, element* out) noexcept
    {
        pack(operand, first, count, from, depth, false, out);
    }
    static void pack_b(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, element* out) noexcept
    {
        pack(operand, first, count, from, depth, true, out);
    }

    struct tiles {
        /// c (32, 32) = or += the product of two panels, of `depth` a multiple of 32.
        AWQ_AMX_CODE void multiply(const element* a, const element* b, std::size_t depth, float* c, std::size_t stride,
                                   bool accumulate) const noexcept
        {
            begin_sums(c, stride, accumulate);
            for (std::size_t d = 0; d < depth; d += 32) {
                const auto* const left = reinterpret_cast<const std::uint16_t*>(a + 32 * d);
                const auto* const right = reinterpret_cast<const std::uint16_t*>(b + 32 * d);
                add_tiles(left, right);
                if constexpr (Parts == 2) {
                    add_tiles_again(right + 2 * amx_tile_size);
                    add_tiles(left + 2 * amx_tile_size, right);
                }
            }
            end_sums(c, stride);
        }
    };

    template <class Task>
    static void with_tiles(const Task& task)
    {
        configure();
        task(tiles{});
        release();
    }

private:
    AWQ_AMX_CODE static void configure() noexcept { _tile_loadconfig(&whole_amx_tiles); }
    AWQ_AMX_CODE static void release() noexcept { _tile_release(); }

    AWQ_AMX_CODE static void pack(product_operand<float> operand, std::size_t first, std::size_t count,
                                  std::size_t from, std::size_t depth, bool by_pairs, element* panel) noexcept
    {
        auto* out = reinterpret_cast<std::uint16_t*>(panel);
        for (std::size_t d = 0; d < depth; d += 32) {
            const std::size_t left = depth - d;
            out = pack_tiles<bfloat16_part::nearest>(operand, first, count, from + d, left, by_pairs, out);
            if constexpr (Parts == 2)
                out = pack_tiles<bfloat16_part::rest>(operand, first, count, from + d, left, by_pairs, out);
        }
    }

    /// Two tiles; gives where the next ones go.
    template <bfloat16_part Part>
    AWQ_AMX_CODE static std::uint16_t* pack_tiles(product_operand<float> operand, std::size_t first, std::size_t count,
                                                  std::size_t from, std::size_t depth, bool by_pairs,
                                                  std::uint16_t* out) noexcept
    {
        const bool is_lines = operand.depth_stride == 1;
        const std::size_t stride = is_lines ? operand.outer_stride : operand.depth_stride;
        for (std::size_t half = 0; half < 32; half += 16, out += amx_tile_size) {
            const std::size_t lines = count > half ? count - half : 0;
            const float* const in = operand.at(lines > 0 ? first + half : first, from);
            amx_rows pairs = is_lines ? pairs_of_lines<Part>(in, stride, lines, depth)
                                      : pairs_of_columns<Part>(in, stride, lines, depth);
            if (is_lines == by_pairs) pairs = transposed(pairs);
            for (std::size_t i = 0; i < 16; ++i) _mm512_storeu_si512(out + 32 * i, pairs.row[i]);
        }
        return out;
    }
};

#undef AWQ_AMX_CODE

#else

constexpr bool has_amx() noexcept { return false; }

#endif

} // namespace awq::detail

#endif
