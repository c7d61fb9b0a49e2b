// SPDX-License-Identifier: MIT
// How fast rows of float32 become GGUF blocks: the portable quantizer, the one with vectors and,
// where the environment variable AWQ_GGML_LIBRARY names a libggml-base, ggml's own on the same rows
// in turn, all on one thread. Bytes are those of the float32 rows. The bytes that come out are
// compared before anything is timed.
#include <awq/quantization/gguf/simd_quantizer.hpp>
#include <dlfcn.h>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

namespace gguf = awq::gguf;

constexpr std::size_t rows = 24;
constexpr std::size_t columns = 2048;

using quantize_chunk = std::size_t (*)(int type, const float* rows, void* out, std::int64_t start,
                                       std::int64_t count, std::int64_t columns,
                                       const float* importance);

struct sample {
    std::vector<float> weights;
    std::vector<float> importance;
    awq::matrix_view<const float> view() const { return {weights.data(), rows, columns}; }
    std::span<const float> importance_if(bool weighted) const
    {
        return weighted ? std::span<const float>(importance) : std::span<const float>{};
    }
};

const sample& data()
{
    static const sample made = [] {
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        sample all{std::vector<float>(rows * columns), std::vector<float>(columns)};
        for (float& weight : all.weights)
            weight = 0.02f * normal(random);
        for (float& each : all.importance)
            each = std::exp(normal(random));
        return all;
    }();
    return made;
}

template <class Quantizer>
void quantize(gguf::type type, bool weighted, std::vector<std::byte>& out)
{
    const Quantizer quantizer(type);
    out.resize(rows * quantizer.row_bytes(columns));
    quantizer.quantize(data().view(), data().importance_if(weighted), out);
}

void quantize_by_peer(quantize_chunk peer, gguf::type type, bool weighted,
                      std::vector<std::byte>& out)
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
        ours = std::min(
            ours, seconds_of([&] { quantize<gguf::simd_block_quantizer>(type, weighted, out); }));
        theirs = std::min(theirs, seconds_of([&] { quantize_by_peer(peer, type, weighted, out); }));
    }
    state.counters["ours_MB_s"] = megabytes / ours;
    state.counters["ggml_MB_s"] = megabytes / theirs;
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
    const std::string name =
        std::string(gguf::name_of(type)) + (weighted ? "/importance" : "/plain");
    benchmark::RegisterBenchmark(("scalar/" + name).c_str(), time_quantizer<gguf::block_quantizer>,
                                 type, weighted);
    benchmark::RegisterBenchmark(("simd/" + name).c_str(),
                                 time_quantizer<gguf::simd_block_quantizer>, type, weighted);
    if (peer != nullptr)
        benchmark::RegisterBenchmark(("against_ggml/" + name).c_str(), time_against_peer, peer,
                                     type, weighted)
            ->Iterations(40);
}

} // namespace

int main(int argc, char** argv)
{
    const quantize_chunk peer = load_peer();
    std::cout << "one thread, float32 rows of " << columns << ", " << rows << " of them; "
              << (peer != nullptr ? "with ggml\n" : "without ggml (AWQ_GGML_LIBRARY)\n");
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        for (const bool weighted : {false, true}) {
            if (!agree(peer, facts.type, weighted)) {
                std::cerr << facts.name << ": the quantizers do not write the same bytes\n";
                return 1;
            }
            register_type(peer, facts.type, weighted);
        }
        benchmark::RegisterBenchmark(("dequantize/" + std::string(facts.name)).c_str(),
                                     time_dequantizer, facts.type);
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
