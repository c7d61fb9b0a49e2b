// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_KV_CACHE_HPP
#define AWQ_MODEL_KV_CACHE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace awq {

/// Keys and values of one sequence's past tokens, in float, for every layer.
class kv_cache {
public:
    /// Room for `capacity` tokens: 8 * num_hidden_layers * capacity * kv_size bytes.
    static result<kv_cache> make(const model_config& config, std::size_t capacity)
    {
        const std::size_t row = config.kv_size();
        const std::size_t rows = 2 * config.num_hidden_layers;
        constexpr std::size_t most = static_cast<std::size_t>(-1) / sizeof(float);
        std::unique_ptr<float[]> memory;
        if (capacity <= most / row / rows)
            memory.reset(new (std::nothrow) float[rows * row * capacity]);
        if (!memory)
            return error{error_code::out_of_memory, "no memory for a key/value cache of ", capacity,
                         " tokens; ask for fewer tokens"};
        return kv_cache{std::move(memory), capacity, row};
    }

    /// Tokens that are in the cache.
    std::size_t length() const noexcept { return length_; }
    std::size_t capacity() const noexcept { return capacity_; }

    /// (capacity, kv_size); the first length() rows are filled.
    matrix_view<float> keys(std::size_t layer) const noexcept { return at(2 * layer); }
    matrix_view<float> values(std::size_t layer) const noexcept { return at(2 * layer + 1); }

    /// Counts `tokens` more as filled, once every layer has written them.
    void advance(std::size_t tokens) noexcept { length_ += tokens; }
    void clear() noexcept { length_ = 0; }

private:
    kv_cache(std::unique_ptr<float[]> memory, std::size_t capacity, std::size_t row)
        : memory_(std::move(memory)), capacity_(capacity), row_(row)
    {
    }
    matrix_view<float> at(std::size_t index) const noexcept
    {
        return {memory_.get() + index * capacity_ * row_, capacity_, row_};
    }

    std::unique_ptr<float[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t row_ = 0;
    std::size_t length_ = 0;
};

} // namespace awq

#endif
