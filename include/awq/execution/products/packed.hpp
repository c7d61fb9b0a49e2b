// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/products/few_rows.hpp>
#include <awq/execution/products/mirror_upper.hpp>
#include <awq/execution/products/packed_tile.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

namespace detail {

/// Which part of the output is computed.
enum class product_part : unsigned char { whole, upper };

/// c = or += a b^T over packed operands. Slabs of the depth are packed once by all threads, then the
/// output is cut into fixed tiles: the bits do not depend on who computes which.
template <class Arch, execution E, class T = float>
class packed_engine {
public:
    packed_engine(const E& e, product_operand<T> a, product_operand<T> b, std::size_t depth,
                  matrix_view<float> c, bool accumulate, product_part part)
        : execution_(e), a_(a), b_(b), c_(c), depth_(depth), accumulate_(accumulate), part_(part),
          slab_(padded(chunk_count(depth, chunk_count(depth, max_slab)), 16)),
          packed_a_(padded(std::min(c.rows(), max_rows), shape::rows) * slab_),
          packed_b_(padded(std::min(c.cols(), max_cols), shape::cols) * slab_)
    {
    }

    /// False where there was no memory for the packed operands; c is then untouched.
    [[nodiscard]] bool run()
    {
        if (!packed_a_ || !packed_b_) return false;
        for (std::size_t col = 0; col < c_.cols(); col += max_cols)
            for (std::size_t from = 0; from < depth_; from += slab_)
                multiply_slab(col, std::min(max_cols, c_.cols() - col), from,
                              std::min(slab_, depth_ - from));
        return true;
    }

private:
    using shape = tile_shape<Arch>;
    static constexpr std::size_t max_slab = 320;
    static constexpr std::size_t max_rows = chunk_count(3072, shape::rows) * shape::rows;
    static constexpr std::size_t max_cols = chunk_count(3072, shape::cols) * shape::cols;
    static constexpr std::size_t task_rows = chunk_count(128, shape::rows) * shape::rows;
    static constexpr std::size_t task_cols = chunk_count(256, shape::cols) * shape::cols;
    static constexpr std::size_t panels_per_task = 4;

    static constexpr std::size_t padded(std::size_t count, std::size_t unit) noexcept
    {
        return chunk_count(count, unit) * unit;
    }

    template <std::size_t Width>
    void pack(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from,
              std::size_t depth, float* out) const
    {
        const std::size_t panels = chunk_count(count, Width);
        execution_.for_each(chunk_count(panels, panels_per_task), [=](std::size_t task) {
            const std::size_t end = std::min(panels, (task + 1) * panels_per_task);
            for (std::size_t p = task * panels_per_task; p < end; ++p)
                pack_panel<Width>(operand, first + p * Width, std::min(Width, count - p * Width),
                                  from, depth, out + p * Width * depth);
        });
    }

    void multiply_slab(std::size_t col, std::size_t cols, std::size_t from, std::size_t depth)
    {
        pack<shape::cols>(b_, col, cols, from, depth, packed_b_.data());
        const std::size_t end = part_ == product_part::whole ? c_.rows() : col + cols;
        for (std::size_t row = 0; row < end; row += max_rows) {
            const std::size_t rows = std::min(max_rows, end - row);
            pack<shape::rows>(a_, row, rows, from, depth, packed_a_.data());
            multiply_block(row, rows, col, cols, depth, accumulate_ || from > 0);
        }
    }

    void multiply_block(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols,
                        std::size_t depth, bool accumulate) const
    {
        const std::size_t down = chunk_count(rows, task_rows);
        const std::size_t across = chunk_count(cols, task_cols);
        execution_.for_each(down * across, [=, this](std::size_t task) {
            const std::size_t i = task % down * task_rows;
            const std::size_t j = task / down * task_cols;
            const std::size_t last = std::min(cols, j + task_cols);
            if (part_ == product_part::upper && col + last <= row + i) return;
            with_accumulation<Arch>([&](auto kind) {
                for (std::size_t n = j; n < last; n += shape::cols)
                    multiply_panel<kind()>(row, i, std::min(rows, i + task_rows), col, n, last,
                                           depth, accumulate);
            });
        });
    }

    /// All register tiles of one panel of b, which stays in the first-level cache.
    template <kernels::accumulation Kind>
    void multiply_panel(std::size_t row, std::size_t i, std::size_t end, std::size_t col,
                        std::size_t n, std::size_t last, std::size_t depth, bool accumulate) const
    {
        const float* b = packed_b_.data() + n * depth;
        const std::size_t cols = std::min(shape::cols, last - n);
        for (; i < end; i += shape::rows) {
            if (part_ == product_part::upper && col + n + cols <= row + i) return;
            const std::size_t rows = std::min(shape::rows, end - i);
            const float* a = packed_a_.data() + i * depth;
            float* out = &c_(row + i, col + n);
            if (rows == shape::rows && cols == shape::cols)
                multiply_tile<Arch, Kind>(a, b, depth, out, c_.stride(), accumulate);
            else
                multiply_edge_tile<Arch, Kind>(a, b, depth, out, c_.stride(), rows, cols,
                                               accumulate);
        }
    }

    const E& execution_;
    product_operand<T> a_;
    product_operand<T> b_;
    matrix_view<float> c_;
    std::size_t depth_;
    bool accumulate_;
    product_part part_;
    std::size_t slab_;
    scratch packed_a_;
    scratch packed_b_;
};

} // namespace detail

/// Matrix products by a packed micro-kernel over SIMD registers: the default provider. Header-only,
/// as wide as the instruction set that the translation unit is compiled for.
///
/// Threads come from the execution alone; the output is cut into fixed tiles, so the result has the
/// same bits at any number of threads. Every sum runs in the same order whatever the registers hold;
/// one rounding more, where there is no fused multiply-add, is `reproducible_products`' to undo. Calls
/// may nest within other tasks of the same execution.
/// Working memory (at most 8 MiB) is kept by each thread; without it the calls still work, slowly.
/// Operands may have strides; the output must not overlap an input.
struct packed_product {
    /// Left operands with fewer rows are multiplied without packing b, which pays only when each
    /// packed value is used often; b as it lies is read badly by columns, so there it pays sooner.
    static constexpr std::size_t min_packed_rows_nt = 32;
    static constexpr std::size_t min_packed_rows_nn = 8;

    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows_nt && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), b.stride(), 1}, a.cols(), c))
            return;
        detail::multiply_unpacked_nt<Arch>(e, a, b, c);
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
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

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y,
                               matrix_view<float> g)
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
        const detail::product_operand<T> columns{x.data(), 1, x.stride()};
        if (!run<Arch>(e, columns, columns, x.rows(), g, true, detail::product_part::upper))
            return plain_product::add_gram(e, x, g);
        mirror_upper(e, g);
    }

    template <class Arch, execution E, class T = float>
    [[nodiscard]] static bool run(const E& e, detail::product_operand<T> a,
                                  detail::product_operand<T> b, std::size_t depth,
                                  matrix_view<float> c, bool accumulate = false,
                                  detail::product_part part = detail::product_part::whole)
    {
        return detail::packed_engine<Arch, E, T>(e, a, b, depth, c, accumulate, part).run();
    }
};

} // namespace awq

#endif
