// SPDX-License-Identifier: MIT
#include <awq/awq.hpp>

bool refuses_to_run();
bool refuses_to_run()
{
    awq::oneshot_options options;
    options.model = "/does/not/exist";
    options.calibration = awq::sample_calibration{"text.txt"};
    options.output = "out";
    options.task = awq::smooth{};
    awq::export_options written;
    written.model = options.model;
    written.output = "out.gguf";
    awq::convert_options rewritten;
    rewritten.model = options.model;
    rewritten.output = options.output;
    return !awq::oneshot(options) && !awq::export_gguf(written) && !awq::convert(rewritten);
}
