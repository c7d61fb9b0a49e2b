// SPDX-License-Identifier: MIT
#ifndef AWQ_CONFIG_HPP
#define AWQ_CONFIG_HPP

// The only file that looks at compiler macros. Every setting may be given on the command line.

/// 1: heap, files and threads are available. 0: only the core rooms may be included.
#ifndef AWQ_HOSTED
#define AWQ_HOSTED __STDC_HOSTED__
#endif

/// 1: all is compiled where it is used. 0: the whole-model calls of run/calls.hpp are declared only, and awq.hpp
/// includes nothing else; the one file that defines AWQ_IMPLEMENTATION before it compiles them.
#ifndef AWQ_HEADER_ONLY
#define AWQ_HEADER_ONLY 1
#endif
// What of it this unit compiles: the calls that compute, the operations in which they spend their time (see
// run/host_kernels.hpp), and what only reads and writes files. Whoever has AWQ_HEADER_ONLY=0 may compile the three in
// units of their own, instead of AWQ_IMPLEMENTATION; the second alone is faster with a wider instruction set.
#if AWQ_HEADER_ONLY || defined(AWQ_IMPLEMENTATION)
#define AWQ_COMPILES_RUNS 1
#define AWQ_COMPILES_KERNELS 1
#define AWQ_COMPILES_FILES 1
#endif
#ifndef AWQ_COMPILES_RUNS
#define AWQ_COMPILES_RUNS 0
#endif
#ifndef AWQ_COMPILES_KERNELS
#define AWQ_COMPILES_KERNELS 0
#endif
#ifndef AWQ_COMPILES_FILES
#define AWQ_COMPILES_FILES 0
#endif
// AWQ_CALL begins a call's definition, AWQ_DECLARED_CALL its declaration: a template is compiled where it is called,
// not wherever it is included. AWQ_COMPILED begins the declaration and the definition of what a call needs of another
// unit.
#if AWQ_HEADER_ONLY
#define AWQ_DECLARED_CALL template <class = void>
#define AWQ_CALL template <class>
#define AWQ_COMPILED inline
#else
#define AWQ_DECLARED_CALL
#define AWQ_CALL
#define AWQ_COMPILED
#endif

/// 1: `result<T>::value()` exists and throws `awq::exception`. 0: errors are values only, and recipes, which
/// yaml-cpp reads with exceptions, are refused.
#ifndef AWQ_EXCEPTIONS
#if defined(__cpp_exceptions) && AWQ_HOSTED
#define AWQ_EXCEPTIONS 1
#else
#define AWQ_EXCEPTIONS 0
#endif
#endif

/// Bytes that an `awq::error` reserves for its text, a plain number; longer texts are cut.
#ifndef AWQ_ERROR_TEXT_SIZE
#if AWQ_HOSTED
#define AWQ_ERROR_TEXT_SIZE 480
#else
#define AWQ_ERROR_TEXT_SIZE 96
#endif
#endif

/// 1: the search scales candidates and sums their losses in float, for processors that have no instructions
/// for double (Cortex-M4; a Cortex-M0+ has none for float either). Scales, losses and so codes may then
/// differ in the last digits from those of other machines; smoothing itself stays exact in double.
#ifndef AWQ_FLOAT_SUMS
#define AWQ_FLOAT_SUMS 0
#endif

/// 1: the compiler has GCC's vectors, builtin functions and assembly, as Clang too. 0: plain C++ only, as for
/// MSVC; the same bits, slower.
#ifndef AWQ_GNU
#ifdef __GNUC__
#define AWQ_GNU 1
#else
#define AWQ_GNU 0
#endif
#endif

/// Floats in a vector register of the instruction set that this unit is compiled for; 1 where it has none.
#ifndef AWQ_VECTOR_FLOATS
#if !AWQ_GNU
#define AWQ_VECTOR_FLOATS 1
#elif defined(__AVX512F__)
#define AWQ_VECTOR_FLOATS 16
#elif defined(__AVX__)
#define AWQ_VECTOR_FLOATS 8
#elif defined(__SSE2__) || (defined(__aarch64__) && defined(__ARM_NEON))
#define AWQ_VECTOR_FLOATS 4
#else
#define AWQ_VECTOR_FLOATS 1
#endif
#endif

// The settings that change a layout, or what code of the same name computes, as a name. Between AWQ_ABI_BEGIN and
// AWQ_ABI_END types lie in an inline namespace of that name; functions that return one get it from the compiler.
// AWQ_ABI_TAG gives it to what has such a type as a member, or computes otherwise. So units of one program that were
// compiled with other settings share no code, and what one would hand to the other is missing when they are linked.
#define AWQ_ABI_NAME_(text_size, exceptions, float_sums)                                                               \
    error_text_##text_size##_exceptions_##exceptions##_float_sums_##float_sums
#define AWQ_ABI_NAME(text_size, exceptions, float_sums) AWQ_ABI_NAME_(text_size, exceptions, float_sums)
#define AWQ_ABI AWQ_ABI_NAME(AWQ_ERROR_TEXT_SIZE, AWQ_EXCEPTIONS, AWQ_FLOAT_SUMS)
#define AWQ_ABI_TEXT_(name) #name
#define AWQ_ABI_TEXT(name) AWQ_ABI_TEXT_(name)
#if AWQ_GNU
#define AWQ_ABI_TAG [[gnu::abi_tag(AWQ_ABI_TEXT(AWQ_ABI))]]
#else
#define AWQ_ABI_TAG
#endif
#define AWQ_ABI_BEGIN inline namespace AWQ_ABI_TAG AWQ_ABI {
#define AWQ_ABI_END }

// Asks the compiler to inline the bodies that target-specific wrappers share, and lambdas: [] AWQ_INLINED {}.
#if AWQ_GNU
#define AWQ_ALWAYS_INLINE [[gnu::always_inline]] inline
#define AWQ_INLINED __attribute__((always_inline))
#else
#define AWQ_ALWAYS_INLINE inline
#define AWQ_INLINED
#endif

#endif
