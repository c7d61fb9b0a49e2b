// SPDX-License-Identifier: MIT
// The index of a checkpoint in shards: names of files beside it, never paths.
#include "input.hpp"

#include <awq/io/safetensors/shard_index.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = awq::safetensors::shard_index::parse(fuzz::text_of(data, size), "x");
    if (!fuzz::succeeded(read)) return 0;
    for (const std::string& name : read->files())
        fuzz::require(name.find('/') == name.npos && name.find('\0') == name.npos && name != "..",
                      "a shard outside of the directory");
    fuzz::require(bool{awq::safetensors::shard_index::parse(read->text(), "again")}, "a written index cannot be read");
    return 0;
}
