// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_SAMPLE_NOTICES_HPP
#define AWQ_RUN_SAMPLE_NOTICES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/notice.hpp>
#include <awq/text/calibration_samples.hpp>

#include <cstddef>
#include <string>

namespace awq {

namespace detail {

/// "1 token", "2 tokens".
inline std::string counted(std::size_t count, const std::string& what)
{
    return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

} // namespace detail

/// "3 samples, 96 tokens, from d.jsonl": what a run reads, in one line.
inline std::string summary_of(const sample_set& samples, const std::string& dataset)
{
    return detail::counted(samples.sequences.size(), "sample") + ", " + detail::counted(samples.tokens(), "token") +
           ", from " + dataset;
}

/// Samples that were left out or cut off, and sequences that the model has no positions for.
inline void note_samples(const sample_set& samples, const std::string& dataset, std::size_t max_position_embeddings,
                         notice_list& notes)
{
    if (samples.empty > 0)
        notes.note(dataset + ": skipped " + std::to_string(samples.empty) + " of " +
                   detail::counted(samples.read, "sample") + ": null or empty");
    if (samples.cut > 0)
        notes.note(dataset + ": cut off " + std::to_string(samples.cut) + " of " +
                   detail::counted(samples.read, "sample") + ": longer than max_seq_length");
    if (max_position_embeddings > 0 && samples.longest() > max_position_embeddings)
        notes.warn(dataset + ": sequences of " + std::to_string(samples.longest()) + " tokens go beyond the model's " +
                   std::to_string(max_position_embeddings) +
                   " positions (max_position_embeddings); use a shorter max_seq_length");
}

/// Fewer samples than were asked for.
inline void warn_of_few_samples(const sample_set& samples, const std::string& dataset, std::size_t asked,
                                notice_list& notes)
{
    if (samples.sequences.size() >= asked) return;
    notes.warn(dataset + ": it holds " + detail::counted(samples.sequences.size(), "sample") + "; " +
               std::to_string(asked) + " were asked for");
}

/// Fewer tokens than the widest layer has inputs, where `steps` solve for its weights: the Gram
/// matrix of the inputs then says nothing about most of them.
inline void warn_of_few_tokens(std::size_t tokens, std::size_t widest, const std::string& steps, notice_list& notes)
{
    if (steps.empty() || tokens >= widest) return;
    notes.warn("calibration on " + detail::counted(tokens, "token") + ", fewer than the " + std::to_string(widest) +
               " inputs of the widest layer, which " + steps +
               " would need: the result may be worse than without; give more or longer samples");
}

} // namespace awq

#endif
