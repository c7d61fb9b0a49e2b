// SPDX-License-Identifier: MIT
// Checks a smoothed model directory against the one that it was made from:
//
//     03_check_smoothed_model ORIGINAL SMOOTHED
//
// prints one line for each thing that must hold, and exits with 1 if one does not.
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/run/calls.hpp>
#include <awq/text/tokenizer.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>

namespace {

using awq::safetensors::checkpoint;

/// Same tensors in the same shapes, and the values of some have changed.
awq::status weights_modified(const checkpoint& original, const checkpoint& smoothed)
{
    if (original.tensors().size() != smoothed.tensors().size())
        return awq::error{awq::error_code::shape_mismatch, smoothed.directory(), ": has another number of tensors"};
    std::size_t changed = 0;
    for (const awq::safetensors::tensor* const before : original.tensors()) {
        AWQ_TRY(const awq::safetensors::tensor* const after, smoothed.at(before->name));
        if (before->shape != after->shape)
            return awq::error{awq::error_code::shape_mismatch, before->name, ": another shape"};
        if (!std::ranges::equal(before->bytes, after->bytes)) ++changed;
    }
    if (changed == 0) return awq::error{awq::error_code::invalid_argument, "no tensor has changed"};
    return {};
}

/// Every tensor is stored as it was, and the weights in 16 bits.
awq::status remains_16_bit(const checkpoint& original, const checkpoint& smoothed)
{
    for (const awq::safetensors::tensor* const before : original.tensors()) {
        AWQ_TRY(const awq::safetensors::tensor* const after, smoothed.at(before->name));
        const bool weight = before->name.ends_with("proj.weight");
        if (before->stored != after->stored ||
            (weight && after->type() != awq::dtype::bf16 && after->type() != awq::dtype::f16))
            return awq::error{awq::error_code::unsupported, after->name, ": is stored as ", name_of(after->stored)};
    }
    AWQ_TRY(const auto config, awq::json::load(smoothed.directory() + "/config.json"));
    if (config.root().find_non_null("quantization_config"))
        return awq::error{awq::error_code::unsupported, "config.json has a quantization_config"};
    return {};
}

awq::status still_generates_text(const std::string& directory)
{
    AWQ_TRY(const auto source, awq::open_model(directory));
    AWQ_TRY(const awq::tokenizer tokens, awq::open_tokenizer(directory));
    AWQ_TRY(const auto prompt, tokens.encode("The history of the city", true));
    AWQ_TRY(const auto made, awq::generate(*source, prompt, 16, {}));
    AWQ_TRY(const std::string text, tokens.decode(made, true));
    if (std::none_of(text.begin(), text.end(), [](unsigned char c) { return c > ' '; }))
        return awq::error{awq::error_code::unsupported, "the model continues with nothing"};
    return {};
}

/// Whatever was beside the original's weights is beside the smoothed ones too.
awq::status saved(const std::string& original, const std::string& smoothed)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    for (const auto& entry : fs::recursive_directory_iterator{original, failure}) {
        const fs::path name = fs::relative(entry.path(), original, failure);
        if (!fs::exists(fs::path{smoothed} / name, failure))
            return awq::error{awq::error_code::file_not_found, smoothed, ": has no ", name.string()};
    }
    if (failure) return awq::error{awq::error_code::file_unreadable, original, ": ", failure.message().c_str()};
    return {};
}

/// Prints the line; true if it holds.
bool check(const char* what, const awq::status& outcome)
{
    if (outcome) {
        std::printf("\u2713 %s\n", what);
        return true;
    }
    const std::string reason{outcome.error().text()};
    std::printf("\u2717 %s: %s\n", what, reason.c_str());
    return false;
}

awq::result<bool> check_all(const std::string& original, const std::string& smoothed)
{
    AWQ_TRY(const checkpoint before, checkpoint::open(original));
    AWQ_TRY(const checkpoint after, checkpoint::open(smoothed));
    bool holds = check("weights modified", weights_modified(before, after));
    holds &= check("model remains 16-bit", remains_16_bit(before, after));
    holds &= check("model still generates text", still_generates_text(smoothed));
    holds &= check("model saved", saved(original, smoothed));
    return holds;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s ORIGINAL SMOOTHED\n", argv[0]);
        return 2;
    }
    const awq::result<bool> holds = check_all(argv[1], argv[2]);
    if (!holds) std::fprintf(stderr, "%s\n", std::string{holds.error().text()}.c_str());
    return holds && *holds ? 0 : 1;
}
