// SPDX-License-Identifier: MIT
// A chat template and the messages that it writes.
#include "input.hpp"

#include <awq/text/chat_template.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const auto usual =
        awq::json::document::parse(R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},)"
                                   R"({"role":"assistant","content":[{"type":"text","text":"yo"}],)"
                                   R"("tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}])",
                                   "usual");
    const auto [source, messages] = fuzz::parts_of<2>(fuzz::text_of(data, size));
    const auto made = awq::chat_template::parse(source, "x");
    if (!fuzz::succeeded(made)) return 0;
    fuzz::succeeded(made->render(usual->root()));
    const auto own = awq::json::document::parse(messages, "messages");
    if (fuzz::succeeded(own)) fuzz::succeeded(made->render(own->root(), true));
    return 0;
}
