// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/precision.hpp>
#include <awq/execution/products/amx_tile.hpp>
#include <awq/execution/products/few_rows.hpp>
#include <awq/execution/products/mirror_upper.hpp>
#include <awq/execution/products/packed_engine.hpp>
#include <awq/execution/products/packed_tile.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace awq {

/// Matrix products by a packed micro-kernel over SIMD registers: the default provider. Header-only,
/// as wide as the instruction set that the translation unit is compiled for.
///
/// Threads come from the execution alone; the output is cut into fixed tiles, so the result has the
/// same bits at any number of threads. Every sum runs in the same order whatever the registers hold;
/// one rounding more, where there is no fused multiply-add, is `reproducible_products`' to undo. Calls
/// may nest within other tasks of the same execution.
/// Where the execution's `operands` are `precision::mixed` and the processor multiplies tiles of bfloat16, both
/// operands are rounded to it (to nearest, ties to even) and the sums stay float32, in the same order at any
/// number of threads. Products of few rows stay float32.
/// Where they are `precision::split`, each operand is the sum of two bfloat16.
/// Working memory (at most 30 MiB) is kept by each thread; without it the calls still work, slowly.
/// Operands may have strides; the output must not overlap an input.
struct packed_product {
    /// Left operands with fewer rows are multiplied without packing b, which pays only when each
    /// packed value is used often; b as it lies is read badly by columns, so there it pays sooner.
    static constexpr std::size_t min_packed_rows_nt = 32;
    static constexpr std::size_t min_packed_rows_nn = 8;

    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows_nt && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), b.stride(), 1}, a.cols(), c))
            return;
        detail::multiply_unpacked_nt<Arch>(e, a, b, c);
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows_nn && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), 1, b.stride()}, a.cols(), c))
            return;
        detail::multiply_unpacked_nn<Arch>(e, a, b, c);
    }

    /// g += x^T x: x (tokens, k), g (k, k). The upper triangle is computed and mirrored: what the
    /// lower triangle of g held before is lost.
    template <execution E, class Arch = kernels::default_arch>
    static void add_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        add_gram_of<Arch>(e, x, g);
    }
    /// The same for inputs in 16 bits, which are widened as they are packed: the same bits.
    template <execution E, half_element T, class Arch = kernels::default_arch>
    static void add_gram(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        add_gram_of<Arch>(e, x, g);
    }

    /// The upper triangle of g += x^T x alone, for `mirror_upper` when all is added; what is below the diagonal is
    /// undefined until then.
    template <execution E, class Arch = kernels::default_arch>
    static void add_upper_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!add_upper<Arch>(e, x, g)) plain_product::add_gram(e, x, g);
    }

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!run<Arch>(e, {x.data(), 1, x.stride()}, {y.data(), 1, y.stride()}, x.rows(), g, true))
            plain_product::add_cross_gram(e, x, y, g);
    }

private:
    template <class Arch, execution E, class T>
    static void add_gram_of(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!add_upper<Arch>(e, x, g)) return plain_product::add_gram(e, x, g);
        mirror_upper(e, g);
    }

    template <class Arch, execution E, class T>
    [[nodiscard]] static bool add_upper(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        const detail::product_operand<T> columns{x.data(), 1, x.stride()};
        return run<Arch>(e, columns, columns, x.rows(), g, true, detail::product_part::upper);
    }

    template <class Arch, execution E, class T = float>
    [[nodiscard]] static bool run(const E& e, detail::product_operand<T> a, detail::product_operand<T> b,
                                  std::size_t depth, matrix_view<float> c, bool accumulate = false,
                                  detail::product_part part = detail::product_part::whole)
    {
#if AWQ_HAS_AMX
        if constexpr (std::is_same_v<T, float>) {
            const bool has_tiles = operands_of(e) != precision::float32 && detail::has_amx();
            if (has_tiles && operands_of(e) == precision::mixed)
                return detail::packed_engine<detail::amx_kernel<1>, E>(e, a, b, depth, c, accumulate, part).run();
            if (has_tiles)
                return detail::packed_engine<detail::amx_kernel<2>, E>(e, a, b, depth, c, accumulate, part).run();
        }
#endif
        return detail::packed_engine<detail::float_kernel<Arch>, E, T>(e, a, b, depth, c, accumulate, part).run();
    }
};

} // namespace awq

#endif
