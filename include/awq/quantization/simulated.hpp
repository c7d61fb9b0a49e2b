// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_SIMULATED_HPP
#define AWQ_QUANTIZATION_SIMULATED_HPP

#include <awq/policy/group_size.hpp>
#include <awq/quantization/gguf/format_quantizer.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/scheme_quantizer.hpp>
#include <awq/quantization/storage_rounding.hpp>

#include <type_traits>

namespace awq::detail {

template <class Scheme>
concept scheme_type = requires
{
    Scheme::value.bits;
    typename Scheme::storage_type;
};

/// The group policy of a mode that was given none.
template <class Scheme>
using default_group = std::conditional_t<scheme_type<Scheme>, group_size<128>, format_groups>;

/// What the search simulates, and the type that smoothed weights are stored in.
template <class Scheme, class Group>
struct simulated {
    static_assert(scheme_type<Scheme>,
                  "awq::modifier: what a mode names must be an integer scheme, as awq::w4a16_asym, a GGUF format, as "
                  "awq::gguf::q4_k, or model awq::quantizer, with check, row_block, scale_columns and pseudo_quantize");
    static_assert(!scheme_type<Scheme> || !std::is_same_v<Group, format_groups>,
                  "awq::modifier: an integer scheme needs a group policy, as awq::group_size<128>");
    // Something that compiles, so that the sentence above stands alone.
    using type = scheme_quantizer<default_scheme, group_size<128>>;
    using storage = typename type::rounding;
    static constexpr type make(const Group&) { return {}; }
};
template <scheme_type Scheme, class Group>
requires(!std::is_same_v<Group, format_groups>) struct simulated<Scheme, Group> {
    using type = scheme_quantizer<Scheme, Group>;
    using storage = typename type::rounding;
    static constexpr type make(const Group& group) { return {group}; }
};

/// A format with groups of its own.
template <class Quantizer, class Group>
struct simulated_format {
    static_assert(std::is_same_v<Group, format_groups>,
                  "awq::modifier: a GGUF format or a quantizer of one's own has its own groups; leave out the "
                  "group policy");
    using type = Quantizer;
    using storage = storage_rounding<float>;
    static constexpr type make(const Group&) { return {}; }
};
template <quantizer Scheme, class Group>
struct simulated<Scheme, Group> : simulated_format<Scheme, Group> {};
template <gguf::block_format Scheme, class Group>
struct simulated<Scheme, Group> : simulated_format<gguf::format_quantizer<Scheme>, Group> {};

} // namespace awq::detail

#endif
