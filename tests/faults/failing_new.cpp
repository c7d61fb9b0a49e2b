// SPDX-License-Identifier: MIT
#include "failing_new.hpp"

#include <atomic>
#include <cstddef>
#include <new>

namespace {

std::atomic<bool> counting{false};
std::atomic<long> count{0}, failing_call{0}, live{0};

void* allocate(std::size_t size, std::size_t alignment)
{
    if (counting && ++count == failing_call) throw std::bad_alloc{};
    const std::size_t whole = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
    void* const memory = whole < size ? nullptr : std::aligned_alloc(alignment, whole);
    if (!memory) throw std::bad_alloc{};
    ++live;
    return memory;
}

void release(void* memory) noexcept
{
    if (!memory) return;
    --live;
    std::free(memory);
}

} // namespace

namespace test {

void count_allocations(long failing)
{
    count = 0;
    failing_call = failing;
    counting = true;
}

long allocations()
{
    counting = false;
    return count;
}

long live_blocks() { return live; }

} // namespace test

// The forms for arrays and those that do not throw end here, too.
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment)
{
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
