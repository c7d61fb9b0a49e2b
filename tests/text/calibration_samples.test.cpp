// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/text/calibration_samples.hpp>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using ids = std::vector<std::int32_t>;

const awq::tokenizer& letters()
{
    static const awq::tokenizer tokens = awq::tokenizer::from_json(R"({"model":{"type":"BPE","merges":[],
            "vocab":{"a":0,"b":1,"c":2,"d":3,"e":4,"f":5,"g":6,"h":7,"i":8,"j":9}},
            "added_tokens":[{"id":10,"content":"<s>","special":true}],
            "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
            {"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[10],"tokens":["<s>"]}}}})",
                                                                   "t.json")
                                             .value();
    return tokens;
}

// A file that is there for the life of the object.
class dataset {
public:
    dataset(const std::string& name, std::string_view content)
        : path_((std::filesystem::temp_directory_path() / ("awq_samples_" + std::to_string(::getpid()) + '_' + name))
                    .string())
    {
        std::ofstream{path_, std::ios::binary} << content;
    }
    ~dataset() { std::filesystem::remove(path_); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

awq::sample_options options(std::size_t count, std::size_t length, bool special = false)
{
    awq::sample_options chosen;
    chosen.count = count;
    chosen.max_seq_length = length;
    chosen.add_special_tokens = special;
    return chosen;
}

std::vector<ids> samples_of(const dataset& file, const awq::sample_options& how)
{
    return awq::load_samples(file.path(), letters(), how).value().sequences;
}

std::vector<ids> windows_of(const dataset& file, const awq::sample_options& how)
{
    return awq::load_windows(file.path(), letters(), how).value().sequences;
}

// Writes "[role]content" for each message, and the names of the tools.
awq::result<std::string> write_roles(const awq::chat_sample& sample)
{
    std::string text;
    for (const awq::json::value& each : sample.messages.elements()) {
        AWQ_TRY(const awq::json::value role, each.at("role"));
        AWQ_TRY(const awq::json::value content, each.at("content"));
        text += std::string{*role.as_string()}.substr(0, 1) + std::string{*content.as_string()};
    }
    if (sample.tools)
        for (const awq::json::value& each : sample.tools->elements())
            text += std::string{each.at("name").value().as_string().value()};
    return text;
}

std::string text_of(const std::string& name, std::string_view content)
{
    auto how = options(9, 99);
    how.chat = write_roles;
    const dataset file{name, content};
    const auto made = awq::load_samples(file.path(), letters(), how);
    if (!made) return std::string{made.error().text()}.substr(file.path().size());
    std::string text;
    for (const ids& each : made->sequences) text += (text.empty() ? "" : "|") + letters().decode(each, false).value();
    std::erase(text, ' '); // between tokens
    return text;
}

std::string error_of(const dataset& file)
{
    const auto loaded = awq::load_samples(file.path(), letters());
    REQUIRE_FALSE(loaded);
    const std::string text{loaded.error().text()};
    REQUIRE(text.starts_with(file.path()));
    return text.substr(file.path().size());
}

} // namespace

TEST_CASE("A plain text is cut into windows, spread evenly")
{
    const dataset file{"a.txt", "abcdefghij"};
    CHECK(samples_of(file, options(9, 3)) == std::vector<ids>{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}});
    CHECK(samples_of(file, options(2, 2)) == std::vector<ids>{{0, 1}, {4, 5}});
    CHECK(samples_of(file, options(2, 64)) == std::vector<ids>{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}});
    CHECK(samples_of(file, options(1, 4, true)) == std::vector<ids>{{10, 0, 1, 2}});
    CHECK(samples_of(file, options(2, 3, true)) == std::vector<ids>{{10, 0, 1}, {10, 4, 5}});
    CHECK(windows_of(file, options(1, 5, true)) == std::vector<ids>{{10, 0, 1, 2, 3}, {10, 4, 5, 6, 7}, {10, 8, 9}});
    CHECK(windows_of(file, options(1, 4)) == std::vector<ids>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
}

TEST_CASE("Each line of JSONL is a sample")
{
    const dataset file{"a.jsonl",
                       "{\"text\":\"abc\"}\n\n{\"input_ids\":[9,8,7,6]}\r\n{\"text\":\"\"}\n{\"text\":\"d\"}"};
    CHECK(samples_of(file, options(9, 3)) == std::vector<ids>{{0, 1, 2}, {9, 8, 7}, {3}});
    CHECK(samples_of(file, options(1, 2, true)) == std::vector<ids>{{10, 0}});
    CHECK(windows_of(file, options(1, 3)) == std::vector<ids>{{0, 1, 2}, {9, 8, 7}, {6}, {3}});
}

TEST_CASE("Messages go through the chat template")
{
    const dataset file{"data", "{\"messages\":[{\"role\":\"user\",\"content\":\"ab\"}]}\n"};
    auto chosen = options(9, 9, true);
    chosen.chat = [](const awq::chat_sample& sample) -> awq::result<std::string> {
        AWQ_TRY(const awq::json::value content, (*sample.messages.elements().begin()).at("content"));
        return "<s>" + std::string{content.as_string().value()};
    };
    CHECK(samples_of(file, chosen) == std::vector<ids>{{10, 0, 1}});
    CHECK(error_of(file) == ":1: messages: messages need the model's chat template, and it has none");
}

TEST_CASE("A broken dataset is one error with file and line")
{
    CHECK(error_of(dataset{"b.jsonl", "{\"text\":\"a\"}\n{\"input_ids\":[1,11]}"}) ==
          ":2: input_ids[1]: the id 11 is outside the vocabulary of 11");
    CHECK(error_of(dataset{"b.jsonl", "{\"input_ids\":[-1]}"}).find("outside") != std::string::npos);
    CHECK(error_of(dataset{"b.jsonl", "{\"text\":1}"}) == ":1: text: expected a string, found an integer");
    CHECK(error_of(dataset{"b.jsonl", "{\"a\":1}"}).starts_with(":1: a sample needs one of"));
    CHECK(error_of(dataset{"b.jsonl", "{\"text\":\"a\"}\nnonsense"}).starts_with(":2: not valid JSON at column 1"));
    CHECK(error_of(dataset{"b.txt", "ab\xFF"}) == ": text: byte 2 is not valid UTF-8; convert the text to UTF-8 first");
    CHECK(error_of(dataset{"b.txt", ""}).starts_with(": no tokens in it"));
    CHECK(error_of(dataset{"b.jsonl", "\n\n"}).starts_with(": no tokens in it"));
    CHECK(awq::load_samples("/nowhere/x.txt", letters()).error().code() == awq::error_code::file_not_found);
    CHECK_FALSE(awq::load_samples("x", letters(), options(0, 1)));
    CHECK_FALSE(awq::load_windows("x", letters(), options(1, 0)));
}

TEST_CASE("A JSON dataset is recognised by what it holds, whatever its name is")
{
    for (const std::string name : {"d.json", "d.jsonl", "d.txt", "d", "d.data"}) {
        CAPTURE(name);
        CHECK(text_of(name, R"(["ab", "c"])") == "ab|c");
        CHECK(text_of(name, R"([{"text": "ab"}, {"input_ids": [2, 3]}])") == "ab|cd");
        CHECK(text_of(name, R"({"data": [{"text": "ab"}, {"text": "c"}]})") == "ab|c");
        CHECK(text_of(name, "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n") == "ab|c");
        CHECK(text_of(name, "\xEF\xBB\xBF[\r\n\"ab\",\r\n\"c\"]\r\n") == "ab|c");
    }
    CHECK(text_of("d.json", "{\n \"text\": \"ab\"\n}") == "ab");
    CHECK(text_of("d.jsonl", "\"ab\"\n[2, 3]\n") == "ab|cd");
    CHECK(text_of("d.jsonl", "[0, 1]\n[2, 3]\n") == "ab|cd");
    CHECK(text_of("d.txt", "[abc") == "abc");
    CHECK(text_of("d.txt", "{\"ab") == "ab");
}

TEST_CASE("The layouts that people share conversations in")
{
    // Letters: u and s and t are not in this vocabulary and drop out; a is the assistant.
    CHECK(text_of("d.json", R"([{"conversations": [{"from": "human", "value": "b"},
                                                    {"from": "gpt", "value": "c"}]}])") == "bac");
    CHECK(text_of("d.json", R"([{"conversations": [{"role": "user", "content": "b"},
                                                    {"role": "assistant", "content": "c"}]}])") == "bac");
    CHECK(text_of("d.json", R"([[{"role": "user", "content": "b"}]])") == "b");
    CHECK(text_of("d.json", R"([{"instruction": "b", "input": "", "output": "c"}])") == "bac");
    CHECK(text_of("d.json", R"([{"instruction": "b", "input": "d", "output": "c"}])") == "bdac");
    CHECK(text_of("d.jsonl", R"({"prompt": "b", "completion": "c"})") == "bc");
    CHECK(text_of("d.jsonl", R"({"prompt": [{"role": "user", "content": "b"}],
                                 "completion": [{"role": "assistant", "content": "c"}]})") == "bac");
    CHECK(text_of("d.jsonl", R"({"messages": [{"role": "user", "content": "b"}], "tools": [{"name": "f"}]})") == "bf");
    CHECK(text_of("d.json", R"([{"conversations": [{"from": "nobody", "value": "b"}]}])")
              .find("the speaker \"nobody\" is not known; human, gpt, system and tool are") != std::string::npos);
}

TEST_CASE("Samples that are null or empty are left out and counted")
{
    const dataset file{"e.jsonl", "{\"text\":null}\n{\"text\":\"\"}\n{\"messages\":[]}\nnull\n"
                                  "{\"input_ids\":[]}\n{\"text\":\"abcd\"}"};
    const auto made = awq::load_samples(file.path(), letters(), options(9, 3)).value();
    CHECK(made.sequences == std::vector<ids>{{0, 1, 2}});
    CHECK(made.read == 6);
    CHECK(made.empty == 5);
    CHECK(made.cut == 1);
    CHECK(made.tokens() == 3);
    CHECK(made.longest() == 3);
    CHECK(error_of(dataset{"e.jsonl", "{\"text\":null}\n"}).starts_with(": all 1 samples are empty"));
}

TEST_CASE("What is not understood is refused, never read as prose")
{
    const auto says = [](const dataset& file, std::string_view part) {
        const std::string text = error_of(file);
        INFO(text);
        return text.find(part) != std::string::npos && text.find('\n') == std::string::npos;
    };
    for (const std::string_view field : {"text", "messages", "conversations", "input_ids", "instruction", "prompt"})
        CHECK(says(dataset{"f.json", R"([{"question": "a"}])"}, field));
    CHECK(says(dataset{"f.json", R"([{"question": "a"}])"}, ": [0]: a sample needs one of"));
    CHECK(says(dataset{"f.json", "[1.5, 2]"}, "[0]: a sample must be"));
    CHECK(says(dataset{"f.json", "{\n\"text\": \"a\"\n}\n{\n\"text\": \"b\"\n}"}, "one object in each line"));
    CHECK(says(dataset{"f.json", "{\"text\":\"a\"}{\"text\":\"b\"}"}, "one object in each line"));
    CHECK(says(dataset{"f.json", "a plain text"}, "not valid JSON"));
    CHECK(says(dataset{"f.jsonl", "[{\"text\":\"a\"},"}, "not valid JSON"));
    CHECK(says(dataset{"f.txt", std::string{"PAR1\0\0", 6}}, "a Parquet file; write it as JSON lines"));
    CHECK(says(dataset{"f.jsonl", std::string{"\x1F\x8B\x08\0", 4}}, "a gzip file; unpack it"));
    CHECK(says(dataset{"f.txt", "PK\x03\x04"}, "a zip file"));
    CHECK(says(dataset{"f.txt", std::string{"\xFF\xFE"
                                            "a\0",
                                            4}},
               "UTF-16 text; convert it to UTF-8"));
    CHECK(says(dataset{"f.json", std::string{"[\0\"\0", 4}}, "UTF-16"));
    CHECK(says(dataset{"f.txt", std::string{"ab\0c", 4}}, "byte 2 is zero"));
    CHECK(says(dataset{"f.txt", "version https://git-lfs.github.com/spec/v1\n"}, "git-lfs pointer"));
}

TEST_CASE("An error of a dataset names its place once")
{
    const std::string text = error_of(dataset{"g.jsonl", "{\"text\":\"a\"}\n{\"text\":[1]}"});
    CHECK(text == ":2: text: expected a string, found an array");
    CHECK(text_of("g.jsonl", "{\"messages\":[{\"role\":\"user\"}]}") ==
          ":1: messages[0]: the field \"content\" is missing");
}
