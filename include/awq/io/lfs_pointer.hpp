// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_LFS_POINTER_HPP
#define AWQ_IO_LFS_POINTER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/error.hpp>

#include <string_view>

namespace awq {

/// Whether a file's content is that of a Git LFS pointer, which stands where the file itself was not
/// downloaded. Source: the Git LFS pointer specification.
inline bool is_lfs_pointer(std::string_view content) noexcept
{
    return content.starts_with("version https://git-lfs.github.com/spec/");
}

/// The error for such a file.
inline error lfs_pointer_error(std::string_view path) noexcept
{
    return error{error_code::malformed_file, path,
                 ": is a Git LFS pointer, not the file itself: it was not downloaded; run "
                 "\"git lfs pull\" in its directory, or download it again"};
}

} // namespace awq

#endif
