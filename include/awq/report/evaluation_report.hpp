// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_EVALUATION_REPORT_HPP
#define AWQ_REPORT_EVALUATION_REPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/tensor_report.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// What one model scored. Divergences are there where the evaluation has a reference.
struct evaluated_model {
    std::string model;
    std::vector<type_total> types; ///< of its tensors, as they are stored
    std::size_t tokens = 0;        ///< that were scored
    double perplexity = 0;
    double kl_divergence = 0;  ///< KL(reference || model), in nats a token
    double top1_agreement = 0; ///< share of positions where both rank the same token first

    std::uint64_t bytes() const noexcept
    {
        std::uint64_t sum = 0;
        for (const type_total& each : types) sum += each.bytes;
        return sum;
    }
};

/// What happened in one evaluation of one or more models on the same tokens.
struct evaluation_report {
    std::string dataset;
    std::string reference;       ///< empty: none
    std::string pseudo_quantize; ///< the scheme that linear layers were rounded to; empty: none
    std::string instruction_set;
    std::vector<evaluated_model> models;
    notice_list notes;
    std::vector<std::pair<std::string, double>> seconds; ///< by step, in the order of the run
    std::uint64_t peak_rss_bytes = 0;
};

} // namespace awq

#endif
