// SPDX-License-Identifier: MIT
// Models of classes that are not known: what still works, and what is said.
#include "catch.hpp"
#include "shell.hpp"

TEST_CASE("a model of an unknown class with a Llama's tensors is taken for one, and what is assumed is said")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        cp -rL $MODEL m && chmod -R u+w m
        sed -i 's/"LlamaForCausalLM"/"FooForCausalLM"/
            s/"model_type": "llama"/"model_type": "foo", "scale_emb": 12/' m/config.json
        head -c 2000 $DATA/heldout.txt >t.txt
        $AWQ eval --model m --reference $MODEL --dataset t.txt --max-seq-length 32 |
            awk '/kl_divergence/ { print ($2 < 1e-9) }'
        $AWQ export --model m --output m.gguf --type f32 2>/dev/null >/dev/null; echo $?
    )");
    INFO(run.out << run.err);
    CHECK(run.out == "1\n0\n");
    CHECK(run.lines("awq: warning: architecture \"FooForCausalLM\" is not known; its tensors fit a Llama") == 1);
    CHECK(run.says("not looked at: scale_emb"));
}

TEST_CASE("a model that is no Llama either is refused in one line that says what still works, and inspected")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        cp -rL $MODEL m && chmod -R u+w m
        sed -i 's/"LlamaForCausalLM"/"FooForCausalLM"/' m/config.json
        sed -i 's/"intermediate_size": [0-9]*/"intermediate_size": 7/' m/config.json
        $AWQ export --model m --output m.gguf --type f32 >/dev/null; echo $?
        test ! -e m.gguf
        $AWQ inspect m 2>/dev/null | grep -c 'mlp.down_proj.weight'; echo ${PIPESTATUS[0]}
    )");
    INFO(run.out << run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out.starts_with("1\n"));
    CHECK(run.out.ends_with("\n0\n"));
    CHECK(run.error_lines() == 1);
    CHECK(run.says("inspect and convert still work"));
}

TEST_CASE("the layers of a quantized model of an unknown class are converted")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        $AWQ oneshot --model $MODEL --dataset $TEXT --output q --scheme W4A16_ASYM --group-size 32 \
            --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 >/dev/null 2>&1 || exit 9
        sed -i 's/"LlamaForCausalLM"/"FooForCausalLM"/; s/"model_type": "llama"/"model_type": "foo"/' q/config.json
        $AWQ convert --model q --output a --format awq --round-scales >/dev/null || exit 8
        grep -c '"quant_method": "awq"' a/config.json
    )");
    INFO(run.out << run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "1\n");
}
