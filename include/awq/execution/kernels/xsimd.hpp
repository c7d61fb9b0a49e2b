// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_XSIMD_HPP
#define AWQ_EXECUTION_KERNELS_XSIMD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/kernels/exponential.hpp>
#include <awq/execution/kernels/scalar.hpp>
#include <awq/execution/kernels/simd_batch.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// The kernels of `kernels/scalar.hpp` over SIMD registers; heap-free. Element-by-element kernels
/// and column sums give the same bits as the reference. Sums along a row run in 64 bytes side by side
/// and differ from it by a few units in the last place, but not from one instruction set to another:
/// nothing here is fused, which would pay only where memory is not the limit anyway.
namespace awq::kernels::simd {

namespace detail {

/// Calls body(first) for every whole register of `size` floats; where the rest begins.
template <class Arch, class Body>
[[gnu::always_inline]] inline std::size_t for_registers(std::size_t size, Body&& body)
{
    std::size_t i = 0;
    for (; i + lanes<Arch> <= size; i += lanes<Arch>) body(i);
    return i;
}

template <class Arch>
[[gnu::always_inline]] inline float_batch<Arch> load(std::span<const float> values, std::size_t i)
{
    return float_batch<Arch>::load_unaligned(values.data() + i);
}

template <class Arch>
[[gnu::always_inline]] inline float_batch<Arch> exponential(const float_batch<Arch>& x)
{
    using batch = float_batch<Arch>;
    // The second operand comes out where one is a NaN.
    const batch within = vectors::min(batch(exponential_ceiling), x);
    const batch power = kernels::detail::exponential_within<batch, vectors::batch<std::int32_t, Arch>>(within);
    return vectors::select(x < batch(exponential_floor), batch(0.0f), power);
}

/// Rows summed in one pass, so that the float64 sums are loaded and stored once for all of them.
inline constexpr std::size_t rows_at_once = 8;

/// sums[c] += value(x(t, c)) for `Rows` rows, in the order of the rows.
template <class Arch, std::size_t Rows, class Value>
void add_rows(matrix_view<const float> x, std::span<double> sums, Value value) noexcept
{
    using batch = double_batch<Arch>;
    constexpr std::size_t width = batch::size;
    std::size_t c = 0;
    for (; c + width <= x.cols(); c += width) {
        batch sum = batch::load_unaligned(sums.data() + c);
        unroll<Rows>([&](auto t)
                         AWQ_INLINED { sum = sum + value(batch::load_unaligned(x.data() + t * x.stride() + c)); });
        sum.store_unaligned(sums.data() + c);
    }
    for (; c < x.cols(); ++c)
        for (std::size_t t = 0; t < Rows; ++t) sums[c] += value(double{x(t, c)});
}

template <class Arch, class Value>
void add_columns(matrix_view<const float> x, std::span<double> sums, Value value) noexcept
{
    std::size_t t = 0;
    for (; t + rows_at_once <= x.rows(); t += rows_at_once)
        add_rows<Arch, rows_at_once>(x.rows_from(t, rows_at_once), sums, value);
    for (; t < x.rows(); ++t) add_rows<Arch, 1>(x.rows_from(t, 1), sums, value);
}

} // namespace detail

template <class Arch = default_arch>
void add_abs(matrix_view<const float> x, std::span<double> sums) noexcept
{
    detail::add_columns<Arch>(x, sums, [](auto value) {
        using std::fabs;
        using vectors::fabs;
        return fabs(value);
    });
}

template <class Arch = default_arch>
void add_squares(matrix_view<const float> x, std::span<double> sums) noexcept
{
    detail::add_columns<Arch>(x, sums, [](auto value) { return value * value; });
}

using scalar::min_max_pair;

template <class Arch = default_arch>
min_max_pair min_max(std::span<const float> values) noexcept
{
    side_by_side<float, Arch> low(values[0]), high(values[0]);
    const std::size_t rest = for_parts<float, Arch>(values.size(), [&](auto p, std::size_t i) {
        const auto value = detail::load<Arch>(values, i);
        low.part[p] = vectors::min(low.part[p], value);
        high.part[p] = vectors::max(high.part[p], value);
    });
    float lows[low.size], highs[high.size];
    std::memcpy(lows, low.part, sizeof lows);
    std::memcpy(highs, high.part, sizeof highs);
    min_max_pair found{scalar::min_max(lows).min, scalar::min_max(highs).max};
    for (const float value : values.subspan(rest)) {
        found.min = std::min(found.min, value);
        found.max = std::max(found.max, value);
    }
    return found;
}

template <class Arch = default_arch>
float dot(std::span<const float> a, std::span<const float> b) noexcept
{
    side_by_side<float, Arch> sums;
    const std::size_t rest = for_parts<float, Arch>(a.size(), [&](auto p, std::size_t i) {
        sums.part[p] = sums.part[p] + detail::load<Arch>(a, i) * detail::load<Arch>(b, i);
    });
    return sums.total() + scalar::dot(a.subspan(rest), b.subspan(rest));
}

template <class Arch = default_arch>
double sum_of_squares(std::span<const float> values) noexcept
{
    side_by_side<double, Arch> sums;
    const std::size_t rest = for_parts<double, Arch>(values.size(), [&](auto p, std::size_t i) {
        const auto value = double_batch<Arch>::load_unaligned(values.data() + i);
        sums.part[p] = sums.part[p] + value * value;
    });
    return sums.total() + scalar::sum_of_squares(values.subspan(rest));
}

template <class Arch = default_arch>
void add_scaled(float factor, std::span<const float> x, std::span<float> y) noexcept
{
    const float_batch<Arch> factors(factor);
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        const auto product = factors * detail::load<Arch>(x, i);
        (detail::load<Arch>(y, i) + product).store_unaligned(y.data() + i);
    });
    scalar::add_scaled(factor, x.subspan(rest), y.subspan(rest));
}

template <class Arch = default_arch>
void add(std::span<const float> x, std::span<float> y) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        (detail::load<Arch>(x, i) + detail::load<Arch>(y, i)).store_unaligned(y.data() + i);
    });
    scalar::add(x.subspan(rest), y.subspan(rest));
}

template <class Arch = default_arch>
void multiply(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(a.size(), [&](std::size_t i) {
        (detail::load<Arch>(a, i) * detail::load<Arch>(b, i)).store_unaligned(out.data() + i);
    });
    scalar::multiply(a.subspan(rest), b.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void divide(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(a.size(), [&](std::size_t i) {
        (detail::load<Arch>(a, i) / detail::load<Arch>(b, i)).store_unaligned(out.data() + i);
    });
    scalar::divide(a.subspan(rest), b.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void scale(float factor, std::span<const float> x, std::span<float> out) noexcept
{
    const float_batch<Arch> factors(factor);
    const std::size_t rest = detail::for_registers<Arch>(
        x.size(), [&](std::size_t i) { (factors * detail::load<Arch>(x, i)).store_unaligned(out.data() + i); });
    scalar::scale(factor, x.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> out,
              float offset = 0.0f) noexcept
{
    const double mean = simd::sum_of_squares<Arch>(x) / static_cast<double>(x.size());
    const auto inverse = static_cast<float>(1.0 / std::sqrt(mean + double{eps}));
    const float_batch<Arch> factors(inverse);
    const float_batch<Arch> offsets(offset);
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        const auto gain = detail::load<Arch>(weight, i) + offsets;
        (detail::load<Arch>(x, i) * factors * gain).store_unaligned(out.data() + i);
    });
    for (std::size_t i = rest; i < x.size(); ++i) out[i] = x[i] * inverse * (weight[i] + offset);
}

template <class Arch = default_arch>
void silu_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    const float_batch<Arch> one(1.0f);
    const std::size_t rest = detail::for_registers<Arch>(gate.size(), [&](std::size_t i) {
        const auto x = detail::load<Arch>(gate, i);
        const auto value = x / (one + detail::exponential<Arch>(-x)) * detail::load<Arch>(up, i);
        value.store_unaligned(out.data() + i);
    });
    scalar::silu_multiply(gate.subspan(rest), up.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void gelu_tanh_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    const float_batch<Arch> one(1.0f), cube(0.044715f), twice(-1.5957691216057308f);
    const std::size_t rest = detail::for_registers<Arch>(gate.size(), [&](std::size_t i) {
        const auto x = detail::load<Arch>(gate, i);
        const auto bent = twice * (x + cube * x * x * x);
        const auto value = x / (one + detail::exponential<Arch>(bent)) * detail::load<Arch>(up, i);
        value.store_unaligned(out.data() + i);
    });
    scalar::gelu_tanh_multiply(gate.subspan(rest), up.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
float exponentials(float factor, float shift, std::span<float> values) noexcept
{
    const float_batch<Arch> factors(factor);
    const float_batch<Arch> shifts(shift);
    side_by_side<float, Arch> sums;
    const std::size_t rest = for_parts<float, Arch>(values.size(), [&](auto p, std::size_t i) {
        const auto value = factors * detail::load<Arch>(values, i) - shifts;
        const auto power = detail::exponential<Arch>(value);
        power.store_unaligned(values.data() + i);
        sums.part[p] = sums.part[p] + power;
    });
    float sum = sums.total();
    for (float& value : values.subspan(rest)) sum += value = kernels::exponential(factor * value - shift);
    return sum;
}

template <class Arch = default_arch>
void softmax(float factor, std::span<float> values) noexcept
{
    const min_max_pair ends = simd::min_max<Arch>(values);
    const float shift = factor * (factor < 0.0f ? ends.min : ends.max);
    const float sum = simd::exponentials<Arch>(factor, shift, values);
    simd::scale<Arch>(1.0f / sum, values, values);
}

template <class Arch = default_arch>
void rotate(std::span<const float> cosines, std::span<const float> sines, std::span<float> first,
            std::span<float> second) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(first.size(), [&](std::size_t i) {
        const auto a = detail::load<Arch>(first, i);
        const auto b = detail::load<Arch>(second, i);
        const auto c = detail::load<Arch>(cosines, i);
        const auto s = detail::load<Arch>(sines, i);
        (a * c - b * s).store_unaligned(first.data() + i);
        (b * c + a * s).store_unaligned(second.data() + i);
    });
    scalar::rotate(cosines.subspan(rest), sines.subspan(rest), first.subspan(rest), second.subspan(rest));
}

} // namespace awq::kernels::simd

#endif
