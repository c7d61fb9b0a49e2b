// SPDX-License-Identifier: MIT
// What an engine takes: tensors in memory, no files and no models.
#include <awq/hosted.hpp>

using smoother = awq::modifier<awq::smoothing_only<>, awq::group_size<32>, awq::xtensor_backend, awq::tbb_execution>;

int main()
{
    awq::xtensor_backend::matrix up = xt::ones<float>({32, 32}), down = up, samples = up;
    const auto outcome = smoother{}.smooth(awq::smooth_layer{up}, awq::balance_layers{down}, awq::activations{samples});
    return outcome ? 0 : 1;
}
