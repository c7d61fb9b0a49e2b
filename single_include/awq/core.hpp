// SPDX-License-Identifier: MIT
// awq 0.1.0, awq/core.hpp in one file. Written by single_include/amalgamate.py; do not edit.

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

    constexpr bool keeps(std::size_t token) const noexcept
    {
        return token >= keep_.size() || keep_[token] != 0;
    }
    /// How many of the first `tokens` tokens count.
    constexpr std::size_t kept(std::size_t tokens) const noexcept
    {
        std::size_t count = 0;
        for (std::size_t t = 0; t < tokens; ++t)
            count += keeps(t) ? 1 : 0;
        return count;
    }
    /// Calls `action(first, count)` for every run of tokens that count.
    template <class Action>
    constexpr void for_each_run(std::size_t tokens, Action&& action) const
    {
        for (std::size_t first = 0; first < tokens;) {
            std::size_t end = first;
            while (end < tokens && keeps(end))
                ++end;
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
concept policy = requires { typename T::policy_axis; };

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
concept execution = policy_of<E, axis::execution> && requires(const E& e, detail::any_task task) {
    { E::name } -> std::convertible_to<std::string_view>;
    { e.for_each(std::size_t{}, task) } -> std::same_as<void>;
};

/// How many chunks of at most `grain` items cover `count` items.
constexpr std::size_t chunk_count(std::size_t count, std::size_t grain) noexcept
{
    return (count + grain - 1) / grain;
}

} // namespace awq

#endif
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

/// 1: `result<T>::value()` exists and throws `awq::exception`. 0: errors are values only.
#ifndef AWQ_EXCEPTIONS
#if defined(__cpp_exceptions) && AWQ_HOSTED
#define AWQ_EXCEPTIONS 1
#else
#define AWQ_EXCEPTIONS 0
#endif
#endif

/// Bytes that an `awq::error` reserves for its text; longer texts are cut.
#ifndef AWQ_ERROR_TEXT_SIZE
#if AWQ_HOSTED
#define AWQ_ERROR_TEXT_SIZE 480
#else
#define AWQ_ERROR_TEXT_SIZE 96
#endif
#endif

// Asks the compiler to inline the bodies that target-specific wrappers share.
#define AWQ_ALWAYS_INLINE [[gnu::always_inline]] inline

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
    invalid_argument,    ///< a value that the caller chose is not allowed
    shape_mismatch,      ///< two tensors, or a tensor and a group size, do not fit together
    workspace_too_small, ///< the caller's memory is smaller than `workspace_size` asks for
    not_finite,          ///< a NaN or an infinity where only numbers are allowed
    no_candidate,        ///< no scale candidate gave a finite error
    not_calibrated,      ///< no activations were observed
    file_not_found,
    file_unreadable,
    file_unwritable,
    file_exists,         ///< the output is already there and overwriting was not asked for
    malformed_file,      ///< a file does not follow its own format
    missing_tensor,
    missing_field,
    unknown_architecture,
    unsupported,         ///< well formed, but a thing that this library does not do
    out_of_memory,
};

/// One short phrase for each code, for logs; never null.
constexpr std::string_view message(error_code code) noexcept
{
    switch (code) {
    case error_code::none: return "no error";
    case error_code::invalid_argument: return "invalid argument";
    case error_code::shape_mismatch: return "shape mismatch";
    case error_code::workspace_too_small: return "workspace too small";
    case error_code::not_finite: return "not a finite number";
    case error_code::no_candidate: return "no usable scale candidate";
    case error_code::not_calibrated: return "not calibrated";
    case error_code::file_not_found: return "file not found";
    case error_code::file_unreadable: return "file cannot be read";
    case error_code::file_unwritable: return "file cannot be written";
    case error_code::file_exists: return "file exists";
    case error_code::malformed_file: return "malformed file";
    case error_code::missing_tensor: return "missing tensor";
    case error_code::missing_field: return "missing field";
    case error_code::unknown_architecture: return "unknown architecture";
    case error_code::unsupported: return "unsupported";
    case error_code::out_of_memory: return "out of memory";
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

/// An error as a value: its kind, and one line that says what, where and what to do.
/// Owns its text in place (no heap); a text longer than AWQ_ERROR_TEXT_SIZE is cut.
class error {
public:
    /// Joins strings and numbers into the text: error{code, path, ": header of ", n, " bytes"}.
    template <class... Parts>
    explicit constexpr error(error_code code, const Parts&... parts) noexcept : code_(code)
    {
        (append(parts), ...);
    }

    constexpr error_code code() const noexcept { return code_; }
    constexpr std::string_view text() const noexcept { return {text_, size_}; }

    /// The same error with `where` and ": " put before its text, as it passes up through a reader.
    constexpr error within(std::string_view where) const noexcept
    {
        return error{code_, where, ": ", text()};
    }

private:
    constexpr void append(std::string_view part) noexcept
    {
        const std::size_t room = std::min(part.size(), sizeof text_ - size_);
        std::copy_n(part.data(), room, text_ + size_);
        size_ += room;
    }

    constexpr void append(const char* part) noexcept { append(std::string_view{part}); }
    constexpr void append(char part) noexcept { append(std::string_view{&part, 1}); }

    template <class Number>
        requires(std::integral<Number> || std::floating_point<Number>) &&
                (!std::same_as<Number, bool>)
    void append(Number number) noexcept
    {
        const auto written = std::to_chars(text_ + size_, text_ + sizeof text_, number);
        if (written.ec == std::errc{}) size_ = static_cast<std::size_t>(written.ptr - text_);
    }

    error_code code_;
    std::size_t size_ = 0;
    char text_[AWQ_ERROR_TEXT_SIZE] = {};
};

} // namespace awq

#endif

#include <memory>
#include <type_traits>
#include <utility>
#if AWQ_EXCEPTIONS
#include <stdexcept>
#include <string>
#endif

namespace awq {

#if AWQ_EXCEPTIONS
/// Thrown by `result<T>::value()` only.
class exception : public std::runtime_error {
public:
    explicit exception(const error& cause)
        : std::runtime_error(std::string{cause.text()}), code_(cause.code())
    {
    }
    error_code code() const noexcept { return code_; }

private:
    error_code code_;
};
#endif

/// A value or an `awq::error`. Test it, then use `*` and `->`; both need a value to be there.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(const T& value) : has_value_(true) { std::construct_at(&value_, value); }
    result(T&& value) : has_value_(true) { std::construct_at(&value_, std::move(value)); }
    result(const error& cause) noexcept : has_value_(false) { std::construct_at(&error_, cause); }
    result(const result& other) : has_value_(other.has_value_) { copy_from(other); }
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
            std::construct_at(&value_, std::forward<Other>(other).value_);
        else
            std::construct_at(&error_, other.error_);
    }

    void destroy() noexcept
    {
        if (has_value_)
            std::destroy_at(&value_);
        else
            std::destroy_at(&error_);
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

} // namespace awq

#define AWQ_JOIN_NAMES_(a, b) a##b
#define AWQ_JOIN_NAMES(a, b) AWQ_JOIN_NAMES_(a, b)

/// AWQ_TRY(auto value, expression): the expression's value, or return its error from this function.
#define AWQ_TRY(declaration, ...)                                                                  \
    auto&& AWQ_JOIN_NAMES(awq_result_, __LINE__) = (__VA_ARGS__);                                  \
    if (!AWQ_JOIN_NAMES(awq_result_, __LINE__))                                                    \
        return AWQ_JOIN_NAMES(awq_result_, __LINE__).error();                                      \
    declaration = *std::move(AWQ_JOIN_NAMES(awq_result_, __LINE__))

/// AWQ_CHECK(expression): return the expression's error from this function, if it has one.
#define AWQ_CHECK(...)                                                                             \
    do {                                                                                           \
        if (auto&& awq_status = (__VA_ARGS__); !awq_status) return awq_status.error();             \
    } while (false)

#endif
// ---- awq/tensor/backend_concept.hpp
#ifndef AWQ_TENSOR_BACKEND_CONCEPT_HPP
#define AWQ_TENSOR_BACKEND_CONCEPT_HPP

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
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols) noexcept
        : matrix_view(data, rows, cols, cols)
    {
    }
    /// `stride`: elements from the start of one row to the start of the next, at least `cols`.
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols, std::size_t stride) noexcept
        : data_(data), rows_(rows), cols_(cols), stride_(stride)
    {
    }
    template <class U>
        requires std::is_same_v<const U, T>
    constexpr matrix_view(const matrix_view<U>& other) noexcept
        : matrix_view(other.data(), other.rows(), other.cols(), other.stride())
    {
    }

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t rows() const noexcept { return rows_; }
    constexpr std::size_t cols() const noexcept { return cols_; }
    constexpr std::size_t stride() const noexcept { return stride_; }
    constexpr std::size_t size() const noexcept { return rows_ * cols_; }
    constexpr bool empty() const noexcept { return size() == 0; }
    constexpr bool contiguous() const noexcept { return stride_ == cols_; }

    constexpr std::span<T> row(std::size_t index) const noexcept
    {
        return {data_ + index * stride_, cols_};
    }
    constexpr T& operator()(std::size_t row, std::size_t col) const noexcept
    {
        return data_[row * stride_ + col];
    }
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

#include <concepts>

namespace awq {

namespace axis {
struct backend; // defined by name only; the other axes are in policy/axis.hpp
} // namespace axis

// The matrix-product providers; each is defined in execution/products/<name>.hpp.
struct plain_product;    ///< one loop, core, the reference
struct packed_product;   ///< packed xsimd micro-kernel (H), the default
struct openblas_product; ///< OpenBLAS (H, opt-in)
struct onednn_product;   ///< oneDNN in bf16 (H, opt-in)

/// Who owns tensors, and who multiplies them.
///
/// - `B::product`: one of the matrix-product providers above.
/// - `B::view(tensor)`: a `matrix_view` of each tensor type that the backend accepts.
template <class B>
concept tensor_backend = requires {
    typename B::product;
    requires std::same_as<typename B::policy_axis, axis::backend>;
    { B::view(matrix_view<float>{}) } -> std::same_as<matrix_view<float>>;
};

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
        std::is_convertible_v<Memory&, std::span<float>> constexpr workspace(
            Memory& memory) noexcept
        : free_(memory)
    {}

    /// `count` objects of T, value-initialised unless T is float; empty where the memory is too
    /// small.
    template <class T>
    requires std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> std::span<T>
    take(std::size_t count)
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
        constexpr std::size_t padding =
            alignof(T) > alignof(float) ? alignof(T) / sizeof(float) : 0;
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

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

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
        return 2 * workspace::size_for<double>(in_features) +
               (with_gram ? in_features * in_features : 0);
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

    /// Adds a batch of inputs, (tokens, in_features), with the tokens that the mask keeps.
    /// `Product`: the matrix product that adds to the Gram matrix.
    template <class Product, execution E>
    status observe(const E& how, matrix_view<const float> x, loss_mask mask = {});

    /// Adds the sums of `other`, which has the same shape and the same parts.
    status merge(const activation_stats& other) noexcept;

    /// Mean of |x| per channel, in float, into `out`. not_calibrated without tokens.
    status mean_abs(std::span<float> out) const noexcept { return mean_of(abs_sum, out); }

    /// Mean of x^2 per channel: the importance that GGUF quantizers take.
    status mean_square(std::span<float> out) const noexcept { return mean_of(square_sum, out); }

  private:
    status mean_of(std::span<const double> sums, std::span<float> out) const noexcept
    {
        if (tokens == 0)
            return error{error_code::not_calibrated,
                         "activation statistics: no token was observed"};
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

// Sixteen rows are added in float, where no bit of weight is lost, then go into the double sums.
inline void add_magnitudes(matrix_view<const float> x, double* abs_sum, double* square_sum) noexcept
{
    constexpr std::size_t width = 64, rows = 16;
    float sums[width], squares[width];
    for (std::size_t first = 0; first < x.rows(); first += rows) {
        std::fill_n(sums, width, 0.0f);
        std::fill_n(squares, width, 0.0f);
        const std::size_t end = std::min(first + rows, x.rows());
        for (std::size_t r = first; r < end; ++r) {
            const float* const values = x.row(r).data();
            for (std::size_t c = 0; c < x.cols(); ++c) {
                sums[c] += std::fabs(values[c]);
                squares[c] += values[c] * values[c];
            }
        }
        if (abs_sum != nullptr)
            for (std::size_t c = 0; c < x.cols(); ++c)
                abs_sum[c] += static_cast<double>(sums[c]);
        if (square_sum != nullptr)
            for (std::size_t c = 0; c < x.cols(); ++c)
                square_sum[c] += static_cast<double>(squares[c]);
    }
}

} // namespace detail

template <class Product, execution E>
status activation_stats::observe(const E& how, matrix_view<const float> x, loss_mask mask)
{
    const auto fits = [&](std::size_t size) { return size == 0 || size == x.cols(); };
    if (!fits(abs_sum.size()) || !fits(square_sum.size()) || !fits(gram.cols()))
        return error{error_code::shape_mismatch,
                     "activation statistics: a batch has ",
                     x.cols(),
                     " channels, ",
                     abs_sum.size(),
                     " expected"};
    constexpr std::size_t width = 64;
    mask.for_each_run(x.rows(), [&](std::size_t first, std::size_t count) {
        const matrix_view<const float> run = x.rows_from(first, count);
        how.for_each(chunk_count(x.cols(), width), [&](std::size_t chunk) {
            const std::size_t at = chunk * width, columns = std::min(width, x.cols() - at);
            detail::add_magnitudes(run.cols_from(at, columns),
                                   abs_sum.empty() ? nullptr : abs_sum.data() + at,
                                   square_sum.empty() ? nullptr : square_sum.data() + at);
        });
        if (!gram.empty()) Product::add_gram(how, run, gram);
        tokens += count;
    });
    return {};
}

inline status activation_stats::merge(const activation_stats& other) noexcept
{
    if (abs_sum.size() != other.abs_sum.size() || square_sum.size() != other.square_sum.size() ||
        gram.cols() != other.gram.cols())
        return error{error_code::shape_mismatch, "activation statistics of different shapes"};
    for (std::size_t i = 0; i < abs_sum.size(); ++i)
        abs_sum[i] += other.abs_sum[i];
    for (std::size_t i = 0; i < square_sum.size(); ++i)
        square_sum[i] += other.square_sum[i];
    for (std::size_t r = 0; r < gram.rows(); ++r)
        for (std::size_t c = 0; c < gram.cols(); ++c)
            gram(r, c) += other.gram(r, c);
    tokens += other.tokens;
    return {};
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
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
    {
        e.for_each(c.rows(), [=](std::size_t i) {
            for (std::size_t j = 0; j < c.cols(); ++j) c(i, j) = dot(a, i, b, j);
        });
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
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

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y,
                               matrix_view<float> g)
    {
        e.for_each(g.rows(), [=](std::size_t i) {
            for (std::size_t t = 0; t < x.rows(); ++t) add_scaled(x(t, i), y, t, g, i);
        });
    }

private:
    static float dot(matrix_view<const float> a, std::size_t i, matrix_view<const float> b,
                     std::size_t j) noexcept
    {
        float sum = 0.0f;
        for (std::size_t k = 0; k < a.cols(); ++k) sum += a(i, k) * b(j, k);
        return sum;
    }

    static void add_scaled(float factor, matrix_view<const float> b, std::size_t row,
                           matrix_view<float> c, std::size_t out) noexcept
    {
        for (std::size_t j = 0; j < c.cols(); ++j) c(out, j) += factor * b(row, j);
    }
};

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

    template <class Task>
    constexpr void for_each(std::size_t count, Task&& task) const
    {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
};

static_assert(execution<serial_execution>);

} // namespace awq

#endif
// ---- awq/quantization/integer_quantizer.hpp
#ifndef AWQ_QUANTIZATION_INTEGER_QUANTIZER_HPP
#define AWQ_QUANTIZATION_INTEGER_QUANTIZER_HPP

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

    constexpr float smallest() const noexcept { return -static_cast<float>(1 << (bits - 1)); }
    constexpr float largest() const noexcept { return static_cast<float>((1 << (bits - 1)) - 1); }
    /// Distance of the smallest and the largest code.
    constexpr float width() const noexcept { return static_cast<float>((1 << bits) - 1); }

    friend constexpr bool operator==(const scheme&, const scheme&) = default;
};

/// The same as a type, for a modifier's mode: `smooth_and_quantize<w4a16_asym>`.
template <int Bits, bool Symmetric>
struct integer_scheme {
    static_assert(2 <= Bits && Bits <= 8, "awq: an integer scheme has 2 to 8 bits");
    static constexpr int bits = Bits;
    static constexpr bool symmetric = Symmetric;
    static constexpr scheme value{Bits, Symmetric};
};

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
    constexpr std::string_view names[][2] = {{"W2A16_ASYM", "W2A16"}, {"W3A16_ASYM", "W3A16"},
                                             {"W4A16_ASYM", "W4A16"}, {"W5A16_ASYM", "W5A16"},
                                             {"W6A16_ASYM", "W6A16"}, {"W7A16_ASYM", "W7A16"},
                                             {"W8A16_ASYM", "W8A16"}};
    if (value.bits < 2 || value.bits > 8) return "unknown";
    return names[value.bits - 2][value.symmetric ? 1 : 0];
}

/// The scheme of that name, in upper or lower case; an error lists what is allowed.
inline result<scheme> parse_scheme(std::string_view name)
{
    const auto same = [](std::string_view a, std::string_view b) {
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const char upper = 'a' <= a[i] && a[i] <= 'z' ? static_cast<char>(a[i] - 32) : a[i];
            if (upper != b[i]) return false;
        }
        return true;
    };
    for (int bits = 2; bits <= 8; ++bits)
        for (const bool symmetric : {false, true})
            if (same(name, name_of(scheme{bits, symmetric}))) return scheme{bits, symmetric};
    return error{error_code::unsupported, "scheme '", name,
                 "': use W2A16 to W8A16 (symmetric) or W2A16_ASYM to W8A16_ASYM"};
}

} // namespace awq

#endif
// ---- awq/quantization/storage_rounding.hpp
#ifndef AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP
#define AWQ_QUANTIZATION_STORAGE_ROUNDING_HPP

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
    constexpr explicit bf16(float value) noexcept : bits(round(std::bit_cast<std::uint32_t>(value)))
    {
    }
    constexpr explicit operator float() const noexcept
    {
        return std::bit_cast<float>(std::uint32_t{bits} << 16);
    }
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
    constexpr explicit f16(float value) noexcept : bits(round(std::bit_cast<std::uint32_t>(value)))
    {
    }
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
    constexpr std::string_view names[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
                                          "I16",  "U16", "F16", "BF16",    "I32",
                                          "U32",  "F32", "F64", "I64",     "U64"};
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

#include <span>

namespace awq {

/// Rounds a float as a tensor of type T stores it. With T = float nothing is lost.
template <class T>
struct storage_rounding {
    /// The distance of 1 and the next value.
    static constexpr float epsilon = 0x1p-23f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept { return value; }
};
template <>
struct storage_rounding<bf16> {
    static constexpr float epsilon = 0x1p-7f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept
    {
        return static_cast<float>(bf16{value});
    }
};
template <>
struct storage_rounding<f16> {
    static constexpr float epsilon = 0x1p-10f;
    AWQ_ALWAYS_INLINE static float round(float value) noexcept
    {
        return static_cast<float>(f16{value});
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

/// Rounds every value to `storage`, in place.
inline void round_to_storage(dtype storage, std::span<float> values) noexcept
{
    if (storage != dtype::bf16 && storage != dtype::f16) return;
    with_storage(storage, [values](auto rounding) {
        for (float& value : values)
            value = rounding.round(value);
    });
}

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>

namespace awq {

/// What a group of weights shares: value = (code - zero_point) * scale. The zero point is a whole
/// number in the range of the codes, 0 in symmetric schemes.
struct qparams {
    float scale = 1.0f;
    float zero_point = 0.0f;
};

/// The smallest and the largest weight of a group.
struct value_range {
    float smallest = 0.0f;
    float largest = 0.0f;
};

/// To the nearest whole number, ties to even; for |value| < 2^22. Vectorises on every target.
AWQ_ALWAYS_INLINE float round_half_even(float value) noexcept
{
    constexpr float shift = 0x1.8p23f;
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
template <class Rounding>
AWQ_ALWAYS_INLINE qparams make_qparams(value_range range, const scheme& format, Rounding) noexcept
{
    qparams made;
    if (format.symmetric) {
        const float magnitude = std::max(-range.smallest, range.largest);
        made.scale = Rounding::round(magnitude / (format.width() / 2.0f));
    } else {
        const float distance = Rounding::round(range.largest - range.smallest);
        made.scale = Rounding::round(distance / format.width());
        const float steps = Rounding::round(range.smallest / made.scale);
        const float zero = Rounding::round(format.smallest() - steps);
        // An all-zero group gives 0/0; compressed-tensors turns that NaN into zero point 0.
        const bool is_number = zero == zero;
        made.zero_point =
            is_number ? round_half_even(std::clamp(zero, format.smallest(), format.largest()))
                      : 0.0f;
    }
    if (made.scale == 0.0f) made.scale = Rounding::epsilon;
    return made;
}

/// The code of a weight, as a float. The clamp comes before the rounding to a whole number.
template <class Rounding>
AWQ_ALWAYS_INLINE float code_of(float weight, const qparams& shared, float smallest, float largest,
                                Rounding) noexcept
{
    float code = Rounding::round(weight / shared.scale);
    code = Rounding::round(code + shared.zero_point);
    code = code < smallest ? smallest : code;
    code = code > largest ? largest : code;
    return round_half_even(code);
}

/// The weight that a code stands for.
template <class Rounding>
AWQ_ALWAYS_INLINE float value_of(float code, const qparams& shared, Rounding) noexcept
{
    return Rounding::round((code - shared.zero_point) * shared.scale);
}

} // namespace awq

#endif
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
concept quantizer = requires(const Q& q, matrix_view<const float> rows,
                             std::span<const float> importance, matrix_view<float> out) {
    { q.check(std::size_t{}) } -> std::same_as<result<void>>;
    { q.row_block() } -> std::convertible_to<std::size_t>;
    { q.scale_columns(std::size_t{}) } -> std::convertible_to<std::size_t>;
    { q.pseudo_quantize(rows, importance, out) } -> std::same_as<void>;
};

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// Rounds weights to integers that share a scale (and a zero point) within a group of neighbouring
/// columns, with the numbers of compressed-tensors. Models `quantizer`.
struct integer_quantizer {
    /// Bits of a code (2 to 8), and whether the zero point is always 0.
    scheme format{};
    /// Columns that share a scale; 0: the whole row (per channel).
    std::size_t group_size = 128;
    /// f32: exact. bf16 or f16: every intermediate is rounded as in a model of that dtype.
    dtype storage = dtype::f32;

    /// shape_mismatch where groups do not cut a row evenly, invalid_argument for a bad bit count.
    status check(std::size_t in_features) const noexcept
    {
        if (format.bits < 2 || format.bits > 8)
            return error{error_code::invalid_argument, "integer scheme with ", format.bits,
                         " bits: choose 2 to 8"};
        if (in_features == 0 || (group_size != 0 && in_features % group_size != 0))
            return error{error_code::shape_mismatch,
                         "group size ",
                         group_size,
                         " does not divide in_features ",
                         in_features,
                         ": choose another group size or ignore the layer"};
        return {};
    }

    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return group_size == 0 ? in_features : std::min(group_size, in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        return in_features == 0 ? 0 : in_features / scale_columns(in_features);
    }

    /// Quantizes and dequantizes; `out` may be `rows`. An integer scheme has no use for importance.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> /*importance*/,
                         matrix_view<float> out) const noexcept
    {
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < rows.rows(); ++r)
                pseudo_quantize_row(rows.row(r), out.row(r), rounding);
        });
    }

    /// One row to codes (in_features), scales and zero points (`groups(in_features)` each; pass an
    /// empty `zero_points` for a symmetric scheme).
    void quantize_row(std::span<const float> row, std::span<std::int8_t> codes,
                      std::span<float> scales, std::span<std::int8_t> zero_points) const noexcept
    {
        with_storage(storage, [&](auto rounding) {
            quantize_row_as(row, codes, scales, zero_points, rounding);
        });
    }

  private:
    template <class Rounding>
    void pseudo_quantize_row(std::span<const float> row, std::span<float> out,
                             Rounding rounding) const noexcept
    {
        const std::size_t width = scale_columns(row.size());
        for (std::size_t first = 0; first < row.size(); first += width)
            pseudo_quantize_group(row.data() + first, out.data() + first, width, rounding);
    }

    template <class Rounding>
    void pseudo_quantize_group(const float* group, float* out, std::size_t count,
                               Rounding rounding) const noexcept
    {
        value_range range = range_of(group, count);
        range = {rounding.round(range.smallest), rounding.round(range.largest)};
        const qparams shared = make_qparams(range, format, rounding);
        const float low = format.smallest(), high = format.largest();
        for (std::size_t i = 0; i < count; ++i) {
            const float weight = rounding.round(group[i]);
            out[i] = value_of(code_of(weight, shared, low, high, rounding), shared, rounding);
        }
    }

    template <class Rounding>
    void quantize_row_as(std::span<const float> row, std::span<std::int8_t> codes,
                         std::span<float> scales, std::span<std::int8_t> zero_points,
                         Rounding rounding) const noexcept
    {
        const std::size_t width = scale_columns(row.size());
        const float low = format.smallest(), high = format.largest();
        for (std::size_t group = 0; group * width < row.size(); ++group) {
            const float* const weights = row.data() + group * width;
            value_range range = range_of(weights, width);
            range = {rounding.round(range.smallest), rounding.round(range.largest)};
            const qparams shared = make_qparams(range, format, rounding);
            scales[group] = shared.scale;
            if (!zero_points.empty())
                zero_points[group] = static_cast<std::int8_t>(shared.zero_point);
            for (std::size_t i = 0; i < width; ++i) {
                const float weight = rounding.round(weights[i]);
                const float code = code_of(weight, shared, low, high, rounding);
                const bool is_number = code == code;
                codes[group * width + i] = static_cast<std::int8_t>(is_number ? code : 0.0f);
            }
        }
    }
};

static_assert(quantizer<integer_quantizer>);

/// The quantizer of a scheme type: `quantizer_of<w4a16_asym>(128)`.
template <class Scheme>
requires requires
{
    Scheme::value;
}
constexpr integer_quantizer quantizer_of(std::size_t group_size, dtype storage = dtype::f32)
{
    return {Scheme::value, group_size, storage};
}

} // namespace awq

#endif
// ---- awq/quantization/pseudo_quantize.hpp
#ifndef AWQ_QUANTIZATION_PSEUDO_QUANTIZE_HPP
#define AWQ_QUANTIZATION_PSEUDO_QUANTIZE_HPP

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
    for (; first < end; first += block)
        task(first, std::min(block, end - first));
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
    const std::size_t grain = detail::task_rows(rounding);
    how.for_each(chunk_count(weight.rows(), grain), [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, weight.rows());
        detail::for_each_block(
            chunk * grain, end, rounding.row_block(), [&](std::size_t first, std::size_t count) {
                rounding.pseudo_quantize(weight.rows_from(first, count), importance,
                                         out.rows_from(first, count));
            });
    });
    return {};
}

} // namespace awq

#endif
// ---- awq/quantization/quantize_weight.hpp
#ifndef AWQ_QUANTIZATION_QUANTIZE_WEIGHT_HPP
#define AWQ_QUANTIZATION_QUANTIZE_WEIGHT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace awq {

/// Where a quantized weight goes; all in the caller's memory.
struct quantized_weight {
    matrix_view<std::int8_t> codes;       ///< (out_features, in_features), signed
    matrix_view<float> scales;            ///< (out_features, groups); exact in the storage dtype
    matrix_view<std::int8_t> zero_points; ///< (out_features, groups), signed; empty when symmetric
};

/// Quantizes a weight, (out_features, in_features): codes, scales and zero points.
/// Errors: those of the quantizer's `check`, and shape_mismatch.
template <execution E>
status quantize_weight(const E& how, const integer_quantizer& rounding,
                       matrix_view<const float> weight, const quantized_weight& out)
{
    AWQ_CHECK(rounding.check(weight.cols()));
    const std::size_t rows = weight.rows(), groups = rounding.groups(weight.cols());
    const bool has_zeros = !out.zero_points.empty();
    const bool fits =
        out.codes.rows() == rows && out.codes.cols() == weight.cols() &&
        out.scales.rows() == rows && out.scales.cols() == groups &&
        (has_zeros ? out.zero_points.rows() == rows && out.zero_points.cols() == groups
                   : rounding.format.symmetric);
    if (!fits)
        return error{error_code::shape_mismatch,
                     "quantize_weight: a weight of ",
                     rows,
                     " x ",
                     weight.cols(),
                     " needs codes of that shape and ",
                     groups,
                     " scales (and zero points, when asymmetric) a row"};
    constexpr std::size_t grain = 16;
    how.for_each(chunk_count(rows, grain), [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, rows);
        for (std::size_t r = chunk * grain; r < end; ++r)
            rounding.quantize_row(weight.row(r), out.codes.row(r), out.scales.row(r),
                                  has_zeros ? out.zero_points.row(r) : std::span<std::int8_t>{});
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
// ---- awq/search/gram_loss.hpp
#ifndef AWQ_SEARCH_GRAM_LOSS_HPP
#define AWQ_SEARCH_GRAM_LOSS_HPP

// ---- awq/search/ordered_sum.hpp
#ifndef AWQ_SEARCH_ORDERED_SUM_HPP
#define AWQ_SEARCH_ORDERED_SUM_HPP

#include <algorithm>
#include <array>
#include <cstddef>

namespace awq {

/// The sum of `term(i)` for all i < count, in double. How the work is cut depends on `count` alone,
/// so the sum has the same bits at any number of threads.
template <execution E, class Term>
double ordered_sum(const E& how, std::size_t count, Term&& term)
{
    constexpr std::size_t most_chunks = 64;
    if (count == 0) return 0.0;
    const std::size_t grain = chunk_count(count, most_chunks);
    const std::size_t chunks = chunk_count(count, grain);
    std::array<double, most_chunks> sums{};
    how.for_each(chunks, [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, count);
        double sum = 0.0;
        for (std::size_t i = chunk * grain; i < end; ++i)
            sum += term(i);
        sums[chunk] = sum;
    });
    double total = 0.0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk)
        total += sums[chunk];
    return total;
}

/// The sum of `term(i)` for all i < count, in double and in a fixed order, in the calling thread;
/// eight sums side by side, so that the compiler can use vectors.
template <class Term>
double lane_sum(std::size_t count, Term&& term)
{
    constexpr std::size_t lanes = 8;
    double sums[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane)
            sums[lane] += term(i + lane);
    for (; i < count; ++i)
        sums[0] += term(i);
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// Floats that `gram_loss` needs at least; up to 512 times as many make it faster.
constexpr std::size_t gram_loss_workspace_size(std::size_t in_features) noexcept
{
    return 2 * in_features;
}

/// trace(dW G dW^T) of one layer, dW = candidate - weight, in double and in a fixed order: the
/// squared error of the layer's outputs, summed over tokens and outputs, where G = X^T X (in, in)
/// is the Gram matrix of its inputs. With `row_step` k only every k-th row is looked at, and the
/// sum is extrapolated. `memory`: `gram_loss_workspace_size` floats or more.
template <class Product, execution E>
double gram_error(const E& how, matrix_view<const float> weight, matrix_view<const float> candidate,
                  matrix_view<const float> gram, std::span<float> memory, std::size_t row_step = 1)
{
    const std::size_t width = weight.cols(), rows = chunk_count(weight.rows(), row_step);
    const std::size_t most = std::clamp<std::size_t>(memory.size() / (2 * width), 1, 512);
    double sum = 0.0;
    for (std::size_t first = 0; first < rows; first += most) {
        const std::size_t count = std::min(most, rows - first);
        const matrix_view<float> change{memory.data(), count, width};
        const matrix_view<float> product{memory.data() + count * width, count, width};
        how.for_each(count, [&](std::size_t r) {
            const float* const from = weight.row((first + r) * row_step).data();
            const float* const to = candidate.row((first + r) * row_step).data();
            for (std::size_t c = 0; c < width; ++c)
                change(r, c) = to[c] - from[c];
        });
        Product::multiply_nn(how, matrix_view<const float>{change}, gram, product);
        sum += ordered_sum(how, count, [&](std::size_t r) {
            const float *a = change.row(r).data(), *b = product.row(r).data();
            return lane_sum(width, [a, b](std::size_t c) {
                return static_cast<double>(a[c]) * static_cast<double>(b[c]);
            });
        });
    }
    return sum * static_cast<double>(weight.rows()) /
           static_cast<double>(std::max<std::size_t>(rows, 1));
}

/// The mean squared error at the outputs of linear layers that read the same input, from that
/// input's Gram matrix: its cost does not depend on the number of tokens. A callable for
/// `scale_search`. Exact where the layers' own outputs are what matters (o_proj, down_proj); for q,
/// k, v and for gate, up it is a stand-in for the loss behind the attention or the MLP.
template <class Product, execution E>
class gram_loss {
  public:
    /// `weights`: the originals, each (out_features, in_features); `gram`: (in, in), summed over
    /// `tokens`; a `row_step` above 1 looks at every row_step-th output only.
    gram_loss(const E& how, std::span<const matrix_view<const float>> weights,
              matrix_view<const float> gram, std::size_t tokens, std::span<float> memory,
              std::size_t row_step = 1) noexcept
        : how_(how), weights_(weights), gram_(gram), tokens_(tokens), memory_(memory),
          row_step_(std::max<std::size_t>(row_step, 1))
    {}

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        double sum = 0.0, outputs = 0.0;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            outputs += static_cast<double>(weights_[i].rows());
            // A layer that is not quantized is its own candidate and loses nothing.
            if (weights_[i].data() == candidates[i].data()) continue;
            sum += gram_error<Product>(how_, weights_[i], candidates[i], gram_, memory_, row_step_);
        }
        return sum / (static_cast<double>(tokens_) * outputs);
    }

  private:
    const E& how_;
    std::span<const matrix_view<const float>> weights_;
    matrix_view<const float> gram_;
    std::size_t tokens_;
    std::span<float> memory_;
    std::size_t row_step_;
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
        return count == 0 ? std::numeric_limits<double>::quiet_NaN()
                          : sum / static_cast<double>(count);
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
squared_error output_error(const E& how, matrix_view<const float> expected,
                           matrix_view<const float> actual, loss_mask mask = {})
{
    const std::size_t width = expected.cols();
    const double sum = ordered_sum(how, expected.rows(), [&](std::size_t t) {
        if (!mask.keeps(t)) return 0.0;
        const float *a = expected.row(t).data(), *b = actual.row(t).data();
        return lane_sum(width, [a, b](std::size_t i) {
            const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
            return difference * difference;
        });
    });
    return {sum, mask.kept(expected.rows()) * width};
}

/// Floats that `linear_output_loss` needs at least; more makes it faster.
constexpr std::size_t linear_output_loss_workspace_size(std::size_t in_features,
                                                        std::size_t tokens) noexcept
{
    return in_features + tokens;
}

/// The loss at the outputs of linear layers that read the same input: mean over tokens and outputs
/// of (x (W' - W)^T)^2. A callable for `scale_search`; cheaper than `gram_loss` only where there
/// are fewer tokens than in_features.
template <class Product, execution E>
class linear_output_loss {
  public:
    /// `weights`: the originals, each (out_features, in_features); `x`: (tokens, in_features).
    linear_output_loss(const E& how, std::span<const matrix_view<const float>> weights,
                       matrix_view<const float> x, std::span<float> memory) noexcept
        : how_(how), weights_(weights), x_(x), memory_(memory)
    {}

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        squared_error error;
        for (std::size_t i = 0; i < weights_.size(); ++i)
            error += layer_error(i, candidates[i]);
        return error.mean();
    }

  private:
    squared_error layer_error(std::size_t index, matrix_view<const float> candidate) const
    {
        const matrix_view<const float> weight = weights_[index];
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
                    change(r, c) = candidate(first + r, c) - weight(first + r, c);
            });
            Product::multiply_nt(how_, matrix_view<const float>{change}, x_, output);
            sum += ordered_sum(how_, count, [&](std::size_t r) {
                const float* values = output.row(r).data();
                return lane_sum(tokens, [values](std::size_t t) {
                    return static_cast<double>(values[t]) * static_cast<double>(values[t]);
                });
            });
        }
        return {sum, tokens * weight.rows()};
    }

    const E& how_;
    std::span<const matrix_view<const float>> weights_;
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
    std::size_t tokens = 0;
    std::size_t out_features = 0;

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
    parent_output_loss(const E& how, parent<F>& source,
                       std::span<const matrix_view<const float>> weights, std::span<float> memory,
                       loss_mask mask = {})
        : how_(how), source_(source), mask_(mask),
          expected_(memory.data(), source.tokens, source.out_features),
          actual_(memory.data() + expected_.size(), source.tokens, source.out_features)
    {
        source_.forward(weights, expected_);
    }

    double operator()(std::span<const matrix_view<const float>> candidates)
    {
        source_.forward(candidates, actual_);
        return output_error(how_, matrix_view<const float>{expected_},
                            matrix_view<const float>{actual_}, mask_)
            .mean();
    }

  private:
    const E& how_;
    parent<F>& source_;
    loss_mask mask_;
    matrix_view<float> expected_, actual_;
};

} // namespace awq

#endif
// ---- awq/search/scale_grid.hpp
#ifndef AWQ_SEARCH_SCALE_GRID_HPP
#define AWQ_SEARCH_SCALE_GRID_HPP

// ---- awq/search/search_options.hpp
#ifndef AWQ_SEARCH_SEARCH_OPTIONS_HPP
#define AWQ_SEARCH_SEARCH_OPTIONS_HPP

#include <cstddef>

namespace awq {

/// Whether a scale takes the weights' magnitude into account, or the activations' alone.
enum class duo : unsigned char {
    off,  ///< s = x_mean^r
    on,   ///< s = x_mean^r / w_mean^(1-r)
    both, ///< each of half the ratios, both ways
};

/// The numbers of a scale search; the defaults are llm-compressor's.
struct search_options {
    /// How many candidates are tried: at least 2, 3 with `duo::on`, 4 with `duo::both`.
    std::size_t n_grid = 20;
    duo duo_scaling = duo::on;
    /// The dtype that the smoothed weights will have. bf16 and f16: W s and Q(W s)/s are rounded to
    /// it during the search, as happens in a model of that dtype. f32: not rounded.
    dtype storage = dtype::f32;
    /// Of a screened search: how many of the candidates that the cheap loss likes best are judged
    /// by the exact loss, identity apart.
    std::size_t finalists = 4;
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

    /// invalid_argument where n_grid is too small for the kind of duo scaling.
    status check() const noexcept
    {
        const std::size_t least = kind_ == duo::off ? 2 : kind_ == duo::on ? 3 : 4;
        if (n_grid_ < least)
            return error{error_code::invalid_argument, "n_grid ", n_grid_, ": use at least ",
                         least};
        return {};
    }

    constexpr std::size_t size() const noexcept
    {
        return kind_ == duo::both ? n_grid_ / 2 * 2 : n_grid_;
    }

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
        return detail::fill_scales<float>(
            scales, [&](std::size_t i) { return detail::raised(x_mean[i], ratio); });
    return detail::fill_scales<double>(scales, [&](std::size_t i) {
        return detail::raised(x_mean[i], ratio) / (std::pow(w_mean[i], 1.0 - ratio) + 1e-4);
    });
}

} // namespace awq

#endif
// ---- awq/search/scale_search.hpp
#ifndef AWQ_SEARCH_SCALE_SEARCH_HPP
#define AWQ_SEARCH_SCALE_SEARCH_HPP

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
    std::size_t candidates = 0;
    /// Candidates whose scales or loss were not finite.
    std::size_t skipped_candidates = 0;
    /// The loss of every candidate in grid order (the cheap loss in a screened search).
    std::span<const double> candidate_errors;
};

} // namespace awq

#endif
// ---- awq/search/weight_mean.hpp
#ifndef AWQ_SEARCH_WEIGHT_MEAN_HPP
#define AWQ_SEARCH_WEIGHT_MEAN_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

template <class Rounding>
void add_group_magnitudes(const float* group, std::size_t count, double* sums, Rounding) noexcept
{
    float largest = 0.0f;
    for (std::size_t i = 0; i < count; ++i)
        largest = std::max(largest, std::fabs(group[i]));
    const float divisor = Rounding::round(Rounding::round(largest) + 1e-6f);
    for (std::size_t i = 0; i < count; ++i)
        sums[i] += Rounding::round(std::fabs(Rounding::round(group[i])) / divisor);
}

} // namespace detail

/// Adds a weight's normalised magnitudes to `sums` (in_features): |w| / (max of its group + 1e-6),
/// divided in the storage dtype, summed over rows. `group` columns share a scale.
/// Divide the sums by the number of rows of all layers that went in: that is w_mean.
template <execution E>
void add_weight_magnitudes(const E& how, matrix_view<const float> weight, std::size_t group,
                           dtype storage, std::span<double> sums)
{
    how.for_each(chunk_count(weight.cols(), group), [&](std::size_t index) {
        const std::size_t first = index * group;
        const std::size_t count = std::min(group, weight.cols() - first);
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < weight.rows(); ++r)
                detail::add_group_magnitudes(weight.row(r).data() + first, count,
                                             sums.data() + first, rounding);
        });
    });
}

} // namespace awq

#endif

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace awq {

/// A balance layer as the search sees it.
template <quantizer Q>
struct search_layer {
    matrix_view<const float> weight;        ///< (out_features, in_features)
    const Q* rounding = nullptr;            ///< null: the layer will not be quantized
    std::span<const float> importance = {}; ///< mean of x^2 per column, or empty
};

/// What is searched: layers that read the same input, and that input's magnitude.
template <quantizer Q>
struct search_problem {
    std::span<const search_layer<Q>> layers;
    std::span<const float> x_mean; ///< (in_features) mean of |x|
    /// Where several columns must share a scale (grouped-query attention: the query heads of one kv
    /// head): the scale's index for each column, (in_features). Empty: column j has scale j.
    std::span<const std::uint32_t> column_scales = {};
    std::size_t scale_count = 0; ///< only with `column_scales`

    constexpr std::size_t in_features() const noexcept { return x_mean.size(); }
    constexpr std::size_t scales() const noexcept
    {
        return column_scales.empty() ? in_features() : scale_count;
    }
    constexpr std::size_t scale_of(std::size_t column) const noexcept
    {
        return column_scales.empty() ? column : column_scales[column];
    }
};

/// A loss over candidate weights Q(W s)/s, in the order of the problem's layers: what is lost when
/// they take the place of the original weights, the same inputs given. Smaller is better.
template <class Loss>
concept candidate_loss = requires(Loss& loss, std::span<const matrix_view<const float>> weights)
{
    {
        loss(weights)
        } -> std::convertible_to<double>;
};

/// Floats that a search needs. `weights`: elements of all layers that are quantized.
constexpr std::size_t search_workspace_size(std::size_t in_features, std::size_t weights,
                                            std::size_t layers, std::size_t n_grid = 20) noexcept
{
    return weights + 2 * in_features + 5 * workspace::size_for<double>(in_features) +
           workspace::size_for<double>(n_grid) + workspace::size_for<unsigned char>(n_grid) +
           workspace::size_for<matrix_view<const float>>(layers) +
           workspace::size_for<matrix_view<float>>(layers);
}

/// The same, for a problem.
template <quantizer Q>
constexpr std::size_t search_workspace_size(const search_problem<Q>& problem,
                                            const search_options& options) noexcept
{
    std::size_t weights = 0;
    for (const auto& layer : problem.layers)
        if (layer.rounding != nullptr) weights += layer.weight.size();
    return search_workspace_size(problem.in_features(), weights, problem.layers.size(),
                                 options.n_grid);
}

namespace detail {

template <quantizer Q>
status check_layer(const search_layer<Q>& layer, std::size_t in_features)
{
    if (layer.weight.cols() != in_features)
        return error{error_code::shape_mismatch, "scale search: a balance layer has ",
                     layer.weight.cols(), " columns, the activations have ", in_features};
    if (!layer.importance.empty() && layer.importance.size() != in_features)
        return error{error_code::shape_mismatch, "scale search: ", layer.importance.size(),
                     " importance values for ",  in_features,      " columns"};
    return layer.rounding != nullptr ? layer.rounding->check(in_features) : status{};
}

template <quantizer Q>
status check_problem(const search_problem<Q>& problem)
{
    if (problem.layers.empty() || problem.x_mean.empty())
        return error{error_code::invalid_argument,
                     "scale search: give at least one balance layer and its activations"};
    for (const float value : problem.x_mean)
        if (!std::isfinite(value) || value < 0.0f)
            return error{error_code::not_finite,
                         "scale search: x_mean has a value that is not a finite magnitude"};
    if (!problem.column_scales.empty() && problem.column_scales.size() != problem.in_features())
        return error{error_code::shape_mismatch, "scale search: column_scales needs ",
                     problem.in_features(), " entries"};
    if (problem.scales() > problem.in_features())
        return error{error_code::invalid_argument, "scale search: more scales than columns"};
    for (const std::uint32_t index : problem.column_scales)
        if (index >= problem.scale_count)
            return error{error_code::invalid_argument, "scale search: column scale ", index,
                         " is not below ", problem.scale_count};
    for (const auto& layer : problem.layers)
        AWQ_CHECK(check_layer(layer, problem.in_features()));
    return {};
}

/// Makes candidates one after another in the same memory.
template <execution E, quantizer Q>
class candidate_maker {
  public:
    candidate_maker(const E& how, const search_problem<Q>& problem, const search_options& options)
        : how_(how), problem_(problem), storage_(options.storage)
    {}

    status prepare(workspace& memory, bool needs_w_mean)
    {
        const std::size_t columns = problem_.in_features(), scales = problem_.scales();
        x_mean_ = memory.take<float>(scales);
        scales_ = memory.take<double>(scales);
        best_scales_ = memory.take<double>(scales);
        column_scales_ = memory.take<double>(columns);
        importance_ = memory.take<float>(columns);
        w_mean_ = memory.take<double>(scales);
        const std::span<double> magnitudes = memory.take<double>(columns);
        views_ = memory.take<matrix_view<const float>>(problem_.layers.size());
        outputs_ = memory.take<matrix_view<float>>(problem_.layers.size());
        if (magnitudes.empty() || outputs_.empty()) return too_small();
        for (std::size_t i = 0; i < views_.size(); ++i)
            AWQ_CHECK(prepare_layer(memory, i));
        reduce_to_scales([&](std::size_t c) { return problem_.x_mean[c]; }, x_mean_);
        if (needs_w_mean) fill_w_mean(magnitudes);
        return {};
    }

    /// The candidate's weights; empty where a scale is not usable.
    std::span<const matrix_view<const float>> make(const scale_candidate& candidate)
    {
        if (!compute_scales(candidate, x_mean_, w_mean_, scales_)) return {};
        for (std::size_t c = 0; c < column_scales_.size(); ++c)
            column_scales_[c] = scales_[problem_.scale_of(c)];
        for (std::size_t i = 0; i < views_.size(); ++i)
            if (problem_.layers[i].rounding != nullptr) make_layer(i);
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
        views_[index] = layer.weight;
        if (layer.rounding == nullptr || layer.weight.empty()) return {};
        const std::span<float> space = memory.take<float>(layer.weight.size());
        if (space.empty()) return too_small();
        outputs_[index] = {space.data(), layer.weight.rows(), layer.weight.cols()};
        views_[index] = outputs_[index];
        return {};
    }

    // The mean over the columns that share a scale; a plain copy where none do.
    template <class Source, class T>
    void reduce_to_scales(Source source, std::span<T> out) const
    {
        for (std::size_t s = 0; s < out.size(); ++s)
            out[s] = T(0);
        if (problem_.column_scales.empty()) {
            for (std::size_t c = 0; c < out.size(); ++c)
                out[c] = source(c);
            return;
        }
        for (std::size_t c = 0; c < problem_.in_features(); ++c)
            out[problem_.scale_of(c)] += source(c);
        const T share = T(out.size()) / T(problem_.in_features());
        for (T& value : out)
            value *= share;
    }

    void fill_w_mean(std::span<double> sums)
    {
        double rows = 0.0;
        for (const auto& layer : problem_.layers) {
            if (layer.rounding == nullptr) continue;
            add_weight_magnitudes(how_, layer.weight,
                                  layer.rounding->scale_columns(layer.weight.cols()), storage_,
                                  sums);
            rows += static_cast<double>(layer.weight.rows());
        }
        reduce_to_scales([&](std::size_t c) { return sums[c] / rows; }, w_mean_);
    }

    void make_layer(std::size_t index)
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
        const std::size_t grain = task_rows(*layer.rounding);
        how_.for_each(chunk_count(out.rows(), grain), [&](std::size_t chunk) {
            const std::size_t end = std::min((chunk + 1) * grain, out.rows());
            for_each_block(chunk * grain, end, layer.rounding->row_block(),
                           [&](std::size_t first, std::size_t count) {
                               make_rows(layer, layer.weight.rows_from(first, count), importance,
                                         out.rows_from(first, count));
                           });
        });
    }

    // Q(W s)/s for one block of rows, which stays in the cache. Each step is rounded to float once;
    // with scales that are floats that is the same as float arithmetic.
    void make_rows(const search_layer<Q>& layer, matrix_view<const float> weight,
                   std::span<const float> importance, matrix_view<float> out) const
    {
        const double* const s = column_scales_.data();
        for (std::size_t r = 0; r < weight.rows(); ++r) {
            const std::span<float> to = out.row(r);
            const float* const from = weight.row(r).data();
            for (std::size_t c = 0; c < to.size(); ++c)
                to[c] = static_cast<float>(from[c] * s[c]);
            round_to_storage(storage_, to);
        }
        layer.rounding->pseudo_quantize(out, importance, out);
        for (std::size_t r = 0; r < out.rows(); ++r) {
            const std::span<float> to = out.row(r);
            for (std::size_t c = 0; c < to.size(); ++c)
                to[c] = static_cast<float>(to[c] / s[c]);
            round_to_storage(storage_, to);
        }
    }

    const E& how_;
    const search_problem<Q>& problem_;
    dtype storage_;
    std::span<float> x_mean_;                         // (scales)
    std::span<double> w_mean_, scales_, best_scales_; // (scales)
    std::span<double> column_scales_;                 // (in_features)
    std::span<float> importance_;                     // (in_features)
    std::span<matrix_view<const float>> views_;       // what the loss sees
    std::span<matrix_view<float>> outputs_;           // the same memory, where it is ours
};

/// The loss of a candidate, NaN where it is not usable.
template <class Maker, candidate_loss Loss>
double judge(Maker& maker, const scale_candidate& candidate, Loss& loss)
{
    const auto weights = maker.make(candidate);
    if (weights.empty()) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(loss(weights));
}

constexpr std::size_t no_candidate = static_cast<std::size_t>(-1);

/// The first of the smallest finite errors among those still open; `no_candidate` where none is.
inline std::size_t first_smallest(std::span<const double> errors,
                                  std::span<const unsigned char> used)
{
    std::size_t best = no_candidate;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < errors.size(); ++i)
        if ((used.empty() || used[i] == 0) && std::isfinite(errors[i]) && errors[i] < smallest) {
            best = i;
            smallest = errors[i];
        }
    return best;
}

inline std::size_t count_not_finite(std::span<const double> errors)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(errors, [](double value) { return !std::isfinite(value); }));
}

inline error nothing_finite()
{
    return error{error_code::no_candidate,
                 "scale search: no candidate has a finite error; look for "
                 "infinite weights or activations"};
}

} // namespace detail

/// Tries every candidate of the grid with one loss and returns the best: the first with the
/// smallest finite loss. Identity is the first candidate, so the best is never worse than it.
/// The outcome's spans lie in `memory`, which needs `search_workspace_size(problem, options)`
/// floats. Errors: shapes that do not fit, workspace_too_small, no_candidate where no loss is
/// finite.
template <execution E, quantizer Q, candidate_loss Loss>
result<search_outcome> scale_search(const E& how, const search_problem<Q>& problem,
                                    const search_options& options, Loss&& loss, workspace memory)
{
    const scale_grid grid{options};
    AWQ_CHECK(grid.check());
    AWQ_CHECK(detail::check_problem(problem));
    detail::candidate_maker<E, Q> maker{how, problem, options};
    const std::span<double> errors = memory.take<double>(grid.size());
    if (errors.empty()) return maker.too_small();
    AWQ_CHECK(maker.prepare(memory, options.duo_scaling != duo::off));
    for (std::size_t i = 0; i < grid.size(); ++i)
        errors[i] = detail::judge(maker, grid[i], loss);
    const std::size_t best = detail::first_smallest(errors, {});
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

/// As `scale_search`, in two stages: `cheap` ranks all candidates, then `exact` decides among the
/// `options.finalists` best of them and identity. The outcome's errors are those of `exact`, its
/// `candidate_errors` those of `cheap`; the result is never worse than identity on `exact`.
template <execution E, quantizer Q, candidate_loss Cheap, candidate_loss Exact>
result<search_outcome> screened_search(const E& how, const search_problem<Q>& problem,
                                       const search_options& options, Cheap&& cheap, Exact&& exact,
                                       workspace memory)
{
    const scale_grid grid{options};
    AWQ_CHECK(grid.check());
    AWQ_CHECK(detail::check_problem(problem));
    detail::candidate_maker<E, Q> maker{how, problem, options};
    const std::span<double> errors = memory.take<double>(grid.size());
    const std::span<unsigned char> chosen = memory.take<unsigned char>(grid.size());
    if (chosen.empty()) return maker.too_small();
    AWQ_CHECK(maker.prepare(memory, options.duo_scaling != duo::off));
    for (std::size_t i = 0; i < grid.size(); ++i)
        errors[i] = detail::judge(maker, grid[i], cheap);
    chosen[0] = 1;
    for (std::size_t i = 0; i < options.finalists; ++i)
        if (const std::size_t next = detail::first_smallest(errors, chosen);
            next != detail::no_candidate)
            chosen[next] = 1;
    search_outcome outcome{};
    outcome.candidates = grid.size();
    outcome.skipped_candidates = detail::count_not_finite(errors);
    outcome.candidate_errors = errors;
    std::size_t best = detail::no_candidate;
    for (std::size_t i = 0; i < grid.size(); ++i) {
        if (chosen[i] == 0) continue;
        const double error = detail::judge(maker, grid[i], exact);
        if (i == 0) outcome.initial_error = error;
        if (!std::isfinite(error)) outcome.skipped_candidates += std::isfinite(errors[i]) ? 1 : 0;
        if (std::isfinite(error) && (best == detail::no_candidate || error < outcome.best_error)) {
            best = i;
            outcome.best_error = error;
        }
    }
    if (best == detail::no_candidate) return detail::nothing_finite();
    outcome.best_scales = maker.best_scales(grid[best]);
    outcome.best_ratio = grid[best].ratio;
    outcome.duo_scaling = grid[best].duo_scaling;
    return outcome;
}

} // namespace awq

#endif
// ---- awq/smoothing/apply_scales.hpp
#ifndef AWQ_SMOOTHING_APPLY_SCALES_HPP
#define AWQ_SMOOTHING_APPLY_SCALES_HPP

// ---- awq/smoothing/check_mapping.hpp
#ifndef AWQ_SMOOTHING_CHECK_MAPPING_HPP
#define AWQ_SMOOTHING_CHECK_MAPPING_HPP

// ---- awq/smoothing/mapping.hpp
#ifndef AWQ_SMOOTHING_MAPPING_HPP
#define AWQ_SMOOTHING_MAPPING_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// The layer that is divided by the scales: what its outputs become smaller by, the balance layers'
/// columns make up for.
struct smooth_target {
    /// A norm's weight as one row of `channels`, or a linear layer's (out_features, in_features).
    matrix_view<float> weight;
    /// (channels) of a norm, (out_features) of a linear layer; empty without a bias.
    std::span<float> bias = {};
    /// Whether `weight` is a norm's.
    bool norm = false;
    /// Of a norm: y = x (1 + weight), as in Gemma.
    bool offset = false;

    /// A norm, y = x * weight (+ bias).
    static constexpr smooth_target of_norm(std::span<float> weight, std::span<float> bias = {},
                                           bool offset = false) noexcept
    {
        return {as_row(weight), bias, true, offset};
    }
    /// A linear layer. Where it has more outputs than there are scales (a fused qkv or gate_up),
    /// the last ones are those that the balance layers read.
    static constexpr smooth_target of_linear(matrix_view<float> weight,
                                             std::span<float> bias = {}) noexcept
    {
        return {weight, bias, false, false};
    }

    /// How many scales it takes at most.
    constexpr std::size_t channels() const noexcept { return norm ? weight.cols() : weight.rows(); }
};

/// A smooth layer and the layers that read its output, over tensors in memory.
struct mapping {
    smooth_target smooth;
    /// Each (out_features, in_features), all with the same in_features.
    std::span<const matrix_view<float>> balances;
    /// Where columns share a scale (grouped-query attention): the scale's index for each column of
    /// the balance layers. Empty: column j has scale j.
    std::span<const std::uint32_t> column_scales = {};

    constexpr std::size_t in_features() const noexcept
    {
        return balances.empty() ? 0 : balances.front().cols();
    }
};

} // namespace awq

#endif

#include <cstddef>
#include <cstdint>

namespace awq {

namespace detail {

inline status check_balances(const mapping& pair)
{
    if (pair.balances.empty())
        return error{error_code::invalid_argument, "mapping: give at least one balance layer"};
    for (const auto& balance : pair.balances)
        if (balance.empty() || balance.cols() != pair.in_features())
            return error{error_code::shape_mismatch, "mapping: a balance layer has ",
                         balance.cols(), " columns, another has ", pair.in_features()};
    return {};
}

inline status check_smooth(const smooth_target& smooth, std::size_t scales)
{
    if (smooth.norm && (smooth.weight.rows() != 1 || smooth.weight.cols() != scales))
        return error{error_code::shape_mismatch, "mapping: a norm of ", smooth.weight.size(),
                     " channels before layers that read ", scales};
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
    if (!smooth.norm && smooth.offset)
        return error{error_code::invalid_argument, "mapping: only a norm's weight has an offset"};
    return {};
}

} // namespace detail

/// How many scales a mapping has: its in_features, or one for each group of columns.
inline std::size_t scale_count(const mapping& pair) noexcept
{
    if (pair.column_scales.empty()) return pair.in_features();
    std::uint32_t last = 0;
    for (const std::uint32_t index : pair.column_scales)
        last = index > last ? index : last;
    return std::size_t{last} + 1;
}

/// Whether the layers of a mapping fit together, so that smoothing keeps the function that they
/// compute. invalid_argument or shape_mismatch where they do not.
inline status check_mapping(const mapping& pair)
{
    AWQ_CHECK(detail::check_balances(pair));
    if (!pair.column_scales.empty() && pair.column_scales.size() != pair.in_features())
        return error{error_code::shape_mismatch, "mapping: column_scales needs ",
                     pair.in_features(), " entries"};
    return detail::check_smooth(pair.smooth, scale_count(pair));
}

} // namespace awq

#endif

#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

template <execution E>
void multiply_columns(const E& how, const mapping& pair, matrix_view<float> weight,
                      std::span<const double> scales)
{
    how.for_each(weight.rows(), [&](std::size_t r) {
        float* const row = weight.row(r).data();
        if (pair.column_scales.empty())
            for (std::size_t c = 0; c < weight.cols(); ++c)
                row[c] = static_cast<float>(row[c] * scales[c]);
        else
            for (std::size_t c = 0; c < weight.cols(); ++c)
                row[c] = static_cast<float>(row[c] * scales[pair.column_scales[c]]);
    });
}

inline void divide_norm(const smooth_target& smooth, std::span<const double> scales) noexcept
{
    const std::span<float> weight = smooth.weight.row(0);
    const double offset = smooth.offset ? 1.0 : 0.0;
    for (std::size_t i = 0; i < scales.size(); ++i)
        weight[i] = static_cast<float>((weight[i] + offset) / scales[i] - offset);
}

template <execution E>
void divide_rows(const E& how, matrix_view<float> weight, std::span<const double> scales)
{
    how.for_each(scales.size(), [&](std::size_t r) {
        for (float& value : weight.row(r))
            value = static_cast<float>(value / scales[r]);
    });
}

} // namespace detail

/// Divides the smooth layer's outputs by the scales and multiplies the balance layers' columns by
/// them, in place: together the layers compute what they did before. Of a linear smooth layer with
/// more outputs than scales (a fused qkv or gate_up) only the last rows, and the matching slice of
/// the bias, change. Computed in double and rounded to float once. Errors (then nothing is
/// changed): those of `check_mapping`; invalid_argument where a scale is not a positive number.
template <execution E>
status apply_scales(const E& how, const mapping& pair, std::span<const double> scales)
{
    AWQ_CHECK(check_mapping(pair));
    if (scales.size() != scale_count(pair))
        return error{error_code::shape_mismatch, "apply_scales: ", scales.size(), " scales for ",
                     scale_count(pair),          " channels"};
    for (const double scale : scales)
        if (!std::isfinite(scale) || !(scale > 0.0))
            return error{error_code::invalid_argument, "apply_scales: a scale is not positive"};
    for (const auto& balance : pair.balances)
        detail::multiply_columns(how, pair, balance, scales);
    const smooth_target& smooth = pair.smooth;
    const std::size_t first = smooth.channels() - scales.size();
    if (smooth.norm)
        detail::divide_norm(smooth, scales);
    else
        detail::divide_rows(how, smooth.weight.rows_from(first, scales.size()), scales);
    if (!smooth.bias.empty())
        for (std::size_t i = 0; i < scales.size(); ++i)
            smooth.bias[first + i] = static_cast<float>(smooth.bias[first + i] / scales[i]);
    return {};
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

#endif

#endif
