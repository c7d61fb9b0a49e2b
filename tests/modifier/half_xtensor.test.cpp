// SPDX-License-Identifier: MIT
#include "half_tensors.hpp"

#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/tensor/xtensor_backend.hpp>

#include <cstring>

namespace {

using backend = awq::xtensor_backend;
template <class T>
using smoother = awq::modifier<awq::smooth_and_quantize<awq::stored_as<T, awq::w4a16_asym>>, awq::group_size<16>,
                               backend, awq::tbb_execution>;

template <class T, class Tensor>
Tensor filled(Tensor made, std::uint64_t seed)
{
    small::numbers draw(seed);
    for (T& value : made) value = static_cast<T>(draw());
    return made;
}

template <class To, class From>
void copy(const From& from, To& to)
{
    for (std::size_t i = 0; i < from.size(); ++i)
        to.data()[i] = static_cast<typename To::value_type>(static_cast<float>(from.data()[i]));
}

// xtensors of 16-bit elements in memory that the backend allocates, against floats.
template <class T>
void check_xtensors()
{
    const auto x = filled<T>(backend::make<T>(100, 64), 1);
    backend::vector_of<T> norm = filled<T>(backend::vector_of<T>(std::array<std::size_t, 1>{64}), 2);
    auto q = filled<T>(backend::make<T>(12, 64), 3);
    auto wide_x = backend::make(100, 64), wide_q = backend::make(12, 64);
    backend::vector wide_norm(std::array<std::size_t, 1>{64});
    copy(x, wide_x);
    copy(q, wide_q);
    copy(norm, wide_norm);
    const smoother<T> how;
    const auto found = how.smooth(awq::smooth_layer{norm}, awq::balance_layers{q}, awq::activations{x});
    const auto wide = how.smooth(awq::smooth_layer{wide_norm}, awq::balance_layers{wide_q}, awq::activations{wide_x});
    REQUIRE(found);
    REQUIRE(wide);
    CHECK(found->best_error == wide->best_error);
    auto rounded = backend::make<T>(12, 64);
    copy(wide_q, rounded);
    CHECK(std::memcmp(rounded.data(), q.data(), 12 * 64 * sizeof(T)) == 0);

    std::vector<std::int8_t> codes(12 * 64), zeros(12 * 4), other(12 * 64);
    std::vector<float> scales(12 * 4);
    copy(q, wide_q);
    REQUIRE(how.quantize(q, {{codes.data(), 12, 64}, {scales.data(), 12, 4}, {zeros.data(), 12, 4}}));
    REQUIRE(how.quantize(wide_q, {{other.data(), 12, 64}, {scales.data(), 12, 4}, {zeros.data(), 12, 4}}));
    CHECK(codes == other);
}

} // namespace

TEST_CASE("xtensors of bf16 and f16 are smoothed and quantized as floats are")
{
    check_xtensors<awq::bf16>();
    check_xtensors<awq::f16>();
}

TEST_CASE("with packed products and threads 16-bit views give the bits of widening by hand")
{
    for (const std::size_t tokens : {700, 30}) { // more than one slab of the packed product, and few
        half::check_bits<smoother<awq::bf16>, awq::bf16>(true, false, tokens);
        half::check_bits<smoother<awq::f16>, awq::f16>(true, false, tokens);
    }
}
