// SPDX-License-Identifier: MIT
// The calibration kernels on activations far beyond the caches: sums of |x| and of x^2 for each
// column, reference and SIMD. Results are compared before anything is timed.
//
//   GB/s: bytes of x read a second; of_read: share of this machine's memory read bandwidth

#include <awq/execution/kernels/scalar.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/tbb_execution.hpp>

#include "machine_limit.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace {

// The columns are cut into fixed runs, each of which one task sums over all rows.
constexpr std::size_t columns_per_task = 512;

template <class E, class Kernel>
void column_sums(const E& e, awq::matrix_view<const float> x, std::vector<double>& sums, const Kernel& kernel)
{
    e.for_each(awq::chunk_count(x.cols(), columns_per_task), [&](std::size_t chunk) {
        const std::size_t first = chunk * columns_per_task;
        const std::size_t count = std::min(columns_per_task, x.cols() - first);
        kernel(x.cols_from(first, count), std::span{sums}.subspan(first, count));
    });
}

template <class E, class Reference, class Kernel>
void run(benchmark::State& state, const E& e, const Reference& reference, const Kernel& kernel)
{
    const std::size_t rows = 16384, cols = 2048;
    std::vector<float> values(rows * cols);
    std::uint32_t seed = 7;
    for (float& value : values) {
        seed = seed * 1664525u + 1013904223u;
        value = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
    }
    const awq::matrix_view<const float> x{values.data(), rows, cols};
    std::vector<double> expected(cols), sums(cols);
    reference(x.rows_from(0, 1001), expected);
    column_sums(e, x.rows_from(0, 1001), sums, kernel);
    if (sums != expected) return state.SkipWithError("differs from the reference");
    for (auto _ : state) {
        column_sums(e, x, sums, kernel);
        benchmark::ClobberMemory();
    }
    const auto bytes = static_cast<double>(values.size() * sizeof(float));
    const auto rounds = static_cast<double>(state.iterations());
    state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9 * rounds, benchmark::Counter::kIsRate);
    state.counters["of_read"] =
        benchmark::Counter(bytes * rounds / awq_bench::limit().bytes_per_second, benchmark::Counter::kIsRate);
}

template <class Reference, class Kernel>
void add_benchmarks(const std::string& name, const Reference& reference, const Kernel& kernel)
{
    const auto add = [&](const std::string& suffix, auto e, auto timed) {
        benchmark::RegisterBenchmark((name + suffix).c_str(),
                                     [=](benchmark::State& state) { run(state, e, reference, timed); })
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    };
    add("/scalar/serial", awq::serial_execution{}, reference);
    add("/simd/serial", awq::serial_execution{}, kernel);
    add("/simd/tbb", awq::tbb_execution{}, kernel);
}

} // namespace

int main(int argc, char** argv)
{
    namespace kernels = awq::kernels;
    using view = awq::matrix_view<const float>;
    using span = std::span<double>;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    awq_bench::print_machine();
    add_benchmarks(
        "mean_abs/16384x2048", [](view x, span s) { kernels::scalar::add_abs(x, s); },
        [](view x, span s) { kernels::simd::add_abs(x, s); });
    add_benchmarks(
        "mean_square/16384x2048", [](view x, span s) { kernels::scalar::add_squares(x, s); },
        [](view x, span s) { kernels::simd::add_squares(x, s); });
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
