// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "console.hpp"

#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/pipeline/open_model.hpp>

namespace {

std::string shape_text(const awq::safetensors::tensor& tensor)
{
    std::string text = "[";
    for (const std::uint64_t extent : tensor.shape)
        text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
}

void print_config(const awq::model_config& config)
{
    std::printf("architecture         %s\n", config.architecture.c_str());
    std::printf("layers               %zu\n", config.num_hidden_layers);
    std::printf("hidden size          %zu\n", config.hidden_size);
    std::printf("intermediate size    %zu\n", config.intermediate_size);
    std::printf("attention heads      %zu (%zu for keys and values)\n", config.num_attention_heads,
                config.kv_heads());
    std::printf("vocabulary           %zu\n", config.vocab_size);
    std::printf("tied embeddings      %s\n", config.tie_word_embeddings ? "yes" : "no");
}

awq::status run(const std::string& path)
{
    AWQ_TRY(const auto source, awq::directory_source::open(path));
    print_config(source->config());
    const auto& checkpoint = source->checkpoint();
    std::printf("parameters           %llu\n",
                static_cast<unsigned long long>(checkpoint.total_elements()));
    for (const awq::safetensors::file& shard : checkpoint.shards()) {
        std::printf("%.*s\n", static_cast<int>(shard.name().size()), shard.name().data());
        for (const awq::safetensors::tensor& tensor : shard.tensors()) {
            const std::string_view type = name_of(tensor.stored);
            std::printf("  %-60s %-8.*s %s\n", tensor.name.c_str(), static_cast<int>(type.size()),
                        type.data(), shape_text(tensor).c_str());
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
        const awq::status done = run(*path);
        exit_code = done ? exit_done : fail(done.error());
    });
}
