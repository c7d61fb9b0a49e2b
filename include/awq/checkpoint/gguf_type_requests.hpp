// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_TYPE_REQUESTS_HPP
#define AWQ_CHECKPOINT_GGUF_TYPE_REQUESTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_tensor.hpp>
#include <awq/io/gguf/mix.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/regex.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The types that a user asks for by name, "PATTERN=TYPE": each is honoured or refused.
namespace awq {

/// A type for the tensors whose name a pattern finds, anywhere in the name.
struct type_request {
    std::string pattern; ///< a regular expression
    gguf::type type;
};

namespace detail {

/// "F32, F16, Q4_0, ...".
inline std::string known_tensor_types()
{
    std::string names;
    for (const gguf::type_facts& each : gguf::all_types) names.append(names.empty() ? "" : ", ").append(each.name);
    return names;
}

inline result<type_request> read_type_request(std::string_view text)
{
    const std::size_t at = text.rfind('=');
    if (at == std::string_view::npos || at == 0)
        return error{error_code::invalid_argument, "tensor type \"", printable(text),
                     "\" is not PATTERN=TYPE, as in \"ffn_down=q6_k\""};
    const std::string_view name = text.substr(at + 1);
    const auto type = gguf::type_from_name(name);
    if (!type)
        return error{error_code::invalid_argument, "tensor type \"", printable(text),
                     "\": unknown type \"",        printable(name),  "\"; known are ",
                     known_tensor_types()};
    const std::size_t start = text.starts_with("re:") ? 3 : 0; // as other patterns may begin
    return type_request{std::string{text.substr(start, at - start)}, *type};
}

/// What came of one request.
struct request_use {
    const gguf_tensor* matched = nullptr; ///< the first tensor that its pattern finds
    const gguf_tensor* stays = nullptr;   ///< the first of those that can only be F32
    bool decides = false;                 ///< the type of at least one
};

inline status check_request_fits(const type_request& request, const gguf_tensor& tensor)
{
    const std::size_t block = gguf::block_columns(request.type);
    if (tensor.cols() % block == 0) return {};
    return error{error_code::invalid_argument,
                 "tensor type pattern \"",
                 printable(request.pattern),
                 "\" asks for ",
                 gguf::name_of(request.type),
                 ", whose blocks of ",
                 block,
                 " do not divide the ",
                 tensor.cols(),
                 " columns of \"",
                 tensor.name,
                 "\"; a type that fits is ",
                 gguf::name_of(gguf::fitting_type(request.type, tensor.cols()))};
}

inline result<std::vector<regex>> compile_patterns(const std::vector<type_request>& requests)
{
    std::vector<regex> compiled;
    for (const type_request& each : requests) {
        auto pattern = regex::compile(each.pattern, "tensor type");
        if (!pattern) return error{error_code::invalid_argument, pattern.error().text()};
        compiled.push_back(*std::move(pattern));
    }
    return compiled;
}

/// For a tensor that the request's pattern finds.
inline status apply_request(const type_request& request, gguf_tensor& tensor, request_use& use)
{
    if (!use.matched) use.matched = &tensor;
    if (!gguf::is_quantizable(tensor.name, tensor.dims) && request.type != gguf::type::f32) {
        if (!use.stays) use.stays = &tensor;
        return {};
    }
    if (tensor.is_fixed) return {}; // by a pattern before it
    AWQ_CHECK(check_request_fits(request, tensor));
    tensor.is_fixed = use.decides = true;
    return {};
}

inline status check_request_use(const type_request& request, const request_use& use,
                                const std::vector<gguf_tensor>& tensors)
{
    if (use.decides) return {};
    error cause{error_code::invalid_argument, "tensor type pattern \"", printable(request.pattern), "\" "};
    if (!use.matched)
        return error{cause.code(),
                     cause.text(),
                     "matches no tensor of the file; names are like \"",
                     tensors.front().name,
                     "\" and \"",
                     tensors.back().name,
                     "\""};
    if (use.stays)
        return error{cause.code(), cause.text(),
                     "matches only tensors that llama.cpp wants in F32, "
                     "such as \"",
                     use.stays->name, "\""};
    return error{cause.code(), cause.text(),
                 "decides nothing: the patterns before it match the same "
                 "tensors, such as \"",
                 use.matched->name, "\""};
}

} // namespace detail

/// Reads "PATTERN=TYPE". Errors: another form, an unknown type.
inline result<std::vector<type_request>> read_type_requests(const std::vector<std::string>& texts)
{
    std::vector<type_request> requests;
    for (const std::string& text : texts) {
        AWQ_TRY(auto request, detail::read_type_request(text));
        requests.push_back(std::move(request));
    }
    return requests;
}

/// Marks the tensors whose types are asked for, and gives these types; the first pattern that finds a
/// name wins. Norms, biases and other vectors that a pattern finds beside weights stay F32. Errors: a
/// pattern that is no regular expression, that finds no tensor or decides the type of none; a type
/// that rows do not fit.
inline result<gguf::type_table> fix_types(const std::vector<type_request>& requests, std::vector<gguf_tensor>& tensors)
{
    AWQ_TRY(const auto compiled, detail::compile_patterns(requests));
    gguf::type_table types;
    regex::scratch memory; // which limits the time of all matches together
    std::vector<detail::request_use> uses(requests.size());
    for (gguf_tensor& tensor : tensors)
        for (std::size_t i = 0; i < requests.size(); ++i) {
            AWQ_TRY(const auto found, compiled[i].find(tensor.name, 0, memory));
            if (!found) continue;
            AWQ_CHECK(detail::apply_request(requests[i], tensor, uses[i]));
            if (tensor.is_fixed) types.try_emplace(tensor.name, requests[i].type);
        }
    for (std::size_t i = 0; i < requests.size(); ++i)
        AWQ_CHECK(detail::check_request_use(requests[i], uses[i], tensors));
    return types;
}

} // namespace awq

#endif
