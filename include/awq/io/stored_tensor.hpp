// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_STORED_TENSOR_HPP
#define AWQ_IO_STORED_TENSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/safetensors/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// One of the tensors that a quantized layer is stored as, with its bytes. Its name is relative to
/// the layer: "weight_packed".
struct stored_tensor {
    safetensors::tensor_spec spec;
    std::vector<std::byte> bytes;
};

namespace detail {

template <class T>
stored_tensor make_stored(safetensors::tensor_spec spec, std::span<const T> values)
{
    stored_tensor made{std::move(spec), std::vector<std::byte>(values.size_bytes())};
    if (!values.empty()) std::memcpy(made.bytes.data(), values.data(), values.size_bytes());
    return made;
}

} // namespace detail

} // namespace awq

#endif
