// SPDX-License-Identifier: MIT
// The header of a safetensors file: every tensor lies within the file, and the header can be written again.
#include "input.hpp"

#include <awq/io/safetensors/layout.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = awq::safetensors::read_layout(std::as_bytes(std::span{data, size}), "x");
    if (!fuzz::succeeded(read)) return 0;
    for (const auto& tensor : read->tensors)
        fuzz::require(tensor.begin <= tensor.end && read->data_begin + tensor.end <= size,
                      "a tensor outside of the file");
    const std::string bytes =
        test::safetensors_bytes(awq::safetensors::header_text(*read), std::string(size - read->data_begin, '\0'));
    const auto again = awq::safetensors::read_layout(test::bytes_of(bytes), "again");
    fuzz::require(bool{again} && again->tensors.size() == read->tensors.size(), "a written header reads otherwise");
    return 0;
}
