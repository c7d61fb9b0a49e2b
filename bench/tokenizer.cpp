// SPDX-License-Identifier: MIT
// Bytes of text per second that become token ids, on one thread.
//
// usage: bench_tokenizer [TOKENIZER_JSON TEXT_FILE] [Google Benchmark flags]
// Without files: the tiny model of the examples and its calibration text. Every tokenizer and text
// is first encoded and decoded; byte-level tokenizers must give the text back.
#include <awq/io/read_file.hpp>
#include <awq/text/tokenizer.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Reads everything and proves that it works; false with a line on standard error if it does not.
struct workload {
    std::vector<awq::tokenizer> tokens; // one
    std::string text;

    bool load(const std::string& tokenizer_path, const std::string& text_path)
    {
        auto loaded = awq::tokenizer::load(tokenizer_path);
        if (!loaded) return fail(loaded.error().text());
        tokens.push_back(*std::move(loaded));
        auto read = awq::read_file(text_path);
        if (!read) return fail(read.error().text());
        text = *std::move(read);
        return is_right();
    }

    bool is_right() const
    {
        const auto ids = tokens[0].encode(text, false);
        if (!ids) return fail(ids.error().text());
        std::cout << "text: " << text.size() << " bytes, " << ids->size() << " ids\n";
        if (tokens[0].kind() != awq::tokenizer_kind::byte_level) return true;
        if (tokens[0].decode(*ids, false).value() == text) return true;
        return fail("decoding does not give the text back");
    }

    static bool fail(std::string_view why)
    {
        std::cerr << why << '\n';
        return false;
    }
};

void whole_text(benchmark::State& state, const workload& work)
{
    for (auto _ : state) benchmark::DoNotOptimize(work.tokens[0].encode(work.text, false));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * work.text.size()));
}

void line_by_line(benchmark::State& state, const workload& work)
{
    awq::tokenizer::memory kept;
    const std::string_view text = work.text;
    for (auto _ : state) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
            benchmark::DoNotOptimize(work.tokens[0].encode(text.substr(at, end - at), false, kept));
            at = end;
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void decoding(benchmark::State& state, const workload& work)
{
    const auto ids = work.tokens[0].encode(work.text, false).value();
    for (auto _ : state) benchmark::DoNotOptimize(work.tokens[0].decode(ids, false));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * work.text.size()));
}

} // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    if (argc != 1 && argc != 3) return workload::fail("usage: bench_tokenizer [TOKENIZER_JSON TEXT]"), 2;
    workload work;
    const std::string data = "examples/data/";
    if (!work.load(argc == 3 ? argv[1] : data + "tiny-llama/tokenizer.json",
                   argc == 3 ? argv[2] : data + "calibration.txt"))
        return 1;
    benchmark::RegisterBenchmark("encode/whole_text", whole_text, work)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("encode/line_by_line", line_by_line, work)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark("decode", decoding, work)->Unit(benchmark::kMillisecond);
    benchmark::RunSpecifiedBenchmarks();
}
