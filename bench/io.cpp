// SPDX-License-Identifier: MIT
// How fast tensors of a mapped file become float32 and go back, beside memcpy of the same bytes.
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/writer.hpp>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

using awq::dtype;
namespace st = awq::safetensors;

constexpr std::size_t small = std::size_t{1} << 14; // stays in the caches
constexpr std::size_t large = std::size_t{1} << 25; // comes from memory

std::vector<float> random_values(std::size_t count)
{
    std::mt19937 random{1};
    std::vector<float> values(count);
    for (float& each : values) each = static_cast<float>(static_cast<std::int32_t>(random())) * 0x1p-31f;
    return values;
}

const std::vector<float>& values()
{
    static const std::vector<float> all = random_values(large);
    return all;
}

// The values in one file, as F32, F16 and BF16; removed at the end.
class sample_file {
public:
    sample_file()
        : path_((std::filesystem::temp_directory_path() / ("awq-bench-" + std::to_string(::getpid()) + ".safetensors"))
                    .string())
    {
        auto created = st::writer::create(path_, {{"F32", st::element_type::f32, {large}},
                                                  {"F16", st::element_type::f16, {large}},
                                                  {"BF16", st::element_type::bf16, {large}}});
        created.value();
        for (const char* const name : {"F32", "F16", "BF16"}) created->write_floats(name, values()).value();
        created->finish().value();
        file_.push_back(st::file::open(path_).value());
    }
    ~sample_file() { std::filesystem::remove(path_); }

    const st::tensor& tensor(dtype type) const { return *file_.front().find(awq::name_of(type)); }

private:
    std::string path_;
    std::vector<st::file> file_;
};

const sample_file& sample()
{
    static const sample_file file;
    return file;
}

// Every element, read and rounded back, against the scalar conversion.
bool is_correct(dtype type)
{
    std::vector<float> read(large);
    st::read_floats(sample().tensor(type), read).value();
    for (std::size_t i = 0; i < large; ++i) {
        const float expected = type == dtype::f16    ? static_cast<float>(awq::f16{values()[i]})
                               : type == dtype::bf16 ? static_cast<float>(awq::bf16{values()[i]})
                                                     : values()[i];
        if (std::memcmp(&read[i], &expected, sizeof expected) != 0) return false;
    }
    std::vector<std::byte> rounded(large * awq::size_of(type));
    st::narrow(type, read, rounded);
    return std::memcmp(rounded.data(), sample().tensor(type).bytes.data(), rounded.size()) == 0;
}

void count_bytes(benchmark::State& state, std::size_t bytes)
{
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

void copy(benchmark::State& state)
{
    const auto count = static_cast<std::size_t>(state.range(0));
    std::vector<float> to(count);
    for (auto _ : state) {
        std::memcpy(to.data(), values().data(), count * sizeof(float));
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    count_bytes(state, 2 * count * sizeof(float));
}

void read_floats(benchmark::State& state, dtype type)
{
    const auto count = static_cast<std::size_t>(state.range(0));
    std::vector<float> to(count);
    for (auto _ : state) {
        st::read_floats(sample().tensor(type), to).value();
        benchmark::ClobberMemory();
    }
    count_bytes(state, count * (sizeof(float) + awq::size_of(type)));
}

void narrow(benchmark::State& state, dtype type)
{
    const auto count = static_cast<std::size_t>(state.range(0));
    std::vector<std::byte> to(count * awq::size_of(type));
    for (auto _ : state) {
        st::narrow(type, std::span{values()}.first(count), to);
        benchmark::ClobberMemory();
    }
    count_bytes(state, count * (sizeof(float) + awq::size_of(type)));
}

} // namespace

BENCHMARK(copy)->Arg(small)->Arg(large);
BENCHMARK_CAPTURE(read_floats, f32, dtype::f32)->Arg(small)->Arg(large);
BENCHMARK_CAPTURE(read_floats, f16, dtype::f16)->Arg(small)->Arg(large);
BENCHMARK_CAPTURE(read_floats, bf16, dtype::bf16)->Arg(small)->Arg(large);
BENCHMARK_CAPTURE(narrow, f16, dtype::f16)->Arg(small)->Arg(large);
BENCHMARK_CAPTURE(narrow, bf16, dtype::bf16)->Arg(small)->Arg(large);

int main(int argc, char** argv)
{
    for (const dtype type : {dtype::f32, dtype::f16, dtype::bf16}) {
        if (is_correct(type)) continue;
        std::cerr << "wrong results for " << awq::name_of(type) << '\n';
        return 1;
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
