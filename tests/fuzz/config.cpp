// SPDX-License-Identifier: MIT
// config.json of a model directory.
#include "input.hpp"

#include <awq/io/json_reader.hpp>
#include <awq/model/config/read_model_config.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto document = awq::json::document::parse(fuzz::text_of(data, size), "x");
    if (fuzz::succeeded(document)) fuzz::succeeded(awq::read_model_config(document->root()));
    return 0;
}
