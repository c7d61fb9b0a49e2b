// SPDX-License-Identifier: MIT
// JSON: what is read is written as JSON that reads the same.
#include "input.hpp"

#include <awq/io/json_copy.hpp>
#include <awq/io/json_reader.hpp>

namespace {

void walk(const awq::json::value& value)
{
    fuzz::succeeded(value.as_string());
    fuzz::succeeded(value.as_integer());
    fuzz::succeeded(value.as_unsigned());
    fuzz::succeeded(value.as_number());
    fuzz::succeeded(value.as_bool());
    fuzz::succeeded(value.check_unique_keys());
    fuzz::succeeded(value.at("a"));
    value.find_non_null("a");
    for (const auto& element : value.elements()) walk(element);
    for (const auto& member : value.members()) walk(member.value);
}

std::string written(const awq::json::document& document)
{
    awq::json::writer out;
    awq::json::write(out, document.root());
    return std::move(out).take();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = awq::json::document::parse(fuzz::text_of(data, size), "x");
    if (!fuzz::succeeded(read)) return 0;
    walk(read->root());
    const std::string once = written(*read);
    const auto again = awq::json::document::parse(once, "again");
    fuzz::require(bool{again} && written(*again) == once, "written JSON reads otherwise");
    return 0;
}
