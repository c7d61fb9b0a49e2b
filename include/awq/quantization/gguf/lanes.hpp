// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_LANES_HPP
#define AWQ_QUANTIZATION_GGUF_LANES_HPP

#include <awq/config.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" // what takes or returns vectors is always inlined
#endif

namespace awq::gguf {

// The searches of this room are written once, over `lanes<S>`: with S = float they handle one group
// of weights, with S = a vector of floats as many independent groups at once. Each lane does the
// same operations in the same order either way, so the bytes that come out are the same too.

/// The product, rounded to float before anything is added to it: compilers may otherwise fuse the
/// two into one operation, which rounds once less.
inline float strict_product(float a, float b) noexcept
{
#if defined(__clang__)
#pragma clang fp contract(off)
    return a * b;
#else
    float rounded = a * b;
#if AWQ_GNU && defined(__x86_64__)
    asm("" : "+x"(rounded)); // for all GCC knows this looks at the product
#elif AWQ_GNU && defined(__aarch64__)
    asm("" : "+w"(rounded));
#elif AWQ_GNU
    asm("" : "+m"(rounded));
#endif
    return rounded;
#endif
}

/// What the arithmetic below must know about a storage type; vectors specialise it. Results go
/// through references: a function that returns a vector wider than the target's own has no ABI.
template <class S>
struct lane_storage;

template <>
struct lane_storage<float> {
    using integers = std::int32_t;
    static constexpr std::size_t count = 1;

    static void to_integers(float value, std::int32_t& out) noexcept { out = static_cast<std::int32_t>(value); }
    static void from_integers(std::int32_t value, float& out) noexcept { out = static_cast<float>(value); }
    static void multiply(float a, float b, float& out) noexcept { out = strict_product(a, b); }
    static void square_roots(float* values, std::size_t size) noexcept
    {
        for (std::size_t i = 0; i < size; ++i) values[i] = std::sqrt(values[i]);
    }
    static bool any(bool mask) noexcept { return mask; }
    static bool all(bool mask) noexcept { return mask; }
};

/// Which lanes a condition holds in.
template <class S>
struct lane_mask {
    using bits = decltype(S{} < S{});
    bits value;

    [[gnu::always_inline]] friend lane_mask operator&(const lane_mask& a, const lane_mask& b) noexcept
    {
        return {static_cast<bits>(a.value & int_or_vector(b.value))};
    }
    [[gnu::always_inline]] friend lane_mask operator|(const lane_mask& a, const lane_mask& b) noexcept
    {
        return {static_cast<bits>(a.value | int_or_vector(b.value))};
    }
    [[gnu::always_inline]] bool any() const noexcept { return lane_storage<S>::any(value); }
    [[gnu::always_inline]] bool all() const noexcept { return lane_storage<S>::all(value); }

private:
    // Clang takes & of two bools for a slip of &&.
    static int int_or_vector(bool value) noexcept { return value; }
    template <class Vector>
    [[gnu::always_inline]] static const Vector& int_or_vector(const Vector& value) noexcept
    {
        return value;
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
        [[gnu::always_inline]] explicit lanes(Number same) noexcept
        : value(same - S{})
    {}

    /// Reads and writes `count` neighbouring floats.
    [[gnu::always_inline]] static lanes load(const float* from) noexcept
    {
        lanes loaded;
        std::memcpy(&loaded.value, from, sizeof(S));
        return loaded;
    }
    [[gnu::always_inline]] void store(float* to) const noexcept { std::memcpy(to, &value, sizeof(S)); }

    [[gnu::always_inline]] friend lanes operator+(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value + b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value - b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a) noexcept { return lanes(-a.value); }
    [[gnu::always_inline]] friend lanes operator*(const lanes& a, const lanes& b) noexcept
    {
        lanes product;
        storage::multiply(a.value, b.value, product.value);
        return product;
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
    [[gnu::always_inline]] friend lane_mask<S> operator<(const lanes& a, const lanes& b) noexcept
    {
        return {a.value < b.value};
    }
    [[gnu::always_inline]] friend lane_mask<S> operator>(const lanes& a, const lanes& b) noexcept
    {
        return {a.value > b.value};
    }
    [[gnu::always_inline]] friend lane_mask<S> operator==(const lanes& a, const lanes& b) noexcept
    {
        return {a.value == b.value};
    }
    [[gnu::always_inline]] friend lane_mask<S> operator!=(const lanes& a, const lanes& b) noexcept
    {
        return {a.value != b.value};
    }
};

/// The lanes of `a` where the mask holds, else those of `b`.
template <class S>
[[gnu::always_inline]] inline lanes<S> select(const lane_mask<S>& mask, const lanes<S>& a, const lanes<S>& b) noexcept
{
    return lanes<S>(mask.value ? a.value : b.value);
}

/// |a|, lane by lane.
template <class S>
[[gnu::always_inline]] inline lanes<S> absolute(const lanes<S>& a) noexcept
{
    using integers = typename lanes<S>::integers;
    return lanes<S>(__builtin_bit_cast(S, __builtin_bit_cast(integers, a.value) & 0x7FFFFFFF));
}

/// The larger one, lane by lane; `b` where either is a NaN.
template <class S>
[[gnu::always_inline]] inline lanes<S> larger(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a > b, a, b);
}
/// The smaller one, lane by lane; `b` where either is a NaN.
template <class S>
[[gnu::always_inline]] inline lanes<S> smaller(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a < b, a, b);
}

/// Added to a float below 2^22, this leaves the nearest integer (ties to even) in the low bits.
inline constexpr float rounding_anchor = 12582912.0f; // 1.5 * 2^23

/// The nearest integer, ties to even, as ggml computes it: beyond +-2^22, where that method breaks
/// down, the result is the same wrong number (0 for a NaN) and not undefined behaviour.
inline int nearest(float a) noexcept
{
    return (__builtin_bit_cast(std::int32_t, a + rounding_anchor) & 0x007FFFFF) - 0x00400000;
}

namespace detail {
/// Integers kept within bounds.
template <class Integers>
[[gnu::always_inline]] inline void clamp(Integers& values, std::int32_t lowest, std::int32_t highest) noexcept
{
    const Integers low = lowest - Integers{};
    const Integers high = highest - Integers{};
    values = values > low ? values : low;
    values = values < high ? values : high;
}
} // namespace detail

/// The same of each lane, kept within `lowest` and `highest`, as floats.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_level(const lanes<S>& a, float lowest, float highest) noexcept
{
    using integers = typename lanes<S>::integers;
    const lanes<S> anchored = a + lanes<S>(rounding_anchor);
    integers rounded = (__builtin_bit_cast(integers, anchored.value) & 0x007FFFFF) - 0x00400000;
    detail::clamp(rounded, static_cast<int>(lowest), static_cast<int>(highest));
    lanes<S> level;
    lane_storage<S>::from_integers(rounded, level.value);
    return level;
}

/// The same for |a| < 2^22 everywhere, with fewer operations: positive floats are clamped as the
/// integers that their bits are.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_small_level(const lanes<S>& a, float lowest, float highest) noexcept
{
    using integers = typename lanes<S>::integers;
    const lanes<S> anchor(rounding_anchor);
    const lanes<S> anchored = a + anchor;
    integers bits = __builtin_bit_cast(integers, anchored.value);
    detail::clamp(bits, __builtin_bit_cast(std::int32_t, rounding_anchor + lowest),
                  __builtin_bit_cast(std::int32_t, rounding_anchor + highest));
    return lanes<S>(__builtin_bit_cast(S, bits)) - anchor;
}

/// The whole part, for |a| < 2^31.
template <class S>
[[gnu::always_inline]] inline lanes<S> whole_part(const lanes<S>& a) noexcept
{
    typename lanes<S>::integers integer;
    lanes<S> whole;
    lane_storage<S>::to_integers(a.value, integer);
    lane_storage<S>::from_integers(integer, whole.value);
    return whole;
}

/// The lowest byte, 0 .. 255, of whole numbers that may be negative.
template <class S>
[[gnu::always_inline]] inline lanes<S> lowest_byte(const lanes<S>& a) noexcept
{
    typename lanes<S>::integers integer;
    lanes<S> byte;
    lane_storage<S>::to_integers(a.value, integer);
    lane_storage<S>::from_integers(integer & 0xFF, byte.value);
    return byte;
}

using one_lane = lanes<float>;

} // namespace awq::gguf

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
