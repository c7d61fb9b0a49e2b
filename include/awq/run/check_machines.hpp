// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CHECK_MACHINES_HPP
#define AWQ_RUN_CHECK_MACHINES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/machines.hpp>
#include <awq/execution/precision.hpp>
#include <awq/execution/products/amx_tile.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/io/digest.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/version.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace awq {

/// Whether all machines have this value; error: `unsupported` where one has another than the first, with this text.
inline status check_agreed(machines& all, std::uint64_t own, std::string_view where, std::string_view else_what)
{
    if (!all.are_several()) return {};
    std::uint64_t first = own;
    AWQ_CHECK(all.broadcast(0, std::as_writable_bytes(std::span{&first, 1})));
    if (first == own) return {};
    return error{error_code::unsupported, where, ": ", else_what};
}

/// Whether all machines do the same run: of the same model and text, computed in the same way. `samples`: all of them.
inline status check_machines(machines& all, const run_settings& options, const directory_source& source,
                             std::span<const token_ids> samples)
{
    if (!all.are_several()) return {};
    const bool has_tiles = options.operands != precision::float32 && detail::has_amx();
    state_writer bytes;
    bytes(std::string{AWQ_VERSION_STRING} + " " + std::string{kernel_instruction_set()});
    bytes(std::string{name_of(options.operands.value_or(precision::float32))} + (has_tiles ? " in tiles" : ""));
    bytes(source.checkpoint().total_bytes());
    bytes(std::vector<token_ids>{samples.begin(), samples.end()});
    return check_agreed(all, digest_of(std::string_view{bytes.bytes()}), options.model,
                        "another model, text, program or instruction set than that of rank 0; give all machines the "
                        "same, with --instruction-set and --precision where their processors differ");
}

/// Where a machine that writes no output lets experts wait: where the first does, if there is such a directory here.
inline std::string scratch_beside(const run_settings& options)
{
    const std::string& output = !options.output.empty() ? options.output : options.output_smoothed;
    const std::filesystem::path beside = std::filesystem::path{output}.parent_path();
    std::error_code failure;
    if (beside.empty()) return ".";
    if (std::filesystem::is_directory(beside, failure)) return beside.string();
    return std::filesystem::temp_directory_path(failure).string();
}

} // namespace awq

#endif
