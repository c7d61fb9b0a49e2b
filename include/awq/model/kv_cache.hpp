// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_KV_CACHE_HPP
#define AWQ_MODEL_KV_CACHE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace awq {

/// Floats that one token takes in the cache of one layer.
struct kv_widths {
    std::size_t keys = 0, values = 0;
};

/// Keys and values of one sequence's past tokens, in float, for every layer.
class kv_cache {
public:
    /// Room for `capacity` tokens, 4 bytes a float.
    static result<kv_cache> make(std::vector<kv_widths> layers, std::size_t capacity)
    {
        std::vector<std::size_t> offsets{0};
        for (const kv_widths& each : layers) {
            offsets.push_back(offsets.back() + each.keys);
            offsets.push_back(offsets.back() + each.values);
        }
        constexpr std::size_t most = static_cast<std::size_t>(-1) / sizeof(float);
        std::unique_ptr<float[]> memory;
        if (capacity <= most / std::max<std::size_t>(1, offsets.back()))
            memory.reset(new (std::nothrow) float[offsets.back() * capacity]);
        if (!memory)
            return error{error_code::out_of_memory, "no memory for a key/value cache of ", capacity,
                         " tokens; ask for fewer tokens"};
        return kv_cache{std::move(memory), capacity, std::move(offsets)};
    }

    /// Tokens that are in the cache.
    std::size_t length() const noexcept { return length_; }
    std::size_t capacity() const noexcept { return capacity_; }

    /// (capacity, width); the first length() rows are filled.
    matrix_view<float> keys(std::size_t layer) const noexcept { return at(2 * layer); }
    matrix_view<float> values(std::size_t layer) const noexcept { return at(2 * layer + 1); }

    /// Counts `tokens` more as filled, once every layer has written them.
    void advance(std::size_t tokens) noexcept { length_ += tokens; }
    void clear() noexcept { length_ = 0; }

private:
    kv_cache(std::unique_ptr<float[]> memory, std::size_t capacity, std::vector<std::size_t> offsets)
        : memory_(std::move(memory)), capacity_(capacity), offsets_(std::move(offsets))
    {}
    matrix_view<float> at(std::size_t index) const noexcept
    {
        return {memory_.get() + offsets_[index] * capacity_, capacity_, offsets_[index + 1] - offsets_[index]};
    }

    std::unique_ptr<float[]> memory_;
    std::size_t capacity_ = 0;
    std::vector<std::size_t> offsets_; ///< of each layer's keys and values, in floats a token
    std::size_t length_ = 0;
};

} // namespace awq

#endif
