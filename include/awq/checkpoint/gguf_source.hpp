// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_SOURCE_HPP
#define AWQ_CHECKPOINT_GGUF_SOURCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/check_tensors.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/checkpoint/gguf_inventory.hpp>
#include <awq/checkpoint/gguf_parameters.hpp>
#include <awq/checkpoint/model_path.hpp>
#include <awq/checkpoint/read_gguf_config.hpp>
#include <awq/checkpoint/tensor_reports.hpp>
#include <awq/io/gguf/permute.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>
#include <awq/support/finite.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
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
        AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(source->config_));
        AWQ_TRY(gguf_inventory inventory, gguf_inventory::make(source->config_, *arch));
        AWQ_TRY(source->parameters_, read_gguf_parameters(source->file_, source->config_));
        source->inventory_ = std::make_unique<const gguf_inventory>(std::move(inventory));
        AWQ_CHECK(check_tensors(*source));
        return source;
    }

    const model_config& config() const noexcept override { return config_; }
    const std::string& path() const noexcept override { return file_.path(); }
    const gguf::file& file() const noexcept { return file_; }

    /// Where the tensor is as planned, of the checkpoint's shape.
    std::optional<tensor_shape> shape(std::string_view name) const override
    {
        const auto found = stored(name);
        if (!found || found->shape.empty() || found->shape.size() > 2) return std::nullopt;
        const auto rows = found->shape.size() == 1 ? std::uint64_t{1} : found->shape.front();
        return tensor_shape{static_cast<std::size_t>(rows), static_cast<std::size_t>(found->shape.back())};
    }

    std::optional<stored_tensor_facts> stored(std::string_view name) const override
    {
        std::optional<stored_tensor_facts> facts;
        if (parameters_.contains(name)) return stored_tensor_facts{{1}, "F32"};
        std::uint64_t rows = 0, columns = 0;
        for (const gguf_place& place : inventory_->places_of(name)) {
            const gguf_tensor& planned = inventory_->tensor(place);
            const gguf_part& part = inventory_->part(place);
            const gguf::tensor_info* const found = file_.find_tensor(planned.name);
            if (!found) return std::nullopt;
            const auto dims = found->dims();
            facts = {{dims.rbegin(), dims.rend()}, std::string{name_of(found->type)}};
            if (!has_dims(*found, planned)) return facts;
            rows += part.rows;
            columns = planned.is_vector() ? 0 : planned.dims[part.is_transposed ? 1 : 0];
            if (planned.is_vector())
                facts->shape = {rows};
            else
                facts->shape = {rows, columns};
        }
        return facts;
    }

    std::vector<tensor_report> tensors() const override { return tensor_reports(file_); }

    std::string name_in_file(std::string_view name) const override
    {
        const auto places = inventory_->places_of(name);
        return places.empty() ? std::string{name} : inventory_->tensor(places[0]).name;
    }

    status read_rows(std::string_view name, std::size_t first_row, matrix_view<float> out) const override
    {
        const auto known = shape(name);
        if (!known) return error{error_code::missing_tensor, path(), ": there is no tensor \"", name, "\""};
        if (out.cols() != known->cols || first_row > known->rows || out.rows() > known->rows - first_row)
            return error{error_code::shape_mismatch,
                         path(),
                         ": ",
                         name_in_file(name),
                         " is ",
                         known->rows,
                         " x ",
                         known->cols,
                         ", rows ",
                         first_row,
                         " to ",
                         first_row + out.rows(),
                         " of ",
                         out.cols(),
                         " columns were asked for"};
        if (const auto found = parameters_.find(name); found != parameters_.end()) out(0, 0) = found->second;
        for (const gguf_place& place : inventory_->places_of(name))
            read_part(inventory_->tensor(place), inventory_->part(place), first_row, out);
        if (all_finite({out.data(), out.size()})) return {};
        return error{error_code::not_finite, path(), ": ", name_in_file(name),
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

    /// Extents of 1 at the end may be missing.
    static bool has_dims(const gguf::tensor_info& found, const gguf_tensor& planned)
    {
        const auto dims = found.dims();
        for (std::size_t i = 0; i < std::max(dims.size(), planned.dims.size()); ++i)
            if ((i < dims.size() ? dims[i] : 1) != (i < planned.dims.size() ? planned.dims[i] : 1)) return false;
        return true;
    }

    /// The rows of a part that are among out.rows() rows from `first_row` on.
    void read_part(const gguf_tensor& planned, const gguf_part& part, std::size_t first_row,
                   matrix_view<float> out) const
    {
        const gguf::tensor_info& found = *file_.find_tensor(planned.name);
        if (planned.is_vector()) return read_elements(found, planned, part, out.row(0));
        const std::size_t begin = std::max(first_row, part.first);
        const std::size_t end = std::min(first_row + out.rows(), part.first + part.rows);
        if (begin >= end) return;
        const auto rows = out.rows_from(begin - first_row, end - begin);
        if (part.is_transposed) return read_columns(found, part, begin - part.first, rows);
        const gguf::block_quantizer quantizer{found.type};
        const std::size_t bytes = quantizer.row_bytes(out.cols());
        const std::size_t head = planned.heads == 0 ? 0 : planned.rows() / planned.heads;
        for (std::size_t row = 0; row < rows.rows(); ++row) {
            const std::size_t at = part.at + begin - part.first + row;
            const std::size_t from = head ? gguf::split_source(at, head) : at;
            quantizer.dequantize_row(found.bytes.subspan(from * bytes, bytes), rows.row(row));
        }
        file_.release(found);
    }

    void read_elements(const gguf::tensor_info& found, const gguf_tensor& planned, const gguf_part& part,
                       std::span<float> out) const
    {
        std::vector<float> stored(planned.cols());
        gguf::block_quantizer{found.type}.dequantize_row(found.bytes, stored);
        const std::size_t head = planned.heads == 0 ? 0 : planned.cols() / planned.heads;
        for (std::size_t i = 0; i < part.rows; ++i) {
            const std::size_t at = part.at + i;
            out[part.first + i] = stored[head ? gguf::split_source(at, head) : at];
        }
    }

    /// Columns from `first` on, as rows.
    void read_columns(const gguf::tensor_info& found, const gguf_part& part, std::size_t first,
                      matrix_view<float> out) const
    {
        const gguf::block_quantizer quantizer{found.type};
        const std::size_t bytes = quantizer.row_bytes(part.rows);
        std::vector<float> values(part.rows);
        for (std::size_t row = 0; row < out.cols(); ++row) {
            quantizer.dequantize_row(found.bytes.subspan((part.at + row) * bytes, bytes), values);
            for (std::size_t i = 0; i < out.rows(); ++i) out(i, row) = values[first + i];
        }
    }

    gguf::file file_;
    model_config config_;
    std::unique_ptr<const gguf_inventory> inventory_;
    std::map<std::string, float, std::less<>> parameters_; ///< that are keys in the file
};

} // namespace awq

#endif
