// SPDX-License-Identifier: MIT
// Matrix products in float32: the packed provider, and OpenBLAS where it is there, on the same shapes
// in the same run. Each product is compared with plain loops before it is timed.
//
//   GFLOP/s: 2 m n k a second (Gram matrices: tokens k^2, for half of them is mirrored)
//   of_peak: share of this machine's fused multiply-adds on registers, all threads
//   of_read: for one row, share of this machine's memory read bandwidth
//   of_openblas: speed beside OpenBLAS on the same operands, measured just after

#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/tbb_execution.hpp>
#if AWQ_BENCH_OPENBLAS
#include <awq/execution/products/openblas.hpp>
#endif

#include "machine_limit.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

namespace {

struct operands {
    operands(std::size_t m, std::size_t n, std::size_t k)
        : a(values(m * k, 1)), b(values(n * k, 2)), c(m * n), left(a.data(), m, k), right(b.data(), n, k),
          out(c.data(), m, n)
    {}
    static std::vector<float> values(std::size_t count, std::uint32_t seed)
    {
        std::vector<float> made(count);
        for (float& value : made) {
            seed = seed * 1664525u + 1013904223u;
            value = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
        }
        return made;
    }

    std::vector<float> a, b, c;
    awq::matrix_view<const float> left, right;
    awq::matrix_view<float> out;
};

bool is_near(const std::vector<float>& found, const std::vector<float>& expected, std::size_t depth)
{
    const double bound = 2e-6 * std::sqrt(static_cast<double>(depth));
    for (std::size_t i = 0; i < found.size(); ++i)
        if (!(std::fabs(found[i] - expected[i]) <= bound * (1.0 + std::fabs(expected[i])))) return false;
    return true;
}

// The plain product takes minutes on the timed shapes, so the last few rows stand for all.
template <class Multiply>
bool is_right(operands& with, const Multiply& multiply)
{
    multiply();
    const std::size_t rows = std::min<std::size_t>(with.out.rows(), 4);
    const std::size_t first = with.out.rows() - rows;
    std::vector<float> expected(rows * with.out.cols());
    awq::plain_product::multiply_nt(awq::tbb_execution{}, with.left.rows_from(first, rows), with.right,
                                    {expected.data(), rows, with.out.cols()});
    const auto tail = with.out.rows_from(first, rows);
    return is_near({tail.data(), tail.data() + tail.size()}, expected, with.left.cols());
}

void report(benchmark::State& state, double flop, double bytes, bool one_row)
{
    const auto rounds = static_cast<double>(state.iterations());
    const auto rate = [&](double amount) { return benchmark::Counter(amount * rounds, benchmark::Counter::kIsRate); };
    state.counters["GFLOP/s"] = rate(flop * 1e-9);
    state.counters["of_peak"] = rate(flop / awq_bench::limit().flops);
    if (one_row) state.counters["of_read"] = rate(bytes / awq_bench::limit().bytes_per_second);
}

// Adds `of_openblas`, given what OpenBLAS does on the same operands with its own threads.
template <class Work>
void compare(benchmark::State& state, [[maybe_unused]] const Work& work)
{
#if AWQ_BENCH_OPENBLAS
    const double seconds = awq_bench::fastest(work, 5);
    state.counters["of_openblas"] =
        benchmark::Counter(seconds * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
#else
    (void)state;
#endif
}

#if AWQ_BENCH_OPENBLAS
using peer = awq::openblas_product;
#else
using peer = awq::packed_product;
#endif

template <class Product, class E>
void linear(benchmark::State& state, const E& e, std::size_t m, std::size_t n, std::size_t k)
{
    operands with{m, n, k};
    const auto multiply = [&] { Product::multiply_nt(e, with.left, with.right, with.out); };
    if (!is_right(with, multiply)) return state.SkipWithError("differs from plain loops");
    for (auto _ : state) {
        multiply();
        benchmark::DoNotOptimize(with.c.data());
        benchmark::ClobberMemory();
    }
    report(state, 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k),
           4.0 * static_cast<double>(n * k), m == 1);
    if constexpr (!std::is_same_v<Product, peer>)
        compare(state, [&] { peer::multiply_nt(awq::serial_execution{}, with.left, with.right, with.out); });
}

template <class Product, class E>
void gram(benchmark::State& state, const E& e, std::size_t tokens, std::size_t k)
{
    const auto x = operands::values(tokens * k, 3);
    const awq::matrix_view<const float> input{x.data(), tokens, k};
    std::vector<float> expected(64 * 64), found(64 * 64), sums(k * k);
    const auto few = input.cols_from(k - 64, 64);
    awq::plain_product::add_gram(e, few, {expected.data(), 64, 64});
    Product::add_gram(e, few, {found.data(), 64, 64});
    if (!is_near(found, expected, tokens)) return state.SkipWithError("differs from plain loops");
    for (auto _ : state) {
        Product::add_gram(e, input, {sums.data(), k, k});
        benchmark::ClobberMemory();
    }
    report(state, static_cast<double>(tokens) * static_cast<double>(k) * static_cast<double>(k), 0.0, false);
    if constexpr (!std::is_same_v<Product, peer>)
        compare(state, [&] { peer::add_gram(awq::serial_execution{}, input, {sums.data(), k, k}); });
}

template <class Product, class E>
void add_benchmarks(const std::string& provider, const E& e)
{
    struct shape {
        std::size_t m, n, k;
    };
    for (const shape s : {shape{1, 2048, 2048}, shape{1, 32768, 2048}, shape{8, 2048, 2048}, shape{64, 2048, 2048},
                          shape{512, 2048, 2048}, shape{2048, 2048, 2048}, shape{4096, 576, 576},
                          shape{4096, 1536, 512}, shape{2048, 5632, 2048}, shape{1023, 1021, 1019}}) {
        const std::string name =
            provider + "/linear/" + std::to_string(s.m) + "x" + std::to_string(s.n) + "x" + std::to_string(s.k);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [=](benchmark::State& state) { linear<Product>(state, e, s.m, s.n, s.k); })
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
    }
    for (const shape s : {shape{4096, 0, 512}, shape{4096, 0, 1536}, shape{2048, 0, 2048}}) {
        const std::string name = provider + "/gram/" + std::to_string(s.m) + "x" + std::to_string(s.k);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { gram<Product>(state, e, s.m, s.k); })
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
    }
}

} // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    awq_bench::print_machine();
    add_benchmarks<awq::packed_product>("packed", awq::tbb_execution{});
#if AWQ_BENCH_OPENBLAS
    std::printf("OpenBLAS: kernels for \"%s\" (OPENBLAS_CORETYPE chooses others), own threads\n",
                openblas_get_corename());
    const awq::openblas_threads all{awq_bench::threads()};
    add_benchmarks<awq::openblas_product>("openblas", awq::serial_execution{});
#endif
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
