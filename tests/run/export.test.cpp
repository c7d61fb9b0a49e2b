// SPDX-License-Identifier: MIT
#include "checkpoint/gguf_files.hpp"
#include "io_gguf/tiny_llama.hpp"

#include <cstring>

using test::says;

namespace {

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b)
{
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The file that the io room's test writes by hand, which is checked against llama.cpp's own.
std::string golden(const test::scratch& room, const std::string& type, bool importance)
{
    const std::string path = room / (type + "-golden.gguf");
    const auto matrix = awq::imatrix::read(AWQ_TEST_DATA "/tiny-llama.imatrix.gguf");
    REQUIRE(matrix);
    REQUIRE(tiny_llama::write(path, awq::gguf::parse_file_type(type).value(), importance ? &*matrix : nullptr));
    return path;
}

void check_same(const std::string& ours, const std::string& wanted)
{
    const auto a = test::open_gguf(ours), b = test::open_gguf(wanted);
    REQUIRE(a.tensors().size() == b.tensors().size());
    for (std::size_t i = 0; i < a.tensors().size(); ++i) {
        INFO(std::string{b.tensors()[i].name});
        CHECK(a.tensors()[i].name == b.tensors()[i].name);
        CHECK(a.tensors()[i].type == b.tensors()[i].type);
        CHECK(same_bytes(a.tensors()[i].bytes, b.tensors()[i].bytes));
    }
    CHECK(a.metadata().size() == b.metadata().size());
    for (const auto& entry : b.metadata()) {
        if (entry.key == "general.name") continue;
        INFO(std::string{entry.key});
        const auto* const found = a.find(entry.key);
        REQUIRE(found);
        CHECK(found->type() == entry.value.type());
        CHECK(same_bytes(found->bytes(), entry.value.bytes()));
    }
}

} // namespace

TEST_CASE("an exported file is that of llama.cpp's converter and quantizer, in every type")
{
    const test::scratch room;
    for (const char* type :
         {"f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q4_k_m", "q4_k_s", "q4_0", "q3_k_m", "q2_k"}) {
        INFO(type);
        check_same(test::exported(test::tiny_model, room, type), golden(room, type, false));
    }
}

TEST_CASE("importance decides alike in the exported file")
{
    const test::scratch room;
    for (const char* type : {"q4_k_m", "q4_0", "q2_k"}) {
        INFO(type);
        const std::string matrix = AWQ_TEST_DATA "/tiny-llama.imatrix.gguf";
        check_same(test::exported(test::tiny_model, room, type, matrix), golden(room, type, true));
    }
}

TEST_CASE("a tensor's type can be chosen by pattern")
{
    const test::scratch room;
    awq::export_options options;
    options.model = test::tiny_model;
    options.output = room / "m.gguf";
    options.tensor_types = {"blk\\.0\\.ffn_down=q8_0", "attn_k=f16"};
    REQUIRE(awq::export_gguf(options));
    test::check_types(options.output, {{"blk.0.ffn_down.weight", awq::gguf::type::q8_0},
                                       {"blk.1.attn_k.weight", awq::gguf::type::f16},
                                       {"blk.1.attn_q.weight", awq::gguf::type::q4_k}});
}

TEST_CASE("an export that cannot be done says so and leaves no file")
{
    const test::scratch room;
    awq::export_options options;
    options.model = test::tiny_model;
    options.output = room / "m.gguf";
    const auto refused = [&](const char* part) {
        const auto done = awq::export_gguf(options);
        REQUIRE_FALSE(done);
        INFO(std::string{done.error().text()});
        CHECK(says(done.error(), part));
        CHECK(std::filesystem::is_empty(room.string()));
    };
    options.type = "q9_k";
    refused("unknown GGUF file type");
    options.type = "q4_k_m";
    options.tensor_types = {"ffn_down"};
    refused("PATTERN=TYPE");
    options.tensor_types = {"(=q8_0"};
    refused("tensor type: pattern \"(\": missing closing parenthesis");
    options.tensor_types.clear();
    options.imatrix = room / "none.gguf";
    refused("cannot open");
    options.imatrix.clear();
    options.model = room / "none";
    refused("none");
}

TEST_CASE("an importance matrix of another model is refused")
{
    const test::scratch room;
    awq::imatrix matrix;
    matrix.entries["blk.0.attn_q.weight"] = {std::vector<float>(128, 1.0f), {1.0f}};
    matrix.datasets = {"text"};
    REQUIRE(matrix.write(room / "other.gguf"));
    const auto done = test::export_model(test::tiny_model, room / "m.gguf", "q4_k_m", room / "other.gguf");
    REQUIRE_FALSE(done);
    CHECK(says(done.error(), "another model"));
}

TEST_CASE("a pre-tokenizer that llama.cpp does not have needs a name")
{
    const test::scratch room;
    const std::string model = room / "model";
    test::model_copy{}.write(model, test::element_type::bf16);
    test::replace_in_file(model + "/tokenizer.json", "\"use_regex\": true", "\"use_regex\": false");
    const auto done = test::export_model(model, room / "m.gguf", "q8_0");
    REQUIRE_FALSE(done);
    CHECK(says(done.error(), "pre-tokenizer"));
    awq::export_options options;
    options.model = model;
    options.output = room / "m.gguf";
    options.type = "q8_0";
    options.pre = "gpt-2";
    CHECK(awq::export_gguf(options));
}
