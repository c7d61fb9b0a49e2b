// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_RUN_RECORD_HPP
#define AWQ_RUN_RUN_RECORD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/allocate/measured_types.hpp>
#include <awq/io/digest.hpp>
#include <awq/io/read_file.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/io/write_file.hpp>
#include <awq/report/report_state.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {
inline constexpr const char* journal_name = "journal";
}

/// What makes two runs the same, by name: options, the model's files, the text, the program.
using run_identity = std::vector<std::pair<std::string, std::string>>;

/// An output that is complete and waits for its place, or is there already.
struct finished_output {
    std::string target;
    std::uint64_t inode = 0; ///< of the file or directory, whatever its name
    bool is_directory = false;
    bool overwrite = false; ///< whether it replaces what is in its place
};
void visit_members(same_state<finished_output> auto& each, auto&& visit)
{
    visit(each.target, each.inode, each.is_directory, each.overwrite);
}
void visit_members(same_state<measured_types> auto& each, auto&& visit)
{
    visit(each.overrides, each.mix_divergence, each.divergence);
}

/// What a run knows when it has finished some blocks: with that, another run goes on behind them.
struct run_record {
    run_identity identity;
    std::uint64_t blocks = 0;             ///< that are finished
    std::vector<std::string> directories; ///< the names of the outputs' temporary directories
    std::vector<std::string> sinks;       ///< what each has saved
    std::uint32_t hidden_file = 0;        ///< which of the files holds the hidden states behind the block
    std::vector<file_extent> hidden;      ///< and where in it; none behind the last block
    measured_types measured;
    bool found_grouped_query = false;
    std::vector<std::size_t> matched_mappings;
    run_report report; ///< but for the notices
    std::vector<notice> notices;
    std::vector<finished_output> finished; ///< all outputs, once they are complete
    std::filesystem::path place;           ///< the directory that it was found in; not recorded

    output_path hidden_path() const { return (place / ("hidden." + std::to_string(hidden_file % 2))).string(); }
};
void visit_members(same_state<run_record> auto& all, auto&& visit)
{
    visit(all.identity, all.blocks, all.directories, all.sinks, all.hidden_file, all.hidden, all.measured,
          all.found_grouped_query, all.matched_mappings, all.report, all.notices, all.finished);
}

namespace detail {

inline constexpr std::string_view record_magic = "awq journal 1\n";

} // namespace detail

/// The bytes of a journal's file.
inline std::string to_bytes(const run_record& record)
{
    state_writer body;
    body(record);
    state_writer head;
    head(digest_of(std::string_view{body.bytes()}));
    return std::string{detail::record_magic} + head.bytes() + body.bytes();
}

/// Reads them back; none where they are not whole.
inline std::optional<run_record> read_record(std::string_view bytes)
{
    std::uint64_t digest = 0;
    const std::size_t head = detail::record_magic.size() + sizeof digest;
    if (bytes.size() < head || !bytes.starts_with(detail::record_magic)) return std::nullopt;
    state_reader{bytes.substr(detail::record_magic.size())}(digest);
    const std::string_view body = bytes.substr(head);
    if (digest_of(body) != digest) return std::nullopt;
    run_record record;
    state_reader reader{body};
    reader(record);
    if (!reader.is_at_end()) return std::nullopt;
    return record;
}

} // namespace awq

#endif
