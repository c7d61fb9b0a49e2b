// SPDX-License-Identifier: MIT
// The logits of our own forward pass, for bench/quality/gguf_logits.py to compare with llama.cpp's.
//
// usage: bench_logits WINDOWS.jsonl MODEL OUT.f32 [MODEL OUT.f32]...
// Writes float32, windows one after the other, each (tokens, vocabulary). A model is a directory or a
// GGUF file. Prints a line for each.
#include <awq/device/open_host_device.hpp>
#include <awq/evaluate/evaluate.hpp>
#include <awq/io/write_file.hpp>
#include <awq/run/open_model.hpp>
#include <awq/text/calibration_samples.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

awq::status write_logits(const std::string& windows_path, const std::string& model, const std::string& target)
{
    AWQ_TRY(const auto source, awq::open_model(model));
    AWQ_TRY(const auto tokens, awq::open_tokenizer(model));
    AWQ_TRY(const awq::sample_set samples, awq::load_windows(windows_path, tokens));
    const auto& windows = samples.sequences;
    AWQ_TRY(const auto machine, awq::open_host_device());
    AWQ_TRY(const auto output, awq::detail::run_model(*machine, *source, windows, {}, "model"));
    const std::size_t rows = output.stream.tokens(), vocabulary = output.outer.lm_head().weight.rows();
    std::vector<float> logits(rows * vocabulary);
    AWQ_CHECK(awq::detail::logits_of(*machine, *source, output, 0, {logits.data(), rows, vocabulary}));
    const std::string_view bytes{reinterpret_cast<const char*>(logits.data()), logits.size() * sizeof(float)};
    AWQ_CHECK(awq::write_file(target, bytes));
    std::printf("%s: %zu x %zu\n", model.c_str(), rows, vocabulary);
    return {};
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 4 || argc % 2 != 0) {
        std::fputs("usage: bench_logits WINDOWS.jsonl MODEL OUT.f32 [MODEL OUT.f32]...\n", stderr);
        return 2;
    }
    for (int i = 2; i + 1 < argc; i += 2) {
        const auto done = write_logits(argv[1], argv[i], argv[i + 1]);
        if (done) continue;
        std::fprintf(stderr, "%s\n", std::string{done.error().text()}.c_str());
        return 1;
    }
    return 0;
}
