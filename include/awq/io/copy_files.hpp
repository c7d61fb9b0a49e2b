// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COPY_FILES_HPP
#define AWQ_IO_COPY_FILES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_directory.hpp>
#include <awq/io/write_file.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

/// Whether a file of a model directory holds weights, by its name: .safetensors and their index,
/// PyTorch's .bin and .pth, and GGUF, ONNX, TensorFlow, Flax and MLX files. Copied beside other
/// weights they would contradict them.
inline bool is_weight_file(std::string_view name) noexcept
{
    constexpr std::array<std::string_view, 13> suffixes{".safetensors",
                                                        ".safetensors.index.json",
                                                        ".bin.index.json",
                                                        ".pth",
                                                        ".pt",
                                                        ".gguf",
                                                        ".onnx",
                                                        ".onnx_data",
                                                        ".h5",
                                                        ".npz",
                                                        ".ckpt",
                                                        ".msgpack",
                                                        ".tflite"};
    const auto ends_with = [&](std::string_view suffix) { return name.ends_with(suffix); };
    if (std::any_of(suffixes.begin(), suffixes.end(), ends_with)) return true;
    return name.ends_with(".bin") &&
           (name.find("model") != std::string_view::npos || name.starts_with("consolidated"));
}

/// What `copy_files` did, as paths relative to the source directory, sorted.
struct copied_files {
    std::vector<std::string> copied;
    std::vector<std::string>
        skipped; ///< links that leave the directory, and what is neither file nor directory
};

/// Copies one regular file to a path at which nothing is yet.
inline status copy_file(const std::string& from, const std::string& to)
{
    AWQ_TRY(const opened_file source, open_for_reading(from));
    AWQ_TRY(new_file copy, new_file::create(to));
    std::vector<std::byte> step(std::size_t{1} << 20);
    while (true) {
        const ::ssize_t count = ::read(source.descriptor.number(), step.data(), step.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return error{error_code::file_unreadable, from, ": ", std::strerror(errno)};
        if (count == 0) return copy.finish();
        AWQ_CHECK(copy.append(std::span{step}.first(static_cast<std::size_t>(count))));
    }
}

namespace detail {

// Links may point to files in the source directory itself, and, as in the Hugging Face cache
// (snapshots/REVISION/file -> ../../blobs/HASH), to the blobs beside its snapshots.
inline bool may_follow(const std::filesystem::path& link, const std::filesystem::path& source)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::path real = fs::canonical(link, failure);
    if (failure || !fs::is_regular_file(real, failure)) return false;
    if (is_within(real.string(), source.string())) return true;
    const fs::path root = fs::canonical(source, failure);
    return root.parent_path().filename() == "snapshots" &&
           real.parent_path() == root.parent_path().parent_path() / "blobs";
}

template <class Skip>
class directory_copier {
  public:
    directory_copier(const std::filesystem::path& source, const std::filesystem::path& target,
                     const Skip& skip)
        : source_(source), target_(target), skip_(skip)
    {}

    status copy(const std::filesystem::path& relative)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        std::vector<fs::path> names;
        for (fs::directory_iterator at{source_ / relative, failure}, end; !failure && at != end;
             at.increment(failure))
            names.push_back(relative / at->path().filename());
        if (failure)
            return error{error_code::file_unreadable, (source_ / relative).string(), ": ",
                         failure.message().c_str()};
        std::sort(names.begin(), names.end());
        for (const fs::path& name : names)
            AWQ_CHECK(copy_entry(name));
        return {};
    }

    copied_files take() && { return std::move(done_); }

  private:
    status copy_entry(const std::filesystem::path& name)
    {
        namespace fs = std::filesystem;
        if (skip_(std::as_const(name).string())) return {};
        std::error_code failure;
        const fs::file_type kind = fs::symlink_status(source_ / name, failure).type();
        if (kind == fs::file_type::directory) {
            if (!fs::create_directory(target_ / name, failure) && failure)
                return error{error_code::file_unwritable, (target_ / name).string(), ": ",
                             failure.message().c_str()};
            return copy(name);
        }
        const bool wanted = kind == fs::file_type::regular ||
                            (kind == fs::file_type::symlink && may_follow(source_ / name, source_));
        (wanted ? done_.copied : done_.skipped).push_back(name.string());
        if (!wanted) return {};
        return copy_file((source_ / name).string(), (target_ / name).string());
    }

    const std::filesystem::path& source_;
    const std::filesystem::path& target_;
    const Skip& skip_;
    copied_files done_;
};

} // namespace detail

/// Copies the files of a directory, subdirectories included, into another that is there, except
/// those for which `skip(relative_path)` is true (a directory that is skipped is not entered).
/// Links are followed only to files inside of the source directory or in the Hugging Face cache
/// that it is in; never links to directories. Errors: `file_exists` if a file is there already,
/// `file_unreadable`, `file_unwritable`.
template <class Skip>
result<copied_files> copy_files(const std::string& source, const std::string& target,
                                const Skip& skip)
{
    const std::filesystem::path from{source};
    const std::filesystem::path to{target};
    detail::directory_copier<Skip> copier{from, to, skip};
    AWQ_CHECK(copier.copy({}));
    return std::move(copier).take();
}

/// Copies everything but weights (`is_weight_file`), hidden directories (".git", ".cache"):
/// config.json, tokenizer files, README, chat templates and what else is there. Paths in
/// `also_skip` are left out too.
inline result<copied_files> copy_companion_files(const std::string& source,
                                                 const std::string& target,
                                                 std::span<const std::string> also_skip = {})
{
    return copy_files(source, target, [&](const std::string& relative) {
        const std::filesystem::path path{relative};
        const std::string name = path.filename().string();
        std::error_code ignored;
        const bool hidden_directory =
            name.starts_with('.') &&
            std::filesystem::is_directory(std::filesystem::path{source} / path, ignored);
        return hidden_directory || is_weight_file(name) ||
               std::find(also_skip.begin(), also_skip.end(), relative) != also_skip.end();
    });
}

} // namespace awq

#endif
