// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_CHECKPOINT_SINK_HPP
#define AWQ_CHECKPOINT_CHECKPOINT_SINK_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_statistics.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/device/quantized_linear.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/report/tensor_report.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace awq {

/// A decoder block when all is done to it that the run does.
struct AWQ_ABI_TAG finished_block {
    std::size_t layer = 0;
    const block_tensors* smoothed = nullptr; ///< still float32, not quantized
    /// Of the smoothed block's inputs; in a compensating run, of the rounded block's.
    const block_statistics* statistics = nullptr;
    const quantized_linears* quantized = nullptr; ///< empty in a smoothing-only run
    const block_tensors* dequantized = nullptr;   ///< what the quantized block reads back as
    const block_tensors* compensated = nullptr;   ///< null unless the run compensates
};

/// Where finished blocks go, in order of their layers; several sinks may be attached to one run.
/// Nothing appears at the target before `commit` has succeeded.
class AWQ_ABI_TAG checkpoint_sink {
public:
    virtual ~checkpoint_sink() = default;

    /// Told once, before the first block: with how many sequences the run calibrates.
    virtual void begin(std::size_t /*sequences*/) {}
    virtual status write(const finished_block& block) = 0;
    /// Writes what is not part of a block, and brings all of it to the disk.
    virtual status prepare() = 0;
    /// Puts what is prepared into place.
    virtual status commit() = 0;
    /// Where the output will be.
    virtual std::string target() const = 0;
    /// What is written so far, for a sink of the same request in another run.
    virtual void save(state_writer& to) const = 0;
    /// Goes on behind what such a sink has saved, in the place that it has left. Error: `malformed_file`
    /// where that is not there any more.
    virtual status restore(state_reader& from) = 0;
    /// The tensors that it writes, as they are stored; none where the output holds no model.
    virtual std::vector<tensor_report> tensors() const { return {}; }
    /// Both steps, for a run with one output; gives its path.
    result<std::string> finish()
    {
        AWQ_CHECK(prepare());
        AWQ_CHECK(commit());
        return target();
    }

    /// What of the model is not in this output, one sentence each.
    virtual std::vector<std::string> notes() const { return {}; }
    /// The same as notices; each is a warning where an output does not tell them apart.
    virtual void tell(notice_list& notices) const
    {
        for (const std::string& missing : notes()) notices.warn(missing);
    }

protected:
    checkpoint_sink() = default;
    checkpoint_sink(const checkpoint_sink&) = default;
    checkpoint_sink& operator=(const checkpoint_sink&) = default;
};

} // namespace awq

#endif
