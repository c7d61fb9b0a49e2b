// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_SIMD_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_SIMD_QUANTIZER_HPP

#include <awq/config.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>
#include <awq/quantization/gguf/legacy.hpp>
#include <awq/quantization/gguf/simd_lanes.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace awq::gguf {

namespace detail {

/// Fits blocks, as many at once as a vector has lanes.
template <class Format, class Floats>
[[gnu::always_inline]] inline void fit_in_lanes(const block_source* blocks, std::size_t count, block_grid* grids,
                                                std::uint8_t* codes, std::size_t columns) noexcept
{
    constexpr std::size_t lane_count = lane_storage<Floats>::count;
    for (std::size_t first = 0; first < count; first += lane_count) {
        const std::size_t left = count - first;
        Format::template fit<lanes<Floats>>(blocks + first, left < lane_count ? left : lane_count, grids + first,
                                            codes + first * columns);
    }
}

#if !AWQ_GNU
using widest_floats = float;
#elif defined(__AVX512F__)
using widest_floats = floats_16;
#elif defined(__AVX2__)
using widest_floats = floats_8;
#else
using widest_floats = floats_4;
#endif

template <class Format>
inline void fit_baseline(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes,
                         std::size_t columns) noexcept
{
    fit_in_lanes<Format, widest_floats>(blocks, count, grids, codes, columns);
}

/// The format that stands for all whose blocks are searched alike: in blocks of 32 only the grid differs.
template <class Format>
using searched_as = std::conditional_t<facts(Format::id).block_columns == 32, q4_0, Format>;

template <class Format>
inline void improve_baseline(const block_source& block, block_grid& grid, std::uint8_t* codes) noexcept
{
    improve_block<Format, lanes<widest_floats>>(block, grid, codes);
}

// Where a compiler was told to use AVX2, GCC has nothing better to choose.
#if !defined(AWQ_GGUF_RUNTIME_DISPATCH)
#if AWQ_GNU && defined(__x86_64__) && !defined(__AVX512F__) && (defined(__clang__) || !defined(__AVX2__))
#define AWQ_GGUF_RUNTIME_DISPATCH 1
#else
#define AWQ_GGUF_RUNTIME_DISPATCH 0
#endif
#endif

#if AWQ_GGUF_RUNTIME_DISPATCH

#if defined(__clang__) // GCC 12 takes comparisons apart when it inlines them into another target
template <class Format>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]] inline void
fit_avx512(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes,
           std::size_t columns) noexcept
{
    fit_in_lanes<Format, floats_16>(blocks, count, grids, codes, columns);
}
#endif

template <class Format>
[[gnu::target("avx2")]] inline void fit_avx2(const block_source* blocks, std::size_t count, block_grid* grids,
                                             std::uint8_t* codes, std::size_t columns) noexcept
{
    fit_in_lanes<Format, floats_8>(blocks, count, grids, codes, columns);
}

template <class Format>
[[gnu::target("avx2")]] inline void improve_avx2(const block_source& block, block_grid& grid,
                                                 std::uint8_t* codes) noexcept
{
    improve_block<Format, lanes<floats_8>>(block, grid, codes);
}
#endif

} // namespace detail

/// Fits many blocks at once, one group of weights in each lane of a vector: every group's own sums
/// keep their order, so the bytes are those of `scalar_engine`. On x86-64 the instruction set is
/// chosen while running, unless the compiler was told to use AVX-512 anyway.
struct simd_engine {
    static constexpr std::size_t batch = 16;

    static void fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                    std::uint8_t* codes) noexcept;
    /// `rounding::best` for one block.
    static void improve(type format, const block_source& block, block_grid& grid, std::uint8_t* codes) noexcept;

private:
    template <class Format>
    static void fit_format(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes,
                           std::size_t columns) noexcept
    {
#if AWQ_GGUF_RUNTIME_DISPATCH && defined(__clang__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            return detail::fit_avx512<Format>(blocks, count, grids, codes, columns);
#endif
#if AWQ_GGUF_RUNTIME_DISPATCH
        if (__builtin_cpu_supports("avx2")) return detail::fit_avx2<Format>(blocks, count, grids, codes, columns);
#endif
        detail::fit_baseline<Format>(blocks, count, grids, codes, columns);
    }
};

#if AWQ_COMPILES_KERNELS
AWQ_COMPILED void simd_engine::fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                                   std::uint8_t* codes) noexcept
{
    with_format(format,
                [&](auto chosen) { fit_format<decltype(chosen)>(blocks, count, grids, codes, block_columns(format)); });
}

AWQ_COMPILED void simd_engine::improve(type format, const block_source& block, block_grid& grid,
                                       std::uint8_t* codes) noexcept
{
    with_format(format, [&](auto chosen) {
        using searched = detail::searched_as<decltype(chosen)>;
#if AWQ_GGUF_RUNTIME_DISPATCH
        if (__builtin_cpu_supports("avx2")) return detail::improve_avx2<searched>(block, grid, codes);
#endif
        detail::improve_baseline<searched>(block, grid, codes);
    });
}
#endif

/// `block_quantizer` with vectors: the same bytes, several times faster.
using simd_block_quantizer = basic_block_quantizer<simd_engine>;

static_assert(quantizer<simd_block_quantizer>);

} // namespace awq::gguf

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
