// SPDX-License-Identifier: MIT
// A whole model directory, config.json and weights, opened as the program opens one.
#include "input.hpp"

#include <awq/checkpoint/quantized_source.hpp>

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [config, weights] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    fuzz::folder().put("config.json", config);
    fuzz::folder().put("model.safetensors", weights);
    const auto plain = awq::directory_source::open(fuzz::folder().string());
    fuzz::succeeded(plain);
    const auto opened = awq::quantized_source::open(fuzz::folder().string());
    if (!fuzz::succeeded(opened)) return 0;
    for (const auto& [name, weight] : (*opened)->weights()) {
        const std::size_t rows = weight->rows(), cols = weight->cols();
        if (rows > fuzz::enough || rows * cols > fuzz::enough) continue;
        std::vector<float> values(rows * cols);
        fuzz::succeeded((*opened)->read_rows(name + ".weight", 0, {values.data(), rows, cols}));
    }
    return 0;
}
