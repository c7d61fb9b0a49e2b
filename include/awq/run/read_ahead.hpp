// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_READ_AHEAD_HPP
#define AWQ_RUN_READ_AHEAD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/directory_source.hpp>
#include <awq/model/block/block_forward.hpp>

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace awq {

/// Brings the weights of the next block from the disk into the system's cache while the one before is computed: the
/// program itself holds no more for it. Errors show when the block is read.
class read_ahead {
public:
    read_ahead() = default;
    read_ahead(const read_ahead&) = delete;
    read_ahead& operator=(const read_ahead&) = delete;
    ~read_ahead() { wait(); }

    /// `source` must live until the next call, or until this is gone. There may be no such block.
    void start(const directory_source& source, std::size_t layer)
    {
        wait();
        if (layer >= source.config().num_hidden_layers) return;
        const std::string prefix = block_prefix(source.config(), layer);
        std::vector<const safetensors::tensor*> wanted;
        for (const expected_tensor& each : layout_of(source.config(), layer).tensors)
            if (const auto* const found = source.checkpoint().find(prefix + each.name)) wanted.push_back(found);
        thread_ = std::thread{[wanted = std::move(wanted)] {
            for (const safetensors::tensor* const each : wanted) each->prefetch();
        }};
    }

private:
    void wait()
    {
        if (thread_.joinable()) thread_.join();
    }

    std::thread thread_;
};

} // namespace awq

#endif
