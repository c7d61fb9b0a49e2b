// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/data/calibration_samples.hpp>
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
    static const awq::tokenizer tokens =
        awq::tokenizer::from_json(R"({"model":{"type":"BPE","merges":[],
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
        : path_((std::filesystem::temp_directory_path() /
                 ("awq_samples_" + std::to_string(::getpid()) + '_' + name))
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
    CHECK(*awq::load_samples(file.path(), letters(), options(9, 3)) ==
          std::vector<ids>{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}});
    CHECK(*awq::load_samples(file.path(), letters(), options(2, 2)) ==
          std::vector<ids>{{0, 1}, {4, 5}});
    CHECK(*awq::load_samples(file.path(), letters(), options(2, 64)) ==
          std::vector<ids>{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}});
    CHECK(*awq::load_samples(file.path(), letters(), options(1, 4, true)) ==
          std::vector<ids>{{10, 0, 1, 2}});
    CHECK(*awq::load_samples(file.path(), letters(), options(2, 3, true)) ==
          std::vector<ids>{{10, 0, 1}, {10, 4, 5}});
    CHECK(*awq::load_windows(file.path(), letters(), options(1, 5, true)) ==
          std::vector<ids>{{10, 0, 1, 2, 3}, {10, 4, 5, 6, 7}, {10, 8, 9}});
    CHECK(*awq::load_windows(file.path(), letters(), options(1, 4)) ==
          std::vector<ids>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
}

TEST_CASE("Each line of JSONL is a sample")
{
    const dataset file{
        "a.jsonl",
        "{\"text\":\"abc\"}\n\n{\"input_ids\":[9,8,7,6]}\r\n{\"text\":\"\"}\n{\"text\":\"d\"}"};
    CHECK(*awq::load_samples(file.path(), letters(), options(9, 3)) ==
          std::vector<ids>{{0, 1, 2}, {9, 8, 7}, {3}});
    CHECK(*awq::load_samples(file.path(), letters(), options(1, 2, true)) ==
          std::vector<ids>{{10, 0}});
    CHECK(*awq::load_windows(file.path(), letters(), options(1, 3)) ==
          std::vector<ids>{{0, 1, 2}, {9, 8, 7}, {6}, {3}});
}

TEST_CASE("Messages go through the chat template")
{
    const dataset file{"data", "{\"messages\":[{\"role\":\"user\",\"content\":\"ab\"}]}\n"};
    auto chosen = options(9, 9, true);
    chosen.chat = [](const awq::json::value& messages) -> awq::result<std::string> {
        AWQ_TRY(const awq::json::value content, (*messages.elements().begin()).at("content"));
        return "<s>" + std::string{content.as_string().value()};
    };
    CHECK(*awq::load_samples(file.path(), letters(), chosen) == std::vector<ids>{{10, 0, 1}});
    CHECK(error_of(file) ==
          ":1: messages: messages need the model's chat template, and it has none");
}

TEST_CASE("A broken dataset is one error with file and line")
{
    CHECK(error_of(dataset{"b.jsonl", "{\"text\":\"a\"}\n{\"input_ids\":[1,11]}"}) ==
          ":2: input_ids[1]: the id 11 is outside the vocabulary of 11");
    CHECK(error_of(dataset{"b.jsonl", "{\"input_ids\":[-1]}"}).find("outside") !=
          std::string::npos);
    CHECK(error_of(dataset{"b.jsonl", "{\"text\":1}"}) ==
          ":1: text: expected a string, found an integer");
    CHECK(error_of(dataset{"b.jsonl", "{\"a\":1}"}).starts_with(":1: a line needs one of"));
    CHECK(error_of(dataset{"b.jsonl", "{\"text\":\"a\"}\nnonsense"})
              .starts_with(":2: not valid JSON"));
    CHECK(error_of(dataset{"b.txt", "ab\xFF"}) ==
          ": text: byte 2 is not valid UTF-8; convert the text to UTF-8 first");
    CHECK(error_of(dataset{"b.txt", ""}).starts_with(": no tokens in it"));
    CHECK(error_of(dataset{"b.jsonl", "\n\n"}).starts_with(": no tokens in it"));
    CHECK(awq::load_samples("/nowhere/x.txt", letters()).error().code() ==
          awq::error_code::file_not_found);
    CHECK_FALSE(awq::load_samples("x", letters(), options(0, 1)));
    CHECK_FALSE(awq::load_windows("x", letters(), options(1, 0)));
}
