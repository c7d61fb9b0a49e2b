// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_WORKSPACE_HPP
#define AWQ_TENSOR_WORKSPACE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace awq {

/// Working memory that the caller owns, handed out front to back. Sizes are in floats.
class workspace {
public:
    constexpr workspace() = default;
    constexpr workspace(std::span<float> memory) noexcept : free_(memory) {}
    template <class Memory>
    requires(!std::is_same_v<Memory, workspace>) &&
        std::is_convertible_v<Memory&, std::span<float>> constexpr workspace(Memory& memory) noexcept : free_(memory)
    {}

    /// `count` objects of T, value-initialised unless T is float; empty where the memory is too
    /// small.
    template <class T>
    requires std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> std::span<T> take(std::size_t count)
    noexcept
    {
        const std::size_t needed = size_for<T>(count);
        if (needed > free_.size()) return {};
        const std::size_t skipped = misalignment<T>(free_.data());
        T* const first = reinterpret_cast<T*>(free_.data() + skipped);
        if constexpr (!std::is_same_v<T, float>) std::uninitialized_value_construct_n(first, count);
        free_ = free_.subspan(needed);
        return {first, count};
    }

    /// All that is left.
    std::span<float> rest() const noexcept { return free_; }

    /// Floats that `take<T>(count)` needs at most, alignment included.
    template <class T>
    static constexpr std::size_t size_for(std::size_t count) noexcept
    {
        constexpr std::size_t padding = alignof(T) > alignof(float) ? alignof(T) / sizeof(float) : 0;
        return (count * sizeof(T) + sizeof(float) - 1) / sizeof(float) + padding;
    }

private:
    template <class T>
    static std::size_t misalignment(const float* at) noexcept
    {
        const std::uintptr_t past = reinterpret_cast<std::uintptr_t>(at) % alignof(T);
        return past == 0 ? 0 : (alignof(T) - past) / sizeof(float);
    }

    std::span<float> free_;
};

} // namespace awq

#endif
