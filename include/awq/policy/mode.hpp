// SPDX-License-Identifier: MIT
#ifndef AWQ_POLICY_MODE_HPP
#define AWQ_POLICY_MODE_HPP

#include <awq/policy/axis.hpp>

namespace awq {

template <int Bits, bool Symmetric, class Storage = float>
struct integer_scheme;
using default_scheme = integer_scheme<4, false>; ///< w4a16_asym

/// Search, smooth, and stop there: the weights stay in 16 bits. `Target` is the quantizer that the
/// search simulates; nothing that packs or emits quantized weights is instantiated.
template <class Target = default_scheme>
struct smoothing_only {
    using policy_axis = axis::mode;
    using scheme_type = Target;
    static constexpr bool quantizes = false;
};

/// Search, smooth, then quantize to `Scheme`, which is also what the search simulates.
template <class Scheme = default_scheme>
struct smooth_and_quantize {
    using policy_axis = axis::mode;
    using scheme_type = Scheme;
    static constexpr bool quantizes = true;
};

} // namespace awq

#endif
