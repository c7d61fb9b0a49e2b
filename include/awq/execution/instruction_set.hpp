// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_INSTRUCTION_SET_HPP
#define AWQ_EXECUTION_INSTRUCTION_SET_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/execution/kernels/multiply_add.hpp>

#include <string_view>
#include <type_traits>

namespace awq {

/// The level of x86-64 that the including translation unit is compiled for ("baseline", "x86-64-v2",
/// "x86-64-v3", "x86-64-v4"); elsewhere xsimd's name of the architecture, or "scalar".
template <class Arch = kernels::default_arch>
constexpr std::string_view instruction_set() noexcept
{
    if constexpr (std::is_base_of_v<kernels::vectors::avx512f, Arch>) return "x86-64-v4";
    if constexpr (std::is_base_of_v<kernels::vectors::avx2, Arch> && kernels::fuses<Arch>) return "x86-64-v3";
    if constexpr (std::is_base_of_v<kernels::vectors::sse4_2, Arch>) return "x86-64-v2";
    if constexpr (std::is_base_of_v<kernels::vectors::sse2, Arch>) return "baseline";
    return Arch::name();
}

/// That of the unit that runs on whole models spend their time in.
AWQ_COMPILED std::string_view kernel_instruction_set() noexcept;
#if AWQ_COMPILES_KERNELS
AWQ_COMPILED std::string_view kernel_instruction_set() noexcept { return instruction_set(); }
#endif

} // namespace awq

#endif
