// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP
#define AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP

#include <awq/config.hpp>
#include <awq/quantization/float_lanes.hpp>
#include <awq/support/float16.hpp>
#include <awq/tensor/dtype.hpp>

#include <limits>
#include <span>
#include <type_traits>

namespace awq {

/// Rounds a float, or each lane of a vector of floats, as a tensor of type T stores it. With T = float
/// nothing is lost.
template <class T>
struct storage_rounding {
    using type = T;
    /// The distance of 1 and the next value.
    static constexpr float epsilon = 0x1p-23f;
    template <class S>
    AWQ_ALWAYS_INLINE static S round(const S& value) noexcept
    {
        return value;
    }
};
template <>
struct storage_rounding<bf16> {
    using type = bf16;
    static constexpr float epsilon = 0x1p-7f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept { return static_cast<float>(bf16{value}); }
    template <class S>
    AWQ_ALWAYS_INLINE static S round(const S& value) noexcept
    {
        using bits = detail::bit_lanes<S>;
        const bits pattern = __builtin_bit_cast(bits, value);
        const bits rounded = (pattern + 0x7FFFu + ((pattern >> 16) & 1u)) & 0xFFFF0000u;
        const bits quiet = (pattern | 0x00400000u) & 0xFFFF0000u;
        return value == value ? __builtin_bit_cast(S, rounded) : __builtin_bit_cast(S, quiet);
    }
};
template <>
struct storage_rounding<f16> {
    using type = f16;
    static constexpr float epsilon = 0x1p-10f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept { return static_cast<float>(f16{value}); }
    /// The last bit of a number `shift` is worth as much as that of binary16 at `value`.
    template <class S>
    AWQ_ALWAYS_INLINE static S round(const S& value) noexcept
    {
        using bits = detail::bit_lanes<S>;
        const bits pattern = __builtin_bit_cast(bits, value), sign = pattern & 0x80000000u;
        const S power = __builtin_bit_cast(S, pattern & 0x7F800000u);
        const S normal = detail::larger(power, detail::all_lanes<S>(0x1p-14f));
        const S shift = __builtin_bit_cast(S, __builtin_bit_cast(bits, normal) + (13u << 23)) * 1.5f;
        const S magnitude = __builtin_bit_cast(S, pattern ^ sign);
        const S rounded = (magnitude + shift) - shift;
        const S stored = magnitude >= 65520.0f ? detail::all_lanes<S>(std::numeric_limits<float>::infinity()) : rounded;
        return __builtin_bit_cast(S, __builtin_bit_cast(bits, stored) | sign);
    }
};

/// Calls `action` with the `storage_rounding` of a run-time dtype; anything but bf16 and f16 is
/// float.
template <class Action>
constexpr decltype(auto) with_storage(dtype storage, Action&& action)
{
    if (storage == dtype::bf16) return action(storage_rounding<bf16>{});
    if (storage == dtype::f16) return action(storage_rounding<f16>{});
    return action(storage_rounding<float>{});
}

/// The same where the type is known when it is compiled.
template <class T, class Action>
constexpr decltype(auto) with_storage(storage_rounding<T> storage, Action&& action)
{
    return action(storage);
}

/// Rounds every value to `storage`, in place.
inline void round_to_storage(dtype storage, std::span<float> values) noexcept
{
    if (storage != dtype::bf16 && storage != dtype::f16) return;
    with_storage(storage, [values](auto rounding) {
        for (float& value : values) value = rounding.round(value);
    });
}
/// The same with a storage that is known when this is compiled.
template <class T>
void round_to_storage(storage_rounding<T> storage, std::span<float> values) noexcept
{
    if constexpr (!std::is_same_v<T, float>)
        for (float& value : values) value = storage.round(value);
}

} // namespace awq

#endif
