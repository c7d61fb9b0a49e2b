// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch_directory.hpp"
#include "tiny_llama.hpp"
#include <awq/io/gguf/reader.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

using namespace awq;

namespace {

std::uint32_t crc32(std::span<const std::byte> bytes)
{
    static const auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = (c & 1u) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            made[i] = c;
        }
        return made;
    }();
    std::uint32_t crc = ~0u;
    for (const std::byte each : bytes) crc = table[(crc ^ std::to_integer<std::uint32_t>(each)) & 0xFFu] ^ (crc >> 8);
    return ~crc;
}

std::string hex(std::uint32_t number)
{
    char text[9];
    std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(number));
    return text;
}

std::string line_of(const gguf::file::entry& entry)
{
    std::ostringstream line;
    line << "key " << entry.key << ' ' << gguf::name_of(entry.value.type()) << ' '
         << gguf::name_of(entry.value.element_type()) << ' ' << entry.value.size() << ' '
         << hex(crc32(entry.value.bytes()));
    return line.str();
}

std::string line_of(const gguf::tensor_info& tensor)
{
    std::ostringstream line;
    line << "tensor " << tensor.name << ' ' << name_of(tensor.type) << ' ';
    for (std::size_t i = 0; i < tensor.dims().size(); ++i) line << (i == 0 ? "" : "x") << tensor.dims()[i];
    line << ' ' << hex(crc32(tensor.bytes));
    return line.str();
}

/// What llama.cpp's converter or quantizer wrote for one file: its lines.
struct golden_file {
    std::string kind;
    bool importance = false;
    std::vector<std::string> lines;
};

std::vector<golden_file> golden_files()
{
    std::ifstream text{AWQ_TEST_DATA "/gguf_tiny_llama.txt"};
    std::vector<golden_file> files;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with('#')) continue;
        if (!line.starts_with("file ")) {
            files.back().lines.push_back(line);
            continue;
        }
        std::istringstream words{line.substr(5)};
        files.emplace_back();
        words >> files.back().kind >> files.back().importance;
    }
    return files;
}

std::string our_line(const gguf::file& file, const std::string& golden)
{
    std::istringstream words{golden};
    std::string what, name;
    words >> what >> name;
    if (what == "tensor") {
        const auto* tensor = file.find_tensor(name);
        return tensor != nullptr ? line_of(*tensor) : "no tensor " + name;
    }
    for (const auto& entry : file.metadata())
        if (entry.key == name) return line_of(entry);
    return "no key " + name;
}

} // namespace

TEST_CASE("a whole GGUF file is that of llama.cpp's converter and quantizer")
{
    const scratch_directory scratch;
    const auto importance = imatrix::read(AWQ_TEST_DATA "/tiny-llama.imatrix.gguf");
    REQUIRE(importance);
    const auto golden = golden_files();
    REQUIRE(golden.size() == 32);
    // Set to keep the files, for a look with other tools.
    const char* keep = std::getenv("AWQ_KEEP_GGUF");
    for (const golden_file& wanted : golden) {
        const std::string name = wanted.kind + (wanted.importance ? "-imatrix" : "") + ".gguf";
        const std::string path = scratch.file(name);
        const auto kind = gguf::parse_file_type(wanted.kind);
        REQUIRE(kind);
        const auto written = tiny_llama::write(path, *kind, wanted.importance ? &*importance : nullptr);
        INFO(name << (written ? "" : std::string{written.error().text()}));
        REQUIRE(written);
        const auto file = gguf::file::open(path);
        REQUIRE(file);
        CHECK(file->tensors().size() == 38);
        for (const std::string& line : wanted.lines) CHECK(our_line(*file, line) == line);
        if (wanted.kind == "F32") CHECK(file->metadata().size() == 29);
        if (keep != nullptr) std::filesystem::copy(path, std::filesystem::path{keep} / name);
        std::filesystem::remove(path);
    }
}

TEST_CASE("hyperparameters and tokenizer come back from a file")
{
    const scratch_directory scratch;
    const std::string path = scratch.file("m.gguf");
    REQUIRE(tiny_llama::write(path, gguf::file_type::q8_0, nullptr));
    const auto file = gguf::file::open(path);
    REQUIRE(file);
    const auto facts = gguf::read_hyperparameters(*file);
    REQUIRE(facts);
    CHECK(facts->architecture == "llama");
    CHECK(facts->block_count == 4u);
    CHECK(facts->head_count_kv == 2u);
    CHECK(facts->rms_epsilon == 1e-5f);
    CHECK_FALSE(facts->expert_count);
    const auto wanted = tiny_llama::tokenizer(2048);
    const auto tokenizer = gguf::read_tokenizer(*file);
    REQUIRE(wanted);
    REQUIRE(tokenizer);
    CHECK(tokenizer->pre == "gpt-2");
    CHECK(tokenizer->tokens == wanted->tokens);
    CHECK(tokenizer->types == wanted->types);
    CHECK(tokenizer->merges == wanted->merges);
    CHECK(tokenizer->ids.bos == 0u);
    CHECK_FALSE(tokenizer->ids.padding);
    CHECK(tokenizer->add_bos == false);
}
