// SPDX-License-Identifier: MIT
// awq 0.1.0, awq/hosted.hpp in one file. Written by single_include/amalgamate.py; do not edit.

// ---- awq/hosted.hpp
#ifndef AWQ_HOSTED_HPP
#define AWQ_HOSTED_HPP

/// The core with xtensor, TBB and fast matrix products: tensors in memory, no files and no models.
// ---- awq/core.hpp
#ifndef AWQ_CORE_HPP
#define AWQ_CORE_HPP

/// Everything that needs no heap, exceptions, RTTI, threads or third-party library.
// ---- awq/calibration/activation_stats.hpp
#ifndef AWQ_CALIBRATION_ACTIVATION_STATS_HPP
#define AWQ_CALIBRATION_ACTIVATION_STATS_HPP

// ---- awq/calibration/loss_mask.hpp
#ifndef AWQ_CALIBRATION_LOSS_MASK_HPP
#define AWQ_CALIBRATION_LOSS_MASK_HPP

#include <cstddef>
#include <span>

namespace awq {

/// Which tokens count, in the statistics and in the loss: one byte a token, 0 leaves it out. A mask
/// that is shorter than the batch, the empty one too, keeps the tokens past its end.
class loss_mask {
public:
    constexpr loss_mask() = default;
    constexpr explicit loss_mask(std::span<const unsigned char> keep) noexcept : keep_(keep) {}

    constexpr bool keeps(std::size_t token) const noexcept { return token >= keep_.size() || keep_[token] != 0; }
    /// How many of the first `tokens` tokens count.
    constexpr std::size_t kept(std::size_t tokens) const noexcept
    {
        std::size_t count = 0;
        for (std::size_t t = 0; t < tokens; ++t) count += keeps(t) ? 1 : 0;
        return count;
    }
    /// Calls `action(first, count)` for every run of tokens that count.
    template <class Action>
    constexpr void for_each_run(std::size_t tokens, Action&& action) const
    {
        for (std::size_t first = 0; first < tokens;) {
            std::size_t end = first;
            while (end < tokens && keeps(end)) ++end;
            if (end > first) action(first, end - first);
            first = end + 1;
        }
    }

private:
    std::span<const unsigned char> keep_;
};

} // namespace awq

#endif
// ---- awq/execution/execution_concept.hpp
#ifndef AWQ_EXECUTION_EXECUTION_CONCEPT_HPP
#define AWQ_EXECUTION_EXECUTION_CONCEPT_HPP

// ---- awq/policy/axis.hpp
#ifndef AWQ_POLICY_AXIS_HPP
#define AWQ_POLICY_AXIS_HPP

#include <concepts>

namespace awq {

/// The four questions that a modifier's policies answer, each once.
namespace axis {
struct mode;      ///< what is done after the search
struct group;     ///< elements of a row that share a scale
struct backend;   ///< who owns tensors and supplies matrix products
struct execution; ///< who does the work
} // namespace axis

/// A policy is a small type that names the axis it answers: `using policy_axis = awq::axis::mode;`
template <class T>
concept policy = requires
{
    typename T::policy_axis;
};

template <class T, class Axis>
concept policy_of = policy<T> && std::same_as<typename T::policy_axis, Axis>;

} // namespace awq

#endif

#include <concepts>
#include <cstddef>
#include <string_view>

namespace awq {

namespace detail {
struct any_task {
    void operator()(std::size_t) const noexcept {}
};
} // namespace detail

/// Who does the work. `for_each(count, task)` calls `task(i)` once for every i < count, in any order
/// and possibly at the same time, and returns when all calls are done. The caller cuts the work, the
/// execution never does: where the cuts do not depend on the number of threads and each task writes
/// its own output, the result has the same bits at any number of threads.
template <class E>
concept execution = policy_of<E, axis::execution> && requires(const E& e, detail::any_task task)
{
    {
        E::name
        } -> std::convertible_to<std::string_view>;
    {
        e.for_each(std::size_t{}, task)
        } -> std::same_as<void>;
};

/// How many chunks of at most `grain` items cover `count` items.
constexpr std::size_t chunk_count(std::size_t count, std::size_t grain) noexcept { return (count + grain - 1) / grain; }

} // namespace awq

#endif
// ---- awq/execution/matrix_product.hpp
#ifndef AWQ_EXECUTION_MATRIX_PRODUCT_HPP
#define AWQ_EXECUTION_MATRIX_PRODUCT_HPP

// ---- awq/tensor/matrix_view.hpp
#ifndef AWQ_TENSOR_MATRIX_VIEW_HPP
#define AWQ_TENSOR_MATRIX_VIEW_HPP

#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

/// A row-major matrix that somebody else owns. For a weight, rows = out_features and
/// cols = in_features; for activations, rows = tokens and cols = in_features.
template <class T>
class matrix_view {
public:
    using value_type = std::remove_cv_t<T>;

    constexpr matrix_view() = default;
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols) noexcept : matrix_view(data, rows, cols, cols) {}
    /// `stride`: elements from the start of one row to the start of the next, at least `cols`; for a
    /// view that is only read also 0: all its rows are the same.
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols, std::size_t stride) noexcept
        : data_(data), rows_(rows), cols_(cols), stride_(stride)
    {}
    template <class U>
    requires std::is_same_v<const U, T>
    constexpr matrix_view(const matrix_view<U>& other) noexcept
        : matrix_view(other.data(), other.rows(), other.cols(), other.stride())
    {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t rows() const noexcept { return rows_; }
    constexpr std::size_t cols() const noexcept { return cols_; }
    constexpr std::size_t stride() const noexcept { return stride_; }
    constexpr std::size_t size() const noexcept { return rows_ * cols_; }
    constexpr bool empty() const noexcept { return size() == 0; }
    /// Whether one row begins before the one above it has ended: such a view must not be written.
    constexpr bool rows_overlap() const noexcept { return rows_ > 1 && stride_ < cols_; }
    constexpr bool contiguous() const noexcept { return stride_ == cols_; }

    constexpr std::span<T> row(std::size_t index) const noexcept { return {data_ + index * stride_, cols_}; }
    constexpr T& operator()(std::size_t row, std::size_t col) const noexcept { return data_[row * stride_ + col]; }
    /// `count` rows from `first` on.
    constexpr matrix_view rows_from(std::size_t first, std::size_t count) const noexcept
    {
        return {data_ + first * stride_, count, cols_, stride_};
    }
    /// `count` columns from `first` on.
    constexpr matrix_view cols_from(std::size_t first, std::size_t count) const noexcept
    {
        return {data_ + first, rows_, count, stride_};
    }

private:
    T* data_ = nullptr;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
    std::size_t stride_ = 0;
};

/// What a weight's norm is: a vector is a matrix view of one row.
template <class T>
constexpr matrix_view<T> as_row(std::span<T> values) noexcept
{
    return {values.data(), 1, values.size()};
}

} // namespace awq

#endif

namespace awq {

/// Who multiplies matrices: a type with four static operations, which a backend names as its `product`.
/// An engine brings its own GEMM by writing one (`products/plain.hpp` is the reference, with plain loops).
///
/// - `multiply_nt(e, a, b, c)`: c = a b^T; a (m, k), b (n, k), c (m, n). A linear layer; b is its weight.
/// - `multiply_nn(e, a, b, c)`: c = a b; a (m, k), b (k, n), c (m, n).
/// - `add_gram(e, x, g)`: g += x^T x; x (tokens, k), g (k, k), symmetric before and after.
/// - `add_cross_gram(e, x, y, g)`: g += x^T y; x (tokens, m), y (tokens, n), g (m, n).
///
/// All operands may have a stride, and the output overlaps no input. The work goes through the execution
/// `e` (see `execution`), or is done in the calling thread. Where sums run in an order that does not depend
/// on the number of threads, results of a search have the same bits at any number of threads.
/// On any number of machines they have where a row of a product does not depend on the other rows; one for which that
/// holds from so many rows on only, says so by constants `min_packed_rows_nt` and `min_packed_rows_nn`.
/// An `add_gram` may also take x of f16 and bf16, as ours do (`gram_of_elements`); else it is widened before.
template <class P, class E>
concept matrix_product = execution<E> && requires(const E& e, matrix_view<const float> in, matrix_view<float> out)
{
    P::multiply_nt(e, in, in, out);
    P::multiply_nn(e, in, in, out);
    P::add_gram(e, in, out);
    P::add_cross_gram(e, in, in, out);
};

/// A product whose `add_gram` takes inputs of T.
template <class P, class E, class T>
concept gram_of_elements = requires(const E& e, matrix_view<const T> x, matrix_view<float> g)
{
    P::add_gram(e, x, g);
};

} // namespace awq

#endif
// ---- awq/execution/widen.hpp
#ifndef AWQ_EXECUTION_WIDEN_HPP
#define AWQ_EXECUTION_WIDEN_HPP

// ---- awq/support/result.hpp
#ifndef AWQ_SUPPORT_RESULT_HPP
#define AWQ_SUPPORT_RESULT_HPP

// ---- awq/config.hpp
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
// ---- awq/support/error.hpp
#ifndef AWQ_SUPPORT_ERROR_HPP
#define AWQ_SUPPORT_ERROR_HPP

// ---- awq/support/error_code.hpp
#ifndef AWQ_SUPPORT_ERROR_CODE_HPP
#define AWQ_SUPPORT_ERROR_CODE_HPP

#include <string_view>

namespace awq {

/// What went wrong, by kind. `none` is 0. The text of an `awq::error` says where and what to do.
enum class error_code : unsigned char {
    none,
    invalid_argument,    ///< a value that the caller chose is not allowed; never one out of a file
    shape_mismatch,      ///< two tensors, or a tensor and a group size, do not fit together
    workspace_too_small, ///< the caller's memory is smaller than `workspace_size` asks for
    not_finite,          ///< a NaN or an infinity where only numbers are allowed
    no_candidate,        ///< no scale candidate gave a finite error
    not_calibrated,      ///< no activations were observed
    file_not_found,
    file_unreadable,
    file_unwritable,
    file_exists,    ///< the output is already there and overwriting was not asked for
    malformed_file, ///< a file does not follow its own format
    missing_tensor,
    missing_field,
    unknown_architecture,
    unsupported, ///< well formed, but a thing that this library does not do
    out_of_memory,
};

/// One short phrase for each code, for logs; never null.
constexpr std::string_view message(error_code code) noexcept
{
    switch (code) {
    case error_code::none:
        return "no error";
    case error_code::invalid_argument:
        return "invalid argument";
    case error_code::shape_mismatch:
        return "shape mismatch";
    case error_code::workspace_too_small:
        return "workspace too small";
    case error_code::not_finite:
        return "not a finite number";
    case error_code::no_candidate:
        return "no usable scale candidate";
    case error_code::not_calibrated:
        return "not calibrated";
    case error_code::file_not_found:
        return "file not found";
    case error_code::file_unreadable:
        return "file cannot be read";
    case error_code::file_unwritable:
        return "file cannot be written";
    case error_code::file_exists:
        return "file exists";
    case error_code::malformed_file:
        return "malformed file";
    case error_code::missing_tensor:
        return "missing tensor";
    case error_code::missing_field:
        return "missing field";
    case error_code::unknown_architecture:
        return "unknown architecture";
    case error_code::unsupported:
        return "unsupported";
    case error_code::out_of_memory:
        return "out of memory";
    }
    return "unknown error";
}

} // namespace awq

#endif

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace awq {
AWQ_ABI_BEGIN

/// An error as a value: its kind, and one line that says what, where and what to do.
/// Owns its text in place (no heap); a text longer than AWQ_ERROR_TEXT_SIZE is cut. Only as much of it as
/// there is text is ever written or copied: a success costs nothing.
class error {
public:
    /// Joins strings and numbers into the text: error{code, path, ": header of ", n, " bytes"}.
    template <class... Parts>
    explicit constexpr error(error_code code, const Parts&... parts) noexcept : code_(code)
    {
        (append(parts), ...);
    }

    constexpr error(const error& other) noexcept : code_(other.code_) { append(other.text()); }
    constexpr error& operator=(const error& other) noexcept
    {
        if (this == &other) return *this;
        code_ = other.code_;
        size_ = 0;
        append(other.text());
        return *this;
    }

    constexpr error_code code() const noexcept { return code_; }
    /// One line: what, where, what to do. Cut at `AWQ_ERROR_TEXT_SIZE` bytes; valid as long as this error.
    constexpr std::string_view text() const noexcept { return {text_, size_}; }

    /// The same error with `where` and ": " put before its text, as it passes up through a reader.
    constexpr error within(std::string_view where) const noexcept { return error{code_, where, ": ", text()}; }

    /// As `within`, for a value that came out of the file `where`: nobody chose it, so that an
    /// `invalid_argument` is a `malformed_file`.
    constexpr error from_file(std::string_view where) const noexcept
    {
        const bool chosen = code_ == error_code::invalid_argument;
        return error{chosen ? error_code::malformed_file : code_, where, ": ", text()};
    }

private:
    /// Names out of files may hold anything: control characters become '?', so that the text is one line.
    constexpr void append(std::string_view part) noexcept
    {
        const std::size_t room = std::min(part.size(), sizeof text_ - size_);
        std::transform(part.data(), part.data() + room, text_ + size_,
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c; });
        size_ += room;
    }

    constexpr void append(const char* part) noexcept { append(std::string_view{part}); }
    constexpr void append(char part) noexcept { append(std::string_view{&part, 1}); }

    template <class Number>
    requires(std::integral<Number> || std::floating_point<Number>) &&
        (!std::same_as<Number, bool>)void append(Number number) noexcept
    {
        const auto written = std::to_chars(text_ + size_, text_ + sizeof text_, number);
        if (written.ec == std::errc{}) size_ = static_cast<std::size_t>(written.ptr - text_);
    }

    error_code code_;
    std::size_t size_ = 0;
    char text_[AWQ_ERROR_TEXT_SIZE]; // the first size_ characters count
};

AWQ_ABI_END
} // namespace awq

#endif

#include <new>
#include <type_traits>
#include <utility>
#if AWQ_EXCEPTIONS
#include <stdexcept>
#include <string>
#endif

namespace awq {
AWQ_ABI_BEGIN

#if AWQ_EXCEPTIONS
/// Thrown by `result<T>::value()` only.
class exception : public std::runtime_error {
public:
    explicit exception(const error& cause) : std::runtime_error(std::string{cause.text()}), code_(cause.code()) {}
    error_code code() const noexcept { return code_; }

private:
    error_code code_;
};
#endif

/// A value or an `awq::error`. Test it, then use `*` and `->`; both need a value to be there. It can be
/// copied where the value can.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(const T& value) requires std::is_copy_constructible_v<T> : has_value_(true) { ::new (&value_) T(value); }
    result(T&& value) : has_value_(true) { ::new (&value_) T(std::move(value)); }
    result(const error& cause) noexcept : has_value_(false) { ::new (&error_) awq::error(cause); }
    result(const result& other) requires std::is_copy_constructible_v<T> : has_value_(other.has_value_)
    {
        copy_from(other);
    }
    result(result&& other) noexcept : has_value_(other.has_value_) { copy_from(std::move(other)); }
    result& operator=(result other) noexcept
    {
        destroy();
        has_value_ = other.has_value_;
        copy_from(std::move(other));
        return *this;
    }
    ~result() { destroy(); }

    explicit operator bool() const noexcept { return has_value_; }
    bool has_value() const noexcept { return has_value_; }
    T& operator*() & noexcept { return value_; }
    const T& operator*() const& noexcept { return value_; }
    T&& operator*() && noexcept { return std::move(value_); }
    T* operator->() noexcept { return &value_; }
    const T* operator->() const noexcept { return &value_; }
    /// Only where there is no value.
    const awq::error& error() const noexcept { return error_; }

#if AWQ_EXCEPTIONS
    /// The value; throws `awq::exception` where there is none.
    T& value() & { return throw_unless_value(), value_; }
    const T& value() const& { return throw_unless_value(), value_; }
    T value() && { return throw_unless_value(), std::move(value_); }
#endif

private:
#if AWQ_EXCEPTIONS
    void throw_unless_value() const
    {
        if (!has_value_) throw exception{error_};
    }
#endif

    template <class Other>
    void copy_from(Other&& other)
    {
        if (has_value_)
            ::new (&value_) T(std::forward<Other>(other).value_);
        else
            ::new (&error_) awq::error(other.error_);
    }

    void destroy() noexcept
    {
        if (has_value_)
            value_.~T();
        else
            error_.~error();
    }

    bool has_value_;
    union {
        T value_;
        awq::error error_;
    };
};

/// Success, or an error.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept : error_(error_code::none) {}
    result(const awq::error& cause) noexcept : error_(cause) {}

    explicit operator bool() const noexcept { return has_value(); }
    bool has_value() const noexcept { return error_.code() == error_code::none; }
    const awq::error& error() const noexcept { return error_; }
#if AWQ_EXCEPTIONS
    void value() const
    {
        if (!has_value()) throw exception{error_};
    }
#endif

private:
    awq::error error_;
};

using status = result<void>;

AWQ_ABI_END
} // namespace awq

#define AWQ_JOIN_NAMES_(a, b) a##b
#define AWQ_JOIN_NAMES(a, b) AWQ_JOIN_NAMES_(a, b)

/// AWQ_TRY(auto value, expression): the expression's value, or return its error from this function.
#define AWQ_TRY(declaration, ...)                                                                                      \
    auto&& AWQ_JOIN_NAMES(awq_result_, __LINE__) = (__VA_ARGS__);                                                      \
    if (!AWQ_JOIN_NAMES(awq_result_, __LINE__)) return AWQ_JOIN_NAMES(awq_result_, __LINE__).error();                  \
    declaration = *std::move(AWQ_JOIN_NAMES(awq_result_, __LINE__))

/// AWQ_CHECK(expression): return the expression's error from this function, if it has one.
#define AWQ_CHECK(...)                                                                                                 \
    do {                                                                                                               \
        if (auto&& awq_status = (__VA_ARGS__); !awq_status) return awq_status.error();                                 \
    } while (false)

#endif
// ---- awq/tensor/element.hpp
#ifndef AWQ_TENSOR_ELEMENT_HPP
#define AWQ_TENSOR_ELEMENT_HPP

// ---- awq/support/float16.hpp
#ifndef AWQ_SUPPORT_FLOAT16_HPP
#define AWQ_SUPPORT_FLOAT16_HPP

#include <bit>
#include <compare>
#include <cstdint>

namespace awq {

/// bfloat16: the upper half of an IEEE binary32.
struct bf16 {
    std::uint16_t bits = 0;

    bf16() = default;
    /// Rounds to nearest, ties to even; denormals are kept, a NaN stays a NaN.
    constexpr explicit bf16(float value) noexcept : bits(round(std::bit_cast<std::uint32_t>(value))) {}
    constexpr explicit operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
    static constexpr bf16 from_bits(std::uint16_t pattern) noexcept
    {
        bf16 value;
        value.bits = pattern;
        return value;
    }
    friend constexpr bool operator==(bf16, bf16) = default; // compares bit patterns

private:
    static constexpr std::uint16_t round(std::uint32_t pattern) noexcept
    {
        const bool nan = (pattern & 0x7FFFFFFFu) > 0x7F800000u;
        const std::uint32_t rounded = pattern + 0x7FFFu + ((pattern >> 16) & 1u);
        return static_cast<std::uint16_t>(nan ? (pattern >> 16) | 0x40u : rounded >> 16);
    }
};

/// IEEE binary16.
struct f16 {
    std::uint16_t bits = 0;

    f16() = default;
    /// Rounds to nearest, ties to even; overflow gives an infinity, a NaN stays a (quiet) NaN.
    constexpr explicit f16(float value) noexcept : bits(round(std::bit_cast<std::uint32_t>(value))) {}
    constexpr explicit operator float() const noexcept
    {
        const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
        return std::bit_cast<float>(sign | widen_magnitude(bits & 0x7FFFu));
    }
    static constexpr f16 from_bits(std::uint16_t pattern) noexcept
    {
        f16 value;
        value.bits = pattern;
        return value;
    }
    friend constexpr bool operator==(f16, f16) = default; // compares bit patterns

private:
    // The exponents differ by 112; a float multiplication by 2^112 also normalises denormals.
    static constexpr std::uint32_t widen_magnitude(std::uint32_t magnitude) noexcept
    {
        const std::uint32_t special = magnitude >= 0x7C00u ? 0x7F800000u : 0u;
        const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
        return special | std::bit_cast<std::uint32_t>(scaled);
    }

    static constexpr std::uint16_t round(std::uint32_t pattern) noexcept
    {
        const std::uint32_t magnitude = pattern & 0x7FFFFFFFu;
        const auto sign = static_cast<std::uint16_t>((pattern >> 16) & 0x8000u);
        return static_cast<std::uint16_t>(sign | round_magnitude(magnitude));
    }

    static constexpr std::uint32_t round_magnitude(std::uint32_t magnitude) noexcept
    {
        if (magnitude > 0x7F800000u) return 0x7E00u;  // NaN
        if (magnitude >= 0x477FF000u) return 0x7C00u; // 65520 and above round to infinity
        if (magnitude >= 0x38800000u) {               // normal in half precision
            const std::uint32_t rebiased = magnitude - 0x38000000u;
            return (rebiased + 0xFFFu + ((rebiased >> 13) & 1u)) >> 13;
        }
        // Denormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
        const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
        return std::bit_cast<std::uint32_t>(shifted) - 0x3F000000u;
    }
};

} // namespace awq

#endif

#include <concepts>
#include <type_traits>

namespace awq {

/// The element types of tensors that stay in 16 bits in memory.
template <class T>
concept half_element = std::same_as<std::remove_cv_t<T>, f16> || std::same_as<std::remove_cv_t<T>, bf16>;

/// The element types of weights, norms and activations in memory.
template <class T>
concept tensor_element = half_element<T> || std::same_as < std::remove_cv_t<T>,
float > ;

namespace detail {

/// An element as arithmetic in double sees it, and back; through float, as where a tensor is widened by
/// hand.
template <tensor_element T>
constexpr double to_double(T element) noexcept
{
    return static_cast<double>(static_cast<float>(element));
}
template <tensor_element T>
constexpr T from_double(double value) noexcept
{
    return static_cast<T>(static_cast<float>(value));
}

} // namespace detail

} // namespace awq

#endif
// ---- awq/tensor/workspace.hpp
#ifndef AWQ_TENSOR_WORKSPACE_HPP
#define AWQ_TENSOR_WORKSPACE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace awq {

/// Working memory that the caller owns, handed out front to back. Sizes are in floats.
class workspace {
public:
    constexpr workspace() = default;
    constexpr workspace(std::span<float> memory) noexcept : free_(memory) {}
    template <class Memory>
    requires(!std::is_same_v<Memory, workspace>) &&
        std::is_convertible_v<Memory&, std::span<float>> constexpr workspace(Memory& memory) noexcept : free_(memory)
    {}

    /// `count` objects of T, value-initialised unless T is float; empty where the memory is too
    /// small.
    template <class T>
    requires std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> std::span<T> take(std::size_t count)
    noexcept
    {
        const std::size_t needed = size_for<T>(count);
        if (needed > free_.size()) return {};
        const std::size_t skipped = misalignment<T>(free_.data());
        T* const first = reinterpret_cast<T*>(free_.data() + skipped);
        if constexpr (!std::is_same_v<T, float>) std::uninitialized_value_construct_n(first, count);
        free_ = free_.subspan(needed);
        return {first, count};
    }

    /// All that is left.
    std::span<float> rest() const noexcept { return free_; }

    /// Floats that `take<T>(count)` needs at most, alignment included.
    template <class T>
    static constexpr std::size_t size_for(std::size_t count) noexcept
    {
        constexpr std::size_t padding = alignof(T) > alignof(float) ? alignof(T) / sizeof(float) : 0;
        return (count * sizeof(T) + sizeof(float) - 1) / sizeof(float) + padding;
    }

private:
    template <class T>
    static std::size_t misalignment(const float* at) noexcept
    {
        const std::uintptr_t past = reinterpret_cast<std::uintptr_t>(at) % alignof(T);
        return past == 0 ? 0 : (alignof(T) - past) / sizeof(float);
    }

    std::span<float> free_;
};

} // namespace awq

#endif

#include <cstddef>
#include <span>

namespace awq {

/// Copies a tensor of f16 or bf16 (or float) into one of float of the same shape; nothing is lost.
template <execution E, class T>
void widen(const E& how, matrix_view<T> from, matrix_view<float> to)
{
    how.for_each(from.rows(), [=](std::size_t r) {
        const std::span<T> in = from.row(r);
        float* const out = to.row(r).data();
        for (std::size_t c = 0; c < in.size(); ++c) out[c] = static_cast<float>(in[c]);
    });
}

/// Calls `use(first, tile)` for tiles of a tensor's rows in float, in order, as many rows at a time as
/// `memory` holds; that must be one at least.
template <execution E, class T, class Use>
void for_each_widened(const E& how, matrix_view<T> from, std::span<float> memory, Use&& use)
{
    const std::size_t most = memory.size() / from.cols();
    for (std::size_t first = 0; first < from.rows(); first += most) {
        const std::size_t count = most < from.rows() - first ? most : from.rows() - first;
        const matrix_view<float> tile{memory.data(), count, from.cols()};
        widen(how, from.rows_from(first, count), tile);
        use(first, matrix_view<const float>{tile});
    }
}

/// A tensor in float: itself, or a copy in the front of `memory`; workspace_too_small where that has no room.
template <execution E, tensor_element T>
result<matrix_view<const float>> in_float(const E& how, matrix_view<T> tensor, workspace& memory)
{
    if constexpr (half_element<T>) {
        const std::span<float> space = memory.take<float>(tensor.size());
        if (space.size() != tensor.size())
            return error{error_code::workspace_too_small, "a tensor in 16 bits needs ", tensor.size(),
                         " floats to be widened in; see workspace_size"};
        const matrix_view<float> wide{space.data(), tensor.rows(), tensor.cols()};
        widen(how, tensor, wide);
        return matrix_view<const float>{wide};
    } else {
        return matrix_view<const float>{tensor};
    }
}

} // namespace awq

#endif
// ---- awq/tensor/backend_concept.hpp
#ifndef AWQ_TENSOR_BACKEND_CONCEPT_HPP
#define AWQ_TENSOR_BACKEND_CONCEPT_HPP

#include <concepts>

namespace awq {

namespace axis {
struct backend; // defined by name only; the other axes are in policy/axis.hpp
} // namespace axis

// The matrix products that come with the library; each is defined in execution/products/<name>.hpp.
struct plain_product;    ///< one loop, core, the reference
struct packed_product;   ///< packed xsimd micro-kernel (H), the default
struct openblas_product; ///< OpenBLAS (H, opt-in)

/// Who owns tensors, and who multiplies them.
///
/// - `B::product`: one of the matrix products above, or one's own (see `matrix_product`).
/// - `B::view(tensor)`: a `matrix_view`, of float, f16 or bf16, of each tensor type that the backend accepts.
/// - `B::vector` or `B::vector_of<T>`, if it has one: its vectors, which as smooth layers are norms; a
///   `std::span` always is one.
/// - `B::make_workspace(floats)`, if it allocates: what owns that many floats, null where there are none.
template <class B>
concept tensor_backend = requires
{
    typename B::product;
    requires std::same_as<typename B::policy_axis, axis::backend>;
    {
        B::view(matrix_view<float>{})
        } -> std::same_as<matrix_view<float>>;
};

} // namespace awq

#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace awq {

/// Running sums over the inputs of a layer, in the caller's memory, which starts as zeros. Being
/// sums they merge: over batches, threads and machines. All but the token count may be absent
/// (empty).
struct activation_stats {
    std::span<double> abs_sum;    ///< (in_features) sum of |x|
    std::span<double> square_sum; ///< (in_features) sum of x^2
    matrix_view<float> gram;      ///< (in_features, in_features) X^T X
    std::uint64_t tokens = 0;

    /// Floats that statistics over `in_features` channels take, with or without a Gram matrix.
    static constexpr std::size_t size(std::size_t in_features, bool with_gram) noexcept
    {
        return 2 * workspace::size_for<double>(in_features) + (with_gram ? in_features * in_features : 0);
    }

    /// Zeroed statistics in the front of `memory`; workspace_too_small where it has no room.
    static result<activation_stats> make(workspace& memory, std::size_t in_features, bool with_gram)
    {
        activation_stats made;
        made.abs_sum = memory.take<double>(in_features);
        made.square_sum = memory.take<double>(in_features);
        std::span<float> gram;
        if (with_gram) gram = memory.take<float>(in_features * in_features);
        if (made.square_sum.empty() || (with_gram && gram.empty()))
            return error{error_code::workspace_too_small,
                         "activation statistics: ",
                         in_features,
                         " channels need ",
                         size(in_features, with_gram),
                         " floats"};
        std::ranges::fill(gram, 0.0f);
        if (with_gram) made.gram = {gram.data(), in_features, in_features};
        return made;
    }

    /// Adds a batch of inputs, (tokens, in_features), of float, f16 or bf16, with the tokens that the mask
    /// keeps. `Product`: the matrix product that adds to the Gram matrix. `scratch`: only for 16-bit inputs
    /// and a product of one's own that does not read them: in_features floats or more, in which they are
    /// widened by tiles.
    template <class Product, execution E, class T = const float>
    status observe(const E& how, matrix_view<T> x, loss_mask mask = {}, std::span<float> scratch = {});

    /// Adds the sums of `other`, which has the same shape and the same parts.
    status merge(const activation_stats& other) noexcept;

    /// Mean of |x| per channel, in float, into `out`. not_calibrated without tokens.
    status mean_abs(std::span<float> out) const noexcept { return mean_of(abs_sum, out); }

    /// Mean of x^2 per channel: the importance that GGUF quantizers take.
    status mean_square(std::span<float> out) const noexcept { return mean_of(square_sum, out); }

private:
    template <class Product, execution E, class T>
    void add_gram(const E& how, matrix_view<const T> run, std::span<float> scratch)
    {
        if constexpr (gram_of_elements<Product, E, T>)
            Product::add_gram(how, run, gram);
        else
            for_each_widened(how, run, scratch,
                             [&](std::size_t, matrix_view<const float> tile) { Product::add_gram(how, tile, gram); });
    }

    status mean_of(std::span<const double> sums, std::span<float> out) const noexcept
    {
        if (tokens == 0) return error{error_code::not_calibrated, "activation statistics: no token was observed"};
        if (sums.size() != out.size())
            return error{error_code::shape_mismatch,
                         "activation statistics: ",
                         sums.size(),
                         " channels, ",
                         out.size(),
                         " wanted"};
        for (std::size_t i = 0; i < sums.size(); ++i)
            out[i] = static_cast<float>(sums[i] / static_cast<double>(tokens));
        return {};
    }
};

namespace detail {

// Eight rows are added in float, where nothing of weight is lost, and go into the double sums as
// one.
template <std::size_t Rows, class T, class Value>
void add_rows(matrix_view<T> x, std::size_t first, double* sums, Value value) noexcept
{
    const T* rows[Rows];
    for (std::size_t r = 0; r < Rows; ++r) rows[r] = x.row(first + r).data();
    for (std::size_t c = 0; c < x.cols(); ++c) {
        float sum = value(static_cast<float>(rows[0][c]));
        for (std::size_t r = 1; r < Rows; ++r) sum += value(static_cast<float>(rows[r][c]));
        sums[c] += static_cast<double>(sum);
    }
}

template <class T, class Value>
void add_columns(matrix_view<T> x, std::span<double> sums, std::size_t column, Value value) noexcept
{
    if (sums.empty()) return;
    constexpr std::size_t at_once = 8;
    std::size_t r = 0;
    for (; r + at_once <= x.rows(); r += at_once) add_rows<at_once>(x, r, sums.data() + column, value);
    for (; r < x.rows(); ++r) add_rows<1>(x, r, sums.data() + column, value);
}

} // namespace detail

template <class Product, execution E, class T>
status activation_stats::observe(const E& how, matrix_view<T> x, loss_mask mask, std::span<float> scratch)
{
    using element = std::remove_const_t<T>;
    static_assert(tensor_element<element>, "awq::activation_stats: inputs are float, awq::f16 or awq::bf16");
    const auto fits = [&](std::size_t size) { return size == 0 || size == x.cols(); };
    if (!fits(abs_sum.size()) || !fits(square_sum.size()) || !fits(gram.cols()))
        return error{error_code::shape_mismatch,
                     "activation statistics: a batch has ",
                     x.cols(),
                     " channels, ",
                     abs_sum.size(),
                     " expected"};
    const bool has_tile = gram_of_elements<Product, E, element> || scratch.size() >= x.cols();
    if (!gram.empty() && !has_tile)
        return error{error_code::workspace_too_small,
                     "activation statistics: this product widens 16-bit "
                     "inputs by tiles; give a scratch of ",
                     x.cols(), " floats"};
    constexpr std::size_t width = 256; // columns a task; few enough to spread, enough for long reads
    constexpr std::size_t depth = 64;  // rows that stay in the cache between the two sums
    mask.for_each_run(x.rows(), [&](std::size_t first, std::size_t count) {
        const matrix_view<const element> run = x.rows_from(first, count);
        how.for_each(chunk_count(x.cols(), width), [&](std::size_t chunk) {
            const std::size_t at = chunk * width, columns = std::min(width, x.cols() - at);
            for (std::size_t r = 0; r < count; r += depth) {
                const auto tile = run.rows_from(r, std::min(depth, count - r)).cols_from(at, columns);
                detail::add_columns(tile, abs_sum, at, [](float v) { return std::fabs(v); });
                detail::add_columns(tile, square_sum, at, [](float v) { return v * v; });
            }
        });
        if (!gram.empty()) add_gram<Product>(how, run, scratch);
        tokens += count;
    });
    return {};
}

inline status activation_stats::merge(const activation_stats& other) noexcept
{
    if (abs_sum.size() != other.abs_sum.size() || square_sum.size() != other.square_sum.size() ||
        gram.cols() != other.gram.cols())
        return error{error_code::shape_mismatch, "activation statistics of different shapes"};
    for (std::size_t i = 0; i < abs_sum.size(); ++i) abs_sum[i] += other.abs_sum[i];
    for (std::size_t i = 0; i < square_sum.size(); ++i) square_sum[i] += other.square_sum[i];
    for (std::size_t r = 0; r < gram.rows(); ++r)
        for (std::size_t c = 0; c < gram.cols(); ++c) gram(r, c) += other.gram(r, c);
    tokens += other.tokens;
    return {};
}

} // namespace awq

#endif
// ---- awq/execution/any_execution.hpp
#ifndef AWQ_EXECUTION_ANY_EXECUTION_HPP
#define AWQ_EXECUTION_ANY_EXECUTION_HPP

#include <concepts>
#include <cstddef>
#include <string_view>

namespace awq {

/// Refers to an execution that is chosen at run time and must live longer. Each task costs one indirect call, so it is
/// for loops over host memory that are no kernels.
class any_execution {
public:
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "any";

    template <execution E>
    requires(!std::same_as<E, any_execution>) explicit any_execution(const E& how) noexcept
        : how_(&how), run_([](const void* to, std::size_t count, task_ref task) {
              static_cast<const E*>(to)->for_each(count, [task](std::size_t i) { task.call(task.target, i); });
          })
    {}

    template <class Task>
    void for_each(std::size_t count, const Task& task) const
    {
        run_(how_, count, {&task, [](const void* to, std::size_t i) { (*static_cast<const Task*>(to))(i); }});
    }

private:
    struct task_ref {
        const void* target;
        void (*call)(const void*, std::size_t);
    };

    const void* how_;
    void (*run_)(const void*, std::size_t, task_ref);
};

static_assert(execution<any_execution>);

} // namespace awq

#endif
// ---- awq/execution/for_each_row.hpp
#ifndef AWQ_EXECUTION_FOR_EACH_ROW_HPP
#define AWQ_EXECUTION_FOR_EACH_ROW_HPP

#include <algorithm>
#include <cstddef>

namespace awq {

/// Calls task(row) for every row below `rows`, in runs of a fixed number of rows.
template <execution E, class Task>
void for_each_row(const E& e, std::size_t rows, const Task& task)
{
    constexpr std::size_t grain = 32;
    e.for_each(chunk_count(rows, grain), [&](std::size_t chunk) {
        const std::size_t end = std::min(rows, (chunk + 1) * grain);
        for (std::size_t row = chunk * grain; row < end; ++row) task(row);
    });
}

} // namespace awq

#endif
// ---- awq/execution/kernels/exponential.hpp
#ifndef AWQ_EXECUTION_KERNELS_EXPONENTIAL_HPP
#define AWQ_EXECUTION_KERNELS_EXPONENTIAL_HPP

#include <bit>
#include <cstdint>

namespace awq::kernels {

/// Below, e^x is not a normal float and counts as zero; above, it is as at the ceiling, which is next
/// to the largest float.
inline constexpr float exponential_floor = -87.33f, exponential_ceiling = 88.72f;

namespace detail {

/// e^x between the floor and the ceiling; a NaN stays one.
///
/// `Float` is float or a register of floats, `Integer` the 32-bit integers beside it. Products and
/// sums are rounded one by one, so the bits are the same in every register and on every machine, which
/// those of std::exp and xsimd::exp are not.
template <class Float, class Integer>
inline Float exponential_within(const Float& x) noexcept
{
    // x = n ln 2 + r. Adding the anchor rounds to a whole number, which is then in the lowest bits.
    const Float anchor(12582912.0f);
    const Float anchored = x * Float(1.44269504f) + anchor;
    const Float n = anchored - anchor;
    const Float r = (x - n * Float(0.693359375f)) - n * Float(-2.12194440e-4f);
    // e^r = 1 + r + r^2 q(r), q the polynomial with the least largest error for |r| < ln(2) / 2.
    Float q = Float(1.38145394e-3f) * r + Float(8.36874545e-3f);
    q = q * r + Float(4.16683890e-2f);
    q = q * r + Float(1.66665211e-1f);
    q = q * r + Float(4.99999940e-1f);
    const Float power = q * (r * r) + r + Float(1.0f);
    // Times 2^n: n is added to the exponent.
    return std::bit_cast<Float>(std::bit_cast<Integer>(power) + (std::bit_cast<Integer>(anchored) << 23));
}

} // namespace detail

/// e^x within one unit in the last place, from zero to the largest float; a NaN stays one.
inline float exponential(float x) noexcept
{
    const float within = x > exponential_ceiling ? exponential_ceiling : x;
    if (x < exponential_floor) return 0.0f;
    return detail::exponential_within<float, std::int32_t>(within);
}

} // namespace awq::kernels

#endif
// ---- awq/execution/kernels/scalar.hpp
#ifndef AWQ_EXECUTION_KERNELS_SCALAR_HPP
#define AWQ_EXECUTION_KERNELS_SCALAR_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

/// The reference kernels: plain loops over caller-owned memory. `kernels/xsimd.hpp` has the same
/// names and signatures, and says where its results may differ in the last bits.
/// Spans of one call have the same length; an output may be the same memory as an input.
namespace awq::kernels::scalar {

/// sums[c] += |x(t, c)| over all rows t, in float64 and in the order of the rows.
inline void add_abs(matrix_view<const float> x, std::span<double> sums) noexcept
{
    for (std::size_t t = 0; t < x.rows(); ++t)
        for (std::size_t c = 0; c < x.cols(); ++c) sums[c] += std::fabs(x(t, c));
}

/// sums[c] += x(t, c)^2 over all rows t, in float64 and in the order of the rows.
inline void add_squares(matrix_view<const float> x, std::span<double> sums) noexcept
{
    for (std::size_t t = 0; t < x.rows(); ++t)
        for (std::size_t c = 0; c < x.cols(); ++c) sums[c] += double{x(t, c)} * x(t, c);
}

/// What `min_max` finds.
struct min_max_pair {
    float min;
    float max;
};

/// The smallest and the largest of `values`, at least one; NaN is not allowed.
inline min_max_pair min_max(std::span<const float> values) noexcept
{
    min_max_pair found{values[0], values[0]};
    for (const float value : values) {
        found.min = std::min(found.min, value);
        found.max = std::max(found.max, value);
    }
    return found;
}

/// Sum of a[i] b[i].
inline float dot(std::span<const float> a, std::span<const float> b) noexcept
{
    float sum = 0.0f;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

/// Sum of squares, in float64.
inline double sum_of_squares(std::span<const float> values) noexcept
{
    double sum = 0.0;
    for (const float value : values) sum += double{value} * value;
    return sum;
}

/// y += factor * x.
inline void add_scaled(float factor, std::span<const float> x, std::span<float> y) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += factor * x[i];
}

/// y += x.
inline void add(std::span<const float> x, std::span<float> y) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += x[i];
}

/// out = a * b, element by element: a row's columns times their scales.
inline void multiply(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] * b[i];
}

/// out = a / b, element by element.
inline void divide(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] / b[i];
}

/// out = factor * x.
inline void scale(float factor, std::span<const float> x, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = factor * x[i];
}

/// Root-mean-square norm of one row (Zhang and Sennrich 2019):
/// out = x / rms(x) * (weight + offset).
inline void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> out,
                     float offset = 0.0f) noexcept
{
    const double mean = sum_of_squares(x) / static_cast<double>(x.size());
    const auto inverse = static_cast<float>(1.0 / std::sqrt(mean + double{eps}));
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * inverse * (weight[i] + offset);
}

/// out = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
inline void silu_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < gate.size(); ++i) out[i] = gate[i] / (1.0f + exponential(-gate[i])) * up[i];
}

/// out = gelu(gate) * up with the tanh approximation of Hendrycks and Gimpel 2016:
/// gelu(x) = x / 2 (1 + tanh(u)) = x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3).
inline void gelu_tanh_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    constexpr float twice = 1.5957691216057308f; // 2 sqrt(2 / pi)
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const float x = gate[i];
        out[i] = x / (1.0f + exponential(-twice * (x + 0.044715f * x * x * x))) * up[i];
    }
}

/// values = exp(factor * values - shift), in place; their sum.
inline float exponentials(float factor, float shift, std::span<float> values) noexcept
{
    float sum = 0.0f;
    for (float& value : values) sum += value = exponential(factor * value - shift);
    return sum;
}

/// values = softmax(factor * values), in place; at least one value.
inline void softmax(float factor, std::span<float> values) noexcept
{
    const float shift = factor * (factor < 0.0f ? min_max(values).min : min_max(values).max);
    const float sum = exponentials(factor, shift, values);
    scale(1.0f / sum, values, values);
}

/// Turns the pairs (first[i], second[i]) by the angles whose cosines and sines are given.
inline void rotate(std::span<const float> cosines, std::span<const float> sines, std::span<float> first,
                   std::span<float> second) noexcept
{
    for (std::size_t i = 0; i < first.size(); ++i) {
        const float a = first[i];
        const float b = second[i];
        first[i] = a * cosines[i] - b * sines[i];
        second[i] = b * cosines[i] + a * sines[i];
    }
}

} // namespace awq::kernels::scalar

#endif
// ---- awq/execution/precision.hpp
#ifndef AWQ_EXECUTION_PRECISION_HPP
#define AWQ_EXECUTION_PRECISION_HPP

#include <optional>
#include <string_view>

namespace awq {

/// What the operands of large matrix products are; their sums are float32 either way.
enum class precision : unsigned char {
    float32,
    /// bfloat16 where the processor multiplies it faster than float32: weights of a bfloat16 checkpoint are
    /// exact in it, activations lose their last digits.
    mixed,
    /// The sum of two bfloat16 each, where `mixed` is faster than float32: 16 bits of the significand.
    split,
};

/// The precision by its name, "float32" or "mixed".
constexpr std::optional<precision> precision_of(std::string_view name) noexcept
{
    if (name == "float32") return precision::float32;
    if (name == "mixed") return precision::mixed;
    return std::nullopt;
}

constexpr const char* name_of(precision which) noexcept { return which == precision::mixed ? "mixed" : "float32"; }

/// What an execution's products take: its member `operands`, where it has one.
template <execution E>
constexpr precision operands_of(const E& e) noexcept
{
    if constexpr (requires { e.operands; }) return e.operands;
    return precision::float32;
}

/// The same execution with other operands, where it has a choice.
template <execution E>
constexpr E with_precision(E e, precision operands) noexcept
{
    if constexpr (requires { e.operands; }) e.operands = operands;
    return e;
}

/// The same execution for products that need more digits than bfloat16 has, such as those of a Cholesky decomposition.
template <execution E>
constexpr E for_solving(const E& e) noexcept
{
    return operands_of(e) == precision::mixed ? with_precision(e, precision::split) : e;
}

} // namespace awq

#endif
// ---- awq/execution/products/mirror_upper.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_MIRROR_UPPER_HPP
#define AWQ_EXECUTION_PRODUCTS_MIRROR_UPPER_HPP

#include <algorithm>
#include <cstddef>

namespace awq {

/// Copies the upper triangle of a square matrix into the lower one, in fixed square tiles.
template <execution E>
void mirror_upper(const E& e, matrix_view<float> g)
{
    constexpr std::size_t tile = 64;
    e.for_each(chunk_count(g.rows(), tile), [=](std::size_t chunk) {
        const std::size_t first = chunk * tile;
        const std::size_t end = std::min(g.rows(), first + tile);
        for (std::size_t block = 0; block < end; block += tile)
            for (std::size_t i = first; i < end; ++i)
                for (std::size_t j = block; j < std::min(i, block + tile); ++j) g(i, j) = g(j, i);
    });
}

} // namespace awq

#endif
// ---- awq/execution/products/plain.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PLAIN_HPP
#define AWQ_EXECUTION_PRODUCTS_PLAIN_HPP

#include <algorithm>
#include <cstddef>

namespace awq {

/// Matrix products as plain loops: no heap, nothing but the core. The reference that the other
/// providers are tested against, and what an embedded user links.
///
/// Sums run in float in the order of k, so the result has the same bits at any number of threads.
/// All operands may have a stride; the output must not overlap an input.
struct plain_product {
    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        e.for_each(c.rows(), [=](std::size_t i) {
            for (std::size_t j = 0; j < c.cols(); ++j) c(i, j) = dot(a, i, b, j);
        });
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        e.for_each(c.rows(), [=](std::size_t i) {
            std::ranges::fill(c.row(i), 0.0f);
            for (std::size_t k = 0; k < a.cols(); ++k) add_scaled(a(i, k), b, k, c, i);
        });
    }

    /// g += x^T x: x (tokens, k), g (k, k), symmetric before and after.
    template <execution E>
    static void add_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        add_cross_gram(e, x, x, g);
    }
    /// The same for inputs in 16 bits, which are widened as they are read.
    template <execution E, half_element T>
    static void add_gram(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        e.for_each(g.rows(), [=](std::size_t i) {
            for (std::size_t t = 0; t < x.rows(); ++t) {
                const auto factor = static_cast<float>(x(t, i));
                for (std::size_t j = 0; j < g.cols(); ++j) g(i, j) += factor * static_cast<float>(x(t, j));
            }
        });
    }

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g)
    {
        e.for_each(g.rows(), [=](std::size_t i) {
            for (std::size_t t = 0; t < x.rows(); ++t) add_scaled(x(t, i), y, t, g, i);
        });
    }

private:
    static float dot(matrix_view<const float> a, std::size_t i, matrix_view<const float> b, std::size_t j) noexcept
    {
        float sum = 0.0f;
        for (std::size_t k = 0; k < a.cols(); ++k) sum += a(i, k) * b(j, k);
        return sum;
    }

    static void add_scaled(float factor, matrix_view<const float> b, std::size_t row, matrix_view<float> c,
                           std::size_t out) noexcept
    {
        for (std::size_t j = 0; j < c.cols(); ++j) c(out, j) += factor * b(row, j);
    }
};

} // namespace awq

#endif
// ---- awq/execution/products/upper_gram.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_UPPER_GRAM_HPP
#define AWQ_EXECUTION_PRODUCTS_UPPER_GRAM_HPP

namespace awq {

/// g += x^T x for a sum of many batches: only the upper triangle of g holds it, until `mirror_upper` is called
/// once after the last. A product that has no such operation of its own fills all of g.
template <class Product, execution E>
void add_upper_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
{
    if constexpr (requires { Product::add_upper_gram(e, x, g); })
        Product::add_upper_gram(e, x, g);
    else
        Product::add_gram(e, x, g);
}

} // namespace awq

#endif
// ---- awq/execution/serial_execution.hpp
#ifndef AWQ_EXECUTION_SERIAL_EXECUTION_HPP
#define AWQ_EXECUTION_SERIAL_EXECUTION_HPP

namespace awq {

/// Does the work on the calling thread, in order.
struct serial_execution {
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "serial";

    precision operands = precision::float32; ///< of large products

    template <class Task>
    constexpr void for_each(std::size_t count, Task&& task) const
    {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
};

static_assert(execution<serial_execution>);

} // namespace awq

#endif
// ---- awq/modifier.hpp
#ifndef AWQ_MODIFIER_HPP
#define AWQ_MODIFIER_HPP

// ---- awq/modifier_run.hpp
#ifndef AWQ_MODIFIER_RUN_HPP
#define AWQ_MODIFIER_RUN_HPP

// ---- awq/search/search_outcome.hpp
#ifndef AWQ_SEARCH_SEARCH_OUTCOME_HPP
#define AWQ_SEARCH_SEARCH_OUTCOME_HPP

#include <cstddef>
#include <span>

namespace awq {

/// What a scale search found. Spans lie in the workspace that the search was given.
struct search_outcome {
    /// One scale for each channel of the smooth layer; all 1 where nothing was better. In double,
    /// because W s must round as in the search for the quantizer to find the same codes again.
    std::span<const double> best_scales;
    double best_ratio = 0.0;
    /// Whether the best candidate took the weights' magnitude into account.
    bool duo_scaling = false;
    /// The loss without smoothing, and with the best scales. best_error <= initial_error.
    double initial_error = 0.0;
    double best_error = 0.0;
    std::size_t candidates = 0; ///< tried, identity among them
    /// Candidates whose scales or loss were not finite, or whose scales cannot be stored.
    std::size_t skipped_candidates = 0;
    /// The loss of every candidate in grid order (the cheap loss in a screened search).
    std::span<const double> candidate_errors;
};

} // namespace awq

#endif
// ---- awq/smoothing/mapping.hpp
#ifndef AWQ_SMOOTHING_MAPPING_HPP
#define AWQ_SMOOTHING_MAPPING_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// The layer that is divided by the scales: what its outputs become smaller by, the balance layers'
/// columns make up for. `T`: float, f16 or bf16.
template <class T>
struct basic_smooth_target {
    /// A norm's weight as one row of `channels`, or a linear layer's (out_features, in_features).
    matrix_view<T> weight;
    /// (channels) of a norm, (out_features) of a linear layer; empty without a bias.
    std::span<T> bias = {};
    /// Whether `weight` is a norm's.
    bool norm = false;
    /// Of a norm: y = x (1 + weight), as in Gemma.
    bool offset = false;
    /// Of a linear layer: the output that each scale divides, where these are not the last ones.
    std::span<const std::uint32_t> rows = {};

    /// A norm, y = x * weight (+ bias).
    static constexpr basic_smooth_target of_norm(std::span<T> weight, std::span<T> bias = {},
                                                 bool offset = false) noexcept
    {
        return {as_row(weight), bias, true, offset, {}};
    }
    /// A linear layer. Where it has more outputs than there are scales (a fused qkv or gate_up),
    /// the last ones are those that the balance layers read.
    static constexpr basic_smooth_target of_linear(matrix_view<T> weight, std::span<T> bias = {}) noexcept
    {
        return {weight, bias, false, false, {}};
    }

    /// The output that scale `i` of `count` divides.
    constexpr std::size_t row_of(std::size_t i, std::size_t count) const noexcept
    {
        return rows.empty() ? channels() - count + i : rows[i];
    }

    /// How many scales it takes at most.
    constexpr std::size_t channels() const noexcept { return norm ? weight.cols() : weight.rows(); }
};
using smooth_target = basic_smooth_target<float>;

/// A smooth layer and the layers that read its output, over tensors in memory. The elements of either
/// are float, f16 or bf16: `basic_mapping<float, bf16>` has a norm in float before weights in bf16.
template <class Smooth, class Balance = Smooth>
struct basic_mapping {
    basic_smooth_target<Smooth> smooth;
    /// Each (out_features, in_features), all with the same in_features.
    std::span<const matrix_view<Balance>> balances;
    /// Where columns share a scale (grouped-query attention): the scale's index for each column of
    /// the balance layers. Empty: column j has scale j.
    std::span<const std::uint32_t> column_scales = {};

    constexpr std::size_t in_features() const noexcept { return balances.empty() ? 0 : balances.front().cols(); }
};
template <class S, class B, std::size_t Count>
basic_mapping(basic_smooth_target<S>, std::span<const matrix_view<B>, Count>) -> basic_mapping<S, B>;
/// One of float tensors.
struct mapping : basic_mapping<float> {};

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// One mapping of a streaming run, in the caller's memory. Fill the first two, and `scales` where
/// they are wanted afterwards; the run fills the rest. `Smooth`, `Balance`: elements, as in `basic_mapping`.
template <class Smooth, class Balance = Smooth>
struct AWQ_ABI_TAG basic_tracked_mapping {
    enum class state : unsigned char { open, smoothed, skipped };

    basic_mapping<Smooth, Balance> target; ///< its weights are smoothed in place
    activation_stats stats;                ///< with a Gram matrix, see `activation_stats::make`
    std::span<double> scales = {};         ///< empty, or one for each scale: a copy of the best scales

    search_outcome outcome{}; ///< without its spans, whose memory is used again
    state progress = state::open;
    status reason{}; ///< why it was skipped
};
using tracked_mapping = basic_tracked_mapping<float>;

/// What a streaming run did.
struct run_summary {
    std::size_t smoothed = 0;
    /// Of the smoothed ones, those where no candidate was better than identity.
    std::size_t unchanged = 0;
    /// The reason stands in each mapping.
    std::size_t skipped = 0;
    std::uint64_t tokens = 0; ///< the most that any mapping saw
};

/// A streaming run of a modifier: `observe` every batch of a block, `end_block`, and after the last
/// block `finish`. A mapping that cannot be smoothed is skipped with its reason, and the run goes
/// on.
template <class Modifier, class Smooth = float, class Balance = Smooth>
class modifier_run {
public:
    using tracked = basic_tracked_mapping<Smooth, Balance>;

    modifier_run(const Modifier&& how, std::span<tracked> mappings) = delete;
    modifier_run(const Modifier& how, std::span<tracked> mappings) : modifier_(how), mappings_(mappings)
    {
        for (tracked& each : mappings_)
            if (status fit = modifier_.check(each.target); !fit) skip(each, fit);
    }

    /// Adds a batch of what mapping `index`'s balance layers read, (tokens, in_features), of float, f16 or
    /// bf16. `scratch`: see `activation_stats::observe`.
    template <class X = const float>
    status observe(std::size_t index, matrix_view<X> batch, loss_mask mask = {}, std::span<float> scratch = {})
    {
        AWQ_CHECK(check_open(index));
        tracked& each = mappings_[index];
        if (each.progress == tracked::state::skipped) return {};
        return each.stats.template observe<typename Modifier::product>(modifier_.executor(), batch, mask, scratch);
    }

    /// Searches and smooths `count` mappings from `first` on, in order. `memory`: as many floats as
    /// the modifier's `workspace_size(0, ...)` says for the largest of them. An error: only of the call
    /// itself (index, memory); what is wrong with one mapping stands in that mapping.
    status end_block(std::size_t first, std::size_t count, workspace memory)
    {
        for (std::size_t i = first; i < first + count; ++i) AWQ_CHECK(end_mapping(i, memory));
        return {};
    }

    /// Counts. invalid_argument where a mapping was observed and its block never ended.
    result<run_summary> finish() const
    {
        run_summary summary;
        for (const tracked& each : mappings_) {
            if (each.progress == tracked::state::open && each.stats.tokens > 0)
                return error{error_code::invalid_argument,
                             "modifier run: a mapping was observed, but its block was not ended"};
            const bool smoothed = each.progress == tracked::state::smoothed;
            const bool better = each.outcome.best_error < each.outcome.initial_error;
            summary.smoothed += smoothed ? 1 : 0;
            summary.unchanged += smoothed && !better ? 1 : 0;
            summary.skipped += smoothed ? 0 : 1;
            summary.tokens = std::max(summary.tokens, each.stats.tokens);
        }
        return summary;
    }

private:
    static void skip(tracked& each, const status& reason)
    {
        each.progress = tracked::state::skipped;
        each.reason = reason;
    }

    status check_open(std::size_t index) const
    {
        if (index >= mappings_.size())
            return error{error_code::invalid_argument, "modifier run: mapping ", index, " of ", mappings_.size()};
        if (mappings_[index].progress == tracked::state::smoothed)
            return error{error_code::invalid_argument, "modifier run: mapping ", index, " is smoothed already"};
        return {};
    }

    status end_mapping(std::size_t index, workspace memory)
    {
        AWQ_CHECK(check_open(index));
        tracked& each = mappings_[index];
        if (each.progress == tracked::state::skipped) return {};
        result<search_outcome> found = modifier_.smooth(each.target, each.stats, memory);
        if (!found && found.error().code() == error_code::workspace_too_small) return found.error();
        if (!found) return skip(each, found.error()), status{};
        const std::size_t wanted = std::min(each.scales.size(), found->best_scales.size());
        std::copy_n(found->best_scales.begin(), wanted, each.scales.begin());
        each.outcome = *found;
        each.outcome.best_scales = {};
        each.outcome.candidate_errors = {};
        each.progress = tracked::state::smoothed;
        return {};
    }

    const Modifier& modifier_;
    std::span<tracked> mappings_;
};

} // namespace awq

#endif
// ---- awq/modifier_search.hpp
#ifndef AWQ_MODIFIER_SEARCH_HPP
#define AWQ_MODIFIER_SEARCH_HPP

// ---- awq/search/scale_search.hpp
#ifndef AWQ_SEARCH_SCALE_SEARCH_HPP
#define AWQ_SEARCH_SCALE_SEARCH_HPP

// ---- awq/quantization/pseudo_quantize.hpp
#ifndef AWQ_QUANTIZATION_PSEUDO_QUANTIZE_HPP
#define AWQ_QUANTIZATION_PSEUDO_QUANTIZE_HPP

// ---- awq/quantization/quantizer_concept.hpp
#ifndef AWQ_QUANTIZATION_QUANTIZER_CONCEPT_HPP
#define AWQ_QUANTIZATION_QUANTIZER_CONCEPT_HPP

#include <concepts>
#include <cstddef>
#include <span>

namespace awq {

/// A format's rounding, as the search sees it; integer schemes and GGUF block types alike.
///
/// - `check(in_features)`: whether rows of that length can be written in the format.
/// - `row_block()`: how many neighbouring rows are rounded together (1, or the block's height).
/// - `scale_columns(in_features)`: how many neighbouring columns of a row share a scale.
/// - `pseudo_quantize(rows, importance, out)`: quantizes and dequantizes `row_block()` rows (fewer at
///   the end of a matrix). `importance` is the mean of x^2 for each column, or empty; `out` has the
///   shape of `rows` and may be the same memory.
template <class Q>
concept quantizer = requires(const Q& q, matrix_view<const float> rows, std::span<const float> importance,
                             matrix_view<float> out)
{
    {
        q.check(std::size_t{})
        } -> std::same_as<result<void>>;
    {
        q.row_block()
        } -> std::convertible_to<std::size_t>;
    {
        q.scale_columns(std::size_t{})
        } -> std::convertible_to<std::size_t>;
    {
        q.pseudo_quantize(rows, importance, out)
        } -> std::same_as<void>;
};

/// A quantizer whose scales may hang on the largest |w| of the whole weight. Until it knows that, it
/// rounds all rows together.
///
/// - `needs_magnitude()`: whether it does not know it yet.
/// - `for_magnitude(largest)`: the same quantizer for such a weight; rows are then rounded apart.
/// - `magnitude_of(rows)`: the largest |w| of some rows.
template <class Q>
concept magnitude_quantizer = quantizer<Q> && requires(const Q& q, matrix_view<const float> rows)
{
    {
        q.needs_magnitude()
        } -> std::same_as<bool>;
    {
        q.for_magnitude(float{})
        } -> std::same_as<Q>;
    {
        Q::magnitude_of(rows)
        } -> std::same_as<float>;
};

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {
/// Rows that one task takes: whole blocks of the quantizer, and enough work to be worth a task.
template <quantizer Q>
constexpr std::size_t task_rows(const Q& rounding) noexcept
{
    const std::size_t block = rounding.row_block();
    return block * std::max<std::size_t>(1, 16 / block);
}

/// Calls `task(first, count)` for the row blocks of one task.
template <class Task>
constexpr void for_each_block(std::size_t first, std::size_t end, std::size_t block, Task&& task)
{
    for (; first < end; first += block) task(first, std::min(block, end - first));
}

/// Calls `task(first, count)` for all row blocks of a weight, in parallel.
template <execution E, quantizer Q, class Task>
void for_all_blocks(const E& how, const Q& rounding, std::size_t rows, const Task& task)
{
    const std::size_t grain = task_rows(rounding);
    how.for_each(chunk_count(rows, grain), [&](std::size_t chunk) {
        const std::size_t first = chunk * grain; // a grain may be larger than any weight
        for_each_block(first, grain < rows - first ? first + grain : rows, rounding.row_block(), task);
    });
}

/// The quantizer as `weight` needs it: its rows can then be rounded apart.
template <execution E, quantizer Q>
Q settled(const E& how, const Q& rounding, matrix_view<const float> weight)
{
    if constexpr (magnitude_quantizer<Q>) {
        if (!rounding.needs_magnitude()) return rounding;
        constexpr std::size_t parts = 64;
        float largest[parts] = {};
        how.for_each(parts, [&](std::size_t part) {
            const std::size_t first = part * weight.rows() / parts;
            const std::size_t end = (part + 1) * weight.rows() / parts;
            largest[part] = Q::magnitude_of(weight.rows_from(first, end - first));
        });
        return rounding.for_magnitude(*std::max_element(largest, largest + parts));
    } else {
        return rounding;
    }
}
} // namespace detail

/// Quantizes and dequantizes a whole weight, (out_features, in_features), rows in parallel.
/// `importance`: mean of x^2 for each column, or empty. `out` may be `weight`.
/// Errors: those of the quantizer's `check`, and shape_mismatch.
template <execution E, quantizer Q>
status pseudo_quantize(const E& how, const Q& rounding, matrix_view<const float> weight,
                       std::span<const float> importance, matrix_view<float> out)
{
    AWQ_CHECK(rounding.check(weight.cols()));
    if (out.rows() != weight.rows() || out.cols() != weight.cols() ||
        (!importance.empty() && importance.size() != weight.cols()))
        return error{error_code::shape_mismatch,
                     "pseudo_quantize: a weight of ",
                     weight.rows(),
                     " x ",
                     weight.cols(),
                     " needs an output of that shape and ",
                     weight.cols(),
                     " importance values or none"};
    if (out.rows_overlap())
        return error{error_code::invalid_argument, "pseudo_quantize: the output's stride is below its width"};
    const Q used = detail::settled(how, rounding, weight);
    detail::for_all_blocks(how, used, weight.rows(), [&](std::size_t first, std::size_t count) {
        used.pseudo_quantize(weight.rows_from(first, count), importance, out.rows_from(first, count));
    });
    return {};
}

} // namespace awq

#endif
// ---- awq/search/candidate_share.hpp
#ifndef AWQ_SEARCH_CANDIDATE_SHARE_HPP
#define AWQ_SEARCH_CANDIDATE_SHARE_HPP

#include <concepts>
#include <cstddef>
#include <span>

namespace awq {

/// Which of some candidates are judged here: `share(losses, judge)` calls judge(first, end) for those, which fills
/// losses[first] up to losses[end], and gives the losses of all. Processes that search together each judge some and
/// exchange the losses; they make the same calls in the same order, and none of them depends on who judged what.
template <class Share>
concept candidate_share = requires(const Share& share, std::span<double> losses,
                                   void (*judge)(std::size_t first, std::size_t end))
{
    {
        share(losses, judge)
        } -> std::same_as<status>;
};

/// All of them, by who searches alone.
struct all_candidates {
    template <class Judge>
    status operator()(std::span<double> losses, const Judge& judge) const
    {
        judge(std::size_t{0}, losses.size());
        return {};
    }
};

} // namespace awq

#endif
// ---- awq/search/ordered_sum.hpp
#ifndef AWQ_SEARCH_ORDERED_SUM_HPP
#define AWQ_SEARCH_ORDERED_SUM_HPP

#include <algorithm>
#include <array>
#include <cstddef>

namespace awq {

/// What the search sums losses in, and scales candidates in.
#if AWQ_FLOAT_SUMS
using sum_type = float;
#else
using sum_type = double;
#endif

/// The sum of `term(i)` for all i < count, in `sum_type`. How the work is cut depends on `count` alone,
/// so the sum has the same bits at any number of threads.
template <execution E, class Term>
sum_type ordered_sum(const E& how, std::size_t count, Term&& term)
{
    constexpr std::size_t most_chunks = 64;
    if (count == 0) return 0;
    const std::size_t grain = chunk_count(count, most_chunks);
    const std::size_t chunks = chunk_count(count, grain);
    std::array<sum_type, most_chunks> sums{};
    how.for_each(chunks, [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, count);
        sum_type sum = 0;
        for (std::size_t i = chunk * grain; i < end; ++i) sum += term(i);
        sums[chunk] = sum;
    });
    sum_type total = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) total += sums[chunk];
    return total;
}

/// The sum of `term(i)` for all i < count, in `sum_type` and in a fixed order, in the calling thread;
/// eight sums side by side, so that the compiler can use vectors.
template <class Term>
sum_type lane_sum(std::size_t count, Term&& term)
{
    constexpr std::size_t lanes = 8;
    sum_type sums[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += term(i + lane);
    for (; i < count; ++i) sums[0] += term(i);
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

} // namespace awq

#endif
// ---- awq/search/row_sample.hpp
#ifndef AWQ_SEARCH_ROW_SAMPLE_HPP
#define AWQ_SEARCH_ROW_SAMPLE_HPP

#include <algorithm>
#include <cstddef>

namespace awq {

/// Every row: no sample.
inline constexpr std::size_t all_rows = static_cast<std::size_t>(-1);

/// Rows of a weight that stand for all of them: whole blocks of `block` rows (rows that a quantizer rounds
/// together), one from each of equal parts of the weight. Its place within the part differs from part to part, so
/// that rows which repeat, such as the channels of attention heads, are all met. The same rows every time.
class row_sample {
public:
    /// At most about `most` of `rows` rows, at least one block of them.
    constexpr explicit row_sample(std::size_t rows, std::size_t most = all_rows, std::size_t block = 1) noexcept
        : rows_(rows), block_(std::clamp<std::size_t>(block, 1, std::max<std::size_t>(rows, 1))),
          parts_(chunk_count(rows, block_)), blocks_(std::min(parts_, std::max<std::size_t>(most / block_, 1)))
    {}

    constexpr std::size_t blocks() const noexcept { return blocks_; }
    /// The first row of a block, which ends `rows_in` rows later.
    constexpr std::size_t first_of(std::size_t index) const noexcept
    {
        const std::size_t begin = index * parts_ / blocks_, end = (index + 1) * parts_ / blocks_;
        // Multiples of the golden ratio, modulo 1, fill a range evenly.
        const std::size_t turn = index * 40503 % 65536;
        return (begin + (end - begin) * turn / 65536) * block_;
    }
    constexpr std::size_t rows_in(std::size_t index) const noexcept
    {
        return std::min(block_, rows_ - first_of(index));
    }

    /// How many rows it has; only the last block may be shorter than the others.
    constexpr std::size_t size() const noexcept
    {
        return blocks_ == 0 ? 0 : (blocks_ - 1) * block_ + rows_in(blocks_ - 1);
    }
    /// Where row `index` of the sample is in the weight.
    constexpr std::size_t row(std::size_t index) const noexcept { return first_of(index / block_) + index % block_; }

private:
    std::size_t rows_, block_, parts_, blocks_;
};

} // namespace awq

#endif
// ---- awq/search/scale_grid.hpp
#ifndef AWQ_SEARCH_SCALE_GRID_HPP
#define AWQ_SEARCH_SCALE_GRID_HPP

// ---- awq/search/search_options.hpp
#ifndef AWQ_SEARCH_SEARCH_OPTIONS_HPP
#define AWQ_SEARCH_SEARCH_OPTIONS_HPP

// ---- awq/tensor/dtype.hpp
#ifndef AWQ_TENSOR_DTYPE_HPP
#define AWQ_TENSOR_DTYPE_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace awq {

/// The element types of checkpoint tensors. The order is that of safetensors, narrowest first.
enum class dtype : unsigned char {
    boolean,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    f64,
    i64,
    u64,
};

/// Bytes that one element takes.
constexpr std::size_t size_of(dtype type) noexcept
{
    if (type <= dtype::f8_e4m3) return 1;
    if (type <= dtype::bf16) return 2;
    if (type <= dtype::f32) return 4;
    return 8;
}

/// Whether the type is one of the three that weights are smoothed in.
constexpr bool is_smoothable(dtype type) noexcept
{
    return type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// The name that safetensors uses: "BF16".
constexpr std::string_view name_of(dtype type) noexcept
{
    constexpr std::string_view names[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3", "I16", "U16", "F16",
                                          "BF16", "I32", "U32", "F32",     "F64",     "I64", "U64"};
    return names[static_cast<std::size_t>(type)];
}

/// The dtype that holds values of the C++ type T.
template <class T>
inline constexpr dtype dtype_of = dtype::f32;
template <>
inline constexpr dtype dtype_of<bf16> = dtype::bf16;
template <>
inline constexpr dtype dtype_of<f16> = dtype::f16;

} // namespace awq

#endif

#include <cstddef>

namespace awq {

/// Whether a scale takes the weights' magnitude into account, or the activations' alone.
enum class duo : unsigned char {
    off,  ///< s = x_mean^r
    on,   ///< s = x_mean^r / w_mean^(1-r)
    both, ///< each of half the ratios, both ways
};

/// More candidates than that are a slip: each is a rounding of all the weights.
inline constexpr std::size_t largest_n_grid = 100'000;

/// The numbers of a scale search; the defaults are llm-compressor's.
struct search_options {
    /// How many candidates are tried: at least 2, 3 with `duo::on`, 4 with `duo::both`;
    /// at most `largest_n_grid`.
    std::size_t n_grid = 20;
    duo duo_scaling = duo::on;
    /// The dtype that the smoothed weights will have. bf16 and f16: W s and Q(W s)/s are rounded to
    /// it during the search, as happens in a model of that dtype. f32: not rounded. A candidate whose
    /// W s is more than f16 holds has no finite loss, so it is skipped; for the smooth layer see
    /// `search_problem::smallest_scales`.
    dtype storage = dtype::f32;
    /// Of a screened search: how many of the candidates that the cheap loss likes best are judged
    /// by the exact loss, identity apart.
    std::size_t finalists = 4;
    /// How many rows of each weight the Gram loss looks at, spread evenly, where it ranks candidates
    /// (`screening_rows`) and where it decides alone (`deciding_rows`).
    std::size_t screening_rows = 64;
    std::size_t deciding_rows = 256;

    bool operator==(const search_options&) const = default;
};

} // namespace awq

#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace awq {

/// One point of the grid.
struct scale_candidate {
    double ratio = 0.0;
    bool duo_scaling = false;
};

/// llm-compressor's candidates in its order (a tie keeps the earlier one). Identity is the first:
/// ratio 0 without duo scaling gives scales of exactly 1.
class scale_grid {
public:
    constexpr explicit scale_grid(const search_options& options) noexcept
        : n_grid_(options.n_grid), kind_(options.duo_scaling)
    {}

    /// invalid_argument where n_grid is too small for the kind of duo scaling, or above
    /// `largest_n_grid`.
    status check() const noexcept
    {
        const std::size_t least = kind_ == duo::off ? 2 : kind_ == duo::on ? 3 : 4;
        if (n_grid_ < least || n_grid_ > largest_n_grid)
            return error{error_code::invalid_argument, "n_grid ", n_grid_, ": use ", least, " to ", largest_n_grid};
        return {};
    }

    constexpr std::size_t size() const noexcept { return kind_ == duo::both ? n_grid_ / 2 * 2 : n_grid_; }

    constexpr scale_candidate operator[](std::size_t index) const noexcept
    {
        switch (kind_) {
        case duo::off:
            return {fraction(index, n_grid_ - 1), false};
        case duo::on:
            if (index == 0) return {};
            return {fraction(index - 1, n_grid_ - 2), true};
        case duo::both:
            break;
        }
        return {fraction(index / 2, n_grid_ / 2 - 1), index % 2 == 1};
    }

private:
    static constexpr double fraction(std::size_t part, std::size_t whole) noexcept
    {
        return static_cast<double>(part) / static_cast<double>(whole);
    }

    std::size_t n_grid_;
    duo kind_;
};

namespace detail {

inline float raised(float base, double exponent) noexcept
{
    return exponent == 0.5 ? std::sqrt(base) : std::pow(base, static_cast<float>(exponent));
}

// Clamped below, then centred geometrically (max * min = 1), in that order. T is float for
// candidates without duo scaling and double for those with it, as PyTorch's promotion has it.
template <class T, class Magnitude>
bool fill_scales(std::span<double> scales, Magnitude magnitude) noexcept
{
    T smallest = std::numeric_limits<T>::infinity(), largest = 0, sum = 0;
    const auto clamped = [&](std::size_t i) {
        const T value = magnitude(i);
        return value < T(1e-4) ? T(1e-4) : value;
    };
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const T value = clamped(i);
        smallest = std::min(smallest, value);
        largest = std::max(largest, value);
        sum += value; // a NaN anywhere makes the centre a NaN
    }
    const T centre = sum == sum ? std::sqrt(largest * smallest) : sum;
    bool usable = true;
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const auto scale = static_cast<double>(clamped(i) / centre);
        scales[i] = std::isfinite(scale) ? scale : 1.0;
        usable = usable && scales[i] > 0.0;
    }
    return usable;
}

} // namespace detail

/// The scales of one candidate, all of length channels:
///   t = max(x_mean^r, 1e-4)                           without duo scaling
///   t = max(x_mean^r / (w_mean^(1-r) + 1e-4), 1e-4)   with it
///   s = t / sqrt(max(t) min(t)), and 1 where that is not finite.
/// Computed in float without duo scaling and in double with it. `w_mean` may be empty where no
/// candidate has duo scaling. False where a scale is not positive.
/// Source: AWQ, Lin et al. 2023 (arXiv:2306.00978), as llm-compressor computes it.
inline bool compute_scales(const scale_candidate& candidate, std::span<const float> x_mean,
                           std::span<const double> w_mean, std::span<double> scales) noexcept
{
    const double ratio = candidate.ratio;
    if (!candidate.duo_scaling)
        return detail::fill_scales<float>(scales, [&](std::size_t i) { return detail::raised(x_mean[i], ratio); });
    return detail::fill_scales<double>(scales, [&](std::size_t i) {
        return detail::raised(x_mean[i], ratio) / (std::pow(w_mean[i], 1.0 - ratio) + 1e-4);
    });
}

} // namespace awq

#endif
// ---- awq/search/search_problem.hpp
#ifndef AWQ_SEARCH_SEARCH_PROBLEM_HPP
#define AWQ_SEARCH_SEARCH_PROBLEM_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace awq {

/// A balance layer as the search sees it. `T`: its element type, float, f16 or bf16.
template <quantizer Q, class T = float>
struct search_layer {
    matrix_view<const T> weight;            ///< (out_features, in_features)
    const Q* rounding = nullptr;            ///< null: the layer will not be quantized
    std::span<const float> importance = {}; ///< mean of x^2 per column, or empty

    /// Whether candidates of it need memory: a layer in float that is not quantized is its own candidate.
    constexpr bool is_copied() const noexcept { return rounding != nullptr || !std::is_same_v<T, float>; }
};

/// What is searched: layers that read the same input, and that input's magnitude.
template <quantizer Q, class T = float>
struct search_problem {
    std::span<const search_layer<Q, T>> layers; ///< all with the same in_features
    std::span<const float> x_mean;              ///< (in_features) mean of |x|
    /// Where several columns must share a scale (grouped-query attention: the query heads of one kv
    /// head): the scale's index for each column, (in_features). Empty: column j has scale j.
    std::span<const std::uint32_t> column_scales = {};
    std::size_t scale_count = 0; ///< only with `column_scales`
    /// The scales that can be stored, (scales()) each, or empty: a candidate with a scale outside is
    /// skipped. Identity never is.
    std::span<const double> smallest_scales = {}, largest_scales = {};

    constexpr std::size_t in_features() const noexcept { return x_mean.size(); }
    /// How many scales are searched.
    constexpr std::size_t scales() const noexcept { return column_scales.empty() ? in_features() : scale_count; }
    constexpr std::size_t scale_of(std::size_t column) const noexcept
    {
        return column_scales.empty() ? column : column_scales[column];
    }
    constexpr bool can_store(std::span<const double> wanted) const noexcept
    {
        for (std::size_t i = 0; i < smallest_scales.size(); ++i)
            if (!(wanted[i] >= smallest_scales[i] && wanted[i] <= largest_scales[i])) return false;
        return true;
    }
};

/// Floats that a search needs. `weights`: elements of all layers that are quantized or not in float.
constexpr std::size_t search_workspace_size(std::size_t in_features, std::size_t weights, std::size_t layers,
                                            std::size_t n_grid = 20) noexcept
{
    return weights + 2 * in_features + 5 * workspace::size_for<double>(in_features) +
           2 * workspace::size_for<double>(n_grid) + workspace::size_for<std::size_t>(n_grid) +
           workspace::size_for<matrix_view<const float>>(layers) + workspace::size_for<matrix_view<float>>(layers);
}

/// The same, for a problem.
template <quantizer Q, class T>
constexpr std::size_t search_workspace_size(const search_problem<Q, T>& problem, const search_options& options) noexcept
{
    std::size_t weights = 0;
    for (const auto& layer : problem.layers)
        if (layer.is_copied()) weights += layer.weight.size();
    return search_workspace_size(problem.in_features(), weights, problem.layers.size(), options.n_grid);
}

/// How many rows a sample should take together: the largest of the quantizers' blocks.
template <quantizer Q>
constexpr std::size_t row_block_of(const search_problem<Q>& problem) noexcept
{
    std::size_t block = 1;
    for (const auto& layer : problem.layers)
        if (layer.rounding != nullptr) block = std::max(block, layer.rounding->row_block());
    return block;
}

namespace detail {

template <quantizer Q, class T>
status check_layer(const search_layer<Q, T>& layer, std::size_t in_features)
{
    if (layer.weight.cols() != in_features)
        return error{error_code::shape_mismatch, "scale search: a balance layer has ", layer.weight.cols(),
                     " columns, the activations have ", in_features};
    if (!layer.importance.empty() && layer.importance.size() != in_features)
        return error{error_code::shape_mismatch, "scale search: ", layer.importance.size(),
                     " importance values for ",  in_features,      " columns"};
    return layer.rounding != nullptr ? layer.rounding->check(in_features) : status{};
}

template <quantizer Q, class T>
status check_problem(const search_problem<Q, T>& problem)
{
    if (problem.layers.empty() || problem.x_mean.empty())
        return error{error_code::invalid_argument, "scale search: give at least one balance layer and its activations"};
    for (const float value : problem.x_mean)
        if (!std::isfinite(value) || value < 0.0f)
            return error{error_code::not_finite, "scale search: x_mean has a value that is not a finite magnitude"};
    if (!problem.column_scales.empty() && problem.column_scales.size() != problem.in_features())
        return error{error_code::shape_mismatch, "scale search: column_scales needs ", problem.in_features(),
                     " entries"};
    if (problem.scales() > problem.in_features())
        return error{error_code::invalid_argument, "scale search: more scales than columns"};
    for (const std::uint32_t index : problem.column_scales)
        if (index >= problem.scale_count)
            return error{error_code::invalid_argument, "scale search: column scale ", index, " is not below ",
                         problem.scale_count};
    const std::size_t limits = problem.smallest_scales.size();
    if (limits != problem.largest_scales.size() || (limits != 0 && limits != problem.scales()))
        return error{
            error_code::shape_mismatch, "scale search: limits for ", limits, " of ", problem.scales(), " scales"};
    for (const auto& layer : problem.layers) AWQ_CHECK(check_layer(layer, problem.in_features()));
    return {};
}

} // namespace detail

} // namespace awq

#endif
// ---- awq/search/weight_mean.hpp
#ifndef AWQ_SEARCH_WEIGHT_MEAN_HPP
#define AWQ_SEARCH_WEIGHT_MEAN_HPP

// ---- awq/quantization/storage_rounding.hpp
#ifndef AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP
#define AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP

// ---- awq/quantization/float_lanes.hpp
#ifndef AWQ_QUANTIZATION_FLOAT_LANES_HPP
#define AWQ_QUANTIZATION_FLOAT_LANES_HPP

#include <cstddef>
#include <cstring>
#include <utility>
#if AWQ_GNU && defined(__AVX__)
#include <immintrin.h>
#elif AWQ_GNU && defined(__SSE2__)
#include <xmmintrin.h> // the other takes a third of the time that the core takes to include
#endif

// Everything here is inlined, so no vector is ever passed between functions.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace awq::detail {

// Code of this room is written once over S, which is a float or a vector of floats (the vector
// extension of GCC and Clang, any instruction set). Operators and `a < b ? a : b` work on both, lane
// by lane, so a small device gets plain loops from the same text.

template <std::size_t Lanes>
struct lanes_of;
template <>
struct lanes_of<1> {
    using floats = float;
    using ints = int;
    using bits = unsigned;
    using bytes = signed char;
};
#if AWQ_GNU
template <std::size_t Lanes>
struct lanes_of {
    // Not std::int32_t: what comparing floats gives are vectors of int, also where that is long.
    typedef float floats __attribute__((vector_size(Lanes * sizeof(float))));
    typedef int ints __attribute__((vector_size(Lanes * sizeof(float))));
    typedef unsigned bits __attribute__((vector_size(Lanes * sizeof(float))));
    typedef signed char bytes __attribute__((vector_size(Lanes)));
};
#endif

template <std::size_t Lanes>
using float_lanes = typename lanes_of<Lanes>::floats;

template <class S>
inline constexpr std::size_t lane_count = sizeof(S) / sizeof(float);

template <class S>
using bit_lanes = typename lanes_of<lane_count<S>>::bits;

template <class S>
AWQ_ALWAYS_INLINE S load(const float* from) noexcept
{
    S loaded;
    std::memcpy(&loaded, from, sizeof(S));
    return loaded;
}

template <class S>
AWQ_ALWAYS_INLINE void store(const S& values, float* to) noexcept
{
    std::memcpy(to, &values, sizeof(S));
}

/// The same number in every lane.
template <class S>
AWQ_ALWAYS_INLINE S all_lanes(float value) noexcept
{
    if constexpr (lane_count<S> == 1)
        return value;
    else
        return value - S{}; // exact; 0 - 0 is 0
}

/// The smaller (larger) one; `b` where either is not a number.
template <class S>
AWQ_ALWAYS_INLINE S smaller(const S& a, const S& b) noexcept
{
    return a < b ? a : b;
}
template <class S>
AWQ_ALWAYS_INLINE S larger(const S& a, const S& b) noexcept
{
    return a > b ? a : b;
}
// GCC 12 makes a comparison and a blend of some of these.
#if AWQ_GNU && defined(__SSE2__)
template <>
AWQ_ALWAYS_INLINE float_lanes<4> smaller(const float_lanes<4>& a, const float_lanes<4>& b) noexcept
{
    return _mm_min_ps(a, b);
}
template <>
AWQ_ALWAYS_INLINE float_lanes<4> larger(const float_lanes<4>& a, const float_lanes<4>& b) noexcept
{
    return _mm_max_ps(a, b);
}
#endif
#if AWQ_GNU && defined(__AVX__)
template <>
AWQ_ALWAYS_INLINE float_lanes<8> smaller(const float_lanes<8>& a, const float_lanes<8>& b) noexcept
{
    return _mm256_min_ps(a, b);
}
template <>
AWQ_ALWAYS_INLINE float_lanes<8> larger(const float_lanes<8>& a, const float_lanes<8>& b) noexcept
{
    return _mm256_max_ps(a, b);
}
#endif
#if AWQ_GNU && defined(__AVX512F__)
template <>
AWQ_ALWAYS_INLINE float_lanes<16> smaller(const float_lanes<16>& a, const float_lanes<16>& b) noexcept
{
    return _mm512_maskz_min_ps(0xFFFF, a, b); // the plain one warns in GCC 12
}
template <>
AWQ_ALWAYS_INLINE float_lanes<16> larger(const float_lanes<16>& a, const float_lanes<16>& b) noexcept
{
    return _mm512_maskz_max_ps(0xFFFF, a, b); // the plain one warns in GCC 12
}
#endif

/// The whole numbers of lanes, as bytes; 0 where a lane is not a number.
template <class S>
AWQ_ALWAYS_INLINE void store_bytes(const S& values, signed char* to) noexcept
{
    const S numbers = values == values ? values : S{};
    if constexpr (lane_count<S> == 1) {
        *to = static_cast<signed char>(numbers);
    } else {
#if AWQ_GNU
        using shape = lanes_of<lane_count<S>>;
        const auto whole = __builtin_convertvector(numbers, typename shape::ints);
        const auto bytes = __builtin_convertvector(whole, typename shape::bytes);
        std::memcpy(to, &bytes, sizeof bytes);
#endif
    }
}

// ---- one number of each of several vectors ------------------------------------------------------

struct take_smaller {
    template <class S>
    AWQ_ALWAYS_INLINE static S of(const S& a, const S& b) noexcept
    {
        return smaller(a, b);
    }
};
struct take_larger {
    template <class S>
    AWQ_ALWAYS_INLINE static S of(const S& a, const S& b) noexcept
    {
        return larger(a, b);
    }
};

/// Blocks of `Block` lanes within runs of `Run` lanes: of a's run the even (`Odd` = 0) or odd ones,
/// then those of b's run, and so for each run.
template <std::size_t Block, std::size_t Run, std::size_t Odd, class S, std::size_t... I>
AWQ_ALWAYS_INLINE S every_second(const S& a, const S& b, std::index_sequence<I...>) noexcept
#if AWQ_GNU
{
    constexpr auto index = [](std::size_t i) {
        const std::size_t run = i / Run * Run, at = i % Run, half = Run / 2;
        const std::size_t within = at % half, block = within / Block;
        return static_cast<int>((at < half ? 0 : lane_count<S>)+run + (2 * block + Odd) * Block + within % Block);
    };
    return __builtin_shufflevector(a, b, index(I)...);
}
#else
    ; // nor are there vectors
#endif

/// Makes one vector of two neighbouring ones, `Count` / 2 times.
template <class Take, std::size_t Block, std::size_t Run, std::size_t Count, class S>
AWQ_ALWAYS_INLINE void halve(S* vectors) noexcept
{
    constexpr auto all = std::make_index_sequence<lane_count<S>>{};
    for (std::size_t i = 0; i < Count / 2; ++i) {
        const S even = every_second<Block, Run, 0>(vectors[2 * i], vectors[2 * i + 1], all);
        const S odd = every_second<Block, Run, 1>(vectors[2 * i], vectors[2 * i + 1], all);
        vectors[i] = Take::of(even, odd);
    }
}

/// Of as many vectors as a vector has lanes: lane i holds what `Take` makes of all lanes of vector i.
template <class Take, class S>
AWQ_ALWAYS_INLINE S across(S* vectors) noexcept
{
    constexpr std::size_t lanes = lane_count<S>;
    if constexpr (lanes >= 4) {
        // Neighbours within quarters of 16 bytes first, which is cheap, then whole quarters.
        halve<Take, 1, 4, lanes>(vectors);
        halve<Take, 1, 4, lanes / 2>(vectors);
    }
    if constexpr (lanes >= 8) halve<Take, 4, lanes, lanes / 4>(vectors);
    if constexpr (lanes == 16) halve<Take, 4, lanes, lanes / 8>(vectors);
    return vectors[0];
}

} // namespace awq::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif

#include <limits>
#include <span>
#include <type_traits>

namespace awq {

/// Rounds a float, or each lane of a vector of floats, as a tensor of type T stores it. With T = float
/// nothing is lost.
template <class T>
struct storage_rounding {
    using type = T;
    /// The distance of 1 and the next value.
    static constexpr float epsilon = 0x1p-23f;
    template <class S>
    AWQ_ALWAYS_INLINE static S round(const S& value) noexcept
    {
        return value;
    }
};
template <>
struct storage_rounding<bf16> {
    using type = bf16;
    static constexpr float epsilon = 0x1p-7f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept { return static_cast<float>(bf16{value}); }
    template <class S>
    AWQ_ALWAYS_INLINE static S round(const S& value) noexcept
    {
        using bits = detail::bit_lanes<S>;
        const bits pattern = __builtin_bit_cast(bits, value);
        const bits rounded = (pattern + 0x7FFFu + ((pattern >> 16) & 1u)) & 0xFFFF0000u;
        const bits quiet = (pattern | 0x00400000u) & 0xFFFF0000u;
        return value == value ? __builtin_bit_cast(S, rounded) : __builtin_bit_cast(S, quiet);
    }
};
template <>
struct storage_rounding<f16> {
    using type = f16;
    static constexpr float epsilon = 0x1p-10f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept { return static_cast<float>(f16{value}); }
    /// The last bit of a number `shift` is worth as much as that of binary16 at `value`.
    template <class S>
    AWQ_ALWAYS_INLINE static S round(const S& value) noexcept
    {
        using bits = detail::bit_lanes<S>;
        const bits pattern = __builtin_bit_cast(bits, value), sign = pattern & 0x80000000u;
        const S power = __builtin_bit_cast(S, pattern & 0x7F800000u);
        const S normal = detail::larger(power, detail::all_lanes<S>(0x1p-14f));
        const S shift = __builtin_bit_cast(S, __builtin_bit_cast(bits, normal) + (13u << 23)) * 1.5f;
        const S magnitude = __builtin_bit_cast(S, pattern ^ sign);
        const S rounded = (magnitude + shift) - shift;
        const S stored = magnitude >= 65520.0f ? detail::all_lanes<S>(std::numeric_limits<float>::infinity()) : rounded;
        return __builtin_bit_cast(S, __builtin_bit_cast(bits, stored) | sign);
    }
};

/// Calls `action` with the `storage_rounding` of a run-time dtype; anything but bf16 and f16 is
/// float.
template <class Action>
constexpr decltype(auto) with_storage(dtype storage, Action&& action)
{
    if (storage == dtype::bf16) return action(storage_rounding<bf16>{});
    if (storage == dtype::f16) return action(storage_rounding<f16>{});
    return action(storage_rounding<float>{});
}

/// The same where the type is known when it is compiled.
template <class T, class Action>
constexpr decltype(auto) with_storage(storage_rounding<T> storage, Action&& action)
{
    return action(storage);
}

/// Rounds every value to `storage`, in place.
inline void round_to_storage(dtype storage, std::span<float> values) noexcept
{
    if (storage != dtype::bf16 && storage != dtype::f16) return;
    with_storage(storage, [values](auto rounding) {
        for (float& value : values) value = rounding.round(value);
    });
}
/// The same with a storage that is known when this is compiled.
template <class T>
void round_to_storage(storage_rounding<T> storage, std::span<float> values) noexcept
{
    if constexpr (!std::is_same_v<T, float>)
        for (float& value : values) value = storage.round(value);
}

} // namespace awq

#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

template <class T, class Rounding>
void add_group_magnitudes(const T* group, std::size_t count, double* sums, Rounding) noexcept
{
    float largest = 0.0f;
    for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(static_cast<float>(group[i])));
    const float divisor = Rounding::round(Rounding::round(largest) + 1e-6f);
    for (std::size_t i = 0; i < count; ++i)
        sums[i] += Rounding::round(std::fabs(Rounding::round(static_cast<float>(group[i]))) / divisor);
}

} // namespace detail

/// Adds a weight's normalised magnitudes to `sums` (in_features): |w| / (max of its group + 1e-6),
/// divided in the storage type (a dtype, or a `storage_rounding`), summed over rows. `group` columns
/// share a scale.
/// Divide the sums by the number of rows of all layers that went in: that is w_mean.
template <execution E, class T, class Storage>
void add_weight_magnitudes(const E& how, matrix_view<T> weight, std::size_t group, Storage storage,
                           std::span<double> sums)
{
    how.for_each(chunk_count(weight.cols(), group), [&](std::size_t index) {
        const std::size_t first = index * group;
        const std::size_t count = std::min(group, weight.cols() - first);
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < weight.rows(); ++r)
                detail::add_group_magnitudes(weight.row(r).data() + first, count, sums.data() + first, rounding);
        });
    });
}

} // namespace awq

#endif

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

namespace awq {

/// A loss over candidate weights Q(W s)/s, in the order of the problem's layers: what is lost when
/// they take the place of the original weights, the same inputs given. Smaller is better. A loss that
/// looks at some rows only has a `sample_of(rows)`, a `row_sample`: only these are then made.
template <class Loss>
concept candidate_loss = requires(Loss& loss, std::span<const matrix_view<const float>> weights)
{
    {
        loss(weights)
        } -> std::convertible_to<double>;
};

namespace detail {

/// Makes candidates one after another in the same memory. `Storage`: a dtype, or a `storage_rounding`.
template <execution E, quantizer Q, class T, class Storage>
class AWQ_ABI_TAG candidate_maker {
public:
    candidate_maker(const E& how, const search_problem<Q, T>& problem, Storage storage)
        : how_(how), problem_(problem), storage_(storage)
    {}

    status prepare(workspace& memory, bool needs_w_mean)
    {
        const std::size_t columns = problem_.in_features(), scales = problem_.scales();
        x_mean_ = memory.take<float>(scales);
        scales_ = memory.take<double>(scales);
        best_scales_ = memory.take<double>(scales);
        column_scales_ = memory.take<sum_type>(columns);
        importance_ = memory.take<float>(columns);
        w_mean_ = memory.take<double>(scales);
        const std::span<double> magnitudes = memory.take<double>(columns);
        views_ = memory.take<matrix_view<const float>>(problem_.layers.size());
        outputs_ = memory.take<matrix_view<float>>(problem_.layers.size());
        if (magnitudes.empty() || outputs_.empty()) return too_small();
        for (std::size_t i = 0; i < views_.size(); ++i) AWQ_CHECK(prepare_layer(memory, i));
        reduce_to_scales([&](std::size_t c) { return problem_.x_mean[c]; }, x_mean_);
        if (needs_w_mean) fill_w_mean(magnitudes);
        return {};
    }

    /// The candidate's weights, the rows of `sample_of` each; empty where a scale is not usable or
    /// cannot be stored.
    template <class Sample>
    std::span<const matrix_view<const float>> make(const scale_candidate& candidate, const Sample& sample_of)
    {
        if (!compute_scales(candidate, x_mean_, w_mean_, scales_)) return {};
        const bool identity = candidate.ratio == 0.0 && !candidate.duo_scaling;
        if (!identity && !problem_.can_store(scales_)) return {};
        for (std::size_t c = 0; c < column_scales_.size(); ++c)
            column_scales_[c] = static_cast<sum_type>(scales_[problem_.scale_of(c)]);
        for (std::size_t i = 0; i < views_.size(); ++i)
            if (problem_.layers[i].rounding != nullptr) make_layer(i, sample_of(problem_.layers[i].weight.rows()));
        return views_;
    }

    std::span<const double> best_scales(const scale_candidate& candidate)
    {
        compute_scales(candidate, x_mean_, w_mean_, best_scales_);
        return best_scales_;
    }

    static error too_small()
    {
        return error{error_code::workspace_too_small,
                     "scale search: give as many floats as search_workspace_size says"};
    }

private:
    status prepare_layer(workspace& memory, std::size_t index)
    {
        const auto& layer = problem_.layers[index];
        if constexpr (std::is_same_v<T, float>) views_[index] = layer.weight;
        if (!layer.is_copied() || layer.weight.empty()) return {};
        const std::span<float> space = memory.take<float>(layer.weight.size());
        if (space.empty()) return too_small();
        outputs_[index] = {space.data(), layer.weight.rows(), layer.weight.cols()};
        views_[index] = outputs_[index];
        if (layer.rounding == nullptr) widen(how_, layer.weight, outputs_[index]);
        return {};
    }

    // The mean over the columns that share a scale; a plain copy where none do.
    template <class Source, class V>
    void reduce_to_scales(Source source, std::span<V> out) const
    {
        for (std::size_t s = 0; s < out.size(); ++s) out[s] = V(0);
        if (problem_.column_scales.empty()) {
            for (std::size_t c = 0; c < out.size(); ++c) out[c] = source(c);
            return;
        }
        for (std::size_t c = 0; c < problem_.in_features(); ++c) out[problem_.scale_of(c)] += source(c);
        const V share = V(out.size()) / V(problem_.in_features());
        for (V& value : out) value *= share;
    }

    void fill_w_mean(std::span<double> sums)
    {
        double rows = 0.0;
        for (const auto& layer : problem_.layers) {
            if (layer.rounding == nullptr) continue;
            add_weight_magnitudes(how_, layer.weight, layer.rounding->scale_columns(layer.weight.cols()), storage_,
                                  sums);
            rows += static_cast<double>(layer.weight.rows());
        }
        reduce_to_scales([&](std::size_t c) { return sums[c] / rows; }, w_mean_);
    }

    void make_layer(std::size_t index, const row_sample& sample)
    {
        const auto& layer = problem_.layers[index];
        const matrix_view<float> out = outputs_[index];
        std::span<float> importance{};
        if (!layer.importance.empty()) {
            importance = importance_;
            for (std::size_t c = 0; c < importance.size(); ++c)
                importance[c] = static_cast<float>(static_cast<double>(layer.importance[c]) /
                                                   (column_scales_[c] * column_scales_[c]));
        }
        bool is_scaled = false;
        Q rounding = *layer.rounding;
        if constexpr (magnitude_quantizer<Q>) {
            is_scaled = rounding.needs_magnitude();
            if (is_scaled) {
                how_.for_each(out.rows(), [&](std::size_t row) {
                    scale_rows(layer.weight.rows_from(row, 1), out.rows_from(row, 1));
                });
                rounding = settled(how_, rounding, matrix_view<const float>{out});
            }
        }
        const auto make_rows = [&](std::size_t first, std::size_t count) {
            const auto block = out.rows_from(first, count);
            if (!is_scaled) scale_rows(layer.weight.rows_from(first, count), block);
            rounding.pseudo_quantize(block, importance, block);
            unscale_rows(block);
        };
        if (sample.size() == out.rows()) return for_all_blocks(how_, rounding, out.rows(), make_rows);
        how_.for_each(sample.blocks(), [&](std::size_t block) {
            const std::size_t first = sample.first_of(block), end = first + sample.rows_in(block);
            for_each_block(first, end, rounding.row_block(), make_rows);
        });
    }

    // Q(W s)/s in three steps, each rounded to float once; with scales that are floats that is the
    // same as float arithmetic. Where they can, all are done to a block of rows in the cache.
    void scale_rows(matrix_view<const T> weight, matrix_view<float> out) const
    {
        const sum_type* const s = column_scales_.data();
        for (std::size_t r = 0; r < weight.rows(); ++r) {
            const std::span<float> to = out.row(r);
            const T* const from = weight.row(r).data();
            for (std::size_t c = 0; c < to.size(); ++c) to[c] = static_cast<float>(static_cast<float>(from[c]) * s[c]);
            round_to_storage(storage_, to);
        }
    }

    void unscale_rows(matrix_view<float> rows) const
    {
        const sum_type* const s = column_scales_.data();
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const std::span<float> row = rows.row(r);
            for (std::size_t c = 0; c < row.size(); ++c) row[c] = static_cast<float>(row[c] / s[c]);
            round_to_storage(storage_, row);
        }
    }

    const E& how_;
    const search_problem<Q, T>& problem_;
    [[no_unique_address]] Storage storage_;
    std::span<float> x_mean_;                         // (scales)
    std::span<double> w_mean_, scales_, best_scales_; // (scales)
    std::span<sum_type> column_scales_;               // (in_features)
    std::span<float> importance_;                     // (in_features)
    std::span<matrix_view<const float>> views_;       // what the loss sees
    std::span<matrix_view<float>> outputs_;           // the same memory, where it is ours
};

/// The weights of a candidate, those rows that the loss looks at; empty where it is not usable.
template <class Maker, candidate_loss Loss>
std::span<const matrix_view<const float>> make_for(Maker& maker, const scale_candidate& candidate, Loss& loss)
{
    return maker.make(candidate, [&](std::size_t rows) {
        if constexpr (requires { loss.sample_of(rows); })
            return loss.sample_of(rows);
        else
            return row_sample{rows};
    });
}

/// The loss of a candidate, NaN where it is not usable.
template <class Maker, candidate_loss Loss>
double judge(Maker& maker, const scale_candidate& candidate, Loss& loss)
{
    const auto weights = make_for(maker, candidate, loss);
    if (weights.empty()) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(loss(weights));
}

/// The losses of some candidates; one that can wait for several of them does.
template <class Maker, candidate_loss Loss>
void judge_some(Maker& maker, const scale_grid& grid, std::size_t first, std::size_t end, Loss& loss,
                std::span<double> errors)
{
    for (std::size_t i = first; i < end; ++i) {
        if constexpr (requires { loss.finish(); }) {
            errors[i] = std::numeric_limits<double>::quiet_NaN();
            if (const auto weights = make_for(maker, grid[i], loss); !weights.empty()) loss.begin(weights, errors[i]);
        } else {
            errors[i] = judge(maker, grid[i], loss);
        }
    }
    if constexpr (requires { loss.finish(); }) loss.finish();
}

constexpr std::size_t no_candidate = static_cast<std::size_t>(-1);

/// The first of the smallest finite errors; `no_candidate` where none is finite.
inline std::size_t first_smallest(std::span<const double> errors)
{
    std::size_t best = no_candidate;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < errors.size(); ++i)
        if (std::isfinite(errors[i]) && errors[i] < smallest) {
            best = i;
            smallest = errors[i];
        }
    return best;
}

inline std::size_t count_not_finite(std::span<const double> errors)
{
    return static_cast<std::size_t>(std::ranges::count_if(errors, [](double value) { return !std::isfinite(value); }));
}

/// Identity and the candidates of the smallest finite errors, at most so many, in grid order. `places`: room for all.
inline std::span<const std::size_t> finalists_of(std::span<const double> errors, std::size_t most,
                                                 std::span<std::size_t> places)
{
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    const auto is_better = [&](std::size_t a, std::size_t b) {
        if (!std::isfinite(errors[a]) || !std::isfinite(errors[b])) return std::isfinite(errors[a]);
        return errors[a] != errors[b] ? errors[a] < errors[b] : a < b;
    };
    std::ranges::sort(places.subspan(1), is_better);
    std::size_t count = 1;
    while (count < places.size() && count <= most && std::isfinite(errors[places[count]])) ++count;
    std::ranges::sort(places.first(count));
    return places.first(count);
}

inline error nothing_finite()
{
    return error{error_code::no_candidate,
                 "scale search: no candidate has a finite error; look for "
                 "infinite activations, and for weights near the largest number of their type"};
}

} // namespace detail

/// Tries every candidate of the grid with one loss and returns the best: the first with the
/// smallest finite loss. Identity is the first candidate, so the best is never worse than it.
/// The outcome's spans lie in `memory`, which needs `search_workspace_size(problem, options)`
/// floats. Errors: shapes that do not fit, workspace_too_small, no_candidate where no loss is
/// finite, those of `share`. `storage`: as `options.storage`, which it takes the place of; a `storage_rounding` where
/// it is known when this is compiled. `share`: who judges which candidates, where several search together.
template <execution E, quantizer Q, class T, candidate_loss Loss, class Storage, candidate_share Share = all_candidates>
result<search_outcome> scale_search(const E& how, const search_problem<Q, T>& problem, const search_options& options,
                                    Loss&& loss, workspace memory, Storage storage, const Share& share = {})
{
    const scale_grid grid{options};
    AWQ_CHECK(grid.check());
    AWQ_CHECK(detail::check_problem(problem));
    detail::candidate_maker<E, Q, T, Storage> maker{how, problem, storage};
    const std::span<double> errors = memory.take<double>(grid.size());
    if (errors.empty()) return maker.too_small();
    AWQ_CHECK(maker.prepare(memory, options.duo_scaling != duo::off));
    AWQ_CHECK(share(errors, [&](std::size_t first, std::size_t end) {
        detail::judge_some(maker, grid, first, end, loss, errors);
    }));
    const std::size_t best = detail::first_smallest(errors);
    if (best == detail::no_candidate) return detail::nothing_finite();
    return search_outcome{maker.best_scales(grid[best]),
                          grid[best].ratio,
                          grid[best].duo_scaling,
                          errors[0],
                          errors[best],
                          grid.size(),
                          detail::count_not_finite(errors),
                          errors};
}

/// The same with `options.storage`, known at run time only.
template <execution E, quantizer Q, class T, candidate_loss Loss>
result<search_outcome> scale_search(const E& how, const search_problem<Q, T>& problem, const search_options& options,
                                    Loss&& loss, workspace memory)
{
    return scale_search(how, problem, options, loss, memory, options.storage);
}

/// As `scale_search`, in two stages: `cheap` ranks all candidates, then `exact` decides among the
/// `options.finalists` best of them and identity. The outcome's errors are those of `exact`, its
/// `candidate_errors` those of `cheap`; the result is never worse than identity on `exact`.
template <execution E, quantizer Q, class T, candidate_loss Cheap, candidate_loss Exact,
          candidate_share Share = all_candidates>
result<search_outcome> screened_search(const E& how, const search_problem<Q, T>& problem, const search_options& options,
                                       Cheap&& cheap, Exact&& exact, workspace memory, const Share& share = {})
{
    const scale_grid grid{options};
    AWQ_CHECK(grid.check());
    AWQ_CHECK(detail::check_problem(problem));
    detail::candidate_maker<E, Q, T, dtype> maker{how, problem, options.storage};
    const std::span<double> errors = memory.take<double>(grid.size());
    const std::span<double> room = memory.take<double>(grid.size());
    const std::span<std::size_t> places = memory.take<std::size_t>(grid.size());
    if (places.empty()) return maker.too_small();
    AWQ_CHECK(maker.prepare(memory, options.duo_scaling != duo::off));
    AWQ_CHECK(share(errors, [&](std::size_t first, std::size_t end) {
        detail::judge_some(maker, grid, first, end, cheap, errors);
    }));
    const std::span<const std::size_t> finalists = detail::finalists_of(errors, options.finalists, places);
    const std::span<double> decisive = room.first(finalists.size());
    AWQ_CHECK(share(decisive, [&](std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) decisive[i] = detail::judge(maker, grid[finalists[i]], exact);
    }));
    const std::size_t best = detail::first_smallest(decisive);
    if (best == detail::no_candidate) return detail::nothing_finite();
    std::size_t skipped = detail::count_not_finite(errors);
    for (std::size_t i = 0; i < decisive.size(); ++i)
        if (!std::isfinite(decisive[i]) && std::isfinite(errors[finalists[i]])) ++skipped;
    const scale_candidate winner = grid[finalists[best]];
    return search_outcome{maker.best_scales(winner),
                          winner.ratio,
                          winner.duo_scaling,
                          decisive[0],
                          decisive[best],
                          grid.size(),
                          skipped,
                          errors};
}

} // namespace awq

#endif
// ---- awq/smoothing/apply_scales.hpp
#ifndef AWQ_SMOOTHING_APPLY_SCALES_HPP
#define AWQ_SMOOTHING_APPLY_SCALES_HPP

// ---- awq/smoothing/check_mapping.hpp
#ifndef AWQ_SMOOTHING_CHECK_MAPPING_HPP
#define AWQ_SMOOTHING_CHECK_MAPPING_HPP

#include <cstddef>
#include <cstdint>

namespace awq {

namespace detail {

/// A layer that is scaled twice, or one whose rows share memory, would compute something else afterwards.
template <class S, class B>
status check_memory(const basic_mapping<S, B>& pair)
{
    const auto shares_rows = [] {
        return error{error_code::invalid_argument, "mapping: a layer's stride is below its width, so its rows overlap"};
    };
    if (pair.smooth.weight.rows_overlap()) return shares_rows();
    for (std::size_t i = 0; i < pair.balances.size(); ++i) {
        if (pair.balances[i].rows_overlap()) return shares_rows();
        const void* const weight = pair.balances[i].data();
        if (weight == pair.smooth.weight.data())
            return error{error_code::invalid_argument, "mapping: balance layer ", i, " is the smooth layer itself"};
        for (std::size_t j = 0; j < i; ++j)
            if (weight == pair.balances[j].data())
                return error{error_code::invalid_argument,          "mapping: balance layers ", j, " and ", i,
                             " are the same tensor; give each once"};
    }
    return {};
}

template <class S, class B>
status check_balances(const basic_mapping<S, B>& pair)
{
    if (pair.balances.empty()) return error{error_code::invalid_argument, "mapping: give at least one balance layer"};
    for (const auto& balance : pair.balances)
        if (balance.empty() || balance.cols() != pair.in_features())
            return error{error_code::shape_mismatch, "mapping: a balance layer has ", balance.cols(),
                         " columns, another has ", pair.in_features()};
    return {};
}

template <class T>
status check_smooth(const basic_smooth_target<T>& smooth, std::size_t scales)
{
    if (smooth.norm && (smooth.weight.rows() != 1 || smooth.weight.cols() != scales))
        return error{error_code::shape_mismatch, "mapping: a norm of ", smooth.weight.size(),
                     " channels before layers that read ", scales};
    if (!smooth.norm && smooth.weight.rows() == 1 && scales > 1)
        return error{error_code::shape_mismatch,
                     "mapping: a linear smooth layer with one output before layers that read ", scales,
                     "; a norm's weight is a vector, give it as a std::span"};
    if (!smooth.norm && smooth.weight.rows() < scales)
        return error{error_code::shape_mismatch,
                     "mapping: a smooth layer with ",
                     smooth.weight.rows(),
                     " outputs before layers that read ",
                     scales,
                     "; grouped-query attention needs column_scales"};
    if (!smooth.bias.empty() && smooth.bias.size() != smooth.channels())
        return error{error_code::shape_mismatch, "mapping: a bias of ",
                     smooth.bias.size(),         " values for ",
                     smooth.channels(),          " outputs"};
    if (!smooth.rows.empty() && (smooth.norm || smooth.rows.size() != scales))
        return error{error_code::shape_mismatch,
                     "mapping: ",
                     smooth.rows.size(),
                     " outputs of the smooth layer are named for ",
                     scales,
                     " scales"};
    for (const std::uint32_t row : smooth.rows)
        if (row >= smooth.channels())
            return error{error_code::shape_mismatch,
                         "mapping: the smooth layer has ",
                         smooth.channels(),
                         " outputs, output ",
                         row,
                         " is named"};
    if (!smooth.norm && smooth.offset)
        return error{error_code::invalid_argument, "mapping: only a norm's weight has an offset"};
    return {};
}

} // namespace detail

/// How many scales a mapping has: its in_features, or one for each group of columns.
template <class S = float, class B = S>
std::size_t scale_count(const basic_mapping<S, B>& pair) noexcept
{
    if (pair.column_scales.empty()) return pair.in_features();
    std::uint32_t last = 0;
    for (const std::uint32_t index : pair.column_scales) last = index > last ? index : last;
    return std::size_t{last} + 1;
}

/// Whether the layers of a mapping fit together, so that smoothing keeps the function that they
/// compute. invalid_argument or shape_mismatch where they do not.
template <class S = float, class B = S>
status check_mapping(const basic_mapping<S, B>& pair)
{
    AWQ_CHECK(detail::check_balances(pair));
    AWQ_CHECK(detail::check_memory(pair));
    if (!pair.column_scales.empty() && pair.column_scales.size() != pair.in_features())
        return error{error_code::shape_mismatch, "mapping: column_scales needs ", pair.in_features(), " entries"};
    return detail::check_smooth(pair.smooth, scale_count(pair));
}

} // namespace awq

#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

namespace detail {

template <execution E, class T>
void multiply_columns(const E& how, std::span<const std::uint32_t> column_scales, matrix_view<T> weight,
                      std::span<const double> scales)
{
    how.for_each(weight.rows(), [&](std::size_t r) {
        T* const row = weight.row(r).data();
        if (column_scales.empty())
            for (std::size_t c = 0; c < weight.cols(); ++c) row[c] = from_double<T>(to_double(row[c]) * scales[c]);
        else
            for (std::size_t c = 0; c < weight.cols(); ++c)
                row[c] = from_double<T>(to_double(row[c]) * scales[column_scales[c]]);
    });
}

template <class T>
void divide_norm(const basic_smooth_target<T>& smooth, std::span<const double> scales) noexcept
{
    const std::span<T> weight = smooth.weight.row(0);
    const double offset = smooth.offset ? 1.0 : 0.0;
    for (std::size_t i = 0; i < scales.size(); ++i)
        weight[i] = from_double<T>((to_double(weight[i]) + offset) / scales[i] - offset);
}

template <execution E, class T>
void divide_rows(const E& how, const basic_smooth_target<T>& smooth, std::span<const double> scales)
{
    how.for_each(scales.size(), [&](std::size_t i) {
        for (T& element : smooth.weight.row(smooth.row_of(i, scales.size())))
            element = from_double<T>(to_double(element) / scales[i]);
    });
}

} // namespace detail

/// Divides the smooth layer's outputs by the scales and multiplies the balance layers' columns by
/// them, in place: together the layers compute what they did before. Of a linear smooth layer with
/// more outputs than scales (a fused qkv or gate_up) only the last rows, or those that the target names,
/// and the matching slice of the bias, change. Computed in double and rounded to float once, and from there
/// to the tensors' own type; which scales that can hold, `scale_limits` knows. Errors (then nothing is
/// changed): those of `check_mapping`; invalid_argument where a scale is not a positive number.
template <execution E, class S = float, class B = S>
status apply_scales(const E& how, const basic_mapping<S, B>& pair, std::span<const double> scales)
{
    AWQ_CHECK(check_mapping(pair));
    if (scales.size() != scale_count(pair))
        return error{error_code::shape_mismatch, "apply_scales: ", scales.size(), " scales for ",
                     scale_count(pair),          " channels"};
    for (const double scale : scales)
        if (!std::isfinite(scale) || !(scale > 0.0))
            return error{error_code::invalid_argument, "apply_scales: a scale is not positive"};
    for (const auto& balance : pair.balances) detail::multiply_columns(how, pair.column_scales, balance, scales);
    const basic_smooth_target<S>& smooth = pair.smooth;
    if (smooth.norm)
        detail::divide_norm(smooth, scales);
    else
        detail::divide_rows(how, smooth, scales);
    if (!smooth.bias.empty())
        for (std::size_t i = 0; i < scales.size(); ++i) {
            S& bias = smooth.bias[smooth.row_of(i, scales.size())];
            bias = detail::from_double<S>(detail::to_double(bias) / scales[i]);
        }
    return {};
}

} // namespace awq

#endif
// ---- awq/smoothing/offset_norm_scales.hpp
#ifndef AWQ_SMOOTHING_OFFSET_NORM_SCALES_HPP
#define AWQ_SMOOTHING_OFFSET_NORM_SCALES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

namespace detail {

/// The weight to store for a gain of 1 + weight, exact in 16 bits, and not -1 unless the gain is 0.
inline double stored_offset(double gain) noexcept
{
    const auto weight = static_cast<double>(static_cast<float>(bf16{static_cast<float>(gain - 1)}));
    const bool lost = gain != 0 && (weight + 1) * gain <= 0;
    const double next_to_minus_one = gain > 0 ? -1 + 0x1p-8 : -1 - 0x1p-7;
    return lost ? next_to_minus_one : weight;
}

} // namespace detail

/// Adapts scales to a norm that multiplies by 1 + weight (Gemma), so that its new weights survive
/// 16-bit storage. A gain of 0.01 is stored as -0.99, whose last bit in bfloat16 is 0.004: rounding
/// it would change what the model computes. So the scales
/// - become 1 where the gain is 0 (such channels have no input, and a scale that says nothing),
/// - are centred (geometric mean 1) over the others, which keeps the gains where they were,
/// - are made exact: each the quotient of the old gain and of the new one as it will be stored.
/// Scales that are all 1 stay so. `T`: the weight's element type.
template <tensor_element T = float>
void adapt_to_offset_norm(std::span<const std::type_identity_t<T>> weight, std::span<double> scales) noexcept
{
    const auto is_one = [](double scale) { return scale == 1.0; };
    if (std::all_of(scales.begin(), scales.end(), is_one)) return;
    double logarithms = 0;
    std::size_t alive = 0;
    for (std::size_t i = 0; i < scales.size(); ++i) {
        if (detail::to_double(weight[i]) == -1.0) continue;
        logarithms += std::log(scales[i]);
        ++alive;
    }
    const double centre = alive == 0 ? 1.0 : std::exp(logarithms / static_cast<double>(alive));
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const double gain = 1.0 + detail::to_double(weight[i]);
        const double wanted = gain * centre / scales[i];
        scales[i] = gain == 0 ? 1.0 : gain / (1.0 + detail::stored_offset(wanted));
    }
}

} // namespace awq

#endif
// ---- awq/smoothing/scale_limits.hpp
#ifndef AWQ_SMOOTHING_SCALE_LIMITS_HPP
#define AWQ_SMOOTHING_SCALE_LIMITS_HPP

// ---- awq/tensor/storage_range.hpp
#ifndef AWQ_TENSOR_STORAGE_RANGE_HPP
#define AWQ_TENSOR_STORAGE_RANGE_HPP

namespace awq {

/// The finite magnitudes that are stored as something else than zero.
struct storage_range {
    double smallest = 0x1p-149; ///< the least subnormal number
    double largest = 0x1.FFFFFEp127;
};

/// That of f16 and bf16; of any other type that of float.
constexpr storage_range range_of(dtype type) noexcept
{
    if (type == dtype::f16) return {0x1p-24, 65504.0};
    if (type == dtype::bf16) return {0x1p-133, 0x1.FEp127};
    return {};
}

} // namespace awq

#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace awq {

/// The scales with which every tensor of a mapping can be stored, one entry a scale. In memory of the
/// caller.
struct scale_limits {
    std::span<double> smallest, largest;

    /// No limits yet.
    void clear() const noexcept
    {
        std::ranges::fill(smallest, 0.0);
        std::ranges::fill(largest, std::numeric_limits<double>::infinity());
    }
};

namespace detail {

inline void limit_smooth_row(const scale_limits& limits, std::size_t i, double magnitude,
                             const storage_range& range) noexcept
{
    limits.smallest[i] = std::max(limits.smallest[i], magnitude / range.largest);
    if (magnitude > 0) limits.largest[i] = std::min(limits.largest[i], magnitude / range.smallest);
}

template <class T>
double largest_magnitude(std::span<T> values) noexcept
{
    float largest = 0;
    for (const T value : values) largest = std::max(largest, std::fabs(static_cast<float>(value)));
    return static_cast<double>(largest);
}

} // namespace detail

/// Narrows the limits to scales whose products with the columns of a balance layer are finite in
/// `storage`. A column that becomes zero is left to the loss, which sees it.
/// `magnitudes`: the largest |w| of each column. `column_scales`: as in `mapping`.
inline void limit_balance(const scale_limits& limits, std::span<const float> magnitudes, dtype storage,
                          std::span<const std::uint32_t> column_scales) noexcept
{
    const double largest = range_of(storage).largest;
    for (std::size_t c = 0; c < magnitudes.size(); ++c) {
        double& limit = limits.largest[column_scales.empty() ? c : column_scales[c]];
        if (magnitudes[c] > 0) limit = std::min(limit, largest / static_cast<double>(magnitudes[c]));
    }
}

/// The same of the layer's weight. `scratch`: in_features floats.
template <class T>
void limit_balance(const scale_limits& limits, matrix_view<T> weight, dtype storage,
                   std::span<const std::uint32_t> column_scales, std::span<float> scratch) noexcept
{
    std::ranges::fill(scratch, 0.0f);
    for (std::size_t r = 0; r < weight.rows(); ++r)
        for (std::size_t c = 0; c < weight.cols(); ++c)
            scratch[c] = std::max(scratch[c], std::fabs(static_cast<float>(weight(r, c))));
    limit_balance(limits, scratch.first(weight.cols()), storage, column_scales);
}

/// Narrows the limits to scales by which the smooth layer can be divided: all is finite in `storage`,
/// and no channel (a norm's gain, a linear layer's row) that passes something on becomes zero, for
/// then nothing could bring it back. The weights of offset norms are adapted to their storage, so of
/// them only the finite ones count.
template <execution E, class T>
void limit_smooth(const E& how, const scale_limits& limits, const basic_smooth_target<T>& smooth, dtype storage)
{
    storage_range range = range_of(storage);
    const std::size_t count = limits.smallest.size();
    if (smooth.norm && smooth.offset) range = {0.0, range.largest - 1.0};
    for_each_row(how, count, [&](std::size_t i) {
        const double gain = smooth.norm
                                ? std::fabs(detail::to_double(smooth.weight(0, i)) + (smooth.offset ? 1.0 : 0.0))
                                : detail::largest_magnitude(smooth.weight.row(smooth.row_of(i, count)));
        detail::limit_smooth_row(limits, i, gain, range);
        if (smooth.bias.empty()) return;
        const double bias = std::fabs(detail::to_double(smooth.bias[smooth.row_of(i, count)]));
        limits.smallest[i] = std::max(limits.smallest[i], bias / range.largest);
    });
}

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq::detail {

/// What a modifier does to one mapping once its statistics are known: it cuts the caller's memory, searches
/// among the scales with which every tensor can be stored, and applies the best. `Storage`: the
/// `storage_rounding` of the search; `S` and `B`: the elements of the smooth layer and of the balance layers.
template <execution E, quantizer Q, class Storage, class S, class B>
class mapping_search {
public:
    mapping_search(const E& how, const basic_mapping<S, B>& pair, const Q& rounding, const search_options& options,
                   Storage storage)
        : how_(how), pair_(pair), rounding_(rounding), options_(options), storage_(storage)
    {}

    /// Floats that `prepare` needs at least, without those of the loss.
    static constexpr std::size_t workspace_size(std::size_t in_features, std::size_t out_features, std::size_t layers,
                                                std::size_t n_grid) noexcept
    {
        return search_workspace_size(in_features, in_features * out_features, layers, n_grid) + 2 * in_features +
               3 * workspace::size_for<double>(in_features) + workspace::size_for<search_layer<Q, B>>(layers) +
               workspace::size_for<matrix_view<const B>>(layers);
    }

    status prepare(const activation_stats& stats, workspace memory)
    {
        const std::size_t columns = pair_.in_features(), layers = pair_.balances.size();
        const std::size_t scales = scale_count(pair_);
        const std::span<float> x_mean = memory.take<float>(columns);
        const std::span<float> importance = memory.take<float>(columns);
        limits_.smallest = memory.take<double>(scales);
        limits_.largest = memory.take<double>(scales);
        scales_ = memory.take<double>(scales);
        weights_ = memory.take<matrix_view<const B>>(layers);
        const auto searched = memory.take<search_layer<Q, B>>(layers);
        if (importance.empty() || scales_.empty() || searched.empty()) return too_small();
        limit_scales(x_mean);
        AWQ_CHECK(stats.mean_abs(x_mean));
        AWQ_CHECK(stats.mean_square(importance));
        for (std::size_t i = 0; i < layers; ++i) {
            weights_[i] = pair_.balances[i];
            searched[i] = {weights_[i], &rounding_, importance};
        }
        problem_ = {searched, x_mean, pair_.column_scales, scales, limits_.smallest, limits_.largest};
        const std::size_t size = search_workspace_size(problem_, options_);
        if (memory.rest().size() < size + 2 * columns) return too_small();
        searching_ = memory.rest().first(size);
        rest_ = memory.rest().subspan(size);
        return {};
    }

    /// The balance layers as they are, and what is left of the memory for a loss.
    std::span<const matrix_view<const B>> weights() const noexcept { return weights_; }
    std::span<float> rest() const noexcept { return rest_; }

    /// The balance layers in float, in memory that `run` takes again.
    std::span<const matrix_view<const float>> widened_weights() const
    {
        if constexpr (std::is_same_v<B, float>) {
            return weights_;
        } else {
            workspace memory{searching_};
            const auto views = memory.take<matrix_view<const float>>(weights_.size());
            for (std::size_t i = 0; i < views.size(); ++i) {
                const matrix_view<const B> weight = weights_[i];
                const std::span<float> space = memory.take<float>(weight.size());
                const matrix_view<float> wide{space.data(), weight.rows(), weight.cols()};
                widen(how_, weight, wide);
                views[i] = wide;
            }
            return views;
        }
    }

    /// Searches with a loss over candidates, and smooths. On an error nothing is changed.
    template <candidate_loss Loss>
    result<search_outcome> run(Loss&& loss)
    {
        AWQ_TRY(search_outcome found, scale_search(how_, problem_, options_, loss, workspace{searching_}, storage_));
        AWQ_CHECK(apply(found.best_scales));
        found.best_scales = scales_;
        return found;
    }

    static error too_small()
    {
        return error{error_code::workspace_too_small, "smooth: give as many floats as workspace_size says"};
    }

private:
    /// What a tensor will be stored as: what it is, or what floats become by the scheme.
    template <class T>
    static constexpr dtype stored = half_element<T> ? dtype_of<T> : dtype_of<typename Storage::type>;

    void limit_scales(std::span<float> scratch) const
    {
        limits_.clear();
        limit_smooth(how_, limits_, pair_.smooth, stored<S>);
        for (const auto& balance : pair_.balances)
            limit_balance(limits_, balance, stored<B>, pair_.column_scales, scratch);
    }

    status apply(std::span<const double> found) const
    {
        [[maybe_unused]] const basic_smooth_target<S>& smooth = pair_.smooth;
        std::ranges::copy(found, scales_.begin());
        if constexpr (stored<S> != dtype::f32) // a float holds 1 + weight well enough
            if (smooth.norm && smooth.offset) {
                adapt_to_offset_norm<S>(smooth.weight.row(0), scales_);
                if (!problem_.can_store(scales_))
                    return error{error_code::no_candidate, "smooth: the weights' type cannot hold "
                                                           "the scales of a norm of 1 + weight"};
            }
        return apply_scales(how_, pair_, scales_);
    }

    const E& how_;
    const basic_mapping<S, B>& pair_;
    const Q& rounding_;
    const search_options& options_;
    [[no_unique_address]] Storage storage_;
    scale_limits limits_;
    std::span<double> scales_;
    std::span<matrix_view<const B>> weights_;
    search_problem<Q, B> problem_;
    std::span<float> searching_, rest_;
};

} // namespace awq::detail

#endif
// ---- awq/policy/group_size.hpp
#ifndef AWQ_POLICY_GROUP_SIZE_HPP
#define AWQ_POLICY_GROUP_SIZE_HPP

#include <cstddef>

namespace awq {

// How many neighbouring elements of a row share a scale. It matters in `smoothing_only` too,
// because the search simulates the quantizer.

/// Every N columns share a scale.
template <std::size_t N>
struct group_size {
    static_assert(N > 0, "awq::group_size: use per_channel for one scale a row");
    using policy_axis = axis::group;
    static constexpr std::size_t columns() noexcept { return N; }
};

/// All columns of a row share a scale.
struct per_channel {
    using policy_axis = axis::group;
    static constexpr std::size_t columns() noexcept { return 0; }
};

/// Chosen at run time, by a recipe; 0 is per channel.
struct dynamic_group_size {
    using policy_axis = axis::group;
    std::size_t value = 128;
    constexpr std::size_t columns() const noexcept { return value; }
};

/// The format itself says which elements share a scale: of GGUF formats and of quantizers of one's own
/// the only choice, and their default.
struct format_groups {
    using policy_axis = axis::group;
};

} // namespace awq

#endif
// ---- awq/policy/mode.hpp
#ifndef AWQ_POLICY_MODE_HPP
#define AWQ_POLICY_MODE_HPP

namespace awq {

template <int Bits, bool Symmetric, class Storage = float>
struct integer_scheme;
using default_scheme = integer_scheme<4, false>; ///< w4a16_asym

/// Search, smooth, and stop there: the weights stay in 16 bits. `Target` is the quantizer that the
/// search simulates; nothing that packs or emits quantized weights is instantiated.
template <class Target = default_scheme>
struct smoothing_only {
    using policy_axis = axis::mode;
    using scheme_type = Target;
    static constexpr bool quantizes = false;
};

/// Search, smooth, then quantize to `Scheme`, which is also what the search simulates.
template <class Scheme = default_scheme>
struct smooth_and_quantize {
    using policy_axis = axis::mode;
    using scheme_type = Scheme;
    static constexpr bool quantizes = true;
};

} // namespace awq

#endif
// ---- awq/policy/policy_set.hpp
#ifndef AWQ_POLICY_POLICY_SET_HPP
#define AWQ_POLICY_POLICY_SET_HPP

#include <concepts>
#include <cstddef>

namespace awq {

namespace detail {

template <class Axis, class Default, class... Policies>
struct chosen {
    using type = Default;
};
template <class Axis, class Default, class First, class... Rest>
struct chosen<Axis, Default, First, Rest...> : chosen<Axis, Default, Rest...> {};
template <class Axis, class Default, class First, class... Rest>
requires policy_of<First, Axis>
struct chosen<Axis, Default, First, Rest...> {
    using type = First;
};

template <class Axis, class... Policies>
inline constexpr std::size_t answers = (std::size_t{0} + ... + (policy_of<Policies, Axis> ? 1 : 0));

template <class P>
inline constexpr bool has_known_axis = policy_of<P, axis::mode> || policy_of<P, axis::group> ||
                                       policy_of<P, axis::backend> || policy_of<P, axis::execution>;

} // namespace detail

/// Policies in any order, at most one for each axis. Every rule that they can break is one
/// sentence.
template <class... Policies>
struct policy_set {
    static_assert((policy<Policies> && ...),
                  "awq::modifier: every argument must be a policy, a type with a policy_axis");
    static_assert(((!policy<Policies> || detail::has_known_axis<Policies>)&&...),
                  "awq::modifier: a policy_axis must be mode, group, backend or execution");
    static_assert(detail::answers<axis::mode, Policies...> <= 1,
                  "awq::modifier: choose one mode, smoothing_only or smooth_and_quantize");
    static_assert(detail::answers<axis::group, Policies...> <= 1, "awq::modifier: choose one group_size");
    static_assert(detail::answers<axis::backend, Policies...> <= 1, "awq::modifier: choose one backend");
    static_assert(detail::answers<axis::execution, Policies...> <= 1, "awq::modifier: choose one execution");

    /// The policy that answers an axis, or the default.
    template <class Axis, class Default>
    using get = typename detail::chosen<Axis, Default, Policies...>::type;
};

} // namespace awq

#endif
// ---- awq/quantization/quantize_weight.hpp
#ifndef AWQ_QUANTIZATION_QUANTIZE_WEIGHT_HPP
#define AWQ_QUANTIZATION_QUANTIZE_WEIGHT_HPP

// ---- awq/quantization/integer_quantizer.hpp
#ifndef AWQ_QUANTIZATION_INTEGER_QUANTIZER_HPP
#define AWQ_QUANTIZATION_INTEGER_QUANTIZER_HPP

// ---- awq/quantization/group_codes.hpp
#ifndef AWQ_QUANTIZATION_GROUP_CODES_HPP
#define AWQ_QUANTIZATION_GROUP_CODES_HPP

// ---- awq/quantization/qparams.hpp
#ifndef AWQ_QUANTIZATION_QPARAMS_HPP
#define AWQ_QUANTIZATION_QPARAMS_HPP

// ---- awq/quantization/scheme.hpp
#ifndef AWQ_QUANTIZATION_SCHEME_HPP
#define AWQ_QUANTIZATION_SCHEME_HPP

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

#include <algorithm>
#include <cstddef>

namespace awq {

// S is a float, or a vector of floats: a lane for each of several groups (see float_lanes.hpp).

/// What a group of weights shares: value = (code - zero_point) * scale. The zero point is a whole
/// number in the range of the codes, 0 in symmetric schemes.
template <class S>
struct basic_qparams {
    S scale = detail::all_lanes<S>(1.0f);
    S zero_point{};
};
using qparams = basic_qparams<float>;

/// The smallest and the largest weight of a group.
template <class S>
struct basic_value_range {
    S smallest{};
    S largest{};
};
using value_range = basic_value_range<float>;

/// To the nearest whole number, ties to even; for |value| < 2^22. Vectorises on every target.
template <class S>
AWQ_ALWAYS_INLINE S round_half_even(const S& value) noexcept
{
    const S shift = detail::all_lanes<S>(0x1.8p23f);
    return (value + shift) - shift;
}

/// The smallest and the largest of `count` values, 0 included (zero must have a code).
/// A NaN is passed over here; it stays a NaN when it is quantized.
AWQ_ALWAYS_INLINE value_range range_of(const float* values, std::size_t count) noexcept
{
    constexpr std::size_t lanes = 32; // independent chains, so that plain loops become vectors
    float low[lanes] = {}, high[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const float value = values[i + lane];
            low[lane] = value < low[lane] ? value : low[lane];
            high[lane] = value > high[lane] ? value : high[lane];
        }
    for (; i < count; ++i) {
        low[0] = values[i] < low[0] ? values[i] : low[0];
        high[0] = values[i] > high[0] ? values[i] : high[0];
    }
    for (std::size_t half = lanes / 2; half > 0; half /= 2)
        for (std::size_t lane = 0; lane < half; ++lane) {
            low[lane] = low[lane + half] < low[lane] ? low[lane + half] : low[lane];
            high[lane] = high[lane + half] > high[lane] ? high[lane + half] : high[lane];
        }
    return {low[0], high[0]};
}

/// Scale and zero point for a range, as compressed-tensors computes them (its `calculate_qparams`,
/// 0.13 and later): every intermediate is rounded to the storage type, a scale of zero becomes
/// the storage type's epsilon, and the division is by width/2 (7.5 for 4 bits) in symmetric
/// schemes.
template <class S, class Format, class Rounding>
AWQ_ALWAYS_INLINE basic_qparams<S> make_qparams(const basic_value_range<S>& range, const Format& format,
                                                Rounding) noexcept
{
    const auto all = [](float value) AWQ_INLINED { return detail::all_lanes<S>(value); };
    basic_qparams<S> made;
    if (format.is_symmetric()) {
        const S magnitude = detail::larger<S>(-range.smallest, range.largest);
        made.scale = Rounding::round(S(magnitude / all(format.width() / 2.0f)));
    } else {
        const S distance = Rounding::round(S(range.largest - range.smallest));
        made.scale = Rounding::round(S(distance / all(format.width())));
        const S steps = Rounding::round(S(range.smallest / made.scale));
        const S zero = Rounding::round(S(all(format.smallest()) - steps));
        // An all-zero group gives 0/0; compressed-tensors turns that NaN into zero point 0.
        const S within = detail::smaller(all(format.largest()), detail::larger(all(format.smallest()), zero));
        made.zero_point = zero == zero ? round_half_even(within) : S{};
    }
    made.scale = made.scale == S{} ? all(Rounding::epsilon) : made.scale;
    return made;
}

/// The codes of up to `code_tile` weights, as floats: weight / scale + zero point, clamped, and
/// then rounded to a whole number. `codes` does not overlap `weights`.
template <class Rounding>
AWQ_ALWAYS_INLINE void fill_codes(const float* weights, std::size_t count, const qparams& shared, float smallest,
                                  float largest, float* codes, Rounding) noexcept
{
    const float scale = shared.scale, zero_point = shared.zero_point;
    for (std::size_t i = 0; i < count; ++i) codes[i] = Rounding::round(Rounding::round(weights[i]) / scale);
    for (std::size_t i = 0; i < count; ++i) codes[i] = Rounding::round(codes[i] + zero_point);
    // A loop for each bound: with both in one, compilers make branches of them.
    for (std::size_t i = 0; i < count; ++i) codes[i] = codes[i] < smallest ? smallest : codes[i];
    for (std::size_t i = 0; i < count; ++i) codes[i] = codes[i] > largest ? largest : codes[i];
    for (std::size_t i = 0; i < count; ++i) codes[i] = round_half_even(codes[i]);
}

/// How many codes are made at a time; a local array of so many stays in registers or the first
/// cache.
inline constexpr std::size_t code_tile = 64;

/// The weight that a code stands for.
template <class Rounding>
AWQ_ALWAYS_INLINE float value_of(float code, const qparams& shared, Rounding) noexcept
{
    return Rounding::round((code - shared.zero_point) * shared.scale);
}

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" // everything is inlined
#endif

namespace awq::detail {

/// How many columns share a scale, as a constant where one is known: 0 in the type stands for a number
/// that comes at run time.
template <std::size_t Columns>
struct group_width {
    constexpr explicit group_width(std::size_t) noexcept {}
    constexpr operator std::size_t() const noexcept { return Columns; }
};
template <>
struct group_width<0> {
    constexpr explicit group_width(std::size_t width) noexcept : columns(width) {}
    constexpr operator std::size_t() const noexcept { return columns; }
    std::size_t columns;
};

/// Calls `action` with a group width known when it is compiled, where it is one of the usual ones.
template <class Action>
void with_group_width(std::size_t columns, Action&& action)
{
    if (columns == 32) return action(group_width<32>{columns});
    if (columns == 64) return action(group_width<64>{columns});
    if (columns == 128) return action(group_width<128>{columns});
    action(group_width<0>{columns});
}

/// Codes of groups of columns. `Sink` takes them: `shared(group, qparams)` for each group, and
/// `codes<S>(first column, codes as floats, scale, zero point)` for as many columns as S has lanes.
/// The numbers are those of `range_of`, `make_qparams` and `fill_codes`; what is independent is done
/// side by side: ranges and qparams of several groups, codes of several columns.
template <std::size_t Lanes, std::size_t Columns, class Format, class Rounding>
struct group_coder {
    using vector = float_lanes<Lanes>;

    group_width<Columns> width;
    Format format;

    /// A row of `groups` groups.
    template <class Sink>
    void code_row(const float* row, std::size_t groups, Sink sink) const noexcept
    {
        for (std::size_t first = 0; first < groups; first += Lanes)
            code_groups(row, first, std::min(Lanes, groups - first), sink);
    }

private:
    /// At most as many groups as there are lanes.
    template <class Sink>
    AWQ_ALWAYS_INLINE void code_groups(const float* row, std::size_t first, std::size_t count, Sink sink) const noexcept
    {
        const basic_qparams<vector> made = fit_groups(row + first * width, count);
        float scales[Lanes], zero_points[Lanes];
        store<vector>(made.scale, scales);
        store<vector>(made.zero_point, zero_points);
        for (std::size_t g = 0; g < count; ++g) {
            const qparams shared{scales[g], zero_points[g]};
            sink.shared(first + g, shared);
            code_group(row, (first + g) * width, shared, sink);
        }
    }

    AWQ_ALWAYS_INLINE basic_qparams<vector> fit_groups(const float* groups, std::size_t count) const noexcept
    {
        vector lows[Lanes], highs[Lanes];
        for (std::size_t g = 0; g < count; ++g) find_range(groups + g * width, lows[g], highs[g]);
        for (std::size_t g = count; g < Lanes; ++g) lows[g] = highs[g] = vector{};
        const basic_value_range<vector> ranges{Rounding::round(across<take_smaller>(lows)),
                                               Rounding::round(across<take_larger>(highs))};
        return make_qparams<vector>(ranges, format, Rounding{});
    }

    AWQ_ALWAYS_INLINE void find_range(const float* group, vector& low_out, vector& high_out) const noexcept
    {
        // Long groups: independent chains, so that none waits for another.
        constexpr std::size_t chains = Columns == 0 || Columns > 128 ? 4 : 1;
        vector lows[chains] = {}, highs[chains] = {};
        std::size_t i = 0;
        if constexpr (chains == 4)
            for (; i + 4 * Lanes <= width; i += 4 * Lanes) {
                widen(group + i, lows[0], highs[0]);
                widen(group + i + Lanes, lows[1], highs[1]);
                widen(group + i + 2 * Lanes, lows[2], highs[2]);
                widen(group + i + 3 * Lanes, lows[3], highs[3]);
            }
        for (; i + Lanes <= width; i += Lanes) widen(group + i, lows[0], highs[0]);
        vector low = lows[0], high = highs[0];
        for (std::size_t chain = 1; chain < chains; ++chain) {
            low = smaller(lows[chain], low);
            high = larger(highs[chain], high);
        }
        if constexpr (Columns == 0 || Columns % Lanes != 0) {
            const value_range rest = range_of(group + i, width - i);
            low = smaller(all_lanes<vector>(rest.smallest), low);
            high = larger(all_lanes<vector>(rest.largest), high);
        }
        low_out = low;
        high_out = high;
    }

    AWQ_ALWAYS_INLINE static void widen(const float* from, vector& low, vector& high) noexcept
    {
        const vector values = load<vector>(from);
        low = smaller(values, low);
        high = larger(values, high);
    }

    template <class Sink>
    AWQ_ALWAYS_INLINE void code_group(const float* row, std::size_t first, const qparams& shared,
                                      Sink& sink) const noexcept
    {
        const std::size_t end = first + width;
        std::size_t at = first;
        for (; at + Lanes <= end; at += Lanes) code_lanes<vector>(row, at, shared, sink);
        if constexpr (Columns == 0 || Columns % Lanes != 0)
            for (; at < end; ++at) code_lanes<float>(row, at, shared, sink);
    }

    template <class S, class Sink>
    AWQ_ALWAYS_INLINE void code_lanes(const float* row, std::size_t at, const qparams& shared,
                                      Sink& sink) const noexcept
    {
        const S scale = all_lanes<S>(shared.scale), zero_point = all_lanes<S>(shared.zero_point);
        const S weights = Rounding::round(load<S>(row + at));
        S codes = Rounding::round(S(weights / scale));
        codes = Rounding::round(S(codes + zero_point));
        codes = larger<S>(all_lanes<S>(format.smallest()), codes);
        codes = smaller<S>(all_lanes<S>(format.largest()), codes);
        sink.template codes<S>(at, round_half_even(codes), scale, zero_point);
    }
};

/// Writes the weights that codes stand for, where the row was.
template <class Rounding>
struct value_sink {
    float* out;

    AWQ_ALWAYS_INLINE void shared(std::size_t, const qparams&) noexcept {}
    template <class S>
    AWQ_ALWAYS_INLINE void codes(std::size_t first, const S& made, const S& scale, const S& zero_point) noexcept
    {
        store<S>(Rounding::round(S((made - zero_point) * scale)), out + first);
    }
};

/// Writes codes, scales and zero points; `zero_points` may be null.
struct code_sink {
    std::int8_t* codes_out;
    float* scales;
    std::int8_t* zero_points;

    AWQ_ALWAYS_INLINE void shared(std::size_t group, const qparams& made) noexcept
    {
        scales[group] = made.scale;
        if (zero_points != nullptr) zero_points[group] = static_cast<std::int8_t>(made.zero_point);
    }
    template <class S>
    AWQ_ALWAYS_INLINE void codes(std::size_t first, const S& made, const S&, const S&) noexcept
    {
        store_bytes<S>(made, codes_out + first);
    }
};

/// Quantizes and dequantizes rows that are cut into groups of `width` columns; `out` may be `rows`.
/// `Lanes` is a parameter so that units compiled for different instruction sets share no code.
template <std::size_t Columns, class Format, class Rounding, std::size_t Lanes = AWQ_VECTOR_FLOATS>
void simulate_groups(matrix_view<const float> rows, group_width<Columns> width, const Format& format, Rounding,
                     matrix_view<float> out) noexcept
{
    for (std::size_t r = 0; r < rows.rows(); ++r) {
        const group_coder<Lanes, Columns, Format, Rounding> coder{width, format};
        coder.code_row(rows.row(r).data(), rows.cols() / width, value_sink<Rounding>{out.row(r).data()});
    }
}

/// One row to codes, scales and zero points (none where that is empty).
template <std::size_t Columns, class Format, class Rounding, std::size_t Lanes = AWQ_VECTOR_FLOATS>
void code_groups(std::span<const float> row, group_width<Columns> width, const Format& format, Rounding,
                 std::span<std::int8_t> codes, std::span<float> scales, std::span<std::int8_t> zero_points) noexcept
{
    const code_sink sink{codes.data(), scales.data(), zero_points.empty() ? nullptr : zero_points.data()};
    const group_coder<Lanes, Columns, Format, Rounding> coder{width, format};
    coder.code_row(row.data(), row.size() / width, sink);
}

} // namespace awq::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

namespace detail {

/// Whether rows can be cut into groups of that many columns (0: the whole row).
inline status check_groups(std::size_t group_size, std::size_t in_features) noexcept
{
    if (in_features == 0 || (group_size != 0 && in_features % group_size != 0))
        return error{error_code::shape_mismatch,      "group size ", group_size,
                     " does not divide in_features ", in_features,   ": choose another group size or ignore the layer"};
    return {};
}

constexpr std::size_t columns_of_group(std::size_t group_size, std::size_t in_features) noexcept
{
    return group_size == 0 ? in_features : std::min(group_size, in_features);
}

} // namespace detail

/// Rounds weights to integers that share a scale (and a zero point) within a group of neighbouring
/// columns, with the numbers of compressed-tensors; all is chosen at run time (`scheme_quantizer` has it as
/// constants). Models `quantizer`.
struct integer_quantizer {
    /// Bits of a code (2 to 8), and whether the zero point is always 0.
    scheme format{};
    /// Columns that share a scale; 0: the whole row (per channel).
    std::size_t group_size = 128;
    /// f32: exact. bf16 or f16: every intermediate is rounded as in a model of that dtype.
    dtype storage = dtype::f32;
    /// When simulating: candidates for each group's range, from the whole one down to half of it
    /// (weight clipping, as llm-awq's auto_clip does); 1: the whole range.
    int clip_steps = 1;

    /// shape_mismatch where groups do not cut a row evenly, invalid_argument for a bad bit count.
    status check(std::size_t in_features) const noexcept
    {
        if (format.bits < 2 || format.bits > 8)
            return error{error_code::invalid_argument, "integer scheme with ", format.bits, " bits: choose 2 to 8"};
        return detail::check_groups(group_size, in_features);
    }

    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return detail::columns_of_group(group_size, in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        return in_features == 0 ? 0 : in_features / scale_columns(in_features);
    }

    // Templates, so that who includes this and does not call them does not compile them.

    /// Quantizes and dequantizes; `out` may be `rows`. Importance matters to the clipping only.
    template <class = void>
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        with_storage(storage, [&](auto rounding) {
            if (clip_steps > 1) return simulate_clipped(rows, importance, out, rounding);
            with_constants(rows.cols(), [&](auto width, const auto& constants) {
                detail::simulate_groups(rows, width, constants, rounding, out);
            });
        });
    }

    /// Scale and zero point of one group: with the range that has the smallest squared error,
    /// weighed by the importance (one value a weight, or empty), among `clip_steps` candidates.
    template <class = void>
    qparams fit_group(std::span<const float> group, std::span<const float> importance) const noexcept
    {
        qparams best;
        with_storage(storage, [&](auto rounding) { best = fit_group_as(group, importance, rounding); });
        return best;
    }

    /// One row to codes (in_features), scales and zero points (`groups(in_features)` each; pass an
    /// empty `zero_points` for a symmetric scheme).
    template <class = void>
    void quantize_row(std::span<const float> row, std::span<std::int8_t> codes, std::span<float> scales,
                      std::span<std::int8_t> zero_points) const noexcept
    {
        with_storage(storage, [&](auto rounding) {
            with_constants(row.size(), [&](auto width, const auto& constants) {
                detail::code_groups(row, width, constants, rounding, codes, scales, zero_points);
            });
        });
    }

private:
    // The one switch between what is chosen at run time and the code that a static policy gives.
    template <class Action>
    void with_constants(std::size_t in_features, Action&& action) const
    {
        detail::with_group_width(scale_columns(in_features), [&](auto width) {
            if (format.symmetric)
                action(width, detail::bits_at_run_time<true>{format.bits});
            else
                action(width, detail::bits_at_run_time<false>{format.bits});
        });
    }

    template <class Rounding>
    void simulate_clipped(matrix_view<const float> rows, std::span<const float> importance, matrix_view<float> out,
                          Rounding rounding) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols());
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t first = 0; first < rows.cols(); first += width)
                simulate_group(rows.row(r).subspan(first, width),
                               importance.empty() ? importance : importance.subspan(first, width),
                               out.row(r).data() + first, rounding);
    }

    template <class Rounding>
    void simulate_group(std::span<const float> group, std::span<const float> importance, float* out,
                        Rounding rounding) const noexcept
    {
        const qparams shared = fit_group_as(group, importance, rounding);
        for_each_tile(group.data(), group.size(), shared, rounding,
                      [&](std::size_t first, std::size_t size, const float* codes) {
                          for (std::size_t i = 0; i < size; ++i) out[first + i] = value_of(codes[i], shared, rounding);
                      });
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE qparams fit_group_as(std::span<const float> group, std::span<const float> importance,
                                           Rounding rounding) const noexcept
    {
        const value_range range = range_of(group.data(), group.size());
        qparams best = shared_by(range, 1.0f, rounding);
        if (clip_steps <= 1) return best;
        float least = error_of(best, group, importance, rounding);
        for (int step = 1; step < clip_steps; ++step) {
            const float kept = 1.0f - 0.5f * static_cast<float>(step) / static_cast<float>(clip_steps);
            const qparams candidate = shared_by(range, kept, rounding);
            const float error = error_of(candidate, group, importance, rounding);
            if (error < least) least = error, best = candidate;
        }
        return best;
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE qparams shared_by(value_range range, float kept, Rounding rounding) const noexcept
    {
        range = {rounding.round(range.smallest * kept), rounding.round(range.largest * kept)};
        return make_qparams(range, format, rounding);
    }

    template <class Rounding>
    float error_of(const qparams& shared, std::span<const float> group, std::span<const float> importance,
                   Rounding rounding) const noexcept
    {
        float sums[code_tile] = {}; // independent chains, so that the loop becomes vectors
        for_each_tile(group.data(), group.size(), shared, rounding,
                      [&](std::size_t first, std::size_t size, const float* codes) {
                          for (std::size_t i = 0; i < size; ++i) {
                              const float missing = group[first + i] - value_of(codes[i], shared, rounding);
                              const float weight = importance.empty() ? 1.0f : importance[first + i];
                              sums[i] += missing * missing * weight;
                          }
                      });
        for (std::size_t half = code_tile / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
        return sums[0];
    }

    // Calls `use(first, size, codes)` for the codes of a group, a tile at a time.
    template <class Rounding, class Use>
    AWQ_ALWAYS_INLINE void for_each_tile(const float* group, std::size_t count, const qparams& shared,
                                         Rounding rounding, Use use) const noexcept
    {
        float codes[code_tile];
        for (std::size_t first = 0; first < count; first += code_tile) {
            const auto make = [&](std::size_t size) {
                fill_codes(group + first, size, shared, format.smallest(), format.largest(), codes, rounding);
                use(first, size, codes);
            };
            // A count known at compile time keeps a whole tile in registers.
            if (count - first >= code_tile)
                make(code_tile);
            else
                make(count - first);
        }
    }
};

static_assert(quantizer<integer_quantizer>);

/// The quantizer of a scheme type: `quantizer_of<w4a16_asym>(128)`.
template <class Scheme>
requires requires { Scheme::value; }
constexpr integer_quantizer quantizer_of(std::size_t group_size, dtype storage = dtype::f32)
{
    return {Scheme::value, group_size, storage};
}

} // namespace awq

#endif

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// A quantizer whose rows are codes, scales and zero points: `integer_quantizer`, `scheme_quantizer`.
template <class Q>
concept code_quantizer = quantizer<Q> &&
    requires(const Q& q, std::span<const float> row, std::span<std::int8_t> codes, std::span<float> scales)
{
    {
        q.groups(std::size_t{})
        } -> std::convertible_to<std::size_t>;
    {
        q.format.is_symmetric()
        } -> std::same_as<bool>;
    q.quantize_row(row, codes, scales, codes);
};

/// Where a quantized weight goes; all in the caller's memory.
struct quantized_weight {
    matrix_view<std::int8_t> codes;       ///< (out_features, in_features), signed
    matrix_view<float> scales;            ///< (out_features, groups); exact in the storage dtype
    matrix_view<std::int8_t> zero_points; ///< (out_features, groups), signed; empty when symmetric
};

namespace detail {

/// The first row with a NaN or an infinity, or `rows()`.
template <execution E, class T>
std::size_t first_bad_row(const E& how, matrix_view<const T> weight)
{
    constexpr std::size_t parts = 64;
    std::size_t found[parts];
    how.for_each(parts, [&](std::size_t part) {
        const std::size_t end = (part + 1) * weight.rows() / parts;
        found[part] = weight.rows();
        for (std::size_t r = part * weight.rows() / parts; r < end && found[part] > r; ++r) {
            float sum = 0.0f; // of zeros, unless a value is not finite
            for (const T value : weight.row(r)) sum += static_cast<float>(value) * 0.0f;
            if (sum != 0.0f) found[part] = r; // also where it is a NaN
        }
    });
    return *std::min_element(found, found + parts);
}

template <execution E, code_quantizer Q, class T>
status check_quantizable(const E& how, Q rounding, matrix_view<const T> weight, const quantized_weight& out)
{
    AWQ_CHECK(rounding.check(weight.cols()));
    const std::size_t rows = weight.rows(), groups = rounding.groups(weight.cols());
    const bool has_zeros = !out.zero_points.empty();
    const bool fits = out.codes.rows() == rows && out.codes.cols() == weight.cols() && out.scales.rows() == rows &&
                      out.scales.cols() == groups &&
                      (has_zeros ? out.zero_points.rows() == rows && out.zero_points.cols() == groups
                                 : rounding.format.is_symmetric());
    if (!fits)
        return error{error_code::shape_mismatch,
                     "quantize_weight: a weight of ",
                     rows,
                     " x ",
                     weight.cols(),
                     " needs codes of that shape and ",
                     groups,
                     " scales (and zero points, when asymmetric) a row"};
    if (out.codes.rows_overlap() || out.scales.rows_overlap() || out.zero_points.rows_overlap())
        return error{error_code::invalid_argument, "quantize_weight: an output's stride is below its width"};
    if (const std::size_t bad = first_bad_row(how, weight); bad < rows)
        return error{error_code::not_finite, "quantize_weight: row ", bad,
                     " has a NaN or an infinity; look at the checkpoint"};
    return {};
}

/// Rows of a weight to the rows of `out` from `first` on.
template <execution E, code_quantizer Q>
void quantize_rows(const E& how, Q rounding, matrix_view<const float> weight, const quantized_weight& out,
                   std::size_t first)
{
    constexpr std::size_t grain = 16;
    const bool has_zeros = !out.zero_points.empty();
    how.for_each(chunk_count(weight.rows(), grain), [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, weight.rows());
        for (std::size_t r = chunk * grain, to = first + r; r < end; ++r, ++to)
            rounding.quantize_row(weight.row(r), out.codes.row(to), out.scales.row(to),
                                  has_zeros ? out.zero_points.row(to) : std::span<std::int8_t>{});
    });
}

} // namespace detail

/// Quantizes a weight, (out_features, in_features): codes, scales and zero points. Errors, before anything
/// is written: those of the quantizer's `check`, shape_mismatch, invalid_argument where rows of the output
/// overlap, and not_finite where the weight has a NaN or an infinity.
template <execution E, code_quantizer Q>
status quantize_weight(const E& how, Q rounding, matrix_view<const float> weight, const quantized_weight& out)
{
    AWQ_CHECK(detail::check_quantizable(how, rounding, weight, out));
    detail::quantize_rows(how, rounding, weight, out, 0);
    return {};
}

/// The same for a weight in 16 bits, widened by tiles in `scratch`: workspace_too_small where that has less
/// than in_features floats; a multiple of it keeps more threads busy.
template <execution E, code_quantizer Q, half_element T>
status quantize_weight(const E& how, Q rounding, matrix_view<const T> weight, const quantized_weight& out,
                       std::span<float> scratch)
{
    AWQ_CHECK(detail::check_quantizable(how, rounding, weight, out));
    if (scratch.size() < weight.cols())
        return error{error_code::workspace_too_small, "quantize_weight: a weight in 16 bits needs ", weight.cols(),
                     " floats to be widened in"};
    for_each_widened(how, weight, scratch, [&](std::size_t first, matrix_view<const float> tile) {
        detail::quantize_rows(how, rounding, tile, out, first);
    });
    return {};
}

/// The weight that codes stand for: (code - zero_point) * scale, exact in float.
template <execution E>
void dequantize_weight(const E& how, const quantized_weight& in, matrix_view<float> out)
{
    const std::size_t groups = in.scales.cols();
    how.for_each(out.rows(), [&](std::size_t r) {
        const std::size_t width = out.cols() / std::max<std::size_t>(groups, 1);
        for (std::size_t c = 0; c < out.cols(); ++c) {
            const std::size_t group = c / width;
            const int zero = in.zero_points.empty() ? 0 : in.zero_points(r, group);
            out(r, c) = static_cast<float>(in.codes(r, c) - zero) * in.scales(r, group);
        }
    });
}

} // namespace awq

#endif
// ---- awq/quantization/simulated.hpp
#ifndef AWQ_QUANTIZATION_SIMULATED_HPP
#define AWQ_QUANTIZATION_SIMULATED_HPP

// ---- awq/quantization/gguf/format_quantizer.hpp
#ifndef AWQ_QUANTIZATION_GGUF_FORMAT_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_FORMAT_QUANTIZER_HPP

// ---- awq/quantization/gguf/block_codec.hpp
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_CODEC_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_CODEC_HPP

// ---- awq/quantization/gguf/formats.hpp
#ifndef AWQ_QUANTIZATION_GGUF_FORMATS_HPP
#define AWQ_QUANTIZATION_GGUF_FORMATS_HPP

// ---- awq/quantization/gguf/iq4_nl.hpp
#ifndef AWQ_QUANTIZATION_GGUF_IQ4_NL_HPP
#define AWQ_QUANTIZATION_GGUF_IQ4_NL_HPP

// ---- awq/quantization/gguf/legacy.hpp
#ifndef AWQ_QUANTIZATION_GGUF_LEGACY_HPP
#define AWQ_QUANTIZATION_GGUF_LEGACY_HPP

// ---- awq/quantization/gguf/block_support.hpp
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_SUPPORT_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_SUPPORT_HPP

// ---- awq/quantization/gguf/block_grid.hpp
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_GRID_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_GRID_HPP

// ---- awq/quantization/gguf/lanes.hpp
#ifndef AWQ_QUANTIZATION_GGUF_LANES_HPP
#define AWQ_QUANTIZATION_GGUF_LANES_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" // what takes or returns vectors is always inlined
#endif

namespace awq::gguf {

// The searches of this room are written once, over `lanes<S>`: with S = float they handle one group
// of weights, with S = a vector of floats as many independent groups at once. Each lane does the
// same operations in the same order either way, so the bytes that come out are the same too.

/// The product, rounded to float before anything is added to it: compilers may otherwise fuse the
/// two into one operation, which rounds once less.
inline float strict_product(float a, float b) noexcept
{
#if defined(__clang__)
#pragma clang fp contract(off)
    return a * b;
#else
    float rounded = a * b;
#if AWQ_GNU && defined(__x86_64__)
    asm("" : "+x"(rounded)); // for all GCC knows this looks at the product
#elif AWQ_GNU && defined(__aarch64__)
    asm("" : "+w"(rounded));
#elif AWQ_GNU
    asm("" : "+m"(rounded));
#endif
    return rounded;
#endif
}

/// What the arithmetic below must know about a storage type; vectors specialise it. Results go
/// through references: a function that returns a vector wider than the target's own has no ABI.
template <class S>
struct lane_storage;

template <>
struct lane_storage<float> {
    using integers = std::int32_t;
    static constexpr std::size_t count = 1;

    static void to_integers(float value, std::int32_t& out) noexcept { out = static_cast<std::int32_t>(value); }
    static void from_integers(std::int32_t value, float& out) noexcept { out = static_cast<float>(value); }
    static void multiply(float a, float b, float& out) noexcept { out = strict_product(a, b); }
    static void square_roots(float* values, std::size_t size) noexcept
    {
        for (std::size_t i = 0; i < size; ++i) values[i] = std::sqrt(values[i]);
    }
    static bool any(bool mask) noexcept { return mask; }
    static bool all(bool mask) noexcept { return mask; }
};

/// Which lanes a condition holds in.
template <class S>
struct lane_mask {
    using bits = decltype(S{} < S{});
    bits value;

    [[gnu::always_inline]] friend lane_mask operator&(const lane_mask& a, const lane_mask& b) noexcept
    {
        return {static_cast<bits>(a.value & int_or_vector(b.value))};
    }
    [[gnu::always_inline]] friend lane_mask operator|(const lane_mask& a, const lane_mask& b) noexcept
    {
        return {static_cast<bits>(a.value | int_or_vector(b.value))};
    }
    [[gnu::always_inline]] bool any() const noexcept { return lane_storage<S>::any(value); }
    [[gnu::always_inline]] bool all() const noexcept { return lane_storage<S>::all(value); }

private:
    // Clang takes & of two bools for a slip of &&.
    static int int_or_vector(bool value) noexcept { return value; }
    template <class Vector>
    [[gnu::always_inline]] static const Vector& int_or_vector(const Vector& value) noexcept
    {
        return value;
    }
};

/// One float, or several side by side. Multiplication never fuses with a following addition: file
/// formats are compared byte by byte, and one rounding less gives other bytes.
template <class S>
struct lanes {
    using storage = lane_storage<S>;
    using integers = typename storage::integers;
    static constexpr std::size_t count = storage::count;

    S value{};

    lanes() = default;
    [[gnu::always_inline]] explicit lanes(const S& values) noexcept : value(values) {}
    /// Every lane gets the same number.
    template <class Number>
    requires(std::is_same_v<Number, float> && !std::is_same_v<S, float>)
        [[gnu::always_inline]] explicit lanes(Number same) noexcept
        : value(same - S{})
    {}

    /// Reads and writes `count` neighbouring floats.
    [[gnu::always_inline]] static lanes load(const float* from) noexcept
    {
        lanes loaded;
        std::memcpy(&loaded.value, from, sizeof(S));
        return loaded;
    }
    [[gnu::always_inline]] void store(float* to) const noexcept { std::memcpy(to, &value, sizeof(S)); }

    [[gnu::always_inline]] friend lanes operator+(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value + b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value - b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a) noexcept { return lanes(-a.value); }
    [[gnu::always_inline]] friend lanes operator*(const lanes& a, const lanes& b) noexcept
    {
        lanes product;
        storage::multiply(a.value, b.value, product.value);
        return product;
    }
    [[gnu::always_inline]] friend lanes operator/(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value / b.value);
    }
    [[gnu::always_inline]] lanes& operator+=(const lanes& other) noexcept
    {
        value = value + other.value;
        return *this;
    }
    [[gnu::always_inline]] friend lane_mask<S> operator<(const lanes& a, const lanes& b) noexcept
    {
        return {a.value < b.value};
    }
    [[gnu::always_inline]] friend lane_mask<S> operator>(const lanes& a, const lanes& b) noexcept
    {
        return {a.value > b.value};
    }
    [[gnu::always_inline]] friend lane_mask<S> operator==(const lanes& a, const lanes& b) noexcept
    {
        return {a.value == b.value};
    }
    [[gnu::always_inline]] friend lane_mask<S> operator!=(const lanes& a, const lanes& b) noexcept
    {
        return {a.value != b.value};
    }
};

/// The lanes of `a` where the mask holds, else those of `b`.
template <class S>
[[gnu::always_inline]] inline lanes<S> select(const lane_mask<S>& mask, const lanes<S>& a, const lanes<S>& b) noexcept
{
    return lanes<S>(mask.value ? a.value : b.value);
}

/// |a|, lane by lane.
template <class S>
[[gnu::always_inline]] inline lanes<S> absolute(const lanes<S>& a) noexcept
{
    using integers = typename lanes<S>::integers;
    return lanes<S>(__builtin_bit_cast(S, __builtin_bit_cast(integers, a.value) & 0x7FFFFFFF));
}

/// The larger one, lane by lane; `b` where either is a NaN.
template <class S>
[[gnu::always_inline]] inline lanes<S> larger(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a > b, a, b);
}
/// The smaller one, lane by lane; `b` where either is a NaN.
template <class S>
[[gnu::always_inline]] inline lanes<S> smaller(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a < b, a, b);
}

/// Added to a float below 2^22, this leaves the nearest integer (ties to even) in the low bits.
inline constexpr float rounding_anchor = 12582912.0f; // 1.5 * 2^23

/// The nearest integer, ties to even, as ggml computes it: beyond +-2^22, where that method breaks
/// down, the result is the same wrong number (0 for a NaN) and not undefined behaviour.
inline int nearest(float a) noexcept
{
    return (__builtin_bit_cast(std::int32_t, a + rounding_anchor) & 0x007FFFFF) - 0x00400000;
}

namespace detail {
/// Integers kept within bounds.
template <class Integers>
[[gnu::always_inline]] inline void clamp(Integers& values, std::int32_t lowest, std::int32_t highest) noexcept
{
    const Integers low = lowest - Integers{};
    const Integers high = highest - Integers{};
    values = values > low ? values : low;
    values = values < high ? values : high;
}
} // namespace detail

/// The same of each lane, kept within `lowest` and `highest`, as floats.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_level(const lanes<S>& a, float lowest, float highest) noexcept
{
    using integers = typename lanes<S>::integers;
    const lanes<S> anchored = a + lanes<S>(rounding_anchor);
    integers rounded = (__builtin_bit_cast(integers, anchored.value) & 0x007FFFFF) - 0x00400000;
    detail::clamp(rounded, static_cast<int>(lowest), static_cast<int>(highest));
    lanes<S> level;
    lane_storage<S>::from_integers(rounded, level.value);
    return level;
}

/// The same for |a| < 2^22 everywhere, with fewer operations: positive floats are clamped as the
/// integers that their bits are.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_small_level(const lanes<S>& a, float lowest, float highest) noexcept
{
    using integers = typename lanes<S>::integers;
    const lanes<S> anchor(rounding_anchor);
    const lanes<S> anchored = a + anchor;
    integers bits = __builtin_bit_cast(integers, anchored.value);
    detail::clamp(bits, __builtin_bit_cast(std::int32_t, rounding_anchor + lowest),
                  __builtin_bit_cast(std::int32_t, rounding_anchor + highest));
    return lanes<S>(__builtin_bit_cast(S, bits)) - anchor;
}

/// The whole part, for |a| < 2^31.
template <class S>
[[gnu::always_inline]] inline lanes<S> whole_part(const lanes<S>& a) noexcept
{
    typename lanes<S>::integers integer;
    lanes<S> whole;
    lane_storage<S>::to_integers(a.value, integer);
    lane_storage<S>::from_integers(integer, whole.value);
    return whole;
}

/// The lowest byte, 0 .. 255, of whole numbers that may be negative.
template <class S>
[[gnu::always_inline]] inline lanes<S> lowest_byte(const lanes<S>& a) noexcept
{
    typename lanes<S>::integers integer;
    lanes<S> byte;
    lane_storage<S>::to_integers(a.value, integer);
    lane_storage<S>::from_integers(integer & 0xFF, byte.value);
    return byte;
}

using one_lane = lanes<float>;

} // namespace awq::gguf

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
// ---- awq/quantization/gguf/type.hpp
#ifndef AWQ_QUANTIZATION_GGUF_TYPE_HPP
#define AWQ_QUANTIZATION_GGUF_TYPE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace awq::gguf {

/// The tensor types of GGUF files that this library reads or writes; the numbers are those of the
/// file format (the GGUF specification of the ggml project).
enum class type : std::uint32_t {
    f32 = 0,
    f16 = 1,
    q4_0 = 2,
    q4_1 = 3,
    q5_0 = 6,
    q5_1 = 7,
    q8_0 = 8,
    q2_k = 10,
    q3_k = 11,
    q4_k = 12,
    q5_k = 13,
    q6_k = 14,
    iq4_nl = 20,
    bf16 = 30,
    mxfp4 = 39,
    nvfp4 = 40,
};

/// What a type looks like in a file.
struct type_facts {
    gguf::type type;
    std::string_view name;     ///< as ggml prints it: "Q4_K"
    std::size_t block_columns; ///< neighbouring elements of a row that make one block
    std::size_t block_bytes;   ///< bytes that one block takes
    std::size_t scale_columns; ///< neighbouring elements that share an effective scale; 0: no scale
};

inline constexpr type_facts all_types[] = {
    {type::f32, "F32", 1, 4, 0},          {type::f16, "F16", 1, 2, 0},        {type::q4_0, "Q4_0", 32, 18, 32},
    {type::q4_1, "Q4_1", 32, 20, 32},     {type::q5_0, "Q5_0", 32, 22, 32},   {type::q5_1, "Q5_1", 32, 24, 32},
    {type::q8_0, "Q8_0", 32, 34, 32},     {type::q2_k, "Q2_K", 256, 84, 16},  {type::q3_k, "Q3_K", 256, 110, 16},
    {type::q4_k, "Q4_K", 256, 144, 32},   {type::q5_k, "Q5_K", 256, 176, 32}, {type::q6_k, "Q6_K", 256, 210, 16},
    {type::iq4_nl, "IQ4_NL", 32, 18, 32}, {type::bf16, "BF16", 1, 2, 0},      {type::mxfp4, "MXFP4", 32, 17, 32},
    {type::nvfp4, "NVFP4", 64, 36, 16},
};

/// The facts of `type`, which must be one of the enumerators.
constexpr const type_facts& facts(type wanted) noexcept
{
    for (const type_facts& candidate : all_types)
        if (candidate.type == wanted) return candidate;
    return all_types[0];
}

/// "Q4_K".
constexpr std::string_view name_of(type wanted) noexcept { return facts(wanted).name; }
/// Neighbouring elements of a row that make one block.
constexpr std::size_t block_columns(type wanted) noexcept { return facts(wanted).block_columns; }
/// Bytes that one block takes.
constexpr std::size_t block_bytes(type wanted) noexcept { return facts(wanted).block_bytes; }
/// Whether elements are rounded to codes that share a scale.
constexpr bool is_quantized(type wanted) noexcept { return facts(wanted).scale_columns != 0; }

/// The type with this number in a file, or nothing where the library does not know it.
constexpr std::optional<type> type_from_id(std::uint32_t id) noexcept
{
    for (const type_facts& candidate : all_types)
        if (static_cast<std::uint32_t>(candidate.type) == id) return candidate.type;
    return std::nullopt;
}

namespace detail {
constexpr char lower(char letter) noexcept
{
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}
constexpr bool same_word(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}
} // namespace detail

/// The type of that name in upper or lower case ("Q4_K", "q4_k"), or nothing.
constexpr std::optional<type> type_from_name(std::string_view name) noexcept
{
    for (const type_facts& candidate : all_types)
        if (detail::same_word(candidate.name, name)) return candidate.type;
    return std::nullopt;
}

} // namespace awq::gguf

#endif

#include <cstddef>
#include <cstdint>

namespace awq::gguf {

/// The largest number of elements, and of groups with an own scale, in one block.
inline constexpr std::size_t max_block_columns = 256;
inline constexpr std::size_t max_block_groups = 16;

/// The levels of IQ4_NL.
inline constexpr std::int8_t iq4_nl_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                  1,    13,   25,  38,  53,  69,  89,  113};

/// The representable numbers of one block once its scales are chosen: element i with the code c is
/// scale[g] * level(c) + offset[g], where g is its group. Whoever feeds the rounding error of one
/// column into the next ones asks `gguf::fit_block` for the grid of a block, rounds column by
/// column with `nearest` and `value`, and hands grid and codes to `gguf::pack_block`.
struct block_grid {
    gguf::type type = gguf::type::f32;
    std::size_t group_columns = 0; ///< neighbouring elements that share an effective scale
    int zero_code = 0;             ///< the code of level 0
    int max_code = 0;
    f16 d;    ///< the block's scale, as stored
    f16 dmin; ///< the scale of its minimums, or the offset itself, as stored
    /// The integers that d and dmin are multiplied with, as stored (Q6_K: two's complement).
    std::uint8_t packed_scale[max_block_groups] = {};
    std::uint8_t packed_minimum[max_block_groups] = {};
    float scale[max_block_groups] = {};
    float offset[max_block_groups] = {}; ///< -0.0f where the format has none

    bool has_level_table() const noexcept { return type == gguf::type::iq4_nl; }
    float level(int code) const noexcept
    {
        return static_cast<float>(has_level_table() ? iq4_nl_levels[code] : code - zero_code);
    }
    /// What element `i` with this code reads as, bit for bit as ggml dequantizes it.
    float value(std::size_t i, int code) const noexcept
    {
        const std::size_t group = i / group_columns;
        return strict_product(scale[group], level(code)) + offset[group];
    }
    /// The code whose value is nearest to x at element `i`; in a group without a scale, where every
    /// code means the same, that of level 0.
    int nearest(std::size_t i, float x) const noexcept
    {
        const std::size_t group = i / group_columns;
        if (scale[group] == 0.0f) return has_level_table() ? 8 : zero_code;
        const float position = (x - offset[group]) / scale[group];
        return has_level_table() ? nearest_in_table(position) : nearest_integer(position);
    }

private:
    int nearest_integer(float position) const noexcept
    {
        const auto lowest = static_cast<float>(-zero_code);
        const auto highest = static_cast<float>(max_code - zero_code);
        return static_cast<int>(nearest_level(one_lane(position), lowest, highest).value) + zero_code;
    }
    static int nearest_in_table(float position) noexcept
    {
        int code = 0;
        while (code < 15 && position >= midpoint_above(code)) ++code;
        return code;
    }
    static float midpoint_above(int code) noexcept
    {
        return 0.5f * static_cast<float>(iq4_nl_levels[code] + iq4_nl_levels[code + 1]);
    }
};

/// One block that is to be quantized.
struct block_source {
    const float* values = nullptr;
    /// Mean x^2 of the input columns, or null.
    const float* importance = nullptr;
    /// Mean square of the whole row of weights; only 32-element types with importance look at it.
    float row_mean_square = 0.0f;
};

} // namespace awq::gguf

#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

// What the block formats of this folder share: little-endian halves, interleaving groups into
// lanes, weights from the importance, and the last rounding onto the stored scales.

namespace awq::gguf::detail {

inline void put_half(f16 value, std::byte* out) noexcept
{
    out[0] = static_cast<std::byte>(value.bits & 0xFF);
    out[1] = static_cast<std::byte>(value.bits >> 8);
}

inline f16 get_half(const std::byte* in) noexcept
{
    const unsigned low = std::to_integer<unsigned>(in[0]);
    const unsigned high = std::to_integer<unsigned>(in[1]);
    return f16::from_bits(static_cast<std::uint16_t>(low | high << 8));
}

/// Half precision and back: what a reader of the file will see.
inline float as_read(f16 value) noexcept { return static_cast<float>(value); }

/// An empty grid of a type whose groups have `group_columns` elements.
inline block_grid new_grid(type format, std::size_t group_columns, int zero_code, int max_code)
{
    block_grid grid;
    grid.type = format;
    grid.group_columns = group_columns;
    grid.zero_code = zero_code;
    grid.max_code = max_code;
    for (float& offset : grid.offset) offset = -0.0f;
    return grid;
}

/// Interleaves `Size` elements of each source: element i of source j goes to out[i * C + j].
template <std::size_t Size, std::size_t C>
[[gnu::always_inline]] inline void interleave(const float* const (&sources)[C], float* out) noexcept
{
    for (std::size_t j = 0; j < C; ++j)
        for (std::size_t i = 0; i < Size; ++i) out[i * C + j] = sources[j][i];
}

/// The sum of squares of `size` elements of each source, each in index order.
template <class L>
[[gnu::always_inline]] inline L sum_of_squares(const float* const (&sources)[L::count], std::size_t size) noexcept
{
    alignas(sizeof(L)) float column[L::count];
    L sum(0.0f);
    for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < L::count; ++j) column[j] = sources[j][i];
        const L value = L::load(column);
        sum += value * value;
    }
    return sum;
}

/// importance * sqrt(base + x^2), interleaved.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void weights_from_importance(const float* x, const float* importance, const L& base,
                                                           float* w) noexcept
{
    alignas(sizeof(L)) float energy[Size * L::count];
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        (base + value * value).store(energy + i);
    }
    L::storage::square_roots(energy, Size * L::count);
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        (L::load(importance + i) * L::load(energy + i)).store(w + i);
}

/// x^2, interleaved.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void square_all(const float* x, float* w) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count) (L::load(x + i) * L::load(x + i)).store(w + i);
}

/// The codes of lane `lane`, from levels as floats.
template <std::size_t Size, std::size_t C>
[[gnu::always_inline]] inline void take_codes(const float* levels, std::size_t lane, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < Size; ++i) codes[i] = static_cast<std::uint8_t>(static_cast<int>(levels[i * C + lane]));
}

/// Neighbouring lanes to neighbouring codes; levels are from 0 to 255.
template <class L>
[[gnu::always_inline]] inline void put_codes(const L& levels, std::uint8_t* codes) noexcept
{
    typename L::integers integers;
    L::storage::to_integers(levels.value, integers);
    std::int32_t wide[L::count];
    std::memcpy(wide, &integers, sizeof wide);
    for (std::size_t j = 0; j < L::count; ++j) codes[j] = static_cast<std::uint8_t>(wide[j]);
}

/// Rounds one group onto its stored scale: `block_grid::nearest` for neighbouring elements.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void round_group(const float* x, const block_grid& grid, std::size_t group,
                                               std::uint8_t* codes) noexcept
{
    const L scale(grid.scale[group]);
    const L offset(grid.offset[group]);
    const auto zero = static_cast<float>(grid.zero_code);
    const auto highest = static_cast<float>(grid.max_code - grid.zero_code);
    for (std::size_t i = 0; i < Size; i += L::count) {
        const L position = (L::load(x + i) - offset) / scale;
        put_codes(nearest_level(position, -zero, highest) + L(zero), codes + i);
    }
}

/// Groups of super-blocks side by side: lane j of chunk k holds the group k * C + j, counted
/// through all blocks of the batch.
template <std::size_t Groups, class L>
struct chunk_of_groups {
    static constexpr std::size_t size = 256 / Groups;
    const block_source* blocks;
    std::size_t count;
    std::size_t first;

    /// Past the end the first block stands in; nobody reads those lanes.
    std::size_t block(std::size_t lane) const noexcept
    {
        const std::size_t index = (first + lane) / Groups;
        return index < count ? index : 0;
    }
    std::size_t group(std::size_t lane) const noexcept { return (first + lane) % Groups; }
    [[gnu::always_inline]] void values(float* out) const noexcept
    {
        const float* sources[L::count];
        for (std::size_t j = 0; j < L::count; ++j) sources[j] = blocks[block(j)].values + group(j) * size;
        interleave<size>(sources, out);
    }
    [[gnu::always_inline]] void importance(float* out) const noexcept
    {
        const float* sources[L::count];
        for (std::size_t j = 0; j < L::count; ++j) sources[j] = blocks[block(j)].importance + group(j) * size;
        interleave<size>(sources, out);
    }
    /// Moves one number for each group to [group * C + block], as searches over groups want it.
    [[gnu::always_inline]] void scatter(const L& numbers, float* out) const noexcept
    {
        alignas(sizeof(L)) float each[L::count];
        numbers.store(each);
        for (std::size_t j = 0; j < L::count; ++j)
            if ((first + j) / Groups < count) out[group(j) * L::count + block(j)] = each[j];
    }
    /// One number for each block, given to all its groups.
    [[gnu::always_inline]] L of_blocks(const float* numbers) const noexcept
    {
        alignas(sizeof(L)) float each[L::count];
        for (std::size_t j = 0; j < L::count; ++j) each[j] = numbers[block(j)];
        return L::load(each);
    }
};

/// The sum of squares of each super-block of the batch.
template <class L>
[[gnu::always_inline]] inline L sum_of_block_squares(const block_source* blocks, std::size_t count) noexcept
{
    const float* sources[L::count];
    for (std::size_t j = 0; j < L::count; ++j) sources[j] = blocks[j < count ? j : 0].values;
    return sum_of_squares<L>(sources, 256);
}

template <std::size_t Size, class L>
[[gnu::always_inline]] inline L sum_interleaved(const float* w) noexcept
{
    L sum(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) sum += L::load(w + i);
    return sum;
}

/// The codes that the search found for group `group` of block `block`, out of all chunks' levels.
template <std::size_t Groups, std::size_t C>
[[gnu::always_inline]] inline void codes_of_search(const float* levels, std::size_t block, std::size_t group,
                                                   std::uint8_t* codes) noexcept
{
    const std::size_t index = block * Groups + group;
    take_codes<256 / Groups, C>(levels + index / C * C * (256 / Groups), index % C, codes);
}

/// Rounds all groups of a block onto the stored scales; where a scale came out as exactly 0 the
/// codes of the search stay, as in ggml.
template <std::size_t Groups, class L>
[[gnu::always_inline]] inline void round_block(const block_source& source, const block_grid& grid, const float* levels,
                                               std::size_t block, std::uint8_t* codes) noexcept
{
    constexpr std::size_t size = 256 / Groups;
    for (std::size_t g = 0; g < Groups; ++g) {
        if (grid.scale[g] == 0.0f)
            codes_of_search<Groups, L::count>(levels, block, g, codes + g * size);
        else
            round_group<size, L>(source.values + g * size, grid, g, codes + g * size);
    }
}

} // namespace awq::gguf::detail

#endif
// ---- awq/quantization/gguf/search.hpp
#ifndef AWQ_QUANTIZATION_GGUF_SEARCH_HPP
#define AWQ_QUANTIZATION_GGUF_SEARCH_HPP

#include <cstddef>

namespace awq::gguf {

// The scale searches that the block formats share. They give the results of ggml's quantizers bit
// for bit: float32 sums in index order, no fused multiply-add. All arrays are interleaved: element
// i of the group in lane j is at [i * lane count + j]; `levels` takes the codes as floats.

/// Groups smaller than this count as zero.
inline constexpr float negligible = 1e-15f;

/// first + step * k, rounded after each operation.
[[gnu::always_inline]] inline float stepped(float first, float step, int k) noexcept
{
    return first + strict_product(step, static_cast<float>(k));
}

namespace detail {

/// sum w x l and sum w l l: their ratio is the best scale for the levels l.
template <class L>
struct correlation {
    L with_values{0.0f};
    L with_levels{0.0f};

    [[gnu::always_inline]] void add(const L& weight, const L& value, const L& level) noexcept
    {
        with_values += weight * value * level;
        with_levels += weight * level * level;
    }
    [[gnu::always_inline]] L ratio() const noexcept
    {
        return select(with_levels > L(0.0f), with_values / with_levels, L(0.0f));
    }
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline correlation<L> correlate(const float* x, const float* w, const float* levels) noexcept
{
    correlation<L> sums;
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        sums.add(L::load(w + i), L::load(x + i), L::load(levels + i));
    return sums;
}

/// Levels of x * factor from `lowest` to `highest`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void round_levels(const float* x, const L& factor, float lowest, float highest,
                                                float* levels) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        nearest_level(factor * L::load(x + i), lowest, highest).store(levels + i);
}

/// Both of the above in one pass, where every |x * factor| is below 2^22.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline correlation<L> correlate_at(const float* x, const float* w, const L& factor, float lowest,
                                                          float highest) noexcept
{
    correlation<L> sums;
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        sums.add(L::load(w + i), value, nearest_small_level(factor * value, lowest, highest));
    }
    return sums;
}

/// Adds `shift` to every level; groups without a scale store the level 0 all the same.
template <std::size_t Size, class L, class Mask>
[[gnu::always_inline]] inline void shift_levels(float* levels, float shift, const Mask& empty) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        select(empty, L(0.0f), L::load(levels + i) + L(shift)).store(levels + i);
}

/// One sweep of coordinate descent over the levels; whether any of them changed. `Bytes`: levels
/// are kept as bytes, so that a negative one comes back as another, and an element is left alone if
/// nothing of the other levels remains.
template <std::size_t Size, bool Bytes, class L>
[[gnu::always_inline]] inline bool refine_levels(const float* x, const float* w, float lowest, float highest,
                                                 correlation<L>& sums, float* levels) noexcept
{
    auto changed = L(0.0f) > L(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i), weight = L::load(w + i), level = L::load(levels + i);
        const L a = sums.with_values - weight * value * level;
        const L b = sums.with_levels - weight * level * level;
        const L other = nearest_level(value * b / a, lowest, highest);
        correlation<L> changed_sums{a, b};
        changed_sums.add(weight, value, other);
        const L gain = changed_sums.with_values * changed_sums.with_values * sums.with_levels;
        const L held = sums.with_values * sums.with_values * changed_sums.with_levels;
        const L remaining = Bytes ? b : changed_sums.with_levels;
        const auto better = (a > L(0.0f)) & (remaining > L(0.0f)) & (other != level) & (gain > held);
        sums.with_values = select(better, changed_sums.with_values, sums.with_values);
        sums.with_levels = select(better, changed_sums.with_levels, sums.with_levels);
        select(better, Bytes ? lowest_byte(other) : other, level).store(levels + i);
        changed = changed | better;
    }
    return changed.any();
}

} // namespace detail

/// The element with the largest magnitude, with its sign; the first one of equals.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L extreme(const float* x) noexcept
{
    L best(0.0f);
    L magnitude(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        const auto is_larger = absolute(value) > magnitude;
        best = select(is_larger, value, best);
        magnitude = select(is_larger, absolute(value), magnitude);
    }
    return best;
}

/// A scale for the levels -half .. half - 1: the best of 19 candidates by weighted squared error.
/// `levels` come out shifted by `half`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_symmetric(const float* x, const float* w, float half, float* levels) noexcept
{
    const L peak = extreme<Size, L>(x);
    L factor = L(-half) / peak;
    auto sums = detail::correlate_at<Size>(x, w, factor, -half, half - 1.0f);
    L scale = select(sums.with_levels != L(0.0f), sums.with_values / sums.with_levels, L(0.0f));
    L best = scale * sums.with_values;
    for (int k = -9; k <= 9; ++k) {
        if (k == 0) continue;
        const L trial = L(-stepped(half, 0.1f, k)) / peak;
        sums = detail::correlate_at<Size>(x, w, trial, -half, half - 1.0f);
        const auto better =
            (sums.with_levels > L(0.0f)) & (sums.with_values * sums.with_values > best * sums.with_levels);
        scale = select(better, sums.with_values / sums.with_levels, scale);
        best = select(better, scale * sums.with_values, best);
        factor = select(better, trial, factor);
    }
    const auto empty = absolute(peak) < L(negligible);
    detail::round_levels<Size>(x, factor, -half, half - 1.0f, levels);
    detail::shift_levels<Size, L>(levels, half, empty);
    return select(empty, L(0.0f), scale);
}

/// A scale for the levels -half .. half - 1: rounding, then at most five sweeps over the single
/// levels. `levels` come out shifted by `half`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_refined(const float* x, const float* w, float half, float* levels) noexcept
{
    const L peak = extreme<Size, L>(x);
    detail::round_levels<Size>(x, L(-half) / peak, -half, half - 1.0f, levels);
    auto sums = detail::correlate<Size, L>(x, w, levels);
    for (int sweep = 0; sweep < 5; ++sweep)
        if (!detail::refine_levels<Size, false>(x, w, -half, half - 1.0f, sums, levels)) break;
    const auto empty = absolute(peak) < L(negligible);
    detail::shift_levels<Size, L>(levels, half, empty);
    return select(empty, L(0.0f), sums.ratio());
}

namespace detail {

/// No lower bound.
inline constexpr float no_bound = -0x1p23f;

/// Weighted squared error of x rounded to levels of 1 / factor, kept as bytes or not.
template <std::size_t Size, bool Bytes, class L>
[[gnu::always_inline]] inline L error_at(const float* x, const float* w, const L& factor, float top) noexcept
{
    const L scale = L(1.0f) / factor;
    L error(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        const L level = nearest_level(factor * value, no_bound, top);
        const L off = value - scale * (Bytes ? lowest_byte(level) : level);
        error += L::load(w + i) * off * off;
    }
    return error;
}

} // namespace detail

/// A scale for the levels 0 .. top of numbers that are not negative, such as the scales of groups.
/// A number that is negative all the same gets the lowest byte of its level, as in ggml.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_positive(const float* x, const float* w, float top, float* levels) noexcept
{
    L peak(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) peak = larger(L::load(x + i), peak);
    L factor = L(top) / peak;
    L least = detail::error_at<Size, true>(x, w, factor, top);
    for (int k = -4; k <= 4; ++k) {
        if (k == 0) continue;
        const L trial = L(stepped(top, 0.1f, k)) / peak;
        const L error = detail::error_at<Size, false>(x, w, trial, top);
        factor = select(error < least, trial, factor);
        least = select(error < least, error, least);
    }
    detail::round_levels<Size>(x, factor, detail::no_bound, top, levels);
    auto sums = detail::correlate<Size, L>(x, w, levels);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) lowest_byte(L::load(levels + i)).store(levels + i);
    for (int sweep = 0; sweep < 5; ++sweep)
        if (!detail::refine_levels<Size, true>(x, w, detail::no_bound, top, sums, levels)) break;
    const auto empty = peak < L(negligible);
    detail::shift_levels<Size, L>(levels, 0.0f, empty);
    return select(empty, L(0.0f), sums.ratio());
}

/// The candidates of `search_affine`: first + step * k + top levels over the range, k = 0 .. last.
struct affine_candidates {
    float top;
    float first;
    float step;
    int last;
};

/// x is about scale * level - minimum.
template <class L>
struct affine_scale {
    L scale;
    L minimum; ///< never negative
};

namespace detail {

/// What a search for scale and offset knows of a group.
template <class L>
struct affine_state {
    L lowest;
    L highest;
    L offset; ///< starts as the lowest value, or 0; not above 0
    L sum_w;
    L sum_wx;
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline affine_state<L> affine_start(const float* x, const float* w) noexcept
{
    const L first = L::load(x);
    affine_state<L> s{first, first, first, L::load(w), L::load(w) * first};
    for (std::size_t i = L::count; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i), weight = L::load(w + i);
        s.lowest = smaller(value, s.lowest);
        s.highest = larger(value, s.highest);
        s.sum_w += weight;
        s.sum_wx += weight * value;
    }
    s.offset = select(s.lowest > L(0.0f), L(0.0f), s.lowest);
    return s;
}

/// Whether (x - offset) * factor may reach 2^22, where rounding needs more care, in any lane.
template <class L>
[[gnu::always_inline]] inline bool may_overflow(const affine_state<L>& s, const L& factor) noexcept
{
    const L above = absolute(factor * (s.highest - s.offset));
    const L below = absolute(factor * (s.lowest - s.offset));
    return !((above < L(0x1p22f)) & (below < L(0x1p22f))).all();
}

template <std::size_t Size, class L>
[[gnu::always_inline]] inline void affine_levels(const float* x, const affine_state<L>& s, const L& factor, float top,
                                                 float* levels) noexcept
{
    if (may_overflow(s, factor)) {
        for (std::size_t i = 0; i < Size * L::count; i += L::count)
            nearest_level(factor * (L::load(x + i) - s.offset), 0.0f, top).store(levels + i);
        return;
    }
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        nearest_small_level(factor * (L::load(x + i) - s.offset), 0.0f, top).store(levels + i);
}

/// The weighted error of scale * level + offset: squared, or absolute.
template <std::size_t Size, bool Absolute, class L>
[[gnu::always_inline]] inline L affine_error(const float* x, const float* w, const float* levels, const L& scale,
                                             const L& offset) noexcept
{
    L error(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L off = scale * L::load(levels + i) + offset - L::load(x + i);
        if constexpr (Absolute)
            error += L::load(w + i) * absolute(off);
        else
            error += L::load(w + i) * (off * off);
    }
    return error;
}

/// The scale and offset (not above 0) that suit given levels best, and whether there are any.
template <class L>
struct affine_solution {
    L scale;
    L offset;
    L determinant;
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline affine_solution<L> solve_affine(const float* x, const float* w, const float* levels,
                                                              const affine_state<L>& s) noexcept
{
    L sum_l(0.0f);
    L sum_ll(0.0f);
    L sum_xl(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L level = L::load(levels + i);
        const L weighted = L::load(w + i) * level;
        sum_l += weighted;
        sum_ll += weighted * level;
        sum_xl += weighted * L::load(x + i);
    }
    const L determinant = s.sum_w * sum_ll - sum_l * sum_l;
    const L scale = (s.sum_w * sum_xl - s.sum_wx * sum_l) / determinant;
    const L offset = (sum_ll * s.sum_wx - sum_l * sum_xl) / determinant;
    const auto positive = offset > L(0.0f);
    return {select(positive, sum_xl / sum_ll, scale), select(positive, L(0.0f), offset), determinant};
}

} // namespace detail

/// A scale and a minimum for the levels 0 .. top by weighted error, squared or absolute.
template <std::size_t Size, bool Absolute, class L>
[[gnu::always_inline]] inline affine_scale<L> search_affine(const float* x, const float* w,
                                                            const affine_candidates& grid, float* levels) noexcept
{
    auto s = detail::affine_start<Size, L>(x, w);
    const auto flat = s.highest == s.offset;
    const L start = s.offset;
    L factor = L(grid.top) / (s.highest - s.offset);
    L level_offset = s.offset; // of the levels that are kept: `s.offset` moves on after them
    alignas(sizeof(L)) float trial_levels[Size * L::count];
    detail::affine_levels<Size>(x, s, factor, grid.top, trial_levels);
    L scale = L(1.0f) / factor;
    L least = detail::affine_error<Size, Absolute>(x, w, trial_levels, scale, s.offset);
    for (int k = 0; k <= grid.last; ++k) {
        const float reach = stepped(grid.first, grid.step, k) + grid.top;
        const L trial = L(reach) / (s.highest - s.offset);
        detail::affine_levels<Size>(x, s, trial, grid.top, trial_levels);
        const auto found = detail::solve_affine<Size>(x, w, trial_levels, s);
        const L error = detail::affine_error<Size, Absolute>(x, w, trial_levels, found.scale, found.offset);
        const auto better = (found.determinant > L(0.0f)) & (error < least);
        least = select(better, error, least);
        scale = select(better, found.scale, scale);
        factor = select(better, trial, factor);
        level_offset = select(better, s.offset, level_offset);
        s.offset = select(better, found.offset, s.offset);
    }
    s.offset = select(flat, start, s.offset);
    detail::affine_state<L> kept = s;
    kept.offset = level_offset;
    detail::affine_levels<Size>(x, kept, factor, grid.top, levels);
    detail::shift_levels<Size, L>(levels, 0.0f, flat);
    return {select(flat, L(0.0f), scale), -s.offset};
}

} // namespace awq::gguf

#endif

// The blocks of 32 elements with one scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.

namespace awq::gguf {

namespace detail {

/// The values (or the importance) of up to C blocks, interleaved; the first one fills up the rest.
template <std::size_t C>
[[gnu::always_inline]] inline void interleave_values(const block_source* blocks, std::size_t count, float* out) noexcept
{
    const float* sources[C];
    for (std::size_t j = 0; j < C; ++j) sources[j] = blocks[j < count ? j : 0].values;
    interleave<32>(sources, out);
}

template <std::size_t C>
[[gnu::always_inline]] inline void interleave_importance(const block_source* blocks, std::size_t count,
                                                         float* out) noexcept
{
    const float* sources[C];
    for (std::size_t j = 0; j < C; ++j) sources[j] = blocks[j < count ? j : 0].importance;
    interleave<32>(sources, out);
}

/// importance * sqrt(mean square of the row + x^2).
template <class L>
[[gnu::always_inline]] inline void legacy_weights(const block_source* blocks, std::size_t count, const float* x,
                                                  float* w) noexcept
{
    alignas(sizeof(L)) float base[L::count];
    for (std::size_t j = 0; j < L::count; ++j) base[j] = blocks[j < count ? j : 0].row_mean_square;
    interleave_importance<L::count>(blocks, count, w);
    weights_from_importance<32>(x, w, L::load(base), w);
}

/// 1 / d, or 0 where d is 0.
template <class L>
[[gnu::always_inline]] inline L inverse_or_zero(const L& d) noexcept
{
    return select(d != L(0.0f), L(1.0f) / d, L(0.0f));
}

/// Whole numbers towards zero, at most `top`; 0 for what is no number from 0 to 255, as a
/// conversion on x86 that keeps the lowest byte has it.
template <class L>
[[gnu::always_inline]] inline L truncated_code(const L& a, float top) noexcept
{
    const auto usable = (a > L(0.0f)) & (a < L(256.0f));
    const L safe = select(usable, a, L(0.0f));
    const L whole = whole_part(safe);
    return smaller(whole, L(top));
}

/// The nearest whole number, ties away from zero; 0 for what is no number.
template <class L>
[[gnu::always_inline]] inline L rounded_away(const L& a) noexcept
{
    const L safe = select(absolute(a) < L(0x1p22f), a, L(0.0f));
    const L whole = whole_part(safe);
    const L rest = safe - whole;
    const L up = select(rest < L(-0.5f), L(-1.0f), select(rest == L(-0.5f), L(-1.0f), L(0.0f)));
    return whole + select((rest > L(0.5f)) | (rest == L(0.5f)), L(1.0f), up);
}

/// Hands scales, offsets and codes of the lanes to the grids.
template <class L>
[[gnu::always_inline]] inline void finish_legacy(type format, int zero_code, int max_code, const float* d,
                                                 const float* offset, const float* levels, std::size_t count,
                                                 block_grid* grids, std::uint8_t* codes) noexcept
{
    for (std::size_t b = 0; b < count; ++b) {
        grids[b] = new_grid(format, 32, zero_code, max_code);
        grids[b].d = f16(d[b]);
        grids[b].scale[0] = as_read(grids[b].d);
        if (offset != nullptr) {
            grids[b].dmin = f16(offset[b]);
            grids[b].offset[0] = as_read(grids[b].dmin);
        }
        take_codes<32, L::count>(levels, b, codes + 32 * b);
    }
}

/// Codes 0 .. 2 * half - 1 for the levels -half .. half - 1: Q4_0 and Q5_0.
template <class L>
[[gnu::always_inline]] inline void fit_symmetric_32(type format, int half, const block_source* blocks,
                                                    std::size_t count, block_grid* grids, std::uint8_t* codes) noexcept
{
    alignas(sizeof(L)) float x[32 * L::count];
    alignas(sizeof(L)) float w[32 * L::count];
    alignas(sizeof(L)) float levels[32 * L::count];
    alignas(sizeof(L)) float d[L::count];
    const auto bound = static_cast<float>(half);
    interleave_values<L::count>(blocks, count, x);
    if (blocks[0].importance != nullptr) {
        legacy_weights<L>(blocks, count, x, w);
        search_symmetric<32, L>(x, w, bound, levels).store(d);
    } else {
        const L scale = extreme<32, L>(x) / L(-bound);
        const L inverse = inverse_or_zero(scale);
        for (std::size_t i = 0; i < 32 * L::count; i += L::count)
            truncated_code(L::load(x + i) * inverse + L(bound + 0.5f), 2.0f * bound - 1.0f).store(levels + i);
        scale.store(d);
    }
    finish_legacy<L>(format, half, 2 * half - 1, d, nullptr, levels, count, grids, codes);
}

/// Scale and offset from the range, for want of importance: Q4_1 and Q5_1.
template <class L>
[[gnu::always_inline]] inline void spread_over_range(const float* x, float top, float* levels, float* d,
                                                     float* offset) noexcept
{
    L lowest = L::load(x);
    L highest = lowest;
    for (std::size_t i = 0; i < 32 * L::count; i += L::count) {
        lowest = smaller(L::load(x + i), lowest);
        highest = larger(L::load(x + i), highest);
    }
    const L scale = (highest - lowest) / L(top);
    const L inverse = inverse_or_zero(scale);
    for (std::size_t i = 0; i < 32 * L::count; i += L::count)
        truncated_code((L::load(x + i) - lowest) * inverse + L(0.5f), top).store(levels + i);
    scale.store(d);
    lowest.store(offset);
}

template <class L>
[[gnu::always_inline]] inline void fit_affine_32(type format, float top, const block_source* blocks, std::size_t count,
                                                 block_grid* grids, std::uint8_t* codes) noexcept
{
    alignas(sizeof(L)) float x[32 * L::count];
    alignas(sizeof(L)) float w[32 * L::count];
    alignas(sizeof(L)) float levels[32 * L::count];
    alignas(sizeof(L)) float d[L::count];
    alignas(sizeof(L)) float offset[L::count];
    interleave_values<L::count>(blocks, count, x);
    if (blocks[0].importance != nullptr) {
        legacy_weights<L>(blocks, count, x, w);
        const affine_candidates candidates{top, -0.9f, 0.05f, 36};
        const auto best = search_affine<32, false, L>(x, w, candidates, levels);
        best.scale.store(d);
        (-best.minimum).store(offset);
    } else {
        spread_over_range<L>(x, top, levels, d, offset);
    }
    const int max_code = static_cast<int>(top);
    finish_legacy<L>(format, 0, max_code, d, offset, levels, count, grids, codes);
}

/// Elements i and i + 16 share a byte.
inline void pack_halves(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t i = 0; i < 16; ++i) out[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

inline void unpack_halves(const std::byte* in, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < 16; ++i) {
        const auto both = std::to_integer<std::uint8_t>(in[i]);
        codes[i] = both & 15;
        codes[i + 16] = static_cast<std::uint8_t>(both >> 4);
    }
}

/// The fifth bits of 32 codes, one little-endian word.
inline void pack_fifth_bits(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t i = 0; i < 4; ++i) {
        unsigned bits = 0;
        for (std::size_t j = 0; j < 8; ++j) bits |= (codes[8 * i + j] >> 4 & 1u) << j;
        out[i] = static_cast<std::byte>(bits);
    }
}

inline void unpack_fifth_bits(const std::byte* in, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < 32; ++i) {
        const unsigned bit = std::to_integer<unsigned>(in[i / 8]) >> i % 8 & 1u;
        codes[i] = static_cast<std::uint8_t>(codes[i] | bit << 4);
    }
}

} // namespace detail

/// Q4_0 (Bits = 4) and Q5_0 (Bits = 5): half d, codes around a middle.
template <int Bits>
struct symmetric_32 {
    static constexpr type id = Bits == 4 ? type::q4_0 : type::q5_0;
    static constexpr int half = 1 << (Bits - 1);

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_symmetric_32<L>(id, half, blocks, count, grids, codes);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        if constexpr (Bits == 5) detail::pack_fifth_bits(codes, out + 2);
        detail::pack_halves(codes, out + (Bits == 5 ? 6 : 2));
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, half, 2 * half - 1);
        grid.d = detail::get_half(in);
        grid.scale[0] = detail::as_read(grid.d);
        detail::unpack_halves(in + (Bits == 5 ? 6 : 2), codes);
        if constexpr (Bits == 5) detail::unpack_fifth_bits(in + 2, codes);
        return grid;
    }
};

/// Q4_1 (Bits = 4) and Q5_1 (Bits = 5): half d and offset, codes from 0.
template <int Bits>
struct affine_32 {
    static constexpr type id = Bits == 4 ? type::q4_1 : type::q5_1;
    static constexpr int max_code = (1 << Bits) - 1;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine_32<L>(id, max_code, blocks, count, grids, codes);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::put_half(grid.dmin, out + 2);
        if constexpr (Bits == 5) detail::pack_fifth_bits(codes, out + 4);
        detail::pack_halves(codes, out + (Bits == 5 ? 8 : 4));
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 0, max_code);
        grid.d = detail::get_half(in);
        grid.dmin = detail::get_half(in + 2);
        grid.scale[0] = detail::as_read(grid.d);
        grid.offset[0] = detail::as_read(grid.dmin);
        detail::unpack_halves(in + (Bits == 5 ? 8 : 4), codes);
        if constexpr (Bits == 5) detail::unpack_fifth_bits(in + 4, codes);
        return grid;
    }
};

/// Q8_0: half d, signed 8-bit codes. It takes no importance.
struct q8_0 {
    static constexpr type id = type::q8_0;
    static constexpr int zero = 128;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        for (std::size_t b = 0; b < count; ++b) {
            const float* x = blocks[b].values;
            float magnitude = 0.0f;
            for (std::size_t i = 0; i < 32; ++i) {
                const float candidate = x[i] < 0.0f ? -x[i] : x[i];
                magnitude = candidate > magnitude ? candidate : magnitude;
            }
            const float d = magnitude / 127.0f;
            const L inverse(d != 0.0f ? 1.0f / d : 0.0f);
            for (std::size_t i = 0; i < 32; i += L::count)
                detail::put_codes(detail::rounded_away(L::load(x + i) * inverse) + L(128.0f), codes + 32 * b + i);
            grids[b] = detail::new_grid(id, 32, zero, 255);
            grids[b].d = f16(d);
            grids[b].scale[0] = detail::as_read(grids[b].d);
        }
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        for (std::size_t i = 0; i < 32; ++i)
            out[2 + i] = static_cast<std::byte>(codes[i] ^ 128); // code - 128, two's complement
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, zero, 255);
        grid.d = detail::get_half(in);
        grid.scale[0] = detail::as_read(grid.d);
        for (std::size_t i = 0; i < 32; ++i) codes[i] = std::to_integer<std::uint8_t>(in[2 + i]) ^ 128;
        return grid;
    }
};

struct q4_0 : symmetric_32<4> {};
struct q5_0 : symmetric_32<5> {};
struct q4_1 : affine_32<4> {};
struct q5_1 : affine_32<5> {};

} // namespace awq::gguf

#endif

namespace awq::gguf {

/// IQ4_NL: blocks of 32 elements, half d, 4-bit codes of a table of 16 uneven levels.
struct iq4_nl {
    static constexpr type id = type::iq4_nl;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        alignas(sizeof(L)) float x[32 * L::count];
        alignas(sizeof(L)) float w[32 * L::count];
        alignas(sizeof(L)) float levels[32 * L::count];
        alignas(sizeof(L)) float d[L::count];
        detail::interleave_values<L::count>(blocks, count, x);
        detail::square_all<32, L>(x, w);
        if (blocks[0].importance != nullptr) {
            const L base = L(2.0f) * detail::sum_interleaved<32, L>(w) / L(32.0f);
            detail::interleave_importance<L::count>(blocks, count, w);
            detail::weights_from_importance<32>(x, w, base, w);
        }
        const level_table<L> table;
        const L scale = search_scale<L>(x, w, table);
        scale.store(d);
        const L inverse = detail::inverse_or_zero(scale);
        for (std::size_t i = 0; i < 32 * L::count; i += L::count)
            table.code(L::load(x + i) * inverse).store(levels + i);
        detail::finish_legacy<L>(id, 8, 15, d, nullptr, levels, count, grids, codes);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::pack_halves(codes, out + 2);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 8, 15);
        grid.d = detail::get_half(in);
        grid.scale[0] = detail::as_read(grid.d);
        detail::unpack_halves(in + 2, codes);
        return grid;
    }

private:
    /// The levels, and the middle between each one and the one before, once for each lane.
    template <class L>
    struct level_table {
        alignas(sizeof(L)) float level[16 * L::count];
        alignas(sizeof(L)) float middle[16 * L::count];

        level_table() noexcept
        {
            for (std::size_t i = 0; i < 16 * L::count; ++i) {
                const std::size_t code = i / L::count;
                const std::size_t before = code > 0 ? code - 1 : 0;
                level[i] = iq4_nl_levels[code];
                middle[i] = 0.5f * (level[i] + static_cast<float>(iq4_nl_levels[before]));
            }
        }
        /// The nearest level, the upper one of two that are equally near.
        [[gnu::always_inline]] L round(const L& position) const noexcept
        {
            L best = L::load(level);
#pragma GCC unroll 16
            for (std::size_t i = L::count; i < 16 * L::count; i += L::count)
                best = select(position < L::load(middle + i), best, L::load(level + i));
            return best;
        }
        [[gnu::always_inline]] L code(const L& position) const noexcept
        {
            L best(0.0f);
            for (std::size_t i = L::count; i < 16 * L::count; i += L::count)
                best = best + select(position < L::load(middle + i), L(0.0f), L(1.0f));
            return best;
        }
    };

    template <class L>
    [[gnu::always_inline]] static detail::correlation<L> correlate(const float* x, const float* w, const L& factor,
                                                                   const level_table<L>& table) noexcept
    {
        detail::correlation<L> sums;
        for (std::size_t i = 0; i < 32 * L::count; i += L::count) {
            const L value = L::load(x + i);
            const L level = table.round(factor * value);
            const L weight = L::load(w + i) * level;
            sums.with_values += weight * value;
            sums.with_levels += weight * level;
        }
        return sums;
    }
    template <class L>
    [[gnu::always_inline]] static L search_scale(const float* x, const float* w, const level_table<L>& table) noexcept
    {
        const L peak = extreme<32, L>(x);
        const L first = -peak / L(static_cast<float>(iq4_nl_levels[0]));
        auto sums = correlate(x, w, L(1.0f) / first, table);
        L scale = sums.ratio();
        L best = scale * sums.with_values;
        for (int k = -7; k <= 7; ++k) {
            sums = correlate(x, w, L(static_cast<float>(k + iq4_nl_levels[0])) / peak, table);
            const auto better =
                (sums.with_levels > L(0.0f)) & (sums.with_values * sums.with_values > best * sums.with_levels);
            scale = select(better, sums.with_values / sums.with_levels, scale);
            best = select(better, scale * sums.with_values, best);
        }
        return select(absolute(peak) < L(negligible), L(0.0f), scale);
    }
};

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/q2_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_Q2_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q2_K_HPP

// ---- awq/quantization/gguf/affine_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_AFFINE_K_HPP
#define AWQ_QUANTIZATION_GGUF_AFFINE_K_HPP

#include <initializer_list>

// The super-blocks whose groups have a scale and a minimum: Q2_K, Q4_K, Q5_K. A `Format` says how
// many groups there are, how large codes and packed scales may get, and which candidates are tried.

namespace awq::gguf::detail {

/// How the rounding search moves the integers of these formats.
template <std::uint8_t Highest>
struct affine_integers {
    static constexpr bool has_minimum = true;
    static constexpr int lowest_scale = 0;
    static constexpr int highest_scale = Highest;
    static constexpr int highest_minimum = Highest;
    static constexpr int reach = 2;

    static int integer_scale(const block_grid& grid, std::size_t g) noexcept { return grid.packed_scale[g]; }
    static void set_integers(block_grid& grid, std::size_t g, int scale, int minimum) noexcept
    {
        grid.packed_scale[g] = static_cast<std::uint8_t>(scale);
        grid.packed_minimum[g] = static_cast<std::uint8_t>(minimum);
    }
};

/// Weights without importance: |x|, for 32-element groups raised by the group's root mean square.
template <class Format, class L>
[[gnu::always_inline]] inline void affine_default_weights(const float* x, float* w) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    L base(0.0f);
    if constexpr (Format::rms_in_weights) {
        square_all<size, L>(x, w);
        (sum_interleaved<size, L>(w) / L(static_cast<float>(size))).store(w);
        L::storage::square_roots(w, L::count);
        base = L::load(w);
    }
    for (std::size_t i = 0; i < size * L::count; i += L::count) (base + absolute(L::load(x + i))).store(w + i);
}

/// What the first level of the search found, [group * C + block], and the levels of all chunks.
template <class Format, class L>
struct affine_groups {
    alignas(sizeof(L)) float scale[Format::groups * L::count];
    alignas(sizeof(L)) float minimum[Format::groups * L::count];
    alignas(sizeof(L)) float weight[Format::groups * L::count];
    alignas(sizeof(L)) float levels[256 * L::count];
};

template <class Format, class L>
[[gnu::always_inline]] inline void search_affine_groups(const block_source* blocks, std::size_t count,
                                                        affine_groups<Format, L>& found) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    const bool weighted = blocks[0].importance != nullptr;
    alignas(sizeof(L)) float x[size * L::count];
    alignas(sizeof(L)) float w[size * L::count];
    alignas(sizeof(L)) float base[L::count] = {};
    if (weighted) (L(Format::energy_factor) * sum_of_block_squares<L>(blocks, count) / L(256.0f)).store(base);
    for (std::size_t first = 0; first < count * Format::groups; first += L::count) {
        const chunk_of_groups<Format::groups, L> chunk{blocks, count, first};
        float* levels = found.levels + first * size;
        chunk.values(x);
        affine_scale<L> best;
        if (weighted) {
            chunk.importance(w);
            weights_from_importance<size>(x, w, chunk.of_blocks(base), w);
            chunk.scatter(sum_interleaved<size, L>(w), found.weight);
        } else {
            affine_default_weights<Format, L>(x, w);
        }
        // One call where it can be one: all of it is inlined.
        if (Format::absolute_error && !weighted)
            best = search_affine<size, Format::absolute_error, L>(x, w, Format::candidates, levels);
        else
            best = search_affine<size, false, L>(x, w, weighted ? Format::weighted_candidates : Format::candidates,
                                                 levels);
        chunk.scatter(best.scale, found.scale);
        chunk.scatter(best.minimum, found.minimum);
    }
}

/// Packs the groups' scales (or minimums) of one block without weights; the common factor.
template <class Format, std::size_t C>
[[gnu::always_inline]] inline f16 pack_by_largest(const float* numbers, std::uint8_t* packed) noexcept
{
    float largest = 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g)
        if (numbers[g * C] > largest) largest = numbers[g * C];
    const float top = Format::max_packed;
    const float inverse = largest > 0.0f ? top / largest : 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g)
        packed[g] = static_cast<std::uint8_t>(nearest(strict_product(inverse, numbers[g * C])));
    return f16(largest / top);
}

/// The same for all blocks of a batch by weighted error.
template <class Format, class L>
[[gnu::always_inline]] inline void pack_by_search(const float* numbers, const float* weights, std::size_t count,
                                                  block_grid* grids, bool minimums) noexcept
{
    alignas(sizeof(L)) float levels[Format::groups * L::count];
    alignas(sizeof(L)) float factors[L::count];
    search_positive<Format::groups, L>(numbers, weights, Format::max_packed, levels).store(factors);
    for (std::size_t b = 0; b < count; ++b) {
        (minimums ? grids[b].dmin : grids[b].d) = f16(factors[b]);
        auto& packed = minimums ? grids[b].packed_minimum : grids[b].packed_scale;
        for (std::size_t g = 0; g < Format::groups; ++g)
            packed[g] = static_cast<std::uint8_t>(static_cast<int>(levels[g * L::count + b]));
    }
}

/// The effective scales and offsets, from what is stored.
template <class Format>
inline void complete_affine_grid(block_grid& grid) noexcept
{
    for (std::size_t g = 0; g < Format::groups; ++g) {
        grid.scale[g] = strict_product(as_read(grid.d), grid.packed_scale[g]);
        grid.offset[g] = -strict_product(as_read(grid.dmin), grid.packed_minimum[g]);
    }
}

/// Chooses scales, minimums and codes of up to L::count blocks.
template <class Format, class L>
[[gnu::always_inline]] inline void fit_affine(const block_source* blocks, std::size_t count, block_grid* grids,
                                              std::uint8_t* codes) noexcept
{
    affine_groups<Format, L> found;
    for (float& unused : found.scale) unused = 0.0f;
    for (float& unused : found.minimum) unused = 0.0f;
    for (float& unused : found.weight) unused = 0.0f;
    search_affine_groups<Format, L>(blocks, count, found);
    for (std::size_t b = 0; b < count; ++b) grids[b] = new_grid(Format::id, 256 / Format::groups, 0, Format::max_code);
    if (blocks[0].importance != nullptr) {
        for (const bool minimums : {false, true})
            pack_by_search<Format, L>(minimums ? found.minimum : found.scale, found.weight, count, grids, minimums);
    }
    for (std::size_t b = 0; b < count; ++b) {
        if (blocks[0].importance == nullptr) {
            grids[b].d = pack_by_largest<Format, L::count>(found.scale + b, grids[b].packed_scale);
            grids[b].dmin = pack_by_largest<Format, L::count>(found.minimum + b, grids[b].packed_minimum);
        }
        Format::limit_integers(grids[b], blocks[0].importance != nullptr);
        complete_affine_grid<Format>(grids[b]);
        round_block<Format::groups, L>(blocks[b], grids[b], found.levels, b, codes + 256 * b);
    }
}

/// A negative scale leaves a large byte: it becomes the largest number that six bits hold.
inline void limit_to_six_bits(block_grid& grid) noexcept
{
    for (std::size_t g = 0; g < 8; ++g) {
        if (grid.packed_scale[g] > 63) grid.packed_scale[g] = 63;
        if (grid.packed_minimum[g] > 63) grid.packed_minimum[g] = 63;
    }
}

/// The twelve bytes of eight 6-bit scales and eight 6-bit minimums, of Q4_K and Q5_K.
inline void pack_six_bits(const block_grid& grid, std::byte* out) noexcept
{
    const std::uint8_t* scale = grid.packed_scale;
    const std::uint8_t* minimum = grid.packed_minimum;
    for (std::size_t j = 0; j < 4; ++j) {
        out[j] = static_cast<std::byte>(scale[j] | (scale[j + 4] >> 4) << 6);
        out[j + 4] = static_cast<std::byte>(minimum[j] | (minimum[j + 4] >> 4) << 6);
        out[j + 8] = static_cast<std::byte>((scale[j + 4] & 15) | (minimum[j + 4] & 15) << 4);
    }
}

inline void unpack_six_bits(const std::byte* in, block_grid& grid) noexcept
{
    const auto at = [in](std::size_t i) { return std::to_integer<unsigned>(in[i]); };
    for (std::size_t j = 0; j < 4; ++j) {
        grid.packed_scale[j] = static_cast<std::uint8_t>(at(j) & 63);
        grid.packed_minimum[j] = static_cast<std::uint8_t>(at(j + 4) & 63);
        grid.packed_scale[j + 4] = static_cast<std::uint8_t>((at(j + 8) & 15) | (at(j) >> 6) << 4);
        grid.packed_minimum[j + 4] = static_cast<std::uint8_t>(at(j + 8) >> 4 | (at(j + 4) >> 6) << 4);
    }
}

inline void pack_nibbles(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t pair = 0; pair < 256; pair += 64)
        for (std::size_t l = 0; l < 32; ++l)
            out[pair / 2 + l] = static_cast<std::byte>((codes[pair + l] & 15) | (codes[pair + 32 + l] & 15) << 4);
}

inline void unpack_nibbles(const std::byte* in, std::uint8_t* codes) noexcept
{
    for (std::size_t pair = 0; pair < 256; pair += 64)
        for (std::size_t l = 0; l < 32; ++l) {
            const auto both = std::to_integer<std::uint8_t>(in[pair / 2 + l]);
            codes[pair + l] = both & 15;
            codes[pair + 32 + l] = static_cast<std::uint8_t>(both >> 4);
        }
}

} // namespace awq::gguf::detail

#endif
// ---- awq/quantization/gguf/two_bit_planes.hpp
#ifndef AWQ_QUANTIZATION_GGUF_TWO_BIT_PLANES_HPP
#define AWQ_QUANTIZATION_GGUF_TWO_BIT_PLANES_HPP

#include <cstddef>
#include <cstdint>

namespace awq::gguf::detail {

/// 256 two-bit numbers in 64 bytes, as Q2_K, Q3_K and Q6_K store them: each byte holds elements
/// that are 32 apart, of one half of the block.
inline void pack_two_bits(const std::uint8_t* numbers, unsigned shift, std::byte* out) noexcept
{
    for (std::size_t half = 0; half < 2; ++half)
        for (std::size_t l = 0; l < 32; ++l) {
            const std::uint8_t* from = numbers + 128 * half + l;
            unsigned packed = 0;
            for (std::size_t k = 0; k < 4; ++k) packed |= (from[32 * k] >> shift & 3u) << 2 * k;
            out[32 * half + l] = static_cast<std::byte>(packed);
        }
}

/// Adds them, shifted left by `shift`, to the codes.
inline void unpack_two_bits(const std::byte* in, unsigned shift, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < 256; ++i) {
        const unsigned packed = std::to_integer<unsigned>(in[32 * (i / 128) + i % 32]);
        const unsigned number = packed >> 2 * (i % 128 / 32) & 3u;
        codes[i] = static_cast<std::uint8_t>(codes[i] | number << shift);
    }
}

} // namespace awq::gguf::detail

#endif

namespace awq::gguf {

/// Q2_K: 16 groups of 16 elements; 4-bit scales and minimums, 2-bit codes, half d and dmin.
struct q2_k : detail::affine_integers<15> {
    static constexpr type id = type::q2_k;
    static constexpr std::size_t groups = 16;
    static constexpr int max_code = 3;
    static constexpr std::uint8_t max_packed = 15;
    static constexpr bool rms_in_weights = false;
    static constexpr bool absolute_error = true;
    static constexpr float energy_factor = 1.0f;
    static constexpr affine_candidates candidates{3.0f, -0.5f, 0.1f, 15};
    static constexpr affine_candidates weighted_candidates{3.0f, -0.9f, 0.05f, 36};

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q2_k, L>(blocks, count, grids, codes);
    }
    /// Scale and minimum share a byte; a negative scale spoils the minimum beside it, as in ggml.
    static void limit_integers(block_grid& grid, bool) noexcept
    {
        for (std::size_t g = 0; g < groups; ++g) {
            const unsigned both = grid.packed_scale[g] | unsigned{grid.packed_minimum[g]} << 4;
            grid.packed_scale[g] = both & 15;
            grid.packed_minimum[g] = both >> 4 & 15;
        }
    }
    /// The effective scales and offsets, from what is stored.
    static void complete(block_grid& grid) noexcept { detail::complete_affine_grid<q2_k>(grid); }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        for (std::size_t g = 0; g < groups; ++g)
            out[g] = static_cast<std::byte>(grid.packed_scale[g] | grid.packed_minimum[g] << 4);
        detail::pack_two_bits(codes, 0, out + 16);
        detail::put_half(grid.d, out + 80);
        detail::put_half(grid.dmin, out + 82);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 0, max_code);
        for (std::size_t g = 0; g < groups; ++g) {
            grid.packed_scale[g] = std::to_integer<std::uint8_t>(in[g]) & 15;
            grid.packed_minimum[g] = std::to_integer<std::uint8_t>(in[g] >> 4);
        }
        grid.d = detail::get_half(in + 80);
        grid.dmin = detail::get_half(in + 82);
        complete(grid);
        for (std::size_t i = 0; i < 256; ++i) codes[i] = 0;
        detail::unpack_two_bits(in + 16, 0, codes);
        return grid;
    }
};

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/q3_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_Q3_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q3_K_HPP

// ---- awq/quantization/gguf/symmetric_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_SYMMETRIC_K_HPP
#define AWQ_QUANTIZATION_GGUF_SYMMETRIC_K_HPP

// The super-blocks whose 16 groups have a scale only: Q3_K and Q6_K.

namespace awq::gguf::detail {

/// What the first level of the search found, [group * C + block], and the levels of all chunks.
template <class L>
struct symmetric_groups {
    alignas(sizeof(L)) float scale[16 * L::count];
    alignas(sizeof(L)) float weight[16 * L::count];
    alignas(sizeof(L)) float levels[256 * L::count];
};

template <class Format, class L>
[[gnu::always_inline]] inline void search_symmetric_groups(const block_source* blocks, std::size_t count,
                                                           symmetric_groups<L>& found) noexcept
{
    const bool weighted = blocks[0].importance != nullptr;
    alignas(sizeof(L)) float x[16 * L::count];
    alignas(sizeof(L)) float w[16 * L::count];
    alignas(sizeof(L)) float base[L::count] = {};
    if (weighted && Format::values_in_weights)
        (L(2.0f) * sum_of_block_squares<L>(blocks, count) / L(256.0f)).store(base);
    for (std::size_t first = 0; first < count * 16; first += L::count) {
        const chunk_of_groups<16, L> chunk{blocks, count, first};
        float* levels = found.levels + first * 16;
        chunk.values(x);
        if (weighted)
            chunk.importance(w);
        else
            square_all<16, L>(x, w);
        if (weighted && Format::values_in_weights) weights_from_importance<16>(x, w, chunk.of_blocks(base), w);
        L scale;
        if (!weighted && Format::refined_without_importance)
            scale = search_refined<16, L>(x, w, -Format::lowest_level, levels);
        else
            scale = search_symmetric<16, L>(x, w, -Format::lowest_level, levels);
        chunk.scatter(scale, found.scale);
        chunk.scatter(sum_interleaved<16, L>(w), found.weight);
    }
}

} // namespace awq::gguf::detail

#endif

namespace awq::gguf {

/// Q3_K: 16 groups of 16 elements; 6-bit scales, 3-bit codes in two planes, half d.
struct q3_k {
    static constexpr type id = type::q3_k;
    static constexpr std::size_t groups = 16;
    static constexpr bool has_minimum = false;
    static constexpr int lowest_scale = -32;
    static constexpr int highest_scale = 31;
    static constexpr int highest_minimum = 0;
    static constexpr int reach = 2;
    static constexpr float lowest_level = -4.0f;
    static constexpr bool values_in_weights = true;
    static constexpr bool refined_without_importance = true;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::symmetric_groups<L> found;
        for (float& unused : found.scale) unused = 0.0f;
        for (float& unused : found.weight) unused = 0.0f;
        detail::search_symmetric_groups<q3_k, L>(blocks, count, found);
        for (std::size_t b = 0; b < count; ++b) grids[b] = detail::new_grid(id, 16, 4, 7);
        if (blocks[0].importance != nullptr)
            pack_scales_by_search<L>(found, count, grids);
        else
            pack_scales_by_largest<L>(found, count, grids);
        for (std::size_t b = 0; b < count; ++b) {
            complete(grids[b]);
            detail::round_block<16, L>(blocks[b], grids[b], found.levels, b, codes + 256 * b);
        }
    }
    /// The effective scales, from what is stored.
    static void complete(block_grid& grid) noexcept
    {
        const float d = detail::as_read(grid.d);
        for (std::size_t g = 0; g < 16; ++g)
            grid.scale[g] = strict_product(d, static_cast<float>(static_cast<int>(grid.packed_scale[g]) - 32));
    }
    static int integer_scale(const block_grid& grid, std::size_t g) noexcept
    {
        return static_cast<int>(grid.packed_scale[g]) - 32;
    }
    static void set_integers(block_grid& grid, std::size_t g, int scale, int) noexcept
    {
        grid.packed_scale[g] = static_cast<std::uint8_t>(scale + 32);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        std::uint8_t high[32] = {};
        for (std::size_t g = 0; g < 8; ++g)
            for (std::size_t l = 0; l < 32; ++l)
                high[l] = static_cast<std::uint8_t>(high[l] | (codes[32 * g + l] >> 2) << g);
        for (std::size_t l = 0; l < 32; ++l) out[l] = static_cast<std::byte>(high[l]);
        detail::pack_two_bits(codes, 0, out + 32);
        pack_scales(grid.packed_scale, out + 96);
        detail::put_half(grid.d, out + 108);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 4, 7);
        grid.d = detail::get_half(in + 108);
        unpack_scales(in + 96, grid.packed_scale);
        complete(grid);
        for (std::size_t i = 0; i < 256; ++i) {
            const unsigned bit = std::to_integer<unsigned>(in[i % 32]) >> i / 32 & 1u;
            codes[i] = static_cast<std::uint8_t>(bit << 2);
        }
        detail::unpack_two_bits(in + 32, 0, codes);
        return grid;
    }

private:
    template <class L>
    [[gnu::always_inline]] static void pack_scales_by_search(const detail::symmetric_groups<L>& found,
                                                             std::size_t count, block_grid* grids) noexcept
    {
        alignas(sizeof(L)) float levels[16 * L::count];
        alignas(sizeof(L)) float factors[L::count];
        search_symmetric<16, L>(found.scale, found.weight, 32.0f, levels).store(factors);
        for (std::size_t b = 0; b < count; ++b) {
            grids[b].d = f16(factors[b]);
            detail::take_codes<16, L::count>(levels, b, grids[b].packed_scale);
        }
    }
    template <class L>
    [[gnu::always_inline]] static void pack_scales_by_largest(const detail::symmetric_groups<L>& found,
                                                              std::size_t count, block_grid* grids) noexcept
    {
        alignas(sizeof(L)) float peaks[L::count];
        extreme<16, L>(found.scale).store(peaks);
        for (std::size_t b = 0; b < count; ++b) {
            if (peaks[b] == 0.0f) continue;
            const float factor = -32.0f / peaks[b];
            for (std::size_t g = 0; g < 16; ++g) {
                const one_lane scaled = one_lane(factor) * one_lane(found.scale[g * L::count + b]);
                const float level = nearest_level(scaled, -32.0f, 31.0f).value;
                grids[b].packed_scale[g] = static_cast<std::uint8_t>(static_cast<int>(level) + 32);
            }
            grids[b].d = f16(1.0f / factor);
        }
    }
    static void pack_scales(const std::uint8_t* scale, std::byte* out) noexcept
    {
        for (std::size_t j = 0; j < 8; ++j) out[j] = static_cast<std::byte>((scale[j] & 15) | (scale[j + 8] & 15) << 4);
        for (std::size_t j = 0; j < 4; ++j)
            out[8 + j] = static_cast<std::byte>(scale[j] >> 4 | (scale[j + 4] >> 4) << 2 | (scale[j + 8] >> 4) << 4 |
                                                (scale[j + 12] >> 4) << 6);
    }
    static void unpack_scales(const std::byte* in, std::uint8_t* scale) noexcept
    {
        for (std::size_t j = 0; j < 16; ++j) {
            const unsigned low = std::to_integer<unsigned>(in[j % 8]) >> 4 * (j / 8) & 15u;
            const unsigned high = std::to_integer<unsigned>(in[8 + j % 4]) >> 2 * (j / 4) & 3u;
            scale[j] = static_cast<std::uint8_t>(low | high << 4);
        }
    }
};

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/q4_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_Q4_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q4_K_HPP

namespace awq::gguf {

/// Q4_K: 8 groups of 32 elements; half d and dmin, eight 6-bit scales and minimums, 4-bit codes.
struct q4_k : detail::affine_integers<63> {
    static constexpr type id = type::q4_k;
    static constexpr std::size_t groups = 8;
    static constexpr int max_code = 15;
    static constexpr std::uint8_t max_packed = 63;
    static constexpr bool rms_in_weights = true;
    static constexpr bool absolute_error = false;
    static constexpr float energy_factor = 2.0f;
    static constexpr affine_candidates candidates{15.0f, -1.0f, 0.1f, 20};
    static constexpr affine_candidates weighted_candidates{15.0f, -0.9f, 0.05f, 36};

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q4_k, L>(blocks, count, grids, codes);
    }
    /// What is left of integers that a negative scale made too large: with importance ggml packs
    /// all their bits, and spoils others.
    static void limit_integers(block_grid& grid, bool weighted) noexcept
    {
        if (!weighted) return detail::limit_to_six_bits(grid);
        std::byte packed[12];
        detail::pack_six_bits(grid, packed);
        detail::unpack_six_bits(packed, grid);
    }
    /// The effective scales and offsets, from what is stored.
    static void complete(block_grid& grid) noexcept { detail::complete_affine_grid<q4_k>(grid); }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::put_half(grid.dmin, out + 2);
        detail::pack_six_bits(grid, out + 4);
        detail::pack_nibbles(codes, out + 16);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 0, max_code);
        grid.d = detail::get_half(in);
        grid.dmin = detail::get_half(in + 2);
        detail::unpack_six_bits(in + 4, grid);
        complete(grid);
        detail::unpack_nibbles(in + 16, codes);
        return grid;
    }
};

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/q5_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_Q5_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q5_K_HPP

namespace awq::gguf {

/// Q5_K: as Q4_K with a fifth bit of each code in 32 bytes of their own.
struct q5_k : detail::affine_integers<63> {
    static constexpr type id = type::q5_k;
    static constexpr std::size_t groups = 8;
    static constexpr int max_code = 31;
    static constexpr std::uint8_t max_packed = 63;
    static constexpr bool rms_in_weights = true;
    static constexpr bool absolute_error = false;
    static constexpr float energy_factor = 2.0f;
    static constexpr affine_candidates candidates{31.0f, -0.5f, 0.1f, 15};
    static constexpr affine_candidates weighted_candidates{31.0f, -0.9f, 0.05f, 36};

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q5_k, L>(blocks, count, grids, codes);
    }
    static void limit_integers(block_grid& grid, bool) noexcept { detail::limit_to_six_bits(grid); }
    /// The effective scales and offsets, from what is stored.
    static void complete(block_grid& grid) noexcept { detail::complete_affine_grid<q5_k>(grid); }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::put_half(grid.dmin, out + 2);
        detail::pack_six_bits(grid, out + 4);
        std::uint8_t high[32] = {};
        for (std::size_t g = 0; g < groups; ++g)
            for (std::size_t l = 0; l < 32; ++l)
                high[l] = static_cast<std::uint8_t>(high[l] | (codes[32 * g + l] >> 4) << g);
        for (std::size_t l = 0; l < 32; ++l) out[16 + l] = static_cast<std::byte>(high[l]);
        detail::pack_nibbles(codes, out + 48);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 0, max_code);
        grid.d = detail::get_half(in);
        grid.dmin = detail::get_half(in + 2);
        detail::unpack_six_bits(in + 4, grid);
        complete(grid);
        detail::unpack_nibbles(in + 48, codes);
        for (std::size_t g = 0; g < groups; ++g)
            for (std::size_t l = 0; l < 32; ++l) {
                const unsigned bit = std::to_integer<unsigned>(in[16 + l]) >> g & 1u;
                codes[32 * g + l] = static_cast<std::uint8_t>(codes[32 * g + l] | bit << 4);
            }
        return grid;
    }
};

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/q6_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_Q6_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q6_K_HPP

namespace awq::gguf {

/// Q6_K: 16 groups of 16 elements; signed 8-bit scales, 6-bit codes in two planes, half d.
struct q6_k {
    static constexpr type id = type::q6_k;
    static constexpr std::size_t groups = 16;
    static constexpr bool has_minimum = false;
    static constexpr int lowest_scale = -128;
    static constexpr int highest_scale = 127;
    static constexpr int highest_minimum = 0;
    static constexpr int reach = 3;
    static constexpr float lowest_level = -32.0f;
    static constexpr bool values_in_weights = false;
    static constexpr bool refined_without_importance = false;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::symmetric_groups<L> found;
        for (float& unused : found.scale) unused = 0.0f;
        detail::search_symmetric_groups<q6_k, L>(blocks, count, found);
        alignas(sizeof(L)) float peaks[L::count];
        extreme<16, L>(found.scale).store(peaks);
        for (std::size_t b = 0; b < count; ++b) {
            grids[b] = detail::new_grid(id, 16, 32, 63);
            std::uint8_t* block_codes = codes + 256 * b;
            if ((peaks[b] < 0.0f ? -peaks[b] : peaks[b]) < negligible) {
                for (std::size_t i = 0; i < 256; ++i) block_codes[i] = 0; // all bytes are zero
                continue;
            }
            pack_scales<L::count>(found.scale + b, peaks[b], grids[b]);
            complete(grids[b]);
            detail::round_block<16, L>(blocks[b], grids[b], found.levels, b, block_codes);
        }
    }
    /// The effective scales, from what is stored.
    static void complete(block_grid& grid) noexcept
    {
        const float d = detail::as_read(grid.d);
        for (std::size_t g = 0; g < 16; ++g) {
            const auto packed = static_cast<std::int8_t>(grid.packed_scale[g]);
            grid.scale[g] = strict_product(d, static_cast<float>(packed));
        }
    }
    static int integer_scale(const block_grid& grid, std::size_t g) noexcept
    {
        return static_cast<std::int8_t>(grid.packed_scale[g]);
    }
    static void set_integers(block_grid& grid, std::size_t g, int scale, int) noexcept
    {
        grid.packed_scale[g] = static_cast<std::uint8_t>(scale);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        for (std::size_t half = 0; half < 2; ++half)
            for (std::size_t l = 0; l < 64; ++l) {
                const std::uint8_t* from = codes + 128 * half + l;
                out[64 * half + l] = static_cast<std::byte>((from[0] & 15) | (from[64] & 15) << 4);
            }
        detail::pack_two_bits(codes, 4, out + 128);
        for (std::size_t g = 0; g < 16; ++g) out[192 + g] = static_cast<std::byte>(grid.packed_scale[g]);
        detail::put_half(grid.d, out + 208);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 32, 63);
        grid.d = detail::get_half(in + 208);
        for (std::size_t g = 0; g < 16; ++g) grid.packed_scale[g] = std::to_integer<std::uint8_t>(in[192 + g]);
        complete(grid);
        for (std::size_t half = 0; half < 2; ++half)
            for (std::size_t l = 0; l < 64; ++l) {
                const auto both = std::to_integer<std::uint8_t>(in[64 * half + l]);
                codes[128 * half + l] = both & 15;
                codes[128 * half + 64 + l] = static_cast<std::uint8_t>(both >> 4);
            }
        detail::unpack_two_bits(in + 128, 4, codes);
        return grid;
    }

private:
    template <std::size_t C>
    static void pack_scales(const float* scales, float peak, block_grid& grid) noexcept
    {
        const float factor = -128.0f / peak;
        for (std::size_t g = 0; g < 16; ++g) {
            const int level = nearest(strict_product(factor, scales[g * C]));
            grid.packed_scale[g] = static_cast<std::uint8_t>(level > 127 ? 127 : level);
        }
        grid.d = f16(1.0f / factor);
    }
};

} // namespace awq::gguf

#endif

namespace awq::gguf {

/// Calls `task` with the format struct of a block type that can be written; whether there is one.
template <class Task>
constexpr bool with_format(type wanted, Task&& task)
{
    switch (wanted) {
    case type::q4_0:
        return task(q4_0{}), true;
    case type::q4_1:
        return task(q4_1{}), true;
    case type::q5_0:
        return task(q5_0{}), true;
    case type::q5_1:
        return task(q5_1{}), true;
    case type::q8_0:
        return task(q8_0{}), true;
    case type::q2_k:
        return task(q2_k{}), true;
    case type::q3_k:
        return task(q3_k{}), true;
    case type::q4_k:
        return task(q4_k{}), true;
    case type::q5_k:
        return task(q5_k{}), true;
    case type::q6_k:
        return task(q6_k{}), true;
    case type::iq4_nl:
        return task(iq4_nl{}), true;
    default:
        return false;
    }
}

} // namespace awq::gguf

#endif

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

/// Chooses the scales of one block by the search of its format, so that its grid of representable
/// numbers is known. `importance`: mean x^2 of the block's input columns, or empty.
/// `row_mean_square` is that of the whole row of weights (`mean_square`); Q4_0, Q4_1, Q5_0 and Q5_1
/// with importance need it. The type must be one that `has_grid` admits.
inline block_grid fit_block(type format, std::span<const float> block, std::span<const float> importance,
                            float row_mean_square) noexcept
{
    const block_source source{block.data(), importance.empty() ? nullptr : importance.data(), row_mean_square};
    block_grid grid;
    std::uint8_t codes[max_block_columns];
    with_format(format, [&](auto chosen) { decltype(chosen)::template fit<one_lane>(&source, 1, &grid, codes); });
    return grid;
}

/// Whether blocks of the type have scales and codes that can be chosen.
constexpr bool has_grid(type format) noexcept
{
    return with_format(format, [](auto) {});
}

/// Writes one block: `codes` one for each element, as `block_grid::nearest` gives them.
inline void pack_block(const block_grid& grid, std::span<const std::uint8_t> codes, std::span<std::byte> out) noexcept
{
    with_format(grid.type, [&](auto chosen) { decltype(chosen)::pack(grid, codes.data(), out.data()); });
}

/// Reads one block of a type that `has_grid` admits: its grid, and a code for each element.
inline block_grid unpack_block(type format, std::span<const std::byte> in, std::span<std::uint8_t> codes) noexcept
{
    block_grid grid;
    with_format(format, [&](auto chosen) { grid = decltype(chosen)::unpack(in.data(), codes.data()); });
    return grid;
}

/// The mean square of a row in ggml's summation order, for `fit_block`.
inline float mean_square(std::span<const float> row) noexcept
{
    float sum = 0.0f;
    for (const float x : row) sum += strict_product(x, x);
    return sum / static_cast<float>(row.size());
}

namespace detail {
/// Keeps the compiler from fusing the products before it with the sums after it.
inline void products_are_stored(float* products) noexcept
{
#if AWQ_GNU
    asm("" : : "r"(products) : "memory");
#else
    (void)products;
#endif
}
} // namespace detail

/// What all codes of a block read as; bit for bit the same as `block_grid::value`.
inline void values_of(const block_grid& grid, const std::uint8_t* codes, std::size_t size, float* out) noexcept
{
    const std::size_t columns = grid.group_columns;
    for (std::size_t first = 0; first < size; first += columns) {
        const float scale = grid.scale[first / columns];
        if (grid.has_level_table())
            for (std::size_t i = first; i < first + columns; ++i)
                out[i] = scale * static_cast<float>(iq4_nl_levels[codes[i] & 15]);
        else
            for (std::size_t i = first; i < first + columns; ++i)
                out[i] = scale * static_cast<float>(codes[i] - grid.zero_code);
    }
    if (grid.zero_code != 0) return; // these formats have no offset
    detail::products_are_stored(out);
    for (std::size_t first = 0; first < size; first += columns)
        for (std::size_t i = first; i < first + columns; ++i) out[i] += grid.offset[first / columns];
}

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/rounding_search.hpp
#ifndef AWQ_QUANTIZATION_GGUF_ROUNDING_SEARCH_HPP
#define AWQ_QUANTIZATION_GGUF_ROUNDING_SEARCH_HPP

#include <cstddef>
#include <cstdint>

// A better rounding for the same formats: starting from ggml's choice, the stored integers of each
// group and the block's halves are moved in turn while the error, weighted with the importance
// alone, gets smaller. What comes out is an ordinary block of the format.

namespace awq::gguf {

/// How blocks are rounded.
enum class rounding : unsigned char {
    exact, ///< ggml's search: llama.cpp's bytes
    best,  ///< a longer search for less weighted error; files of the same format
};

namespace detail {

/// Sums of every 16th element, whatever the number of lanes, so that the bytes of a file do not depend
/// on the instruction set that wrote it.
template <class L>
struct sixteen_sums {
    static constexpr std::size_t size = 16, parts = size / L::count;

    L part[parts];

    /// All of them, by halves: each and the one half of the way behind it.
    [[gnu::always_inline]] float total() const noexcept
    {
        alignas(64) float each[size];
        for (std::size_t p = 0; p < parts; ++p) part[p].store(each + p * L::count);
        for (std::size_t half = size / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) each[i] += each[i + half];
        return each[0];
    }
};

/// What one block is compared with.
struct rounding_target {
    const float* x;
    const float* w; ///< the importance, or ones
    std::size_t columns;
};

/// The weighted squared error of group `g` with another scale and offset, each element rounded to
/// its nearest code.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline float group_error(const rounding_target& target, const block_grid& grid, std::size_t g,
                                                float scale, float offset) noexcept
{
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    const auto zero = static_cast<float>(grid.zero_code);
    const auto highest = static_cast<float>(grid.max_code - grid.zero_code);
    sixteen_sums<L> error;
    for (std::size_t i = g * Size; i < (g + 1) * Size;)
        for (std::size_t p = 0; p < error.parts; ++p, i += L::count) {
            const L x = L::load(target.x + i) - L(offset);
            const L off = x - L(scale) * nearest_level(x * L(inverse), -zero, highest);
            error.part[p] += L::load(target.w + i) * off * off;
        }
    return error.total();
}

/// Sums over levels l of the block, for the best d and dmin at given integers: with a = ls * l and
/// b = lm of each element's group, x is about d * a - dmin * b.
struct level_sums {
    double aa = 0.0, ab = 0.0, bb = 0.0, ax = 0.0, bx = 0.0;
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline void add_group(const rounding_target& target, const block_grid& grid, std::size_t g,
                                             float integer_scale, float integer_minimum, level_sums& sums) noexcept
{
    const float inverse = grid.scale[g] != 0.0f ? 1.0f / grid.scale[g] : 0.0f;
    const auto zero = static_cast<float>(grid.zero_code);
    const auto highest = static_cast<float>(grid.max_code - grid.zero_code);
    sixteen_sums<L> w_sum, wl, wll, wlx, wx;
    for (std::size_t i = g * Size; i < (g + 1) * Size;)
        for (std::size_t p = 0; p < wl.parts; ++p, i += L::count) {
            const L x = L::load(target.x + i);
            const L w = L::load(target.w + i);
            const L level = nearest_level((x - L(grid.offset[g])) * L(inverse), -zero, highest);
            w_sum.part[p] += w;
            wl.part[p] += w * level;
            wll.part[p] += w * level * level;
            wlx.part[p] += w * level * x;
            wx.part[p] += w * x;
        }
    const double s = integer_scale;
    const double m = integer_minimum;
    sums.aa += s * s * static_cast<double>(wll.total());
    sums.ab += s * m * static_cast<double>(wl.total());
    sums.bb += m * m * static_cast<double>(w_sum.total());
    sums.ax += s * static_cast<double>(wlx.total());
    sums.bx += m * static_cast<double>(wx.total());
}

/// d and dmin of least squares; whether the sums determine them.
inline bool solve(const level_sums& s, bool has_minimum, float& d, float& dmin) noexcept
{
    if (!has_minimum || s.bb <= 0.0) {
        if (!(s.aa > 0.0)) return false;
        d = static_cast<float>(s.ax / s.aa);
        return true;
    }
    const double determinant = s.aa * s.bb - s.ab * s.ab;
    if (!(determinant > 1e-9 * s.aa * s.bb)) return false;
    d = static_cast<float>((s.ax * s.bb - s.bx * s.ab) / determinant);
    dmin = static_cast<float>((s.ax * s.ab - s.bx * s.aa) / determinant);
    return true;
}

/// Tries the integers s and m for one group and keeps them where the error falls.
template <class Format, class L>
[[gnu::always_inline]] inline void try_integers(const rounding_target& target, block_grid& grid, std::size_t g, int s,
                                                int m, float& error) noexcept
{
    if (s < Format::lowest_scale || s > Format::highest_scale) return;
    if (m < 0 || m > Format::highest_minimum) return;
    const float scale = strict_product(as_read(grid.d), static_cast<float>(s));
    const float offset = -strict_product(as_read(grid.dmin), static_cast<float>(m));
    const float trial = group_error<256 / Format::groups, L>(target, grid, g, scale, offset);
    if (!(trial < error)) return;
    error = trial;
    Format::set_integers(grid, g, s, m);
}

/// Moves the integers of one group by up to `Format::reach` while the error falls; scales that may
/// be negative are mirrored as well, since the levels reach one further on one side.
template <class Format, class L>
[[gnu::always_inline]] inline void improve_group(const rounding_target& target, block_grid& grid, std::size_t g,
                                                 float error) noexcept
{
    const int scale_at = Format::integer_scale(grid, g);
    const int minimum_at = grid.packed_minimum[g];
    const int minimum_reach = Format::has_minimum ? Format::reach : 0;
    for (int s = -Format::reach; s <= Format::reach; ++s) {
        for (int m = -minimum_reach; m <= minimum_reach; ++m)
            try_integers<Format, L>(target, grid, g, scale_at + s, minimum_at + m, error);
        if (!Format::has_minimum) try_integers<Format, L>(target, grid, g, -scale_at + s, minimum_at, error);
    }
}

/// The error of the whole block, group by group.
template <class Format, class L>
[[gnu::always_inline]] inline float block_errors(const rounding_target& target, const block_grid& grid,
                                                 float* errors) noexcept
{
    float total = 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g) {
        errors[g] = group_error<256 / Format::groups, L>(target, grid, g, grid.scale[g], grid.offset[g]);
        total += errors[g];
    }
    return total;
}

/// Replaces the halves of the block by those of least squares, then the integers of the groups.
template <class Format, class L>
[[gnu::always_inline]] inline block_grid next_grid(const rounding_target& target, const block_grid& from) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    level_sums sums;
    for (std::size_t g = 0; g < Format::groups; ++g)
        add_group<size, L>(target, from, g, static_cast<float>(Format::integer_scale(from, g)),
                           static_cast<float>(from.packed_minimum[g]), sums);
    block_grid next = from;
    float d = as_read(from.d);
    float dmin = as_read(from.dmin);
    if (solve(sums, Format::has_minimum, d, dmin)) {
        next.d = f16(d);
        next.dmin = f16(dmin < 0.0f ? 0.0f : dmin);
    }
    Format::complete(next);
    float errors[Format::groups];
    block_errors<Format, L>(target, next, errors);
    for (std::size_t g = 0; g < Format::groups; ++g) improve_group<Format, L>(target, next, g, errors[g]);
    Format::complete(next);
    return next;
}

/// Looks for a grid with less error than the one that was fitted, and rounds onto it.
template <class Format, class L>
[[gnu::always_inline]] inline void improve_super_block(const rounding_target& target, block_grid& grid,
                                                       std::uint8_t* codes) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    float errors[Format::groups];
    float best = block_errors<Format, L>(target, grid, errors);
    block_grid current = grid;
    for (int round = 0; round < 6; ++round) {
        current = next_grid<Format, L>(target, current);
        const float error = block_errors<Format, L>(target, current, errors);
        if (!(error < best)) break;
        best = error;
        grid = current;
    }
    for (std::size_t g = 0; g < Format::groups; ++g)
        if (grid.scale[g] != 0.0f) round_group<size, L>(target.x + g * size, grid, g, codes + g * size);
}

/// The error of a block of 32 elements and the sums for its next scale and offset.
template <class L>
[[gnu::always_inline]] inline float assess_32(const rounding_target& target, const block_grid& grid,
                                              level_sums& sums) noexcept
{
    if (!grid.has_level_table()) {
        add_group<32, L>(target, grid, 0, 1.0f, 1.0f, sums);
        return group_error<32, L>(target, grid, 0, grid.scale[0], grid.offset[0]);
    }
    double error = 0.0;
    for (std::size_t i = 0; i < 32; ++i) {
        const double w = target.w[i], x = target.x[i];
        const double level = grid.level(grid.nearest(i, target.x[i]));
        const double off = grid.scale[0] * level - x;
        error += w * off * off;
        sums.aa += w * level * level;
        sums.ax += w * level * x;
    }
    return static_cast<float>(error);
}

/// The least error that is reached from the d and offset of `grid` by going to least squares a few
/// times; `grid` becomes the best one seen.
template <class L>
[[gnu::always_inline]] inline float descend_32(const rounding_target& target, bool has_offset,
                                               block_grid& grid) noexcept
{
    float best = 0.0f;
    block_grid trial = grid;
    for (int round = 0; round < 4; ++round) {
        trial.scale[0] = as_read(trial.d);
        if (has_offset) trial.offset[0] = as_read(trial.dmin);
        level_sums sums;
        const float error = assess_32<L>(target, trial, sums);
        if (round > 0 && !(error < best)) break;
        best = error;
        grid = trial;
        float d = trial.scale[0];
        float negated_offset = -trial.offset[0];
        if (!solve(sums, has_offset, d, negated_offset)) break;
        trial.d = f16(d);
        if (has_offset) trial.dmin = f16(-negated_offset);
    }
    return best;
}

/// Scale and offset of a block of 32 elements, from several starts; the levels of formats without
/// an offset reach further on one side, so both signs are tried.
template <class L>
[[gnu::always_inline]] inline void improve_block_32(const rounding_target& target, block_grid& grid,
                                                    std::uint8_t* codes) noexcept
{
    const bool has_offset = grid.zero_code == 0;
    const float d = as_read(grid.d);
    const float middle = 0.5f * static_cast<float>(grid.max_code) * d;
    block_grid found = grid;
    float best = descend_32<L>(target, has_offset, found);
    for (int step = -6; step <= 6; ++step)
        for (int sign = 1; sign >= (has_offset ? 1 : -1); sign -= 2) {
            block_grid start = grid;
            const float factor = 1.0f + 0.025f * static_cast<float>(step);
            start.d = f16(d * factor * static_cast<float>(sign));
            if (has_offset) start.dmin = f16(grid.offset[0] + middle * (1.0f - factor));
            const float error = descend_32<L>(target, has_offset, start);
            if (!(error < best)) continue;
            best = error;
            found = start;
        }
    grid = found;
    for (std::size_t i = 0; i < target.columns; ++i) codes[i] = static_cast<std::uint8_t>(grid.nearest(i, target.x[i]));
}

/// Improves what was fitted for one block.
template <class Format, class L>
[[gnu::always_inline]] inline void improve_block(const block_source& source, block_grid& grid,
                                                 std::uint8_t* codes) noexcept
{
    constexpr std::size_t columns = facts(Format::id).block_columns;
    alignas(64) float ones[columns];
    for (float& one : ones) one = 1.0f;
    const rounding_target target{source.values, source.importance ? source.importance : ones, columns};
    if constexpr (columns == 32)
        improve_block_32<L>(target, grid, codes);
    else
        improve_super_block<Format, L>(target, grid, codes);
}

} // namespace detail

} // namespace awq::gguf

#endif

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

/// A block format as a type: `q4_k`, `q8_0`, `iq4_nl` and the others of `formats.hpp`.
template <class F>
concept block_format = requires(const block_grid& grid, const std::uint8_t* codes, std::byte* out)
{
    {
        F::id
        } -> std::convertible_to<type>;
    F::pack(grid, codes, out);
};

/// `block_quantizer` for one format that is known when this is compiled: the same bytes, and a program links
/// that format alone; the longer search only with `rounding::best`. Models `awq::quantizer`. Not finite
/// weights give unspecified bytes.
template <block_format Format, rounding How = rounding::exact>
class format_quantizer {
public:
    static constexpr gguf::type type = Format::id;

    /// Rows must be whole blocks: shape_mismatch otherwise.
    status check(std::size_t in_features) const noexcept
    {
        if (in_features != 0 && in_features % columns == 0) return {};
        return error{error_code::shape_mismatch,
                     name_of(type),
                     ": rows of ",
                     in_features,
                     " elements are no multiple of its block of ",
                     columns,
                     "; choose a type with smaller blocks"};
    }
    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t) const noexcept
    {
        constexpr std::size_t shared = facts(type).scale_columns;
        return shared;
    }
    /// Bytes of one row.
    constexpr std::size_t row_bytes(std::size_t in_features) const noexcept { return in_features / columns * bytes; }

    /// One row to `row_bytes(row.size())` bytes. `importance` has the row's length, or is empty.
    void quantize_row(std::span<const float> row, std::span<const float> importance,
                      std::span<std::byte> out) const noexcept
    {
        for_each_block(row, importance, [&](std::size_t i, const block_grid& grid, const std::uint8_t* codes) {
            Format::pack(grid, codes, out.data() + i * bytes);
        });
    }

    /// What rows read as once they were written; `out` may be the same memory.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for_each_block(rows.row(r), importance,
                           [&](std::size_t i, const block_grid& grid, const std::uint8_t* codes) {
                               values_of(grid, codes, columns, out.row(r).data() + i * columns);
                           });
    }

private:
    static constexpr std::size_t columns = block_columns(type), bytes = block_bytes(type);

    template <class Use>
    static void for_each_block(std::span<const float> row, std::span<const float> importance, const Use& use) noexcept
    {
        const bool row_matters = columns == 32 && !importance.empty();
        const float energy = row_matters ? mean_square(row) : 0.0f;
        for (std::size_t i = 0; i < row.size() / columns; ++i) {
            const block_source source{row.data() + i * columns,
                                      importance.empty() ? nullptr : importance.data() + i * columns, energy};
            block_grid grid;
            std::uint8_t codes[columns];
            fit(source, grid, codes);
            use(i, grid, codes);
        }
    }

    static void fit(const block_source& source, block_grid& grid, std::uint8_t* codes) noexcept
    {
        Format::template fit<one_lane>(&source, 1, &grid, codes);
        if constexpr (How == rounding::best) detail::improve_block<Format, one_lane>(source, grid, codes);
    }
};

} // namespace awq::gguf

#endif
// ---- awq/quantization/scheme_quantizer.hpp
#ifndef AWQ_QUANTIZATION_SCHEME_QUANTIZER_HPP
#define AWQ_QUANTIZATION_SCHEME_QUANTIZER_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace awq {

/// A group policy whose number of columns is known when it is compiled.
template <class Group>
concept static_group = requires
{
    typename std::integral_constant<std::size_t, Group::columns()>;
};

/// The numbers of `integer_quantizer`, with the scheme, its storage type and the group size as constants
/// in the code: two policies give two machine codes. A `dynamic_group_size` is one switch outside the
/// loops. Models `quantizer`.
template <class Scheme, policy_of<axis::group> Group>
struct scheme_quantizer {
    using rounding = storage_rounding<typename Scheme::storage_type>;
    static constexpr scheme format = Scheme::value;

    [[no_unique_address]] Group group{};

    /// shape_mismatch where groups do not cut a row evenly.
    status check(std::size_t in_features) const noexcept { return detail::check_groups(group.columns(), in_features); }

    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return detail::columns_of_group(group.columns(), in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        return in_features == 0 ? 0 : in_features / scale_columns(in_features);
    }

    /// Quantizes and dequantizes; `out` may be `rows`. Importance is not looked at.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float>, matrix_view<float> out) const noexcept
    {
        with_width(rows.cols(), [&](auto width) { detail::simulate_groups(rows, width, Scheme{}, rounding{}, out); });
    }

    /// One row to codes (in_features), scales and zero points (`groups(in_features)` each; pass an
    /// empty `zero_points` for a symmetric scheme).
    void quantize_row(std::span<const float> row, std::span<std::int8_t> codes, std::span<float> scales,
                      std::span<std::int8_t> zero_points) const noexcept
    {
        with_width(row.size(), [&](auto width) {
            detail::code_groups(row, width, Scheme{}, rounding{}, codes, scales, zero_points);
        });
    }

private:
    template <class Action>
    void with_width(std::size_t in_features, Action&& action) const
    {
        if constexpr (static_group<Group>)
            action(detail::group_width<Group::columns()>{scale_columns(in_features)});
        else
            detail::with_group_width(scale_columns(in_features), action);
    }
};

} // namespace awq

#endif

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
// ---- awq/search/gram_loss.hpp
#ifndef AWQ_SEARCH_GRAM_LOSS_HPP
#define AWQ_SEARCH_GRAM_LOSS_HPP

// ---- awq/search/gram_view.hpp
#ifndef AWQ_SEARCH_GRAM_VIEW_HPP
#define AWQ_SEARCH_GRAM_VIEW_HPP

#include <cstddef>

namespace awq {

/// The Gram matrix G = X^T X of the inputs of a layer: the matrix itself, or the inputs X that it would be of. They
/// say the same, and take less memory and less work where there are fewer of them than channels.
class gram_view {
public:
    constexpr gram_view() noexcept = default;
    /// G: (in_features, in_features).
    constexpr gram_view(matrix_view<const float> gram) noexcept : values_(gram) {}
    constexpr gram_view(matrix_view<float> gram) noexcept : values_(gram) {}
    /// X: (tokens, in_features), of at most in_features tokens.
    static constexpr gram_view of_inputs(matrix_view<const float> x) noexcept
    {
        gram_view made = x;
        made.is_factor_ = true;
        return made;
    }

    constexpr std::size_t in_features() const noexcept { return values_.cols(); }
    /// Columns of `multiply`'s products; at most in_features.
    constexpr std::size_t width() const noexcept { return values_.rows(); }

    /// changes G, or changes X^T: changes (rows, in_features), product (rows, width).
    template <class Product, execution E>
    void multiply(const E& how, matrix_view<const float> changes, matrix_view<float> product) const
    {
        if (is_factor_)
            Product::multiply_nt(how, changes, values_, product);
        else
            Product::multiply_nn(how, changes, values_, product);
    }

    /// A row of a product of so many rows or more has the same bits among any others.
    template <class Product>
    constexpr std::size_t least_rows() const noexcept
    {
        if constexpr (requires { Product::min_packed_rows_nt + Product::min_packed_rows_nn; })
            return is_factor_ ? Product::min_packed_rows_nt : Product::min_packed_rows_nn;
        else
            return 1;
    }

    /// c G c^T of one row c of the changes, from its row of the product, in double and in a fixed order.
    double square_of(const float* change, const float* product) const noexcept
    {
        const float* const other = is_factor_ ? product : change;
        return lane_sum(width(), [=](std::size_t c) {
            return static_cast<sum_type>(other[c]) * static_cast<sum_type>(product[c]);
        });
    }

private:
    matrix_view<const float> values_;
    bool is_factor_ = false;
};

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// Floats that `gram_loss` needs at least; up to 1024 times as many make it faster.
constexpr std::size_t gram_loss_workspace_size(std::size_t in_features) noexcept { return 2 * in_features; }

/// trace(dW G dW^T) of one layer, dW = candidate - weight, in double and in a fixed order: the
/// squared error of the layer's outputs, summed over tokens and outputs, where G = X^T X (in, in)
/// is the Gram matrix of its inputs. Only the rows of `sample` are looked at, and the sum is
/// extrapolated. `memory`: `gram_loss_workspace_size` floats or more.
template <class Product, execution E, class T = const float>
AWQ_ABI_TAG double gram_error(const E& how, matrix_view<T> weight, matrix_view<const float> candidate, gram_view gram,
                              std::span<float> memory, const row_sample& sample)
{
    const std::size_t width = weight.cols(), rows = sample.size();
    const std::size_t most = std::clamp<std::size_t>(memory.size() / (2 * width), 1, 512);
    double sum = 0.0;
    for (std::size_t first = 0; first < rows; first += most) {
        const std::size_t count = std::min(most, rows - first);
        const matrix_view<float> change{memory.data(), count, width};
        const matrix_view<float> product{memory.data() + count * width, count, gram.width()};
        how.for_each(count, [&](std::size_t r) {
            const std::size_t row = sample.row(first + r);
            const T* const from = weight.row(row).data();
            const float* const to = candidate.row(row).data();
            for (std::size_t c = 0; c < width; ++c) change(r, c) = to[c] - static_cast<float>(from[c]);
        });
        gram.multiply<Product>(how, change, product);
        sum += ordered_sum(how, count,
                           [&](std::size_t r) { return gram.square_of(change.row(r).data(), product.row(r).data()); });
    }
    return sum * static_cast<double>(weight.rows()) / static_cast<double>(std::max<std::size_t>(rows, 1));
}

/// The same over all rows.
template <class Product, execution E, class T = const float>
AWQ_ABI_TAG double gram_error(const E& how, matrix_view<T> weight, matrix_view<const float> candidate, gram_view gram,
                              std::span<float> memory)
{
    return gram_error<Product>(how, weight, candidate, gram, memory, row_sample{weight.rows()});
}

/// The mean squared error at the outputs of linear layers that read the same input, from that
/// input's Gram matrix: its cost does not depend on the number of tokens. A callable for
/// `scale_search`. Exact where the layers' own outputs are what matters (o_proj, down_proj); for q,
/// k, v and for gate, up it is a stand-in for the loss behind the attention or the MLP. `T`: the
/// weights' element type.
template <class Product, execution E, class T = float>
class AWQ_ABI_TAG gram_loss {
public:
    /// `weights`: the originals, each (out_features, in_features); `gram`: of their inputs, summed over
    /// `tokens`. Of each weight about `most_rows` rows are looked at, in whole blocks of `row_block`,
    /// which is a multiple of all quantizers' own.
    gram_loss(const E& how, std::span<const matrix_view<const T>> weights, gram_view gram, std::size_t tokens,
              std::span<float> memory, std::size_t most_rows = all_rows, std::size_t row_block = 1) noexcept
        : how_(how), weights_(weights), gram_(gram), tokens_(tokens), memory_(memory), most_rows_(most_rows),
          row_block_(row_block)
    {}

    /// The rows that it looks at, of a weight of so many: a candidate needs no others.
    row_sample sample_of(std::size_t rows) const noexcept { return row_sample{rows, most_rows_, row_block_}; }

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        double sum = 0.0, outputs = 0.0;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            outputs += static_cast<double>(weights_[i].rows());
            // A layer that is not quantized is its own candidate and loses nothing.
            const void* const weight = weights_[i].data();
            if (weight == candidates[i].data()) continue;
            sum += gram_error<Product>(how_, weights_[i], candidates[i], gram_, memory_, sample_of(weights_[i].rows()));
        }
        return sum / (static_cast<double>(tokens_) * outputs);
    }

    /// The same, but `error` has the loss only when `finish` was called: the rows of several candidates, as many as
    /// there is memory for, are then multiplied together. Its bits do not depend on which candidates these are.
    void begin(std::span<const matrix_view<const float>> candidates, double& error)
    {
        error = 0.0;
        double outputs = 0.0;
        for (const auto& weight : weights_) outputs += static_cast<double>(weight.rows());
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            const void* const weight = weights_[i].data();
            if (weight == candidates[i].data()) continue;
            add_rows(weights_[i], candidates[i], 1.0 / (static_cast<double>(tokens_) * outputs), error);
        }
    }
    void finish()
    {
        if (used_ == 0) return;
        const std::size_t in = gram_.in_features();
        const std::size_t rows = std::clamp(gram_.template least_rows<Product>(), used_, std::max(used_, capacity()));
        std::fill_n(memory_.data() + used_ * in, (rows - used_) * in, 0.0f);
        const matrix_view<const float> changes{memory_.data(), rows, in};
        const matrix_view<float> products{memory_.data() + capacity() * in, rows, gram_.width()};
        gram_.template multiply<Product>(how_, changes, products);
        for (std::size_t i = 0; i < waiting_; ++i) {
            const rows_of_candidate& each = queue_[i];
            *each.error +=
                each.share * ordered_sum(how_, each.count, [&](std::size_t r) {
                    return gram_.square_of(changes.row(each.first + r).data(), products.row(each.first + r).data());
                });
        }
        used_ = waiting_ = 0;
    }

private:
    /// Rows that wait for their product.
    struct rows_of_candidate {
        double* error;
        double share; ///< of their squared error in the loss
        std::size_t first, count;
    };

    std::size_t capacity() const noexcept
    {
        return std::max<std::size_t>(1, memory_.size() / (2 * gram_.in_features()));
    }

    void add_rows(matrix_view<const T> weight, matrix_view<const float> candidate, double share, double& error)
    {
        const row_sample sample = sample_of(weight.rows());
        const double part = static_cast<double>(weight.rows()) / static_cast<double>(sample.size());
        for (std::size_t done = 0; done < sample.size();) {
            // Rows whose errors are summed together are cut in the same way whatever waits already.
            const std::size_t count = std::min(capacity(), sample.size() - done);
            if (used_ + count > capacity() || waiting_ == most_waiting) finish();
            how_.for_each(count, [&](std::size_t r) {
                const std::size_t row = sample.row(done + r), width = gram_.in_features();
                float* const change = memory_.data() + (used_ + r) * width;
                for (std::size_t c = 0; c < width; ++c)
                    change[c] = candidate(row, c) - static_cast<float>(weight(row, c));
            });
            queue_[waiting_++] = {&error, share * part, used_, count};
            used_ += count;
            done += count;
        }
    }

    static constexpr std::size_t most_waiting = 32;

    const E& how_;
    std::span<const matrix_view<const T>> weights_;
    gram_view gram_;
    std::size_t tokens_;
    std::span<float> memory_;
    std::size_t most_rows_, row_block_;
    std::size_t used_ = 0, waiting_ = 0; // rows and entries that wait
    rows_of_candidate queue_[most_waiting];
};

} // namespace awq

#endif
// ---- awq/search/output_loss.hpp
#ifndef AWQ_SEARCH_OUTPUT_LOSS_HPP
#define AWQ_SEARCH_OUTPUT_LOSS_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

namespace awq {

/// A sum of squared errors and how many elements went in; sums of batches add up.
struct squared_error {
    double sum = 0.0;
    std::size_t count = 0;

    /// The mean, which is the loss; NaN where nothing went in.
    double mean() const noexcept
    {
        return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
    }
    squared_error& operator+=(const squared_error& other) noexcept
    {
        sum += other.sum;
        count += other.count;
        return *this;
    }
};

/// Compares two outputs, both (tokens, features), over the tokens that the mask keeps.
template <execution E>
AWQ_ABI_TAG squared_error output_error(const E& how, matrix_view<const float> expected, matrix_view<const float> actual,
                                       loss_mask mask = {})
{
    const std::size_t width = expected.cols();
    const double sum = ordered_sum(how, expected.rows(), [&](std::size_t t) {
        if (!mask.keeps(t)) return sum_type{};
        const float *a = expected.row(t).data(), *b = actual.row(t).data();
        return lane_sum(width, [a, b](std::size_t i) {
            const sum_type difference = static_cast<sum_type>(a[i]) - static_cast<sum_type>(b[i]);
            return difference * difference;
        });
    });
    return {sum, mask.kept(expected.rows()) * width};
}

/// Floats that `linear_output_loss` needs at least; more makes it faster.
constexpr std::size_t linear_output_loss_workspace_size(std::size_t in_features, std::size_t tokens) noexcept
{
    return in_features + tokens;
}

/// The loss at the outputs of linear layers that read the same input: mean over tokens and outputs
/// of (x (W' - W)^T)^2. A callable for `scale_search`; cheaper than `gram_loss` only where there
/// are fewer tokens than in_features. `T`: the weights' element type.
template <class Product, execution E, class T = float>
class AWQ_ABI_TAG linear_output_loss {
public:
    /// `weights`: the originals, each (out_features, in_features); `x`: (tokens, in_features).
    linear_output_loss(const E& how, std::span<const matrix_view<const T>> weights, matrix_view<const float> x,
                       std::span<float> memory) noexcept
        : how_(how), weights_(weights), x_(x), memory_(memory)
    {}

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        squared_error error;
        for (std::size_t i = 0; i < weights_.size(); ++i) error += layer_error(i, candidates[i]);
        return error.mean();
    }

private:
    squared_error layer_error(std::size_t index, matrix_view<const float> candidate) const
    {
        const matrix_view<const T> weight = weights_[index];
        const std::size_t tokens = x_.rows(), width = weight.cols();
        const std::size_t room = memory_.size() / (width + tokens);
        const std::size_t most = std::clamp<std::size_t>(room, 1, 256);
        double sum = 0.0;
        for (std::size_t first = 0; first < weight.rows(); first += most) {
            const std::size_t count = std::min(most, weight.rows() - first);
            const matrix_view<float> change{memory_.data(), count, width};
            const matrix_view<float> output{memory_.data() + count * width, count, tokens};
            how_.for_each(count, [&](std::size_t r) {
                for (std::size_t c = 0; c < width; ++c)
                    change(r, c) = candidate(first + r, c) - static_cast<float>(weight(first + r, c));
            });
            Product::multiply_nt(how_, matrix_view<const float>{change}, x_, output);
            sum += ordered_sum(how_, count, [&](std::size_t r) {
                const float* values = output.row(r).data();
                return lane_sum(tokens, [values](std::size_t t) {
                    return static_cast<sum_type>(values[t]) * static_cast<sum_type>(values[t]);
                });
            });
        }
        return {sum, tokens * weight.rows()};
    }

    const E& how_;
    std::span<const matrix_view<const T>> weights_;
    matrix_view<const float> x_;
    std::span<float> memory_;
};

} // namespace awq

#endif
// ---- awq/search/parent_forward.hpp
#ifndef AWQ_SEARCH_PARENT_FORWARD_HPP
#define AWQ_SEARCH_PARENT_FORWARD_HPP

#include <concepts>
#include <cstddef>
#include <span>

namespace awq {

/// Runs the module whose output the loss compares (attention, MLP, ...), on inputs that it keeps,
/// with other weights in the place of the balance layers': `forward(weights, output)` fills
/// `output`.
template <class F>
concept parent_forward = requires(F& forward, std::span<const matrix_view<const float>> weights,
                                  matrix_view<float> output)
{
    {
        forward(weights, output)
        } -> std::same_as<void>;
};

/// A parent and the shape of its output.
template <parent_forward F>
struct parent {
    F forward;
    std::size_t tokens = 0;       ///< rows of its output
    std::size_t out_features = 0; ///< columns of its output

    /// Floats for two outputs, beside those that `smooth` needs.
    constexpr std::size_t workspace_size() const noexcept { return 2 * tokens * out_features; }
};

template <class F>
parent(F, std::size_t, std::size_t) -> parent<F>;

/// Mean squared error between the parent's output with the original weights and with a candidate's:
/// llm-compressor's loss. A callable for `scale_search`.
template <parent_forward F, execution E>
class parent_output_loss {
public:
    /// `weights`: the originals. `memory`: `source.workspace_size()` floats.
    parent_output_loss(const E& how, parent<F>& source, std::span<const matrix_view<const float>> weights,
                       std::span<float> memory, loss_mask mask = {})
        : how_(how), source_(source), mask_(mask), expected_(memory.data(), source.tokens, source.out_features),
          actual_(memory.data() + expected_.size(), source.tokens, source.out_features)
    {
        source_.forward(weights, expected_);
    }

    double operator()(std::span<const matrix_view<const float>> candidates)
    {
        source_.forward(candidates, actual_);
        return output_error(how_, matrix_view<const float>{expected_}, matrix_view<const float>{actual_}, mask_).mean();
    }

private:
    const E& how_;
    parent<F>& source_;
    loss_mask mask_;
    matrix_view<float> expected_, actual_;
};

} // namespace awq

#endif
// ---- awq/smoothing/role_views.hpp
#ifndef AWQ_SMOOTHING_ROLE_VIEWS_HPP
#define AWQ_SMOOTHING_ROLE_VIEWS_HPP

// ---- awq/smoothing/roles.hpp
#ifndef AWQ_SMOOTHING_ROLES_HPP
#define AWQ_SMOOTHING_ROLES_HPP

#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

namespace awq {

// Tensors of one type with different roles come in role types: swapping them silently would ruin a
// model. Each holds a reference to a tensor of the backend, or a view by value.

struct no_bias {};

/// The layer whose outputs are divided by the scales: a linear layer's weight, a matrix (out_features,
/// in_features), or a norm's weight, a vector (a `std::span`, or the backend's own vector). `offset`: a
/// norm that multiplies by 1 + weight. `bias`: a span, or what gives one, of elements of the weight's type.
template <class Tensor, class Bias = no_bias>
struct smooth_layer {
    Tensor tensor;
    Bias bias = {}; ///< (out_features), or (channels) of a norm; empty without a bias
    bool offset = false;
};
template <class T>
smooth_layer(T&&) -> smooth_layer<T>;
template <class T>
smooth_layer(T&&, no_bias) -> smooth_layer<T>;
template <class T>
smooth_layer(T&&, no_bias, bool) -> smooth_layer<T>;
template <class T, class Bias>
smooth_layer(T&&, Bias&&) -> smooth_layer<T, decltype(std::span{std::declval<Bias&>()})>;
template <class T, class Bias>
smooth_layer(T&&, Bias&&, bool) -> smooth_layer<T, decltype(std::span{std::declval<Bias&>()})>;

/// The layers that read the smooth layer's output, each (out_features, in_features).
template <class... Tensors>
struct balance_layers {
    std::tuple<Tensors...> tensors;

    template <class... Ts>
    requires(sizeof...(Ts) == sizeof...(Tensors) && sizeof...(Ts) > 0) constexpr explicit balance_layers(Ts&&... layers)
        : tensors(std::forward<Ts>(layers)...)
    {}
    static constexpr std::size_t count = sizeof...(Tensors);
};
template <class... Ts>
balance_layers(Ts&&...) -> balance_layers<Ts...>;

/// What the balance layers read during calibration, (tokens, in_features), before smoothing.
template <class Tensor>
struct activations {
    Tensor tensor;
};
template <class T>
activations(T&&) -> activations<T>;

} // namespace awq

#endif
// ---- awq/tensor/backend_view.hpp
#ifndef AWQ_TENSOR_BACKEND_VIEW_HPP
#define AWQ_TENSOR_BACKEND_VIEW_HPP

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

// What a modifier asks a backend about a tensor that it was given.

namespace awq::detail {

/// Whether a backend has a view of a tensor, and whether that can be written.
template <class B, class Tensor>
concept viewed_by = requires(Tensor& tensor)
{
    B::view(tensor).rows();
};
template <class View>
inline constexpr bool is_written = false;
template <class T>
inline constexpr bool is_written<matrix_view<T>> = !std::is_const_v<T>;
template <class B, class Tensor>
concept written_by = viewed_by<B, Tensor> && is_written<decltype(B::view(std::declval<Tensor&>()))>;

template <class B, class Tensor>
struct element_of_view {
    using type = float;
};
template <class B, class Tensor>
requires viewed_by<B, Tensor>
struct element_of_view<B, Tensor> {
    using type = typename decltype(B::view(std::declval<Tensor&>()))::value_type;
    static_assert(tensor_element<type>, "awq::modifier: a tensor's elements are float, awq::f16 or awq::bf16");
};

/// The element type of a tensor that a backend can view; float of any other.
template <class B, class Tensor>
using element_of = typename element_of_view<B, std::remove_reference_t<Tensor>>::type;

/// A view of a tensor that is only read; the one place where a tensor that does not fit is named.
template <class B, class Tensor>
constexpr matrix_view<const element_of<B, Tensor>> read_view([[maybe_unused]] Tensor& tensor)
{
    static_assert(viewed_by<B, Tensor>,
                  "awq::modifier: the backend has no view of this tensor; give a std::vector as a std::span, "
                  "and a matrix as an awq::matrix_view");
    if constexpr (viewed_by<B, Tensor>)
        return B::view(tensor);
    else
        return {};
}

/// A view of a smooth or balance layer.
template <class B, class Tensor>
constexpr matrix_view<element_of<B, Tensor>> written_view([[maybe_unused]] Tensor& tensor)
{
    static_assert(!viewed_by<B, Tensor> || written_by<B, Tensor>,
                  "awq::modifier: smooth and balance layers are written and must not be const");
    if constexpr (written_by<B, Tensor>)
        return B::view(tensor);
    else
        return read_view<B>(tensor), matrix_view<element_of<B, Tensor>>{};
}

/// Whether a backend's tensor is a vector, and so a norm's weight. One row of a matrix is none.
template <class Tensor>
inline constexpr bool is_span = false;
template <class T, std::size_t Extent>
inline constexpr bool is_span<std::span<T, Extent>> = true;
template <class B, class Tensor>
inline constexpr bool is_own_vector = false;
template <class B, class Tensor>
requires(std::same_as<Tensor, typename B::vector> ||
         std::same_as<Tensor, typename B::template vector_of<
                                  typename Tensor::value_type>>) inline constexpr bool is_own_vector<B, Tensor> = true;
template <class B, class Tensor>
inline constexpr bool is_vector = is_span<std::remove_cvref_t<Tensor>> || is_own_vector<B, std::remove_cvref_t<Tensor>>;

template <class B>
concept allocating_backend = requires
{
    B::make_workspace(std::size_t{}).get();
};

/// Calls `use` with working memory that the backend allocates; nothing of it outlives the call.
template <class B, class Use>
auto with_own_memory(std::size_t size, const Use& use) -> decltype(use(workspace{}))
{
    static_assert(allocating_backend<B>,
                  "awq::modifier: this backend allocates nothing; give smooth a workspace of as many floats as "
                  "workspace_size says, and quantize, for weights in 16 bits, one of in_features floats or more");
    if constexpr (allocating_backend<B>) {
        const auto memory = B::make_workspace(size);
        if (memory) return use(workspace{std::span<float>{memory.get(), size}});
    }
    return error{error_code::out_of_memory, "working memory of ", size, " floats"};
}

} // namespace awq::detail

#endif

#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>

// From tensors of a backend in their roles to a mapping of views.

namespace awq::detail {

template <class B, class First, class... Rest>
std::array<matrix_view<element_of<B, First>>, 1 + sizeof...(Rest)>
balance_views(const balance_layers<First, Rest...>& role)
{
    constexpr bool same = (std::same_as<element_of<B, First>, element_of<B, Rest>> && ...);
    static_assert(same, "awq::modifier: the balance layers of one mapping have elements of one type");
    if constexpr (same)
        return std::apply([](auto&... tensors) { return std::array{written_view<B>(tensors)...}; }, role.tensors);
    else
        return {};
}

template <class B, class Tensor, class Bias>
basic_smooth_target<element_of<B, Tensor>> target_of(const smooth_layer<Tensor, Bias>& role)
{
    using element = element_of<B, Tensor>;
    const matrix_view<element> weight = written_view<B>(role.tensor);
    if constexpr (std::same_as<Bias, no_bias>) {
        return {weight, {}, is_vector<B, Tensor>, role.offset, {}};
    } else {
        constexpr bool fits = std::same_as<element, typename Bias::element_type>;
        static_assert(fits, "awq::modifier: a bias has elements of its weight's type, and is not const");
        if constexpr (fits)
            return {weight, role.bias, is_vector<B, Tensor>, role.offset, {}};
        else
            return {};
    }
}

} // namespace awq::detail

#endif
// ---- awq/tensor/span_backend.hpp
#ifndef AWQ_TENSOR_SPAN_BACKEND_HPP
#define AWQ_TENSOR_SPAN_BACKEND_HPP

#include <cstddef>
#include <span>

namespace awq {

/// The caller owns every byte; tensors are `matrix_view`s, and spans where a vector is meant.
struct span_backend {
    using policy_axis = axis::backend;
    using product = plain_product;

    template <class T>
    static constexpr matrix_view<T> view(matrix_view<T> tensor) noexcept
    {
        return tensor;
    }
    template <class T, std::size_t Extent>
    static constexpr matrix_view<T> view(std::span<T, Extent> vector) noexcept
    {
        return as_row(std::span<T>{vector});
    }
};

static_assert(tensor_backend<span_backend>);

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

/// The rooms joined, over tensors in memory: search the scales of a mapping, smooth it, and in the
/// quantizing modes quantize the weights. Use it through the alias `modifier<Policies...>`.
///
/// One call does a whole mapping (`smooth`); `begin` opens a streaming run, for activations that
/// come in batches. Without a parent the loss is taken at the balance layers' own outputs.
///
/// Tensors are of float, f16 or bf16. Those in 16 bits are widened as they are read and written back in
/// their type: the same as widening them by hand, smoothing and rounding, but that scales which the type
/// cannot hold are no candidates, and that norms of 1 + weight get scales that are exact in 16 bits. The
/// search, too, rounds to 16 bits where the scheme says so, as `stored_as<bf16, w4a16_asym>`; with floats it
/// then does as for such tensors.
template <class Mode, class Group, tensor_backend Backend, execution Execution>
class basic_modifier {
    static_assert(matrix_product<typename Backend::product, Execution>,
                  "awq::modifier: the backend's product needs multiply_nt, multiply_nn, add_gram and "
                  "add_cross_gram, and its header, as awq/execution/products/packed.hpp, must be included");

public:
    using mode = Mode;
    using backend = Backend;
    using execution_type = Execution;
    using product = typename Backend::product;
    using quantizer_type = typename detail::simulated<typename Mode::scheme_type, Group>::type;
    using storage = typename detail::simulated<typename Mode::scheme_type, Group>::storage;

    constexpr basic_modifier(search_options options = {}, Group group = {}, Execution how = {})
        : options_(options), quantizer_(detail::simulated<typename Mode::scheme_type, Group>::make(group)), how_(how)
    {}

    /// With a quantizer that has a state: the mode names its type, `smoothing_only<my_quantizer>`.
    static constexpr basic_modifier with_quantizer(const quantizer_type& rounding, search_options options = {},
                                                   Execution how = {})
    {
        return {given{}, rounding, options, how};
    }

    constexpr const search_options& options() const noexcept { return options_; }
    constexpr const Execution& executor() const noexcept { return how_; }
    /// What the search simulates.
    constexpr const quantizer_type& target() const noexcept { return quantizer_; }

    /// Floats that `smooth` needs for a mapping whose balance layers read `in_features` channels
    /// and have `out_features` outputs in all, with this modifier's options. With a parent, add its own
    /// `workspace_size()`. For an array: `std::array<float, smoother{}.workspace_size(64, 256, 256)>`.
    /// `X`: the activations' elements; in 16 bits they are widened where they are too few for a Gram matrix.
    template <tensor_element X = float>
    constexpr std::size_t workspace_size(std::size_t tokens, std::size_t in_features, std::size_t out_features,
                                         std::size_t layers = 4) const noexcept
    {
        const bool with_gram = uses_gram(tokens, in_features);
        return search_of<float, float>::workspace_size(in_features, out_features, layers, options_.n_grid) +
               activation_stats::size(in_features, with_gram) + loss_memory(tokens, in_features, out_features) +
               (half_element<X> && !with_gram ? tokens * in_features : 0);
    }

    /// Whether the mapping's shapes fit together, its rows can be cut into groups, and the options' storage
    /// is that of the scheme, where it is part of the type.
    template <class S = float, class B = S>
    status check(const basic_mapping<S, B>& pair) const
    {
        if (options_.storage != dtype::f32 && options_.storage != dtype_of<typename storage::type>)
            return error{error_code::invalid_argument, "modifier: options.storage is ", name_of(options_.storage),
                         "; give it with the scheme instead, as awq::stored_as<awq::bf16, Scheme>"};
        AWQ_CHECK(check_mapping(pair));
        return quantizer_.check(pair.in_features());
    }

    /// Searches the scales of a mapping from the balance layers' inputs, (tokens, in_features), and
    /// smooths it. The outcome's spans lie in `memory`; see `workspace_size`. On an error nothing
    /// is changed.
    template <class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x, workspace memory) const
    {
        AWQ_CHECK(check(pair));
        matrix_view<const float> few;
        if (!uses_gram(x.rows(), pair.in_features())) {
            AWQ_TRY(few, in_float(how_, x, memory));
        }
        AWQ_TRY(const activation_stats stats, observed(pair.in_features(), x, memory));
        search_of<S, B> search{how_, pair, quantizer_, options_, storage{}};
        AWQ_CHECK(search.prepare(stats, memory));
        if (!stats.gram.empty())
            return search.run(
                gram_loss<product, Execution, B>(how_, search.weights(), stats.gram, stats.tokens, search.rest()));
        return search.run(linear_output_loss<product, Execution, B>(how_, search.weights(), few, search.rest()));
    }

    /// The same, with the loss at the output of a module that the caller re-runs, with weights in float.
    template <parent_forward F, class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x, parent<F> source,
                                  workspace memory) const
    {
        AWQ_CHECK(check(pair));
        AWQ_TRY(const activation_stats stats, observed(pair.in_features(), x, memory));
        search_of<S, B> search{how_, pair, quantizer_, options_, storage{}};
        AWQ_CHECK(search.prepare(stats, memory));
        if (search.rest().size() < source.workspace_size()) return search.too_small();
        return search.run(parent_output_loss<F, Execution>(how_, source, search.widened_weights(), search.rest()));
    }

    /// Searches and smooths from statistics that were gathered before, which need a Gram matrix.
    template <class S = float, class B = S>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, const activation_stats& stats,
                                  workspace memory) const
    {
        AWQ_CHECK(check(pair));
        if (stats.gram.cols() != pair.in_features())
            return error{error_code::not_calibrated, "smooth: the statistics need a Gram matrix of ",
                         pair.in_features(), " channels"};
        search_of<S, B> search{how_, pair, quantizer_, options_, storage{}};
        AWQ_CHECK(search.prepare(stats, memory));
        return search.run(
            gram_loss<product, Execution, B>(how_, search.weights(), stats.gram, stats.tokens, search.rest()));
    }

    /// `smooth` over the backend's own tensors.
    template <class S, class Bias, class... Bs, class X>
    result<search_outcome> smooth(const smooth_layer<S, Bias>& smooth_to, const balance_layers<Bs...>& reads,
                                  const activations<X>& x, workspace memory) const
    {
        const auto views = detail::balance_views<Backend>(reads);
        return smooth(basic_mapping{detail::target_of<Backend>(smooth_to), std::span{views}},
                      detail::read_view<Backend>(x.tensor), memory);
    }

    /// The same in memory that the backend allocates; `best_scales` and `candidate_errors` of the
    /// outcome are then empty.
    template <class S, class Bias, class... Bs, class X>
    result<search_outcome> smooth(const smooth_layer<S, Bias>& smooth_to, const balance_layers<Bs...>& reads,
                                  const activations<X>& x) const
    {
        const auto views = detail::balance_views<Backend>(reads);
        return smooth(basic_mapping{detail::target_of<Backend>(smooth_to), std::span{views}},
                      detail::read_view<Backend>(x.tensor));
    }
    template <class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x) const
    {
        return smooth_in_own_memory(size_for<std::remove_const_t<X>>(pair, x.rows()),
                                    [&](workspace memory) { return smooth(pair, x, memory); });
    }
    template <parent_forward F, class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x, parent<F> source) const
    {
        return smooth_in_own_memory(size_for<float>(pair, x.rows()) + source.workspace_size(),
                                    [&](workspace memory) { return smooth(pair, x, source, memory); });
    }
    template <class S = float, class B = S>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, const activation_stats& stats) const
    {
        return smooth_in_own_memory(size_for<float>(pair, 0),
                                    [&](workspace memory) { return smooth(pair, stats, memory); });
    }

    /// Opens a streaming run over mappings whose memory the caller owns. The run refers to this modifier,
    /// which must outlive it; so a temporary one cannot begin.
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const&
    {
        return modifier_run<basic_modifier>{*this, mappings};
    }
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const&& = delete;
    /// The same over mappings in 16 bits, given as a `std::span`.
    template <class S, class B, std::size_t Count>
    modifier_run<basic_modifier, S, B> begin(std::span<basic_tracked_mapping<S, B>, Count> mappings) const&
    {
        return modifier_run<basic_modifier, S, B>{*this, mappings};
    }
    template <class S, class B, std::size_t Count>
    modifier_run<basic_modifier, S, B> begin(std::span<basic_tracked_mapping<S, B>, Count> mappings) const&& = delete;

    /// Packs one row, (in_features), of a smoothed weight into blocks of a GGUF format, `target().row_bytes`
    /// bytes. `importance`: mean of x^2 per column, or empty. Only in `smooth_and_quantize<gguf::...>`.
    status quantize_row(std::span<const float> row, std::span<const float> importance, std::span<std::byte> out) const
        requires(Mode::quantizes&& gguf::block_format<typename Mode::scheme_type>)
    {
        AWQ_CHECK(quantizer_.check(row.size()));
        if (out.size() != quantizer_.row_bytes(row.size()) || (!importance.empty() && importance.size() != row.size()))
            return error{error_code::shape_mismatch,
                         "quantize_row: ",
                         row.size(),
                         " weights need ",
                         quantizer_.row_bytes(row.size()),
                         " bytes, and as many importance values or none"};
        for (const float value : row)
            if (!(value * 0.0f == 0.0f))
                return error{error_code::not_finite, "quantize_row: a weight is a NaN or an infinity"};
        quantizer_.quantize_row(row, importance, out);
        return {};
    }
    /// The same for a row in 16 bits, widened in `memory` of in_features floats.
    template <half_element T>
    status quantize_row(std::span<const T> row, std::span<const float> importance, std::span<std::byte> out,
                        workspace memory) const
        requires(Mode::quantizes&& gguf::block_format<typename Mode::scheme_type>)
    {
        AWQ_TRY(const auto wide, in_float(how_, as_row(row), memory));
        return quantize_row(wide.row(0), importance, out);
    }

    /// Quantizes a weight, (out_features, in_features), after smoothing. Only in quantizing modes.
    /// `memory`: only for weights in 16 bits, see `quantize_weight`.
    template <class Tensor>
    status quantize(Tensor&& weight, const quantized_weight& out, workspace memory) const
    {
        static_assert(Mode::quantizes, "awq::modifier: smoothing_only does not quantize; choose smooth_and_quantize");
        static_assert(code_quantizer<quantizer_type>,
                      "awq::modifier: the format has no codes and scales; a GGUF format has quantize_row");
        if constexpr (Mode::quantizes && code_quantizer<quantizer_type>) {
            const auto view = detail::read_view<Backend>(weight);
            if constexpr (half_element<typename decltype(view)::value_type>)
                return quantize_weight(how_, quantizer_, view, out, memory.rest());
            else
                return quantize_weight(how_, quantizer_, view, out);
        } else {
            return {};
        }
    }
    /// The same; of weights in 16 bits in memory that the backend allocates.
    template <class Tensor>
    status quantize(Tensor&& weight, const quantized_weight& out) const
    {
        if constexpr (half_element<detail::element_of<Backend, Tensor>>) {
            const auto view = detail::read_view<Backend>(weight);
            const std::size_t rows = std::clamp<std::size_t>(view.rows(), 1, 64);
            return detail::with_own_memory<Backend>(rows * view.cols(),
                                                    [&](workspace memory) { return quantize(view, out, memory); });
        } else {
            return quantize(weight, out, workspace{});
        }
    }

private:
    template <class S, class B>
    using search_of = detail::mapping_search<Execution, quantizer_type, storage, S, B>;

    struct given {};
    constexpr basic_modifier(given, const quantizer_type& rounding, search_options options, Execution how)
        : options_(options), quantizer_(rounding), how_(how)
    {}

    static constexpr bool uses_gram(std::size_t tokens, std::size_t in_features) noexcept
    {
        return tokens >= in_features;
    }
    static constexpr std::size_t loss_memory(std::size_t tokens, std::size_t in_features,
                                             std::size_t out_features) noexcept
    {
        const std::size_t rows = std::clamp<std::size_t>(out_features, 1, 64);
        return rows * (uses_gram(tokens, in_features) ? gram_loss_workspace_size(in_features) : in_features + tokens);
    }
    template <class X, class S, class B>
    std::size_t size_for(const basic_mapping<S, B>& pair, std::size_t tokens) const noexcept
    {
        std::size_t outputs = 0;
        for (const auto& balance : pair.balances) outputs += balance.rows();
        return workspace_size<X>(tokens, pair.in_features(), outputs, pair.balances.size());
    }

    template <class X>
    result<activation_stats> observed(std::size_t in_features, matrix_view<X> x, workspace& memory) const
    {
        AWQ_TRY(activation_stats stats, activation_stats::make(memory, in_features, uses_gram(x.rows(), in_features)));
        AWQ_CHECK(stats.template observe<product>(how_, x, {}, memory.rest()));
        return stats;
    }

    template <class Use>
    static result<search_outcome> smooth_in_own_memory(std::size_t size, const Use& use)
    {
        AWQ_TRY(search_outcome outcome, detail::with_own_memory<Backend>(size, use));
        outcome.best_scales = {};
        outcome.candidate_errors = {};
        return outcome;
    }

    search_options options_;
    quantizer_type quantizer_;
    [[no_unique_address]] Execution how_;
};

/// A modifier of these policies, in any order, each axis defaulted:
/// `smooth_and_quantize<w4a16_asym>`, `group_size<128>`, `span_backend`, `serial_execution`. Two
/// orders name one type.
template <class... Policies>
using modifier = basic_modifier<typename policy_set<Policies...>::template get<axis::mode, smooth_and_quantize<>>,
                                typename policy_set<Policies...>::template get<
                                    axis::group, detail::default_group<typename policy_set<Policies...>::template get<
                                                     axis::mode, smooth_and_quantize<>>::scheme_type>>,
                                typename policy_set<Policies...>::template get<axis::backend, span_backend>,
                                typename policy_set<Policies...>::template get<axis::execution, serial_execution>>;

} // namespace awq

#endif
// ---- awq/quantization/cholesky.hpp
#ifndef AWQ_QUANTIZATION_CHOLESKY_HPP
#define AWQ_QUANTIZATION_CHOLESKY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

/// Columns that are factored together; the rest of the work is matrix products.
inline constexpr std::size_t cholesky_panel = 96;

/// Of a matrix of so many rows: floats of scratch with which these products are large. Less, down to a row, is enough.
constexpr std::size_t cholesky_scratch(std::size_t rows) noexcept { return rows * 512; }

namespace detail {

/// a -= a product, strip by strip of its rows: `multiply(first, count, out)` gives those of the product, of
/// a `triangle` only what is not above the diagonal.
template <execution E, class Multiply>
void subtract_product(const E& e, matrix_view<float> a, bool triangle, std::span<float> scratch,
                      const Multiply& multiply)
{
    const std::size_t most = std::max<std::size_t>(1, scratch.size() / a.cols());
    for (std::size_t first = 0; first < a.rows(); first += most) {
        const std::size_t count = std::min(most, a.rows() - first);
        const std::size_t cols = triangle ? std::min(first + count, a.cols()) : a.cols();
        const matrix_view<float> update{scratch.data(), count, cols};
        multiply(first, count, update);
        e.for_each(count, [=](std::size_t row) {
            float* const to = a.row(first + row).data();
            const float* const from = update.row(row).data();
            const std::size_t end = triangle ? std::min(first + row + 1, cols) : cols;
            for (std::size_t i = 0; i < end; ++i) to[i] -= from[i];
        });
    }
}

/// Where a triangle of more than one panel is cut in two.
constexpr std::size_t half_of_panels(std::size_t size) noexcept
{
    return chunk_count(chunk_count(size, cholesky_panel), 2) * cholesky_panel;
}

inline double dot(const float* a, const float* b, std::size_t count) noexcept
{
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

/// Factors a small diagonal block in place; false where it is not positive definite.
inline bool factor_diagonal_block(matrix_view<float> a) noexcept
{
    for (std::size_t j = 0; j < a.rows(); ++j) {
        const double pivot = a(j, j) - dot(a.row(j).data(), a.row(j).data(), j);
        if (!(pivot > 0)) return false;
        const double root = std::sqrt(pivot);
        a(j, j) = static_cast<float>(root);
        for (std::size_t i = j + 1; i < a.rows(); ++i) {
            const double rest = a(i, j) - dot(a.row(i).data(), a.row(j).data(), j);
            a(i, j) = static_cast<float>(rest / root);
        }
    }
    return true;
}

/// Rows that are solved side by side.
inline constexpr std::size_t solved_rows = 64;

/// The columns of at most `solved_rows` rows of a panel.
struct solved_columns {
    float column[cholesky_panel][solved_rows];

    explicit solved_columns(matrix_view<const float> x) noexcept
    {
        for (std::size_t j = 0; j < x.cols(); ++j)
            for (std::size_t r = 0; r < solved_rows; ++r) column[j][r] = r < x.rows() ? x(r, j) : 0.0f;
    }
    void store(matrix_view<float> x) const noexcept
    {
        for (std::size_t r = 0; r < x.rows(); ++r)
            for (std::size_t j = 0; j < x.cols(); ++j) x(r, j) = column[j][r];
    }
};

/// x = x l^-T for some rows, in place: forward substitution with the lower triangle l.
inline void solve_rows_forward(matrix_view<float> x, matrix_view<const float> l) noexcept
{
    solved_columns at{x};
    for (std::size_t j = 0; j < l.rows(); ++j) {
        float sum[solved_rows] = {};
        for (std::size_t i = 0; i < j; ++i)
            for (std::size_t r = 0; r < solved_rows; ++r) sum[r] += at.column[i][r] * l(j, i);
        for (std::size_t r = 0; r < solved_rows; ++r) at.column[j][r] = (at.column[j][r] - sum[r]) / l(j, j);
    }
    at.store(x);
}

/// x = x l^-1 for some rows, in place: backward substitution with the lower triangle l.
inline void solve_rows_backward(matrix_view<float> x, matrix_view<const float> l) noexcept
{
    solved_columns at{x};
    for (std::size_t j = l.rows(); j-- > 0;) {
        for (std::size_t r = 0; r < solved_rows; ++r) at.column[j][r] /= l(j, j);
        for (std::size_t i = 0; i < j; ++i)
            for (std::size_t r = 0; r < solved_rows; ++r) at.column[i][r] -= at.column[j][r] * l(j, i);
    }
    at.store(x);
}

template <execution E, class Solve>
void solve_all_rows(const E& e, matrix_view<float> x, const Solve& solve)
{
    e.for_each(chunk_count(x.rows(), solved_rows), [=](std::size_t chunk) {
        const std::size_t first = chunk * solved_rows;
        solve(x.rows_from(first, std::min(solved_rows, x.rows() - first)));
    });
}

/// Triangles of at most so many rows are not worth cutting up for all threads: a task takes one whole, for
/// `rows_of_task` rows of what is solved.
inline constexpr std::size_t triangle_of_task = 384, rows_of_task = 256;

/// Whether `solve_by_tasks` is for this triangle and so many rows, and has scratch enough.
constexpr bool takes_tasks(std::size_t triangle, std::size_t rows, std::span<float> scratch) noexcept
{
    return triangle <= triangle_of_task && rows > rows_of_task &&
           scratch.size() / chunk_count(rows, rows_of_task) >= triangle;
}

/// Calls solve(how, rows, scratch) for some rows of x in each task; `how` works in the task's thread.
template <execution E, class Solve>
void solve_by_tasks(const E& e, matrix_view<float> x, std::span<float> scratch, const Solve& solve)
{
    const std::size_t tasks = chunk_count(x.rows(), rows_of_task), share = scratch.size() / tasks;
    const auto serial = with_precision(serial_execution{}, operands_of(e));
    e.for_each(tasks, [&](std::size_t task) {
        const std::size_t first = task * rows_of_task;
        solve(serial, x.rows_from(first, std::min(rows_of_task, x.rows() - first)),
              scratch.subspan(task * share, share));
    });
}

/// x = x l^-T in place.
template <class Product, execution E>
void solve_forward(const E& e, matrix_view<const float> l, matrix_view<float> x, std::span<float> scratch)
{
    const std::size_t n = l.rows(), half = half_of_panels(n);
    if (n <= cholesky_panel) return solve_all_rows(e, x, [=](matrix_view<float> rows) { solve_rows_forward(rows, l); });
    if (takes_tasks(n, x.rows(), scratch))
        return solve_by_tasks(e, x, scratch, [l](const auto& serial, matrix_view<float> rows, std::span<float> own) {
            solve_forward<Product>(serial, l, rows, own);
        });
    const auto left = x.cols_from(0, half), right = x.cols_from(half, n - half);
    solve_forward<Product>(e, l.rows_from(0, half).cols_from(0, half), left, scratch);
    subtract_product(e, right, false, scratch, [&](std::size_t first, std::size_t count, matrix_view<float> out) {
        Product::multiply_nt(e, left.rows_from(first, count), l.rows_from(half, n - half).cols_from(0, half), out);
    });
    solve_forward<Product>(e, l.rows_from(half, n - half).cols_from(half, n - half), right, scratch);
}

/// x = x l^-1 in place.
template <class Product, execution E>
void solve_backward(const E& e, matrix_view<const float> l, matrix_view<float> x, std::span<float> scratch)
{
    const std::size_t n = l.rows(), half = half_of_panels(n);
    if (n <= cholesky_panel)
        return solve_all_rows(e, x, [=](matrix_view<float> rows) { solve_rows_backward(rows, l); });
    if (takes_tasks(n, x.rows(), scratch))
        return solve_by_tasks(e, x, scratch, [l](const auto& serial, matrix_view<float> rows, std::span<float> own) {
            solve_backward<Product>(serial, l, rows, own);
        });
    const auto left = x.cols_from(0, half), right = x.cols_from(half, n - half);
    solve_backward<Product>(e, l.rows_from(half, n - half).cols_from(half, n - half), right, scratch);
    subtract_product(e, left, false, scratch, [&](std::size_t first, std::size_t count, matrix_view<float> out) {
        Product::multiply_nn(e, right.rows_from(first, count), l.rows_from(half, n - half).cols_from(0, half), out);
    });
    solve_backward<Product>(e, l.rows_from(0, half).cols_from(0, half), left, scratch);
}

template <class Product, execution E>
[[nodiscard]] bool factor_triangle(const E& e, matrix_view<float> a, std::span<float> scratch)
{
    const std::size_t n = a.rows(), half = half_of_panels(n);
    if (n <= cholesky_panel) return factor_diagonal_block(a);
    if constexpr (!std::is_same_v<E, serial_execution>)
        if (n <= triangle_of_task)
            return factor_triangle<Product>(with_precision(serial_execution{}, operands_of(e)), a, scratch);
    const auto upper = a.rows_from(0, half).cols_from(0, half);
    const auto below = a.rows_from(half, n - half).cols_from(0, half);
    const auto rest = a.rows_from(half, n - half).cols_from(half, n - half);
    if (!factor_triangle<Product>(e, upper, scratch)) return false;
    solve_forward<Product>(e, upper, below, scratch);
    subtract_product(e, rest, true, scratch, [&](std::size_t first, std::size_t count, matrix_view<float> out) {
        Product::multiply_nt(e, below.rows_from(first, count), below.rows_from(0, out.cols()), out);
    });
    return factor_triangle<Product>(e, rest, scratch);
}

} // namespace detail

/// Replaces the lower triangle of the symmetric matrix `a` (n, n) by its Cholesky factor l, a = l l^T, halves
/// first, so that nearly all of the work is large products; what is above the diagonal is left as it was.
/// `scratch`: n floats or more, `cholesky_scratch(n)` for speed.
/// False where `a` is not positive definite; its lower triangle is then undefined.
template <class Product, execution E>
[[nodiscard]] bool factor_cholesky(const E& e, matrix_view<float> a, std::span<float> scratch)
{
    return a.empty() || detail::factor_triangle<Product>(e, a, scratch);
}

/// x = x (l l^T)^-1 in place: x (m, n), l (n, n) from `factor_cholesky`. `scratch`: n floats or more,
/// `cholesky_scratch(m)` for speed.
template <class Product, execution E>
void solve_cholesky(const E& e, matrix_view<const float> l, matrix_view<float> x, std::span<float> scratch)
{
    detail::solve_forward<Product>(e, l, x, scratch);
    detail::solve_backward<Product>(e, l, x, scratch);
}

} // namespace awq

#endif
// ---- awq/quantization/clip_weights.hpp
#ifndef AWQ_QUANTIZATION_CLIP_WEIGHTS_HPP
#define AWQ_QUANTIZATION_CLIP_WEIGHTS_HPP

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

/// Clamps a group to what the codes of its best range can stand for, if that is not the whole range.
inline void clip_group(const integer_quantizer& format, std::span<const float> importance,
                       std::span<float> group) noexcept
{
    integer_quantizer unclipped = format;
    unclipped.clip_steps = 1;
    const qparams best = format.fit_group(group, importance);
    if (best.scale == unclipped.fit_group(group, importance).scale) return;
    const float low = (format.format.smallest() - best.zero_point) * best.scale;
    const float high = (format.format.largest() - best.zero_point) * best.scale;
    for (float& weight : group) weight = std::clamp(weight, low, high);
}

} // namespace detail

/// Weight clipping as llm-awq's auto_clip does it: within each group of `weight` (out_features,
/// in_features) outliers give way, so that the others are rounded more finely later. This changes
/// what the layer computes. `importance`: mean of x^2 per column, or empty. The format must fit.
template <execution E>
void clip_weights(const E& how, const integer_quantizer& format, std::span<const float> importance,
                  matrix_view<float> weight)
{
    const std::size_t width = format.scale_columns(weight.cols());
    how.for_each(weight.rows(), [&](std::size_t row) {
        for (std::size_t first = 0; first < weight.cols(); first += width)
            detail::clip_group(format, importance.empty() ? importance : importance.subspan(first, width),
                               weight.row(row).subspan(first, width));
    });
}

} // namespace awq

#endif
// ---- awq/quantization/error_feedback.hpp
#ifndef AWQ_QUANTIZATION_ERROR_FEEDBACK_HPP
#define AWQ_QUANTIZATION_ERROR_FEEDBACK_HPP

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace awq {

/// A format that error feedback can round onto, one block of neighbouring columns at a time.
///
/// - `block_columns(in_features)`: columns whose scales are chosen together.
/// - `fit(rows, importance, first_row, grids)`: the scales (and minimums) of one block of at most
///   `batch` neighbouring rows, as the format's own search finds them.
/// - `grid.nearest(i, x)`: the code of the block's column i that is nearest to x.
/// - `grid.value(i, code)`: what that code dequantizes to.
template <class F>
concept feedback_format = requires(const F& f, matrix_view<const float> rows, std::span<const float> importance,
                                   typename F::grid& grid, std::size_t i, float x, int code)
{
    {
        F::batch
        } -> std::convertible_to<std::size_t>;
    {
        f.block_columns(i)
        } -> std::convertible_to<std::size_t>;
    {
        f.fit(rows, importance, i, &grid)
        } -> std::same_as<void>;
    {
        grid.nearest(i, x)
        } -> std::convertible_to<int>;
    {
        grid.value(i, code)
        } -> std::convertible_to<float>;
};

/// Turns a Gram matrix into the feedback matrix that `round_with_feedback` takes, in place.
///
/// Frantar et al. 2022 (GPTQ) and Chee et al. 2023 (LDLQ): with gram + damping = R R^T, R upper
/// triangular, the output error is ||dW R||^2, and column j is best rounded at
/// w_j + sum_{i<j} dw_i R_ij / R_jj. The result's upper triangle holds R_ij / R_jj.
/// `damping` is relative to the mean of the diagonal. `scratch`: as `factor_cholesky`. What is below the diagonal
/// stays, and `restore_gram` makes the Gram matrix of it again.
/// False where the damped matrix is not positive definite: the upper triangle is then undefined.
template <class Product, execution E>
[[nodiscard]] bool make_feedback(const E& e, matrix_view<float> gram, float damping, std::span<float> scratch)
{
    const std::size_t n = gram.rows();
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) mean += gram(i, i);
    mean /= static_cast<double>(n);
    if (!(mean > 0)) return false;
    for (std::size_t i = 0; i < n; ++i) gram(i, i) += static_cast<float>(damping * mean);

    // R is the lower factor of the matrix with both orders reversed, read backwards.
    float* const first = gram.data();
    const auto reverse = [=](std::size_t half) {
        if (half < n - 1 - half)
            for (std::size_t i = 0; i < n; ++i)
                std::swap(first[half * gram.stride() + i], first[(n - 1 - half) * gram.stride() + (n - 1 - i)]);
    };
    const auto reverse_all = [&] {
        e.for_each(n / 2, reverse);
        if (n % 2 == 1) std::reverse(gram.row(n / 2).begin(), gram.row(n / 2).end());
    };
    reverse_all();
    const bool factored = factor_cholesky<Product>(e, gram, scratch);
    reverse_all();
    if (!factored) return false;
    for (std::size_t i = 0; i < n; ++i) scratch[i] = gram(i, i);
    e.for_each(n, [=](std::size_t i) {
        for (std::size_t j = i + 1; j < n; ++j) gram(i, j) /= scratch[j];
    });
    return true;
}

/// The Gram matrix that `make_feedback` was given, from what is left of it and its diagonal.
template <execution E>
void restore_gram(const E& e, matrix_view<float> gram, std::span<const float> diagonal)
{
    constexpr std::size_t tile = 64;
    const std::size_t n = gram.rows();
    e.for_each(chunk_count(n, tile), [=](std::size_t chunk) {
        const std::size_t first = chunk * tile, end = std::min(n, first + tile);
        for (std::size_t block = first; block < n; block += tile)
            for (std::size_t i = first; i < end; ++i)
                for (std::size_t j = std::max(i + 1, block); j < std::min(n, block + tile); ++j)
                    gram(i, j) = gram(j, i);
        for (std::size_t i = first; i < end; ++i) gram(i, i) = diagonal[i];
    });
}

namespace detail {

/// One block of columns of some rows; see `round_with_feedback`.
template <feedback_format Format, class Store>
struct feedback_block {
    matrix_view<float> weight;         // (rows, width): the targets of this block in, what they become out
    matrix_view<const float> feedback; // (width, width): the block's own part
    std::span<const float> importance;
    matrix_view<float> wanted;     // (rows, width): in: what the groups of blocks before feed in
    matrix_view<const float> near; // (rows, width): what the blocks of the same group do; or empty
    matrix_view<float> difference; // (rows, width)
    std::size_t first_row, first_column;
    const Format& format;
    const Store& store;

    void round_rows(std::size_t first, std::size_t count) const
    {
        typename Format::grid grids[Format::batch];
        const auto rows = wanted.rows_from(first, count);
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t i = 0; i < rows.cols(); ++i)
                rows(r, i) += weight(first + r, i) + (near.empty() ? 0.0f : near(first + r, i));
        format.fit(rows, importance, first_row + first, grids);
        for (std::size_t r = 0; r < count; ++r) round_row(first + r, grids[r]);
    }

private:
    void round_row(std::size_t row, const typename Format::grid& grid) const
    {
        constexpr std::size_t step = 256;
        std::uint8_t codes[step];
        const std::size_t width = weight.cols();
        for (std::size_t start = 0; start < width; start += step) {
            const std::size_t count = std::min(step, width - start);
            for (std::size_t k = 0; k < count; ++k) codes[k] = round_column(row, start + k, grid);
            store(first_row + row, first_column + start, grid, std::span<const std::uint8_t>{codes, count});
        }
    }

    std::uint8_t round_column(std::size_t row, std::size_t i, const typename Format::grid& grid) const
    {
        float* const values = wanted.row(row).data();
        const int code = grid.nearest(i, values[i]);
        const float rounded = grid.value(i, code), missing = weight(row, i) - rounded;
        weight(row, i) = rounded;
        difference(row, i) = missing;
        const float* const factor = feedback.row(i).data();
        for (std::size_t j = i + 1; j < weight.cols(); ++j) values[j] += missing * factor[j];
        return static_cast<std::uint8_t>(code);
    }
};

/// Blocks of so many columns are fed by one product from all columns before them.
constexpr std::size_t feedback_group(std::size_t block) noexcept
{
    return std::max<std::size_t>(1, 1024 / block) * block;
}

} // namespace detail

/// Rows that `round_with_feedback` rounds at a time are `difference.rows()`; it then takes so many floats of scratch.
template <feedback_format Format>
std::size_t feedback_scratch(const Format& format, matrix_view<const float> difference)
{
    const std::size_t block = format.block_columns(difference.cols());
    return difference.rows() * (detail::feedback_group(block) + block);
}

/// Rounds `weight` (out_features, in_features) onto the format's grid column by column, feeding each
/// column's error into the columns after it; every value is replaced by what its code stands for.
///
/// - `feedback` (in, in): from `make_feedback`. `importance`: mean of x^2 per column, or empty.
/// - `difference` (rows, in): working memory; so many rows are rounded at a time: a multiple of `Format::batch`, or
///   all. `scratch`: `feedback_scratch` floats.
/// - `store(row, first_column, grid, codes)` is called for each row and block, from any thread;
///   blocks of more than 256 columns come in pieces.
template <class Product, execution E, feedback_format Format, class Store>
void round_with_feedback(const E& e, matrix_view<float> weight, matrix_view<const float> feedback,
                         std::span<const float> importance, const Format& format, matrix_view<float> difference,
                         std::span<float> scratch, const Store& store)
{
    const std::size_t cols = weight.cols(), block = format.block_columns(cols);
    const std::size_t group = detail::feedback_group(block);
    // What the differences of columns [from, from + before) feed into columns [first, first + width).
    const auto feed = [&](matrix_view<const float> missing, std::size_t from, std::size_t first,
                          matrix_view<float> to) {
        if (first == from) return std::fill_n(to.data(), to.size(), 0.0f), void();
        Product::multiply_nn(e, missing.cols_from(from, first - from),
                             feedback.rows_from(from, first - from).cols_from(first, to.cols()), to);
    };
    const auto round_block = [&](matrix_view<float> rows, std::size_t first_row, matrix_view<float> missing,
                                 matrix_view<float> wanted, matrix_view<const float> near, std::size_t first) {
        const std::size_t width = wanted.cols();
        const detail::feedback_block<Format, Store> work{rows.cols_from(first, width),
                                                         feedback.rows_from(first, width).cols_from(first, width),
                                                         importance.empty() ? importance
                                                                            : importance.subspan(first, width),
                                                         wanted,
                                                         near,
                                                         missing.cols_from(first, width),
                                                         first_row,
                                                         first,
                                                         format,
                                                         store};
        e.for_each(chunk_count(rows.rows(), Format::batch), [&](std::size_t chunk) {
            const std::size_t at = chunk * Format::batch;
            work.round_rows(at, std::min(Format::batch, rows.rows() - at));
        });
    };
    for (std::size_t row = 0; row < weight.rows(); row += difference.rows()) {
        const auto rows = weight.rows_from(row, std::min(difference.rows(), weight.rows() - row));
        const auto missing = difference.rows_from(0, rows.rows());
        for (std::size_t start = 0; start < cols; start += group) {
            const matrix_view<float> wanted{scratch.data(), rows.rows(), std::min(group, cols - start)};
            feed(missing, 0, start, wanted);
            for (std::size_t first = start; first < start + wanted.cols(); first += block) {
                const std::size_t width = std::min(block, start + wanted.cols() - first);
                const matrix_view<float> near{scratch.data() + wanted.size(), rows.rows(), width};
                if (first > start) feed(missing, start, first, near);
                round_block(rows, row, missing, wanted.cols_from(first - start, width),
                            first > start ? near : matrix_view<float>{}, first);
            }
        }
    }
}

} // namespace awq

#endif
// ---- awq/quantization/feedback_formats.hpp
#ifndef AWQ_QUANTIZATION_FEEDBACK_FORMATS_HPP
#define AWQ_QUANTIZATION_FEEDBACK_FORMATS_HPP

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// Scale and zero point of one group of an integer scheme. Codes are counted from 0 here, so that
/// they fit a byte: code 0 is the scheme's smallest.
struct integer_grid {
    qparams shared;
    scheme format;
    dtype storage = dtype::f32;

    int nearest(std::size_t, float x) const noexcept
    {
        const float low = format.smallest();
        const float code = round_half_even(x / shared.scale + shared.zero_point);
        return static_cast<int>(std::clamp(code, low, format.largest()) - low);
    }
    float value(std::size_t, int code) const noexcept
    {
        const float dequantized = (static_cast<float>(code) + format.smallest() - shared.zero_point) * shared.scale;
        float stored = dequantized;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(dequantized); });
        return stored;
    }
};

/// An integer scheme for `round_with_feedback`; each group's range is fitted as the quantizer's
/// `clip_steps` say.
struct integer_feedback_format {
    using grid = integer_grid;
    static constexpr std::size_t batch = 4;

    integer_quantizer rounding;

    std::size_t block_columns(std::size_t in_features) const noexcept { return rounding.scale_columns(in_features); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t, grid* grids) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            grids[r] = {rounding.fit_group(rows.row(r), importance), rounding.format, rounding.storage};
    }
};

/// A GGUF block type for `round_with_feedback`; `Engine` fits several blocks at once.
template <class Engine>
struct gguf_feedback_format {
    using grid = gguf::block_grid;
    static constexpr std::size_t batch = Engine::batch;

    gguf::type type;
    /// Mean square of each row of weights; the 32-element types look at it.
    std::span<const float> row_mean_squares;
    gguf::rounding rounding = gguf::rounding::exact;

    std::size_t block_columns(std::size_t) const noexcept { return gguf::block_columns(type); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t first_row,
             grid* grids) const noexcept
    {
        gguf::block_source sources[batch];
        std::uint8_t codes[batch * gguf::max_block_columns];
        for (std::size_t r = 0; r < rows.rows(); ++r)
            sources[r] = {rows.row(r).data(), importance.empty() ? nullptr : importance.data(),
                          row_mean_squares[first_row + r]};
        Engine::fit(type, sources, rows.rows(), grids, codes);
        if (rounding == gguf::rounding::exact) return;
        for (std::size_t r = 0; r < rows.rows(); ++r)
            Engine::improve(type, sources[r], grids[r], codes + r * gguf::block_columns(type));
    }
};

static_assert(feedback_format<integer_feedback_format>);

} // namespace awq

#endif
// ---- awq/quantization/float_feedback.hpp
#ifndef AWQ_QUANTIZATION_FLOAT_FEEDBACK_HPP
#define AWQ_QUANTIZATION_FLOAT_FEEDBACK_HPP

// ---- awq/quantization/fp4_quantizer.hpp
#ifndef AWQ_QUANTIZATION_FP4_QUANTIZER_HPP
#define AWQ_QUANTIZATION_FP4_QUANTIZER_HPP

// ---- awq/quantization/scheme_fp4.hpp
#ifndef AWQ_QUANTIZATION_SCHEME_FP4_HPP
#define AWQ_QUANTIZATION_SCHEME_FP4_HPP

#include <cstddef>

namespace awq {

/// What scales FP4 numbers.
enum class fp4_kind : unsigned char {
    nvfp4, ///< an FP8 E4M3 number for each 16 columns, times one float for the whole weight
    mxfp4, ///< a power of two for each 32 columns
};

/// The scheme's name, as recipes and flags spell it.
constexpr const char* name_of(fp4_kind kind) noexcept { return kind == fp4_kind::nvfp4 ? "NVFP4" : "MXFP4"; }

/// Columns that share a scale.
constexpr std::size_t group_size_of(fp4_kind kind) noexcept { return kind == fp4_kind::nvfp4 ? 16 : 32; }

/// shape_mismatch where groups do not cut a row evenly.
inline status check_groups(fp4_kind kind, std::size_t in_features) noexcept
{
    if (in_features > 0 && in_features % group_size_of(kind) == 0) return {};
    return error{error_code::shape_mismatch,
                 name_of(kind),
                 " takes groups of ",
                 group_size_of(kind),
                 " inputs, which do not divide in_features ",
                 in_features,
                 ": choose another scheme or ignore the layer"};
}

} // namespace awq

#endif
// ---- awq/quantization/shrunk_range.hpp
#ifndef AWQ_QUANTIZATION_SHRUNK_RANGE_HPP
#define AWQ_QUANTIZATION_SHRUNK_RANGE_HPP

#include <cstddef>
#include <span>

namespace awq {

/// Weight clipping: of the scales that `make(kept)` gives for the range of a block of weights (1.0f)
/// and for `steps` - 1 parts of it, down to half, the one with the smallest squared error, weighted
/// by the importance (one value a column, or empty). `value(w, scale)` is what a weight is rounded to.
template <class Make, class Value>
auto best_shrunk_scale(int steps, matrix_view<const float> block, std::span<const float> importance, const Make& make,
                       const Value& value) noexcept
{
    const auto error_of = [&](const auto& scale) {
        double total = 0;
        for (std::size_t r = 0; r < block.rows(); ++r) {
            const std::span<const float> row = block.row(r);
            float sum = 0;
            for (std::size_t i = 0; i < row.size(); ++i) {
                const float missing = row[i] - value(row[i], scale);
                sum += missing * missing * (importance.empty() ? 1.0f : importance[i]);
            }
            total += static_cast<double>(sum);
        }
        return total;
    };
    auto best = make(1.0f);
    if (steps <= 1) return best;
    double least = error_of(best);
    for (int step = 1; step < steps; ++step) {
        const auto candidate = make(1.0f - 0.5f * static_cast<float>(step) / static_cast<float>(steps));
        const double error = error_of(candidate);
        if (error < least) least = error, best = candidate;
    }
    return best;
}

} // namespace awq

#endif
// ---- awq/support/small_float.hpp
#ifndef AWQ_SUPPORT_SMALL_FLOAT_HPP
#define AWQ_SUPPORT_SMALL_FLOAT_HPP

#include <bit>
#include <cstdint>

namespace awq {

// Float formats of few bits without infinities (OCP 8-bit floating point and microscaling formats
// specifications). What is too large becomes the largest number.

/// FP8: 4 exponent bits, 3 mantissa bits; the patterns 0x7F and 0xFF are NaN.
struct e4m3 {
    static constexpr int exponent_bits = 4, mantissa_bits = 3;
    static constexpr int smallest_exponent = -6; ///< of the normal numbers
    static constexpr float largest = 448.0f;
};

/// FP4: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
struct e2m1 {
    static constexpr int exponent_bits = 2, mantissa_bits = 1;
    static constexpr int smallest_exponent = 0;
    static constexpr float largest = 6.0f;
};

/// The nearest number of the format, ties to even; NaN stays NaN. Vectorises.
template <class Format>
AWQ_ALWAYS_INLINE constexpr float round_to(float x) noexcept
{
    x = x < -Format::largest ? -Format::largest : x;
    x = x > Format::largest ? Format::largest : x;
    constexpr auto smallest = static_cast<std::uint32_t>(127 + Format::smallest_exponent) << 23;
    std::uint32_t power = std::bit_cast<std::uint32_t>(x) & 0x7F800000u;
    power = power < smallest ? smallest : power;
    // The last bit of this number is worth as much as that of the format at x.
    constexpr auto distance = static_cast<std::uint32_t>(23 - Format::mantissa_bits) << 23;
    const float shift = std::bit_cast<float>(power + distance) * 1.5f;
    return (x + shift) - shift;
}

/// The bit pattern of the nearest number. It keeps the sign, also that of a zero.
template <class Format>
constexpr std::uint8_t pattern_of(float x) noexcept
{
    constexpr int mantissa = Format::mantissa_bits;
    const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) >> 31;
    const float value = round_to<Format>(sign != 0 ? -x : x);
    constexpr float smallest = std::bit_cast<float>(static_cast<std::uint32_t>(127 + Format::smallest_exponent) << 23);
    const std::uint32_t normal = (std::bit_cast<std::uint32_t>(value) >> (23 - mantissa)) -
                                 (static_cast<std::uint32_t>(126 + Format::smallest_exponent) << mantissa);
    const auto denormal = static_cast<std::uint32_t>(value / smallest * float(1 << mantissa));
    const std::uint32_t magnitude = value < smallest ? denormal : normal;
    return static_cast<std::uint8_t>(magnitude | sign << (Format::exponent_bits + mantissa));
}

/// The number of a bit pattern that is no NaN.
template <class Format>
constexpr float number_of(std::uint8_t pattern) noexcept
{
    constexpr int mantissa = Format::mantissa_bits, sign = Format::exponent_bits + mantissa;
    const std::uint32_t magnitude = pattern & ((1u << sign) - 1);
    constexpr auto bias = static_cast<std::uint32_t>(126 + Format::smallest_exponent) << mantissa;
    constexpr float unit =
        std::bit_cast<float>(static_cast<std::uint32_t>(127 + Format::smallest_exponent - mantissa) << 23);
    const float value = magnitude >> mantissa == 0 ? static_cast<float>(magnitude) * unit
                                                   : std::bit_cast<float>((magnitude + bias) << (23 - mantissa));
    return pattern >> sign != 0 ? -value : value;
}

} // namespace awq

#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace awq {

/// The scale of a group: as it is stored, and what an FP4 number is multiplied with.
struct fp4_scale {
    std::uint8_t pattern = 0; ///< of E4M3 (NVFP4), or the exponent with bias 127 (MXFP4)
    float value = 1.0f;
};

/// Rounds weights to FP4 E2M1 with the numbers of compressed-tensors. Models `quantizer`.
struct fp4_quantizer {
    fp4_kind kind = fp4_kind::nvfp4;
    /// f32: exact. bf16 or f16: intermediates are rounded as in a model of that dtype.
    dtype storage = dtype::f32;
    /// NVFP4: what the groups' scales are divided by. 0: chosen by the largest of the rows that are
    /// rounded together, which are then all rows of a weight.
    float global_scale = 0.0f;
    /// When simulating: candidates for each group's range (weight clipping); 1: the whole range.
    int clip_steps = 1;

    /// shape_mismatch where groups do not cut a row evenly.
    status check(std::size_t in_features) const noexcept { return check_groups(kind, in_features); }
    constexpr std::size_t row_block() const noexcept
    {
        return needs_magnitude() ? std::numeric_limits<std::size_t>::max() / 2 : 1;
    }
    constexpr bool needs_magnitude() const noexcept { return kind == fp4_kind::nvfp4 && global_scale == 0.0f; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return std::min(group_size_of(kind), in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept { return in_features / group_size_of(kind); }

    /// The same quantizer for weights with this largest magnitude (NVFP4), so that the scales of
    /// their groups fill the range of FP8. Layers that servers fuse share it.
    fp4_quantizer for_magnitude(float largest) const noexcept
    {
        fp4_quantizer made = *this;
        if (kind == fp4_kind::mxfp4) return made;
        with_storage(storage, [&](auto rounding) {
            const float bound = std::max(rounding.round(largest), 0x1p-126f);
            const float share = rounding.round(1.0f / bound);
            made.global_scale = rounding.round(e4m3::largest * e2m1::largest * share);
        });
        const bool is_finite = made.global_scale <= std::numeric_limits<float>::max();
        if (!is_finite) made.global_scale = 1.0f;
        return made;
    }

    /// The largest |w| of some rows.
    static float magnitude_of(matrix_view<const float> rows) noexcept
    {
        float magnitude = 0.0f;
        for (std::size_t r = 0; r < rows.rows(); ++r) magnitude = std::max(magnitude, magnitude_of(rows.row(r)));
        return magnitude;
    }
    static float magnitude_of(std::span<const float> group) noexcept
    {
        const value_range range = range_of(group.data(), group.size());
        return std::max(range.largest, -range.smallest); // of two zeros the positive one
    }

    /// The scale of a group, by the smallest squared error among `clip_steps` candidates, weighed by
    /// the importance (or empty). NVFP4: `global_scale` is not 0.
    fp4_scale fit_group(std::span<const float> group, std::span<const float> importance) const noexcept
    {
        const float magnitude = magnitude_of(group);
        return best_shrunk_scale(
            clip_steps, {group.data(), 1, group.size()}, importance,
            [&](float kept) {
                return kind == fp4_kind::nvfp4 ? fp8_scale(magnitude * kept) : power_of_two(magnitude * kept);
            },
            [](float w, fp4_scale scale) { return value(round_to<e2m1>(w / scale.value), scale); });
    }

    /// Quantizes and dequantizes; `out` may be `rows`. Importance matters to the clipping only.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for_each_group(
            rows, importance,
            [&](std::size_t r, std::size_t first, std::span<const float> group, fp4_scale scale, auto rounding) {
                float* const to = &out(r, first);
                for (std::size_t i = 0; i < group.size(); ++i)
                    to[i] = value(round_to<e2m1>(steps(group[i], scale, rounding)), scale);
            });
    }

    /// Bit patterns of FP4, one a byte, and of the scales, `groups` a row.
    void quantize(matrix_view<const float> rows, matrix_view<std::uint8_t> codes,
                  matrix_view<std::uint8_t> scales) const noexcept
    {
        for_each_group(
            rows, {},
            [&](std::size_t r, std::size_t first, std::span<const float> group, fp4_scale scale, auto rounding) {
                scales(r, first / group_size_of(kind)) = scale.pattern;
                for (std::size_t i = 0; i < group.size(); ++i)
                    codes(r, first + i) = pattern_of<e2m1>(steps(group[i], scale, rounding));
            });
    }

    /// What an FP4 number of a group stands for, in bfloat16 as compressed-tensors reads it.
    static float value(float number, fp4_scale scale) noexcept
    {
        return storage_rounding<bf16>::round(number * scale.value);
    }

private:
    template <class Action>
    void for_each_group(matrix_view<const float> rows, std::span<const float> importance,
                        const Action& action) const noexcept
    {
        const fp4_quantizer used = needs_magnitude() ? for_magnitude(magnitude_of(rows)) : *this;
        const std::size_t width = group_size_of(kind);
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < rows.rows(); ++r)
                for (std::size_t c = 0; c + width <= rows.cols(); c += width) {
                    const auto group = rows.row(r).subspan(c, width);
                    const auto weights = importance.empty() ? importance : importance.subspan(c, width);
                    action(r, c, group, used.fit_group(group, weights), rounding);
                }
        });
    }

    fp4_scale fp8_scale(float magnitude) const noexcept
    {
        float scale = 0.0f;
        with_storage(storage,
                     [&](auto rounding) { scale = rounding.round(rounding.round(magnitude) / e2m1::largest); });
        scale = round_to<e4m3>(global_scale * scale);
        if (scale == 0.0f) scale = 0.125f; // the distance of 1 and the next E4M3 number
        return {pattern_of<e4m3>(scale), scale / global_scale};
    }

    // The power of two below the magnitude, or above it from 1.75 times the lower one on, becomes 4.
    fp4_scale power_of_two(float magnitude) const noexcept
    {
        float stored = magnitude;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(magnitude); });
        const std::uint32_t rounded_up = std::bit_cast<std::uint32_t>(stored) + (1u << 21);
        const int exponent = static_cast<int>(rounded_up >> 23) - 127 - 2;
        const int biased = std::clamp(exponent + 127, 0, 254);
        // 2^-127 is a denormal float.
        const std::uint32_t bits = biased > 0 ? static_cast<std::uint32_t>(biased) << 23 : 1u << 22;
        return {static_cast<std::uint8_t>(biased), std::bit_cast<float>(bits)};
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE float steps(float weight, fp4_scale scale, Rounding rounding) const noexcept
    {
        const float exact = rounding.round(weight) / scale.value;
        return kind == fp4_kind::nvfp4 ? exact : rounding.round(exact);
    }
};

static_assert(magnitude_quantizer<fp4_quantizer>);

} // namespace awq

#endif
// ---- awq/quantization/fp8_quantizer.hpp
#ifndef AWQ_QUANTIZATION_FP8_QUANTIZER_HPP
#define AWQ_QUANTIZATION_FP8_QUANTIZER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// Rounds weights to FP8 E4M3 with the numbers of compressed-tensors: one scale for each row, or for
/// each block of neighbouring rows and columns. Blocks at the edges may be cut. Models `quantizer`.
struct fp8_quantizer {
    std::size_t block_rows = 1;
    std::size_t block_cols = 0; ///< 0: the whole row
    /// f32: exact. bf16 or f16: every intermediate is rounded as in a model of that dtype.
    dtype storage = dtype::f32;
    /// When simulating: candidates for each block's range (weight clipping); 1: the whole range.
    int clip_steps = 1;

    /// invalid_argument for blocks without rows and for rows without columns.
    status check(std::size_t in_features) const noexcept
    {
        if (block_rows > 0 && in_features > 0) return {};
        return error{error_code::invalid_argument, "FP8 blocks of ", block_rows,
                     " rows in a weight with ",    in_features,      " columns"};
    }
    constexpr std::size_t row_block() const noexcept { return block_rows; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return block_cols == 0 ? in_features : std::min(block_cols, in_features);
    }
    /// How many scales a row of blocks has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        const std::size_t width = scale_columns(in_features);
        return width == 0 ? 0 : (in_features + width - 1) / width;
    }

    /// Quantizes and dequantizes whole rows of blocks; `out` may be `rows`. Importance matters to the
    /// clipping only.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for_each_block(rows, importance,
                       [&](matrix_view<const float> block, std::size_t first_row, std::size_t first_col, float scale,
                           auto rounding) {
                           for (std::size_t r = 0; r < block.rows(); ++r) {
                               const float* const from = block.row(r).data();
                               float* const to = &out(first_row + r, first_col);
                               for (std::size_t c = 0; c < block.cols(); ++c) to[c] = value(from[c], scale, rounding);
                           }
                       });
    }

    /// Codes of rows.rows() rows, and their scales: `groups` for each row of blocks.
    void quantize(matrix_view<const float> rows, matrix_view<std::uint8_t> codes,
                  std::span<float> scales) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols()), count = groups(rows.cols());
        for_each_block(rows, {},
                       [&](matrix_view<const float> block, std::size_t first_row, std::size_t first_col, float scale,
                           auto rounding) {
                           scales[first_row / block_rows * count + first_col / width] = scale;
                           for (std::size_t r = 0; r < block.rows(); ++r)
                               for (std::size_t c = 0; c < block.cols(); ++c)
                                   codes(first_row + r, first_col + c) =
                                       pattern_of<e4m3>(steps(block(r, c), scale, rounding));
                       });
    }

    /// The scale of a block, by the smallest squared error among `clip_steps` candidates, weighed by
    /// the importance (or empty).
    float fit_block(matrix_view<const float> block, std::span<const float> importance) const noexcept
    {
        float best = 0.0f;
        with_storage(storage, [&](auto rounding) { best = fit_block_as(block, importance, rounding); });
        return best;
    }

private:
    template <class Rounding>
    float fit_block_as(matrix_view<const float> block, std::span<const float> importance,
                       Rounding rounding) const noexcept
    {
        const float magnitude = magnitude_of(block);
        return best_shrunk_scale(
            clip_steps, block, importance,
            [&](float kept) {
                const float scale = rounding.round(rounding.round(magnitude * kept) / e4m3::largest);
                return scale == 0.0f ? Rounding::epsilon : scale;
            },
            [&](float w, float scale) { return value(w, scale, rounding); });
    }

    template <class Action>
    void for_each_block(matrix_view<const float> rows, std::span<const float> importance,
                        const Action& action) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols());
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < rows.rows(); r += block_rows)
                for (std::size_t c = 0; c < rows.cols(); c += width) {
                    const std::size_t count = std::min(width, rows.cols() - c);
                    const auto weights = importance.empty() ? importance : importance.subspan(c, count);
                    const matrix_view<const float> block =
                        rows.rows_from(r, std::min(block_rows, rows.rows() - r)).cols_from(c, count);
                    action(block, r, c, fit_block_as(block, weights, rounding), rounding);
                }
        });
    }

    static float magnitude_of(matrix_view<const float> block) noexcept
    {
        float magnitude = 0.0f;
        for (std::size_t r = 0; r < block.rows(); ++r) {
            const value_range range = range_of(block.row(r).data(), block.cols());
            magnitude = std::max({magnitude, -range.smallest, range.largest});
        }
        return magnitude;
    }

    // The sum with a zero point of 0 makes -0 the code 0.
    template <class Rounding>
    AWQ_ALWAYS_INLINE static float steps(float weight, float scale, Rounding rounding) noexcept
    {
        return rounding.round(rounding.round(weight) / scale) + 0.0f;
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE static float value(float weight, float scale, Rounding rounding) noexcept
    {
        return rounding.round(round_to<e4m3>(steps(weight, scale, rounding)) * scale);
    }
};

static_assert(quantizer<fp8_quantizer>);

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// The FP8 numbers times one scale.
struct fp8_grid {
    float scale = 1.0f;
    dtype storage = dtype::f32;

    int nearest(std::size_t, float x) const noexcept { return pattern_of<e4m3>(x / scale); }
    float value(std::size_t, int code) const noexcept
    {
        const float exact = number_of<e4m3>(static_cast<std::uint8_t>(code)) * scale;
        float stored = exact;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(exact); });
        return stored;
    }
};

/// FP8 for `round_with_feedback`; scales are fitted as the quantizer's `clip_steps` say.
/// `BlockRows` is the quantizer's `block_rows`.
template <std::size_t BlockRows>
struct fp8_feedback_format {
    using grid = fp8_grid;
    static constexpr std::size_t batch = BlockRows == 1 ? 4 : BlockRows;

    fp8_quantizer rounding;

    std::size_t block_columns(std::size_t in_features) const noexcept { return rounding.scale_columns(in_features); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t, grid* grids) const noexcept
    {
        for (std::size_t first = 0; first < rows.rows(); first += BlockRows) {
            const std::size_t count = std::min(BlockRows, rows.rows() - first);
            const float scale = rounding.fit_block(rows.rows_from(first, count), importance);
            std::fill_n(grids + first, count, grid{scale, rounding.storage});
        }
    }
};

/// The FP4 numbers times the scale of a group.
struct fp4_grid {
    fp4_scale scale;

    int nearest(std::size_t, float x) const noexcept { return pattern_of<e2m1>(x / scale.value); }
    float value(std::size_t, int code) const noexcept
    {
        return fp4_quantizer::value(number_of<e2m1>(static_cast<std::uint8_t>(code)), scale);
    }
};

/// FP4 for `round_with_feedback`; scales are fitted as the quantizer's `clip_steps` say.
struct fp4_feedback_format {
    using grid = fp4_grid;
    static constexpr std::size_t batch = 4;

    fp4_quantizer rounding; ///< NVFP4: with its global scale

    std::size_t block_columns(std::size_t in_features) const noexcept { return rounding.scale_columns(in_features); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t, grid* grids) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r) grids[r] = {rounding.fit_group(rows.row(r), importance)};
    }
};

static_assert(feedback_format<fp8_feedback_format<1>>);
static_assert(feedback_format<fp4_feedback_format>);

} // namespace awq

#endif
// ---- awq/quantization/gguf/block_quantizer.hpp
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_QUANTIZER_HPP

// ---- awq/quantization/gguf/float_blocks.hpp
#ifndef AWQ_QUANTIZATION_GGUF_FLOAT_BLOCKS_HPP
#define AWQ_QUANTIZATION_GGUF_FLOAT_BLOCKS_HPP

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

// Formats whose numbers are floats: F32, F16, BF16, and the 4-bit floats MXFP4 and NVFP4 with 8-bit
// scales (OCP Microscaling Formats specification; NVIDIA's NVFP4 as ggml stores it).

namespace awq::gguf {

/// One float.
struct f32_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept
    {
        const auto bits = std::bit_cast<std::uint32_t>(*x);
        for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::byte>(bits >> 8 * i & 0xFF);
    }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        std::uint32_t bits = 0;
        for (unsigned i = 0; i < 4; ++i) bits |= std::to_integer<std::uint32_t>(in[i]) << 8 * i;
        *out = std::bit_cast<float>(bits);
    }
};

/// One IEEE half, to nearest even.
struct f16_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept { detail::put_half(f16(*x), out); }
    static void unpack(const std::byte* in, float* out) noexcept { *out = static_cast<float>(detail::get_half(in)); }
};

/// One bfloat16, to nearest even.
struct bf16_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept { detail::put_half(f16::from_bits(bf16(*x).bits), out); }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        *out = static_cast<float>(bf16::from_bits(detail::get_half(in).bits));
    }
};

namespace detail {

/// Twice the numbers that four bits of E2M1 can hold.
inline constexpr float e2m1_doubled[16] = {0.0f, 1.0f,  2.0f,  3.0f,  4.0f,  6.0f,  8.0f,  12.0f,
                                           0.0f, -1.0f, -2.0f, -3.0f, -4.0f, -6.0f, -8.0f, -12.0f};

/// The code whose number times `scale` is nearest to x; the first one of equals.
inline unsigned nearest_e2m1(float x, float scale) noexcept
{
    unsigned best = 0;
    float least = std::fabs(strict_product(e2m1_doubled[0], scale) - x);
    for (unsigned code = 1; code < 16; ++code) {
        const float off = std::fabs(strict_product(e2m1_doubled[code], scale) - x);
        if (off < least) {
            best = code;
            least = off;
        }
    }
    return best;
}

inline float largest_magnitude(const float* x, std::size_t size) noexcept
{
    float largest = 0.0f;
    for (std::size_t i = 0; i < size; ++i)
        if (std::fabs(x[i]) > largest) largest = std::fabs(x[i]);
    return largest;
}

/// Codes of `2 * half` elements to nibbles: i and i + half share a byte; and back.
inline void pack_e2m1(const float* x, float scale, std::size_t half, std::byte* out) noexcept
{
    for (std::size_t i = 0; i < half; ++i)
        out[i] = static_cast<std::byte>(nearest_e2m1(x[i], scale) | nearest_e2m1(x[i + half], scale) << 4);
}

inline void unpack_e2m1(const std::byte* in, float scale, std::size_t half, float* out) noexcept
{
    for (std::size_t i = 0; i < half; ++i) {
        const unsigned both = std::to_integer<unsigned>(in[i]);
        out[i] = e2m1_doubled[both & 15] * scale;
        out[i + half] = e2m1_doubled[both >> 4] * scale;
    }
}

} // namespace detail

/// MXFP4: 32 numbers of E2M1 with a power of two.
struct mxfp4_format {
    static constexpr std::size_t columns = 32;
    static void pack(const float* x, std::byte* out) noexcept
    {
        const float largest = detail::largest_magnitude(x, 32);
        int exponent = 0;
        if (largest > 0.0f && largest < 0x1p127f * 2.0f)
            exponent = static_cast<int>(std::floor(std::log2(largest))) - 2 + 127;
        out[0] = static_cast<std::byte>(exponent & 0xFF);
        detail::pack_e2m1(x, scale_of(out[0]), 16, out + 1);
    }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        detail::unpack_e2m1(in + 1, scale_of(in[0]), 16, out);
    }

private:
    /// 2^(E - 128): half of what the exponent means, as the table holds doubled numbers.
    static float scale_of(std::byte stored) noexcept
    {
        const auto exponent = std::to_integer<std::uint32_t>(stored);
        return std::bit_cast<float>(exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23);
    }
};

/// NVFP4: four times 16 numbers of E2M1, each with an unsigned E4M3 scale.
struct nvfp4_format {
    static constexpr std::size_t columns = 64;
    static void pack(const float* x, std::byte* out) noexcept
    {
        for (std::size_t s = 0; s < 4; ++s) {
            const float largest = detail::largest_magnitude(x + 16 * s, 16);
            out[s] = static_cast<std::byte>(encode_scale(largest / 6.0f));
            detail::pack_e2m1(x + 16 * s, scale_of(out[s]), 8, out + 4 + 8 * s);
        }
    }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        for (std::size_t s = 0; s < 4; ++s) detail::unpack_e2m1(in + 4 + 8 * s, scale_of(in[s]), 8, out + 16 * s);
    }

private:
    static std::uint8_t encode_scale(float value) noexcept
    {
        if (!(value > 0.0f)) return 0;
        const float capped = value > 448.0f ? 448.0f : value;
        const auto bits = std::bit_cast<std::uint32_t>(capped);
        const int exponent = static_cast<int>(bits >> 23) - 127 + 7;
        if (exponent <= 0) {
            const int mantissa = static_cast<int>(strict_product(capped, 512.0f) + 0.5f);
            return static_cast<std::uint8_t>(mantissa > 7 ? 7 : mantissa);
        }
        std::uint32_t mantissa = bits >> 20 & 7u;
        std::uint32_t field = static_cast<std::uint32_t>(exponent);
        if (bits >> 19 & 1u) ++mantissa;
        if (mantissa == 8) {
            mantissa = 0;
            ++field;
        }
        return static_cast<std::uint8_t>(field >= 15 ? 0x7E : field << 3 | mantissa);
    }
    /// Half of the E4M3 number, as the table holds doubled ones.
    static float scale_of(std::byte stored) noexcept
    {
        const unsigned code = std::to_integer<unsigned>(stored) & 0xFFu;
        if (code == 0 || code == 0x7F) return 0.0f;
        const int exponent = static_cast<int>(code >> 3 & 15u);
        const auto mantissa = static_cast<float>(code & 7u);
        if (exponent == 0) return mantissa * 0x1p-10f;
        return std::ldexp(1.0f + mantissa / 8.0f, exponent - 8);
    }
};

/// Calls `task` with the format struct of a type whose numbers are floats; whether it is one.
template <class Task>
constexpr bool with_float_format(type wanted, Task&& task)
{
    switch (wanted) {
    case type::f32:
        return task(f32_format{}), true;
    case type::f16:
        return task(f16_format{}), true;
    case type::bf16:
        return task(bf16_format{}), true;
    case type::mxfp4:
        return task(mxfp4_format{}), true;
    case type::nvfp4:
        return task(nvfp4_format{}), true;
    default:
        return false;
    }
}

} // namespace awq::gguf

#endif

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

/// Fits blocks one by one: the reference.
struct scalar_engine {
    static constexpr std::size_t batch = 1; ///< how many blocks are fitted at once, at most

    template <class = void>
    static void fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                    std::uint8_t* codes) noexcept
    {
        with_format(format,
                    [&](auto chosen) { decltype(chosen)::template fit<one_lane>(blocks, count, grids, codes); });
    }
    template <class = void>
    static void improve(type format, const block_source& block, block_grid& grid, std::uint8_t* codes) noexcept
    {
        with_format(format,
                    [&](auto chosen) { detail::improve_block<decltype(chosen), one_lane>(block, grid, codes); });
    }
};

/// Rounds rows of weights to a GGUF tensor type. With `rounding::exact` and given the same
/// importance (mean x^2 for each input column, all finite, or none) the bytes are those that
/// llama.cpp writes. Infinities and NaNs in a row give unspecified bytes; `quantize_rows` refuses
/// them. -ffast-math, and -ffp-contract=fast of Clang, void the promise of equal bytes. Models
/// `awq::quantizer`.
template <class Engine>
class basic_block_quantizer {
public:
    explicit constexpr basic_block_quantizer(gguf::type format, gguf::rounding how = gguf::rounding::exact) noexcept
        : type_(format), rounding_(how)
    {}

    constexpr gguf::type type() const noexcept { return type_; }
    constexpr gguf::rounding rounding() const noexcept { return rounding_; }

    /// Rows must be whole blocks: shape_mismatch otherwise.
    status check(std::size_t in_features) const noexcept
    {
        const std::size_t block = block_columns(type_);
        if (in_features != 0 && in_features % block == 0) return {};
        return error{error_code::shape_mismatch,
                     name_of(type_),
                     ": rows of ",
                     in_features,
                     " elements are no multiple of its block of ",
                     block,
                     "; choose a type with smaller blocks"};
    }
    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return is_quantized(type_) ? facts(type_).scale_columns : in_features;
    }
    /// Bytes of one row.
    constexpr std::size_t row_bytes(std::size_t in_features) const noexcept
    {
        return in_features / block_columns(type_) * block_bytes(type_);
    }

    /// One row to `row_bytes(row.size())` bytes. `importance` has the row's length, or is empty.
    void quantize_row(std::span<const float> row, std::span<const float> importance,
                      std::span<std::byte> out) const noexcept
    {
        quantize(as_row(row), importance, out);
    }

    /// Rows to `rows.rows() * row_bytes(rows.cols())` bytes. Short rows are faster together.
    void quantize(matrix_view<const float> rows, std::span<const float> importance,
                  std::span<std::byte> out) const noexcept
    {
        const std::size_t bytes = row_bytes(rows.cols());
        const auto as_floats = [&](auto chosen) {
            for (std::size_t r = 0; r < rows.rows(); ++r)
                pack_floats(chosen, rows.row(r), out.subspan(r * bytes, bytes));
        };
        if (with_float_format(type_, as_floats)) return;
        with_format(type_, [&](auto chosen) {
            for_each_block(rows, importance, [&](block_place at, const auto& grid, auto* codes) {
                std::byte* block = out.data() + at.row * bytes + at.index * block_bytes(type_);
                decltype(chosen)::pack(grid, codes, block);
            });
        });
    }

    /// Only chooses the scales of blocks (`has_grid` types), as many as there are `grids`; for
    /// those who round element by element with `block_grid::nearest`. All blocks have importance or
    /// none.
    void fit_blocks(std::span<const block_source> blocks, std::span<block_grid> grids) const noexcept
    {
        std::uint8_t codes[Engine::batch * max_block_columns];
        for (std::size_t first = 0; first < grids.size(); first += Engine::batch) {
            const std::size_t left = grids.size() - first;
            fit_batch(blocks.data() + first, left < Engine::batch ? left : Engine::batch, grids.data() + first, codes);
        }
    }

    /// The floats of one row's bytes; any bytes are accepted.
    void dequantize_row(std::span<const std::byte> in, std::span<float> out) const noexcept
    {
        if (with_float_format(type_, [&](auto chosen) { unpack_floats(chosen, in, out); })) return;
        const std::size_t columns = block_columns(type_);
        with_format(type_, [&](auto chosen) {
            std::uint8_t codes[max_block_columns];
            for (std::size_t i = 0; i < out.size() / columns; ++i) {
                const std::byte* block = in.data() + i * block_bytes(type_);
                const block_grid grid = decltype(chosen)::unpack(block, codes);
                values_of(grid, codes, columns, out.data() + i * columns);
            }
        });
    }

    /// What rows read as once they were written; `out` may be the same memory.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        const auto through_floats = [&](auto chosen) {
            for (std::size_t r = 0; r < rows.rows(); ++r) pass_through(chosen, rows.row(r), out.row(r));
        };
        if (with_float_format(type_, through_floats)) return;
        const std::size_t columns = block_columns(type_);
        for_each_block(rows, importance, [&](block_place at, const auto& grid, auto* codes) {
            values_of(grid, codes, columns, out.row(at.row).data() + at.index * columns);
        });
    }

private:
    template <class Format>
    static void pack_floats(Format, std::span<const float> row, std::span<std::byte> out) noexcept
    {
        const std::size_t bytes = out.size() / (row.size() / Format::columns);
        for (std::size_t i = 0; i < row.size() / Format::columns; ++i)
            Format::pack(row.data() + i * Format::columns, out.data() + i * bytes);
    }
    template <class Format>
    void unpack_floats(Format, std::span<const std::byte> in, std::span<float> out) const noexcept
    {
        for (std::size_t i = 0; i < out.size() / Format::columns; ++i)
            Format::unpack(in.data() + i * block_bytes(type_), out.data() + i * Format::columns);
    }
    template <class Format>
    static void pass_through(Format, std::span<const float> row, std::span<float> out) noexcept
    {
        std::byte stored[64];
        for (std::size_t i = 0; i < row.size(); i += Format::columns) {
            Format::pack(row.data() + i, stored);
            Format::unpack(stored, out.data() + i);
        }
    }

    void fit_batch(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes) const noexcept
    {
        Engine::fit(type_, blocks, count, grids, codes);
        if (rounding_ == gguf::rounding::exact) return;
        for (std::size_t b = 0; b < count; ++b)
            Engine::improve(type_, blocks[b], grids[b], codes + b * block_columns(type_));
    }

    struct block_place {
        std::size_t row;
        std::size_t index; ///< within the row
    };

    /// Fits all blocks of the rows, a batch at a time: finish(place, grid, codes). A batch is read
    /// before its first block is finished, so that results may replace the rows.
    template <class Finish>
    void for_each_block(matrix_view<const float> rows, std::span<const float> importance, Finish finish) const noexcept
    {
        const std::size_t columns = block_columns(type_);
        const std::size_t in_row = rows.cols() / columns;
        const bool row_matters = columns == 32 && !importance.empty();
        block_source sources[Engine::batch];
        block_place places[Engine::batch];
        block_grid grids[Engine::batch];
        std::uint8_t codes[Engine::batch * max_block_columns];
        std::size_t count = 0;
        const auto flush = [&] {
            if (count != 0) fit_batch(sources, count, grids, codes);
            for (std::size_t b = 0; b < count; ++b) finish(places[b], grids[b], codes + b * columns);
            count = 0;
        };
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const float energy = row_matters ? mean_square(rows.row(r)) : 0.0f;
            for (std::size_t i = 0; i < in_row; ++i) {
                const float* weights = importance.empty() ? nullptr : importance.data() + i * columns;
                sources[count] = {rows.row(r).data() + i * columns, weights, energy};
                places[count] = {r, i};
                if (++count == Engine::batch) flush();
            }
        }
        flush();
    }

    gguf::type type_;
    gguf::rounding rounding_;
};

/// The portable quantizer. `simd_block_quantizer` gives the same bytes faster.
using block_quantizer = basic_block_quantizer<scalar_engine>;

static_assert(quantizer<block_quantizer>);

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/quantize_rows.hpp
#ifndef AWQ_QUANTIZATION_GGUF_QUANTIZE_ROWS_HPP
#define AWQ_QUANTIZATION_GGUF_QUANTIZE_ROWS_HPP

// ---- awq/support/finite.hpp
#ifndef AWQ_SUPPORT_FINITE_HPP
#define AWQ_SUPPORT_FINITE_HPP

#include <bit>
#include <cstdint>
#include <span>

namespace awq {

/// Whether no value is a NaN or an infinity. Vectorises.
inline bool all_finite(std::span<const float> values) noexcept
{
    std::uint32_t bad = 0;
    for (const float value : values)
        bad |= (std::bit_cast<std::uint32_t>(value) & 0x7F800000u) == 0x7F800000u ? 1u : 0u;
    return bad == 0;
}

} // namespace awq

#endif

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq::gguf {

namespace detail {

inline bool all_usable(std::span<const float> importance) noexcept
{
    return all_finite(importance) &&
           std::none_of(importance.begin(), importance.end(), [](float v) { return v < 0.0f; });
}

inline void lower_to(std::atomic<std::size_t>& lowest, std::size_t value) noexcept
{
    std::size_t seen = lowest.load(std::memory_order_relaxed);
    while (value < seen && !lowest.compare_exchange_weak(seen, value)) {
    }
}

} // namespace detail

/// Quantizes a whole matrix (out_features, in_features) to `rows() * row_bytes(cols())` bytes, a
/// few rows to a task; the bytes do not depend on the number of threads. `importance`: mean x^2 of
/// each input column, or empty. Errors: shape_mismatch (rows that are no whole blocks, importance
/// or output of another size), not_finite (the first row with a NaN or an infinity is named; the
/// output is then unspecified), invalid_argument (importance that is negative or not finite).
template <execution Execution, class Engine>
status quantize_rows(const Execution& execution, const basic_block_quantizer<Engine>& quantizer,
                     matrix_view<const float> rows, std::span<const float> importance, std::span<std::byte> out)
{
    constexpr std::size_t grain = 8;
    AWQ_CHECK(quantizer.check(rows.cols()));
    if (!importance.empty() && importance.size() != rows.cols())
        return error{error_code::shape_mismatch, "importance has ", importance.size(),
                     " entries for rows of ",    rows.cols(),       "; give one for each input column"};
    if (!detail::all_usable(importance))
        return error{error_code::invalid_argument,
                     "importance has an entry that is negative or not finite; calibrate again"};
    const std::size_t bytes = quantizer.row_bytes(rows.cols());
    if (out.size() / bytes != rows.rows() || out.size() % bytes != 0)
        return error{error_code::shape_mismatch,
                     "output of ",
                     out.size(),
                     " bytes for ",
                     rows.rows(),
                     " rows of ",
                     bytes,
                     " bytes each"};
    std::atomic<std::size_t> first_bad{rows.rows()};
    execution.for_each(chunk_count(rows.rows(), grain), [&](std::size_t task) {
        const std::size_t first = task * grain;
        const std::size_t count = std::min(grain, rows.rows() - first);
        for (std::size_t r = first; r < first + count; ++r)
            if (!all_finite(rows.row(r))) return detail::lower_to(first_bad, r);
        quantizer.quantize(rows.rows_from(first, count), importance, out.subspan(first * bytes, count * bytes));
    });
    if (first_bad < rows.rows())
        return error{error_code::not_finite, "row ", first_bad.load(),
                     " has a NaN or an infinity; the checkpoint is damaged or overflowed"};
    return {};
}

} // namespace awq::gguf

#endif
// ---- awq/quantization/gguf/simd_lanes.hpp
#ifndef AWQ_QUANTIZATION_GGUF_SIMD_LANES_HPP
#define AWQ_QUANTIZATION_GGUF_SIMD_LANES_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" // what takes or returns vectors is always inlined
#endif

#if AWQ_GNU
namespace awq::gguf {

// Vectors of the compiler's own vector extension (GCC, Clang): no library, any instruction set. One
// that is wider than the target's registers is still right, only slower.

using floats_4 = float __attribute__((vector_size(16)));
using floats_8 = float __attribute__((vector_size(32)));
using floats_16 = float __attribute__((vector_size(64)));

namespace detail {

#if defined(__x86_64__)
// In assembly: the headers of all intrinsics take a third of the time that the core takes to include.
inline void square_roots_4(float* values, std::size_t size) noexcept
{
    for (std::size_t i = 0; i < size; i += 4) {
        floats_4 some;
        std::memcpy(&some, values + i, sizeof some);
        asm("sqrtps %0, %0" : "+x"(some));
        std::memcpy(values + i, &some, sizeof some);
    }
}
[[gnu::target("avx")]] inline void square_roots_8(float* values, std::size_t size) noexcept
{
    for (std::size_t i = 0; i < size; i += 8) {
        floats_8 some;
        std::memcpy(&some, values + i, sizeof some);
        asm("vsqrtps %0, %0" : "+x"(some));
        std::memcpy(values + i, &some, sizeof some);
    }
}
[[gnu::target("avx512f")]] inline void square_roots_16(float* values, std::size_t size) noexcept
{
    for (std::size_t i = 0; i < size; i += 16) {
        floats_16 some;
        std::memcpy(&some, values + i, sizeof some);
        asm("vsqrtps %0, %0" : "+v"(some));
        std::memcpy(values + i, &some, sizeof some);
    }
}
#endif

/// What the three widths share. The code is inlined into functions for a wider instruction set than
/// the file is compiled for; so intrinsics, which must not be, are in functions of their own.
template <class Floats, class Integers>
struct vector_storage {
    using integers = Integers;
    static constexpr std::size_t count = sizeof(Floats) / sizeof(float);

    [[gnu::always_inline]] static void from_integers(const Integers& value, Floats& out) noexcept
    {
        out = __builtin_convertvector(value, Floats);
    }
    [[gnu::always_inline]] static void to_integers(const Floats& value, Integers& out) noexcept
    {
        out = __builtin_convertvector(value, Integers);
    }
    [[gnu::always_inline]] static void multiply(const Floats& a, const Floats& b, Floats& out) noexcept
    {
#if defined(__clang__)
#pragma clang fp contract(off)
#endif
        Floats rounded = a * b;
#if !defined(__clang__) && defined(__x86_64__)
        // Says that somebody may look at the product: GCC must not fuse it into a multiply-add.
        asm("" : "+v"(rounded));
#elif !defined(__clang__) && defined(__aarch64__)
        asm("" : "+w"(rounded));
#endif
        out = rounded;
    }
    static void square_roots(float* values, std::size_t size) noexcept
    {
#if defined(__x86_64__)
        if constexpr (count == 4) square_roots_4(values, size);
        if constexpr (count == 8) square_roots_8(values, size);
        if constexpr (count == 16) square_roots_16(values, size);
#else
        for (std::size_t i = 0; i < size; ++i) values[i] = __builtin_sqrtf(values[i]);
#endif
    }
    [[gnu::always_inline]] static bool any(const Integers& mask) noexcept
    {
        std::uint64_t words[count / 2];
        std::memcpy(words, &mask, sizeof words);
        std::uint64_t set = 0;
        for (const std::uint64_t word : words) set |= word;
        return set != 0;
    }
    [[gnu::always_inline]] static bool all(const Integers& mask) noexcept { return !any(~mask); }
};

} // namespace detail

template <>
struct lane_storage<floats_4> : detail::vector_storage<floats_4, int __attribute__((vector_size(16)))> {};
template <>
struct lane_storage<floats_8> : detail::vector_storage<floats_8, int __attribute__((vector_size(32)))> {};
template <>
struct lane_storage<floats_16> : detail::vector_storage<floats_16, int __attribute__((vector_size(64)))> {};

} // namespace awq::gguf
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
// ---- awq/quantization/gguf/simd_quantizer.hpp
#ifndef AWQ_QUANTIZATION_GGUF_SIMD_QUANTIZER_HPP
#define AWQ_QUANTIZATION_GGUF_SIMD_QUANTIZER_HPP

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace awq::gguf {

namespace detail {

/// Fits blocks, as many at once as a vector has lanes.
template <class Format, class Floats>
[[gnu::always_inline]] inline void fit_in_lanes(const block_source* blocks, std::size_t count, block_grid* grids,
                                                std::uint8_t* codes, std::size_t columns) noexcept
{
    constexpr std::size_t lane_count = lane_storage<Floats>::count;
    for (std::size_t first = 0; first < count; first += lane_count) {
        const std::size_t left = count - first;
        Format::template fit<lanes<Floats>>(blocks + first, left < lane_count ? left : lane_count, grids + first,
                                            codes + first * columns);
    }
}

#if !AWQ_GNU
using widest_floats = float;
#elif defined(__AVX512F__)
using widest_floats = floats_16;
#elif defined(__AVX2__)
using widest_floats = floats_8;
#else
using widest_floats = floats_4;
#endif

template <class Format>
inline void fit_baseline(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes,
                         std::size_t columns) noexcept
{
    fit_in_lanes<Format, widest_floats>(blocks, count, grids, codes, columns);
}

/// The format that stands for all whose blocks are searched alike: in blocks of 32 only the grid differs.
template <class Format>
using searched_as = std::conditional_t<facts(Format::id).block_columns == 32, q4_0, Format>;

template <class Format>
inline void improve_baseline(const block_source& block, block_grid& grid, std::uint8_t* codes) noexcept
{
    improve_block<Format, lanes<widest_floats>>(block, grid, codes);
}

// Where a compiler was told to use AVX2, GCC has nothing better to choose.
#if !defined(AWQ_GGUF_RUNTIME_DISPATCH)
#if AWQ_GNU && defined(__x86_64__) && !defined(__AVX512F__) && (defined(__clang__) || !defined(__AVX2__))
#define AWQ_GGUF_RUNTIME_DISPATCH 1
#else
#define AWQ_GGUF_RUNTIME_DISPATCH 0
#endif
#endif

#if AWQ_GGUF_RUNTIME_DISPATCH

#if defined(__clang__) // GCC 12 takes comparisons apart when it inlines them into another target
template <class Format>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]] inline void
fit_avx512(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes,
           std::size_t columns) noexcept
{
    fit_in_lanes<Format, floats_16>(blocks, count, grids, codes, columns);
}
#endif

template <class Format>
[[gnu::target("avx2")]] inline void fit_avx2(const block_source* blocks, std::size_t count, block_grid* grids,
                                             std::uint8_t* codes, std::size_t columns) noexcept
{
    fit_in_lanes<Format, floats_8>(blocks, count, grids, codes, columns);
}

template <class Format>
[[gnu::target("avx2")]] inline void improve_avx2(const block_source& block, block_grid& grid,
                                                 std::uint8_t* codes) noexcept
{
    improve_block<Format, lanes<floats_8>>(block, grid, codes);
}
#endif

} // namespace detail

/// Fits many blocks at once, one group of weights in each lane of a vector: every group's own sums
/// keep their order, so the bytes are those of `scalar_engine`. On x86-64 the instruction set is
/// chosen while running, unless the compiler was told to use AVX-512 anyway.
struct simd_engine {
    static constexpr std::size_t batch = 16;

    static void fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                    std::uint8_t* codes) noexcept;
    /// `rounding::best` for one block.
    static void improve(type format, const block_source& block, block_grid& grid, std::uint8_t* codes) noexcept;

private:
    template <class Format>
    static void fit_format(const block_source* blocks, std::size_t count, block_grid* grids, std::uint8_t* codes,
                           std::size_t columns) noexcept
    {
#if AWQ_GGUF_RUNTIME_DISPATCH && defined(__clang__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            return detail::fit_avx512<Format>(blocks, count, grids, codes, columns);
#endif
#if AWQ_GGUF_RUNTIME_DISPATCH
        if (__builtin_cpu_supports("avx2")) return detail::fit_avx2<Format>(blocks, count, grids, codes, columns);
#endif
        detail::fit_baseline<Format>(blocks, count, grids, codes, columns);
    }
};

#if AWQ_COMPILES_KERNELS
AWQ_COMPILED void simd_engine::fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                                   std::uint8_t* codes) noexcept
{
    with_format(format,
                [&](auto chosen) { fit_format<decltype(chosen)>(blocks, count, grids, codes, block_columns(format)); });
}

AWQ_COMPILED void simd_engine::improve(type format, const block_source& block, block_grid& grid,
                                       std::uint8_t* codes) noexcept
{
    with_format(format, [&](auto chosen) {
        using searched = detail::searched_as<decltype(chosen)>;
#if AWQ_GGUF_RUNTIME_DISPATCH
        if (__builtin_cpu_supports("avx2")) return detail::improve_avx2<searched>(block, grid, codes);
#endif
        detail::improve_baseline<searched>(block, grid, codes);
    });
}
#endif

/// `block_quantizer` with vectors: the same bytes, several times faster.
using simd_block_quantizer = basic_block_quantizer<simd_engine>;

static_assert(quantizer<simd_block_quantizer>);

} // namespace awq::gguf

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
// ---- awq/quantization/least_squares_target.hpp
#ifndef AWQ_QUANTIZATION_LEAST_SQUARES_TARGET_HPP
#define AWQ_QUANTIZATION_LEAST_SQUARES_TARGET_HPP

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// The Cholesky factor of gram + lambda diag(gram), in place of the lower triangle of `gram`; what is
/// above the diagonal stays. `scratch`: as `factor_cholesky`. False where the damped matrix is not positive definite.
template <class Product, execution E>
[[nodiscard]] bool factor_damped_gram(const E& e, matrix_view<float> gram, float lambda, std::span<float> scratch)
{
    double mean = 0;
    for (std::size_t i = 0; i < gram.rows(); ++i) mean += gram(i, i);
    mean /= static_cast<double>(gram.rows());
    for (std::size_t i = 0; i < gram.rows(); ++i) // a channel that is never active stays put
        gram(i, i) += lambda * gram(i, i) + static_cast<float>(1e-6 * mean);
    return factor_cholesky<Product>(e, gram, scratch);
}

/// weight += share update.
template <execution E>
void add_share(const E& e, matrix_view<float> weight, matrix_view<const float> update, float share)
{
    e.for_each(weight.rows(), [=](std::size_t row) {
        for (std::size_t i = 0; i < weight.cols(); ++i) weight(row, i) += share * update(row, i);
    });
}

/// Moves a weight to where it does best on the inputs that it will really get.
///
/// With X the original inputs and Xq those that the already quantized layers before it produce, the
/// target W* minimises ||X W^T - Xq W*^T||^2 + lambda ||(W* - W) D^(1/2)||^2, D = diag(Xq^T Xq):
/// W* = W + W (X - Xq)^T Xq (Xq^T Xq + lambda D)^-1.
/// `share`: how much of the way to W* is gone. Half generalises better than all of it, as the
/// difference X - Xq is known from the calibration text alone (Li et al. 2025, GPTAQ, take a quarter).
///
/// - `weight` (out_features, in_features): W in, W* out.
/// - `transfer` (in, in): (X - Xq)^T Xq (Xq^T Xq + lambda D)^-1, by `solve_cholesky` with the factor of
///   `factor_damped_gram`: the same for all layers that read X.
/// - `scratch`: a row of the weight or more floats, `cholesky_scratch(out_features)` for speed.
template <class Product, execution E>
void move_to_target(const E& e, matrix_view<float> weight, matrix_view<const float> transfer, float share,
                    std::span<float> scratch)
{
    const std::size_t most = std::max<std::size_t>(1, scratch.size() / weight.cols());
    for (std::size_t first = 0; first < weight.rows(); first += most) {
        const auto rows = weight.rows_from(first, std::min(most, weight.rows() - first));
        const matrix_view<float> update{scratch.data(), rows.rows(), rows.cols()};
        Product::multiply_nn(e, rows, transfer, update);
        add_share(e, rows, update, share);
    }
}

} // namespace awq

#endif
// ---- awq/quantization/pack_bits.hpp
#ifndef AWQ_QUANTIZATION_PACK_BITS_HPP
#define AWQ_QUANTIZATION_PACK_BITS_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

// One function per packing order, named after the format. Codes and zero points come in signed, as
// `quantize_weight` makes them; every format stores them with 2^(bits-1) added. The views' shapes
// are the caller's duty: `packed_words` says how many words a line takes.

/// 32-bit words that `count` codes of `bits` bits take when packed without gaps.
constexpr std::size_t packed_words(std::size_t count, int bits) noexcept
{
    return (count * static_cast<std::size_t>(bits) + 31) / 32;
}

namespace detail {

/// Element i takes bits i*bits .. i*bits + bits-1 of the line's bit stream, lowest bit first,
/// across words where bits does not divide 32. Bits past the last element are 0.
template <class Unsigned, class Store>
constexpr void pack_line(std::size_t count, int bits, Unsigned element, Store store)
{
    std::uint64_t pending = 0;
    int filled = 0;
    std::size_t word = 0;
    for (std::size_t i = 0; i < count; ++i) {
        pending |= std::uint64_t{element(i)} << filled;
        filled += bits;
        if (filled < 32) continue;
        store(word++, static_cast<std::uint32_t>(pending));
        pending >>= 32;
        filled -= 32;
    }
    if (filled > 0) store(word, static_cast<std::uint32_t>(pending));
}

template <class Load, class Store>
constexpr void unpack_line(std::size_t count, int bits, Load load, Store store)
{
    const std::uint32_t mask = (1u << bits) - 1u;
    std::uint64_t pending = 0;
    int filled = 0;
    std::size_t word = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (filled < bits) {
            pending |= std::uint64_t{load(word++)} << filled;
            filled += 32;
        }
        store(i, static_cast<std::uint32_t>(pending) & mask);
        pending >>= bits;
        filled -= bits;
    }
}

constexpr std::uint32_t to_unsigned(std::int8_t code, int bits) noexcept
{
    const int shifted = code + (1 << (bits - 1));
    return static_cast<std::uint32_t>(shifted) & ((1u << bits) - 1u);
}

constexpr std::int8_t to_signed(std::uint32_t stored, int bits) noexcept
{
    return static_cast<std::int8_t>(static_cast<int>(stored) - (1 << (bits - 1)));
}

/// AutoAWQ's order of eight neighbours in a word: nibble i holds neighbour order[i].
inline constexpr std::size_t autoawq_order[8] = {0, 2, 4, 6, 1, 3, 5, 7};

constexpr void pack_autoawq_line(matrix_view<const std::int8_t> in, std::size_t column,
                                 std::span<std::uint32_t> out) noexcept
{
    for (std::size_t word = 0; word < out.size(); ++word) {
        std::uint32_t packed = 0;
        for (std::size_t nibble = 0; nibble < 8; ++nibble)
            packed |= to_unsigned(in(8 * word + autoawq_order[nibble], column), 4) << (4 * nibble);
        out[word] = packed;
    }
}

} // namespace detail

/// compressed-tensors `weight_packed`: codes (out, in) to (out, packed_words(in)), along rows.
constexpr void pack_compressed_tensors(matrix_view<const std::int8_t> codes, int bits, matrix_view<std::uint32_t> out)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::pack_line(
            codes.cols(), bits, [&](std::size_t c) { return detail::to_unsigned(codes(r, c), bits); },
            [&](std::size_t word, std::uint32_t value) { out(r, word) = value; });
}

/// The inverse of `pack_compressed_tensors`.
constexpr void unpack_compressed_tensors(matrix_view<const std::uint32_t> packed, int bits,
                                         matrix_view<std::int8_t> codes)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::unpack_line(
            codes.cols(), bits, [&](std::size_t word) { return packed(r, word); },
            [&](std::size_t c, std::uint32_t value) { codes(r, c) = detail::to_signed(value, bits); });
}

/// compressed-tensors `weight_zero_point`: (out, groups) to (packed_words(out), groups), along the
/// outputs.
constexpr void pack_compressed_tensors_zero_points(matrix_view<const std::int8_t> zero_points, int bits,
                                                   matrix_view<std::uint32_t> out)
{
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::pack_line(
            zero_points.rows(), bits, [&](std::size_t r) { return detail::to_unsigned(zero_points(r, g), bits); },
            [&](std::size_t word, std::uint32_t value) { out(word, g) = value; });
}

/// The inverse of `pack_compressed_tensors_zero_points`.
constexpr void unpack_compressed_tensors_zero_points(matrix_view<const std::uint32_t> packed, int bits,
                                                     matrix_view<std::int8_t> zero_points)
{
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::unpack_line(
            zero_points.rows(), bits, [&](std::size_t word) { return packed(word, g); },
            [&](std::size_t r, std::uint32_t value) { zero_points(r, g) = detail::to_signed(value, bits); });
}

/// AutoAWQ "gemm" `qweight`, 4 bits: codes (out, in) to (in, out/8), eight outputs a word in its
/// own order. `out` features must be a multiple of 8.
constexpr void pack_autoawq(matrix_view<const std::int8_t> codes, matrix_view<std::uint32_t> out)
{
    for (std::size_t c = 0; c < codes.cols(); ++c) detail::pack_autoawq_line(codes, c, out.row(c));
}

/// AutoAWQ "gemm" `qzeros`, 4 bits: (out, groups) to (groups, out/8), in the same order.
constexpr void pack_autoawq_zero_points(matrix_view<const std::int8_t> zero_points, matrix_view<std::uint32_t> out)
{
    pack_autoawq(zero_points, out);
}

/// The inverse of `pack_autoawq`, and of `pack_autoawq_zero_points`.
constexpr void unpack_autoawq(matrix_view<const std::uint32_t> packed, matrix_view<std::int8_t> codes)
{
    for (std::size_t c = 0; c < codes.cols(); ++c)
        for (std::size_t r = 0; r < codes.rows(); ++r)
            for (std::size_t nibble = 0; nibble < 8; ++nibble)
                if (detail::autoawq_order[nibble] == r % 8)
                    codes(r, c) = detail::to_signed((packed(c, r / 8) >> (4 * nibble)) & 15u, 4);
}

/// GPTQ `qweight`: codes (out, in) to (packed_words(in), out), along the inputs.
constexpr void pack_gptq(matrix_view<const std::int8_t> codes, int bits, matrix_view<std::uint32_t> out)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::pack_line(
            codes.cols(), bits, [&](std::size_t c) { return detail::to_unsigned(codes(r, c), bits); },
            [&](std::size_t word, std::uint32_t value) { out(word, r) = value; });
}

/// GPTQ `qzeros` (checkpoint_format "gptq"): (out, groups) to (groups, packed_words(out)), each
/// stored as the zero point less 1.
constexpr void pack_gptq_zero_points(matrix_view<const std::int8_t> zero_points, int bits,
                                     matrix_view<std::uint32_t> out)
{
    const std::uint32_t mask = (1u << bits) - 1u;
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::pack_line(
            zero_points.rows(), bits,
            [&](std::size_t r) { return (detail::to_unsigned(zero_points(r, g), bits) - 1u) & mask; },
            [&](std::size_t word, std::uint32_t value) { out(g, word) = value; });
}

} // namespace awq

#endif
// ---- awq/version.hpp
#ifndef AWQ_VERSION_HPP
#define AWQ_VERSION_HPP

/// The version of the library; CMake reads these three lines.
#define AWQ_VERSION_MAJOR 0
#define AWQ_VERSION_MINOR 1
#define AWQ_VERSION_PATCH 0
#define AWQ_VERSION_STRING "0.1.0"
/// One number to compare: 10000 x major + 100 x minor + patch.
#define AWQ_VERSION (AWQ_VERSION_MAJOR * 10000 + AWQ_VERSION_MINOR * 100 + AWQ_VERSION_PATCH)

#endif

#endif
// ---- awq/execution/instruction_set.hpp
#ifndef AWQ_EXECUTION_INSTRUCTION_SET_HPP
#define AWQ_EXECUTION_INSTRUCTION_SET_HPP

// ---- awq/support/requires_hosted.hpp
#ifndef AWQ_SUPPORT_REQUIRES_HOSTED_HPP
#define AWQ_SUPPORT_REQUIRES_HOSTED_HPP

// Every header that needs a heap, files or threads includes this one first.
#if !AWQ_HOSTED
#error "awq: this header needs a hosted environment; with AWQ_HOSTED=0 include only <awq/core.hpp>"
#endif

#endif

// ---- awq/execution/kernels/multiply_add.hpp
#ifndef AWQ_EXECUTION_KERNELS_MULTIPLY_ADD_HPP
#define AWQ_EXECUTION_KERNELS_MULTIPLY_ADD_HPP

// ---- awq/execution/kernels/simd_batch.hpp
#ifndef AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP
#define AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP

// ---- awq/execution/kernels/one_lane.hpp
#ifndef AWQ_EXECUTION_KERNELS_ONE_LANE_HPP
#define AWQ_EXECUTION_KERNELS_ONE_LANE_HPP

#include <cmath>
#include <cstddef>

/// What the kernels use of xsimd, for processors that it does not know, such as RISC-V: a register holds
/// one number, and the same kernels become scalar code with the same bits.
namespace awq::kernels::one_lane {

struct default_arch {
    static constexpr const char* name() noexcept { return "scalar"; }
};

// The instruction sets that kernels ask for; none is there.
struct sse2;
struct sse4_2;
struct avx2;
struct avx512f;
struct neon64;
template <class Base>
struct fma3;

template <class T, class Arch = default_arch>
struct batch {
    static constexpr std::size_t size = 1;

    T value;

    batch() = default;
    explicit batch(T all) noexcept : value(all) {}
    template <class From>
    static batch load_unaligned(const From* from) noexcept
    {
        return batch(static_cast<T>(*from));
    }
    void store_unaligned(T* to) const noexcept { *to = value; }

    batch operator-() const noexcept { return batch(-value); }
    batch operator<<(int count) const noexcept { return batch(value << count); }
    friend batch operator+(batch a, batch b) noexcept { return batch(a.value + b.value); }
    friend batch operator-(batch a, batch b) noexcept { return batch(a.value - b.value); }
    friend batch operator*(batch a, batch b) noexcept { return batch(a.value * b.value); }
    friend batch operator/(batch a, batch b) noexcept { return batch(a.value / b.value); }
    friend bool operator<(batch a, batch b) noexcept { return a.value < b.value; }
};

template <class T, class Arch>
batch<T, Arch> fabs(batch<T, Arch> a) noexcept
{
    return batch<T, Arch>(std::fabs(a.value));
}

template <class T, class Arch>
batch<T, Arch> fma(batch<T, Arch> a, batch<T, Arch> b, batch<T, Arch> c) noexcept
{
    return batch<T, Arch>(std::fma(a.value, b.value, c.value));
}

/// The second where one is a NaN, as SSE's instruction.
template <class T, class Arch>
batch<T, Arch> min(batch<T, Arch> a, batch<T, Arch> b) noexcept
{
    return a < b ? a : b;
}

template <class T, class Arch>
batch<T, Arch> max(batch<T, Arch> a, batch<T, Arch> b) noexcept
{
    return b < a ? a : b;
}

template <class T, class Arch>
batch<T, Arch> select(bool chosen, batch<T, Arch> a, batch<T, Arch> b) noexcept
{
    return chosen ? a : b;
}

} // namespace awq::kernels::one_lane

#endif

// The one place where xsimd comes in. Third-party, but heap-free: everything here is registers.
#if AWQ_VECTOR_FLOATS > 1
#include <xsimd/xsimd.hpp>
#endif

#include <bit>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace awq::kernels {

#if AWQ_VECTOR_FLOATS > 1
namespace vectors = ::xsimd;
#else
namespace vectors = one_lane;
#endif

/// The widest instruction set that the including translation unit is compiled for. Kernels take it
/// as a defaulted template parameter, so that two units built with different flags and linked
/// together keep two instances instead of sharing one that half of the machines cannot run.
using default_arch = vectors::default_arch;

template <class Arch>
using float_batch = vectors::batch<float, Arch>;

template <class Arch>
using double_batch = vectors::batch<double, Arch>;

/// Floats in one register.
template <class Arch>
inline constexpr std::size_t lanes = float_batch<Arch>::size;

/// Vector registers of the instruction set: 32 on AVX-512 and on 64-bit ARM, else 16.
template <class Arch>
inline constexpr std::size_t register_count = lanes<Arch> == 16 || std::is_base_of_v<vectors::neon64, Arch> ? 32 : 16;

/// Calls f(0), f(1) ... f(Count - 1) with compile-time indices, unrolled at any optimisation level.
template <std::size_t Count, class F>
[[gnu::always_inline]] inline void unroll(F&& f)
{
    [&]<std::size_t... I>(std::index_sequence<I...>) AWQ_INLINED { (f(std::integral_constant<std::size_t, I>{}), ...); }
    (std::make_index_sequence<Count>{});
}

namespace detail {

/// part[i] + part[i + Count / 2] for all i, and so on until one is left.
template <std::size_t Count, class Batch>
[[gnu::always_inline]] inline Batch parts_sum(const Batch* part, std::size_t stride = 1)
{
    if constexpr (Count == 1)
        return part[0];
    else
        return parts_sum<Count / 2>(part, 2 * stride) + parts_sum<Count / 2>(part + stride, 2 * stride);
}

#if AWQ_VECTOR_FLOATS > 1
/// The same for the lanes of one register, as a vector of the compiler's own.
template <class Vector, std::size_t... I>
[[gnu::always_inline]] inline auto lanes_sum(const Vector& values, std::index_sequence<I...>)
{
    constexpr std::size_t half = sizeof...(I);
    const auto sum =
        __builtin_shufflevector(values, values, I...) + __builtin_shufflevector(values, values, (I + half)...);
    if constexpr (half == 2)
        return sum[0] + sum[1];
    else
        return lanes_sum(sum, std::make_index_sequence<half / 2>{});
}
#endif

} // namespace detail

/// Bytes of sums that run side by side, whatever the register holds: one register of AVX-512, two of
/// AVX2, four of SSE. So a sum along a row has the same bits on every instruction set.
inline constexpr std::size_t bytes_side_by_side = 64;

/// Sums of every 16th float, or of every 8th double.
template <class T, class Arch>
struct side_by_side {
    using batch = vectors::batch<T, Arch>;
    static constexpr std::size_t size = bytes_side_by_side / sizeof(T);
    static constexpr std::size_t parts = size / batch::size;
    static_assert(parts * batch::size == size);

    batch part[parts];

    [[gnu::always_inline]] explicit side_by_side(T start = T(0))
    {
        unroll<parts>([&](auto p) AWQ_INLINED { part[p] = batch(start); });
    }
    /// The sum of all, by halves: each and the one half of the way behind it.
    [[gnu::always_inline]] T total() const
    {
#if AWQ_VECTOR_FLOATS > 1
        using vector [[gnu::vector_size(sizeof(batch))]] = T;
        const vector sum = std::bit_cast<vector>(detail::parts_sum<parts>(part));
        if constexpr (batch::size == 2)
            return sum[0] + sum[1];
        else
            return detail::lanes_sum(sum, std::make_index_sequence<batch::size / 2>{});
#else
        return detail::parts_sum<parts>(part).value;
#endif
    }
};

/// Calls body(p, i) for every whole register from element i on that belongs to part p of
/// `side_by_side`, as long as all its parts are there; where the rest begins.
template <class T, class Arch, class Body>
[[gnu::always_inline]] inline std::size_t for_parts(std::size_t size, Body&& body)
{
    using sums = side_by_side<T, Arch>;
    std::size_t i = 0;
    for (; i + sums::size <= size; i += sums::size)
        unroll<sums::parts>([&](auto p) AWQ_INLINED { body(p, i + p * sums::batch::size); });
    return i;
}

} // namespace awq::kernels

#endif

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#if AWQ_GNU && defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace awq::kernels {

/// Whether the instruction set computes x * y + z with one rounding.
template <class Arch>
inline constexpr bool fuses = std::is_base_of_v<vectors::avx512f, Arch> || std::is_base_of_v<vectors::neon64, Arch>;
template <class Base>
inline constexpr bool fuses<vectors::fma3<Base>> = true;

/// How x * y + z is rounded.
enum class accumulation : unsigned char {
    native, ///< as is fastest: once where there is an instruction for it, else twice
    fused,  ///< once, in software where there is none
};

namespace detail {

/// x * y + z rounded once. The product is exact in double; the sum is rounded to odd there, so that
/// the second rounding, to float, still sees on which side of it the exact sum lies (Boldo and
/// Melquiond 2008, "Emulation of a FMA and correctly rounded sums").
inline float fused_in_software(float x, float y, float z) noexcept
{
    const double product = static_cast<double>(x) * y;
    const double sum = product + z;
    const double added = sum - product;
    const double lost = (product - (sum - added)) + (z - added);
    auto bits = std::bit_cast<std::int64_t>(sum);
    const bool inexact = lost < 0.0 || lost > 0.0; // neither where the sum is infinite
    if (inexact && (bits & 1) == 0) bits += (lost > 0.0) == (sum > 0.0) ? 1 : -1;
    return static_cast<float>(std::bit_cast<double>(bits));
}

/// The same lane by lane.
template <class Batch>
[[gnu::noinline]] Batch fused_lanes(const Batch& x, const Batch& y, const Batch& z) noexcept
{
    constexpr std::size_t size = Batch::size;
    float from[3][size];
    x.store_unaligned(from[0]);
    y.store_unaligned(from[1]);
    z.store_unaligned(from[2]);
    for (std::size_t i = 0; i < size; ++i) from[2][i] = fused_in_software(from[0][i], from[1][i], from[2][i]);
    return Batch::load_unaligned(from[2]);
}

#if AWQ_GNU && defined(__SSE2__)
/// The same for four floats. Without care for the first rounding the second does harm only where it
/// stands halfway between two floats, or among the subnormal ones: there the lanes go one by one.
template <class Batch>
[[gnu::always_inline]] inline Batch fused_by_doubles(const Batch& x, const Batch& y, const Batch& z)
{
    const auto upper = [](__m128 values) AWQ_INLINED { return _mm_cvtps_pd(_mm_movehl_ps(values, values)); };
    const __m128d low = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(x), _mm_cvtps_pd(y)), _mm_cvtps_pd(z));
    const __m128d high = _mm_add_pd(_mm_mul_pd(upper(x), upper(y)), upper(z));
    const __m128 sum = _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
    const __m128i tails =
        _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(low), _mm_castpd_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));
    const __m128i halfway =
        _mm_cmpeq_epi32(_mm_and_si128(tails, _mm_set1_epi32(0x1FFFFFFF)), _mm_set1_epi32(0x10000000));
    const __m128 magnitude = _mm_andnot_ps(_mm_set1_ps(-0.0f), sum);
    const __m128 small = _mm_cmple_ps(magnitude, _mm_set1_ps(FLT_MIN));
    if (_mm_movemask_ps(_mm_or_ps(small, _mm_castsi128_ps(halfway))) == 0) [[likely]]
        return sum;
    return fused_lanes(x, y, z);
}
#endif

} // namespace detail

/// x * y + z. xsimd 8 knows no fused instruction of AVX-512 and writes a product and a sum, which stay
/// two under -ffp-contract=off.
template <accumulation Kind = accumulation::native, class Arch>
[[gnu::always_inline]] inline float_batch<Arch> multiply_add(const float_batch<Arch>& x, const float_batch<Arch>& y,
                                                             const float_batch<Arch>& z)
{
#if AWQ_GNU && defined(__AVX512F__)
    if constexpr (std::is_base_of_v<vectors::avx512f, Arch>) return _mm512_fmadd_ps(x, y, z);
#endif
    if constexpr (fuses<Arch>)
        return vectors::fma(x, y, z);
    else if constexpr (Kind == accumulation::native)
        return x * y + z;
#if AWQ_GNU && defined(__SSE2__)
    else if constexpr (std::is_base_of_v<vectors::sse2, Arch>)
        return detail::fused_by_doubles(x, y, z);
#endif
    else
        return detail::fused_lanes(x, y, z);
}

/// The same for what is left beside whole registers, with the same bits.
template <accumulation Kind, class Arch>
[[gnu::always_inline]] inline float multiply_add(float x, float y, float z)
{
    if constexpr (fuses<Arch>)
        return std::fma(x, y, z);
    else if constexpr (Kind == accumulation::native)
        return x * y + z;
    else
        return detail::fused_in_software(x, y, z);
}

} // namespace awq::kernels

#endif

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
// ---- awq/execution/kernels/xsimd.hpp
#ifndef AWQ_EXECUTION_KERNELS_XSIMD_HPP
#define AWQ_EXECUTION_KERNELS_XSIMD_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// The kernels of `kernels/scalar.hpp` over SIMD registers; heap-free. Element-by-element kernels
/// and column sums give the same bits as the reference. Sums along a row run in 64 bytes side by side
/// and differ from it by a few units in the last place, but not from one instruction set to another:
/// nothing here is fused, which would pay only where memory is not the limit anyway.
namespace awq::kernels::simd {

namespace detail {

/// Calls body(first) for every whole register of `size` floats; where the rest begins.
template <class Arch, class Body>
[[gnu::always_inline]] inline std::size_t for_registers(std::size_t size, Body&& body)
{
    std::size_t i = 0;
    for (; i + lanes<Arch> <= size; i += lanes<Arch>) body(i);
    return i;
}

template <class Arch>
[[gnu::always_inline]] inline float_batch<Arch> load(std::span<const float> values, std::size_t i)
{
    return float_batch<Arch>::load_unaligned(values.data() + i);
}

template <class Arch>
[[gnu::always_inline]] inline float_batch<Arch> exponential(const float_batch<Arch>& x)
{
    using batch = float_batch<Arch>;
    // The second operand comes out where one is a NaN.
    const batch within = vectors::min(batch(exponential_ceiling), x);
    const batch power = kernels::detail::exponential_within<batch, vectors::batch<std::int32_t, Arch>>(within);
    return vectors::select(x < batch(exponential_floor), batch(0.0f), power);
}

/// Rows summed in one pass, so that the float64 sums are loaded and stored once for all of them.
inline constexpr std::size_t rows_at_once = 8;

/// sums[c] += value(x(t, c)) for `Rows` rows, in the order of the rows.
template <class Arch, std::size_t Rows, class Value>
void add_rows(matrix_view<const float> x, std::span<double> sums, Value value) noexcept
{
    using batch = double_batch<Arch>;
    constexpr std::size_t width = batch::size;
    std::size_t c = 0;
    for (; c + width <= x.cols(); c += width) {
        batch sum = batch::load_unaligned(sums.data() + c);
        unroll<Rows>([&](auto t)
                         AWQ_INLINED { sum = sum + value(batch::load_unaligned(x.data() + t * x.stride() + c)); });
        sum.store_unaligned(sums.data() + c);
    }
    for (; c < x.cols(); ++c)
        for (std::size_t t = 0; t < Rows; ++t) sums[c] += value(double{x(t, c)});
}

template <class Arch, class Value>
void add_columns(matrix_view<const float> x, std::span<double> sums, Value value) noexcept
{
    std::size_t t = 0;
    for (; t + rows_at_once <= x.rows(); t += rows_at_once)
        add_rows<Arch, rows_at_once>(x.rows_from(t, rows_at_once), sums, value);
    for (; t < x.rows(); ++t) add_rows<Arch, 1>(x.rows_from(t, 1), sums, value);
}

} // namespace detail

template <class Arch = default_arch>
void add_abs(matrix_view<const float> x, std::span<double> sums) noexcept
{
    detail::add_columns<Arch>(x, sums, [](auto value) {
        using std::fabs;
        using vectors::fabs;
        return fabs(value);
    });
}

template <class Arch = default_arch>
void add_squares(matrix_view<const float> x, std::span<double> sums) noexcept
{
    detail::add_columns<Arch>(x, sums, [](auto value) { return value * value; });
}

using scalar::min_max_pair;

template <class Arch = default_arch>
min_max_pair min_max(std::span<const float> values) noexcept
{
    side_by_side<float, Arch> low(values[0]), high(values[0]);
    const std::size_t rest = for_parts<float, Arch>(values.size(), [&](auto p, std::size_t i) {
        const auto value = detail::load<Arch>(values, i);
        low.part[p] = vectors::min(low.part[p], value);
        high.part[p] = vectors::max(high.part[p], value);
    });
    float lows[low.size], highs[high.size];
    std::memcpy(lows, low.part, sizeof lows);
    std::memcpy(highs, high.part, sizeof highs);
    min_max_pair found{scalar::min_max(lows).min, scalar::min_max(highs).max};
    for (const float value : values.subspan(rest)) {
        found.min = std::min(found.min, value);
        found.max = std::max(found.max, value);
    }
    return found;
}

template <class Arch = default_arch>
float dot(std::span<const float> a, std::span<const float> b) noexcept
{
    side_by_side<float, Arch> sums;
    const std::size_t rest = for_parts<float, Arch>(a.size(), [&](auto p, std::size_t i) {
        sums.part[p] = sums.part[p] + detail::load<Arch>(a, i) * detail::load<Arch>(b, i);
    });
    return sums.total() + scalar::dot(a.subspan(rest), b.subspan(rest));
}

template <class Arch = default_arch>
double sum_of_squares(std::span<const float> values) noexcept
{
    side_by_side<double, Arch> sums;
    const std::size_t rest = for_parts<double, Arch>(values.size(), [&](auto p, std::size_t i) {
        const auto value = double_batch<Arch>::load_unaligned(values.data() + i);
        sums.part[p] = sums.part[p] + value * value;
    });
    return sums.total() + scalar::sum_of_squares(values.subspan(rest));
}

template <class Arch = default_arch>
void add_scaled(float factor, std::span<const float> x, std::span<float> y) noexcept
{
    const float_batch<Arch> factors(factor);
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        const auto product = factors * detail::load<Arch>(x, i);
        (detail::load<Arch>(y, i) + product).store_unaligned(y.data() + i);
    });
    scalar::add_scaled(factor, x.subspan(rest), y.subspan(rest));
}

template <class Arch = default_arch>
void add(std::span<const float> x, std::span<float> y) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        (detail::load<Arch>(x, i) + detail::load<Arch>(y, i)).store_unaligned(y.data() + i);
    });
    scalar::add(x.subspan(rest), y.subspan(rest));
}

template <class Arch = default_arch>
void multiply(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(a.size(), [&](std::size_t i) {
        (detail::load<Arch>(a, i) * detail::load<Arch>(b, i)).store_unaligned(out.data() + i);
    });
    scalar::multiply(a.subspan(rest), b.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void divide(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(a.size(), [&](std::size_t i) {
        (detail::load<Arch>(a, i) / detail::load<Arch>(b, i)).store_unaligned(out.data() + i);
    });
    scalar::divide(a.subspan(rest), b.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void scale(float factor, std::span<const float> x, std::span<float> out) noexcept
{
    const float_batch<Arch> factors(factor);
    const std::size_t rest = detail::for_registers<Arch>(
        x.size(), [&](std::size_t i) { (factors * detail::load<Arch>(x, i)).store_unaligned(out.data() + i); });
    scalar::scale(factor, x.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> out,
              float offset = 0.0f) noexcept
{
    const double mean = simd::sum_of_squares<Arch>(x) / static_cast<double>(x.size());
    const auto inverse = static_cast<float>(1.0 / std::sqrt(mean + double{eps}));
    const float_batch<Arch> factors(inverse);
    const float_batch<Arch> offsets(offset);
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        const auto gain = detail::load<Arch>(weight, i) + offsets;
        (detail::load<Arch>(x, i) * factors * gain).store_unaligned(out.data() + i);
    });
    for (std::size_t i = rest; i < x.size(); ++i) out[i] = x[i] * inverse * (weight[i] + offset);
}

template <class Arch = default_arch>
void silu_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    const float_batch<Arch> one(1.0f);
    const std::size_t rest = detail::for_registers<Arch>(gate.size(), [&](std::size_t i) {
        const auto x = detail::load<Arch>(gate, i);
        const auto value = x / (one + detail::exponential<Arch>(-x)) * detail::load<Arch>(up, i);
        value.store_unaligned(out.data() + i);
    });
    scalar::silu_multiply(gate.subspan(rest), up.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void gelu_tanh_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    const float_batch<Arch> one(1.0f), cube(0.044715f), twice(-1.5957691216057308f);
    const std::size_t rest = detail::for_registers<Arch>(gate.size(), [&](std::size_t i) {
        const auto x = detail::load<Arch>(gate, i);
        const auto bent = twice * (x + cube * x * x * x);
        const auto value = x / (one + detail::exponential<Arch>(bent)) * detail::load<Arch>(up, i);
        value.store_unaligned(out.data() + i);
    });
    scalar::gelu_tanh_multiply(gate.subspan(rest), up.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
float exponentials(float factor, float shift, std::span<float> values) noexcept
{
    const float_batch<Arch> factors(factor);
    const float_batch<Arch> shifts(shift);
    side_by_side<float, Arch> sums;
    const std::size_t rest = for_parts<float, Arch>(values.size(), [&](auto p, std::size_t i) {
        const auto value = factors * detail::load<Arch>(values, i) - shifts;
        const auto power = detail::exponential<Arch>(value);
        power.store_unaligned(values.data() + i);
        sums.part[p] = sums.part[p] + power;
    });
    float sum = sums.total();
    for (float& value : values.subspan(rest)) sum += value = kernels::exponential(factor * value - shift);
    return sum;
}

template <class Arch = default_arch>
void softmax(float factor, std::span<float> values) noexcept
{
    const min_max_pair ends = simd::min_max<Arch>(values);
    const float shift = factor * (factor < 0.0f ? ends.min : ends.max);
    const float sum = simd::exponentials<Arch>(factor, shift, values);
    simd::scale<Arch>(1.0f / sum, values, values);
}

template <class Arch = default_arch>
void rotate(std::span<const float> cosines, std::span<const float> sines, std::span<float> first,
            std::span<float> second) noexcept
{
    const std::size_t rest = detail::for_registers<Arch>(first.size(), [&](std::size_t i) {
        const auto a = detail::load<Arch>(first, i);
        const auto b = detail::load<Arch>(second, i);
        const auto c = detail::load<Arch>(cosines, i);
        const auto s = detail::load<Arch>(sines, i);
        (a * c - b * s).store_unaligned(first.data() + i);
        (b * c + a * s).store_unaligned(second.data() + i);
    });
    scalar::rotate(cosines.subspan(rest), sines.subspan(rest), first.subspan(rest), second.subspan(rest));
}

} // namespace awq::kernels::simd

#endif
// ---- awq/execution/machines.hpp
#ifndef AWQ_EXECUTION_MACHINES_HPP
#define AWQ_EXECUTION_MACHINES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace awq {

/// Some of many things that lie in a row.
struct row_range {
    std::size_t first = 0, end = 0;

    std::size_t size() const noexcept { return end - first; }
    bool holds(std::size_t index) const noexcept { return index >= first && index < end; }
};

/// The processes that do one run together, on one machine or on several; each has a rank below their number. This one
/// is alone: whatever it is asked to exchange is there already. Others derive from it and say how bytes get from one
/// rank to another (`mpi_machines`); what is built on that, is built here, once.
///
/// All ranks make the same calls in the same order, from one thread. Where one of them cannot go on it says so by
/// `fail`, and the next call of every other ends with its error.
class AWQ_ABI_TAG machines {
public:
    machines() = default;
    machines(const machines&) = delete;
    machines& operator=(const machines&) = delete;
    virtual ~machines() = default;

    std::size_t rank() const noexcept { return rank_; }
    std::size_t size() const noexcept { return size_; }
    bool are_several() const noexcept { return size_ > 1; }
    /// The first writes, tells and answers for all.
    bool is_first() const noexcept { return rank_ == 0; }

    /// Which of `count` things in a row are this rank's: neighbours, so that what is done in order of the ranks is
    /// done in order of the things.
    row_range share(std::size_t count) const noexcept { return share_of(rank_, count); }
    row_range share_of(std::size_t rank, std::size_t count) const noexcept
    {
        return {rank * count / size_, (rank + 1) * count / size_};
    }

    /// Ends the run of all others with this error, which is one of this rank alone.
    virtual void fail(const error& /*why*/) noexcept {}

    /// All ranks get what `from` has.
    status broadcast(std::size_t from, std::span<std::byte> bytes)
    {
        if (rank_ != from) return receive(from, bytes);
        for (std::size_t to = 0; to < size_; ++to)
            if (to != from) AWQ_CHECK(send(to, bytes));
        return finish_sends();
    }

    /// Sums as one process makes them, which adds things in a row one after the other: `add(i)` adds this rank's
    /// things to `pieces[i]`, behind those of the ranks before it; all ranks get the whole. A rank works on one piece
    /// while the next works on the one before. Each piece goes around at most twice, so a rank sends and receives at
    /// most twice their size, however many ranks there are.
    template <class Add>
    status in_order(std::span<const std::span<std::byte>> pieces, const Add& add)
    {
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            if (rank_ > 0) AWQ_CHECK(receive(rank_ - 1, pieces[i]));
            AWQ_CHECK(add(i));
            if (are_several()) AWQ_CHECK(send(next(), pieces[i]));
        }
        AWQ_CHECK(finish_sends());
        if (rank_ + 1 == size_) return {};
        for (const std::span<std::byte> piece : pieces) {
            AWQ_CHECK(receive(rank_ > 0 ? rank_ - 1 : size_ - 1, piece));
            if (rank_ + 2 < size_) AWQ_CHECK(send(next(), piece));
        }
        return finish_sends();
    }

    /// Each rank has filled a part of `bytes`, its own; all get the whole. A rank sends and receives the whole less
    /// its part. `parts`: of each rank.
    status share_parts(std::span<std::byte> bytes, std::span<const row_range> parts)
    {
        const auto part = [&](std::size_t rank) {
            const row_range& range = parts[rank % size_];
            return bytes.subspan(range.first, range.size());
        };
        for (std::size_t step = 0; step + 1 < size_; ++step) {
            AWQ_CHECK(send(next(), part(rank_ + size_ - step)));
            AWQ_CHECK(receive((rank_ + size_ - 1) % size_, part(rank_ + 2 * size_ - step - 1)));
        }
        return finish_sends();
    }

    /// The same of rows of `row_bytes`; nobody knows which rows are another's.
    status share_rows(std::span<std::byte> bytes, std::size_t row_bytes, row_range own)
    {
        if (!are_several()) return {};
        std::vector<row_range> parts(size_), places(size_);
        for (std::size_t i = 0; i < size_; ++i) places[i] = {i * sizeof own, (i + 1) * sizeof own};
        parts[rank_] = {own.first * row_bytes, own.end * row_bytes};
        AWQ_CHECK(share_parts(std::as_writable_bytes(std::span{parts}), places));
        return share_parts(bytes, parts);
    }

    /// Replaces values by those of all ranks, one behind the other.
    template <class T>
    status join(std::vector<T>& values)
    {
        if (!are_several()) return {};
        std::vector<std::size_t> counts(size_);
        counts[rank_] = values.size();
        AWQ_CHECK(share_rows(std::as_writable_bytes(std::span{counts}), sizeof counts[0], {rank_, rank_ + 1}));
        std::size_t first = 0, sum = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            if (i < rank_) first += counts[i];
            sum += counts[i];
        }
        std::vector<T> joined(sum);
        std::ranges::copy(values, joined.begin() + static_cast<std::ptrdiff_t>(first));
        AWQ_CHECK(share_rows(std::as_writable_bytes(std::span{joined}), sizeof(T), {first, first + values.size()}));
        values = std::move(joined);
        return {};
    }

    /// Returns when all have called it.
    status meet()
    {
        std::vector<std::byte> seen(size_);
        return share_rows(seen, 1, {rank_, rank_ + 1});
    }

    /// The bytes that this rank has sent.
    std::uint64_t sent_bytes() const noexcept { return sent_; }

protected:
    machines(std::size_t rank, std::size_t size) noexcept : rank_(rank), size_(size) {}

    /// Begins to send, in order; the bytes stay as they are until `finish_sends`.
    virtual status begin_send(std::size_t /*to*/, std::span<const std::byte> /*bytes*/) { return {}; }
    virtual status receive_all(std::size_t /*from*/, std::span<std::byte> /*bytes*/) { return {}; }
    /// What was sent has left.
    virtual status finish_sends() { return {}; }

private:
    std::size_t next() const noexcept { return (rank_ + 1) % size_; }

    status send(std::size_t to, std::span<const std::byte> bytes)
    {
        sent_ += bytes.size();
        return bytes.empty() ? status{} : begin_send(to, bytes);
    }
    status receive(std::size_t from, std::span<std::byte> bytes)
    {
        return bytes.empty() ? status{} : receive_all(from, bytes);
    }

    std::size_t rank_ = 0, size_ = 1;
    std::uint64_t sent_ = 0;
};

/// A process that does its run alone.
inline machines& alone()
{
    static machines one;
    return one;
}

} // namespace awq

#endif
// ---- awq/execution/products/amx_tile.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_AMX_TILE_HPP
#define AWQ_EXECUTION_PRODUCTS_AMX_TILE_HPP

// ---- awq/execution/products/product_operand.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PRODUCT_OPERAND_HPP
#define AWQ_EXECUTION_PRODUCTS_PRODUCT_OPERAND_HPP

#include <cstddef>

namespace awq::detail {

/// One operand of a product c(i, j) = sum over d of a(i, d) b(j, d): `outer` is i or j. Elements in 16
/// bits are widened as they are packed.
template <class T>
struct product_operand {
    const T* data;
    std::size_t outer_stride;
    std::size_t depth_stride; ///< 1 or outer_stride is 1

    const T* at(std::size_t outer, std::size_t depth) const noexcept
    {
        return data + outer * outer_stride + depth * depth_stride;
    }
};

} // namespace awq::detail

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// Products of bfloat16 in the tile registers of Intel's Advanced Matrix Extensions ("Intel 64 and IA-32
// Architectures Software Developer's Manual", volume 1, chapter 18). The code is there whatever a translation
// unit is compiled for, and used where the processor and the system have it.
#if defined(__x86_64__) && defined(__linux__) && AWQ_GNU
#define AWQ_HAS_AMX 1
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define AWQ_HAS_AMX 0
#endif

namespace awq::detail {

#if AWQ_HAS_AMX

#define AWQ_AMX_CODE __attribute__((target("avx512f,avx512bw,avx512bf16,amx-tile,amx-bf16")))

/// Whether processor and system multiply tiles of bfloat16. Asks Linux for the permission to use them.
inline bool has_amx() noexcept
{
    static const bool found = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        constexpr unsigned bf16_tiles = 1u << 22, tiles = 1u << 24, bf16_vectors = 1u << 5;
        if (!__builtin_cpu_supports("avx512bw")) return false;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & bf16_tiles) || !(d & tiles)) return false;
        if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & bf16_vectors)) return false;
        constexpr long request_permission = 0x1023, tile_data = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
        return ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
    }();
    return found;
}

/// Sixteen registers of 16 pairs of bfloat16 each: a tile.
struct amx_rows {
    __m512i row[16];
};

/// Which bfloat16 of a float is packed: the nearest one, or the one nearest to what that leaves.
enum class bfloat16_part : unsigned char { nearest, rest };

template <bfloat16_part Part>
AWQ_AMX_CODE inline __m512 part_of(__m512 x) noexcept
{
    if constexpr (Part == bfloat16_part::nearest) return x;
    const __m512i nearest = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(x));
    return _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(nearest, 16)));
}

/// Pairs (2p, 2p + 1) of sixteen lines whose depth is contiguous: register i holds those of line i. What is
/// beyond `count` lines or `depth` is zero.
template <bfloat16_part Part>
AWQ_AMX_CODE inline amx_rows pairs_of_lines(const float* in, std::size_t stride, std::size_t count,
                                            std::size_t depth) noexcept
{
    const auto bits = static_cast<__mmask32>(depth >= 32 ? ~0u : (1u << depth) - 1);
    amx_rows made;
    for (std::size_t i = 0; i < 16; ++i) {
        const __mmask32 mask = i < count ? bits : 0;
        const float* const from = in + (i < count ? i * stride : 0);
        const __m512 low = part_of<Part>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from));
        const __m512 high = part_of<Part>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), from + 16));
        made.row[i] = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    }
    return made;
}

/// The same of lines that lie side by side: register p holds pair p of all lines.
template <bfloat16_part Part>
AWQ_AMX_CODE inline amx_rows pairs_of_columns(const float* in, std::size_t stride, std::size_t count,
                                              std::size_t depth) noexcept
{
    alignas(64) static constexpr std::uint16_t interleaved[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                                  21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                                  11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i order = _mm512_load_si512(interleaved);
    const auto bits = static_cast<__mmask16>(count >= 16 ? 0xffff : (1u << count) - 1);
    amx_rows made;
    for (std::size_t p = 0; p < 16; ++p) {
        const std::size_t d = 2 * p;
        const __m512 even = _mm512_maskz_loadu_ps(d < depth ? bits : 0, in + (d < depth ? d * stride : 0));
        const __m512 odd = _mm512_maskz_loadu_ps(d + 1 < depth ? bits : 0, in + (d + 1 < depth ? (d + 1) * stride : 0));
        made.row[p] =
            _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(part_of<Part>(odd), part_of<Part>(even)));
    }
    return made;
}

using sixteen_pairs [[gnu::vector_size(64)]] = std::int32_t;

/// Every second four of two registers' pairs, from the first or from the second on.
template <int First>
AWQ_AMX_CODE inline sixteen_pairs every_second_four(sixteen_pairs a, sixteen_pairs b) noexcept
{
    return __builtin_shufflevector(a, b, First, First + 1, First + 2, First + 3, First + 8, First + 9, First + 10,
                                   First + 11, First + 16, First + 17, First + 18, First + 19, First + 24, First + 25,
                                   First + 26, First + 27);
}

/// Transposes the four 4 x 4 squares that registers `at` to `at + 3` are.
AWQ_AMX_CODE inline void transpose_squares(const amx_rows& in, int at, sixteen_pairs* out) noexcept
{
    sixteen_pairs row[4], half[4];
    __builtin_memcpy(row, &in.row[at], sizeof row);
    for (int i = 0; i < 4; i += 2) {
        half[i] = __builtin_shufflevector(row[i], row[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        half[i + 1] =
            __builtin_shufflevector(row[i], row[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    }
    for (int i = 0; i < 2; ++i) {
        out[2 * i] =
            __builtin_shufflevector(half[i], half[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        out[2 * i + 1] =
            __builtin_shufflevector(half[i], half[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
}

/// Rows become columns, pairs staying together.
AWQ_AMX_CODE inline amx_rows transposed(const amx_rows& in) noexcept
{
    sixteen_pairs square[16], out[16];
    for (int i = 0; i < 16; i += 4) transpose_squares(in, i, square + i);
    for (int i = 0; i < 4; ++i) {
        const sixteen_pairs low0 = every_second_four<0>(square[i], square[i + 4]);
        const sixteen_pairs low1 = every_second_four<4>(square[i], square[i + 4]);
        const sixteen_pairs high0 = every_second_four<0>(square[i + 8], square[i + 12]);
        const sixteen_pairs high1 = every_second_four<4>(square[i + 8], square[i + 12]);
        out[i] = every_second_four<0>(low0, high0);
        out[i + 8] = every_second_four<4>(low0, high0);
        out[i + 4] = every_second_four<0>(low1, high1);
        out[i + 12] = every_second_four<4>(low1, high1);
    }
    amx_rows made;
    __builtin_memcpy(&made, out, sizeof made);
    return made;
}

/// The shapes of the eight tile registers: 16 rows of 64 bytes each.
struct amx_tile_config {
    alignas(64) std::uint8_t palette = 1;
    std::uint8_t start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(amx_tile_config) == 64);

// In memory for good: the compiler sees that its first bytes are read, and no others.
inline constexpr amx_tile_config whole_amx_tiles{};

/// One tile of a panel.
inline constexpr std::size_t amx_tile_size = 512;

/// Loads or clears the four tiles of sums, c (32, 32).
AWQ_AMX_CODE inline void begin_sums(const float* c, std::size_t stride, bool accumulate) noexcept
{
    if (!accumulate) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        return;
    }
    const std::size_t bytes = stride * sizeof(float);
    _tile_loadd(0, c, bytes);
    _tile_loadd(1, c + 16, bytes);
    _tile_loadd(2, c + 16 * stride, bytes);
    _tile_loadd(3, c + 16 * stride + 16, bytes);
}

AWQ_AMX_CODE inline void end_sums(float* c, std::size_t stride) noexcept
{
    const std::size_t bytes = stride * sizeof(float);
    _tile_stored(0, c, bytes);
    _tile_stored(1, c + 16, bytes);
    _tile_stored(2, c + 16 * stride, bytes);
    _tile_stored(3, c + 16 * stride + 16, bytes);
}

/// The sums += two tiles of a times two tiles of b. Tiles 4 and 5 hold a's afterwards.
AWQ_AMX_CODE inline void add_tiles(const std::uint16_t* a, const std::uint16_t* b) noexcept
{
    constexpr int line = 64;
    _tile_loadd(4, a, line);
    _tile_loadd(6, b, line);
    _tile_loadd(7, b + amx_tile_size, line);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + amx_tile_size, line);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/// The same with the tiles of a that are loaded.
AWQ_AMX_CODE inline void add_tiles_again(const std::uint16_t* b) noexcept
{
    constexpr int line = 64;
    _tile_loadd(6, b, line);
    _tile_loadd(7, b + amx_tile_size, line);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/// Panels of 32 lines in bfloat16, multiplied tile by tile into float32: a kernel of `packed_engine`. A panel
/// holds for each 32 of its depth two tiles of sixteen lines; those of b lie with the pairs of the depth as rows.
/// With two `Parts` a float is the sum of two bfloat16, so that 16 bits of its significand count: the tiles of the
/// rest lie behind those of the nearest, and of the four products all but that of the rests are added.
template <std::size_t Parts>
struct amx_kernel {
    using element = std::conditional_t<Parts == 1, std::uint16_t, std::uint32_t>;
    static constexpr std::size_t rows = 32, cols = 32;
    static constexpr std::size_t max_slab = 1024 / Parts, slab_step = 32, depth_step = 32;
    static constexpr std::size_t max_lines = 7168, panels_per_task = 1;

    static void pack_a(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, element* out) noexcept
    {
        pack(operand, first, count, from, depth, false, out);
    }
    static void pack_b(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, element* out) noexcept
    {
        pack(operand, first, count, from, depth, true, out);
    }

    struct tiles {
        /// c (32, 32) = or += the product of two panels, of `depth` a multiple of 32.
        AWQ_AMX_CODE void multiply(const element* a, const element* b, std::size_t depth, float* c, std::size_t stride,
                                   bool accumulate) const noexcept
        {
            begin_sums(c, stride, accumulate);
            for (std::size_t d = 0; d < depth; d += 32) {
                const auto* const left = reinterpret_cast<const std::uint16_t*>(a + 32 * d);
                const auto* const right = reinterpret_cast<const std::uint16_t*>(b + 32 * d);
                add_tiles(left, right);
                if constexpr (Parts == 2) {
                    add_tiles_again(right + 2 * amx_tile_size);
                    add_tiles(left + 2 * amx_tile_size, right);
                }
            }
            end_sums(c, stride);
        }
    };

    template <class Task>
    static void with_tiles(const Task& task)
    {
        configure();
        task(tiles{});
        release();
    }

private:
    AWQ_AMX_CODE static void configure() noexcept { _tile_loadconfig(&whole_amx_tiles); }
    AWQ_AMX_CODE static void release() noexcept { _tile_release(); }

    AWQ_AMX_CODE static void pack(product_operand<float> operand, std::size_t first, std::size_t count,
                                  std::size_t from, std::size_t depth, bool by_pairs, element* panel) noexcept
    {
        auto* out = reinterpret_cast<std::uint16_t*>(panel);
        for (std::size_t d = 0; d < depth; d += 32) {
            const std::size_t left = depth - d;
            out = pack_tiles<bfloat16_part::nearest>(operand, first, count, from + d, left, by_pairs, out);
            if constexpr (Parts == 2)
                out = pack_tiles<bfloat16_part::rest>(operand, first, count, from + d, left, by_pairs, out);
        }
    }

    /// Two tiles; gives where the next ones go.
    template <bfloat16_part Part>
    AWQ_AMX_CODE static std::uint16_t* pack_tiles(product_operand<float> operand, std::size_t first, std::size_t count,
                                                  std::size_t from, std::size_t depth, bool by_pairs,
                                                  std::uint16_t* out) noexcept
    {
        const bool is_lines = operand.depth_stride == 1;
        const std::size_t stride = is_lines ? operand.outer_stride : operand.depth_stride;
        for (std::size_t half = 0; half < 32; half += 16, out += amx_tile_size) {
            const std::size_t lines = count > half ? count - half : 0;
            const float* const in = operand.at(lines > 0 ? first + half : first, from);
            amx_rows pairs = is_lines ? pairs_of_lines<Part>(in, stride, lines, depth)
                                      : pairs_of_columns<Part>(in, stride, lines, depth);
            if (is_lines == by_pairs) pairs = transposed(pairs);
            for (std::size_t i = 0; i < 16; ++i) _mm512_storeu_si512(out + 32 * i, pairs.row[i]);
        }
        return out;
    }
};

#undef AWQ_AMX_CODE

#else

constexpr bool has_amx() noexcept { return false; }

#endif

} // namespace awq::detail

#endif
// ---- awq/execution/products/few_rows.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP
#define AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP

// ---- awq/execution/products/reproducible.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_REPRODUCIBLE_HPP
#define AWQ_EXECUTION_PRODUCTS_REPRODUCIBLE_HPP

#include <atomic>
#include <type_traits>

namespace awq {

/// Whether packed products give the same bits on processors without a fused multiply-add as on those
/// with one, ten times slower. Holds for the whole process; set it before work begins. Processors that
/// have the instruction (x86-64-v3 and later) agree anyway and do not look.
inline constinit std::atomic<bool> reproducible_products{false};

namespace detail {

/// Calls task(kind) with the kind of accumulation that products use now, as a constant.
template <class Arch, class Task>
void with_accumulation(const Task& task)
{
    using kernels::accumulation;
    if constexpr (!kernels::fuses<Arch>)
        if (reproducible_products.load(std::memory_order_relaxed))
            return task(std::integral_constant<accumulation, accumulation::fused>{});
    task(std::integral_constant<accumulation, accumulation::native>{});
}

} // namespace detail

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

// Products whose left operand has few rows, as when one token is generated: b is read once, so
// packing it would cost more than the product. No working memory.

namespace awq::detail {

/// Rows of a and of b whose products run together: the sums of `side_by_side` fill at most three
/// quarters of the registers.
template <class Arch>
struct dots_shape {
    static constexpr std::size_t parts = kernels::side_by_side<float, Arch>::parts;
    static constexpr bool fits = parts <= 4; // not where a register holds one number
    static constexpr std::size_t rows = parts == 1 ? 4 : fits ? 3 : 1;
    static constexpr std::size_t cols = fits ? 4 / parts : 1;
    static constexpr std::size_t cols_of_one_row = parts == 4 ? 3 : fits ? 4 : 1;
};

/// c[r][n] = dot(a row r, b row n) for Rows x Cols rows.
template <class Arch, kernels::accumulation Kind, std::size_t Rows, std::size_t Cols>
void multiply_dots(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, std::size_t depth,
                   float* c, std::size_t c_stride) noexcept
{
    using batch = kernels::float_batch<Arch>;
    kernels::side_by_side<float, Arch> sum[Rows][Cols];
    const std::size_t rest = kernels::for_parts<float, Arch>(depth, [&](auto p, std::size_t d) AWQ_INLINED {
        batch left[Rows];
        kernels::unroll<Rows>([&](auto r) AWQ_INLINED { left[r] = batch::load_unaligned(a + r * a_stride + d); });
        kernels::unroll<Cols>([&](auto n) AWQ_INLINED {
            const batch right = batch::load_unaligned(b + n * b_stride + d);
            kernels::unroll<Rows>([&](auto r) AWQ_INLINED {
                batch& to = sum[r][n].part[p];
                to = kernels::multiply_add<Kind>(left[r], right, to);
            });
        });
    });
    kernels::unroll<Rows * Cols>(
        [&](auto i) AWQ_INLINED { c[i / Cols * c_stride + i % Cols] = sum[i / Cols][i % Cols].total(); });
    for (std::size_t d = rest; d < depth; ++d)
        for (std::size_t i = 0; i < Rows * Cols; ++i) {
            float& to = c[i / Cols * c_stride + i % Cols];
            to = kernels::multiply_add<Kind, Arch>(a[i / Cols * a_stride + d], b[i % Cols * b_stride + d], to);
        }
}

template <class Arch, kernels::accumulation Kind, std::size_t Rows>
void multiply_few_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    using shape = dots_shape<Arch>;
    constexpr std::size_t cols = Rows == 1 ? shape::cols_of_one_row : shape::cols;
    const auto dots = [&](auto width, std::size_t j) {
        multiply_dots<Arch, Kind, Rows, width()>(a.data(), a.stride(), b.data() + j * b.stride(), b.stride(), a.cols(),
                                                 c.data() + j, c.stride());
    };
    std::size_t j = 0;
    for (; j + cols <= b.rows(); j += cols) dots(std::integral_constant<std::size_t, cols>{}, j);
    for (; j < b.rows(); ++j) dots(std::integral_constant<std::size_t, 1>{}, j);
}

/// c = a b^T, for the rows of b that one task takes.
template <class Arch, kernels::accumulation Kind>
void multiply_rows_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t step = dots_shape<Arch>::rows;
    std::size_t i = 0;
    for (; i + step <= a.rows(); i += step)
        multiply_few_nt<Arch, Kind, step>(a.rows_from(i, step), b, c.rows_from(i, step));
    for (; i < a.rows(); ++i) multiply_few_nt<Arch, Kind, 1>(a.rows_from(i, 1), b, c.rows_from(i, 1));
}

/// c = a b^T without packing. Tasks take fixed runs of b's rows.
template <class Arch, execution E>
void multiply_unpacked_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t floats_per_task = 1 << 16;
    const std::size_t grain = std::max<std::size_t>(4, floats_per_task / (b.cols() + 1) / 4 * 4);
    e.for_each(chunk_count(b.rows(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.rows() - first);
        with_accumulation<Arch>([&](auto kind) {
            multiply_rows_nt<Arch, kind()>(a, b.rows_from(first, count), c.cols_from(first, count));
        });
    });
}

/// One row of c = a b, `Batches` registers wide; b's rows are read where they lie.
template <class Arch, kernels::accumulation Kind, std::size_t Batches>
void multiply_columns_nn(const float* a, std::size_t depth, const float* b, std::size_t b_stride, float* c) noexcept
{
    using batch = kernels::float_batch<Arch>;
    batch sum[Batches];
    kernels::unroll<Batches>([&](auto n) AWQ_INLINED { sum[n] = batch(0.0f); });
    for (std::size_t d = 0; d < depth; ++d) {
        const batch left(a[d]);
        kernels::unroll<Batches>([&](auto n) AWQ_INLINED {
            const batch right = batch::load_unaligned(b + d * b_stride + n * batch::size);
            sum[n] = kernels::multiply_add<Kind>(left, right, sum[n]);
        });
    }
    kernels::unroll<Batches>([&](auto n) AWQ_INLINED { sum[n].store_unaligned(c + n * batch::size); });
}

template <class Arch, kernels::accumulation Kind>
void multiply_row_nn(std::span<const float> a, matrix_view<const float> b, float* c) noexcept
{
    constexpr std::size_t width = kernels::lanes<Arch>;
    std::size_t j = 0;
    for (; j + 4 * width <= b.cols(); j += 4 * width)
        multiply_columns_nn<Arch, Kind, 4>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j + width <= b.cols(); j += width)
        multiply_columns_nn<Arch, Kind, 1>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j < b.cols(); ++j) {
        float sum = 0.0f;
        for (std::size_t d = 0; d < a.size(); ++d) sum = kernels::multiply_add<Kind, Arch>(a[d], b(d, j), sum);
        c[j] = sum;
    }
}

/// c = a b without packing. Tasks take fixed runs of b's columns.
template <class Arch, execution E>
void multiply_unpacked_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t grain = 512;
    e.for_each(chunk_count(b.cols(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.cols() - first);
        with_accumulation<Arch>([&](auto kind) {
            for (std::size_t i = 0; i < a.rows(); ++i)
                multiply_row_nn<Arch, kind()>(a.row(i), b.cols_from(first, count), c.row(i).data() + first);
        });
    });
}

} // namespace awq::detail

#endif
// ---- awq/execution/products/packed.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_HPP

// ---- awq/execution/products/packed_engine.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_ENGINE_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_ENGINE_HPP

// ---- awq/execution/scratch.hpp
#ifndef AWQ_EXECUTION_SCRATCH_HPP
#define AWQ_EXECUTION_SCRATCH_HPP

#include <cstddef>
#include <new>
#include <span>
#include <utility>

namespace awq {

/// Working memory for one call of a kernel: 64-byte aligned, uninitialised floats that go back to a
/// list kept by the thread, so that the next call needs no allocation.
///
/// A list and not one buffer, because a thread that waits within a kernel may be given another task
/// that calls the same kernel. Empty where memory has run out: test it.
class scratch {
public:
    explicit scratch(std::size_t size) : size_(size)
    {
        if (size == 0) return;
        block_ = list().take(size);
        if (block_.capacity < size) block_ = block::allocate(std::move(block_), size);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() { list().give(block_); }

    /// Frees what this thread keeps for the next calls.
    static void drop_kept() noexcept { list().drop(); }

    explicit operator bool() const noexcept { return size_ == 0 || block_.data != nullptr; }
    float* data() const noexcept { return block_.data; }
    std::size_t size() const noexcept { return size_; }
    std::span<float> floats() const noexcept { return {block_.data, size_}; }

private:
    static constexpr std::align_val_t alignment{64};

    struct block {
        float* data = nullptr;
        std::size_t capacity = 0;

        static block allocate(block old, std::size_t size) noexcept
        {
            old.free();
            if (size > static_cast<std::size_t>(-1) / sizeof(float)) return {};
            void* memory = ::operator new(size * sizeof(float), alignment, std::nothrow);
            return {static_cast<float*>(memory), memory ? size : 0};
        }
        void free() noexcept { ::operator delete(data, alignment); }
    };

    /// At most `depth` buffers wait for reuse, and none that is very large.
    class free_list {
    public:
        free_list() = default;
        free_list(const free_list&) = delete;
        free_list& operator=(const free_list&) = delete;
        ~free_list() { drop(); }
        void drop() noexcept
        {
            for (; count_ > 0; --count_) blocks_[count_ - 1].free();
        }
        /// The smallest block that is large enough, else the largest, else none.
        block take(std::size_t size) noexcept
        {
            if (count_ == 0) return {};
            std::size_t best = 0;
            for (std::size_t i = 1; i < count_; ++i) {
                const bool fits = blocks_[i].capacity >= size;
                const bool smaller = blocks_[i].capacity < blocks_[best].capacity;
                if (blocks_[best].capacity < size ? !smaller : fits && smaller) best = i;
            }
            std::swap(blocks_[best], blocks_[--count_]);
            return blocks_[count_];
        }
        void give(block used) noexcept
        {
            if (used.data == nullptr) return;
            if (count_ == depth || used.capacity > largest_kept) return used.free();
            blocks_[count_++] = used;
        }

    private:
        static constexpr std::size_t depth = 16;
        static constexpr std::size_t largest_kept = std::size_t{1} << 25; // 128 MiB
        block blocks_[depth];
        std::size_t count_ = 0;
    };

    static free_list& list()
    {
        static thread_local free_list blocks;
        return blocks;
    }

    block block_;
    std::size_t size_ = 0;
};

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>

namespace awq {

namespace detail {

/// Which part of the output is computed.
enum class product_part : unsigned char { whole, upper };

/// c = or += a b^T over packed operands. Slabs of the depth are packed once by all threads, then the
/// output is cut into fixed tiles: the bits do not depend on who computes which.
///
/// A `Kernel` says how: `rows` x `cols` of c are a tile; panels of so many lines are packed as `element`s by
/// `pack_a` and `pack_b`, their depth filled up to a multiple of `depth_step` and cut at `max_slab`, at most
/// `max_lines` at once and `panels_per_task` by one task; `with_tiles(task)` calls task(tiles) with what multiplies
/// two panels.
template <class Kernel, execution E, class T = float>
class packed_engine {
public:
    packed_engine(const E& e, product_operand<T> a, product_operand<T> b, std::size_t depth, matrix_view<float> c,
                  bool accumulate, product_part part)
        : execution_(e), a_(a), b_(b), c_(c), depth_(depth), accumulate_(accumulate), part_(part),
          slab_(padded(chunk_count(depth, chunk_count(depth, Kernel::max_slab)), Kernel::slab_step)),
          packed_a_(floats_for(padded(std::min(c.rows(), max_rows), Kernel::rows) * slab_)),
          packed_b_(floats_for(padded(std::min(c.cols(), max_cols), Kernel::cols) * slab_))
    {}

    /// False where there was no memory for the packed operands; c is then untouched.
    [[nodiscard]] bool run()
    {
        if (!packed_a_ || !packed_b_) return false;
        for (std::size_t col = 0; col < c_.cols(); col += max_cols)
            for (std::size_t from = 0; from < depth_; from += slab_)
                multiply_slab(col, std::min(max_cols, c_.cols() - col), from, std::min(slab_, depth_ - from));
        return true;
    }

private:
    using element = typename Kernel::element;
    static constexpr std::size_t max_rows = chunk_count(Kernel::max_lines, Kernel::rows) * Kernel::rows;
    static constexpr std::size_t max_cols = chunk_count(Kernel::max_lines, Kernel::cols) * Kernel::cols;
    static constexpr std::size_t task_rows = chunk_count(128, Kernel::rows) * Kernel::rows;
    static constexpr std::size_t task_cols = chunk_count(256, Kernel::cols) * Kernel::cols;

    static constexpr std::size_t padded(std::size_t count, std::size_t unit) noexcept
    {
        return chunk_count(count, unit) * unit;
    }

    static constexpr std::size_t floats_for(std::size_t elements) noexcept
    {
        return chunk_count(elements * sizeof(element), sizeof(float));
    }

    element* packed(const scratch& memory) const noexcept { return reinterpret_cast<element*>(memory.data()); }

    /// What `pack_panel(first, count, out)` makes of `count` lines, `width` at a time.
    template <class PackPanel>
    void pack(std::size_t width, std::size_t first, std::size_t count, std::size_t depth, element* out,
              const PackPanel& pack_panel) const
    {
        const std::size_t panels = chunk_count(count, width), filled = padded(depth, Kernel::depth_step);
        execution_.for_each(chunk_count(panels, Kernel::panels_per_task), [=](std::size_t task) {
            const std::size_t end = std::min(panels, (task + 1) * Kernel::panels_per_task);
            for (std::size_t p = task * Kernel::panels_per_task; p < end; ++p)
                pack_panel(first + p * width, std::min(width, count - p * width), out + p * width * filled);
        });
    }

    void multiply_slab(std::size_t col, std::size_t cols, std::size_t from, std::size_t depth)
    {
        pack(Kernel::cols, col, cols, depth, packed(packed_b_),
             [&](std::size_t first, std::size_t count, element* out) {
                 Kernel::pack_b(b_, first, count, from, depth, out);
             });
        const std::size_t end = part_ == product_part::whole ? c_.rows() : col + cols;
        for (std::size_t row = 0; row < end; row += max_rows) {
            const std::size_t rows = std::min(max_rows, end - row);
            pack(Kernel::rows, row, rows, depth, packed(packed_a_),
                 [&](std::size_t first, std::size_t count, element* out) {
                     Kernel::pack_a(a_, first, count, from, depth, out);
                 });
            multiply_block(row, rows, col, cols, depth, accumulate_ || from > 0);
        }
    }

    void multiply_block(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols, std::size_t depth,
                        bool accumulate) const
    {
        const std::size_t down = chunk_count(rows, task_rows);
        const std::size_t across = chunk_count(cols, task_cols);
        execution_.for_each(down * across, [=, this](std::size_t task) {
            const std::size_t i = task % down * task_rows;
            const std::size_t j = task / down * task_cols;
            const std::size_t last = std::min(cols, j + task_cols);
            if (part_ == product_part::upper && col + last <= row + i) return;
            Kernel::with_tiles([&](const auto& tiles) {
                for (std::size_t n = j; n < last; n += Kernel::cols)
                    multiply_panel(tiles, row, i, std::min(rows, i + task_rows), col, n, last, depth, accumulate);
            });
        });
    }

    /// All register tiles of one panel of b, which stays in the first-level cache.
    template <class Tiles>
    void multiply_panel(const Tiles& tiles, std::size_t row, std::size_t i, std::size_t end, std::size_t col,
                        std::size_t n, std::size_t last, std::size_t depth, bool accumulate) const
    {
        const std::size_t filled = padded(depth, Kernel::depth_step);
        const element* b = packed(packed_b_) + n * filled;
        const std::size_t cols = std::min(Kernel::cols, last - n);
        for (; i < end; i += Kernel::rows) {
            if (part_ == product_part::upper && col + n + cols <= row + i) return;
            const std::size_t rows = std::min(Kernel::rows, end - i);
            const element* a = packed(packed_a_) + i * filled;
            float* out = &c_(row + i, col + n);
            if (rows == Kernel::rows && cols == Kernel::cols)
                tiles.multiply(a, b, filled, out, c_.stride(), accumulate);
            else
                multiply_edge(tiles, a, b, filled, out, rows, cols, accumulate);
        }
    }

    /// At the edge of c only `rows` x `cols` of a tile exist.
    template <class Tiles>
    void multiply_edge(const Tiles& tiles, const element* a, const element* b, std::size_t depth, float* c,
                       std::size_t rows, std::size_t cols, bool accumulate) const
    {
        alignas(64) float whole[Kernel::rows * Kernel::cols];
        tiles.multiply(a, b, depth, whole, Kernel::cols, false);
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t j = 0; j < cols; ++j) {
                const float sum = whole[r * Kernel::cols + j];
                float& out = c[r * c_.stride() + j];
                out = accumulate ? sum + out : sum; // adding 0 would change -0
            }
        }
    }

    const E& execution_;
    product_operand<T> a_;
    product_operand<T> b_;
    matrix_view<float> c_;
    std::size_t depth_;
    bool accumulate_;
    product_part part_;
    std::size_t slab_;
    scratch packed_a_;
    scratch packed_b_;
};

} // namespace detail

} // namespace awq

#endif
// ---- awq/execution/products/packed_tile.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_TILE_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_TILE_HPP

#include <algorithm>
#include <cstddef>

namespace awq::detail {

/// The register tile: `rows` x `cols` sums stay in registers while the depth runs (the scheme of
/// Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
template <class Arch>
struct tile_shape {
    static constexpr bool wide = kernels::register_count<Arch> == 32;
    static constexpr std::size_t batches = wide ? 4 : 2;
    static constexpr std::size_t rows = 6;
    static constexpr std::size_t cols = batches * kernels::lanes<Arch>;
};

#if AWQ_VECTOR_FLOATS > 1
using four_floats [[gnu::vector_size(16)]] = float;

/// Copies 4 x 4 floats transposed: out[d * width + i] = in[i * stride + d].
AWQ_ALWAYS_INLINE void transpose_4x4(const float* in, std::size_t stride, float* out, std::size_t width) noexcept
{
    four_floats row[4];
    for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(&row[i], in + i * stride, sizeof row[i]);
    const four_floats low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    const four_floats low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    const four_floats high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    const four_floats high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    for (std::size_t d = 0; d < 4; ++d) __builtin_memcpy(out + d * width, &row[d], sizeof row[d]);
}
#else
AWQ_ALWAYS_INLINE void transpose_4x4(const float* in, std::size_t stride, float* out, std::size_t width) noexcept
{
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t d = 0; d < 4; ++d) out[d * width + i] = in[i * stride + d];
}
#endif

/// Packs `count` <= Width lines of `Depth`, a multiple of 4.
template <std::size_t Width, std::size_t Depth>
void pack_square(const float* in, std::size_t stride, std::size_t count, float* out) noexcept
{
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (std::size_t d = 0; d < Depth; d += 4)
            transpose_4x4(in + i * stride + d, stride, out + d * Width + i, Width);
    for (; i < count; ++i)
        for (std::size_t d = 0; d < Depth; ++d) out[d * Width + i] = in[i * stride + d];
}

/// Packs `count` <= Width lines whose depth is contiguous: out[d * Width + i], zeros beyond `count`.
template <std::size_t Width>
void pack_lines(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                std::size_t depth, float* out) noexcept
{
    const std::size_t stride = operand.outer_stride;
    const float* in = operand.at(first, from);
    if (count < Width) std::fill_n(out, depth * Width, 0.0f);
    // Some cache lines of each row at once: rows often lie a multiple of 4 KiB apart, where a few
    // of them push each other out of the first-level cache.
    constexpr std::size_t step = 16;
    std::size_t d = 0;
    for (; d + step <= depth; d += step, in += step, out += step * Width)
        pack_square<Width, step>(in, stride, count, out);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t r = 0; r < depth - d; ++r) out[r * Width + i] = in[i * stride + r];
}

/// The same where neighbouring lines are contiguous.
template <std::size_t Width, class T>
void pack_columns(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from, std::size_t depth,
                  float* out) noexcept
{
    for (std::size_t d = 0; d < depth; ++d, out += Width) {
        const T* in = operand.at(first, from + d);
        if (count == Width) {
            for (std::size_t i = 0; i < Width; ++i) out[i] = static_cast<float>(in[i]);
        } else {
            for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]);
            std::fill(out + count, out + Width, 0.0f);
        }
    }
}

template <std::size_t Width>
void pack_panel(product_operand<float> operand, std::size_t first, std::size_t count, std::size_t from,
                std::size_t depth, float* out) noexcept
{
    if (operand.depth_stride == 1)
        pack_lines<Width>(operand, first, count, from, depth, out);
    else
        pack_columns<Width>(operand, first, count, from, depth, out);
}
/// In 16 bits neighbouring lines are contiguous, as in `add_gram`.
template <std::size_t Width, half_element T>
void pack_panel(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from, std::size_t depth,
                float* out) noexcept
{
    pack_columns<Width>(operand, first, count, from, depth, out);
}

/// One register tile: c (rows, cols) = or += the product of two packed panels.
template <class Arch, kernels::accumulation Kind>
void multiply_tile(const float* a, const float* b, std::size_t depth, float* c, std::size_t stride,
                   bool accumulate) noexcept
{
    using batch = kernels::float_batch<Arch>;
    using shape = tile_shape<Arch>;
    constexpr std::size_t width = batch::size;
    batch sum[shape::rows][shape::batches];
    kernels::unroll<shape::rows>([&](auto r) AWQ_INLINED {
        kernels::unroll<shape::batches>([&](auto n) AWQ_INLINED { sum[r][n] = batch(0.0f); });
    });
    for (std::size_t d = 0; d < depth; ++d, a += shape::rows, b += shape::cols) {
        batch right[shape::batches];
        kernels::unroll<shape::batches>([&](auto n) AWQ_INLINED { right[n] = batch::load_unaligned(b + n * width); });
        kernels::unroll<shape::rows>([&](auto r) AWQ_INLINED {
            const batch left(a[r]);
            kernels::unroll<shape::batches>(
                [&](auto n) AWQ_INLINED { sum[r][n] = kernels::multiply_add<Kind>(left, right[n], sum[r][n]); });
        });
    }
    kernels::unroll<shape::rows>([&](auto r) AWQ_INLINED {
        kernels::unroll<shape::batches>([&](auto n) AWQ_INLINED {
            float* out = c + r * stride + n * width;
            if (accumulate) sum[r][n] = sum[r][n] + batch::load_unaligned(out);
            sum[r][n].store_unaligned(out);
        });
    });
}

/// Panels of floats, multiplied in SIMD registers: a kernel of `packed_engine`.
template <class Arch>
struct float_kernel {
    using element = float;
    static constexpr std::size_t rows = tile_shape<Arch>::rows;
    static constexpr std::size_t cols = tile_shape<Arch>::cols;
    static constexpr std::size_t max_slab = 320, slab_step = 16, depth_step = 1;
    static constexpr std::size_t max_lines = 3072, panels_per_task = 4;

    template <class T>
    static void pack_a(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, float* out) noexcept
    {
        pack_panel<rows>(operand, first, count, from, depth, out);
    }
    template <class T>
    static void pack_b(product_operand<T> operand, std::size_t first, std::size_t count, std::size_t from,
                       std::size_t depth, float* out) noexcept
    {
        pack_panel<cols>(operand, first, count, from, depth, out);
    }

    template <kernels::accumulation Kind>
    struct tiles {
        void multiply(const float* a, const float* b, std::size_t depth, float* c, std::size_t stride,
                      bool accumulate) const noexcept
        {
            multiply_tile<Arch, Kind>(a, b, depth, c, stride, accumulate);
        }
    };

    template <class Task>
    static void with_tiles(const Task& task)
    {
        with_accumulation<Arch>([&](auto kind) { task(tiles<kind()>{}); });
    }
};

} // namespace awq::detail

#endif

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace awq {

/// Matrix products by a packed micro-kernel over SIMD registers: the default provider. Header-only,
/// as wide as the instruction set that the translation unit is compiled for.
///
/// Threads come from the execution alone; the output is cut into fixed tiles, so the result has the
/// same bits at any number of threads. Every sum runs in the same order whatever the registers hold;
/// one rounding more, where there is no fused multiply-add, is `reproducible_products`' to undo. Calls
/// may nest within other tasks of the same execution.
/// Where the execution's `operands` are `precision::mixed` and the processor multiplies tiles of bfloat16, both
/// operands are rounded to it (to nearest, ties to even) and the sums stay float32, in the same order at any
/// number of threads. Products of few rows stay float32.
/// Where they are `precision::split`, each operand is the sum of two bfloat16.
/// Working memory (at most 30 MiB) is kept by each thread; without it the calls still work, slowly.
/// Operands may have strides; the output must not overlap an input.
struct packed_product {
    /// Left operands with fewer rows are multiplied without packing b, which pays only when each
    /// packed value is used often; b as it lies is read badly by columns, so there it pays sooner.
    static constexpr std::size_t min_packed_rows_nt = 32;
    static constexpr std::size_t min_packed_rows_nn = 8;

    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows_nt && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), b.stride(), 1}, a.cols(), c))
            return;
        detail::multiply_unpacked_nt<Arch>(e, a, b, c);
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows_nn && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), 1, b.stride()}, a.cols(), c))
            return;
        detail::multiply_unpacked_nn<Arch>(e, a, b, c);
    }

    /// g += x^T x: x (tokens, k), g (k, k). The upper triangle is computed and mirrored: what the
    /// lower triangle of g held before is lost.
    template <execution E, class Arch = kernels::default_arch>
    static void add_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        add_gram_of<Arch>(e, x, g);
    }
    /// The same for inputs in 16 bits, which are widened as they are packed: the same bits.
    template <execution E, half_element T, class Arch = kernels::default_arch>
    static void add_gram(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        add_gram_of<Arch>(e, x, g);
    }

    /// The upper triangle of g += x^T x alone, for `mirror_upper` when all is added; what is below the diagonal is
    /// undefined until then.
    template <execution E, class Arch = kernels::default_arch>
    static void add_upper_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!add_upper<Arch>(e, x, g)) plain_product::add_gram(e, x, g);
    }

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!run<Arch>(e, {x.data(), 1, x.stride()}, {y.data(), 1, y.stride()}, x.rows(), g, true))
            plain_product::add_cross_gram(e, x, y, g);
    }

private:
    template <class Arch, execution E, class T>
    static void add_gram_of(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!add_upper<Arch>(e, x, g)) return plain_product::add_gram(e, x, g);
        mirror_upper(e, g);
    }

    template <class Arch, execution E, class T>
    [[nodiscard]] static bool add_upper(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        const detail::product_operand<T> columns{x.data(), 1, x.stride()};
        return run<Arch>(e, columns, columns, x.rows(), g, true, detail::product_part::upper);
    }

    template <class Arch, execution E, class T = float>
    [[nodiscard]] static bool run(const E& e, detail::product_operand<T> a, detail::product_operand<T> b,
                                  std::size_t depth, matrix_view<float> c, bool accumulate = false,
                                  detail::product_part part = detail::product_part::whole)
    {
#if AWQ_HAS_AMX
        if constexpr (std::is_same_v<T, float>) {
            const bool has_tiles = operands_of(e) != precision::float32 && detail::has_amx();
            if (has_tiles && operands_of(e) == precision::mixed)
                return detail::packed_engine<detail::amx_kernel<1>, E>(e, a, b, depth, c, accumulate, part).run();
            if (has_tiles)
                return detail::packed_engine<detail::amx_kernel<2>, E>(e, a, b, depth, c, accumulate, part).run();
        }
#endif
        return detail::packed_engine<detail::float_kernel<Arch>, E, T>(e, a, b, depth, c, accumulate, part).run();
    }
};

} // namespace awq

#endif
// ---- awq/execution/tbb_execution.hpp
#ifndef AWQ_EXECUTION_TBB_EXECUTION_HPP
#define AWQ_EXECUTION_TBB_EXECUTION_HPP

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>

namespace awq {

namespace detail {

/// Calls `run(task, first, last)` for parts of 0 to `count` on TBB's threads: TBB's templates are compiled once, not
/// for each task.
inline void split_by_tbb(std::size_t count, void* task, void (*run)(void*, std::size_t, std::size_t))
{
    tbb::parallel_for(tbb::blocked_range<std::size_t>{0, count},
                      [=](const tbb::blocked_range<std::size_t>& part) { run(task, part.begin(), part.end()); });
}

} // namespace detail

/// Does the work on TBB's threads. To limit their number, hold a `tbb::global_control` or call from
/// within a `tbb::task_arena`, as for any TBB code.
struct tbb_execution {
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "tbb";

    precision operands = precision::float32; ///< of large products

    template <class Task>
    void for_each(std::size_t count, Task&& task) const
    {
        if (count == 1) return task(std::size_t{0});
        using called = std::remove_reference_t<Task>;
        detail::split_by_tbb(count, const_cast<std::remove_const_t<called>*>(std::addressof(task)),
                             [](void* one, std::size_t first, std::size_t last) {
                                 for (; first != last; ++first) (*static_cast<called*>(one))(first);
                             });
    }
};

static_assert(execution<tbb_execution>);

} // namespace awq

#endif
// ---- awq/quantization/any_quantizer.hpp
#ifndef AWQ_QUANTIZATION_ANY_QUANTIZER_HPP
#define AWQ_QUANTIZATION_ANY_QUANTIZER_HPP

// ---- awq/quantization/weight_format.hpp
#ifndef AWQ_QUANTIZATION_WEIGHT_FORMAT_HPP
#define AWQ_QUANTIZATION_WEIGHT_FORMAT_HPP

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace awq {

/// Integers, in groups of neighbouring columns.
struct integer_format {
    scheme format;
    std::size_t group_size = 128; ///< 0: per channel

    friend bool operator==(const integer_format&, const integer_format&) = default;
};

/// FP8 E4M3, with a scale for each block of rows and columns.
struct fp8_format {
    std::size_t block_rows = 1;
    std::size_t block_cols = 0; ///< 0: the whole row

    friend bool operator==(const fp8_format&, const fp8_format&) = default;
};

/// FP4 E2M1.
struct fp4_format {
    fp4_kind kind = fp4_kind::nvfp4;

    friend bool operator==(const fp4_format&, const fp4_format&) = default;
};

/// What servers do with a quantized layer's inputs, as the checkpoint tells them. Runs and readers
/// leave activations as they are.
enum class activation_rounding {
    none,
    int8_token, ///< to 8-bit integers, each token by its own scale
    fp8_token,  ///< to FP8, each token by its own scale
    fp8_group,  ///< to FP8, each 128 channels of a token by their own scale
    fp4_group,  ///< to NVFP4, by a scale of the whole input that calibration finds
};

/// How a checkpoint stores a quantized linear layer.
struct weight_format {
    using weights_type = std::variant<integer_format, fp8_format, fp4_format>;

    weights_type weights;
    activation_rounding activations = activation_rounding::none;

    weight_format() = default;
    template <class Weights>
    requires(std::constructible_from<weights_type, const Weights&>) constexpr weight_format(
        const Weights& how, activation_rounding inputs = activation_rounding::none)
        : weights(how), activations(inputs)
    {}

    const integer_format* integers() const noexcept { return std::get_if<integer_format>(&weights); }

    friend bool operator==(const weight_format&, const weight_format&) = default;
};

/// The format of a layer by its full name ("model.layers.0.mlp.up_proj"); nothing where the layer
/// stays as it is.
using weight_format_choice = std::function<std::optional<weight_format>(std::string_view)>;

/// For texts: "W4A16_ASYM g128", "FP8 128x128", "NVFP4".
inline std::string describe(const integer_format& how)
{
    return std::string{name_of(how.format)} +
           (how.group_size == 0 ? " per channel" : " g" + std::to_string(how.group_size));
}
inline std::string describe(const fp8_format& how)
{
    if (how.block_cols == 0 && how.block_rows == 1) return "FP8 per channel";
    return "FP8 " + std::to_string(how.block_rows) + "x" + std::to_string(how.block_cols);
}
inline std::string describe(const fp4_format& how) { return name_of(how.kind); }
inline std::string describe(const weight_format& how)
{
    return std::visit([](const auto& weights) { return describe(weights); }, how.weights);
}

} // namespace awq

#endif

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace awq {

/// What a quantizer's weights are stored as, where that is a format of checkpoints.
inline integer_format format_of(const integer_quantizer& q) { return {q.format, q.group_size}; }
inline fp8_format format_of(const fp8_quantizer& q) { return {q.block_rows, q.block_cols}; }
inline fp4_format format_of(const fp4_quantizer& q) { return {q.kind}; }

/// A quantizer chosen at run time, so that the layers of one mapping may differ in format.
class any_quantizer {
public:
    any_quantizer() = default;
    template <quantizer Q>
    requires(!std::same_as<Q, any_quantizer>) any_quantizer(const Q& chosen) : chosen_(chosen) {}

    /// Calls `action` with the quantizer itself.
    template <class Action>
    decltype(auto) visit(Action&& action) const
    {
        return std::visit(std::forward<Action>(action), chosen_);
    }

    status check(std::size_t in_features) const
    {
        return visit([&](const auto& q) -> status { return q.check(in_features); });
    }
    std::size_t row_block() const
    {
        return visit([](const auto& q) -> std::size_t { return q.row_block(); });
    }
    std::size_t scale_columns(std::size_t in_features) const
    {
        return visit([&](const auto& q) -> std::size_t { return q.scale_columns(in_features); });
    }
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const;

    bool needs_magnitude() const
    {
        return visit([]([[maybe_unused]] const auto& q) -> bool {
            if constexpr (magnitude_quantizer<std::decay_t<decltype(q)>>) return q.needs_magnitude();
            return false;
        });
    }
    any_quantizer for_magnitude(float largest) const
    {
        return visit([&](const auto& q) -> any_quantizer {
            if constexpr (magnitude_quantizer<std::decay_t<decltype(q)>>) return q.for_magnitude(largest);
            return q;
        });
    }
    static float magnitude_of(matrix_view<const float> rows) noexcept { return fp4_quantizer::magnitude_of(rows); }

    /// For reports: "W4A16_ASYM g128", "FP8 per channel", "Q4_K".
    std::string name() const
    {
        if (const auto* blocks = get_if<gguf::simd_block_quantizer>())
            return std::string{gguf::name_of(blocks->type())};
        return visit([](const auto& q) -> std::string {
            if constexpr (requires { format_of(q); }) return describe(format_of(q));
            return {};
        });
    }

    /// The quantizer itself, or null where another one was chosen.
    template <class Q>
    const Q* get_if() const noexcept
    {
        return std::get_if<Q>(&chosen_);
    }

private:
    std::variant<integer_quantizer, fp8_quantizer, fp4_quantizer, gguf::simd_block_quantizer> chosen_;
};

#if AWQ_COMPILES_KERNELS
AWQ_COMPILED void any_quantizer::pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                                                 matrix_view<float> out) const
{
    visit([&](const auto& q) { q.pseudo_quantize(rows, importance, out); });
}
#endif

static_assert(magnitude_quantizer<any_quantizer>);

} // namespace awq

#endif
// ---- awq/support/catch_out_of_memory.hpp
#ifndef AWQ_SUPPORT_CATCH_OUT_OF_MEMORY_HPP
#define AWQ_SUPPORT_CATCH_OUT_OF_MEMORY_HPP

#include <string_view>
#include <type_traits>
#if AWQ_EXCEPTIONS
#include <new>
#include <stdexcept>
#endif

namespace awq {

/// What to do where a run of a model does not fit into memory.
inline constexpr std::string_view use_less_memory =
    "take fewer samples or shorter sequences, or give the program more memory";

/// The same for what is read or written piece by piece.
inline constexpr std::string_view give_more_memory = "give the program more memory";

/// What `step()` (a result) gives, or `out_of_memory` where an allocation failed in it, on any thread
/// that it waits for: "WHERE: out of memory; ADVICE". Entry points that need a heap run in it. Where the
/// program is compiled without exceptions, a failed allocation ends it.
template <class Step>
std::invoke_result_t<Step&> catch_out_of_memory([[maybe_unused]] std::string_view where,
                                                [[maybe_unused]] std::string_view advice, Step&& step)
{
#if AWQ_EXCEPTIONS
    try {
        return step();
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) { // a size that no container can have
    }
    return error{error_code::out_of_memory, where, ": out of memory; ", advice};
#else
    return step();
#endif
}

} // namespace awq

#endif
// ---- awq/support/nearest_name.hpp
#ifndef AWQ_SUPPORT_NEAREST_NAME_HPP
#define AWQ_SUPPORT_NEAREST_NAME_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Letters to insert, remove, replace or swap with a neighbour to make one name from the other
/// (optimal string alignment); upper and lower case and "-" and "_" count as the same.
inline std::size_t edit_distance(std::string_view a, std::string_view b)
{
    const auto plain = [](char c) {
        return c == '-' ? '_' : 'A' <= c && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    const auto same = [&](char x, char y) { return plain(x) == plain(y); };
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0u : 1u)});
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(now);
    }
    return last[b.size()];
}

/// The known name that was most likely meant: at most a third of the letters are wrong. Empty where
/// none is that near. `known`: any range of texts.
template <class Names>
std::string_view nearest_name(std::string_view name, const Names& known)
{
    constexpr std::size_t longest = 64;
    std::string_view nearest;
    if (name.size() > longest) return nearest;
    std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
    for (const std::string_view each : known)
        if (const std::size_t distance = edit_distance(name, each); distance < least) {
            least = distance;
            nearest = each;
        }
    return nearest;
}

/// "a, b, c".
template <class Names>
std::string join_names(const Names& names)
{
    std::string text;
    for (const std::string_view each : names) text += (text.empty() ? "" : ", ") + std::string{each};
    return text;
}

/// For the end of an error text: "did you mean 'n_grid'? known: ..." or the known names alone.
template <class Names>
std::string known_names(std::string_view name, const Names& known)
{
    const std::string_view nearest = nearest_name(name, known);
    const std::string guess = nearest.empty() ? "" : "did you mean '" + std::string{nearest} + "'? ";
    return guess + "known: " + join_names(known);
}

} // namespace awq

#endif
// ---- awq/support/notice.hpp
#ifndef AWQ_SUPPORT_NOTICE_HPP
#define AWQ_SUPPORT_NOTICE_HPP

// ---- awq/support/printable.hpp
#ifndef AWQ_SUPPORT_PRINTABLE_HPP
#define AWQ_SUPPORT_PRINTABLE_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace awq {

/// A name that came out of a file, made fit for a one-line error text: control characters become '?', and a
/// name longer than `limit` bytes is cut and ends in "...".
inline std::string printable(std::string_view name, std::size_t limit = 120)
{
    std::string shown{name.substr(0, limit)};
    for (char& each : shown)
        if (static_cast<unsigned char>(each) < 0x20 || each == 0x7F) each = '?';
    if (name.size() > limit) {
        while (!shown.empty() && (static_cast<unsigned char>(shown.back()) & 0xC0) == 0x80)
            shown.pop_back(); // do not end inside a UTF-8 sequence
        if (!shown.empty() && static_cast<unsigned char>(shown.back()) >= 0xC0) shown.pop_back();
        shown += "...";
    }
    return shown;
}

/// The first line of a text.
inline std::string_view one_line(std::string_view text) noexcept { return text.substr(0, text.find_first_of("\r\n")); }

} // namespace awq

#endif

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// One sentence about a run that goes on: what was dropped, fell back or had no effect.
struct notice {
    enum class severity {
        note,    ///< the result is what was asked for
        warning, ///< the result may be worse than what was asked for
    };
    severity level = severity::note;
    std::string text; ///< one line: what (as the user named it), where, what to do
};

/// Whoever started a run shows a notice when it comes; may be empty.
using notice_callback = std::function<void(const notice&)>;

/// The notices of a run, in order: shown as they come, kept for the report.
class notice_list {
public:
    notice_list() = default;
    explicit notice_list(notice_callback show) : show_(std::move(show)) {}

    void note(std::string_view text) { add({notice::severity::note, std::string{text}}); }
    void warn(std::string_view text) { add({notice::severity::warning, std::string{text}}); }

    /// Control characters, which come out of files, become '?'.
    void add(notice made)
    {
        made.text = printable(made.text, made.text.size());
        if (show_) show_(made);
        all_.push_back(std::move(made));
    }

    std::size_t size() const noexcept { return all_.size(); }
    bool empty() const noexcept { return all_.empty(); }
    const notice& operator[](std::size_t i) const { return all_[i]; }
    auto begin() const noexcept { return all_.begin(); }
    auto end() const noexcept { return all_.end(); }

private:
    notice_callback show_;
    std::vector<notice> all_;
};

/// "warning: ..." for a warning, the plain text for a note: a line of a report.
inline std::string line_of(const notice& from)
{
    return from.level == notice::severity::warning ? "warning: " + from.text : from.text;
}

} // namespace awq

#endif
// ---- awq/support/parse_double.hpp
#ifndef AWQ_SUPPORT_PARSE_DOUBLE_HPP
#define AWQ_SUPPORT_PARSE_DOUBLE_HPP

#include <clocale>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#if __has_include(<xlocale.h>)
#include <xlocale.h>
#endif

namespace awq {

namespace detail {

// `std::strtod` as in the locale "C", whatever the program's own.
inline double strtod_in_c(const char* text, char** end)
{
#ifdef _WIN32
    static const _locale_t c = _create_locale(LC_ALL, "C");
    return _strtod_l(text, end, c);
#else
    static const locale_t c = newlocale(LC_ALL_MASK, "C", locale_t{});
    return strtod_l(text, end, c);
#endif
}

} // namespace detail

/// The decimal number, "inf", "infinity" or "nan" that the whole of `text` is, as the nearest double (infinite or 0
/// where it is beyond the range); a '-' may come first. Nothing for any other text. For `std::from_chars`, which
/// libc++ before version 20 does not have for double.
inline std::optional<double> parse_double(std::string_view text)
{
    const std::string_view unsigned_text = text.substr(text.starts_with('-') ? 1 : 0);
    const bool starts_well = unsigned_text.find_first_of("0123456789.iInN") == 0;
    if (!starts_well || unsigned_text.find_first_of("xX(") != text.npos) return std::nullopt;
    const std::string terminated{text};
    char* end = nullptr;
    const double value = detail::strtod_in_c(terminated.c_str(), &end);
    if (end != terminated.c_str() + terminated.size()) return std::nullopt;
    return value;
}

} // namespace awq

#endif
// ---- awq/tensor/xtensor_backend.hpp
#ifndef AWQ_TENSOR_XTENSOR_BACKEND_HPP
#define AWQ_TENSOR_XTENSOR_BACKEND_HPP

// xtensor 0.26 moved its headers into folders.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xtensor.hpp>
#endif

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace awq {

/// Tensors are `xt::xtensor`s, row-major; products run in the packed micro-kernel.
struct xtensor_backend {
    using policy_axis = axis::backend;
    using product = packed_product;
    template <class T>
    using matrix_of = xt::xtensor<T, 2, xt::layout_type::row_major>;
    template <class T>
    using vector_of = xt::xtensor<T, 1, xt::layout_type::row_major>;
    using matrix = matrix_of<float>;
    using vector = vector_of<float>;

    /// A matrix of that shape; its elements are not initialised.
    template <class T = float>
    static matrix_of<T> make(std::size_t rows, std::size_t cols)
    {
        return matrix_of<T>(std::array<std::size_t, 2>{rows, cols});
    }

    /// Working memory of that many floats, not initialised; null where there is none.
    static std::unique_ptr<float[]> make_workspace(std::size_t size) noexcept
    {
        return std::unique_ptr<float[]>{new (std::nothrow) float[size]};
    }

    /// Of floats, f16 or bf16.
    template <class T>
    static matrix_view<T> view(matrix_of<T>& tensor) noexcept
    {
        return {tensor.data(), tensor.shape()[0], tensor.shape()[1]};
    }
    template <class T>
    static matrix_view<const T> view(const matrix_of<T>& tensor) noexcept
    {
        return {tensor.data(), tensor.shape()[0], tensor.shape()[1]};
    }
    template <class T>
    static matrix_view<T> view(vector_of<T>& tensor) noexcept
    {
        return {tensor.data(), 1, tensor.shape()[0]};
    }
    template <class T>
    static matrix_view<const T> view(const vector_of<T>& tensor) noexcept
    {
        return {tensor.data(), 1, tensor.shape()[0]};
    }
    /// Views and spans of memory that somebody else owns are welcome too.
    template <class T>
    static constexpr matrix_view<T> view(matrix_view<T> tensor) noexcept
    {
        return tensor;
    }
    template <class T, std::size_t Extent>
    static constexpr matrix_view<T> view(std::span<T, Extent> vector) noexcept
    {
        return as_row(std::span<T>{vector});
    }

    /// An xtensor expression over a contiguous view, for whole-array glue; it owns nothing.
    static auto adapt(matrix_view<float> contiguous)
    {
        return xt::adapt(contiguous.data(), contiguous.size(), xt::no_ownership(),
                         std::array<std::size_t, 2>{contiguous.rows(), contiguous.cols()});
    }
};

static_assert(tensor_backend<xtensor_backend>);

} // namespace awq

#endif

#endif
