// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_SCHEME_HPP
#define AWQ_QUANTIZATION_SCHEME_HPP

#include <awq/policy/mode.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <string_view>

namespace awq {

/// An integer weight format: how many bits a code has, and whether zero is always code 0.
/// Codes are signed: -2^(bits-1) .. 2^(bits-1) - 1.
struct scheme {
    int bits = 4;
    bool symmetric = false;

    constexpr bool is_symmetric() const noexcept { return symmetric; }
    constexpr float smallest() const noexcept { return -static_cast<float>(1 << (bits - 1)); }
    constexpr float largest() const noexcept { return static_cast<float>((1 << (bits - 1)) - 1); }
    /// Distance of the smallest and the largest code.
    constexpr float width() const noexcept { return static_cast<float>((1 << bits) - 1); }

    friend constexpr bool operator==(const scheme&, const scheme&) = default;
};

/// The same as a type, for a modifier's mode: `smooth_and_quantize<w4a16_asym>`. In the code that it
/// is given to all of it is constant. `Storage`: float, or f16 or bf16 where every intermediate is to be
/// rounded as in a model of that dtype; code for the other two is then not there.
template <int Bits, bool Symmetric, class Storage>
struct integer_scheme {
    static_assert(2 <= Bits && Bits <= 8, "awq: an integer scheme has 2 to 8 bits");
    static constexpr int bits = Bits;
    static constexpr bool symmetric = Symmetric;
    static constexpr scheme value{Bits, Symmetric};
    using storage_type = Storage;

    static constexpr bool is_symmetric() noexcept { return Symmetric; }
    static constexpr float smallest() noexcept { return value.smallest(); }
    static constexpr float largest() noexcept { return value.largest(); }
    static constexpr float width() noexcept { return value.width(); }
};

/// The scheme for a model of another dtype: `stored_as<bf16, w4a16_asym>`.
template <class Storage, class Scheme>
using stored_as = integer_scheme<Scheme::bits, Scheme::symmetric, Storage>;

using w2a16 = integer_scheme<2, true>;
using w3a16 = integer_scheme<3, true>;
using w4a16 = integer_scheme<4, true>;
using w5a16 = integer_scheme<5, true>;
using w6a16 = integer_scheme<6, true>;
using w7a16 = integer_scheme<7, true>;
using w8a16 = integer_scheme<8, true>;
using w2a16_asym = integer_scheme<2, false>;
using w3a16_asym = integer_scheme<3, false>;
using w4a16_asym = integer_scheme<4, false>;
using w5a16_asym = integer_scheme<5, false>;
using w6a16_asym = integer_scheme<6, false>;
using w7a16_asym = integer_scheme<7, false>;
using w8a16_asym = integer_scheme<8, false>;

/// The name that recipes use: "W4A16_ASYM".
constexpr std::string_view name_of(const scheme& value) noexcept
{
    constexpr std::string_view names[][2] = {{"W2A16_ASYM", "W2A16"}, {"W3A16_ASYM", "W3A16"}, {"W4A16_ASYM", "W4A16"},
                                             {"W5A16_ASYM", "W5A16"}, {"W6A16_ASYM", "W6A16"}, {"W7A16_ASYM", "W7A16"},
                                             {"W8A16_ASYM", "W8A16"}};
    if (value.bits < 2 || value.bits > 8) return "unknown";
    return names[value.bits - 2][value.symmetric ? 1 : 0];
}

namespace detail {

/// A scheme whose symmetry, which changes code, is constant, and whose bits, which change numbers, are not.
template <bool Symmetric>
struct bits_at_run_time {
    int bits;

    static constexpr bool is_symmetric() noexcept { return Symmetric; }
    constexpr float smallest() const noexcept { return scheme{bits}.smallest(); }
    constexpr float largest() const noexcept { return scheme{bits}.largest(); }
    constexpr float width() const noexcept { return scheme{bits}.width(); }
};

/// Whether a name is `known`, which is in upper case, in upper or lower case.
constexpr bool same_scheme_name(std::string_view name, std::string_view known) noexcept
{
    if (name.size() != known.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool lower = 'a' <= name[i] && name[i] <= 'z';
        if ((lower ? static_cast<char>(name[i] - 32) : name[i]) != known[i]) return false;
    }
    return true;
}

} // namespace detail

/// The integer scheme of that name, in upper or lower case; an error lists what is allowed.
inline result<scheme> parse_scheme(std::string_view name)
{
    for (int bits = 2; bits <= 8; ++bits)
        for (const bool symmetric : {false, true})
            if (detail::same_scheme_name(name, name_of(scheme{bits, symmetric}))) return scheme{bits, symmetric};
    return error{error_code::unsupported, "scheme '", name,
                 "': use W2A16 to W8A16 (symmetric) or W2A16_ASYM to W8A16_ASYM"};
}

} // namespace awq

#endif
