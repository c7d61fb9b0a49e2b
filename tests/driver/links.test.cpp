// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

const std::string flags = " --dataset $TEXT --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 "
                          "--threads 1 --smoothing-only --output ";

} // namespace

TEST_CASE("models of links give the same outputs as the model itself")
{
    const test::scratch here;
    const auto result = test::shell(here, R"sh(
        cp -rs "$MODEL" farm                                   # every file a link
        mkdir -p hub/models--o--n/blobs hub/models--o--n/snapshots/r local
        for file in "$MODEL"/*; do                             # the cache, and a directory made from it
            name=$(basename "$file"); cp "$file" hub/models--o--n/blobs/h-$name
            ln -s ../../blobs/h-$name hub/models--o--n/snapshots/r/$name
            ln -s "$PWD/hub/models--o--n/blobs/h-$name" local/$name
        done
        cp -rs "$PWD/hub/models--o--n/snapshots/r" farm2       # and a copy of the cache, all links
        for model in $MODEL farm hub/models--o--n/snapshots/r local farm2; do
            $AWQ oneshot --model $model)sh" + flags +
                                              R"sh(out-$(basename $model) >/dev/null || echo $model fails
        done
        for model in farm r local farm2; do diff -r out-$(basename $MODEL) out-$model; done
        find out-* -type l)sh");
    INFO(result.err);
    CHECK(result.out.empty());
}

TEST_CASE("a link out of the model is refused by every command that would read or copy it")
{
    const test::scratch here;
    here.put("secret", "SECRET-TOKEN");
    const auto result = test::shell(here, R"sh(
        cp -r "$MODEL" m; ln -s "$PWD/secret" m/chat_template.jinja
        echo '{"messages":[{"role":"user","content":"hi"}]}' > d.jsonl
        $AWQ oneshot --model m)sh" + flags + R"sh(out
        $AWQ export --model m --type q8_0 --output x.gguf
        $AWQ eval --model m --dataset d.jsonl
        rm m/chat_template.jinja; ln -sf "$PWD/secret" m/tokenizer.json
        $AWQ generate --model m --prompt hi
        ln -sf "$PWD/secret" m/config.json
        $AWQ inspect m
        grep -rl SECRET . --exclude=secret)sh");
    CHECK(result.out.empty());
    CHECK(result.error_lines() == 5);
    std::size_t named = 0;
    for (std::size_t at = 0; (at = result.err.find("secret; remove it", at)) != std::string::npos; ++at) ++named;
    INFO(result.err);
    CHECK(named == 5);
}

TEST_CASE("hidden directories are not copied into outputs, and what cannot be copied is said")
{
    const test::scratch here;
    const auto result = test::shell(here, R"sh(
        cp -r "$MODEL" m; mkdir -p m/.git/lfs m/.cache/huggingface m/sub/.git m/real
        echo x > m/.git/lfs/object; echo x > m/.cache/huggingface/x; echo x > m/sub/a; echo x > m/.gitattributes
        ln -s real m/linked
        for how in --smoothing-only '--scheme W4A16' '--compensate --target q4_0'; do
            $AWQ oneshot --model m --dataset $TEXT --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 \
                --threads 1 $how --output out --overwrite > text || exit 1
            find out -name .git -o -name .cache; ls -A out | grep -c -e '^.gitattributes$' -e '^sub$'
            grep -c 'note .*linked' text
        done)sh");
    INFO(result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.out == "2\n1\n2\n1\n2\n1\n");
}
