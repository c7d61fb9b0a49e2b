// SPDX-License-Identifier: MIT
// An index and its shard together, as a model directory has them; all floats are read.
#include "input.hpp"

#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [index, shard] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    fuzz::folder().put("model.safetensors.index.json", index);
    fuzz::folder().put("model-00001-of-00001.safetensors", shard);
    const auto opened = awq::safetensors::checkpoint::open(fuzz::folder().string());
    if (!fuzz::succeeded(opened)) return 0;
    for (const awq::safetensors::tensor* const tensor : opened->tensors()) {
        if (!tensor->type() || tensor->element_count() > fuzz::enough) continue;
        std::vector<float> values(static_cast<std::size_t>(tensor->element_count()));
        fuzz::succeeded(awq::safetensors::read_floats(*tensor, values, 0));
    }
    return 0;
}
