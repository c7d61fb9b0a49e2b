// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_SIMULATED_HPP
#define AWQ_QUANTIZATION_SIMULATED_HPP

#include <awq/quantization/gguf/format_quantizer.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/scheme_quantizer.hpp>
#include <awq/quantization/storage_rounding.hpp>

namespace awq::detail {

/// What the search simulates, and the type that smoothed weights are stored in.
template <class Scheme, class Group>
struct simulated {
    static_assert(requires { Scheme::value.bits; typename Scheme::storage_type; },
                  "awq::modifier: what a mode names must be an integer scheme, as awq::w4a16_asym, a GGUF format, as "
                  "awq::gguf::q4_k, or model awq::quantizer, with check, row_block, scale_columns and pseudo_quantize");
    using type = scheme_quantizer<Scheme, Group>;
    using storage = typename type::rounding;
    static constexpr type make(const Group& group) { return {group}; }
};
template <quantizer Scheme, class Group> // a format that is a quantizer by itself has its own groups
struct simulated<Scheme, Group> {
    using type = Scheme;
    using storage = storage_rounding<float>;
    static constexpr type make(const Group&) { return {}; }
};

template <gguf::block_format Scheme, class Group> // so has a GGUF format
struct simulated<Scheme, Group> {
    using type = gguf::format_quantizer<Scheme>;
    using storage = storage_rounding<float>;
    static constexpr type make(const Group&) { return {}; }
};

} // namespace awq::detail

#endif
