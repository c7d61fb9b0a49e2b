// SPDX-License-Identifier: MIT
#ifndef AWQ_BENCH_MACHINE_LIMIT_HPP
#define AWQ_BENCH_MACHINE_LIMIT_HPP

#include <awq/execution/kernels/multiply_add.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/execution/tbb_execution.hpp>

#include <tbb/info.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <vector>

// What this machine can do at most, measured in the same program as what is compared with it.
namespace awq_bench {

inline int threads() { return tbb::info::default_concurrency(); }

/// Seconds of the fastest of some calls.
template <class Work>
double fastest(const Work& work, int calls = 7)
{
    using clock = std::chrono::steady_clock;
    double best = 1e30;
    for (int i = 0; i < calls; ++i) {
        const auto start = clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(clock::now() - start).count());
    }
    return best;
}

/// The sum of a register's lanes.
template <class Batch>
float lane_sum(const Batch& lanes)
{
    float values[Batch::size];
    lanes.store_unaligned(values);
    return std::accumulate(values, values + Batch::size, 0.0f);
}

/// Floats far beyond any cache.
inline constexpr std::size_t large_size = std::size_t{1} << 27; // 512 MiB

/// Bytes a second that all threads read together from memory.
inline double read_bandwidth()
{
    using batch = awq::kernels::float_batch<awq::kernels::default_arch>;
    constexpr std::size_t grain = std::size_t{1} << 18;
    const std::vector<float> values(large_size, 1.0f);
    std::vector<float> sums(large_size / grain);
    const double seconds = fastest([&] {
        awq::tbb_execution{}.for_each(sums.size(), [&](std::size_t chunk) {
            const float* from = values.data() + chunk * grain;
            batch sum[8] = {batch(0.0f), batch(0.0f), batch(0.0f), batch(0.0f),
                            batch(0.0f), batch(0.0f), batch(0.0f), batch(0.0f)};
            for (std::size_t i = 0; i < grain; i += 8 * batch::size)
                awq::kernels::unroll<8>(
                    [&](auto n) { sum[n] = sum[n] + batch::load_unaligned(from + i + n * batch::size); });
            for (std::size_t n = 1; n < 8; ++n) sum[0] = sum[0] + sum[n];
            sums[chunk] = lane_sum(sum[0]);
        });
    });
    return static_cast<double>(large_size * sizeof(float)) / seconds;
}

/// Floating-point operations a second of all threads together, in fused multiply-adds on registers.
inline double peak_flops()
{
    using batch = awq::kernels::float_batch<awq::kernels::default_arch>;
    constexpr std::size_t chains = 12;
    constexpr std::size_t steps = 2'000'000;
    const auto count = static_cast<std::size_t>(threads());
    std::vector<float> sums(count);
    const double seconds = fastest([&] {
        awq::tbb_execution{}.for_each(count, [&](std::size_t thread) {
            batch sum[chains];
            for (batch& each : sum) each = batch(static_cast<float>(thread) + 1.0f);
            const batch factor(0.999f);
            for (std::size_t i = 0; i < steps; ++i)
                awq::kernels::unroll<chains>([&](auto n) __attribute__((always_inline)) {
                    sum[n] = awq::kernels::multiply_add<awq::kernels::accumulation::native>(sum[n], factor, factor);
                });
            for (std::size_t n = 1; n < chains; ++n) sum[0] = sum[0] + sum[n];
            sums[thread] = lane_sum(sum[0]);
        });
    });
    return 2.0 * static_cast<double>(count * steps * chains * batch::size) / seconds;
}

struct machine_limit {
    double bytes_per_second = read_bandwidth();
    double flops = peak_flops();
};

/// Measured once.
inline const machine_limit& limit()
{
    static const machine_limit measured;
    return measured;
}

inline void print_machine()
{
    std::printf("machine: %d threads, %zu floats a register, reads %.1f GB/s, %.0f GFLOP/s in float32\n", threads(),
                awq::kernels::lanes<awq::kernels::default_arch>, limit().bytes_per_second * 1e-9, limit().flops * 1e-9);
}

} // namespace awq_bench

#endif
