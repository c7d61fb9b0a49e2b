// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_OPEN_MODEL_HPP
#define AWQ_PIPELINE_OPEN_MODEL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/tokenizer.hpp>
#include <awq/pipeline/directory_source.hpp>
#include <awq/pipeline/quantized_source.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <memory>
#include <string>
#include <utility>

namespace awq {

/// Opens whatever model is at a path: a directory with 16- or 32-bit weights, or one whose
/// config.json has a `quantization_config`.
inline result<std::unique_ptr<tensor_source>> open_model(const std::string& path)
{
    AWQ_TRY(const auto config, json::load(path + "/config.json"));
    if (config.root().find_non_null("quantization_config")) {
        AWQ_TRY(auto source, quantized_source::open(path));
        return std::unique_ptr<tensor_source>{std::move(source)};
    }
    AWQ_TRY(auto source, directory_source::open(path));
    return std::unique_ptr<tensor_source>{std::move(source)};
}

/// The tokenizer of a model directory.
inline result<tokenizer> open_tokenizer(const std::string& path)
{
    return tokenizer::load(path + "/tokenizer.json");
}

} // namespace awq

#endif
