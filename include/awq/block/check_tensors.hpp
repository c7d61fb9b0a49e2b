// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_CHECK_TENSORS_HPP
#define AWQ_BLOCK_CHECK_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/tensor_source.hpp>
#include <awq/io/safetensors/layout.hpp>
#include <awq/model/architectures/registry.hpp>
#include <awq/support/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// "model.layers.3."
inline std::string block_prefix(const model_config& config, std::size_t layer)
{
    return config.names.blocks + std::to_string(layer) + ".";
}

namespace detail {

inline std::vector<std::uint64_t> extents_of(const expected_tensor& wanted)
{
    if (wanted.rows == 1 && !wanted.is_matrix) return {wanted.cols};
    return {wanted.rows, wanted.cols};
}

/// A vector may be stored as a matrix of one row.
inline bool has_shape(const stored_tensor_facts& stored, const expected_tensor& wanted)
{
    const std::vector<std::uint64_t> matrix{wanted.rows, wanted.cols};
    return stored.shape == extents_of(wanted) || stored.shape == matrix;
}

/// AutoGPTQ writes biases of zeros for layers that have none; they change nothing.
inline bool is_zero(const tensor_source& source, std::string_view name)
{
    const auto shape = source.shape(name);
    constexpr std::size_t most = std::size_t{1} << 20; // of any vector that a config asks for
    if (!shape || shape->rows != 1 || shape->cols > most) return false;
    std::vector<float> values(shape->cols);
    if (!source.read(name, {values.data(), 1, values.size()})) return false;
    return std::all_of(values.begin(), values.end(), [](float each) { return each == 0.0f; });
}

inline error missing_tensor(const tensor_source& source, const expected_tensor& wanted, const std::string& name)
{
    if (wanted.cause.empty())
        return error{error_code::missing_tensor, source.path(), ": there is no tensor \"", name,
                     "\"; the checkpoint is not complete"};
    return error{error_code::missing_tensor,
                 source.path(),
                 ": there is no tensor \"",
                 name,
                 "\", which the config's ",
                 wanted.cause,
                 " asks for; the checkpoint is not complete"};
}

} // namespace detail

/// Whether a source has one tensor as the config asks for it; `name` is its full name. The error names
/// the tensor, both shapes and the fields of the config that say so. A tensor that the config has none of
/// may be there if it is all zero.
inline status check_tensor(const tensor_source& source, const expected_tensor& wanted, const std::string& name)
{
    const auto stored = source.stored(name);
    const bool unwanted = wanted.is == presence::unwanted;
    if (!stored && wanted.is == presence::required)
        return detail::missing_tensor(source, wanted, source.name_in_file(name));
    if (!stored) return {};
    const auto fail = [&](error_code code, const auto&... parts) {
        return error{code, source.path(), ": tensor \"", printable(source.name_in_file(name)), "\" ", parts...};
    };
    if (unwanted && detail::is_zero(source, name)) return {};
    if (unwanted)
        return fail(error_code::malformed_file, "is there, but the config has none (", wanted.cause,
                    "); does the config belong to these weights?");
    if (!detail::has_shape(*stored, wanted))
        return fail(error_code::shape_mismatch, "has the shape ", safetensors::shape_text(stored->shape),
                    ", the config asks for ", safetensors::shape_text(detail::extents_of(wanted)), " (", wanted.fields,
                    ")");
    if (stored->is_readable) return {};
    return fail(error_code::unsupported, "is ", stored->type,
                ", which cannot be read as weights, only F32, F16 and BF16");
}

/// Whether a source has every tensor of its config, each with the shape that the config says and of a
/// type that can be read. Tensors that the config does not know are not looked at.
inline status check_tensors(const tensor_source& source)
{
    const model_config& config = source.config();
    for (const expected_tensor& wanted : expected_outer_tensors(config))
        AWQ_CHECK(check_tensor(source, wanted, wanted.name));
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        for (const expected_tensor& wanted : layout_of(config, layer).tensors)
            AWQ_CHECK(check_tensor(source, wanted, block_prefix(config, layer) + wanted.name));
    return {};
}

} // namespace awq

#endif
