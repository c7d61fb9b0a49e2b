// SPDX-License-Identifier: MIT
// Compares bytes with ggml's own library, if the environment variable AWQ_GGML_LIBRARY names one
// (libggml-base of a build without fused multiply-add). AWQ_GGML_ROWS says how many rows of each
// kind.
#include "catch.hpp"
#include "sample_rows.hpp"
#include <awq/quantization/gguf/simd_quantizer.hpp>
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace gguf = awq::gguf;

namespace {

using quantize_chunk = std::size_t (*)(int type, const float* rows, void* out, std::int64_t start, std::int64_t count,
                                       std::int64_t columns, const float* importance);

quantize_chunk load_library()
{
    const char* path = std::getenv("AWQ_GGML_LIBRARY");
    if (path == nullptr) return nullptr;
    void* library = dlopen(path, RTLD_NOW);
    REQUIRE(library != nullptr);
    return reinterpret_cast<quantize_chunk>(dlsym(library, "ggml_quantize_chunk"));
}

struct tally {
    std::size_t blocks = 0;
    std::size_t differing = 0;
};

template <class Quantizer>
void compare(quantize_chunk peer, const gguf::type_facts& facts, std::span<const float> rows, std::size_t columns,
             const std::vector<float>& importance, tally& total)
{
    const Quantizer quantizer(facts.type);
    const std::size_t count = rows.size() / columns;
    std::vector<std::byte> ours(count * quantizer.row_bytes(columns));
    std::vector<std::byte> theirs(ours.size());
    quantizer.quantize({rows.data(), count, columns}, importance, ours);
    peer(static_cast<int>(facts.type), rows.data(), theirs.data(), 0, static_cast<std::int64_t>(count),
         static_cast<std::int64_t>(columns), importance.empty() ? nullptr : importance.data());
    for (std::size_t at = 0; at < ours.size(); at += facts.block_bytes) {
        ++total.blocks;
        total.differing += std::memcmp(&ours[at], &theirs[at], facts.block_bytes) != 0;
    }
}

/// The weights of a safetensors file as rows of `columns`, whatever its tensors' shapes.
std::vector<float> weights_of(const std::string& path, std::size_t columns)
{
    std::ifstream file(path, std::ios::binary);
    std::uint64_t size = 0;
    file.read(reinterpret_cast<char*>(&size), 8);
    if (!file || size > (1u << 24)) return {};
    std::string header(size, ' ');
    file.read(header.data(), static_cast<std::streamsize>(size));
    const std::string data{std::istreambuf_iterator<char>(file), {}};
    const bool wide = header.find("\"F32\"") != std::string::npos;
    std::vector<float> all(data.size() / (wide ? 4 : 2));
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, data.data() + i * (wide ? 4 : 2), wide ? 4 : 2);
        all[i] = std::bit_cast<float>(wide ? bits : bits << 16);
    }
    all.resize(all.size() / columns * columns);
    return all;
}

bool skipped(quantize_chunk peer)
{
    if (peer == nullptr) WARN("skipped: AWQ_GGML_LIBRARY is not set");
    return peer == nullptr;
}

} // namespace

TEST_CASE("bytes are those of the ggml library: rows of all kinds", "[gguf]")
{
    const quantize_chunk peer = load_library();
    if (skipped(peer)) return;
    const char* wish = std::getenv("AWQ_GGML_ROWS");
    const std::size_t count = wish ? static_cast<std::size_t>(std::atoi(wish)) : 8;
    for (const gguf::type_facts& facts : gguf::all_types) {
        tally total;
        for (const auto how : sample::importance_kinds)
            for (const auto kind : sample::kinds) {
                const auto rows = sample::make_rows(kind, 500000, count);
                const auto importance = sample::make_importance(how);
                compare<gguf::simd_block_quantizer>(peer, facts, rows, sample::columns, importance, total);
                if (wish == nullptr)
                    compare<gguf::block_quantizer>(peer, facts, rows, sample::columns, importance, total);
            }
        UNSCOPED_INFO(facts.name << ": " << total.blocks << " blocks");
        CHECK(total.differing == 0);
        if (wish != nullptr) WARN(facts.name << ": " << total.blocks << " blocks compared");
    }
}

TEST_CASE("bytes are those of the ggml library: weights of real models", "[gguf]")
{
    const quantize_chunk peer = load_library();
    if (skipped(peer)) return;
    std::vector<std::string> files{std::string(AWQ_EXAMPLE_DATA) + "/tiny-llama/model.safetensors"};
    if (*AWQ_SHARED != 0) {
        files.push_back(std::string(AWQ_SHARED) + "/models/tiny/model.safetensors");
        for (const char part : {'1', '2', '3', '4', '5'})
            files.push_back(std::string(AWQ_SHARED) + "/models/small/model-0000" + part + "-of-00005.safetensors");
    }
    const char* wish = std::getenv("AWQ_GGML_ROWS");
    const std::size_t most = wish ? 100000 : 150;
    for (const gguf::type_facts& facts : gguf::all_types) {
        tally total;
        for (const std::string& file : files) {
            const auto rows = weights_of(file, 512);
            auto importance = sample::make_importance("even");
            importance.resize(512);
            const auto some = std::span(rows).first(std::min(rows.size(), most * 512));
            if (some.empty()) continue;
            compare<gguf::simd_block_quantizer>(peer, facts, some, 512, {}, total);
            compare<gguf::simd_block_quantizer>(peer, facts, some, 512, importance, total);
        }
        CHECK(total.blocks > 0);
        CHECK(total.differing == 0);
        if (wish != nullptr) WARN(facts.name << ": " << total.blocks << " blocks compared");
    }
}
