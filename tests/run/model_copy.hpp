// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_RUN_MODEL_COPY_HPP
#define AWQ_TESTS_RUN_MODEL_COPY_HPP

#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/io/copy_files.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/writer.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

using awq::safetensors::element_type;

inline const std::string tiny_model = AWQ_EXAMPLE_DATA "/tiny-llama";

/// A tensor of a model directory, as float32.
struct float_tensor {
    std::vector<std::uint64_t> shape;
    std::vector<float> values;

    std::size_t cols() const { return static_cast<std::size_t>(shape.back()); }
    std::size_t rows() const { return values.size() / cols(); }
    float& at(std::size_t row, std::size_t col) { return values[row * cols() + col]; }
    float at(std::size_t row, std::size_t col) const { return values[row * cols() + col]; }
};

/// A model directory's tensors in memory, to change them and write them out again.
class model_copy {
public:
    explicit model_copy(const std::string& directory = tiny_model) : directory_(directory)
    {
        const auto opened = awq::safetensors::checkpoint::open(directory);
        if (!opened) FAIL(opened.error().text());
        for (const awq::safetensors::tensor* const each : opened->tensors()) {
            std::vector<float> values(static_cast<std::size_t>(each->element_count()));
            if (!read_floats(*each, values)) FAIL(each->name);
            tensors_[each->name] = {each->shape, std::move(values)};
        }
    }

    std::map<std::string, float_tensor>& tensors() { return tensors_; }
    const std::map<std::string, float_tensor>& tensors() const { return tensors_; }
    float_tensor& operator[](const std::string& name) { return tensors_.at(name); }
    const float_tensor& operator[](const std::string& name) const { return tensors_.at(name); }

    /// Writes a directory with these tensors and the other files of the one that was read.
    void write(const std::string& target, element_type type) const
    {
        std::filesystem::create_directories(target);
        REQUIRE(awq::copy_files(directory_, target, awq::is_weight_file));
        std::vector<awq::safetensors::tensor_spec> specs;
        for (const auto& [name, tensor] : tensors_) specs.push_back({name, type, tensor.shape});
        auto file = awq::safetensors::writer::create(target + "/model.safetensors", specs);
        if (!file) FAIL(file.error().text());
        for (const auto& [name, tensor] : tensors_) REQUIRE(file->write_floats(name, tensor.values));
        REQUIRE(file->finish());
    }

private:
    std::string directory_;
    std::map<std::string, float_tensor> tensors_;
};

/// Replaces the first occurrence of a text in a file.
inline void replace_in_file(const std::string& path, std::string_view from, std::string_view to)
{
    std::string content = read(path);
    const std::size_t at = content.find(from);
    REQUIRE(at != std::string::npos);
    content.replace(at, from.size(), to);
    std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}

} // namespace test

#endif
