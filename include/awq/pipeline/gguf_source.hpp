// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_SOURCE_HPP
#define AWQ_PIPELINE_GGUF_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/architecture.hpp>
#include <awq/io/gguf/permute.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/io/gguf/tensor_names.hpp>
#include <awq/pipeline/check_tensors.hpp>
#include <awq/pipeline/model_path.hpp>
#include <awq/pipeline/read_gguf_config.hpp>
#include <awq/pipeline/tensor_reports.hpp>
#include <awq/pipeline/tensor_source.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>
#include <awq/support/finite.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A GGUF file as a model: its tensors under their Hugging Face names, in the checkpoint's row order,
/// dequantized while they are read.
class AWQ_ABI_TAG gguf_source final : public tensor_source {
public:
    /// Errors: those of gguf::file, `read_gguf_config` and `check_tensors`.
    static result<std::unique_ptr<gguf_source>> open(const std::string& path)
    {
        auto source = std::unique_ptr<gguf_source>{new gguf_source};
        AWQ_TRY(source->file_, gguf::file::open(path));
        AWQ_CHECK(refuse_parts(source->file_));
        AWQ_TRY(source->config_, read_gguf_config(source->file_));
        source->architecture_ = gguf::architecture_of_hf(source->config_.architecture);
        AWQ_CHECK(check_tensors(*source));
        return source;
    }

    const model_config& config() const noexcept override { return config_; }
    const std::string& path() const noexcept override { return file_.path(); }
    const gguf::file& file() const noexcept { return file_; }

    std::optional<tensor_shape> shape(std::string_view name) const override
    {
        const gguf::tensor_info* const found = find(name);
        if (!found || found->dim_count > 2) return std::nullopt;
        return tensor_shape{found->rows(), found->in_features()};
    }

    std::optional<stored_tensor_facts> stored(std::string_view name) const override
    {
        const gguf::tensor_info* const found = find(name);
        if (!found) return std::nullopt;
        const auto dims = found->dims();
        return stored_tensor_facts{{dims.rbegin(), dims.rend()},
                                   std::string{name_of(found->type)}};
    }

    std::vector<tensor_report> tensors() const override { return tensor_reports(file_); }

    std::string name_in_file(std::string_view name) const override
    {
        const auto place = gguf::to_gguf(*architecture_, name);
        return place ? place->name : std::string{name};
    }

    status read_rows(std::string_view name, std::size_t first_row,
                     matrix_view<float> out) const override
    {
        const gguf::tensor_info* const found = find(name);
        if (!found)
            return error{error_code::missing_tensor, path(), ": there is no tensor \"", name, "\""};
        if (out.cols() != found->in_features() || first_row > found->rows() ||
            out.rows() > found->rows() - first_row)
            return error{error_code::shape_mismatch, path(), ": ", found->name, " is ",
                         found->rows(), " x ", found->in_features(), ", rows ", first_row, " to ",
                         first_row + out.rows(), " of ", out.cols(), " columns were asked for"};
        AWQ_TRY(const std::size_t head, head_rows(name, *found));
        dequantize(*found, head, first_row, out);
        file_.release(*found);
        if (all_finite({out.data(), out.size()})) return {};
        return error{error_code::not_finite, path(), ": ", found->name,
                     " has a NaN or an infinity; the file is damaged or overflowed"};
    }

private:
    gguf_source() = default;

    static status refuse_parts(const gguf::file& file)
    {
        std::optional<std::uint32_t> parts;
        AWQ_CHECK(gguf::read_optional(file, "split.count", parts));
        return parts.value_or(1) > 1 ? refuse_gguf_part(file.path()) : status{};
    }

    const gguf::tensor_info* find(std::string_view name) const
    {
        const auto place = gguf::to_gguf(*architecture_, name);
        return place && !place->expert ? file_.find_tensor(place->name) : nullptr;
    }

    /// Rows of one head where a tensor's rows are interleaved, else 0.
    result<std::size_t> head_rows(std::string_view name, const gguf::tensor_info& tensor) const
    {
        if (!architecture_->interleaves_rotary) return std::size_t{0};
        const bool query = name.find(".q_proj.") != name.npos;
        if (!query && name.find(".k_proj.") == name.npos) return std::size_t{0};
        const std::size_t heads = query ? config_.num_attention_heads : config_.kv_heads();
        const bool is_vector = tensor.dim_count == 1;
        const std::size_t rows = is_vector ? tensor.in_features() : tensor.rows();
        if (rows % heads == 0 && rows / heads % 2 == 0) return rows / heads;
        return error{error_code::shape_mismatch, path(), ": ", tensor.name, ": ", rows,
                     " rows are no ", heads, " heads of an even size"};
    }

    static void dequantize(const gguf::tensor_info& tensor, std::size_t head, std::size_t first_row,
                           matrix_view<float> out)
    {
        const gguf::block_quantizer quantizer{tensor.type};
        const std::size_t bytes = quantizer.row_bytes(out.cols());
        const bool is_vector = tensor.dim_count == 1;
        for (std::size_t row = 0; row < out.rows(); ++row) {
            const std::size_t at = first_row + row;
            const std::size_t from = head && !is_vector ? gguf::split_source(at, head) : at;
            quantizer.dequantize_row(tensor.bytes.subspan(from * bytes, bytes), out.row(row));
        }
        if (!head || !is_vector) return;
        const std::vector<float> stored{out.row(0).begin(), out.row(0).end()};
        for (std::size_t i = 0; i < stored.size(); ++i)
            out(0, i) = stored[gguf::split_source(i, head)];
    }

    gguf::file file_;
    model_config config_;
    const gguf::architecture* architecture_ = nullptr;
};

} // namespace awq

#endif
