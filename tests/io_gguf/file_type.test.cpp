// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/file_type.hpp>

using namespace awq;
using gguf::file_type;

TEST_CASE("file types are read in any case, with llama-quantize's aliases")
{
    CHECK(*gguf::parse_file_type("q4_k_m") == file_type::q4_k_m);
    CHECK(*gguf::parse_file_type("Q4_K_M") == file_type::q4_k_m);
    CHECK(*gguf::parse_file_type("q4_k") == file_type::q4_k_m);
    CHECK(*gguf::parse_file_type("Q3_K") == file_type::q3_k_m);
    CHECK(*gguf::parse_file_type("bf16") == file_type::bf16);
    for (const char* text : {"", "q4", "q4_k_x", "q8_k", "Q4_K_M "})
        CHECK(gguf::parse_file_type(text).error().code() == error_code::invalid_argument);
}

TEST_CASE("the numbers, names and base types are those of the format")
{
    CHECK(static_cast<unsigned>(file_type::q4_k_m) == 15);
    CHECK(static_cast<unsigned>(file_type::bf16) == 32);
    CHECK(gguf::name_of(file_type::q5_k_s) == "Q5_K_S");
    CHECK(gguf::name_of(static_cast<file_type>(99)).empty());
    CHECK(gguf::base_type(file_type::q3_k_l) == gguf::type::q3_k);
    CHECK(gguf::base_type(file_type::f16) == gguf::type::f16);
}
