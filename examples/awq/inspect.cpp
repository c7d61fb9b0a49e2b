// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/model_path.hpp>
#include <awq/checkpoint/quantized_source.hpp>
#include <awq/checkpoint/read_gguf_config.hpp>
#include <awq/io/json_copy.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/printable.hpp>

#include <filesystem>

namespace {

std::string extents_text(std::span<const std::uint64_t> extents)
{
    std::string text = "[";
    for (const std::uint64_t extent : extents) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
}

void print_config(const awq::model_config& config)
{
    std::printf("architecture         %s\n", config.architecture.c_str());
    std::printf("layers               %zu\n", config.num_hidden_layers);
    std::printf("hidden size          %zu\n", config.hidden_size);
    std::printf("intermediate size    %zu\n", config.intermediate_size);
    std::printf("attention heads      %zu (%zu for keys and values)\n", config.num_attention_heads, config.kv_heads());
    std::printf("vocabulary           %zu\n", config.vocab_size);
    std::printf("tied embeddings      %s\n", config.tie_word_embeddings ? "yes" : "no");
}

/// Something that keeps a model from being used, but not from being shown.
void print_problem(const awq::error& problem)
{
    std::fprintf(stderr, "awq: %s\n", std::string{problem.text()}.c_str());
}

/// The quantized layers, one line for each.
void print_layers(const awq::quantized_source& source)
{
    std::printf("quantized layers     %zu\n", source.weights().size());
    for (const auto& [layer, weight] : source.weights())
        std::printf("  %-60s %zu x %zu\n", layer.c_str(), weight->rows(), weight->cols());
}

/// What is quantized and what config.json says of it; or why the weights cannot be used.
awq::status print_quantization(const std::string& path)
{
    AWQ_TRY(auto source, awq::directory_source::open_tensors(path));
    const auto summary = source->quantization();
    if (summary) std::printf("quantization         %s\n", summary->text.c_str());
    const bool is_known = !source->problem();
    const awq::status is_plain = is_known ? source->check_plain() : awq::status{};
    for (const awq::notice& note : source->notices()) print_notice(note);
    if (!is_plain && !source->is_quantized()) print_problem(is_plain.error());
    if (!summary) return {};
    if ((!is_plain || !is_known) && source->is_quantized()) {
        const auto quantized = awq::quantized_source::open(std::move(source));
        if (quantized)
            print_layers(**quantized);
        else
            print_problem(quantized.error());
    }
    AWQ_TRY(const std::string config_path, awq::model_file(path, "config.json"));
    AWQ_TRY(const auto config, awq::json::load(config_path));
    awq::json::writer text{2};
    awq::json::write(text, *awq::find_quantization(config.root()));
    std::printf("%s\n", std::move(text).take().c_str());
    return {};
}

std::string value_text(const awq::gguf::value_view& value)
{
    if (value.is_array()) return std::to_string(value.size()) + " x " + std::string{name_of(value.element_type())};
    if (const auto text = value.as_string()) return '"' + awq::printable(text->substr(0, 200)) + '"';
    if (const auto truth = value.as_bool()) return *truth ? "true" : "false";
    const auto number = value.as_real();
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", number ? *number : 0.0);
    return text;
}

awq::status show_gguf(const std::string& path)
{
    AWQ_TRY(const awq::gguf::file file, awq::gguf::file::open(path));
    if (const auto config = awq::read_gguf_config(file))
        print_config(*config);
    else
        print_problem(config.error());
    std::printf("GGUF version         %u\n", file.version());
    for (const auto& entry : file.metadata())
        std::printf("  %-45s %s\n", awq::printable(entry.key).c_str(), value_text(entry.value).c_str());
    std::uint64_t bytes = 0;
    for (const awq::gguf::tensor_info& tensor : file.tensors()) {
        bytes += tensor.bytes.size();
        std::printf("  %-45s %-8s %s\n", awq::printable(tensor.name).c_str(), std::string{name_of(tensor.type)}.c_str(),
                    extents_text(tensor.dims()).c_str());
    }
    std::printf("%zu tensors, %llu bytes\n", file.tensors().size(), static_cast<unsigned long long>(bytes));
    return {};
}

awq::status run(const std::string& path)
{
    if (!std::filesystem::is_directory(path)) {
        AWQ_CHECK(awq::check_model_file(path));
        return show_gguf(path);
    }
    AWQ_TRY(const auto source, awq::directory_source::open_tensors(path));
    if (source->problem())
        print_problem(*source->problem());
    else
        print_config(source->config());
    AWQ_CHECK(print_quantization(path));
    const auto& checkpoint = source->checkpoint();
    std::printf("stored elements      %llu\n", static_cast<unsigned long long>(checkpoint.total_elements()));
    for (const awq::safetensors::file& shard : checkpoint.shards()) {
        std::printf("%.*s\n", static_cast<int>(shard.name().size()), shard.name().data());
        for (const awq::safetensors::tensor& tensor : shard.tensors()) {
            const std::string_view type = name_of(tensor.stored);
            std::printf("  %-60s %-8.*s %s\n", tensor.name.c_str(), static_cast<int>(type.size()), type.data(),
                        extents_text(tensor.shape).c_str());
        }
    }
    return {};
}

} // namespace

void add_inspect(CLI::App& app, int& exit_code)
{
    auto path = std::make_shared<std::string>();
    CLI::App* const command = app.add_subcommand("inspect", "Show what is in a model.");
    command->add_option("model", *path, "Model directory or GGUF file")->required();
    command->callback([path, &exit_code] {
        const awq::status done = awq::catch_out_of_memory(*path, awq::give_more_memory, [&] { return run(*path); });
        exit_code = done ? exit_done : fail(done.error());
    });
}
