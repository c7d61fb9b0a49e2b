// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_IMATRIX_SINK_HPP
#define AWQ_PIPELINE_IMATRIX_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/imatrix.hpp>
#include <awq/pipeline/checkpoint_sink.hpp>
#include <awq/pipeline/gguf_layout.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// Writes llama.cpp's importance matrix of the smoothed model: sums of x^2 of every linear layer's
/// inputs, as they are after smoothing. A name that ends in ".dat" gets the older format.
class imatrix_sink final : public checkpoint_sink {
public:
    /// `dataset`, `samples` and `max_seq_length` are recorded in the file. Errors: an architecture
    /// without GGUF counterpart; `file_exists`.
    static result<std::unique_ptr<checkpoint_sink>> create(const model_config& config,
                                                           const std::string& target, bool overwrite,
                                                           const std::string& dataset,
                                                           std::size_t samples,
                                                           std::size_t max_seq_length)
    {
        AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(config));
        AWQ_CHECK(output_file::create(target, overwrite)); // fails now rather than after the run
        auto sink = std::unique_ptr<imatrix_sink>{new imatrix_sink{*arch, target, overwrite}};
        sink->matrix_.datasets = {std::filesystem::path{dataset}.filename().string()};
        sink->matrix_.chunk_count = static_cast<std::uint32_t>(samples);
        sink->matrix_.chunk_size = static_cast<std::uint32_t>(max_seq_length);
        return std::unique_ptr<checkpoint_sink>{std::move(sink)};
    }

    status write(const finished_block& block) override
    {
        for (const std::string_view linear : block_linears) {
            const std::string name = block.smoothed->prefix() + std::string{linear} + ".weight";
            const auto place = gguf::to_gguf(architecture_, name);
            if (!place)
                return error{error_code::unsupported, target_, ": \"", name,
                             "\" has no place in a GGUF file"};
            const activation_stats& sums = block.statistics->of(linear).sums();
            imatrix_entry& entry = matrix_.entries[place->name];
            entry.sums.assign(sums.square_sum.begin(), sums.square_sum.end());
            entry.counts = {static_cast<float>(sums.tokens)};
        }
        return {};
    }

    result<std::string> finish() override
    {
        AWQ_CHECK(target_.ends_with(".dat") ? matrix_.write_legacy(target_, overwrite_)
                                            : matrix_.write(target_, overwrite_));
        return target_;
    }

private:
    imatrix_sink(const gguf::architecture& arch, const std::string& target, bool overwrite)
        : architecture_(arch), target_(target), overwrite_(overwrite)
    {
    }

    const gguf::architecture& architecture_;
    std::string target_;
    bool overwrite_;
    imatrix matrix_;
};

} // namespace awq

#endif
