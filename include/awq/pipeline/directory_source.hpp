// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_DIRECTORY_SOURCE_HPP
#define AWQ_PIPELINE_DIRECTORY_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/model_file.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/pipeline/read_model_config.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <memory>
#include <string>
#include <utility>

namespace awq {

/// A Hugging Face model directory with 16- or 32-bit weights, mapped into memory.
class directory_source final : public tensor_source {
public:
    static result<std::unique_ptr<directory_source>> open(const std::string& directory)
    {
        auto source = std::unique_ptr<directory_source>{new directory_source};
        AWQ_TRY(source->checkpoint_, safetensors::checkpoint::open(directory));
        AWQ_TRY(const std::string path, model_file(directory, "config.json"));
        AWQ_TRY(const json::document config, json::load(path));
        AWQ_TRY(source->config_, read_model_config(config.root()));
        return source;
    }

    const model_config& config() const noexcept override { return config_; }
    const std::string& path() const noexcept override { return checkpoint_.directory(); }
    const safetensors::checkpoint& checkpoint() const noexcept { return checkpoint_; }

    std::optional<tensor_shape> shape(std::string_view name) const override
    {
        const safetensors::tensor* const found = checkpoint_.find(name);
        if (!found || found->shape.empty() || found->shape.size() > 2) return std::nullopt;
        const auto rows = found->shape.size() == 1 ? std::uint64_t{1} : found->shape.front();
        return tensor_shape{static_cast<std::size_t>(rows),
                            static_cast<std::size_t>(found->shape.back())};
    }

    status read_rows(std::string_view name, std::size_t first_row,
                     matrix_view<float> out) const override
    {
        AWQ_TRY(const safetensors::tensor* const found, checkpoint_.at(name));
        const auto done = safetensors::read_floats(*found, {out.data(), out.size()},
                                                   std::uint64_t{first_row} * out.cols());
        found->release();
        return done;
    }

private:
    directory_source() = default;

    safetensors::checkpoint checkpoint_;
    model_config config_;
};

} // namespace awq

#endif
