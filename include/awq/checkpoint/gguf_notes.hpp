// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_NOTES_HPP
#define AWQ_CHECKPOINT_GGUF_NOTES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/gguf_parameters.hpp>
#include <awq/checkpoint/gguf_tensor.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// What the format changes by itself when a model becomes a GGUF file, a line each.
namespace awq {

namespace detail {

/// Some names, few of them spelled out: "a, b, c, ...".
class name_sample {
public:
    void add(std::string_view name)
    {
        constexpr std::size_t most = 3;
        if (++count_ <= most)
            text_.append(count_ == 1 ? "" : ", ").append(printable(name));
        else if (count_ == most + 1)
            text_ += ", ...";
    }
    std::size_t count() const noexcept { return count_; }
    const std::string& text() const noexcept { return text_; }

private:
    std::size_t count_ = 0;
    std::string text_;
};

/// "1 tensor", "12 tensors".
inline std::string tensor_count(std::size_t count)
{
    return std::to_string(count) + (count == 1 ? " tensor" : " tensors");
}

} // namespace detail

/// Tensors whose rows do not fit the type that the mix gives them.
inline void note_fallbacks(std::span<const gguf_tensor> tensors, notice_list& notices)
{
    std::map<std::tuple<gguf::type, gguf::type, std::size_t>, detail::name_sample> groups;
    for (const gguf_tensor& each : tensors)
        if (each.type != each.wanted) groups[{each.wanted, each.type, each.cols()}].add(each.name);
    for (const auto& [group, names] : groups) {
        const auto& [wanted, type, columns] = group;
        notices.note(detail::tensor_count(names.count()) + " of " + std::to_string(columns) + " columns stored as " +
                     std::string{name_of(type)} + " instead of " + std::string{name_of(wanted)} + ", whose blocks of " +
                     std::to_string(gguf::block_columns(wanted)) + " do not fit: " + names.text());
    }
}

/// Tensors of the checkpoint that the file does not have.
inline void note_left_out(const directory_source& from, std::span<const gguf_tensor> tensors, notice_list& notices)
{
    std::set<std::string, std::less<>> written;
    for (const gguf_tensor& each : tensors)
        for (const gguf_part& part : each.parts) written.insert(from.name_in_file(part.hf_name));
    for (const gguf_parameter& each : gguf_parameters(from.config())) {
        const std::string stem = each.name.substr(0, each.name.rfind('.') + 1);
        written.insert({each.name, stem + "beta", stem + "eps"});
    }
    detail::name_sample left;
    for (const safetensors::tensor* const each : from.checkpoint().tensors())
        if (!written.contains(each->name)) left.add(each->name);
    if (left.count() == 0) return;
    notices.note(detail::tensor_count(left.count()) +
                 " of the checkpoint have no place in a GGUF file of a text model and are not "
                 "written: " +
                 left.text());
}

} // namespace awq

#endif
