// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_OBSERVER_HPP
#define AWQ_MODEL_FORWARD_OBSERVER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/matrix_view.hpp>

#include <concepts>
#include <string_view>

namespace awq {

/// Refers to a callable `observer(layer, input)`, which must live longer, or to none. `layer`, relative to the block,
/// is the first linear layer that reads the value ("self_attn.q_proj" for the shared input of q, k
/// and v); `input` is (tokens, in_features) and lives until the call returns. An expert's inner value
/// has the rows of its own tokens only.
class observer_ref {
public:
    observer_ref() = default;
    template <class Observer>
    requires(!std::same_as<Observer, observer_ref>) observer_ref(const Observer& observer)
    noexcept
        : observer_(&observer), call_([](const void* to, std::string_view layer, matrix_view<const float> input) {
              (*static_cast<const Observer*>(to))(layer, input);
          })
    {}

    void operator()(std::string_view layer, matrix_view<const float> input) const
    {
        if (call_) call_(observer_, layer, input);
    }

private:
    const void* observer_ = nullptr;
    void (*call_)(const void*, std::string_view, matrix_view<const float>) = nullptr;
};

} // namespace awq

#endif
