// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "faults.hpp"

// Every system call by which an output comes into being fails once, here and there: one line, nothing left,
// nothing lost.
namespace {

using state = std::map<std::string, std::string>;

struct output_kind {
    std::string command;      ///< writes names that begin with "out"
    std::string flags, other; ///< what it writes, and what was there before
};

const std::string run = "$AWQ oneshot --model $MODEL --dataset $TEXT --num-calibration-samples 1 --max-seq-length 8 "
                        "--n-grid 3 ";
const std::string rounded = run + "--no-smoothing --error-feedback false --least-squares 0 ";

const output_kind smoothed{run + "--smoothing-only --output out ", "--group-size 128", "--group-size 64"};
const output_kind gguf{rounded + "--output out.gguf --output-imatrix out.dat ", "--type q8_0", "--type q4_0"};
const output_kind exported{"$AWQ export --model $MODEL --output out.gguf ", "--type q8_0", "--type bf16"};
const output_kind several{rounded + "--scheme W4A16_ASYM --output out --output-awq out-awq ", "--group-size 128",
                          "--group-size 64"};

/// What belongs to one output: the paths that begin with it.
state part_of(const state& files, const std::string& name)
{
    state part;
    for (const auto& [path, content] : files)
        if (path == name || path.starts_with(name + "/")) part[path] = content;
    return part;
}

/// Each output is whole as it was or whole as it would be, and there is nothing else.
void check_whole(const state& now, const state& before, const state& after)
{
    std::size_t seen = 0;
    for (const char* const name : {"out", "out-awq", "out.gguf", "out.dat"}) {
        const state part = part_of(now, name);
        seen += part.size();
        INFO(name);
        CHECK((part == part_of(before, name) || part == part_of(after, name)));
    }
    CHECK(seen == now.size());
}

void put_back(const test::scratch& here, const state& files)
{
    for (const auto& entry : std::filesystem::directory_iterator{here.string()})
        std::filesystem::remove_all(entry.path());
    for (const auto& [path, content] : files)
        if (!content.empty()) here.put(path, content);
}

/// `before`: what is at the outputs' places, to be replaced; `after`: what a good run writes.
void try_places(const output_kind& kind, const state& before, const state& after, long most)
{
    const test::scratch here;
    const std::string command = kind.command + kind.flags + (before.empty() ? "" : " --overwrite");
    for (const char* const call : {"create", "write", "flush", "rename"}) {
        put_back(here, before);
        const long count = test::count_calls(here, {call}, command);
        REQUIRE(count > 0);
        for (const long at : test::places(count, most)) {
            put_back(here, before);
            const auto ended = test::shell(here, test::fault{call, at}.environment() + command);
            INFO(command << "\n" << call << " " << at << " of " << count << ": " << ended.err);
            CHECK((ended.exit_code == 1 || ended.exit_code == 0));
            CHECK(ended.error_lines() == (ended.exit_code == 0 ? 0 : 1));
            const state now = test::files_in(here.string());
            if (ended.exit_code == 0) CHECK(now == after);
            check_whole(now, before, after);
        }
    }
}

state written_by(const std::string& command)
{
    const test::scratch here;
    REQUIRE(test::shell(here, command).exit_code == 0);
    return test::files_in(here.string());
}

void try_kind(const output_kind& kind, long most)
{
    const state after = written_by(kind.command + kind.flags);
    try_places(kind, {}, after, most);
    try_places(kind, written_by(kind.command + kind.other), after, most);
}

} // namespace

TEST_CASE("a failing call while a checkpoint is written leaves nothing and loses nothing") { try_kind(smoothed, 2); }

TEST_CASE("a failing call while a GGUF file and an importance matrix are written leaves nothing and loses nothing")
{
    try_kind(gguf, 2);
}

TEST_CASE("a failing call while a model is exported leaves nothing and loses nothing") { try_kind(exported, 4); }

TEST_CASE("a failing call while several checkpoints are written leaves nothing and loses nothing")
{
    try_kind(several, 2);
}
