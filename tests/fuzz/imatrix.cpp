// SPDX-License-Identifier: MIT
// An importance matrix in either of its two formats.
#include "input.hpp"

#include <awq/io/imatrix.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = awq::imatrix::parse(std::as_bytes(std::span{data, size}), "x");
    if (!fuzz::succeeded(read)) return 0;
    for (const auto& [name, entry] : read->entries) {
        const auto means = read->mean_squares(name);
        fuzz::require(!fuzz::succeeded(means) || means->size() >= entry.columns(), "fewer means than columns");
    }
    return 0;
}
