// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_GENERATE_HPP
#define AWQ_RUN_GENERATE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/activation_stream.hpp>
#include <awq/block/block_tensors.hpp>
#include <awq/device/open_host_device.hpp>
#include <awq/evaluate/evaluate.hpp>
#include <awq/model/causal_lm.hpp>
#include <awq/run/calls.hpp>
#include <awq/support/catch_out_of_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace awq {

/// A whole model in memory, in float32.
class AWQ_ABI_TAG loaded_model {
public:
    /// `machine` must live longer.
    static result<loaded_model> load(device& machine, const tensor_source& source)
    {
        return catch_out_of_memory(source.path(), give_more_memory, [&] { return load_whole(machine, source); });
    }

    causal_lm& network() { return *network_; }

private:
    static result<loaded_model> load_whole(device& machine, const tensor_source& source)
    {
        loaded_model model;
        AWQ_TRY(model.outer_, outer_tensors::read(source));
        for (std::size_t i = 0; i < source.config().num_hidden_layers; ++i) {
            AWQ_TRY(block_tensors block, block_tensors::load(machine, source, i));
            model.blocks_.push_back(std::move(block));
        }
        AWQ_CHECK(model.assemble(machine, source.config()));
        return model;
    }

    status assemble(device& machine, const model_config& config)
    {
        causal_lm_weights weights;
        weights.outer = outer_.weights(config);
        for (const block_tensors& block : blocks_) weights.layers.push_back(block.weights());
        AWQ_TRY(causal_lm made, causal_lm::make(config, std::move(weights), machine));
        network_ = std::make_unique<causal_lm>(std::move(made));
        return {};
    }

    outer_tensors outer_;
    std::vector<block_tensors> blocks_;
    std::unique_ptr<causal_lm> network_;
};

namespace detail {

inline result<token_ids> continue_prompt(causal_lm& network, std::span<const std::int32_t> prompt,
                                         std::size_t max_new_tokens, const std::function<void(std::int32_t)>& on_token)
{
    const model_config& config = network.config();
    if (prompt.empty()) return error{error_code::invalid_argument, "generate: the prompt has no token"};
    AWQ_TRY(kv_cache cache, network.make_cache(prompt.size() + max_new_tokens));
    std::vector<float> logits(config.vocab_size);
    std::vector<std::uint32_t> next(prompt.begin(), prompt.end());
    token_ids made;
    while (made.size() < max_new_tokens) {
        AWQ_CHECK(network.step(cache, next, logits));
        const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
        const auto id = static_cast<std::uint32_t>(best);
        const auto& ends = config.eos_token_ids;
        if (std::find(ends.begin(), ends.end(), id) != ends.end()) break;
        made.push_back(static_cast<std::int32_t>(id));
        if (on_token) on_token(made.back());
        next.assign(1, id);
    }
    return made;
}

} // namespace detail

/// Appends the most likely token again and again, until an end token or `max_new_tokens`.
/// `on_token` sees each new id as it comes; it may be empty.
inline result<token_ids> generate(causal_lm& network, std::span<const std::int32_t> prompt, std::size_t max_new_tokens,
                                  const std::function<void(std::int32_t)>& on_token = {})
{
    return catch_out_of_memory("generate", "take a shorter prompt or fewer new tokens",
                               [&] { return detail::continue_prompt(network, prompt, max_new_tokens, on_token); });
}

#if AWQ_COMPILES_RUNS
/// Loads a model and continues a prompt, on all cores and with the fast products.
AWQ_CALL result<token_ids> generate(const tensor_source& model, std::span<const std::int32_t> prompt,
                                    std::size_t max_new_tokens, const std::function<void(std::int32_t)>& on_token)
{
    AWQ_TRY(const auto machine, open_host_device());
    AWQ_TRY(loaded_model loaded, loaded_model::load(*machine, model));
    return generate(loaded.network(), prompt, max_new_tokens, on_token);
}
#endif

} // namespace awq

#endif
