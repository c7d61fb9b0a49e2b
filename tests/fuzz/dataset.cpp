// SPDX-License-Identifier: MIT
// A calibration file, read as samples and as windows, under the name that its first line gives.
#include "input.hpp"

#include <awq/text/calibration_samples.hpp>
#include <awq/text/chat_template.hpp>
#include <awq/text/tokenizer.hpp>

namespace {

/// Every byte is a token.
const awq::tokenizer& tokens()
{
    static const auto made = [] {
        std::string file = R"({"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0)";
        for (int byte = 0; byte < 256; ++byte) {
            char entry[24];
            std::snprintf(entry, sizeof entry, ",\"<0x%02X>\":%d", byte, byte + 1);
            file += entry;
        }
        return awq::tokenizer::from_json(file + R"(},"merges":[]}})", "tokens");
    }();
    fuzz::require(bool{made}, "no tokenizer");
    return *made;
}

awq::sample_options options()
{
    static const auto chat =
        awq::chat_template::parse("{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}", "x");
    awq::sample_options made;
    made.count = 8;
    made.max_seq_length = 16;
    made.chat = [](const awq::chat_sample& sample) { return chat->render(sample); };
    return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto [name, content] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    const char* const file = name == "text" ? "d.txt" : name == "array" ? "d.json" : "d.jsonl";
    const std::string path = fuzz::folder().put(file, content);
    fuzz::succeeded(awq::load_samples(path, tokens(), options()));
    fuzz::succeeded(awq::load_windows(path, tokens(), options()));
    return 0;
}
