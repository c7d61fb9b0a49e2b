// SPDX-License-Identifier: MIT
// awq 0.1.0, awq/awq.hpp in one file. Written by single_include/amalgamate.py; do not edit.

// ---- awq/awq.hpp
#ifndef AWQ_AWQ_HPP
#define AWQ_AWQ_HPP

/// Everything but the headers of the optional components, which are included by name.
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
// ---- awq/execution/kernels/simd_batch.hpp
#ifndef AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP
#define AWQ_EXECUTION_KERNELS_SIMD_BATCH_HPP

// The one place where xsimd comes in. Third-party, but heap-free: everything here is registers.

#include <xsimd/xsimd.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace awq::kernels {

/// The widest instruction set that the including translation unit is compiled for. Kernels take it
/// as a defaulted template parameter, so that two units built with different flags and linked
/// together keep two instances instead of sharing one that half of the machines cannot run.
using default_arch = xsimd::default_arch;

template <class Arch>
using float_batch = xsimd::batch<float, Arch>;

template <class Arch>
using double_batch = xsimd::batch<double, Arch>;

/// Floats in one register.
template <class Arch>
inline constexpr std::size_t lanes = float_batch<Arch>::size;

/// Vector registers of the instruction set: 32 on AVX-512 and on 64-bit ARM, else 16.
template <class Arch>
inline constexpr std::size_t register_count =
    lanes<Arch> == 16 || std::is_base_of_v<xsimd::neon64, Arch> ? 32 : 16;

/// Calls f(0), f(1) ... f(Count - 1) with compile-time indices, unrolled at any optimisation level.
template <std::size_t Count, class F>
[[gnu::always_inline]] inline void unroll(F&& f)
{
    [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline))
    {
        (f(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<Count>{});
}

/// The sum of a register's lanes, in an order that depends on the instruction set.
template <class Batch>
[[gnu::always_inline]] inline auto lane_sum(const Batch& values)
{
    if constexpr (requires { reduce_add(values); })
        return reduce_add(values);
    else
        return hadd(values); // the name before xsimd 9
}

} // namespace awq::kernels

#endif
// ---- awq/execution/products/few_rows.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP
#define AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP

// ---- awq/support/requires_hosted.hpp
#ifndef AWQ_SUPPORT_REQUIRES_HOSTED_HPP
#define AWQ_SUPPORT_REQUIRES_HOSTED_HPP

// Every header that needs a heap, files or threads includes this one first.
#if !AWQ_HOSTED
#error "awq: this header needs a hosted environment; with AWQ_HOSTED=0 include only <awq/core.hpp>"
#endif

#endif

#include <algorithm>
#include <cstddef>
#include <span>

// Products whose left operand has few rows, as when one token is generated: b is read once, so
// packing it would cost more than the product. No working memory.

namespace awq::detail {

/// Rows of `a` that share one pass over b.
inline constexpr std::size_t few_rows_at_once = 4;

/// c[r][n] = dot(a row r, b row n) for Rows x Cols rows, in Rows * Cols vector sums.
template <class Arch, std::size_t Rows, std::size_t Cols>
void multiply_dots(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride,
                   std::size_t depth, float* c, std::size_t c_stride) noexcept
{
    using batch = kernels::float_batch<Arch>;
    batch sum[Rows][Cols];
    kernels::unroll<Rows * Cols>([&](auto i) __attribute__((always_inline)) {
        sum[i / Cols][i % Cols] = batch(0.0f);
    });
    std::size_t d = 0;
    for (; d + batch::size <= depth; d += batch::size) {
        batch left[Rows];
        kernels::unroll<Rows>([&](auto r) __attribute__((always_inline)) {
            left[r] = batch::load_unaligned(a + r * a_stride + d);
        });
        kernels::unroll<Cols>([&](auto n) __attribute__((always_inline)) {
            const batch right = batch::load_unaligned(b + n * b_stride + d);
            kernels::unroll<Rows>([&](auto r) __attribute__((always_inline)) {
                sum[r][n] = xsimd::fma(left[r], right, sum[r][n]);
            });
        });
    }
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t n = 0; n < Cols; ++n) {
            float total = kernels::lane_sum(sum[r][n]);
            for (std::size_t t = d; t < depth; ++t) total += a[r * a_stride + t] * b[n * b_stride + t];
            c[r * c_stride + n] = total;
        }
    }
}

template <class Arch, std::size_t Rows>
void multiply_few_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t cols = 4;
    std::size_t j = 0;
    for (; j + cols <= b.rows(); j += cols)
        multiply_dots<Arch, Rows, cols>(a.data(), a.stride(), b.data() + j * b.stride(), b.stride(),
                                        a.cols(), c.data() + j, c.stride());
    for (; j < b.rows(); ++j)
        multiply_dots<Arch, Rows, 1>(a.data(), a.stride(), b.data() + j * b.stride(), b.stride(),
                                     a.cols(), c.data() + j, c.stride());
}

/// c = a b^T, for the rows of b that one task takes.
template <class Arch>
void multiply_rows_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t step = few_rows_at_once;
    std::size_t i = 0;
    for (; i + step <= a.rows(); i += step)
        multiply_few_nt<Arch, step>(a.rows_from(i, step), b, c.rows_from(i, step));
    for (; i < a.rows(); ++i) multiply_few_nt<Arch, 1>(a.rows_from(i, 1), b, c.rows_from(i, 1));
}

/// c = a b^T without packing. Tasks take fixed runs of b's rows.
template <class Arch, execution E>
void multiply_unpacked_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                          matrix_view<float> c)
{
    constexpr std::size_t floats_per_task = 1 << 16;
    const std::size_t grain = std::max<std::size_t>(4, floats_per_task / (b.cols() + 1) / 4 * 4);
    e.for_each(chunk_count(b.rows(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.rows() - first);
        multiply_rows_nt<Arch>(a, b.rows_from(first, count), c.cols_from(first, count));
    });
}

/// One row of c = a b, `Batches` registers wide; b's rows are read where they lie.
template <class Arch, std::size_t Batches>
void multiply_columns_nn(const float* a, std::size_t depth, const float* b, std::size_t b_stride,
                         float* c) noexcept
{
    using batch = kernels::float_batch<Arch>;
    batch sum[Batches];
    kernels::unroll<Batches>([&](auto n) __attribute__((always_inline)) { sum[n] = batch(0.0f); });
    for (std::size_t d = 0; d < depth; ++d) {
        const batch left(a[d]);
        kernels::unroll<Batches>([&](auto n) __attribute__((always_inline)) {
            const batch right = batch::load_unaligned(b + d * b_stride + n * batch::size);
            sum[n] = xsimd::fma(left, right, sum[n]);
        });
    }
    kernels::unroll<Batches>([&](auto n) __attribute__((always_inline)) {
        sum[n].store_unaligned(c + n * batch::size);
    });
}

template <class Arch>
void multiply_row_nn(std::span<const float> a, matrix_view<const float> b, float* c) noexcept
{
    constexpr std::size_t width = kernels::lanes<Arch>;
    std::size_t j = 0;
    for (; j + 4 * width <= b.cols(); j += 4 * width)
        multiply_columns_nn<Arch, 4>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j + width <= b.cols(); j += width)
        multiply_columns_nn<Arch, 1>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j < b.cols(); ++j) {
        float sum = 0.0f;
        for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b(d, j);
        c[j] = sum;
    }
}

/// c = a b without packing. Tasks take fixed runs of b's columns.
template <class Arch, execution E>
void multiply_unpacked_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                          matrix_view<float> c)
{
    constexpr std::size_t grain = 512;
    e.for_each(chunk_count(b.cols(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.cols() - first);
        for (std::size_t i = 0; i < a.rows(); ++i)
            multiply_row_nn<Arch>(a.row(i), b.cols_from(first, count), c.row(i).data() + first);
    });
}

} // namespace awq::detail

#endif
// ---- awq/execution/products/packed.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_HPP

// ---- awq/execution/products/packed_tile.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_PACKED_TILE_HPP
#define AWQ_EXECUTION_PRODUCTS_PACKED_TILE_HPP

#include <algorithm>
#include <cstddef>

namespace awq::detail {

/// One operand of a product c(i, j) = sum over d of a(i, d) b(j, d): `outer` is i or j.
struct product_operand {
    const float* data;
    std::size_t outer_stride;
    std::size_t depth_stride; ///< 1 or outer_stride is 1

    const float* at(std::size_t outer, std::size_t depth) const noexcept
    {
        return data + outer * outer_stride + depth * depth_stride;
    }
};

/// The register tile: `rows` x `cols` sums stay in registers while the depth runs (the scheme of
/// Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
template <class Arch>
struct tile_shape {
    static constexpr bool wide = kernels::register_count<Arch> == 32;
    static constexpr std::size_t batches = 2;
    static constexpr std::size_t rows = wide ? 14 : 6;
    static constexpr std::size_t cols = batches * kernels::lanes<Arch>;
};

using four_floats [[gnu::vector_size(16)]] = float;

/// Copies 4 x 4 floats transposed: out[d * width + i] = in[i * stride + d].
AWQ_ALWAYS_INLINE void transpose_4x4(const float* in, std::size_t stride, float* out,
                                     std::size_t width) noexcept
{
    four_floats row[4];
    for (int i = 0; i < 4; ++i) __builtin_memcpy(&row[i], in + i * stride, sizeof row[i]);
    const four_floats low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    const four_floats low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    const four_floats high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    const four_floats high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    for (int d = 0; d < 4; ++d) __builtin_memcpy(out + d * width, &row[d], sizeof row[d]);
}

/// Packs `count` <= Width lines whose depth is contiguous: out[d * Width + i], zeros beyond `count`.
template <std::size_t Width>
void pack_lines(product_operand operand, std::size_t first, std::size_t count, std::size_t from,
                std::size_t depth, float* out) noexcept
{
    const std::size_t stride = operand.outer_stride;
    const float* in = operand.at(first, from);
    if (count < Width) std::fill_n(out, depth * Width, 0.0f);
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        std::size_t d = 0;
        for (; d + 4 <= depth; d += 4)
            transpose_4x4(in + i * stride + d, stride, out + d * Width + i, Width);
        for (; d < depth; ++d)
            for (std::size_t r = i; r < i + 4; ++r) out[d * Width + r] = in[r * stride + d];
    }
    for (; i < count; ++i)
        for (std::size_t d = 0; d < depth; ++d) out[d * Width + i] = in[i * stride + d];
}

/// The same where neighbouring lines are contiguous.
template <std::size_t Width>
void pack_columns(product_operand operand, std::size_t first, std::size_t count, std::size_t from,
                  std::size_t depth, float* out) noexcept
{
    for (std::size_t d = 0; d < depth; ++d, out += Width) {
        const float* in = operand.at(first, from + d);
        if (count == Width) {
            for (std::size_t i = 0; i < Width; ++i) out[i] = in[i];
        } else {
            std::fill(std::copy_n(in, count, out), out + Width, 0.0f);
        }
    }
}

template <std::size_t Width>
void pack_panel(product_operand operand, std::size_t first, std::size_t count, std::size_t from,
                std::size_t depth, float* out) noexcept
{
    if (operand.depth_stride == 1)
        pack_lines<Width>(operand, first, count, from, depth, out);
    else
        pack_columns<Width>(operand, first, count, from, depth, out);
}

/// One register tile: c (rows, cols) = or += the product of two packed panels.
template <class Arch>
void multiply_tile(const float* a, const float* b, std::size_t depth, float* c, std::size_t stride,
                   bool accumulate) noexcept
{
    using batch = kernels::float_batch<Arch>;
    using shape = tile_shape<Arch>;
    constexpr std::size_t width = batch::size;
    batch sum[shape::rows][shape::batches];
    kernels::unroll<shape::rows>([&](auto r) __attribute__((always_inline)) {
        kernels::unroll<shape::batches>([&](auto n) __attribute__((always_inline)) {
            sum[r][n] = batch(0.0f);
        });
    });
    for (std::size_t d = 0; d < depth; ++d, a += shape::rows, b += shape::cols) {
        batch right[shape::batches];
        kernels::unroll<shape::batches>([&](auto n) __attribute__((always_inline)) {
            right[n] = batch::load_unaligned(b + n * width);
        });
        kernels::unroll<shape::rows>([&](auto r) __attribute__((always_inline)) {
            const batch left(a[r]);
            kernels::unroll<shape::batches>([&](auto n) __attribute__((always_inline)) {
                sum[r][n] = xsimd::fma(left, right[n], sum[r][n]);
            });
        });
    }
    kernels::unroll<shape::rows>([&](auto r) __attribute__((always_inline)) {
        kernels::unroll<shape::batches>([&](auto n) __attribute__((always_inline)) {
            float* out = c + r * stride + n * width;
            if (accumulate) sum[r][n] = sum[r][n] + batch::load_unaligned(out);
            sum[r][n].store_unaligned(out);
        });
    });
}

/// The same at the edge of c: only `rows` x `cols` of the tile exist.
template <class Arch>
void multiply_edge_tile(const float* a, const float* b, std::size_t depth, float* c,
                        std::size_t stride, std::size_t rows, std::size_t cols,
                        bool accumulate) noexcept
{
    using shape = tile_shape<Arch>;
    alignas(64) float whole[shape::rows * shape::cols];
    multiply_tile<Arch>(a, b, depth, whole, shape::cols, false);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t j = 0; j < cols; ++j) {
            float& out = c[r * stride + j];
            out = whole[r * shape::cols + j] + (accumulate ? out : 0.0f);
        }
    }
}

} // namespace awq::detail

#endif
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
        block_ = list().take();
        if (block_.capacity < size) block_ = block::allocate(std::move(block_), size);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() { list().give(block_); }

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

    /// At most `depth` buffers wait for reuse; more is a nesting that nobody has.
    class free_list {
    public:
        free_list() = default;
        free_list(const free_list&) = delete;
        free_list& operator=(const free_list&) = delete;
        ~free_list()
        {
            for (; count_ > 0; --count_) blocks_[count_ - 1].free();
        }
        block take() noexcept { return count_ == 0 ? block{} : blocks_[--count_]; }
        void give(block used) noexcept
        {
            if (used.data == nullptr) return;
            if (count_ == depth) return used.free();
            blocks_[count_++] = used;
        }

    private:
        static constexpr std::size_t depth = 8;
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
template <class Arch, execution E>
class packed_engine {
public:
    packed_engine(const E& e, product_operand a, product_operand b, std::size_t depth,
                  matrix_view<float> c, bool accumulate, product_part part)
        : execution_(e), a_(a), b_(b), c_(c), depth_(depth), accumulate_(accumulate), part_(part),
          slab_(chunk_count(depth, chunk_count(depth, max_slab))),
          packed_a_(padded(std::min(c.rows(), max_rows), shape::rows) * slab_),
          packed_b_(padded(std::min(c.cols(), max_cols), shape::cols) * slab_)
    {
    }

    /// False where there was no memory for the packed operands; c is then untouched.
    [[nodiscard]] bool run()
    {
        if (!packed_a_ || !packed_b_) return false;
        for (std::size_t col = 0; col < c_.cols(); col += max_cols)
            for (std::size_t from = 0; from < depth_; from += slab_)
                multiply_slab(col, std::min(max_cols, c_.cols() - col), from,
                              std::min(slab_, depth_ - from));
        return true;
    }

private:
    using shape = tile_shape<Arch>;
    static constexpr std::size_t max_slab = 320;
    static constexpr std::size_t max_rows = chunk_count(3072, shape::rows) * shape::rows;
    static constexpr std::size_t max_cols = chunk_count(3072, shape::cols) * shape::cols;
    static constexpr std::size_t task_rows = chunk_count(128, shape::rows) * shape::rows;
    static constexpr std::size_t task_cols = chunk_count(256, shape::cols) * shape::cols;
    static constexpr std::size_t panels_per_task = 4;

    static constexpr std::size_t padded(std::size_t count, std::size_t unit) noexcept
    {
        return chunk_count(count, unit) * unit;
    }

    template <std::size_t Width>
    void pack(product_operand operand, std::size_t first, std::size_t count, std::size_t from,
              std::size_t depth, float* out) const
    {
        const std::size_t panels = chunk_count(count, Width);
        execution_.for_each(chunk_count(panels, panels_per_task), [=](std::size_t task) {
            const std::size_t end = std::min(panels, (task + 1) * panels_per_task);
            for (std::size_t p = task * panels_per_task; p < end; ++p)
                pack_panel<Width>(operand, first + p * Width, std::min(Width, count - p * Width),
                                  from, depth, out + p * Width * depth);
        });
    }

    void multiply_slab(std::size_t col, std::size_t cols, std::size_t from, std::size_t depth)
    {
        pack<shape::cols>(b_, col, cols, from, depth, packed_b_.data());
        const std::size_t end = part_ == product_part::whole ? c_.rows() : col + cols;
        for (std::size_t row = 0; row < end; row += max_rows) {
            const std::size_t rows = std::min(max_rows, end - row);
            pack<shape::rows>(a_, row, rows, from, depth, packed_a_.data());
            multiply_block(row, rows, col, cols, depth, accumulate_ || from > 0);
        }
    }

    void multiply_block(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols,
                        std::size_t depth, bool accumulate) const
    {
        const std::size_t down = chunk_count(rows, task_rows);
        const std::size_t across = chunk_count(cols, task_cols);
        execution_.for_each(down * across, [=, this](std::size_t task) {
            const std::size_t i = task % down * task_rows;
            const std::size_t j = task / down * task_cols;
            const std::size_t last = std::min(cols, j + task_cols);
            if (part_ == product_part::upper && col + last <= row + i) return;
            for (std::size_t n = j; n < last; n += shape::cols)
                multiply_panel(row, i, std::min(rows, i + task_rows), col, n, last, depth,
                               accumulate);
        });
    }

    /// All register tiles of one panel of b, which stays in the first-level cache.
    void multiply_panel(std::size_t row, std::size_t i, std::size_t end, std::size_t col,
                        std::size_t n, std::size_t last, std::size_t depth, bool accumulate) const
    {
        const float* b = packed_b_.data() + n * depth;
        const std::size_t cols = std::min(shape::cols, last - n);
        for (; i < end; i += shape::rows) {
            if (part_ == product_part::upper && col + n + cols <= row + i) return;
            const std::size_t rows = std::min(shape::rows, end - i);
            const float* a = packed_a_.data() + i * depth;
            float* out = &c_(row + i, col + n);
            if (rows == shape::rows && cols == shape::cols)
                multiply_tile<Arch>(a, b, depth, out, c_.stride(), accumulate);
            else
                multiply_edge_tile<Arch>(a, b, depth, out, c_.stride(), rows, cols, accumulate);
        }
    }

    const E& execution_;
    product_operand a_;
    product_operand b_;
    matrix_view<float> c_;
    std::size_t depth_;
    bool accumulate_;
    product_part part_;
    std::size_t slab_;
    scratch packed_a_;
    scratch packed_b_;
};

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

} // namespace detail

/// Matrix products by a packed micro-kernel over SIMD registers: the default provider. Header-only,
/// as wide as the instruction set that the translation unit is compiled for.
///
/// Threads come from the execution alone; the output is cut into fixed tiles, so the result has the
/// same bits at any number of threads. Calls may nest within other tasks of the same execution.
/// Working memory (at most 8 MiB) is kept by each thread; without it the calls still work, slowly.
/// Operands may have strides; the output must not overlap an input.
struct packed_product {
    /// Left operands with fewer rows are multiplied without packing.
    static constexpr std::size_t min_packed_rows = 8;

    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), b.stride(), 1}, a.cols(), c))
            return;
        detail::multiply_unpacked_nt<Arch>(e, a, b, c);
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows && a.cols() > 0 &&
            run<Arch>(e, {a.data(), a.stride(), 1}, {b.data(), 1, b.stride()}, a.cols(), c))
            return;
        detail::multiply_unpacked_nn<Arch>(e, a, b, c);
    }

    /// g += x^T x: x (tokens, k), g (k, k). The upper triangle is computed and mirrored: what the
    /// lower triangle of g held before is lost.
    template <execution E, class Arch = kernels::default_arch>
    static void add_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        const detail::product_operand columns{x.data(), 1, x.stride()};
        if (!run<Arch>(e, columns, columns, x.rows(), g, true, detail::product_part::upper))
            return plain_product::add_gram(e, x, g);
        detail::mirror_upper(e, g);
    }

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E, class Arch = kernels::default_arch>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y,
                               matrix_view<float> g)
    {
        if (g.empty() || x.rows() == 0) return;
        if (!run<Arch>(e, {x.data(), 1, x.stride()}, {y.data(), 1, y.stride()}, x.rows(), g, true))
            plain_product::add_cross_gram(e, x, y, g);
    }

private:
    template <class Arch, execution E>
    [[nodiscard]] static bool run(const E& e, detail::product_operand a, detail::product_operand b,
                                  std::size_t depth, matrix_view<float> c, bool accumulate = false,
                                  detail::product_part part = detail::product_part::whole)
    {
        return detail::packed_engine<Arch, E>(e, a, b, depth, c, accumulate, part).run();
    }
};

} // namespace awq

#endif
// ---- awq/execution/tbb_execution.hpp
#ifndef AWQ_EXECUTION_TBB_EXECUTION_HPP
#define AWQ_EXECUTION_TBB_EXECUTION_HPP

#include <tbb/parallel_for.h>

namespace awq {

/// Does the work on TBB's threads. To limit their number, hold a `tbb::global_control` or call from
/// within a `tbb::task_arena`, as for any TBB code.
struct tbb_execution {
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "tbb";

    template <class Task>
    void for_each(std::size_t count, Task&& task) const
    {
        if (count == 1) return task(std::size_t{0});
        tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) { task(i); });
    }
};

static_assert(execution<tbb_execution>);

} // namespace awq

#endif
// ---- awq/io/json_copy.hpp
#ifndef AWQ_IO_JSON_COPY_HPP
#define AWQ_IO_JSON_COPY_HPP

// ---- awq/io/json_reader.hpp
#ifndef AWQ_IO_JSON_READER_HPP
#define AWQ_IO_JSON_READER_HPP

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
inline std::string_view one_line(std::string_view text) noexcept
{
    return text.substr(0, text.find_first_of("\r\n"));
}

} // namespace awq

#endif
// ---- awq/io/read_file.hpp
#ifndef AWQ_IO_READ_FILE_HPP
#define AWQ_IO_READ_FILE_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace awq {

/// A POSIX file descriptor, closed at the end of its life.
class file_descriptor {
public:
    file_descriptor() = default;
    explicit file_descriptor(int number) noexcept : number_(number) {}
    file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~file_descriptor()
    {
        if (number_ >= 0) ::close(number_);
    }

    explicit operator bool() const noexcept { return number_ >= 0; }
    int number() const noexcept { return number_; }
    /// Hands the descriptor over to the caller.
    int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

/// A regular file that is open for reading, and its size in bytes.
struct opened_file {
    file_descriptor descriptor;
    std::uint64_t size = 0;
};

/// Opens a regular file for reading. Errors: `file_not_found`; `file_unreadable` for a directory, a device or
/// whatever the system refuses.
inline result<opened_file> open_for_reading(const std::string& path)
{
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    opened_file opened{file_descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)}, 0};
    if (!opened.descriptor) {
        const int reason = errno;
        return error{reason == ENOENT || reason == ENOTDIR ? error_code::file_not_found
                                                           : error_code::file_unreadable,
                     path, ": cannot open: ", std::strerror(reason)};
    }
    struct ::stat about {};
    if (::fstat(opened.descriptor.number(), &about) != 0)
        return error{error_code::file_unreadable, path, ": ", std::strerror(errno)};
    if (S_ISDIR(about.st_mode))
        return error{error_code::file_unreadable, path, ": is a directory, a file is needed"};
    if (!S_ISREG(about.st_mode))
        return error{error_code::file_unreadable, path, ": is not a regular file"};
    opened.size = static_cast<std::uint64_t>(about.st_size);
    return opened;
}

/// The whole content of a regular file, at most `limit` bytes (1 GiB; `malformed_file` beyond that).
inline result<std::string> read_file(const std::string& path,
                                     std::uint64_t limit = std::uint64_t{1} << 30)
{
    AWQ_TRY(const opened_file file, open_for_reading(path));
    if (file.size > limit)
        return error{error_code::malformed_file, path, ": ", file.size,
                     " bytes are more than the limit of ", limit};
    std::string content(static_cast<std::size_t>(file.size), '\0');
    std::size_t done = 0;
    while (done < content.size()) {
        const ::ssize_t count =
            ::read(file.descriptor.number(), content.data() + done, content.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return error{error_code::file_unreadable, path, ": ", std::strerror(errno)};
        if (count == 0) break; // the file became shorter meanwhile
        done += static_cast<std::size_t>(count);
    }
    content.resize(done);
    return content;
}

} // namespace awq

#endif

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON in (RFC 8259). The whole text is checked when it is parsed: UTF-8, nesting of at most 1024, nothing
/// after the value. Values are cheap handles into their document, which must outlive them.
namespace awq::json {

class value;

namespace detail {

/// One step from the root to a value: a key, or the index of an array element.
struct path_step {
    const char* name = nullptr; // null: an index
    std::size_t size_or_index = 0;
};

/// Where a value is: its document's name and the last three steps to it, for error texts.
struct location {
    const std::string* where = nullptr;
    std::array<path_step, 3> steps{};
    unsigned depth = 0;

    location below(path_step step) const noexcept
    {
        location deeper = *this;
        if (depth < steps.size()) {
            deeper.steps[depth] = step;
        } else {
            std::shift_left(deeper.steps.begin(), deeper.steps.end(), 1);
            deeper.steps.back() = step;
        }
        ++deeper.depth;
        return deeper;
    }

    /// "config.json: rope_scaling.factor", or "config.json" for the root.
    std::string text() const
    {
        std::string joined = *where + (depth == 0 ? "" : depth > steps.size() ? ": ..." : ": ");
        for (unsigned i = 0; i < std::min<std::size_t>(depth, steps.size()); ++i) {
            const path_step& step = steps[i];
            if (step.name == nullptr) {
                joined += '[' + std::to_string(step.size_or_index) + ']';
            } else {
                if (i > 0) joined += '.';
                joined += printable({step.name, step.size_or_index});
            }
        }
        return joined;
    }
};

class element_iterator;
class member_iterator;

} // namespace detail

/// A range over the elements of an array or the members of an object, in the order of the text.
template <class Iterator>
class range {
public:
    range() = default;
    range(Iterator first, Iterator last, std::size_t size)
        : first_(first), last_(last), size_(size)
    {
    }
    Iterator begin() const { return first_; }
    Iterator end() const { return last_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

private:
    Iterator first_{};
    Iterator last_{};
    std::size_t size_ = 0;
};

/// One JSON value. Reading it as another type than it has is an error that names the document and the key.
class value {
public:
    value() = default;
    value(simdjson::dom::element element, const detail::location& location)
        : element_(element), location_(location)
    {
    }

    bool is_object() const noexcept { return is(simdjson::dom::element_type::OBJECT); }
    bool is_array() const noexcept { return is(simdjson::dom::element_type::ARRAY); }
    bool is_string() const noexcept { return is(simdjson::dom::element_type::STRING); }
    bool is_bool() const noexcept { return is(simdjson::dom::element_type::BOOL); }
    bool is_null() const noexcept { return is(simdjson::dom::element_type::NULL_VALUE); }
    /// A whole number that fits 64 bits and is written without fraction and exponent.
    bool is_integer() const noexcept
    {
        return is(simdjson::dom::element_type::INT64) || is(simdjson::dom::element_type::UINT64);
    }
    bool is_number() const noexcept
    {
        return is_integer() || is(simdjson::dom::element_type::DOUBLE);
    }

    /// The member with this key (the first, if there are several); nothing if it is absent or this is no object.
    /// Linear in the number of members: walk `members()` to read many.
    std::optional<value> find(std::string_view key) const;

    /// As `find`, but a member that is null counts as absent.
    std::optional<value> find_non_null(std::string_view key) const;

    /// The member with this key; `missing_field` if it is absent, `malformed_file` if this is no object.
    result<value> at(std::string_view key) const;

    result<std::string_view> as_string() const
    {
        return read<std::string_view>("a string");
    }
    result<std::int64_t> as_integer() const { return read<std::int64_t>("an integer"); }
    result<std::uint64_t> as_unsigned() const
    {
        return read<std::uint64_t>("an integer that is not negative");
    }
    /// Any number, as the nearest double.
    result<double> as_number() const { return read<double>("a number"); }
    result<bool> as_bool() const { return read<bool>("true or false"); }

    /// The elements of an array; empty if this is no array (test `is_array()` or use `as_array()`).
    range<detail::element_iterator> elements() const;
    /// The members of an object; empty if this is no object (test `is_object()` or use `as_object()`).
    range<detail::member_iterator> members() const;
    /// As `elements()`, but an error if this is no array.
    result<range<detail::element_iterator>> as_array() const;
    /// As `members()`, but an error if this is no object.
    result<range<detail::member_iterator>> as_object() const;

    /// `malformed_file` naming the key if this object has the same key twice. Does not look into its members.
    status check_unique_keys() const;

    /// "config.json: rope_scaling.factor": for error texts.
    std::string where() const { return location_.where ? location_.text() : std::string{}; }

    /// An error at this value: `where()`, ": " and the parts.
    template <class... Parts>
    awq::error error(error_code code, const Parts&... parts) const
    {
        return awq::error{code, where(), ": ", parts...};
    }

private:
    bool is(simdjson::dom::element_type type) const noexcept { return element_.type() == type; }

    template <class T>
    result<T> read(const char* expected) const
    {
        T content{};
        if (element_.get(content) == simdjson::SUCCESS) return content;
        return error(error_code::malformed_file, "expected ", expected, ", found ", type_name());
    }

    const char* type_name() const noexcept
    {
        switch (element_.type()) {
        case simdjson::dom::element_type::OBJECT: return "an object";
        case simdjson::dom::element_type::ARRAY: return "an array";
        case simdjson::dom::element_type::STRING: return "a string";
        case simdjson::dom::element_type::BOOL: return "true or false";
        case simdjson::dom::element_type::NULL_VALUE: return "null";
        case simdjson::dom::element_type::INT64: return "an integer";
        case simdjson::dom::element_type::UINT64: return "a large integer";
        default: return "a number";
        }
    }

    simdjson::dom::element element_{};
    detail::location location_{};
};

/// A member of an object. The key lives as long as the document.
struct member {
    std::string_view key;
    json::value value;
};

namespace detail {

class element_iterator {
public:
    using value_type = json::value;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = value_type;

    element_iterator() = default;
    element_iterator(simdjson::dom::array::iterator at, const location& parent)
        : at_(at), parent_(parent)
    {
    }
    json::value operator*() const { return {*at_, parent_.below({nullptr, index_})}; }
    element_iterator& operator++()
    {
        ++at_;
        ++index_;
        return *this;
    }
    bool operator!=(const element_iterator& other) const { return at_ != other.at_; }
    bool operator==(const element_iterator& other) const { return !(at_ != other.at_); }

private:
    simdjson::dom::array::iterator at_{};
    location parent_{};
    std::size_t index_ = 0;
};

class member_iterator {
public:
    using value_type = json::member;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = value_type;

    member_iterator() = default;
    member_iterator(simdjson::dom::object::iterator at, const location& parent)
        : at_(at), parent_(parent)
    {
    }
    json::member operator*() const
    {
        const std::string_view key = at_.key();
        return {key, json::value{at_.value(), parent_.below({key.data(), key.size()})}};
    }
    member_iterator& operator++()
    {
        ++at_;
        return *this;
    }
    bool operator!=(const member_iterator& other) const { return at_ != other.at_; }
    bool operator==(const member_iterator& other) const { return !(at_ != other.at_); }

private:
    simdjson::dom::object::iterator at_{};
    location parent_{};
};

// Whether the digits text[first, last) are an integer literal that does not fit 64 bits.
inline bool is_long_integer(std::string_view text, std::size_t first, std::size_t last) noexcept
{
    if (last - first < 19) return false;
    if (last < text.size() && std::string_view{".eE"}.find(text[last]) != std::string_view::npos)
        return false;
    const char before = first > 0 ? text[first - 1] : ' ';
    if (before == '.' || before == '+' || before == 'e' || before == 'E') return false;
    const char* end = text.data() + last;
    std::int64_t as_signed = 0;
    std::uint64_t as_unsigned = 0;
    return before == '-'
               ? std::from_chars(text.data() + first - 1, end, as_signed).ec != std::errc{}
               : std::from_chars(text.data() + first, end, as_unsigned).ec != std::errc{};
}

// Integers beyond 64 bits ("model_max_length": 1000000000000000019884624838656) are valid JSON that
// simdjson refuses; as floating-point literals it takes them.
inline std::string with_long_integers_as_floats(std::string_view text)
{
    std::string rewritten;
    rewritten.reserve(text.size() + 64);
    bool inside_string = false;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t first = i;
        if (!inside_string)
            while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
        if (i > first) {
            rewritten.append(text, first, i - first);
            if (is_long_integer(text, first, i)) rewritten += ".0";
            continue;
        }
        if (text[i] == '"') inside_string = !inside_string;
        if (inside_string && text[i] == '\\' && i + 1 < text.size()) rewritten += text[i++];
        rewritten += text[i++];
    }
    return rewritten;
}

// The number of steps from one iterator to another (simdjson's own counters saturate at 24 bits).
template <class Container>
std::size_t exact_size(const Container& container) noexcept
{
    std::size_t size = container.size();
    if (size < 0xFFFFFF) return size;
    size = 0;
    for (auto at = container.begin(); at != container.end(); ++at) ++size;
    return size;
}

} // namespace detail

inline std::optional<value> value::find(std::string_view key) const
{
    simdjson::dom::object object;
    if (element_.get(object) != simdjson::SUCCESS) return std::nullopt;
    for (const auto field : object)
        if (field.key == key)
            return value{field.value, location_.below({field.key.data(), field.key.size()})};
    return std::nullopt;
}

inline std::optional<value> value::find_non_null(std::string_view key) const
{
    std::optional<value> found = find(key);
    if (found && found->is_null()) found.reset();
    return found;
}

inline result<value> value::at(std::string_view key) const
{
    if (!is_object())
        return error(error_code::malformed_file, "expected an object with the field \"",
                     printable(key), "\", found ", type_name());
    if (const std::optional<value> found = find(key)) return *found;
    return error(error_code::missing_field, "the field \"", printable(key), "\" is missing");
}

inline range<detail::element_iterator> value::elements() const
{
    simdjson::dom::array array;
    if (element_.get(array) != simdjson::SUCCESS) return {};
    return {{array.begin(), location_}, {array.end(), location_}, detail::exact_size(array)};
}

inline range<detail::member_iterator> value::members() const
{
    simdjson::dom::object object;
    if (element_.get(object) != simdjson::SUCCESS) return {};
    return {{object.begin(), location_}, {object.end(), location_}, detail::exact_size(object)};
}

inline result<range<detail::element_iterator>> value::as_array() const
{
    if (!is_array())
        return error(error_code::malformed_file, "expected an array, found ", type_name());
    return elements();
}

inline result<range<detail::member_iterator>> value::as_object() const
{
    if (!is_object())
        return error(error_code::malformed_file, "expected an object, found ", type_name());
    return members();
}

inline status value::check_unique_keys() const
{
    std::vector<std::string_view> keys;
    for (const member& each : members()) keys.push_back(each.key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return {};
    return error(error_code::malformed_file, "the key \"", printable(*twice), "\" is there twice");
}

/// A parsed text. Owns everything that its values refer to; moving it leaves them valid.
class document {
public:
    /// Parses one JSON text. `where` (usually the file's path) begins every error text.
    static result<document> parse(std::string_view text, std::string_view where)
    {
        document parsed{where};
        simdjson::error_code code = parsed.parse_text(text);
        if (code != simdjson::SUCCESS && code != simdjson::MEMALLOC && code != simdjson::CAPACITY) {
            const std::string rewritten = detail::with_long_integers_as_floats(text);
            if (rewritten.size() != text.size() &&
                parsed.parse_text(rewritten) == simdjson::SUCCESS)
                code = simdjson::SUCCESS;
        }
        if (code == simdjson::SUCCESS) return parsed;
        return error{code == simdjson::MEMALLOC ? error_code::out_of_memory
                                                : error_code::malformed_file,
                     where, ": not valid JSON: ", one_line(simdjson::error_message(code))};
    }

    value root() const { return value{root_, detail::location{where_.get(), {}, 0}}; }

private:
    explicit document(std::string_view where)
        : parser_(std::make_unique<simdjson::dom::parser>()),
          where_(std::make_unique<std::string>(where))
    {
    }

    simdjson::error_code parse_text(std::string_view text)
    {
        return parser_->parse(text.data(), text.size()).get(root_);
    }

    std::unique_ptr<simdjson::dom::parser> parser_;
    std::unique_ptr<std::string> where_;
    simdjson::dom::element root_{};
};

/// Reads and parses a file; its path begins every error text.
inline result<document> load(const std::string& path)
{
    AWQ_TRY(const std::string text, read_file(path));
    return document::parse(text, path);
}

} // namespace awq::json

#endif
// ---- awq/io/json_writer.hpp
#ifndef AWQ_IO_JSON_WRITER_HPP
#define AWQ_IO_JSON_WRITER_HPP

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::json {

namespace detail {

/// Bytes of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the start of `text`; 0 if there is none.
inline std::size_t utf8_length(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto in = [&](std::size_t i, unsigned low, unsigned high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    if (lead < 0xE0) return in(1, 0x80, 0xBF) ? 2 : 0;
    if (lead < 0xF0) {
        const bool second =
            in(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF); // no surrogates
        return second && in(2, 0x80, 0xBF) ? 3 : 0;
    }
    const bool second = in(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
}

inline void append_escape(std::string& text, unsigned char control)
{
    constexpr std::string_view digits = "0123456789abcdef";
    switch (control) {
    case '\b': text += "\\b"; return;
    case '\f': text += "\\f"; return;
    case '\n': text += "\\n"; return;
    case '\r': text += "\\r"; return;
    case '\t': text += "\\t"; return;
    default: break;
    }
    text += "\\u00";
    text += digits[control >> 4];
    text += digits[control & 15];
}

} // namespace detail

/// Appends `content` to `text` as a JSON string with its quotes. Text that is not ASCII stays UTF-8; each byte
/// that is not valid UTF-8 becomes U+FFFD, so that the output is always valid JSON.
inline void append_quoted(std::string& text, std::string_view content)
{
    text += '"';
    for (std::size_t i = 0; i < content.size();) {
        const auto lead = static_cast<unsigned char>(content[i]);
        if (lead < 0x20) {
            detail::append_escape(text, lead);
            ++i;
        } else if (lead == '"' || lead == '\\') {
            text += '\\';
            text += content[i++];
        } else if (const std::size_t length = detail::utf8_length(content.substr(i)); length > 0) {
            text.append(content, i, length);
            i += length;
        } else {
            text += "\xEF\xBF\xBD";
            ++i;
        }
    }
    text += '"';
}

/// Writes one JSON text (RFC 8259) piece by piece into a string. The caller keeps begin and end in balance and
/// gives every member of an object a key.
///
///     json::writer out{2};
///     out.begin_object().field("loss", 0.5).key("names").begin_array().value("a").end_array();
///     out.end_object();
///     std::string text = std::move(out).take();
class writer {
public:
    /// `indent` 0: compact, without any space; n: one line per value, n spaces per level.
    explicit writer(unsigned indent = 0) : indent_(indent) {}

    writer& begin_object() { return begin('{'); }
    writer& end_object() { return end('}'); }
    writer& begin_array() { return begin('['); }
    writer& end_array() { return end(']'); }

    writer& key(std::string_view name)
    {
        separate();
        append_quoted(text_, name);
        text_ += indent_ > 0 ? ": " : ":";
        after_key_ = true;
        return *this;
    }

    writer& value(std::string_view content)
    {
        separate();
        append_quoted(text_, content);
        return *this;
    }
    writer& value(const std::string& content) { return value(std::string_view{content}); }
    writer& value(const char* content) { return value(std::string_view{content}); }
    writer& value(std::same_as<bool> auto truth) { return raw(truth ? "true" : "false"); }

    template <std::integral Integer>
        requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
    writer& value(Integer number)
    {
        char digits[24];
        return raw({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
    }

    /// The shortest digits that read back as the same number, always with a point or an exponent, so that it
    /// stays a floating-point number for readers that tell them apart. Not a finite number: null.
    template <std::floating_point Float>
    writer& value(Float number)
    {
        if (!std::isfinite(number)) return null();
        const double magnitude = std::fabs(static_cast<double>(number));
        const bool fixed = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
        char digits[64];
        const auto written =
            std::to_chars(digits, digits + sizeof digits, number,
                          fixed ? std::chars_format::fixed : std::chars_format::scientific);
        std::string literal{digits, written.ptr};
        if (literal.find_first_of(".e") == std::string::npos) literal += ".0";
        return raw(literal);
    }

    writer& null() { return raw("null"); }

    /// A fragment that is JSON already, unchanged.
    writer& raw(std::string_view fragment)
    {
        separate();
        text_ += fragment;
        return *this;
    }

    /// key(name) and value(content).
    template <class T>
    writer& field(std::string_view name, const T& content)
    {
        return key(name).value(content);
    }

    const std::string& text() const& noexcept { return text_; }
    /// The text, moved out.
    std::string take() && { return std::move(text_); }

private:
    writer& begin(char bracket)
    {
        separate();
        text_ += bracket;
        has_values_.push_back(false);
        return *this;
    }

    writer& end(char bracket)
    {
        const bool had_values = !has_values_.empty() && has_values_.back();
        if (!has_values_.empty()) has_values_.pop_back();
        if (had_values) new_line();
        text_ += bracket;
        return *this;
    }

    // What stands between the previous value and the next one.
    void separate()
    {
        if (std::exchange(after_key_, false) || has_values_.empty()) return;
        if (has_values_.back()) text_ += ',';
        has_values_.back() = true;
        new_line();
    }

    void new_line()
    {
        if (indent_ == 0) return;
        text_ += '\n';
        text_.append(indent_ * has_values_.size(), ' ');
    }

    std::string text_;
    std::vector<bool> has_values_; // one for each open bracket
    unsigned indent_;
    bool after_key_ = false;
};

} // namespace awq::json

#endif

namespace awq::json {

/// Writes a value that was read as the writer's next value; members keep their order. Numbers keep their value
/// and their kind (integer or floating point), not their digits. To add keys to an object, walk its `members()`.
inline void write(writer& out, const value& content)
{
    if (content.is_object()) {
        out.begin_object();
        for (const member& each : content.members()) write(out.key(each.key), each.value);
        out.end_object();
    } else if (content.is_array()) {
        out.begin_array();
        for (const value& each : content.elements()) write(out, each);
        out.end_array();
    } else if (content.is_string()) {
        out.value(*content.as_string());
    } else if (content.is_bool()) {
        out.value(*content.as_bool());
    } else if (const auto number = content.as_integer(); number) {
        out.value(*number);
    } else if (const auto large = content.as_unsigned(); large) {
        out.value(*large);
    } else if (const auto real = content.as_number(); real) {
        out.value(*real);
    } else {
        out.null();
    }
}

} // namespace awq::json

#endif
// ---- awq/io/printable.hpp
#ifndef AWQ_IO_PRINTABLE_HPP
#define AWQ_IO_PRINTABLE_HPP

#endif

#endif
