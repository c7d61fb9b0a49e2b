// SPDX-License-Identifier: MIT
// How fast rows of float32 become GGUF blocks: the portable quantizer, the one with vectors and,
// where the environment variable AWQ_GGML_LIBRARY names a libggml-base, ggml's own on the same rows
// in turn. Bytes are those of the float32 rows. The bytes that come out are compared.
//
//     AWQ_GGML_LIBRARY=.../libggml-base.so bench_gguf_quantize --benchmark_filter=against_ggml
//     AWQ_GGML_LIBRARY=.../libggml-base.so bench_gguf_quantize 2
//
// Processor time of one thread, or, where a number of threads is given, wall time of a whole tensor
// on so many: ours as a run does it (TBB), ggml's as llama.cpp's quantizer does it, threads
// that take runs of rows in turn. The latter needs a machine where nothing else runs.
#include <awq/execution/tbb_execution.hpp>
#include <awq/quantization/gguf/quantize_rows.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>
#include <dlfcn.h>
#include <tbb/global_control.h>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace gguf = awq::gguf;

constexpr std::size_t rows = 24;
constexpr std::size_t columns = 2048;
constexpr std::size_t tensor_rows = 2048; ///< of the tensor that several threads share

using quantize_chunk = std::size_t (*)(int type, const float* rows, void* out, std::int64_t start, std::int64_t count,
                                       std::int64_t columns, const float* importance);

struct sample {
    std::vector<float> weights;
    std::vector<float> importance;
    awq::matrix_view<const float> view() const { return {weights.data(), weights.size() / columns, columns}; }
    std::span<const float> importance_if(bool weighted) const
    {
        return weighted ? std::span<const float>(importance) : std::span<const float>{};
    }
};

sample random_sample(std::size_t count)
{
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    sample all{std::vector<float>(count * columns), std::vector<float>(columns)};
    for (float& weight : all.weights) weight = 0.02f * normal(random);
    for (float& each : all.importance) each = std::exp(normal(random));
    return all;
}

const sample& data()
{
    static const sample made = random_sample(rows);
    return made;
}

const sample& tensor()
{
    static const sample made = random_sample(tensor_rows);
    return made;
}

template <class Quantizer>
void quantize(gguf::type type, bool weighted, std::vector<std::byte>& out)
{
    const Quantizer quantizer(type);
    out.resize(rows * quantizer.row_bytes(columns));
    quantizer.quantize(data().view(), data().importance_if(weighted), out);
}

void quantize_by_peer(quantize_chunk peer, gguf::type type, bool weighted, std::vector<std::byte>& out)
{
    out.resize(rows * gguf::block_quantizer(type).row_bytes(columns));
    peer(static_cast<int>(type), data().weights.data(), out.data(), 0, rows, columns,
         weighted ? data().importance.data() : nullptr);
}

constexpr double megabytes = 4e-6 * rows * columns;

void set_bytes(benchmark::State& state)
{
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * 4 * rows * columns));
}

template <class Quantizer>
void time_quantizer(benchmark::State& state, gguf::type type, bool weighted)
{
    std::vector<std::byte> out;
    for (auto _ : state) {
        quantize<Quantizer>(type, weighted, out);
        benchmark::DoNotOptimize(out.data());
    }
    set_bytes(state);
}

void time_dequantizer(benchmark::State& state, gguf::type type)
{
    std::vector<std::byte> stored;
    quantize<gguf::simd_block_quantizer>(type, false, stored);
    std::vector<float> out(rows * columns);
    for (auto _ : state) {
        gguf::block_quantizer(type).dequantize_row(stored, out);
        benchmark::DoNotOptimize(out.data());
    }
    set_bytes(state);
}

/// Seconds that this thread computed; a busy neighbour does not count.
double thread_seconds()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Work>
double seconds_of(Work work)
{
    const double start = thread_seconds();
    work();
    return thread_seconds() - start;
}

/// Ours and the peer in turn; the best time of each counts.
void time_against_peer(benchmark::State& state, quantize_chunk peer, gguf::type type, bool weighted)
{
    std::vector<std::byte> out;
    double ours = 1e9;
    double theirs = 1e9;
    for (auto _ : state) {
        ours = std::min(ours, seconds_of([&] { quantize<gguf::simd_block_quantizer>(type, weighted, out); }));
        theirs = std::min(theirs, seconds_of([&] { quantize_by_peer(peer, type, weighted, out); }));
    }
    state.counters["ours_MB_s"] = megabytes / ours;
    state.counters["ggml_MB_s"] = megabytes / theirs;
    state.counters["ratio"] = theirs / ours;
}

// A whole tensor on several threads.

void quantize_tensor(gguf::type type, bool weighted, std::vector<std::byte>& out)
{
    const gguf::simd_block_quantizer quantizer(type);
    const auto done =
        gguf::quantize_rows(awq::tbb_execution{}, quantizer, tensor().view(), tensor().importance_if(weighted), out);
    if (!done) std::cerr << done.error().text() << '\n';
}

/// As llama.cpp's quantizer: each thread takes the next run of rows until none are left.
void quantize_tensor_by_peer(quantize_chunk peer, std::size_t threads, gguf::type type, bool weighted,
                             std::vector<std::byte>& out)
{
    constexpr std::size_t run = std::max<std::size_t>(1, 32 * 512 / columns);
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t row = next.fetch_add(run); row < tensor_rows; row = next.fetch_add(run)) {
            const std::size_t count = std::min(run, tensor_rows - row);
            peer(static_cast<int>(type), tensor().weights.data(), out.data(), static_cast<std::int64_t>(row * columns),
                 static_cast<std::int64_t>(count), columns, weighted ? tensor().importance.data() : nullptr);
        }
    };
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& each : others) each.join();
}

template <class Work>
double wall_seconds_of(Work work)
{
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Both in turn; the best time of each counts.
void time_tensor(benchmark::State& state, quantize_chunk peer, std::size_t threads, gguf::type type, bool weighted)
{
    std::vector<std::byte> out(tensor_rows * gguf::block_quantizer(type).row_bytes(columns));
    std::vector<std::byte> other(out.size());
    double ours = 1e9;
    double theirs = 1e9;
    for (auto _ : state) {
        ours = std::min(ours, wall_seconds_of([&] { quantize_tensor(type, weighted, out); }));
        if (peer == nullptr) continue;
        theirs =
            std::min(theirs, wall_seconds_of([&] { quantize_tensor_by_peer(peer, threads, type, weighted, other); }));
    }
    constexpr double size = 4e-6 * tensor_rows * columns;
    state.counters["ours_MB_s"] = size / ours;
    if (peer == nullptr) return;
    if (out != other) state.SkipWithError("not the same bytes");
    state.counters["ggml_MB_s"] = size / theirs;
    state.counters["ratio"] = theirs / ours;
}

/// Whether all that is timed writes the same bytes.
bool agree(quantize_chunk peer, gguf::type type, bool weighted)
{
    std::vector<std::byte> scalar;
    std::vector<std::byte> simd;
    quantize<gguf::block_quantizer>(type, weighted, scalar);
    quantize<gguf::simd_block_quantizer>(type, weighted, simd);
    std::vector<std::byte> other = scalar;
    if (peer != nullptr) quantize_by_peer(peer, type, weighted, other);
    return scalar == simd && scalar == other;
}

quantize_chunk load_peer()
{
    const char* path = std::getenv("AWQ_GGML_LIBRARY");
    void* library = path == nullptr ? nullptr : dlopen(path, RTLD_NOW);
    if (library == nullptr) return nullptr;
    return reinterpret_cast<quantize_chunk>(dlsym(library, "ggml_quantize_chunk"));
}

void register_type(quantize_chunk peer, gguf::type type, bool weighted)
{
    const std::string name = std::string(gguf::name_of(type)) + (weighted ? "/importance" : "/plain");
    benchmark::RegisterBenchmark(("scalar/" + name).c_str(), time_quantizer<gguf::block_quantizer>, type, weighted);
    benchmark::RegisterBenchmark(("simd/" + name).c_str(), time_quantizer<gguf::simd_block_quantizer>, type, weighted);
    if (peer != nullptr)
        benchmark::RegisterBenchmark(("against_ggml/" + name).c_str(), time_against_peer, peer, type, weighted)
            ->Iterations(40);
}

bool register_all(quantize_chunk peer)
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        for (const bool weighted : {false, true}) {
            if (!agree(peer, facts.type, weighted)) {
                std::cerr << facts.name << ": the quantizers do not write the same bytes\n";
                return false;
            }
            register_type(peer, facts.type, weighted);
        }
        benchmark::RegisterBenchmark(("dequantize/" + std::string(facts.name)).c_str(), time_dequantizer, facts.type);
    }
    return true;
}

void register_tensors(quantize_chunk peer, std::size_t threads)
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        for (const bool weighted : {false, true}) {
            const std::string name =
                std::to_string(threads) + "_threads/" + std::string(facts.name) + (weighted ? "/importance" : "/plain");
            benchmark::RegisterBenchmark(name.c_str(), time_tensor, peer, threads, facts.type, weighted)
                ->Iterations(10)
                ->UseRealTime()
                ->Unit(benchmark::kMillisecond);
        }
    }
}

/// The number of threads, where the first argument is one; it is taken away.
std::size_t threads_of(int& argc, char** argv)
{
    const long threads = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
    if (threads <= 0) return 0;
    std::rotate(argv + 1, argv + 2, argv + argc);
    --argc;
    return static_cast<std::size_t>(threads);
}

} // namespace

int main(int argc, char** argv)
{
    const quantize_chunk peer = load_peer();
    const std::size_t threads = threads_of(argc, argv);
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, std::max<std::size_t>(threads, 1));
    std::cout << std::max<std::size_t>(threads, 1) << " threads, float32 rows of " << columns << ", "
              << (threads == 0 ? rows : tensor_rows) << " of them; "
              << (peer != nullptr ? "with ggml\n" : "without ggml (AWQ_GGML_LIBRARY)\n");
    if (threads == 0 && !register_all(peer)) return 1;
    if (threads > 0) register_tensors(peer, threads);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
