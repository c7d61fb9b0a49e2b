// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_CHECKPOINT_GGUF_FILES_HPP
#define AWQ_TESTS_CHECKPOINT_GGUF_FILES_HPP

#include "run/model_copy.hpp"

#include <awq/io/gguf/reader.hpp>
#include <awq/io/gguf/writer.hpp>
#include <awq/run/calls.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace test {

inline awq::result<awq::export_report> export_model(const std::string& model, const std::string& output,
                                                    const std::string& type, const std::string& imatrix = {})
{
    awq::export_options options;
    options.model = model;
    options.output = output;
    options.type = type;
    options.imatrix = imatrix;
    options.overwrite = true;
    return awq::export_gguf(options);
}

/// Exports a model and gives the file's path.
inline std::string exported(const std::string& model, const scratch& room, const std::string& type,
                            const std::string& imatrix = {})
{
    const std::string path = room / (type + ".gguf");
    const auto done = export_model(model, path, type, imatrix);
    if (!done) FAIL(done.error().text());
    return path;
}

inline awq::gguf::file open_gguf(const std::string& path)
{
    auto file = awq::gguf::file::open(path);
    if (!file) FAIL(file.error().text());
    return *std::move(file);
}

/// The types of some tensors of a file, by their names.
inline void check_types(const std::string& path, const std::vector<std::pair<std::string, awq::gguf::type>>& wanted)
{
    const awq::gguf::file file = open_gguf(path);
    for (const auto& [name, type] : wanted) {
        INFO(name);
        const auto* const found = file.find_tensor(name);
        REQUIRE(found);
        CHECK(found->type == type);
    }
}

/// A file to be damaged: its metadata, and its tensors' names, types and dims.
struct gguf_parts {
    awq::gguf::key_values metadata;
    std::vector<awq::gguf::tensor_plan> tensors;
};

/// Writes a copy of a GGUF file that `change` was applied to; tensors get the old bytes, cut or
/// filled with zeros where their size changed.
inline std::string changed_copy(const std::string& path, const scratch& room,
                                const std::function<void(gguf_parts&)>& change)
{
    const awq::gguf::file from = open_gguf(path);
    gguf_parts parts;
    for (const auto& entry : from.metadata()) parts.metadata.set(entry.key, awq::gguf::value{entry.value});
    for (const auto& tensor : from.tensors())
        parts.tensors.push_back({std::string{tensor.name}, tensor.type, {tensor.dims().begin(), tensor.dims().end()}});
    change(parts);
    const std::string target = room / "changed.gguf";
    auto out = awq::gguf::writer::create(target, parts.metadata, parts.tensors, true);
    if (!out) FAIL(out.error().text());
    for (std::size_t i = 0; i < parts.tensors.size(); ++i) {
        std::vector<std::byte> bytes(static_cast<std::size_t>(out->size_of_tensor(i)));
        if (const auto* const old = from.find_tensor(parts.tensors[i].name))
            std::copy_n(old->bytes.begin(), std::min(old->bytes.size(), bytes.size()), bytes.begin());
        REQUIRE(out->write(i, bytes));
    }
    REQUIRE(out->finish());
    return target;
}

} // namespace test

#endif
