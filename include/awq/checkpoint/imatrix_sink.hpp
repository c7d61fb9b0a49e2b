// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_IMATRIX_SINK_HPP
#define AWQ_CHECKPOINT_IMATRIX_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/checkpoint_sink.hpp>
#include <awq/checkpoint/gguf_inventory.hpp>
#include <awq/io/imatrix.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Writes llama.cpp's importance matrix of the smoothed model: sums of x^2 of every linear layer's
/// inputs, as they are after smoothing. A name that ends in ".dat" gets the older format.
class AWQ_ABI_TAG imatrix_sink final : public checkpoint_sink {
public:
    /// `dataset` and `max_seq_length` are recorded in the file. Errors: an architecture without GGUF
    /// counterpart; those of output_file.
    static result<std::unique_ptr<checkpoint_sink>> create(const model_config& config, const std::string& target,
                                                           const output_policy& policy, const std::string& dataset,
                                                           std::size_t max_seq_length)
    {
        AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(config));
        AWQ_TRY(gguf_inventory inventory, gguf_inventory::make(config, *arch));
        AWQ_TRY(output_file file, output_file::create(target, policy));
        auto sink = std::unique_ptr<imatrix_sink>{new imatrix_sink{std::move(inventory), target, std::move(file)}};
        sink->matrix_.datasets = {std::filesystem::path{dataset}.filename().string()};
        sink->matrix_.chunk_size = static_cast<std::uint32_t>(max_seq_length);
        return std::unique_ptr<checkpoint_sink>{std::move(sink)};
    }

    void begin(std::size_t sequences) override { matrix_.chunk_count = static_cast<std::uint32_t>(sequences); }

    status write(const finished_block& block) override
    {
        for (const block_linear& linear : block.smoothed->layout().linears) {
            const std::string name = block.smoothed->prefix() + linear.name + ".weight";
            const gguf_place* const place = inventory_.whole(name);
            if (place) add(*place, block.statistics->of(linear.name).sums());
        }
        return {};
    }

    status prepare() override
    {
        if (target_.ends_with(".dat")) {
            AWQ_TRY(file_, matrix_.prepare_legacy(std::move(file_)));
            return {};
        }
        AWQ_TRY(written_, matrix_.prepare(std::move(file_)));
        return {};
    }

    status commit() override { return written_ ? written_->commit() : file_.commit(); }
    std::string target() const override { return target_; }
    void save(state_writer& to) const override
    {
        to(std::vector<std::pair<std::string, imatrix_entry>>{matrix_.entries.begin(), matrix_.entries.end()});
    }
    status restore(state_reader& from) override
    {
        std::vector<std::pair<std::string, imatrix_entry>> all;
        from(all);
        for (auto& [name, entry] : all) matrix_.entries.insert_or_assign(name, std::move(entry));
        return {};
    }

private:
    imatrix_sink(gguf_inventory&& inventory, const std::string& target, output_file&& file)
        : inventory_(std::move(inventory)), target_(target), file_(std::move(file))
    {}

    /// The sums of one weight, or of one of a stack. A layer whose rows become several tensors has none:
    /// what those read is not what it reads.
    void add(const gguf_place& place, const activation_stats& sums)
    {
        const gguf_tensor& tensor = inventory_.tensor(place);
        const std::size_t columns = tensor.cols(), count = tensor.matrices();
        imatrix_entry& entry = matrix_.entries[tensor.name];
        entry.sums.resize(columns * count);
        entry.counts.resize(count);
        const std::size_t index = tensor.matrix_of(inventory_.part(place));
        std::ranges::copy(sums.square_sum, entry.sums.begin() + static_cast<std::ptrdiff_t>(index * columns));
        entry.counts[index] = static_cast<float>(sums.tokens);
    }

    gguf_inventory inventory_;
    std::string target_;
    output_file file_;
    imatrix matrix_;
    std::optional<gguf::writer> written_; ///< from `prepare` on, in the newer format
};

} // namespace awq

#endif
