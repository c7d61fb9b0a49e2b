// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_DIRECTORY_SOURCE_HPP
#define AWQ_CHECKPOINT_DIRECTORY_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/checkpoint/llama_like.hpp>
#include <awq/checkpoint/model_path.hpp>
#include <awq/checkpoint/quantization_summary.hpp>
#include <awq/checkpoint/stacked_tensors.hpp>
#include <awq/checkpoint/tensor_reports.hpp>
#include <awq/config.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/model/architectures/registry.hpp>
#include <awq/model/config/find_names.hpp>
#include <awq/model/config/read_model_config.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

/// A Hugging Face model directory with 16- or 32-bit weights, mapped into memory.
class AWQ_ABI_TAG directory_source final : public tensor_source {
public:
    /// Errors: those of `checkpoint::open`, `read_model_config` and `check_tensors`.
    static result<std::unique_ptr<directory_source>> open(const std::string& directory)
    {
        AWQ_TRY(auto source, open_unchecked(directory));
        AWQ_CHECK(source->check_plain());
        return source;
    }

    /// Whether all weights are there as the config says, and are not quantized. Error: `unsupported` for
    /// a quantized checkpoint, by what it is. A `quantization_config` without quantized tensors becomes
    /// a note.
    status check_plain();

    /// Whether every weight and bias of a block is one that its layout knows: others would be left out
    /// of what the block computes.
    status check_unknown() const
    {
        std::vector<block_layout> layouts;
        for (std::size_t layer = 0; layer < config_.num_hidden_layers; ++layer)
            layouts.push_back(layout_of(config_, layer));
        for (const safetensors::tensor* const each : checkpoint_.tensors()) {
            const auto layer = layer_of(each->name);
            if (!layer) continue;
            const std::string_view rest = std::string_view{each->name}.substr(block_prefix(config_, *layer).size());
            const bool is_bias = rest.ends_with(".bias") && each->shape.size() == 1;
            const bool is_known = layouts[*layer].tensor(rest) != none_here || stacks_.is_stack(each->name);
            if (is_known || !(is_bias || rest.ends_with(".weight"))) continue;
            return error{error_code::malformed_file, path(), ": tensor \"", printable(each->name),
                         "\" is there, but the config has none (model_type); does the config belong "
                         "to these weights?"};
        }
        return {};
    }

    /// The block that a tensor or module is in, by its full name; nothing outside of the config's.
    std::optional<std::size_t> layer_of(std::string_view name) const noexcept
    {
        if (!name.starts_with(config_.names.blocks)) return std::nullopt;
        name.remove_prefix(config_.names.blocks.size());
        std::size_t layer = 0;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), layer);
        name.remove_prefix(static_cast<std::size_t>(read.ptr - name.data()));
        const bool is_block = read.ec == std::errc{} && layer < config_.num_hidden_layers;
        return is_block && name.starts_with('.') ? std::optional{layer} : std::nullopt;
    }

    /// What config.json says of quantization, if anything.
    const std::optional<quantization_summary>& quantization() const noexcept { return quantization_; }

    /// Whether config.json says that weights are quantized, and some are.
    bool is_quantized() const { return quantization_ && find_packed(); }

    /// As `open`, but the tensors may be other than the config says: for a look at them only.
    static result<std::unique_ptr<directory_source>> open_unchecked(const std::string& directory);

    /// Whatever is in a directory, for those that need no forward pass: where the model's class is not
    /// known or its config cannot be read, `problem` says so and the config has the weights' type only.
    static result<std::unique_ptr<directory_source>> open_tensors(const std::string& directory);
    const std::optional<error>& problem() const noexcept { return problem_; }

    const model_config& config() const noexcept override { return config_; }
    const std::string& path() const noexcept override { return checkpoint_.directory(); }
    const safetensors::checkpoint& checkpoint() const noexcept { return checkpoint_; }
    /// The tensors that it has in stacks; known when it is open and checked.
    const stacked_tensors& stacks() const noexcept { return stacks_; }
    /// Looks for them. Error: one of another shape than the config says.
    status find_stacks()
    {
        AWQ_TRY(stacks_, stacked_tensors::find(checkpoint_, config_));
        return {};
    }

    std::vector<notice> notices() const override { return notices_; }
    std::vector<tensor_report> tensors() const override { return tensor_reports(checkpoint_); }

    std::string name_in_file(std::string_view name) const override
    {
        const stacked_tensor* const stacked = stacks_.find(name);
        return stacked ? stacked->stack->name : std::string{name};
    }

    /// The elements that an output like this checkpoint has for a tensor; nothing where it has none.
    std::optional<dtype> stored_type(std::string_view name) const
    {
        const stacked_tensor* const stacked = stacks_.find(name);
        if (stacked) return safetensors::to_dtype(stacked->output().type);
        const safetensors::tensor* const found = checkpoint_.find(name);
        return found ? found->type() : std::nullopt;
    }

    std::optional<tensor_shape> shape(std::string_view name) const override
    {
        if (const stacked_tensor* const stacked = stacks_.find(name))
            return stacked->is_bias ? tensor_shape{1, stacked->outputs}
                                    : tensor_shape{stacked->outputs, stacked->inputs};
        const safetensors::tensor* const found = checkpoint_.find(name);
        if (!found || found->shape.empty() || found->shape.size() > 2) return std::nullopt;
        auto rows = static_cast<std::size_t>(found->shape.size() == 1 ? 1 : found->shape.front());
        auto cols = static_cast<std::size_t>(found->shape.back());
        if (is_transposed(name)) std::swap(rows, cols);
        return tensor_shape{rows, cols};
    }

    /// Whether a weight is stored as (in_features, out_features); readers see it the other way.
    bool is_transposed(std::string_view name) const
    {
        return config_.transposed_layers && name.ends_with(".weight") && name.starts_with(config_.names.blocks) &&
               checkpoint_.find(name) && checkpoint_.find(name)->shape.size() == 2;
    }

    std::optional<stored_tensor_facts> stored(std::string_view name) const override
    {
        const stacked_tensor* const stacked = stacks_.find(name);
        const safetensors::tensor* const found = stacked ? stacked->stack : checkpoint_.find(name);
        if (!found) return std::nullopt;
        const auto type = found->type();
        std::vector<std::uint64_t> shape = stacked ? stacked->shape() : found->shape;
        if (!stacked && is_transposed(name)) std::ranges::reverse(shape);
        if (stacked && stacked->scales) return stored_tensor_facts{std::move(shape), "MXFP4"};
        return stored_tensor_facts{std::move(shape), std::string{name_of(found->stored)}, type && is_smoothable(*type)};
    }

    status read_rows(std::string_view name, std::size_t first_row, matrix_view<float> out) const override
    {
        if (const stacked_tensor* const stacked = stacks_.find(name))
            return stacked_tensors::read_rows(*stacked, first_row, out);
        AWQ_TRY(const safetensors::tensor* const found, checkpoint_.at(name));
        if (is_transposed(name)) return read_columns(*found, first_row, out);
        const auto done =
            safetensors::read_floats(*found, {out.data(), out.size()}, std::uint64_t{first_row} * out.cols());
        found->release();
        return done;
    }

private:
    directory_source() = default;

    /// Rows of the matrix that readers see are columns of the one in the file.
    static status read_columns(const safetensors::tensor& from, std::size_t first, matrix_view<float> out)
    {
        std::vector<float> row(static_cast<std::size_t>(from.shape.back()));
        if (first > row.size() || out.rows() > row.size() - first || out.cols() != from.shape.front())
            return error{error_code::shape_mismatch,
                         "tensor \"",
                         printable(from.name),
                         "\" has no ",
                         out.rows(),
                         " rows of ",
                         out.cols(),
                         " from ",
                         first,
                         " on"};
        for (std::size_t c = 0; c < out.cols(); ++c) {
            AWQ_CHECK(safetensors::read_floats(from, row, std::uint64_t{c} * row.size()));
            for (std::size_t r = 0; r < out.rows(); ++r) out(r, c) = row[first + r];
        }
        from.release();
        return {};
    }

    /// Where config.json has no type, that of the weights.
    void take_stored_type()
    {
        const safetensors::tensor* const table = checkpoint_.find(config_.names.embeddings + ".weight");
        const auto type = table ? table->type() : std::nullopt;
        if (type && is_smoothable(*type)) config_.torch_dtype = *type;
    }

    /// A matrix of bytes, small floats or 16- or 32-bit integers: no plain checkpoint has one.
    const safetensors::tensor* find_packed() const
    {
        using safetensors::element_type;
        for (const safetensors::tensor* const each : checkpoint_.tensors()) {
            const auto type = each->type();
            const bool is_float = type && is_smoothable(*type);
            const bool is_small = bits_of(each->stored) <= 32 && each->stored != element_type::boolean;
            const bool is_mask = each->name.ends_with(".bias"); // causal, of old checkpoints
            const bool is_known = is_mask || stacks_.is_stack(each->name);
            if (each->shape.size() >= 2 && is_small && !is_float && !is_known) return each;
        }
        return nullptr;
    }

    void note_left_over()
    {
        notices_.push_back({notice::severity::note, path() + "/config.json has a quantization_config (" +
                                                        quantization_->text +
                                                        "), but no weight is quantized: it is passed "
                                                        "over"});
    }

    /// Reads what config.json says of a model, or why it cannot be used.
    void read_config(const json::value& root)
    {
        const auto has = [&](const std::string& name) { return checkpoint_.find(name) != nullptr; };
        auto known = read_model_config(root);
        if (!known && known.error().code() == error_code::unknown_architecture)
            known = take_for_llama(root, known.error());
        if (known) {
            config_ = *std::move(known);
            config_.names = find_names(config_.names, has);
        } else {
            problem_ = known.error();
            config_ = {};
            const auto read = detail::read_storage(root, config_);
            if (!read) config_.torch_dtype = dtype::f32;
        }
        if (!root.find_non_null("torch_dtype") && !root.find_non_null("dtype")) take_stored_type();
    }

    /// A model of a class that is `unknown`, if its tensors are a Llama's, all of them.
    result<model_config> take_for_llama(const json::value& root, const error& unknown)
    {
        const auto has = [&](const std::string& name) { return checkpoint_.find(name) != nullptr; };
        auto guess = read_llama_like(root, has);
        if (!guess) return unknown;
        config_ = *guess;
        config_.names = find_names(config_.names, has);
        if (!check_tensors(*this) || !check_unknown()) return unknown;
        notices_.push_back(llama_like_notice(root, config_));
        return guess;
    }

    safetensors::checkpoint checkpoint_;
    stacked_tensors stacks_;
    std::optional<error> problem_;
    std::optional<quantization_summary> quantization_;
    std::vector<notice> notices_;
    model_config config_;
};

#if AWQ_COMPILES_FILES
AWQ_COMPILED status directory_source::check_plain()
{
    AWQ_CHECK(find_stacks());
    const status found = check_tensors(*this);
    const status fits = found ? check_unknown() : found;
    const safetensors::tensor* const packed = fits ? nullptr : find_packed();
    if (fits && quantization_ && !stacks_.has_packed()) note_left_over();
    if (fits && stacks_.has_packed())
        notices_.push_back({notice::severity::note, path() + ": experts in MXFP4 are read as the weights that "
                                                             "they stand for, and written in 16 bits"});
    if (!packed) return fits;
    if (!quantization_)
        return error{error_code::unsupported,
                     path(),
                     ": is already quantized (tensor \"",
                     printable(packed->name),
                     "\" is ",
                     name_of(packed->stored),
                     "), but config.json has no quantization_config that says how to read it; "
                     "start from the 16-bit original"};
    return error{error_code::unsupported,
                 path(),
                 ": is already quantized: ",
                 quantization_->text,
                 "; this needs the 16-bit original",
                 quantization_->is_read ? " (eval, generate, convert and inspect read this one)"
                                        : ", no command reads such weights"};
}

AWQ_COMPILED result<std::unique_ptr<directory_source>> directory_source::open_tensors(const std::string& directory)
{
    AWQ_CHECK(check_model_directory(directory));
    auto source = std::unique_ptr<directory_source>{new directory_source};
    AWQ_TRY(source->checkpoint_, safetensors::checkpoint::open(directory));
    for (const std::string& repair : source->checkpoint_.repairs())
        source->notices_.push_back({notice::severity::note, repair});
    AWQ_TRY(const std::string path, model_file(directory, "config.json"));
    AWQ_TRY(const json::document config, json::load(path));
    source->read_config(config.root());
    if (const auto quantization = find_quantization(config.root()))
        source->quantization_ = summarize_quantization(*quantization);
    return source;
}

AWQ_COMPILED result<std::unique_ptr<directory_source>> directory_source::open_unchecked(const std::string& directory)
{
    AWQ_TRY(auto source, open_tensors(directory));
    if (source->problem_) return *source->problem_;
    return source;
}
#endif

/// What is outside of the blocks is copied at the end of a run; a NaN there is to be found before the work.
inline status check_outer_values(const directory_source& source)
{
    for (const expected_tensor& each : expected_outer_tensors(source.config()))
        if (const auto* const tensor = source.checkpoint().find(each.name)) AWQ_CHECK(check_finite(*tensor));
    return {};
}

} // namespace awq

#endif
