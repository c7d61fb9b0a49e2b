// SPDX-License-Identifier: MIT
#include <awq/execution/tbb_execution.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/version.hpp>

int main()
{
    const auto document = awq::json::document::parse(R"({"version": 1})", "text");
    return document && awq::execution<awq::tbb_execution> ? 0 : 1;
}
