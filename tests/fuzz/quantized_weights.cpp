// SPDX-License-Identifier: MIT
// A quantized layer "m": its quantization_config and the checkpoint that has its tensors, in the layouts of
// AutoAWQ, GPTQ and compressed-tensors. All rows are dequantized.
#include "input.hpp"

#include <awq/io/autoawq/gemm_weight.hpp>
#include <awq/io/compressed_tensors/byte_weight.hpp>
#include <awq/io/compressed_tensors/packed_weight.hpp>
#include <awq/io/gptq/weight.hpp>

#include <memory>
#include <vector>

namespace {

using opened_weight = awq::result<std::unique_ptr<awq::weight_reader>>;

void read_all(const opened_weight& weight)
{
    if (!fuzz::succeeded(weight)) return;
    const std::size_t rows = (*weight)->rows(), cols = (*weight)->cols();
    if (rows > fuzz::enough || rows * cols > fuzz::enough) return;
    std::vector<float> values(rows * cols);
    fuzz::succeeded((*weight)->read_rows(0, {values.data(), rows, cols}));
    fuzz::succeeded((*weight)->codes());
}

void read_compressed(const awq::json::value& config, const awq::layer_tensors& tensors)
{
    const auto read = awq::compressed_tensors::read_quantization_config(config);
    if (!fuzz::succeeded(read)) return;
    for (const auto& group : read->groups) {
        read_all(awq::compressed_tensors::packed_weight::open(tensors, group.weights));
        read_all(awq::compressed_tensors::byte_weight::open(tensors, group));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [text, shard] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    const auto config = awq::json::document::parse(text, "x");
    if (!fuzz::succeeded(config)) return 0;
    fuzz::folder().put("model.safetensors", shard);
    const auto opened = awq::safetensors::checkpoint::open(fuzz::folder().string());
    if (!fuzz::succeeded(opened)) return 0;
    const awq::layer_tensors tensors{*opened, "m"};
    if (const auto read = awq::autoawq::read_quantization_config(config->root()))
        read_all(awq::autoawq::gemm_weight::open(tensors, *read));
    if (const auto read = awq::gptq::read_quantization_config(config->root()))
        read_all(awq::gptq::weight::open(tensors, *read));
    read_compressed(config->root(), tensors);
    return 0;
}
