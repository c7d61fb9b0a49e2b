// SPDX-License-Identifier: MIT
// What a GGUF file cannot hold, as a user sees it.
#include "catch.hpp"
#include "shell.hpp"

TEST_CASE("export warns about a window that llama.cpp does not have, and writes the file")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        cp -rL $MODEL m && chmod -R u+w m
        sed -i 's/"LlamaForCausalLM"/"MistralForCausalLM"/
            s/"model_type": "llama"/"model_type": "mistral", "sliding_window": 16/' m/config.json
        $AWQ export --model m --output m.gguf --type f32 >/dev/null || exit 9
        head -c 2000 $DATA/heldout.txt >t.txt
        for length in 16 64; do
            $AWQ eval --model m.gguf --reference m --dataset t.txt --max-seq-length $length |
                awk '/kl_divergence/ { print ($2 < 1e-9) }'
        done
    )");
    INFO(run.out << run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "1\n0\n"); // up to the window the same function, beyond it another
    CHECK(run.lines("awq: warning: sliding_window: ") == 1);
    CHECK(run.says("longer than 16 tokens"));
    CHECK(run.error_lines() == 0);
}

TEST_CASE("oneshot prints what a GGUF file cannot hold and puts it into the report")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        cp -rL $MODEL m && chmod -R u+w m
        sed -i 's/"rope_type": "default"/"rope_type": "dynamic", "factor": 4.0/' m/config.json
        $AWQ oneshot --model m --dataset $TEXT --type q4_k_m --output m.gguf --report r.json \
            --num-calibration-samples 2 --max-seq-length 32 --n-grid 3
        grep -c 'warning: rope type' r.json
    )");
    INFO(run.out << run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.lines("awq: warning: rope type \"dynamic\": ") == 1);
}

TEST_CASE("tensor types that cannot be given are wrong usage, in one line that says why")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        try() { $AWQ export --model $MODEL --output m.gguf --type q4_k_m --tensor-type "$1"; echo $?; }
        try ffn_norm=q6_k; try ffn_down=q9_k; try no_such=q6_k
        test ! -e m.gguf
    )");
    INFO(run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "2\n2\n2\n");
    CHECK(run.error_lines() == 3);
    CHECK(run.says("matches only tensors that llama.cpp wants in F32"));
    CHECK(run.says("unknown type \"q9_k\""));
    CHECK(run.says("matches no tensor"));
}

TEST_CASE("an importance matrix of another model fails the export in one line")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        $AWQ oneshot --model $MODEL --dataset $TEXT --smoothing-only --output s --output-imatrix s.imatrix \
            --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 >/dev/null 2>&1 || exit 9
        sed 's/blk\./bl_./g' s.imatrix >other.imatrix
        $AWQ export --model $MODEL --output m.gguf --type q4_k_m --imatrix other.imatrix
    )");
    INFO(run.err);
    CHECK(run.exit_code == 1);
    CHECK(run.error_lines() == 1);
    CHECK(run.says("other.imatrix: has entries like \"bl_.0."));
    CHECK(run.says("tensors like \"blk.0."));
}
