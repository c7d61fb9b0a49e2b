// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "faults.hpp"

namespace {

const std::string calibration = "--model $MODEL --dataset $TEXT --num-calibration-samples 1 --max-seq-length 8 ";
const std::string run = "$AWQ oneshot " + calibration + "--n-grid 3 ";

/// From one allocation on, or only at one, there is no memory.
void try_places(const std::string& command, long most)
{
    const test::scratch here;
    const long count = test::count_calls(here, {"memory"}, command);
    REQUIRE(count > 0);
    std::filesystem::remove_all(here / "out");
    // The first allocations are those of the libraries while they are loaded.
    for (const long at : test::places(count, most))
        for (const bool stays : {false, true}) {
            if (at * 10 < count) continue;
            const auto ended = test::shell(here, test::fault{"memory", at, stays}.environment() + command);
            INFO(command << "\nallocation " << at << " of " << count << (stays ? " and later" : "") << ": "
                         << ended.exit_code << " " << ended.err);
            CHECK((ended.exit_code == 1 || ended.exit_code == 0));
            CHECK(ended.error_lines() == (ended.exit_code == 0 ? 0 : 1));
            CHECK((ended.exit_code == 0 || ended.says("memory")));
            CHECK_FALSE(ended.says("std::"));
            // Where no memory comes back, the next run onto that target removes what is left.
            if (ended.exit_code != 0 && !stays) CHECK(test::files_in(here.string()).empty());
            for (const auto& entry : std::filesystem::directory_iterator{here.string()})
                std::filesystem::remove_all(entry.path());
        }
}

/// A run that may take so many kilobytes of addresses.
test::shell_result limited(const test::scratch& here, int kilobytes, const std::string& command)
{
    return test::shell(here, "ulimit -v " + std::to_string(kilobytes) + "; " + command);
}

} // namespace

TEST_CASE("where an allocation fails, every command says so in one line and leaves nothing")
{
    try_places(run + "--smoothing-only --output out --threads 1", 6);
    try_places(run + "--error-feedback false --least-squares 0 --scheme W4A16_ASYM --output out --threads 2", 6);
    try_places("$AWQ export --model $MODEL --type q4_k_m --output out --threads 2", 6);
    try_places("$AWQ eval --model $MODEL --dataset $DATA/SOURCES.md --threads 2", 6);
    try_places("$AWQ generate --model $MODEL --prompt Once --max-new-tokens 2", 6);
    try_places("$AWQ inspect $MODEL", 6);
}

TEST_CASE("a run that does not fit into memory says what to do")
{
    const test::scratch here;
    const auto ended = limited(here, 150'000,
                               "$AWQ oneshot --model $MODEL --dataset $TEXT --num-calibration-samples 4000 "
                               "--max-seq-length 1024 --smoothing-only --output out --threads 1");
    INFO(ended.err);
    CHECK(ended.exit_code == 1);
    CHECK(ended.error_lines() == 1);
    CHECK(ended.says("out of memory"));
    CHECK(ended.says("fewer samples"));
    CHECK(test::files_in(here.string()).empty());
}

TEST_CASE("what a header claims is compared with the file before memory is taken for it")
{
    const test::scratch here;
    const std::string huge = R"(\xff\xff\xff\xff\xff\x0f\0\0)"; // 2^44
    const std::string files[] = {
        R"(GGUF\x03\0\0\0)" + huge + R"(\0\0\0\0\0\0\0\0)",           // tensors
        R"(GGUF\x03\0\0\0\0\0\0\0\0\0\0\0)" + huge,                   // pairs
        R"(GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0)" + huge, // bytes of a name
        R"(GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a\x09\0\0\0\x04\0\0\0)" + huge};
    for (const std::string& file : files) {
        const auto ended = limited(here, 300'000, "printf '" + file + "' >x.gguf; $AWQ inspect x.gguf");
        INFO(file << ": " << ended.err);
        CHECK(ended.exit_code == 1);
        CHECK(ended.says("x.gguf"));
        CHECK_FALSE(ended.says("memory"));
    }
    const auto ended = limited(here, 300'000,
                               "mkdir m; cp $MODEL/*.json m; printf '" + huge +
                                   "{}' >m/model.safetensors; "
                                   "$AWQ inspect m");
    INFO(ended.err);
    CHECK(ended.exit_code == 1);
    CHECK(ended.says("model.safetensors"));
    CHECK_FALSE(ended.says("memory"));
}
