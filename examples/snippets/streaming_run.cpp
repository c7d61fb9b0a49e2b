// SPDX-License-Identifier: MIT
// A streaming run with xtensor and TBB: activations come in batches, one block after the other.
#include <awq/hosted.hpp>

#include <cstdio>
#include <vector>

using backend = awq::xtensor_backend;
using smoother = awq::modifier<awq::smoothing_only<awq::w4a16>, awq::group_size<32>, backend, awq::tbb_execution>;

static backend::matrix pattern(std::size_t rows, std::size_t cols, std::size_t seed)
{
    backend::matrix made = backend::make(rows, cols);
    for (std::size_t i = 0; i < rows * cols; ++i) made.data()[i] = float(i * seed % 1009) / 504 - 1;
    return made;
}

int main()
{
    constexpr std::size_t blocks = 2, channels = 64, outputs = 96;
    backend::vector norm[blocks] = {xt::ones<float>({channels}), xt::ones<float>({channels})};
    backend::matrix linear[blocks] = {pattern(outputs, channels, 71), pattern(outputs, channels, 97)};
    awq::matrix_view<float> reads[blocks] = {backend::view(linear[0]), backend::view(linear[1])};

    const smoother how{{.n_grid = 20}};
    std::vector<float> sums(blocks * awq::activation_stats::size(channels, true));
    std::vector<float> scratch(how.workspace_size(0, channels, outputs));
    awq::workspace memory{sums};
    awq::tracked_mapping mappings[blocks];
    for (std::size_t b = 0; b < blocks; ++b) {
        const std::span<float> weight{norm[b].data(), channels};
        mappings[b].target = {awq::smooth_target::of_norm(weight), {&reads[b], 1}};
        mappings[b].stats = *awq::activation_stats::make(memory, channels, true);
    }

    auto run = how.begin(mappings);
    for (std::size_t b = 0; b < blocks; ++b) {
        for (std::size_t seed : {53, 59, 61}) {
            backend::matrix x = pattern(128, channels, seed);    // what the linear layer reads
            for (std::size_t t = 0; t < 128; ++t) x(t, 3) *= 30; // channel 3 is loud
            if (!run.observe(b, backend::view(x))) return 1;
        }
        if (!run.end_block(b, 1, scratch)) return 1; // searches, smooths norm[b] and linear[b]
        std::printf("block %d: error %.3g -> %.3g\n", int(b), mappings[b].outcome.initial_error,
                    mappings[b].outcome.best_error);
    }
    const auto done = run.finish();
    if (!done) return 1; // done.error().text() says why
    std::printf("%d smoothed, %d skipped\n", int(done->smoothed), int(done->skipped));
}
// Prints:
// block 0: error 0.898 -> 0.602
// block 1: error 0.436 -> 0.426
// 2 smoothed, 0 skipped
