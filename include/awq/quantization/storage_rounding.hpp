// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP
#define AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP

#include <awq/config.hpp>
#include <awq/support/float16.hpp>
#include <awq/tensor/dtype.hpp>

#include <span>

namespace awq {

/// Rounds a float as a tensor of type T stores it. With T = float nothing is lost.
template <class T>
struct storage_rounding {
    /// The distance of 1 and the next value.
    static constexpr float epsilon = 0x1p-23f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept { return value; }
};
template <>
struct storage_rounding<bf16> {
    static constexpr float epsilon = 0x1p-7f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept
    {
        return static_cast<float>(bf16{value});
    }
};
template <>
struct storage_rounding<f16> {
    static constexpr float epsilon = 0x1p-10f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept
    {
        return static_cast<float>(f16{value});
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

/// Rounds every value to `storage`, in place.
inline void round_to_storage(dtype storage, std::span<float> values) noexcept
{
    if (storage != dtype::bf16 && storage != dtype::f16) return;
    with_storage(storage, [values](auto rounding) {
        for (float& value : values)
            value = rounding.round(value);
    });
}

} // namespace awq

#endif
