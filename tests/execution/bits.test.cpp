// SPDX-License-Identifier: MIT
// Built once for each instruction set that this machine has. The numbers below are the same for all; who changes what
// is computed takes the new ones from any of these programs.
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/cholesky.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>

#include "catch.hpp"
#include "product_checks.hpp"

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace {

namespace simd = awq::kernels::simd;
namespace gguf = awq::gguf;

// FNV-1a over the bytes of all that is added.
class digest {
public:
    template <class T>
    void add(std::span<const T> values)
    {
        for (const std::byte each : std::as_bytes(values))
            value_ = (value_ ^ static_cast<std::uint64_t>(each)) * 1099511628211u;
    }
    void add(const std::vector<float>& values) { add(std::span<const float>{values}); }
    template <class T>
    void add_one(T value)
    {
        add(std::span<const T>{&value, 1});
    }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 14695981039346656037u;
};

struct reproducible {
    reproducible() { awq::reproducible_products = true; }
    ~reproducible() { awq::reproducible_products = false; }
};

void add_kernels(digest& bits, std::size_t size)
{
    auto a = random_values(size, 11);
    for (float& value : a) value *= 6.0f;
    const auto b = random_values(size, 12);
    auto out = b;
    bits.add_one(simd::dot(a, b));
    bits.add_one(simd::sum_of_squares(a));
    bits.add_one(simd::min_max(a).min);
    bits.add_one(simd::min_max(a).max);
    simd::add_scaled(0.7f, a, out);
    bits.add(out);
    simd::silu_multiply(a, b, out);
    bits.add(out);
    simd::gelu_tanh_multiply(a, b, out);
    bits.add(out);
    simd::rms_norm(a, b, 1e-5f, out, 1.0f);
    bits.add(out);
    auto turned = a;
    simd::rotate(b, a, turned, out);
    bits.add(turned);
    bits.add(out);
    simd::softmax(0.9f, a);
    bits.add(a);
}

std::uint64_t product_bits(product_shape shape)
{
    digest bits;
    const auto c = all_products<awq::packed_product>(awq::serial_execution{}, shape.m, shape.n, shape.k);
    for (const auto* part : {&c.nt, &c.nn, &c.gram, &c.cross}) bits.add(*part);
    return bits.value();
}

} // namespace

TEST_CASE("kernels have the same bits on every instruction set")
{
    digest bits;
    for (const std::size_t size : {1, 3, 7, 8, 15, 16, 17, 31, 40, 64, 100, 333}) add_kernels(bits, size);
    CHECK(bits.value() == 0xe0e732ab05074090);
}

TEST_CASE("products have the same bits on every instruction set, without fused multiply-add if asked")
{
    const reproducible on;
    CHECK(product_bits({1, 21, 7}) == 0xf3c66e110c3d7756);
    CHECK(product_bits({5, 40, 100}) == 0x1725726bbe71e5fe);
    CHECK(product_bits({31, 24, 48}) == 0xd96f6fde024a62a8);
    CHECK(product_bits({50, 37, 700}) == 0x460143aa98993b2c);
    CHECK(product_bits({130, 301, 90}) == 0xad3f62c07bb666ec);
}

TEST_CASE("a Cholesky factor and what it solves have the same bits on every instruction set")
{
    const reproducible on;
    const awq::serial_execution serial;
    const std::size_t n = 130, m = 40;
    const auto x = random_values(200 * n, 5);
    std::vector<float> gram(n * n), scratch(n * awq::cholesky_panel);
    awq::packed_product::add_gram(serial, {x.data(), 200, n}, {gram.data(), n, n});
    REQUIRE(awq::factor_cholesky<awq::packed_product>(serial, {gram.data(), n, n}, scratch));
    auto solved = random_values(m * n, 6);
    awq::solve_cholesky<awq::packed_product>(serial, {gram.data(), n, n}, {solved.data(), m, n}, scratch);
    digest bits;
    bits.add(gram);
    bits.add(solved);
    CHECK(bits.value() == 0xcc580fb133364535);
}

TEST_CASE("the longer search for a block's scales writes the same bytes on every instruction set")
{
    const auto values = random_values(1024, 7);
    auto importance = random_values(1024, 8);
    for (float& value : importance) value = value * value + 0.1f;
    digest bits;
    for (const auto type : {gguf::type::q4_0, gguf::type::q5_1, gguf::type::q2_k, gguf::type::q3_k, gguf::type::q4_k,
                            gguf::type::q6_k, gguf::type::iq4_nl}) {
        std::vector<std::uint8_t> codes(values.size());
        for (std::size_t at = 0; at < values.size(); at += gguf::block_columns(type)) {
            const gguf::block_source source{&values[at], &importance[at]};
            gguf::block_grid grid;
            gguf::simd_engine::fit(type, &source, 1, &grid, &codes[at]);
            gguf::simd_engine::improve(type, source, grid, &codes[at]);
        }
        bits.add(std::span<const std::uint8_t>{codes});
    }
    CHECK(bits.value() == 0x7ab06e0d11b07e8d);
}
