// SPDX-License-Identifier: MIT
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/pseudo_quantize.hpp>
#include <awq/quantization/quantize_weight.hpp>
#include <awq/quantization/scheme_quantizer.hpp>

#include <catch.hpp>

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using namespace awq;

constexpr std::size_t rows = 5;

// Weights of many magnitudes, and groups that are all zero, tiny, huge, or not finite.
std::vector<float> weights_of(std::size_t columns)
{
    std::vector<float> values(rows * columns);
    std::uint32_t state = 7;
    const auto next = [&state] { return state = state * 1664525u + 1013904223u; };
    for (float& value : values)
        value = (static_cast<float>(next() >> 8) * 0x1p-23f - 1.0f) * (next() % 50 == 0 ? 30.0f : 1.0f);
    for (std::size_t i = columns; i < 2 * columns; ++i)
        values[i] = i < columns + columns / 2 ? 0.0f : values[i] * 1e-42f;
    for (std::size_t i = 2 * columns; i < 3 * columns; ++i) values[i] *= i < 2 * columns + columns / 2 ? 3e38f : 1e-20f;
    values[3 * columns] = std::numeric_limits<float>::quiet_NaN();
    values[4 * columns] = -std::numeric_limits<float>::infinity();
    values[4 * columns + 1] = -0.0f;
    return values;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b)
{
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(a[i] != a[i] && b[i] != b[i]) &&
            std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) {
            UNSCOPED_INFO("element " << i << ": " << a[i] << " and " << b[i]);
            return false;
        }
    return true;
}

// One weight at a time, from the definitions in qparams.hpp.
template <class Scheme>
std::vector<float> one_by_one(const std::vector<float>& weights, std::size_t width)
{
    using rounding = storage_rounding<typename Scheme::storage_type>;
    std::vector<float> out(weights.size());
    for (std::size_t first = 0; first < weights.size(); first += width) {
        value_range range = range_of(weights.data() + first, width);
        range = {rounding::round(range.smallest), rounding::round(range.largest)};
        const qparams shared = make_qparams(range, Scheme::value, rounding{});
        for (std::size_t i = first; i < first + width; ++i) {
            float code;
            fill_codes(&weights[i], 1, shared, Scheme::smallest(), Scheme::largest(), &code, rounding{});
            out[i] = value_of(code, shared, rounding{});
        }
    }
    return out;
}

template <std::size_t Lanes, std::size_t Columns, class Scheme>
std::vector<float> in_lanes(const std::vector<float>& weights, std::size_t columns, std::size_t width)
{
    using rounding = storage_rounding<typename Scheme::storage_type>;
    std::vector<float> out(weights.size());
    detail::simulate_groups<Columns, Scheme, rounding, Lanes>({weights.data(), rows, columns},
                                                              detail::group_width<Columns>{width}, Scheme{}, rounding{},
                                                              {out.data(), rows, columns});
    return out;
}

template <class Scheme, class Group>
void check_group(std::size_t columns, Group group)
{
    CAPTURE(columns, group.columns(), Scheme::bits, Scheme::symmetric);
    const scheme_quantizer<Scheme, Group> fixed{group};
    REQUIRE(fixed.check(columns));
    const std::size_t width = fixed.scale_columns(columns);
    const std::vector<float> weights = weights_of(columns);
    const std::vector<float> expected = one_by_one<Scheme>(weights, width);
    const matrix_view<const float> in{weights.data(), rows, columns};
    std::vector<float> out(weights.size());
    REQUIRE(pseudo_quantize(serial_execution{}, fixed, in, {}, {out.data(), rows, columns}));
    CHECK(same_bits(out, expected));
    const integer_quantizer chosen{Scheme::value, group.columns(), dtype_of<typename Scheme::storage_type>};
    REQUIRE(pseudo_quantize(serial_execution{}, chosen, in, {}, {out.data(), rows, columns}));
    CHECK(same_bits(out, expected));
    constexpr std::size_t known = [] {
        if constexpr (static_group<Group>) return Group::columns();
        return std::size_t{0};
    }();
    CHECK(same_bits(in_lanes<1, known, Scheme>(weights, columns, width), expected));
    CHECK(same_bits(in_lanes<4, known, Scheme>(weights, columns, width), expected));
    CHECK(same_bits(in_lanes<8, known, Scheme>(weights, columns, width), expected));
    CHECK(same_bits(in_lanes<16, known, Scheme>(weights, columns, width), expected));
}

template <class Scheme>
void check_scheme()
{
    check_group<Scheme>(64, group_size<16>{});
    check_group<Scheme>(224, group_size<32>{});
    check_group<Scheme>(1024, group_size<32>{});
    check_group<Scheme>(384, group_size<128>{});
    check_group<Scheme>(60, group_size<20>{});
    check_group<Scheme>(77, group_size<7>{});
    check_group<Scheme>(512, group_size<256>{});
    check_group<Scheme>(203, per_channel{});
    check_group<Scheme>(256, per_channel{});
    check_group<Scheme>(192, dynamic_group_size{64});
    check_group<Scheme>(90, dynamic_group_size{45});
}

/// The same code but for the rounding: a group of one vector and more, of none, of a width known at run time.
template <class Scheme>
void check_stored_scheme()
{
    check_group<Scheme>(1024, group_size<32>{});
    check_group<Scheme>(77, group_size<7>{});
    check_group<Scheme>(203, per_channel{});
    check_group<Scheme>(90, dynamic_group_size{45});
}

template <class T>
void check_rounding()
{
    using vector = detail::float_lanes<4>;
    using rounding = storage_rounding<T>;
    bool same = true;
    for (std::uint64_t pattern = 0; pattern < 0x1'0000'0000u && same; pattern += 0x0FFBu) {
        const float value = std::bit_cast<float>(static_cast<std::uint32_t>(pattern));
        vector rounded = rounding::round(detail::all_lanes<vector>(value));
        const float expected = rounding::round(value);
        same = value != value
                   ? rounded[2] != rounded[2]
                   : std::bit_cast<std::uint32_t>(float{rounded[2]}) == std::bit_cast<std::uint32_t>(expected);
        if (!same) UNSCOPED_INFO(value << " rounds to " << rounded[2] << ", not " << expected);
    }
    CHECK(same);
}

} // namespace

TEST_CASE("scheme_quantizer: the same bits as one weight at a time, at any number of lanes")
{
    check_scheme<w4a16_asym>();
    check_scheme<w4a16>();
    check_scheme<w8a16>();
    check_scheme<w3a16_asym>();
}

TEST_CASE("scheme_quantizer: the same bits where intermediates are rounded to 16 bits")
{
    check_stored_scheme<stored_as<bf16, w4a16_asym>>();
    check_stored_scheme<stored_as<f16, w4a16_asym>>();
    check_stored_scheme<stored_as<bf16, w8a16>>();
    check_stored_scheme<stored_as<f16, w4a16>>();
}

TEST_CASE("scheme_quantizer: codes, scales and zero points are those of integer_quantizer")
{
    const std::size_t columns = 160, groups = 5;
    const std::vector<float> weights = weights_of(columns);
    const matrix_view<const float> in{weights.data(), 3, columns};
    std::vector<std::int8_t> codes[2], zeros[2];
    std::vector<float> scales[2];
    const auto quantize = [&](const auto& how, int at) {
        codes[at].resize(3 * columns);
        zeros[at].resize(3 * groups);
        scales[at].resize(3 * groups);
        return quantize_weight(
            serial_execution{}, how, in,
            {{codes[at].data(), 3, columns}, {scales[at].data(), 3, groups}, {zeros[at].data(), 3, groups}});
    };
    REQUIRE(quantize(scheme_quantizer<w4a16_asym, group_size<32>>{}, 0));
    REQUIRE(quantize(integer_quantizer{{4, false}, 32}, 1));
    CHECK(codes[0] == codes[1]);
    CHECK(zeros[0] == zeros[1]);
    CHECK(same_bits(scales[0], scales[1]));
}

TEST_CASE("storage_rounding: lanes are rounded as single floats are")
{
    check_rounding<bf16>();
    check_rounding<f16>();
}

TEST_CASE("scheme_quantizer: a group that does not divide the row is refused")
{
    CHECK(scheme_quantizer<w4a16, group_size<48>>{}.check(64).error().code() == error_code::shape_mismatch);
    CHECK(scheme_quantizer<w4a16, per_channel>{}.check(0).error().code() == error_code::shape_mismatch);
}
