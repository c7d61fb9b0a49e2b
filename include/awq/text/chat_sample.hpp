// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_CHAT_SAMPLE_HPP
#define AWQ_TEXT_CHAT_SAMPLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/support/result.hpp>

#include <functional>
#include <optional>
#include <string>

namespace awq {

/// What a chat template writes: the arguments of transformers' `apply_chat_template`.
struct chat_sample {
    json::value messages;                 ///< an array of objects with "role" and "content"
    std::optional<json::value> tools;     ///< an array of JSON schemas
    std::optional<json::value> documents; ///< an array of objects
    bool add_generation_prompt = false;   ///< and the beginning of an answer
};

/// Writes a conversation as the text that the model was trained to see.
using chat_renderer = std::function<result<std::string>(const chat_sample&)>;

} // namespace awq

#endif
