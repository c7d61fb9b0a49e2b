// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_JSON_COPY_HPP
#define AWQ_IO_JSON_COPY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>

namespace awq::json {

/// Writes a value that was read as the writer's next value; members keep their order. Numbers keep
/// their value and their kind (integer or floating point), not their digits. To add keys to an
/// object, walk its `members()`.
inline void write(writer& out, const value& content)
{
    if (content.is_object()) {
        out.begin_object();
        for (const member& each : content.members()) write(out.key(each.key), each.value);
        out.end_object();
    } else if (content.is_array()) {
        out.begin_array();
        for (const value& each : content.elements()) write(out, each);
        out.end_array();
    } else if (content.is_string()) {
        out.value(*content.as_string());
    } else if (content.is_bool()) {
        out.value(*content.as_bool());
    } else if (const auto number = content.as_integer(); number) {
        out.value(*number);
    } else if (const auto large = content.as_unsigned(); large) {
        out.value(*large);
    } else if (const auto real = content.as_number(); real) {
        out.value(*real);
    } else {
        out.null();
    }
}

} // namespace awq::json

#endif
