// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_OPEN_MODEL_HPP
#define AWQ_PIPELINE_OPEN_MODEL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/tokenizer.hpp>
#include <awq/pipeline/directory_source.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <memory>
#include <string>

namespace awq {

/// Opens whatever model is at a path.
inline result<std::unique_ptr<tensor_source>> open_model(const std::string& path)
{
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
