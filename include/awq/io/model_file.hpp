// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_MODEL_FILE_HPP
#define AWQ_IO_MODEL_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

/// The one rule for links in a model directory. A directory that was downloaded may hold links to any file
/// of this machine, and what is read or copied from it may be published, so a link is followed only to
///
/// 1. a file in the directory itself;
/// 2. the Hugging Face cache: a blob of a "models--ORG--NAME", or one beside the snapshot that this is;
/// 3. weights: a .safetensors file, wherever it is;
/// 4. the file of the same name beside such weights, as in a copy made with `cp -rs`.
///
/// Anything else is an error that names the link, for everybody who reads or copies a model directory.
namespace awq {

/// Whether `inner` is `outer` or lies somewhere in it; both are resolved first.
inline bool is_within(const std::string& inner, const std::string& outer)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    const auto resolve = [&](const std::string& path) {
        fs::path resolved = fs::weakly_canonical(fs::absolute(fs::path{path}, failure), failure);
        return resolved.has_filename() ? resolved : resolved.parent_path();
    };
    const fs::path a = resolve(inner);
    const fs::path b = resolve(outer);
    return std::mismatch(b.begin(), b.end(), a.begin(), a.end()).first == b.end();
}

namespace detail {

inline bool is_cached_blob(const std::filesystem::path& real, const std::filesystem::path& directory)
{
    const std::filesystem::path blobs = real.parent_path();
    if (blobs.filename() != "blobs") return false;
    const std::filesystem::path snapshots = directory.parent_path();
    return blobs.parent_path().filename().string().starts_with("models--") ||
           (snapshots.filename() == "snapshots" && snapshots.parent_path() == blobs.parent_path());
}

inline bool is_linked_weight(const std::filesystem::path& link, const std::filesystem::path& real)
{
    return link.extension() == ".safetensors" && real.extension() == ".safetensors";
}

/// Whether `real` has the name `name` in a directory that weights of `directory` are linked to.
inline bool is_beside_weights(const std::filesystem::path& real, const std::filesystem::path& directory,
                              const std::filesystem::path& name)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    for (const std::string& each : names_in(directory, failure)) {
        std::error_code ignored;
        const fs::path link = directory / each;
        if (!fs::is_symlink(fs::symlink_status(link, ignored))) continue;
        const fs::path weights = fs::canonical(link, ignored);
        if (!is_linked_weight(link, weights)) continue;
        const fs::path beside = fs::canonical(weights.parent_path() / name, ignored);
        if (!beside.empty() && beside == real) return true;
    }
    return false;
}

} // namespace detail

/// Applies the rule above to one file of a model directory, by its path in it; a directory in that path may
/// be the link, too. What is no link, or is not there, passes. Errors: `file_not_found` for a link to nothing,
/// `file_unreadable` for one to what is no file, `unsupported` for one that is not followed.
inline status check_model_link(const std::string& directory, const std::string& name)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::path link = fs::path{directory} / name;
    const bool is_link = fs::is_symlink(fs::symlink_status(link, failure));
    const fs::path real = fs::canonical(link, failure);
    if (failure && !is_link) return {};
    const std::string leads = is_link ? fs::read_symlink(link, failure).string() : real.string();
    if (real.empty())
        return error{error_code::file_not_found, link.string(), ": is a link to ", leads, ", which is not there"};
    if (is_link && !fs::is_regular_file(real, failure))
        return error{error_code::file_unreadable, link.string(), ": is a link to ", leads, ", which is no file"};
    const fs::path root = fs::canonical(directory, failure);
    if (is_within(real.string(), root.string()) || detail::is_cached_blob(real, root) ||
        detail::is_linked_weight(link, real) || detail::is_beside_weights(real, root, name))
        return {};
    return error{error_code::unsupported, link.string(), ": is a link out of the model directory, to ", leads,
                 "; remove it, or copy the model with cp -rL if it belongs to it"};
}

/// The path of a file of a model directory, for whoever opens it; whether it is there shows then. Errors:
/// those of `check_model_link`.
inline result<std::string> model_file(const std::string& directory, std::string_view name)
{
    AWQ_CHECK(check_model_link(directory, std::string{name}));
    return directory + '/' + std::string{name};
}

} // namespace awq

#endif
