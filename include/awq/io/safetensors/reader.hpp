// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SAFETENSORS_READER_HPP
#define AWQ_IO_SAFETENSORS_READER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/mapped_file.hpp>
#include <awq/io/safetensors/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// A tensor in an open file. Lives, like its bytes, as long as the file.
struct tensor {
    std::string name;
    element_type stored = element_type::f32;
    std::vector<std::uint64_t> shape;
    std::span<const std::byte> bytes; ///< in the mapped file, at no particular alignment
    std::uint64_t offset = 0;         ///< of the first byte, from the beginning of the file
    const mapped_file* file = nullptr;

    /// The library's dtype; nothing for a type that is only carried over.
    std::optional<awq::dtype> type() const noexcept { return to_dtype(stored); }
    /// The product of the shape (checked when the file was opened).
    std::uint64_t element_count() const noexcept
    {
        std::uint64_t count = 1;
        for (const std::uint64_t extent : shape) count *= extent;
        return count;
    }
    tensor_spec spec() const { return {name, stored, shape}; }
    /// Lets the tensor's memory pages go; they come back when they are read again.
    void release() const noexcept { file->release(bytes); }
    /// Tells the system that the tensor is read soon.
    void prefetch() const noexcept { file->prefetch(bytes); }
};

/// One safetensors file, mapped into memory. Its header is checked when it is opened; tensor bytes
/// are read only where the caller looks at them.
class file {
public:
    /// Errors: `file_not_found`, `file_unreadable`, `out_of_memory`, `malformed_file`; the text
    /// names the file, and the tensor and the offset where there is one.
    static result<file> open(const std::string& path)
    {
        file opened;
        AWQ_TRY(mapped_file mapped, mapped_file::open(path));
        opened.mapped_ = std::make_unique<mapped_file>(std::move(mapped));
        AWQ_TRY(layout found, read_layout(opened.mapped_->bytes(), path));
        opened.metadata_ = std::move(found.metadata);
        opened.tensors_.reserve(found.tensors.size());
        for (tensor_entry& entry : found.tensors) opened.add(std::move(entry), found.data_begin);
        for (const tensor& each : opened.tensors_) opened.by_name_.emplace(each.name, &each);
        return opened;
    }

    const std::string& path() const noexcept { return mapped_->path(); }
    /// The path's last part: "model.safetensors".
    std::string_view name() const noexcept
    {
        const std::string_view whole = path();
        return whole.substr(whole.rfind('/') + 1);
    }
    /// In the order of their bytes in the file.
    std::span<const tensor> tensors() const noexcept { return tensors_; }
    const safetensors::metadata& metadata() const noexcept { return metadata_; }
    /// Null if there is no such tensor.
    const tensor* find(std::string_view name) const noexcept
    {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second;
    }

private:
    void add(tensor_entry&& entry, std::uint64_t data_begin)
    {
        const std::uint64_t offset = data_begin + entry.begin;
        tensors_.push_back({std::move(entry.spec.name), entry.spec.type, std::move(entry.spec.shape),
                            mapped_->bytes().subspan(offset, entry.end - entry.begin), offset, mapped_.get()});
    }

    std::unique_ptr<mapped_file> mapped_; // at a fixed address: tensors point to it
    std::vector<tensor> tensors_;
    safetensors::metadata metadata_;
    std::unordered_map<std::string_view, const tensor*> by_name_;
};

} // namespace awq::safetensors

#endif
