// SPDX-License-Identifier: MIT
#include "gguf_files.hpp"

#include <awq/execution/serial_execution.hpp>

awq::result<awq::export_report> test::run_export(const awq::export_options& options)
{
    return awq::export_gguf(awq::serial_execution{}, options);
}
