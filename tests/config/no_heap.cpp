// SPDX-License-Identifier: MIT
// A whole run of the core without exceptions, RTTI and hosted headers, in static memory, with an
// operator new that must never be called. Exit status 0 is a pass.
#include <awq/core.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

int allocations = 0;

constexpr std::size_t tokens = 96, in_features = 64, out_features = 48;
using smoother = awq::modifier<awq::smooth_and_quantize<awq::w4a16>, awq::group_size<32>>;

float norm[in_features], q[out_features * in_features], k[out_features * in_features];
float x[tokens * in_features];
float scratch[smoother{}.workspace_size(tokens, in_features, 2 * out_features)];
float sums[awq::activation_stats::size(in_features, true)];
std::int8_t codes[out_features * in_features], zeros[out_features * 2];
float scales[out_features * 2];
std::uint32_t words[out_features * in_features / 8];

void fill(float* values, std::size_t count, unsigned step)
{
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i * step % 101) / 50.0f - 1.0f;
}

bool one_call(const awq::mapping& pair, awq::matrix_view<const float> inputs)
{
    const auto found = smoother{}.smooth(pair, inputs, awq::workspace{scratch});
    return found && found->best_error <= found->initial_error;
}

bool streaming(const awq::mapping& pair, awq::matrix_view<const float> inputs)
{
    awq::workspace memory{sums};
    const auto stats = awq::activation_stats::make(memory, in_features, true);
    if (!stats) return false;
    awq::tracked_mapping tracked[1];
    tracked[0].target = pair;
    tracked[0].stats = *stats;
    const smoother how;
    auto run = how.begin(tracked);
    if (!run.observe(0, inputs) || !run.end_block(0, 1, awq::workspace{scratch})) return false;
    const auto summary = run.finish();
    return summary && summary->smoothed == 1;
}

bool quantize()
{
    const awq::matrix_view<const float> weight{q, out_features, in_features};
    if (!smoother{}.quantize(weight,
                             {{codes, out_features, in_features}, {scales, out_features, 2}, {zeros, out_features, 2}}))
        return false;
    awq::pack_compressed_tensors({codes, out_features, in_features}, 4, {words, out_features, in_features / 8});
    return true;
}

bool refused(const awq::mapping& pair, awq::matrix_view<const float> inputs)
{
    float few[8];
    const auto found = smoother{}.smooth(pair, inputs, awq::workspace{few});
    return !found && found.error().code() == awq::error_code::workspace_too_small;
}

} // namespace

void* operator new(std::size_t size)
{
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main()
{
    fill(norm, in_features, 7);
    fill(q, out_features * in_features, 13);
    fill(k, out_features * in_features, 29);
    fill(x, tokens * in_features, 37);
    for (std::size_t t = 0; t < tokens; ++t) x[t * in_features + 3] *= 40.0f;
    const awq::matrix_view<float> reads[2] = {{q, out_features, in_features}, {k, out_features, in_features}};
    const awq::mapping pair{awq::smooth_target::of_norm(norm), reads};
    const awq::matrix_view<const float> inputs{x, tokens, in_features};
    const bool done = one_call(pair, inputs) && streaming(pair, inputs) && quantize() && refused(pair, inputs);
    return done && allocations == 0 ? 0 : 1;
}
