// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_MODEL_PATH_HPP
#define AWQ_CHECKPOINT_MODEL_PATH_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

/// What is given where a model is wanted, recognised before it is opened, so that the error says what it
/// is and what to do.
namespace awq {

namespace detail {

inline bool is_directory(const std::string& path)
{
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored);
}

/// A link to nothing is there too: whoever opens it says what is wrong with it.
inline bool is_there(const std::filesystem::path& path)
{
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

/// What a weight file of another format is called; empty for any other file.
inline std::string_view foreign_weights(std::string_view name) noexcept
{
    constexpr std::array<std::array<std::string_view, 2>, 8> formats{{{".bin", "PyTorch weights"},
                                                                      {".pt", "PyTorch weights"},
                                                                      {".pth", "PyTorch weights"},
                                                                      {".ckpt", "PyTorch weights"},
                                                                      {".onnx", "an ONNX model"},
                                                                      {".h5", "TensorFlow weights"},
                                                                      {".msgpack", "Flax weights"},
                                                                      {".npz", "NumPy arrays"}}};
    for (const auto& [ending, text] : formats)
        if (name.ends_with(ending)) return text;
    return {};
}

inline error foreign_error(const std::string& path, std::string_view what)
{
    return error{error_code::unsupported, path, ": is ", what,
                 ", only safetensors and GGUF can be read; load the model with transformers and save "
                 "it with save_pretrained(DIR, safe_serialization=True)"};
}

/// Whether a name is that of a part of a split GGUF file: "x-00001-of-00003.gguf".
inline bool is_gguf_part(std::string_view name) noexcept
{
    constexpr std::string_view pattern = "-00001-of-00003.gguf";
    if (name.size() <= pattern.size()) return false;
    const std::string_view tail = name.substr(name.size() - pattern.size());
    for (std::size_t i = 0; i < tail.size(); ++i) {
        const bool is_digit = tail[i] >= '0' && tail[i] <= '9';
        const bool wants_digit = pattern[i] >= '0' && pattern[i] <= '9';
        if (wants_digit ? !is_digit : tail[i] != pattern[i]) return false;
    }
    return true;
}

/// The directory that was probably meant: one below with a config.json; empty where there is none.
inline std::string find_model_below(const std::filesystem::path& directory)
{
    const auto snapshots = directory / "snapshots"; // of a Hugging Face cache
    const auto& parent = is_directory(snapshots.string()) ? snapshots : directory;
    for (const std::string& name : names_in(parent))
        if (is_there(parent / name / "config.json")) return (parent / name).string();
    return {};
}

/// A directory without config.json.
inline status refuse_without_config(const std::string& path)
{
    const auto names = names_in(path);
    if (names.empty()) return error{error_code::file_not_found, path, ": is an empty directory"};
    const std::string below = find_model_below(path);
    const bool is_cache = is_directory(path + "/snapshots");
    if (!below.empty())
        return error{error_code::file_not_found, path,
                     is_cache ? ": is the root of a download cache, not a model" : ": has no config.json", "; give ",
                     below};
    for (const std::string& name : names)
        if (name.ends_with(".gguf"))
            return error{error_code::file_not_found, path, ": has no config.json but the GGUF file ", name,
                         "; give that file"};
    return error{error_code::file_not_found, path,
                 "/config.json: is not there; a model directory has config.json, "
                 "model.safetensors and tokenizer.json"};
}

/// A directory with config.json but without the usual weight files.
inline status refuse_without_weights(const std::string& path)
{
    const auto names = names_in(path);
    for (const std::string& name : names)
        if (name.ends_with(".safetensors"))
            return error{error_code::file_not_found, path,
                         ": neither model.safetensors nor model.safetensors.index.json is there, but ", name,
                         " is; weights in several files need their index, a single file that "
                         "name"};
    for (const std::string& name : names)
        if (const auto what = foreign_weights(name);
            !what.empty() && name != "training_args.bin" && name != "optimizer.pt")
            return foreign_error(path + "/" + name, what);
    return error{error_code::file_not_found, path,
                 ": neither model.safetensors nor model.safetensors.index.json is there"};
}

} // namespace detail

/// Whether a path is a Hugging Face model directory, by the files that are there. The error says what it
/// is instead, and what to do.
inline status check_model_directory(const std::string& path)
{
    namespace fs = std::filesystem;
    const fs::path root{path};
    if (!detail::is_there(root)) return error{error_code::file_not_found, path, ": there is no such file or directory"};
    if (!detail::is_directory(path)) {
        if (const auto what = detail::foreign_weights(path); !what.empty()) return detail::foreign_error(path, what);
        if (path.ends_with(".gguf"))
            return error{error_code::unsupported, path,
                         ": is a GGUF file, which eval, generate and inspect read; this needs the "
                         "model directory with 16-bit weights"};
        return error{error_code::unsupported, path, ": is a file; give the model's directory, ",
                     root.has_parent_path() ? root.parent_path().string() : std::string{"."}};
    }
    if (!detail::is_there(root / "config.json")) return detail::refuse_without_config(path);
    if (!detail::is_there(root / "model.safetensors") && !detail::is_there(root / "model.safetensors.index.json"))
        return detail::refuse_without_weights(path);
    return {};
}

/// One part of a split GGUF file.
inline status refuse_gguf_part(const std::string& path)
{
    return error{error_code::unsupported, path,
                 ": is a part of a split GGUF file; put the parts together with llama.cpp's "
                 "\"llama-gguf-split --merge FIRST-PART OUTPUT\""};
}

/// Whether a path may be a whole GGUF file, by its name.
inline status check_model_file(const std::string& path)
{
    if (!detail::is_there(path)) return error{error_code::file_not_found, path, ": there is no such file or directory"};
    if (detail::is_gguf_part(path)) return refuse_gguf_part(path);
    if (path.ends_with(".gguf")) return {};
    if (const auto what = detail::foreign_weights(path); !what.empty()) return detail::foreign_error(path, what);
    if (path.ends_with(".safetensors") || path.ends_with(".json")) return check_model_directory(path);
    return {};
}

/// Whether a model directory has the tokenizer file that can be read.
inline status check_tokenizer_files(const std::string& path)
{
    const std::filesystem::path root{path};
    if (detail::is_there(root / "tokenizer.json")) return {};
    constexpr std::array<std::string_view, 3> others{"tokenizer.model", "vocab.json", "tekken.json"};
    for (const std::string_view other : others)
        if (detail::is_there(root / other))
            return error{error_code::file_not_found, path, ": has ", other,
                         " but no tokenizer.json, the only kind that can be read; make it with "
                         "transformers: AutoTokenizer.from_pretrained(DIR, "
                         "use_fast=True).save_pretrained(DIR)"};
    return error{error_code::file_not_found, path, "/tokenizer.json: is not there"};
}

} // namespace awq

#endif
