// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_RUN_JOURNAL_HPP
#define AWQ_RUN_RUN_JOURNAL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_group.hpp>
#include <awq/io/partial_output.hpp>
#include <awq/io/write_file.hpp>
#include <awq/run/hidden_file.hpp>
#include <awq/run/process_usage.hpp>
#include <awq/run/run_record.hpp>
#include <awq/run/run_settings.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// The outputs in one of whose temporary directories the journal lies: in that of the first that there is.
inline std::array<const std::string*, 5> journal_outputs(const run_settings& options)
{
    return {&options.output, &options.output_smoothed, &options.output_dequantized, &options.output_awq,
            &options.output_imatrix};
}

} // namespace detail

/// What a run that died has left of the outputs that are asked for now.
struct interrupted_run {
    std::string output;               ///< in whose temporary directory the journal lies, as it is given
    std::optional<run_record> record; ///< none where the journal is damaged
};

/// Looks for such a run; one that lives is none.
inline std::optional<interrupted_run> find_interrupted(const run_settings& options)
{
    constexpr std::uint64_t largest_journal = std::uint64_t{1} << 30;
    for (const std::string* const output : detail::journal_outputs(options)) {
        if (output->empty()) continue;
        const auto place = detail::find_output_place(*output);
        if (!place) continue;
        for (const std::filesystem::path& directory : detail::find_partials(*place)) {
            const auto bytes = read_file((directory / detail::journal_name).string(), largest_journal);
            if (!bytes && bytes.error().code() == error_code::file_not_found) continue;
            if (detail::partial_lock::take(directory).is != detail::partial_lock::state::held) continue;
            interrupted_run found{*output, bytes ? read_record(*bytes) : std::nullopt};
            if (found.record) found.record->place = directory;
            return found;
        }
    }
    return std::nullopt;
}

/// What a run that died has left, where this one is to go on with it; where it is not or cannot, says so.
inline std::optional<run_record> look_for_interrupted(const run_settings& options, notice_list& notices)
{
    std::optional<interrupted_run> left = find_interrupted(options);
    if (!left) return std::nullopt;
    if (options.resume && !left->record)
        notices.warn(left->output + ": the journal of an interrupted run is damaged; this one begins afresh");
    if (!options.resume && left->record)
        notices.note(left->output + ": an interrupted run had finished " + std::to_string(left->record->blocks) +
                     " blocks; this one begins afresh, --resume would have gone on");
    return options.resume ? std::move(left->record) : std::nullopt;
}

/// Writes down what a run has finished, for another run to go on behind it when this one is killed at any moment:
///
///     .NAME.partial-0123456789abcdef/journal   a `run_record`, replaced in one step
///                                    hidden.0  hidden states behind the last block that was recorded, or
///                                    hidden.1  behind the one before: they take turns
///
/// Nothing waits for the disk: what a program has written survives its death. Where the machine dies, too, the
/// digests of the record tell what has not arrived. A block is recorded where that costs less than a fiftieth of the
/// time that the run took so far; those that are not are computed again.
class run_journal {
public:
    /// Takes `group`'s outputs as they are now. `keep`: what is unfinished stays from the first record on.
    void begin(output_group& group, const run_settings& options)
    {
        group_ = &group;
        keep_ = options.resume;
        for (const std::string* const output : detail::journal_outputs(options))
            for (const output_group::member& each : group.members())
                if (directory_.empty() && each.place.given == *output) directory_ = each.directory;
    }
    /// Goes on behind this record: its hidden states are not written over before the next.
    void go_on(const run_record& last) noexcept { turn_ = last.hidden_file; }

    /// Whether the next record is worth its time.
    bool is_due()
    {
        constexpr double share = 0.015, free_seconds = 0.05;
        elapsed_ += watch_.lap();
        return !directory_.empty() && spent_ + last_ <= share * elapsed_ + free_seconds;
    }

    /// Records a state of the run, of which `hidden` are the hidden states; gives why it cannot, once: from then on
    /// there is no journal, so that it takes no space that the outputs need.
    status write(device& machine, run_record record, std::span<const std::span<std::byte>> hidden)
    {
        if (directory_.empty()) return {};
        stopwatch cost;
        for (const output_group::member& each : group_->members())
            record.directories.push_back(each.directory.filename().string());
        const status done = try_write(machine, std::move(record), hidden);
        if (!done) give_up();
        last_ = cost.lap();
        spent_ += last_;
        if (done && keep_) group_->keep();
        return done;
    }

private:
    status try_write(device& machine, run_record&& record, std::span<const std::span<std::byte>> hidden)
    {
        group_->queue().wait(); // what it says was written is
        record.place = directory_;
        record.hidden_file = ++turn_;
        if (!hidden.empty()) {
            AWQ_TRY(record.hidden, write_hidden(machine, record.hidden_path(), hidden));
        }
        const output_path made = path_of("journal.new");
        static_cast<void>(std::remove(made.path.c_str()));
        {
            const std::string bytes = to_bytes(record);
            AWQ_TRY(new_file file, new_file::create(made));
            AWQ_CHECK(file.append(std::as_bytes(std::span{bytes})));
        }
        if (std::rename(made.path.c_str(), path_of(detail::journal_name).path.c_str()) != 0)
            return error{error_code::file_unwritable, made.shown, ": ", std::strerror(errno)};
        if (hidden.empty()) remove({"hidden.0", "hidden.1"});
        return {};
    }

    void remove(std::initializer_list<const char*> names) const
    {
        for (const char* const name : names) static_cast<void>(std::remove(path_of(name).path.c_str()));
    }

    void give_up()
    {
        remove({detail::journal_name, "journal.new", "hidden.0", "hidden.1"});
        group_->release();
        directory_.clear();
    }

    output_path path_of(const std::string& name) const
    {
        output_path made{(directory_ / name).string(), name};
        made.resumable = true;
        return made;
    }

    output_group* group_ = nullptr;
    std::filesystem::path directory_; ///< empty: there is no journal
    bool keep_ = false;
    std::uint32_t turn_ = 0;
    stopwatch watch_;
    double elapsed_ = 0, spent_ = 0, last_ = 0;
};

} // namespace awq

#endif
