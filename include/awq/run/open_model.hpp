// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_OPEN_MODEL_HPP
#define AWQ_RUN_OPEN_MODEL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/tensor_source.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/gguf_source.hpp>
#include <awq/checkpoint/gguf_tokenizer.hpp>
#include <awq/checkpoint/model_path.hpp>
#include <awq/checkpoint/quantized_source.hpp>
#include <awq/io/model_file.hpp>
#include <awq/run/calls.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/text/tokenizer.hpp>

#include <memory>
#include <string>
#include <utility>

namespace awq {

namespace detail {

inline result<std::unique_ptr<tensor_source>> open_any_model(const std::string& path)
{
    if (!is_directory(path)) {
        AWQ_CHECK(check_model_file(path));
        AWQ_TRY(auto source, gguf_source::open(path));
        return std::unique_ptr<tensor_source>{std::move(source)};
    }
    AWQ_TRY(auto plain, directory_source::open_unchecked(path));
    const status is_plain = plain->check_plain();
    if (is_plain) return std::unique_ptr<tensor_source>{std::move(plain)};
    if (!plain->is_quantized()) return is_plain.error();
    AWQ_TRY(auto quantized, quantized_source::open(std::move(plain)));
    return std::unique_ptr<tensor_source>{std::move(quantized)};
}

inline result<tokenizer> open_any_tokenizer(const std::string& path)
{
    if (!is_directory(path)) {
        AWQ_CHECK(check_model_file(path));
        AWQ_TRY(const gguf::file file, gguf::file::open(path));
        AWQ_TRY(const gguf::tokenizer_facts facts, gguf::read_tokenizer(file));
        return tokenizer_of(facts, path);
    }
    AWQ_CHECK(check_tokenizer_files(path));
    AWQ_TRY(const std::string file, model_file(path, "tokenizer.json"));
    return tokenizer::load(file);
}

} // namespace detail

#if AWQ_COMPILES_FILES
/// Opens whatever model is at a path: a GGUF file, a directory with 16- or 32-bit weights, or one whose
/// config.json has a `quantization_config`.
AWQ_CALL result<std::unique_ptr<tensor_source>> open_model(const std::string& path)
{
    return catch_out_of_memory(path, give_more_memory, [&] { return detail::open_any_model(path); });
}

/// The tokenizer of a model directory or a GGUF file.
AWQ_CALL result<tokenizer> open_tokenizer(const std::string& path)
{
    return catch_out_of_memory(path, give_more_memory, [&] { return detail::open_any_tokenizer(path); });
}
#endif

} // namespace awq

#endif
