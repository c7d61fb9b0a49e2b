// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/pack_bits.hpp>

#include <cstdint>
#include <vector>

namespace {

using bytes = std::vector<std::int8_t>;
using words = std::vector<std::uint32_t>;

words pack_row(const bytes& codes, int bits)
{
    words out(awq::packed_words(codes.size(), bits));
    awq::pack_compressed_tensors({codes.data(), 1, codes.size()}, bits, {out.data(), 1, out.size()});
    return out;
}

bytes counting(std::size_t count, int bits)
{
    bytes codes(count);
    const int half = 1 << (bits - 1);
    for (std::size_t i = 0; i < count; ++i)
        codes[i] = static_cast<std::int8_t>(static_cast<int>(i) % (2 * half) - half);
    return codes;
}

} // namespace

TEST_CASE("compressed-tensors: little end first, unused bits zero")
{
    CHECK(pack_row(counting(16, 4), 4) == words{0x76543210, 0xFEDCBA98});
    CHECK(pack_row(counting(10, 4), 4) == words{0x76543210, 0x00000098});
    CHECK(pack_row({-128, -1, 0, 127, 5}, 8) == words{0xFF807F00, 0x00000085});
}

TEST_CASE("compressed-tensors: three bits run across words")
{
    CHECK(pack_row(counting(32, 3), 3) == words{0x88FAC688, 0xC688FAC6, 0xFAC688FA});
}

TEST_CASE("compressed-tensors: zero points are packed along the outputs")
{
    bytes zeros;
    for (int i = 0; i < 10; ++i) {
        zeros.push_back(static_cast<std::int8_t>(i - 8));
        zeros.push_back(static_cast<std::int8_t>(7 - i));
    }
    words out(4);
    awq::pack_compressed_tensors_zero_points({zeros.data(), 10, 2}, 4, {out.data(), 2, 2});
    CHECK(out == words{0x76543210, 0x89ABCDEF, 0x98, 0x67});
    bytes back(20);
    awq::unpack_compressed_tensors_zero_points({out.data(), 2, 2}, 4, {back.data(), 10, 2});
    CHECK(back == zeros);
}

TEST_CASE("the golden weight's words")
{
    const small::matrix weight = small::golden_weight(2, 16);
    const auto packed = [&](bool symmetric, awq::dtype storage) {
        const awq::integer_quantizer how{{4, symmetric}, 8, storage};
        words out(4);
        for (std::size_t r = 0; r < 2; ++r) {
            bytes codes(16), zeros(2);
            std::vector<float> scales(2);
            how.quantize_row(weight.view().row(r), codes, scales, zeros);
            awq::pack_compressed_tensors({codes.data(), 1, 16}, 4, {out.data() + 2 * r, 1, 2});
        }
        return out;
    };
    for (const auto storage : {awq::dtype::bf16, awq::dtype::f16, awq::dtype::f32}) {
        CHECK(packed(true, storage) == words{0xB5E93C60, 0xB5F93D70, 0xF93D70B5, 0xFA4D72B5});
        CHECK(packed(false, storage) == words{0xB5F92D60, 0xB5F93D70, 0xF93D70B5, 0xF92D60A4});
    }
    const bytes zeros{0, 0, 0, -1};
    words out(2);
    awq::pack_compressed_tensors_zero_points({zeros.data(), 2, 2}, 4, {out.data(), 1, 2});
    CHECK(out == words{0x88, 0x78});
}

TEST_CASE("AutoAWQ: eight outputs a word, in its own order")
{
    bytes codes(8);
    for (int i = 0; i < 8; ++i) codes[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i - 8);
    words out(1);
    awq::pack_autoawq({codes.data(), 8, 1}, {out.data(), 1, 1});
    CHECK(out == words{0x75316420});
    bytes back(8);
    awq::unpack_autoawq({out.data(), 1, 1}, {back.data(), 8, 1});
    CHECK(back == codes);
}

TEST_CASE("GPTQ: along the inputs, zero points less one")
{
    const bytes codes = counting(16, 4);
    words out(2);
    awq::pack_gptq({codes.data(), 1, 16}, 4, {out.data(), 2, 1});
    CHECK(out == words{0x76543210, 0xFEDCBA98});
    const bytes zeros(8, 0); // unsigned 8
    words packed(1);
    awq::pack_gptq_zero_points({zeros.data(), 8, 1}, 4, {packed.data(), 1, 1});
    CHECK(packed == words{0x77777777});
}

TEST_CASE("every width comes back from its words, at lengths that leave a tail")
{
    for (int bits = 2; bits <= 8; ++bits)
        for (const std::size_t count : {std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{257}}) {
            const bytes codes = counting(count, bits);
            const words packed = pack_row(codes, bits);
            bytes back(count);
            awq::unpack_compressed_tensors({packed.data(), 1, packed.size()}, bits, {back.data(), 1, count});
            REQUIRE(back == codes);
        }
}
