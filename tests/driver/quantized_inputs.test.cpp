// SPDX-License-Identifier: MIT
// What each command says to a checkpoint that is quantized already, or only says so.
#include "catch.hpp"
#include "shell.hpp"

namespace {

constexpr const char* quantize = R"(
"$AWQ" oneshot --model "$MODEL" --dataset "$TEXT" --num-calibration-samples 2 --max-seq-length 32 \
    --n-grid 3 --no-smoothing --scheme W4A16 --output quantized >/dev/null 2>&1 || exit 9
try() { name=$1; shift; "$AWQ" "$@" >out.txt 2>err; echo "$name $?"; grep '^awq: ' err >&2; }
)";

} // namespace

TEST_CASE("oneshot and export name a quantized checkpoint and who reads it, and the others take it")
{
    const test::scratch here;
    const auto run = test::shell(here, std::string{quantize} + R"(
try oneshot oneshot --model quantized --dataset "$TEXT" --smoothing-only --output x
try export export --model quantized --output x.gguf
echo '{"input_ids": [1, 2, 3, 4, 5, 6, 7, 8]}' > ids.jsonl
try eval eval --model quantized --dataset ids.jsonl
try generate generate --model quantized --prompt Hello --max-new-tokens 2
try inspect inspect quantized
grep 'quantization  ' out.txt
try convert convert --model quantized --format awq --output converted --round-scales
try again inspect converted
grep 'quantization  ' out.txt
)");
    INFO(run.err);
    CHECK(run.out == "oneshot 1\nexport 1\neval 0\ngenerate 0\ninspect 0\n"
                     "quantization         compressed-tensors W4A16 (pack-quantized)\n"
                     "convert 0\nagain 0\n"
                     "quantization         AWQ gemm, 4 bits, groups of 128\n");
    CHECK(run.error_lines() == 2);
    CHECK(run.says("awq: quantized: is already quantized: compressed-tensors W4A16"));
    CHECK(run.says("eval, generate, convert and inspect"));
}

TEST_CASE("a quantization_config without quantized weights is one note, and the run goes on")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
cp -r "$MODEL" left; chmod -R u+w left
sed -i '1s/{/{"quantization_config": {"quant_method": "gptq", "bits": 4},/' left/config.json
echo '{"input_ids": [1, 2, 3, 4, 5, 6, 7, 8]}' > ids.jsonl
for command in "eval --model left --dataset ids.jsonl" "generate --model left --prompt Hello --max-new-tokens 2" \
    "inspect left" "export --model left --type q8_0 --output x.gguf" \
    "oneshot --model left --dataset ids.jsonl --n-grid 3 --smoothing-only --output x"; do
    $AWQ $command >/dev/null 2>err || echo failed: $command
    grep -c 'note: left/config.json has a quantization_config (GPTQ, 4 bits)' err
done
)");
    INFO(run.err);
    CHECK(run.out == "1\n1\n1\n1\n1\n");
}
