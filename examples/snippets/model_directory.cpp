// SPDX-License-Identifier: MIT
// From a model directory to a smoothed directory and a GGUF file, in one run:
//     model_directory MODEL TEXT SMOOTHED FILE.gguf
#include <awq/awq.hpp>

#include <iostream>

int main(int argc, char** argv)
{
    if (argc != 5) return 2;
    awq::oneshot_options options;
    options.model = argv[1];
    options.calibration = awq::sample_calibration{argv[2]};
    options.output_smoothed = argv[3];
    options.output = argv[4];
    options.task = awq::write_gguf{"q4_k_m"};
    const auto report = awq::oneshot(options);
    if (!report) return std::cerr << report.error().text() << '\n', 1;
    std::cout << report->smoothed_mappings() << " mappings smoothed, " << report->outputs.size()
              << " outputs written\n";
}
// Prints:
// 12 mappings smoothed, 2 outputs written
