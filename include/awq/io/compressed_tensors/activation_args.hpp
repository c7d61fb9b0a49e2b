// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_ACTIVATION_ARGS_HPP
#define AWQ_IO_COMPRESSED_TENSORS_ACTIVATION_ARGS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace awq::compressed_tensors {

/// How servers round the inputs of a layer while they compute ("input_activations"). Nothing here
/// rounds them; it is only read and written.
struct activation_args {
    int num_bits = 8;
    bool is_float = false;
    std::string strategy = "token"; ///< what shares a scale: "token", "group", "tensor_group"
    std::size_t group_size = 0;     ///< of the strategies with groups
    bool is_local = false;          ///< groups' scales come at run time, the tensor's from the checkpoint

    friend bool operator==(const activation_args&, const activation_args&) = default;
};

/// Reads the args; what is not known there is passed over, since no reader rounds activations.
inline result<activation_args> read_activation_args(const json::value& args)
{
    activation_args read;
    if (const auto given = args.find_non_null("num_bits")) {
        AWQ_TRY(const std::int64_t bits, given->as_integer());
        read.num_bits = static_cast<int>(bits);
    }
    if (const auto given = args.find_non_null("type")) {
        AWQ_TRY(const std::string_view type, given->as_string());
        read.is_float = type == "float";
    }
    if (const auto given = args.find_non_null("strategy")) {
        AWQ_TRY(read.strategy, given->as_string());
    }
    if (const auto given = args.find_non_null("group_size")) {
        AWQ_TRY(const std::int64_t size, given->as_integer());
        read.group_size = size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    const auto dynamic = args.find_non_null("dynamic");
    read.is_local = dynamic && dynamic->is_string();
    return read;
}

/// Writes the args as a value.
inline void write_activation_args(json::writer& out, const activation_args& args)
{
    out.begin_object().field("num_bits", args.num_bits);
    out.field("type", args.is_float ? "float" : "int").field("symmetric", true);
    out.field("strategy", args.strategy);
    if (args.group_size > 0)
        out.field("group_size", args.group_size);
    else
        out.key("group_size").null();
    out.key("block_structure").null();
    if (args.is_local)
        out.field("dynamic", "local").key("actorder").null().field("observer", "static_minmax");
    else
        out.field("dynamic", true).key("actorder").null().key("observer").null();
    out.key("observer_kwargs").begin_object().end_object();
    if (args.is_float && args.num_bits == 4) out.field("scale_dtype", "torch.float8_e4m3fn");
    out.end_object();
}

} // namespace awq::compressed_tensors

#endif
