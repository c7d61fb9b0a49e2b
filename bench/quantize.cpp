// SPDX-License-Identifier: MIT
// Pseudo-quantization and the mean of magnitudes, as a share of what memcpy moves on this machine
// in the same run. Each is checked against a plain loop before it is timed; a wrong result ends the
// program with status 1.
#include <awq/calibration/activation_stats.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/pseudo_quantize.hpp>
#include <awq/quantization/scheme_quantizer.hpp>

#include <benchmark/benchmark.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

constexpr std::size_t side = 4096;

std::vector<float> make_values(std::size_t count)
{
    std::vector<float> values(count);
    std::uint32_t state = 1;
    for (float& value : values) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    }
    return values;
}

struct matrices {
    std::vector<float> in = make_values(side * side), out = std::vector<float>(side * side);
    awq::matrix_view<const float> from() const { return {in.data(), side, side}; }
    awq::matrix_view<float> to() { return {out.data(), side, side}; }
};

matrices& shared()
{
    static matrices all;
    return all;
}

template <class E>
void copy(const E& how)
{
    how.for_each(256, [](std::size_t chunk) {
        constexpr std::size_t part = side * side / 256;
        std::memcpy(shared().out.data() + chunk * part, shared().in.data() + chunk * part, part * sizeof(float));
    });
}

// Bytes per second that memcpy reads and writes; the best of several runs.
template <class E>
double copy_speed()
{
    double best = 0.0;
    for (int run = 0; run < 20; ++run) {
        const auto start = std::chrono::steady_clock::now();
        copy(E{});
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, 2.0 * side * side * sizeof(float) / took.count());
    }
    return best;
}

template <class E>
void report(benchmark::State& state, double bytes)
{
    static const double limit = copy_speed<E>();
    const double moved = bytes * static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(moved));
    state.counters["memcpy_GB/s"] = limit / 1e9;
    state.counters["share_of_memcpy"] = benchmark::Counter(moved / limit, benchmark::Counter::kIsRate);
}

template <class E>
void bench_memcpy(benchmark::State& state)
{
    for (auto run : state) copy(E{});
    report<E>(state, 2.0 * side * side * sizeof(float));
}

template <class E, awq::dtype Storage, bool Symmetric>
void bench_pseudo_quantize(benchmark::State& state)
{
    const awq::integer_quantizer how{{4, Symmetric}, 128, Storage};
    for (auto run : state) (void)!awq::pseudo_quantize(E{}, how, shared().from(), {}, shared().to());
    report<E>(state, 2.0 * side * side * sizeof(float));
}

// A megabyte, which stays in the second cache, with the group size as a constant and chosen at run time.
template <class Quantizer>
void bench_group(benchmark::State& state, const Quantizer& how)
{
    constexpr std::size_t rows = 64;
    for (auto run : state)
        (void)!awq::pseudo_quantize(awq::serial_execution{}, how, shared().from().rows_from(0, rows), {},
                                    shared().to().rows_from(0, rows));
    const auto weights = static_cast<double>(state.iterations()) * rows * side;
    state.counters["weights"] = benchmark::Counter(weights, benchmark::Counter::kIsRate);
}

template <class Group>
void bench_static_group(benchmark::State& state)
{
    bench_group(state, awq::scheme_quantizer<awq::w4a16_asym, Group>{});
}

void bench_dynamic_group(benchmark::State& state)
{
    bench_group(state, awq::integer_quantizer{{4, false}, static_cast<std::size_t>(state.range(0))});
}

template <class E>
void bench_mean_abs(benchmark::State& state)
{
    std::vector<double> sums(side);
    awq::activation_stats stats{sums, {}, {}};
    for (auto run : state) (void)!stats.observe<awq::plain_product>(E{}, shared().from());
    report<E>(state, 1.0 * side * side * sizeof(float));
}

template <class E>
void bench_abs_and_squares(benchmark::State& state)
{
    std::vector<double> sums(side), squares(side);
    awq::activation_stats stats{sums, squares, {}};
    for (auto run : state) (void)!stats.observe<awq::plain_product>(E{}, shared().from());
    report<E>(state, 1.0 * side * side * sizeof(float));
}

// One weight at a time, rounding through the C library.
bool quantizes_right()
{
    const awq::integer_quantizer how{{4, false}, 128};
    if (!awq::pseudo_quantize(awq::tbb_execution{}, how, shared().from(), {}, shared().to())) return false;
    for (std::size_t first = 0; first < side * 256; first += 128) {
        const float* const group = shared().in.data() + first;
        const float low = std::min(0.0f, *std::min_element(group, group + 128));
        const float high = std::max(0.0f, *std::max_element(group, group + 128));
        const float scale = (high - low) / 15.0f;
        const float zero = std::nearbyint(std::clamp(-8.0f - low / scale, -8.0f, 7.0f));
        for (std::size_t i = 0; i < 128; ++i) {
            const float code = std::nearbyint(std::clamp(group[i] / scale + zero, -8.0f, 7.0f));
            if (shared().out[first + i] != (code - zero) * scale) return false;
        }
    }
    return true;
}

bool sums_right()
{
    std::vector<double> sums(side);
    awq::activation_stats stats{sums, {}, {}};
    if (!stats.observe<awq::plain_product>(awq::tbb_execution{}, shared().from())) return false;
    for (std::size_t c = 0; c < side; c += 97) {
        double expected = 0.0;
        for (std::size_t t = 0; t < side; ++t) expected += std::fabs(double{shared().from()(t, c)});
        if (std::fabs(sums[c] - expected) > 1e-6 * expected) return false;
    }
    return true;
}

using serial = awq::serial_execution;
using parallel = awq::tbb_execution;
constexpr auto f32 = awq::dtype::f32, bf16 = awq::dtype::bf16;

} // namespace

BENCHMARK(bench_memcpy<serial>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_memcpy<parallel>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_pseudo_quantize<serial, f32, false>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_pseudo_quantize<parallel, f32, false>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_pseudo_quantize<parallel, f32, true>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_pseudo_quantize<parallel, bf16, false>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_static_group<awq::group_size<32>>)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(bench_static_group<awq::group_size<128>>)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(bench_static_group<awq::per_channel>)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(bench_dynamic_group)->ArgsProduct({{32, 128, 0}})->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(bench_mean_abs<serial>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_mean_abs<parallel>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bench_abs_and_squares<parallel>)->UseRealTime()->Unit(benchmark::kMillisecond);

int main(int count, char** arguments)
{
    if (!quantizes_right() || !sums_right()) {
        std::fprintf(stderr, "bench_quantize: a result is wrong, nothing was timed\n");
        return 1;
    }
    std::printf("f32 %zu x %zu, groups of 128, 4 bits; %zu threads; results checked\n", side, side,
                tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
    benchmark::Initialize(&count, arguments);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
