// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_TENSOR_REPORTS_HPP
#define AWQ_CHECKPOINT_TENSOR_REPORTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/reader.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>
#include <awq/report/tensor_report.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace awq {

/// Of a tensor whose size was checked before.
inline std::uint64_t elements_of(std::span<const std::uint64_t> extents) noexcept
{
    std::uint64_t count = 1;
    for (const std::uint64_t each : extents) count *= each;
    return count;
}

/// The tensors of a checkpoint, as they are stored.
inline std::vector<tensor_report> tensor_reports(const safetensors::checkpoint& read)
{
    std::vector<tensor_report> reports;
    for (const safetensors::tensor* const each : read.tensors())
        reports.push_back({each->name, std::string{name_of(each->stored)}, each->element_count(), each->bytes.size()});
    return reports;
}

/// Those of a checkpoint that is written.
inline std::vector<tensor_report> tensor_reports(const safetensors::shard_set_writer& written)
{
    std::vector<tensor_report> reports;
    for (const safetensors::writer& shard : written.shards())
        for (const safetensors::tensor_entry& each : shard.tensors())
            reports.push_back({each.spec.name, std::string{name_of(each.spec.type)}, elements_of(each.spec.shape),
                               each.end - each.begin});
    return reports;
}

/// Those of a GGUF file.
inline std::vector<tensor_report> tensor_reports(const gguf::file& read)
{
    std::vector<tensor_report> reports;
    for (const gguf::tensor_info& each : read.tensors())
        reports.push_back(
            {std::string{each.name}, std::string{name_of(each.type)}, elements_of(each.dims()), each.bytes.size()});
    return reports;
}

} // namespace awq

#endif
