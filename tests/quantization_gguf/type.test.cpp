// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/quantization/gguf/type.hpp>

#include <algorithm>

namespace gguf = awq::gguf;

TEST_CASE("gguf types have names and numbers both ways", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        CHECK(gguf::type_from_name(facts.name) == facts.type);
        CHECK(gguf::type_from_id(static_cast<std::uint32_t>(facts.type)) == facts.type);
        CHECK(gguf::name_of(facts.type) == facts.name);
        CHECK(facts.block_bytes > 0);
        if (facts.scale_columns != 0) CHECK(facts.block_columns % facts.scale_columns == 0);
    }
    CHECK(gguf::type_from_name("q4_k") == gguf::type::q4_k);
    CHECK(gguf::type_from_name("Bf16") == gguf::type::bf16);
    CHECK_FALSE(gguf::type_from_name("q4_"));
    CHECK_FALSE(gguf::type_from_id(4));
    CHECK_FALSE(gguf::type_from_id(9999));
    CHECK(gguf::is_quantized(gguf::type::q8_0));
    CHECK_FALSE(gguf::is_quantized(gguf::type::bf16));
}

TEST_CASE("gguf block sizes are those of the file format", "[gguf]")
{
    CHECK(gguf::block_bytes(gguf::type::q4_k) == 144);
    CHECK(gguf::block_columns(gguf::type::q4_k) == 256);
    CHECK(gguf::block_bytes(gguf::type::q6_k) == 210);
    CHECK(gguf::block_bytes(gguf::type::iq4_nl) == 18);
    CHECK(gguf::block_bytes(gguf::type::nvfp4) == 36);
}
