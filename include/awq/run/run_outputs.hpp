// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_RUN_OUTPUTS_HPP
#define AWQ_RUN_RUN_OUTPUTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_group.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/io/unfinished_outputs.hpp>
#include <awq/report/report_file.hpp>
#include <awq/report/report_text.hpp>
#include <awq/report/run_report.hpp>
#include <awq/run/open_sinks.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// All outputs of a run, the report included: opened before any work, put into place together.
class AWQ_ABI_TAG run_outputs {
public:
    /// Opens what the options ask for; sinks that were open are closed first. Errors: those of
    /// `open_sinks` and of `report_file::create`.
    status open(device& machine, const directory_source& source, const layer_plan& plan, const run_settings& options)
    {
        close_sinks();
        AWQ_TRY(sinks_, open_sinks(machine, source, plan, options, *group_));
        if (options.report.empty() || report_) return {};
        auto report = report_file::create(options.report, {options.overwrite, group_.get()});
        if (!report && group_->take_passed()) return {};
        AWQ_TRY(report_, std::move(report));
        return {};
    }

    /// The outputs' temporary directories.
    output_group& group() noexcept { return *group_; }

    /// What every output has written so far, in their order, and going on behind it. Error: `malformed_file`
    /// where it is not there any more.
    std::vector<std::string> save() const
    {
        std::vector<std::string> saved;
        for (const auto& sink : sinks_) {
            state_writer bytes;
            sink->save(bytes);
            saved.push_back(bytes.bytes());
        }
        return saved;
    }
    status restore(const std::vector<std::string>& saved)
    {
        bool is_whole = saved.size() == sinks_.size();
        for (std::size_t i = 0; is_whole && i < sinks_.size(); ++i) {
            state_reader bytes{saved[i]};
            AWQ_CHECK(sinks_[i]->restore(bytes));
            is_whole = bytes.is_at_end();
        }
        return is_whole ? status{} : error{error_code::malformed_file, "its journal is damaged"};
    }

    void close_sinks() { sinks_.clear(); }
    /// All of them; what they have written is removed.
    void discard()
    {
        group_->release();
        close_sinks();
        report_.reset();
        group_->adopt({});
    }

    /// The temporary directories.
    std::vector<std::filesystem::path> directories() const
    {
        std::vector<std::filesystem::path> all;
        for (const output_group::member& each : group_->members()) all.push_back(each.directory);
        return all;
    }

    /// Where the first output will be; empty where there is none.
    std::string directory() const
    {
        if (sinks_.empty()) return {};
        const std::string beside = std::filesystem::path{sinks_.front()->target()}.parent_path().string();
        return beside.empty() ? "." : beside;
    }

    /// Once, before the first block. Notices what of the model the outputs are without.
    void begin(std::size_t sequences, notice_list& notices)
    {
        for (const auto& sink : sinks_) {
            sink->begin(sequences);
            sink->tell(notices);
        }
    }

    status write(const finished_block& block)
    {
        for (const auto& sink : sinks_) AWQ_CHECK(sink->write(block));
        return {};
    }

    /// Completes every output but the report, and brings it to the disk; gives their paths.
    result<std::vector<std::string>> prepare()
    {
        std::vector<std::string> paths;
        for (const auto& sink : sinks_) {
            AWQ_CHECK(sink->prepare());
            paths.push_back(sink->target());
        }
        return paths;
    }

    /// What the outputs hold, as far as they hold models.
    std::vector<output_report> contents() const
    {
        std::vector<output_report> held;
        for (const auto& sink : sinks_)
            if (auto tensors = sink->tensors(); !tensors.empty()) held.push_back({sink->target(), std::move(tensors)});
        return held;
    }

    /// Writes the report, which is the last thing before the `commit`.
    status prepare_report(const run_report& report)
    {
        return report_ ? report_->prepare(report_text(report, report_->target())) : status{};
    }

    /// Puts all into place, one right after the other.
    status commit()
    {
        const output_hold together = hold_outputs();
        for (const auto& sink : sinks_) AWQ_CHECK(sink->commit());
        if (report_) AWQ_CHECK(report_->commit());
        group_->release();
        return {};
    }

private:
    std::unique_ptr<output_group> group_ = std::make_unique<output_group>(); ///< outlives what is in it
    detail::sink_list sinks_;
    std::optional<report_file> report_;
};

} // namespace awq

#endif
