// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_ERROR_CODE_HPP
#define AWQ_SUPPORT_ERROR_CODE_HPP

#include <string_view>

namespace awq {

/// What went wrong, by kind. `none` is 0. The text of an `awq::error` says where and what to do.
enum class error_code : unsigned char {
    none,
    invalid_argument,    ///< a value that the caller chose is not allowed; never one out of a file
    shape_mismatch,      ///< two tensors, or a tensor and a group size, do not fit together
    workspace_too_small, ///< the caller's memory is smaller than `workspace_size` asks for
    not_finite,          ///< a NaN or an infinity where only numbers are allowed
    no_candidate,        ///< no scale candidate gave a finite error
    not_calibrated,      ///< no activations were observed
    file_not_found,
    file_unreadable,
    file_unwritable,
    file_exists,    ///< the output is already there and overwriting was not asked for
    malformed_file, ///< a file does not follow its own format
    missing_tensor,
    missing_field,
    unknown_architecture,
    unsupported, ///< well formed, but a thing that this library does not do
    out_of_memory,
};

/// One short phrase for each code, for logs; never null.
constexpr std::string_view message(error_code code) noexcept
{
    switch (code) {
    case error_code::none:
        return "no error";
    case error_code::invalid_argument:
        return "invalid argument";
    case error_code::shape_mismatch:
        return "shape mismatch";
    case error_code::workspace_too_small:
        return "workspace too small";
    case error_code::not_finite:
        return "not a finite number";
    case error_code::no_candidate:
        return "no usable scale candidate";
    case error_code::not_calibrated:
        return "not calibrated";
    case error_code::file_not_found:
        return "file not found";
    case error_code::file_unreadable:
        return "file cannot be read";
    case error_code::file_unwritable:
        return "file cannot be written";
    case error_code::file_exists:
        return "file exists";
    case error_code::malformed_file:
        return "malformed file";
    case error_code::missing_tensor:
        return "missing tensor";
    case error_code::missing_field:
        return "missing field";
    case error_code::unknown_architecture:
        return "unknown architecture";
    case error_code::unsupported:
        return "unsupported";
    case error_code::out_of_memory:
        return "out of memory";
    }
    return "unknown error";
}

} // namespace awq

#endif
