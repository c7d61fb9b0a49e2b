// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_TILE_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_TILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/execution/kernels/multiply_add.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/execution/products/product_operand.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/tensor/element.hpp>

#include <algorithm>
#include <cstddef>

namespace awq::detail {

/// The register tile: `rows` x `cols` sums stay in registers while the depth runs (the scheme of
/// Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
template <class Arch>
struct tile_shape {
    static constexpr bool wide = kernels::register_count<Arch> == 32;
    static constexpr std::size_t batches = wide ? 4 : 2;
    static constexpr std::size_t rows = 6;
    static constexpr std::size_t cols = batches * kernels::lanes<Arch>;
};

#if AWQ_VECTOR_FLOATS > 1
using four_floats [[gnu::vector_size(16)]] = float;

/// Copies 4 x 4 floats transposed: out[d * width + i] = in[i * stride + d].
AWQ_ALWAYS_INLINE void transpose_4x4(const float* in, std::size_t stride, float* out, std::size_t width) noexcept
{
    four_floats row[4];
    for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(&row[i], in + i * stride, sizeof row[i]);
    const four_floats low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    const four_floats low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    const four_floats high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    const four_floats high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    for (std::size_t d = 0; d < 4; ++d) __builtin_memcpy(out + d * width, &row[d], sizeof row[d]);
}
#else
AWQ_ALWAYS_INLINE void transpose_4x4(const float* in, std::size_t stride, float* out, std::size_t width) noexcept
{
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t d = 0; d < 4; ++d) out[d * width + i] = in[i * stride + d];
}
#endif

/// Packs `count` <= Width lines of `Depth`, a multiple of 4.
template <std::size_t Width, std::size_t Depth>
void pack_square(const float* in, std::size_t stride, std::size_t count, float* out) noexcept
{
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (std::size_t d = 0; d < Depth; d += 4)
            transpose_4x4(in + i * stride + d, stride, out + d * Width + i, Width);
    for (; i < count; ++i)
        for (std::size_t d = 0; d < Depth; ++d) out[d * Width + i] = in[i * stride + d];
}

/// Packs `count` <= Width lines whose depth is contiguous: out[d * Width + i], zeros beyond `count`.
template <std::size_t Width>
void pack_lines(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                std::size_t depth, float* out) noexcept
{
    const std::size_t stride = operand.outer_stride;
    const float* in = operand.at(first, from);
    if (count < Width) std::fill_n(out, depth * Width, 0.0f);
    // Some cache lines of each row at once: rows often lie a multiple of 4 KiB apart, where a few
    // of them push each other out of the first-level cache.
    constexpr std::size_t step = 16;
    std::size_t d = 0;
    for (; d + step <= depth; d += step, in += step, out += step * Width)
        pack_square<Width, step>(in, stride, count, out);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t r = 0; r < depth - d; ++r) out[r * Width + i] = in[i * stride + r];
}

/// The same where neighbouring lines are contiguous.
template <std::size_t Width, class T>
void pack_columns(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from, std::size_t depth,
                  float* out) noexcept
{
    for (std::size_t d = 0; d < depth; ++d, out += Width) {
        const T* in = operand.at(first, from + d);
        if (count == Width) {
            for (std::size_t i = 0; i < Width; ++i) out[i] = static_cast<float>(in[i]);
        } else {
            for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]);
            std::fill(out + count, out + Width, 0.0f);
        }
    }
}

template <std::size_t Width>
void pack_panel(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                std::size_t depth, float* out) noexcept
{
    if (operand.depth_stride == 1)
        pack_lines<Width>(operand, first, count, from, depth, out);
    else
        pack_columns<Width>(operand, first, count, from, depth, out);
}
/// In 16 bits neighbouring lines are contiguous, as in `add_gram`.
template <std::size_t Width, half_element T>
void pack_panel(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from, std::size_t depth,
                float* out) noexcept
{
    pack_columns<Width>(operand, first, count, from, depth, out);
}

/// One register tile: c (rows, cols) = or += the product of two packed panels.
template <class Arch, kernels::accumulation Kind>
void multiply_tile(const float* a, const float* b, std::size_t depth, float* c, std::size_t stride,
                   bool accumulate) noexcept
{
    using batch = kernels::float_batch<Arch>;
    using shape = tile_shape<Arch>;
    constexpr std::size_t width = batch::size;
    batch sum[shape::rows][shape::batches];
    kernels::unroll<shape::rows>([&](auto r) AWQ_INLINED {
        kernels::unroll<shape::batches>([&](auto n) AWQ_INLINED { sum[r][n] = batch(0.0f); });
    });
    for (std::size_t d = 0; d < depth; ++d, a += shape::rows, b += shape::cols) {
        batch right[shape::batches];
        kernels::unroll<shape::batches>([&](auto n) AWQ_INLINED { right[n] = batch::load_unaligned(b + n * width); });
        kernels::unroll<shape::rows>([&](auto r) AWQ_INLINED {
            const batch left(a[r]);
            kernels::unroll<shape::batches>(
                [&](auto n) AWQ_INLINED { sum[r][n] = kernels::multiply_add<Kind>(left, right[n], sum[r][n]); });
        });
    }
    kernels::unroll<shape::rows>([&](auto r) AWQ_INLINED {
        kernels::unroll<shape::batches>([&](auto n) AWQ_INLINED {
            float* out = c + r * stride + n * width;
            if (accumulate) sum[r][n] = sum[r][n] + batch::load_unaligned(out);
            sum[r][n].store_unaligned(out);
        });
    });
}

/// Panels of floats, multiplied in SIMD registers: a kernel of `packed_engine`.
template <class Arch>
struct float_kernel {
    using element = float;
    static constexpr std::size_t rows = tile_shape<Arch>::rows;
    static constexpr std::size_t cols = tile_shape<Arch>::cols;
    static constexpr std::size_t max_slab = 320, slab_step = 16, depth_step = 1;
    static constexpr std::size_t max_lines = 3072, panels_per_task = 4;

    template <class T>
    static void pack_a(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, float* out) noexcept
    {
        pack_panel<rows>(operand, first, count, from, depth, out);
    }
    template <class T>
    static void pack_b(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, float* out) noexcept
    {
        pack_panel<cols>(operand, first, count, from, depth, out);
    }

    template <kernels::accumulation Kind>
    struct tiles {
        void multiply(const float* a, const float* b, std::size_t depth, float* c, std::size_t stride,
                      bool accumulate) const noexcept
        {
            multiply_tile<Arch, Kind>(a, b, depth, c, stride, accumulate);
        }
    };

    template <class Task>
    static void with_tiles(const Task& task)
    {
        with_accumulation<Arch>([&](auto kind) { task(tiles<kind()>{}); });
    }
};

} // namespace awq::detail

#endif
