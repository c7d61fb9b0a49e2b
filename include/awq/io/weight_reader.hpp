// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_WEIGHT_READER_HPP
#define AWQ_IO_WEIGHT_READER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/integer_codes.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A linear layer's weight as some format stores it, (rows, cols) = (out_features, in_features).
/// Its tensors' types and shapes were checked when it was opened; it must not outlive the
/// checkpoint.
class AWQ_ABI_TAG weight_reader {
public:
    virtual ~weight_reader() = default;

    virtual std::size_t rows() const noexcept = 0;
    virtual std::size_t cols() const noexcept = 0;
    /// Type of the scales, to which dequantized weights are rounded.
    virtual dtype scale_type() const noexcept = 0;
    /// Dequantizes out.rows() rows from `first_row` on, which must be there. Error: `not_finite` for
    /// a scale; the products are not looked at.
    virtual status read_rows(std::size_t first_row, matrix_view<float> out) const = 0;
    /// Whether the layer's inputs are to be rounded too. Readers of weights do not care.
    virtual bool rounds_activations() const noexcept { return false; }
    /// The whole weight without dequantizing. Error: `unsupported` where it is not integers in
    /// groups of neighbouring columns.
    virtual result<integer_codes> codes() const
    {
        return error{error_code::unsupported, "the weight is not stored as integers in groups"};
    }

protected:
    weight_reader() = default;
    weight_reader(const weight_reader&) = default;
    weight_reader& operator=(const weight_reader&) = default;
};

/// The tensors of one layer in a checkpoint, by their names relative to it.
class layer_tensors {
public:
    using tensor = safetensors::tensor;
    using element_type = safetensors::element_type;

    layer_tensors(const safetensors::checkpoint& checkpoint, std::string module)
        : checkpoint_(&checkpoint), module_(std::move(module))
    {}

    const std::string& module() const noexcept { return module_; }
    /// Null where there is no such tensor.
    const tensor* find(std::string_view name) const { return checkpoint_->find(module_ + "." + std::string{name}); }

    /// A matrix of one of the types; `missing_tensor`, `malformed_file`.
    result<const tensor*> matrix(std::string_view name, std::initializer_list<element_type> types) const
    {
        AWQ_TRY(const tensor* const found, at(name, types));
        constexpr std::uint64_t most = 1u << 31; // keeps all products below within 64 bits
        if (found->shape.size() == 2 && found->shape[0] > 0 && found->shape[1] > 0 && found->shape[0] <= most &&
            found->shape[1] <= most)
            return found;
        return fail(name, "has the shape ", safetensors::shape_text(found->shape),
                    ", expected a matrix that is not empty");
    }

    /// A matrix of one of the types with these extents.
    result<const tensor*> matrix(std::string_view name, std::initializer_list<element_type> types, std::uint64_t rows,
                                 std::uint64_t cols) const
    {
        AWQ_TRY(const tensor* const found, at(name, types));
        if (found->shape.size() == 2 && found->shape[0] == rows && found->shape[1] == cols) return found;
        return fail(name, "has the shape ", safetensors::shape_text(found->shape), ", expected [", rows, ", ", cols,
                    "]");
    }

    /// A tensor of one of the types.
    result<const tensor*> at(std::string_view name, std::initializer_list<element_type> types) const
    {
        const tensor* const found = find(name);
        if (!found)
            return error{error_code::missing_tensor,
                         checkpoint_->directory(),
                         ": there is no tensor \"",
                         printable(module_),
                         ".",
                         name,
                         "\"; the checkpoint is not complete"};
        for (const element_type type : types)
            if (found->stored == type) return found;
        return fail(name, "is ", name_of(found->stored), ", expected ", name_of(*types.begin()));
    }

    template <class... Parts>
    error fail(std::string_view name, const Parts&... parts) const
    {
        return error{error_code::malformed_file,
                     checkpoint_->directory(),
                     ": tensor \"",
                     printable(module_),
                     ".",
                     name,
                     "\" ",
                     parts...};
    }

private:
    const safetensors::checkpoint* checkpoint_;
    std::string module_;
};

namespace detail {

/// Elements of a tensor from `first` on, copied: a mapped file has no particular alignment.
template <class T>
std::vector<T> copy_elements(const safetensors::tensor& from, std::size_t first, std::size_t count)
{
    std::vector<T> copied(count);
    if (count > 0) std::memcpy(copied.data(), from.bytes.data() + first * sizeof(T), count * sizeof(T));
    return copied;
}

/// Scales as floats; `not_finite`, naming the tensor.
inline result<std::vector<float>> read_scales(const safetensors::tensor& from, std::size_t first, std::size_t count)
{
    std::vector<float> scales(count);
    AWQ_CHECK(safetensors::read_floats(from, scales, first));
    return scales;
}

} // namespace detail

/// Which group each column belongs to, where the columns were quantized in another order ("g_idx").
/// Error: malformed_file for a group that is not there.
inline result<std::vector<std::uint32_t>> read_group_index(const layer_tensors& tensors, std::string_view name,
                                                           std::size_t cols, std::size_t groups)
{
    AWQ_TRY(const auto* const stored, tensors.at(name, {safetensors::element_type::i32}));
    if (stored->element_count() != cols)
        return tensors.fail(name, "has ", stored->element_count(), " elements, expected ", cols);
    auto index = detail::copy_elements<std::uint32_t>(*stored, 0, cols);
    for (const std::uint32_t group : index)
        if (group >= groups)
            return tensors.fail(name, "names group ", static_cast<std::int32_t>(group), ", there are ", groups);
    return index;
}

/// Whether the columns' groups are those of neighbours, which need no index.
inline bool is_plain_order(std::span<const std::uint32_t> group_of_column, std::size_t group_columns)
{
    for (std::size_t c = 0; c < group_of_column.size(); ++c)
        if (group_of_column[c] != c / group_columns) return false;
    return true;
}

/// As `dequantize`, each column by the group that `group_of_column` names.
inline void dequantize_ordered(const integer_codes& weight, std::span<const std::uint32_t> group_of_column,
                               dtype scale_type, matrix_view<float> out)
{
    const std::size_t groups = weight.groups();
    with_storage(scale_type, [&](auto rounding) {
        for (std::size_t r = 0; r < weight.rows; ++r) {
            for (std::size_t c = 0; c < weight.cols; ++c) {
                const std::size_t at = r * groups + group_of_column[c];
                const float zero = weight.zero_points.empty() ? 0.0f : weight.zero_points[at];
                const float code = weight.codes[r * weight.cols + c];
                out(r, c) = value_of(code, qparams{weight.scales[at], zero}, rounding);
            }
        }
    });
}

} // namespace awq

#endif
