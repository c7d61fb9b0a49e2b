// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_RUN_CALIBRATED_RUN_HPP
#define AWQ_TESTS_RUN_CALIBRATED_RUN_HPP

#include "model_copy.hpp"
#include "model_runs.hpp"

#include <cstddef>
#include <string>

namespace test {

/// A run over the small model that is over soon; nothing says yet what it quantizes to.
inline awq::oneshot_options calibrated_run(const std::string& output, std::size_t samples)
{
    awq::oneshot_options options;
    options.model = tiny_model;
    options.calibration = awq::sample_calibration{AWQ_SOURCE_DIR "/tests/golden/calibration_ids.jsonl", samples, 256};
    options.smoothing->search.n_grid = 4;
    options.smoothing->loss = awq::loss_kind::gram;
    options.output = output;
    return options;
}

} // namespace test

#endif
