// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_LANES_HPP
#define AWQ_QUANTIZATION_GGUF_LANES_HPP

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace awq::gguf {

// The searches of this room are written once, over `lanes<S>`: with S = float they handle one group
// of weights, with S = a vector of floats as many independent groups at once. Each lane does the
// same operations in the same order either way, so the bytes that come out are the same too.

/// What the arithmetic below must know about a storage type; vectors specialise it.
template <class S>
struct lane_storage;

template <>
struct lane_storage<float> {
    using integers = std::int32_t;
    static constexpr std::size_t count = 1;

    static float from_integers(std::int32_t value) noexcept { return static_cast<float>(value); }
    static std::int32_t truncated(float value) noexcept { return static_cast<std::int32_t>(value); }
    static float square_root(float value) noexcept { return std::sqrt(value); }
    static bool any(bool mask) noexcept { return mask; }
    /// The product, rounded to float before anything is added to it.
    static float product(float a, float b) noexcept
    {
#if defined(__clang__)
#pragma clang fp contract(off)
        return a * b;
#elif defined(__GNUC__) && __GNUC__ >= 12
        return __builtin_assoc_barrier(a * b); // else a fused multiply-add may swallow it
#else
        return a * b;
#endif
    }
};

/// One float, or several side by side. Multiplication never fuses with a following addition: file
/// formats are compared byte by byte, and one rounding less gives other bytes.
template <class S>
struct lanes {
    using storage = lane_storage<S>;
    using integers = typename storage::integers;
    static constexpr std::size_t count = storage::count;

    S value{};

    lanes() = default;
    [[gnu::always_inline]] explicit lanes(const S& values) noexcept : value(values) {}
    /// Every lane gets the same number.
    template <class Number>
        requires(std::is_same_v<Number, float> && !std::is_same_v<S, float>)
    [[gnu::always_inline]] explicit lanes(Number same) noexcept : value(same - S{})
    {
    }

    /// Reads and writes `count` neighbouring floats.
    [[gnu::always_inline]] static lanes load(const float* from) noexcept
    {
        lanes loaded;
        __builtin_memcpy(&loaded.value, from, sizeof(S));
        return loaded;
    }
    [[gnu::always_inline]] void store(float* to) const noexcept
    {
        __builtin_memcpy(to, &value, sizeof(S));
    }

    [[gnu::always_inline]] friend lanes operator+(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value + b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value - b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a) noexcept
    {
        return lanes(-a.value);
    }
    [[gnu::always_inline]] friend lanes operator*(const lanes& a, const lanes& b) noexcept
    {
        return lanes(storage::product(a.value, b.value));
    }
    [[gnu::always_inline]] friend lanes operator/(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value / b.value);
    }
    [[gnu::always_inline]] lanes& operator+=(const lanes& other) noexcept
    {
        value = value + other.value;
        return *this;
    }
    [[gnu::always_inline]] friend auto operator<(const lanes& a, const lanes& b) noexcept
    {
        return a.value < b.value;
    }
    [[gnu::always_inline]] friend auto operator>(const lanes& a, const lanes& b) noexcept
    {
        return a.value > b.value;
    }
    [[gnu::always_inline]] friend auto operator==(const lanes& a, const lanes& b) noexcept
    {
        return a.value == b.value;
    }
    [[gnu::always_inline]] friend auto operator!=(const lanes& a, const lanes& b) noexcept
    {
        return a.value != b.value;
    }
};

/// The lanes of `a` where the mask holds, else those of `b`.
template <class Mask, class S>
[[gnu::always_inline]] inline lanes<S> select(const Mask& mask, const lanes<S>& a,
                                              const lanes<S>& b) noexcept
{
    return lanes<S>(mask ? a.value : b.value);
}

template <class S>
[[gnu::always_inline]] inline lanes<S> absolute(const lanes<S>& a) noexcept
{
    using integers = typename lanes<S>::integers;
    return lanes<S>(std::bit_cast<S>(std::bit_cast<integers>(a.value) & 0x7FFFFFFF));
}

template <class S>
[[gnu::always_inline]] inline lanes<S> square_root(const lanes<S>& a) noexcept
{
    return lanes<S>(lane_storage<S>::square_root(a.value));
}

/// The larger (smaller) one; `b` where either is not a number.
template <class S>
[[gnu::always_inline]] inline lanes<S> larger(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a > b, a, b);
}
template <class S>
[[gnu::always_inline]] inline lanes<S> smaller(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a < b, a, b);
}

/// Added to a float below 2^22, this leaves the nearest integer (ties to even) in the low bits.
inline constexpr float rounding_anchor = 12582912.0f; // 1.5 * 2^23

/// The nearest integers, ties to even, as ggml computes them: beyond +-2^22, where that method
/// breaks down, the result is the same wrong number (0 for a NaN) and not undefined behaviour.
template <class S>
[[gnu::always_inline]] inline typename lanes<S>::integers nearest(const lanes<S>& a) noexcept
{
    using integers = typename lanes<S>::integers;
    const lanes<S> anchored = a + lanes<S>(rounding_anchor);
    return (std::bit_cast<integers>(anchored.value) & 0x007FFFFF) - 0x00400000;
}

/// `nearest`, kept within `lowest` and `highest`, as floats.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_level(const lanes<S>& a, float lowest,
                                                     float highest) noexcept
{
    const lanes<S> level(lane_storage<S>::from_integers(nearest(a)));
    return smaller(larger(level, lanes<S>(lowest)), lanes<S>(highest));
}

/// The same for |a| < 2^22 everywhere, with two operations less.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_small_level(const lanes<S>& a, float lowest,
                                                           float highest) noexcept
{
    const lanes<S> anchor(rounding_anchor);
    const lanes<S> anchored = larger(a + anchor, lanes<S>(rounding_anchor + lowest));
    return smaller(anchored, lanes<S>(rounding_anchor + highest)) - anchor;
}

using one_lane = lanes<float>;

} // namespace awq::gguf

#endif
