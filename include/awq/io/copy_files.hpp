// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COPY_FILES_HPP
#define AWQ_IO_COPY_FILES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/output_path.hpp>
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
    return name.ends_with(".bin") && (name.find("model") != std::string_view::npos || name.starts_with("consolidated"));
}

/// What `copy_files` did, as paths relative to the source directory, sorted.
struct copied_files {
    std::vector<std::string> copied;
    /// Links to directories or to nothing, and what is neither file nor directory.
    std::vector<std::string> skipped;
};

/// Copies one regular file to a path at which nothing is yet.
inline status copy_file(const std::string& from, const output_path& to)
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

template <class Skip>
class directory_copier {
public:
    directory_copier(const std::filesystem::path& source, const output_path& target, const Skip& skip)
        : source_(source), target_(target), skip_(skip)
    {}

    status copy(const std::filesystem::path& relative)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        const std::vector<std::string> names = names_in(source_ / relative, failure);
        if (failure)
            return error{error_code::file_unreadable, (source_ / relative).string(), ": ", failure.message().c_str()};
        for (const std::string& name : names) AWQ_CHECK(copy_entry(relative / name));
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
        if (kind == fs::file_type::directory) return copy_directory(name);
        const bool is_file = fs::is_regular_file(source_ / name, failure);
        (is_file ? done_.copied : done_.skipped).push_back(name.string());
        if (!is_file) return {};
        AWQ_CHECK(check_model_link(source_.string(), name.string()));
        return copy_file((source_ / name).string(), target_ / name.string());
    }

    status copy_directory(const std::filesystem::path& name)
    {
        const output_path made = target_ / name.string();
        std::error_code failure;
        if (!std::filesystem::create_directory(made.path, failure) && failure)
            return error{error_code::file_unwritable, made.shown, ": ", failure.message().c_str()};
        return copy(name);
    }

    const std::filesystem::path& source_;
    const output_path& target_;
    const Skip& skip_;
    copied_files done_;
};

} // namespace detail

/// Copies the files of a model directory, subdirectories included, into another directory that is there,
/// except those for which `skip(relative_path)` is true (a directory that is skipped is not entered).
/// Links to files are followed by the rule of model_file.hpp; links to directories never are. Errors:
/// `file_exists` if a file is there already, `file_unreadable`, `file_unwritable`, `unsupported` for a link
/// that the rule does not follow.
template <class Skip>
result<copied_files> copy_files(const std::string& source, const output_path& target, const Skip& skip)
{
    const std::filesystem::path from{source};
    detail::directory_copier<Skip> copier{from, target, skip};
    AWQ_CHECK(copier.copy({}));
    return std::move(copier).take();
}

/// Copies everything but weights (`is_weight_file`), hidden directories (".git", ".cache"):
/// config.json, tokenizer files, README, chat templates and what else is there. Paths in
/// `also_skip` are left out too.
inline result<copied_files> copy_companion_files(const std::string& source, const output_path& target,
                                                 std::span<const std::string> also_skip = {})
{
    return copy_files(source, target, [&](const std::string& relative) {
        const std::filesystem::path path{relative};
        const std::string name = path.filename().string();
        std::error_code ignored;
        const bool hidden_directory =
            name.starts_with('.') && std::filesystem::is_directory(std::filesystem::path{source} / path, ignored);
        return hidden_directory || is_weight_file(name) ||
               std::find(also_skip.begin(), also_skip.end(), relative) != also_skip.end();
    });
}

} // namespace awq

#endif
