// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_ENGINE_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_ENGINE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/products/product_operand.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

namespace detail {

/// Which part of the output is computed.
enum class product_part : unsigned char { whole, upper };

/// c = or += a b^T over packed operands. Slabs of the depth are packed once by all threads, then the
/// output is cut into fixed tiles: the bits do not depend on who computes which.
///
/// A `Kernel` says how: `rows` x `cols` of c are a tile; panels of so many lines are packed as `element`s by
/// `pack_a` and `pack_b`, their depth filled up to a multiple of `depth_step` and cut at `max_slab`, at most
/// `max_lines` at once and `panels_per_task` by one task; `with_tiles(task)` calls task(tiles) with what multiplies
/// two panels.
template <class Kernel, execution E, class T = float>
class packed_engine {
public:
    packed_engine(const E& e, product_operand<T> a, product_operand<T> b, std::size_t depth, matrix_view<float> c,
                  bool accumulate, product_part part)
        : execution_(e), a_(a), b_(b), c_(c), depth_(depth), accumulate_(accumulate), part_(part),
          slab_(padded(chunk_count(depth, chunk_count(depth, Kernel::max_slab)), Kernel::slab_step)),
          packed_a_(floats_for(padded(std::min(c.rows(), max_rows), Kernel::rows) * slab_)),
          packed_b_(floats_for(padded(std::min(c.cols(), max_cols), Kernel::cols) * slab_))
    {}

    /// False where there was no memory for the packed operands; c is then untouched.
    [[nodiscard]] bool run()
    {
        if (!packed_a_ || !packed_b_) return false;
        for (std::size_t col = 0; col < c_.cols(); col += max_cols)
            for (std::size_t from = 0; from < depth_; from += slab_)
                multiply_slab(col, std::min(max_cols, c_.cols() - col), from, std::min(slab_, depth_ - from));
        return true;
    }

private:
    using element = typename Kernel::element;
    static constexpr std::size_t max_rows = chunk_count(Kernel::max_lines, Kernel::rows) * Kernel::rows;
    static constexpr std::size_t max_cols = chunk_count(Kernel::max_lines, Kernel::cols) * Kernel::cols;
    static constexpr std::size_t task_rows = chunk_count(128, Kernel::rows) * Kernel::rows;
    static constexpr std::size_t task_cols = chunk_count(256, Kernel::cols) * Kernel::cols;

    static constexpr std::size_t padded(std::size_t count, std::size_t unit) noexcept
    {
        return chunk_count(count, unit) * unit;
    }

    static constexpr std::size_t floats_for(std::size_t elements) noexcept
    {
        return chunk_count(elements * sizeof(element), sizeof(float));
    }

    element* packed(const scratch& memory) const noexcept { return reinterpret_cast<element*>(memory.data()); }

    /// What `pack_panel(first, count, out)` makes of `count` lines, `width` at a time.
    template <class PackPanel>
    void pack(std::size_t width, std::size_t first, std::size_t count, std::size_t depth, element* out,
              const PackPanel& pack_panel) const
    {
        const std::size_t panels = chunk_count(count, width), filled = padded(depth, Kernel::depth_step);
        execution_.for_each(chunk_count(panels, Kernel::panels_per_task), [=](std::size_t task) {
            const std::size_t end = std::min(panels, (task + 1) * Kernel::panels_per_task);
            for (std::size_t p = task * Kernel::panels_per_task; p < end; ++p)
                pack_panel(first + p * width, std::min(width, count - p * width), out + p * width * filled);
        });
    }

    void multiply_slab(std::size_t col, std::size_t cols, std::size_t from, std::size_t depth)
    {
        pack(Kernel::cols, col, cols, depth, packed(packed_b_),
             [&](std::size_t first, std::size_t count, element* out) {
                 Kernel::pack_b(b_, first, count, from, depth, out);
             });
        const std::size_t end = part_ == product_part::whole ? c_.rows() : col + cols;
        for (std::size_t row = 0; row < end; row += max_rows) {
            const std::size_t rows = std::min(max_rows, end - row);
            pack(Kernel::rows, row, rows, depth, packed(packed_a_),
                 [&](std::size_t first, std::size_t count, element* out) {
                     Kernel::pack_a(a_, first, count, from, depth, out);
                 });
            multiply_block(row, rows, col, cols, depth, accumulate_ || from > 0);
        }
    }

    void multiply_block(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols, std::size_t depth,
                        bool accumulate) const
    {
        const std::size_t down = chunk_count(rows, task_rows);
        const std::size_t across = chunk_count(cols, task_cols);
        execution_.for_each(down * across, [=, this](std::size_t task) {
            const std::size_t i = task % down * task_rows;
            const std::size_t j = task / down * task_cols;
            const std::size_t last = std::min(cols, j + task_cols);
            if (part_ == product_part::upper && col + last <= row + i) return;
            Kernel::with_tiles([&](const auto& tiles) {
                for (std::size_t n = j; n < last; n += Kernel::cols)
                    multiply_panel(tiles, row, i, std::min(rows, i + task_rows), col, n, last, depth, accumulate);
            });
        });
    }

    /// All register tiles of one panel of b, which stays in the first-level cache.
    template <class Tiles>
    void multiply_panel(const Tiles& tiles, std::size_t row, std::size_t i, std::size_t end, std::size_t col,
                        std::size_t n, std::size_t last, std::size_t depth, bool accumulate) const
    {
        const std::size_t filled = padded(depth, Kernel::depth_step);
        const element* b = packed(packed_b_) + n * filled;
        const std::size_t cols = std::min(Kernel::cols, last - n);
        for (; i < end; i += Kernel::rows) {
            if (part_ == product_part::upper && col + n + cols <= row + i) return;
            const std::size_t rows = std::min(Kernel::rows, end - i);
            const element* a = packed(packed_a_) + i * filled;
            float* out = &c_(row + i, col + n);
            if (rows == Kernel::rows && cols == Kernel::cols)
                tiles.multiply(a, b, filled, out, c_.stride(), accumulate);
            else
                multiply_edge(tiles, a, b, filled, out, rows, cols, accumulate);
        }
    }

    /// At the edge of c only `rows` x `cols` of a tile exist.
    template <class Tiles>
    void multiply_edge(const Tiles& tiles, const element* a, const element* b, std::size_t depth, float* c,
                       std::size_t rows, std::size_t cols, bool accumulate) const
    {
        alignas(64) float whole[Kernel::rows * Kernel::cols];
        tiles.multiply(a, b, depth, whole, Kernel::cols, false);
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t j = 0; j < cols; ++j) {
                const float sum = whole[r * Kernel::cols + j];
                float& out = c[r * c_.stride() + j];
                out = accumulate ? sum + out : sum; // adding 0 would change -0
            }
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

} // namespace awq

#endif
