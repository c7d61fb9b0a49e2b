// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_SCRATCH_HPP
#define AWQ_EXECUTION_SCRATCH_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <new>
#include <span>
#include <utility>

namespace awq {

/// Working memory for one call of a kernel: 64-byte aligned, uninitialised floats that go back to a
/// list kept by the thread, so that the next call needs no allocation.
///
/// A list and not one buffer, because a thread that waits within a kernel may be given another task
/// that calls the same kernel. Empty where memory has run out: test it.
class scratch {
public:
    explicit scratch(std::size_t size) : size_(size)
    {
        if (size == 0) return;
        block_ = list().take(size);
        if (block_.capacity < size) block_ = block::allocate(std::move(block_), size);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() { list().give(block_); }

    /// Frees what this thread keeps for the next calls.
    static void drop_kept() noexcept { list().drop(); }

    explicit operator bool() const noexcept { return size_ == 0 || block_.data != nullptr; }
    float* data() const noexcept { return block_.data; }
    std::size_t size() const noexcept { return size_; }
    std::span<float> floats() const noexcept { return {block_.data, size_}; }

private:
    static constexpr std::align_val_t alignment{64};

    struct block {
        float* data = nullptr;
        std::size_t capacity = 0;

        static block allocate(block old, std::size_t size) noexcept
        {
            old.free();
            if (size > static_cast<std::size_t>(-1) / sizeof(float)) return {};
            void* memory = ::operator new(size * sizeof(float), alignment, std::nothrow);
            return {static_cast<float*>(memory), memory ? size : 0};
        }
        void free() noexcept { ::operator delete(data, alignment); }
    };

    /// At most `depth` buffers wait for reuse, and none that is very large.
    class free_list {
    public:
        free_list() = default;
        free_list(const free_list&) = delete;
        free_list& operator=(const free_list&) = delete;
        ~free_list() { drop(); }
        void drop() noexcept
        {
            for (; count_ > 0; --count_) blocks_[count_ - 1].free();
        }
        /// The smallest block that is large enough, else the largest, else none.
        block take(std::size_t size) noexcept
        {
            if (count_ == 0) return {};
            std::size_t best = 0;
            for (std::size_t i = 1; i < count_; ++i) {
                const bool fits = blocks_[i].capacity >= size;
                const bool smaller = blocks_[i].capacity < blocks_[best].capacity;
                if (blocks_[best].capacity < size ? !smaller : fits && smaller) best = i;
            }
            std::swap(blocks_[best], blocks_[--count_]);
            return blocks_[count_];
        }
        void give(block used) noexcept
        {
            if (used.data == nullptr) return;
            if (count_ == depth || used.capacity > largest_kept) return used.free();
            blocks_[count_++] = used;
        }

    private:
        static constexpr std::size_t depth = 16;
        static constexpr std::size_t largest_kept = std::size_t{1} << 25; // 128 MiB
        block blocks_[depth];
        std::size_t count_ = 0;
    };

    static free_list& list()
    {
        static thread_local free_list blocks;
        return blocks;
    }

    block block_;
    std::size_t size_ = 0;
};

} // namespace awq

#endif
