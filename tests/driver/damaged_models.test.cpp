// SPDX-License-Identifier: MIT
// Damaged models and configs as every command meets them: one line, exit code 1, nothing written.
#include "catch.hpp"
#include "run/model_copy.hpp"
#include "shell.hpp"

#include <cmath>

namespace {

/// Every command on the model "damaged"; each prints its name and exit code.
constexpr const char* all_commands = R"(
echo '{"input_ids": [1, 2, 3, 4, 5, 6, 7, 8]}' > ids.jsonl
try() { name=$1; shift; "$AWQ" "$@" >/dev/null 2>err; echo "$name $?"; tail -1 err | grep '^awq: ' >&2; }
run="--dataset ids.jsonl --num-calibration-samples 1 --max-seq-length 8 --n-grid 3"
try oneshot oneshot --model damaged $run --smoothing-only --output out
try gguf oneshot --model damaged $run --type q8_0 --output out.gguf
try imatrix oneshot --model damaged --imatrix "$IMATRIX" --n-grid 3 --smoothing-only --output out
try export export --model damaged --output out.gguf --type q8_0
try eval eval --model damaged --dataset ids.jsonl
try reference eval --model "$MODEL" --reference damaged --dataset ids.jsonl
try generate generate --model damaged --prompt Hello --max-new-tokens 2
ls -A | grep out && echo left something behind
true
)";

test::shell_result try_all(const test::scratch& here)
{
    return test::shell(here,
                       "IMATRIX='" AWQ_SOURCE_DIR "/tests/data/tiny-llama.imatrix.dat'\n" + std::string{all_commands});
}

constexpr const char* all_failed = "oneshot 1\ngguf 1\nimatrix 1\nexport 1\neval 1\nreference 1\n"
                                   "generate 1\n";

/// Each of the seven lines on standard error has the text.
void all_say(const test::shell_result& run, std::string_view part)
{
    INFO(run.err);
    CHECK(run.error_lines() == 7);
    std::size_t count = 0;
    for (std::size_t at = run.err.find(part); at != std::string::npos; at = run.err.find(part, at + 1)) ++count;
    CHECK(count >= 7);
}

template <class Change>
void write_damaged(const test::scratch& here, const Change& change)
{
    test::model_copy model;
    change(model);
    model.write(here / "damaged", test::element_type::f32);
}

} // namespace

TEST_CASE("every command refuses a tensor of the wrong shape when it opens the model")
{
    const test::scratch here;
    SECTION("a final norm of 16 elements")
    {
        write_damaged(here, [](test::model_copy& model) {
            model["model.norm.weight"] = {{16}, std::vector<float>(16, 1.0f)};
        });
        const auto run = try_all(here);
        CHECK(run.out == all_failed);
        all_say(run, "\"model.norm.weight\" has the shape [16], the config asks for [256]");
    }
    SECTION("a head with 8 columns")
    {
        write_damaged(here, [](test::model_copy& model) {
            model.tensors()["lm_head.weight"] = {{2048, 8}, std::vector<float>(2048 * 8, 1.0f)};
        });
        const auto run = try_all(here);
        CHECK(run.out == all_failed);
        all_say(run, "\"lm_head.weight\" has the shape [2048, 8], the config asks for [2048, 256]");
    }
}

TEST_CASE("every command ends at a weight that is not finite, by its name")
{
    const test::scratch here;
    write_damaged(here, [](test::model_copy&) {});
    std::uint64_t offset = 0;
    {
        const auto file = awq::safetensors::file::open(here / "damaged/model.safetensors");
        REQUIRE(file);
        offset = file->find("model.norm.weight")->offset;
    }
    const float nan = std::nanf("");
    {
        std::fstream bytes{here / "damaged/model.safetensors", std::ios::binary | std::ios::in | std::ios::out};
        bytes.seekp(static_cast<std::streamoff>(offset));
        bytes.write(reinterpret_cast<const char*>(&nan), 4);
    }
    const auto run = try_all(here);
    CHECK(run.out == all_failed);
    all_say(run, "model.norm.weight");
}

TEST_CASE("eval and generate have no result for a model that overflows")
{
    const test::scratch here;
    write_damaged(here, [](test::model_copy& model) {
        for (float& each : model["model.layers.1.mlp.down_proj.weight"].values) each *= 1e37f;
        for (float& each : model["model.layers.1.mlp.up_proj.weight"].values) each *= 1e30f;
    });
    const auto run = test::shell(here, R"(
echo '{"input_ids": [1, 2, 3, 4, 5, 6, 7, 8]}' > ids.jsonl
$AWQ eval --model damaged --dataset ids.jsonl >/dev/null; echo $?
$AWQ generate --model damaged --prompt Hello --max-new-tokens 2 >/dev/null; echo $?
)");
    CHECK(run.out == "1\n1\n");
    CHECK(run.says("awq: damaged: the values stop being finite in block 1"));
    CHECK(run.error_lines() == 2);
}

TEST_CASE("what a file says is never wrong usage")
{
    const test::scratch here;
    std::filesystem::copy(test::tiny_model, here / "damaged");
    SECTION("a number in config.json")
    {
        test::replace_in_file(here / "damaged/config.json", "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": -1");
        const auto run = try_all(here);
        CHECK(run.out == all_failed);
        all_say(run, "damaged/config.json: rms_norm_eps -1");
    }
    SECTION("config.json is no JSON: the line and the column")
    {
        test::replace_in_file(here / "damaged/config.json", "\"head_dim\": 64", "\"head_dim\" 64");
        const auto run = try_all(here);
        CHECK(run.out == all_failed);
        all_say(run, "awq: damaged/config.json:10:14: not valid JSON: ");
    }
    SECTION("a token that the model does not have")
    {
        here.put("wrong.jsonl", "{\"input_ids\": [1, 99999]}\n");
        const auto run = test::shell(here, "$AWQ eval --model damaged --dataset wrong.jsonl");
        CHECK(run.exit_code == 1);
        CHECK(run.error_lines() == 1);
        CHECK(run.says("99999"));
    }
    SECTION("a flag is")
    {
        const auto run = test::shell(here, "$AWQ eval --model damaged --dataset $TEXT "
                                           "--pseudo-quantize W99A16");
        CHECK(run.exit_code == 2);
        CHECK(run.error_lines() == 1);
    }
}

TEST_CASE("inspect shows a damaged model and says what is wrong with it")
{
    const test::scratch here;
    write_damaged(here, [](test::model_copy& model) {
        model["model.norm.weight"] = {{16}, std::vector<float>(16, 1.0f)};
    });
    const auto run = test::shell(here, "$AWQ inspect damaged");
    CHECK(run.exit_code == 0);
    CHECK(run.out.find("model.norm.weight") != std::string::npos);
    CHECK(run.says("has the shape [16], the config asks for [256] (hidden_size)"));
}
