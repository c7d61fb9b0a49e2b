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
inline void multiply(std::span<const float> a, std::span<const float> b,
                     std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] * b[i];
}

/// out = a / b, element by element.
inline void divide(std::span<const float> a, std::span<const float> b,
                   std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] / b[i];
}

/// out = factor * x.
inline void scale(float factor, std::span<const float> x, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = factor * x[i];
}

/// Root-mean-square norm of one row (Zhang and Sennrich 2019): out = x / rms(x) * weight.
inline void rms_norm(std::span<const float> x, std::span<const float> weight, float eps,
                     std::span<float> out) noexcept
{
    const double mean = sum_of_squares(x) / static_cast<double>(x.size());
    const auto inverse = static_cast<float>(1.0 / std::sqrt(mean + double{eps}));
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * inverse * weight[i];
}

/// out = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
inline void silu_multiply(std::span<const float> gate, std::span<const float> up,
                          std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < gate.size(); ++i)
        out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

/// values = softmax(factor * values), in place; at least one value.
inline void softmax(float factor, std::span<float> values) noexcept
{
    const float shift = factor * (factor < 0.0f ? min_max(values).min : min_max(values).max);
    float sum = 0.0f;
    for (float& value : values) sum += value = std::exp(factor * value - shift);
    scale(1.0f / sum, values, values);
}

/// Turns the pairs (first[i], second[i]) by the angles whose cosines and sines are given.
inline void rotate(std::span<const float> cosines, std::span<const float> sines,
                   std::span<float> first, std::span<float> second) noexcept
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
    std::size_t candidates = 0;
    /// Candidates whose scales or loss were not finite.
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

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// One mapping of a streaming run, in the caller's memory. Fill the first two, and `scales` where
/// they are wanted afterwards; the run fills the rest.
struct tracked_mapping {
    enum class state : unsigned char { open, smoothed, skipped };

    mapping target;
    activation_stats stats;        ///< with a Gram matrix, see `activation_stats::make`
    std::span<double> scales = {}; ///< empty, or one for each scale: a copy of the best scales

    search_outcome outcome{}; ///< without its spans, whose memory is used again
    state progress = state::open;
    status reason{}; ///< why it was skipped
};

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
template <class Modifier>
class modifier_run {
  public:
    modifier_run(const Modifier& how, std::span<tracked_mapping> mappings)
        : modifier_(how), mappings_(mappings)
    {
        for (tracked_mapping& each : mappings_)
            if (status fit = modifier_.check(each.target); !fit) skip(each, fit);
    }

    /// Adds a batch of what mapping `index`'s balance layers read, (tokens, in_features).
    status observe(std::size_t index, matrix_view<const float> batch, loss_mask mask = {})
    {
        AWQ_CHECK(check_open(index));
        tracked_mapping& each = mappings_[index];
        if (each.progress == tracked_mapping::state::skipped) return {};
        return each.stats.template observe<typename Modifier::product>(modifier_.executor(), batch,
                                                                       mask);
    }

    /// Searches and smooths `count` mappings from `first` on, in order. `memory`: as many floats as
    /// `Modifier::workspace_size(0, ...)` says for the largest of them. An error: only of the call
    /// itself (index, memory); what is wrong with one mapping stands in that mapping.
    status end_block(std::size_t first, std::size_t count, workspace memory)
    {
        for (std::size_t i = first; i < first + count; ++i)
            AWQ_CHECK(end_mapping(i, memory));
        return {};
    }

    /// Counts. invalid_argument where a mapping was observed and its block never ended.
    result<run_summary> finish() const
    {
        run_summary summary;
        for (const tracked_mapping& each : mappings_) {
            if (each.progress == tracked_mapping::state::open && each.stats.tokens > 0)
                return error{error_code::invalid_argument,
                             "modifier run: a mapping was observed, but its block was not ended"};
            const bool smoothed = each.progress == tracked_mapping::state::smoothed;
            const bool better = each.outcome.best_error < each.outcome.initial_error;
            summary.smoothed += smoothed ? 1 : 0;
            summary.unchanged += smoothed && !better ? 1 : 0;
            summary.skipped += smoothed ? 0 : 1;
            summary.tokens = std::max(summary.tokens, each.stats.tokens);
        }
        return summary;
    }

  private:
    static void skip(tracked_mapping& each, const status& reason)
    {
        each.progress = tracked_mapping::state::skipped;
        each.reason = reason;
    }

    status check_open(std::size_t index) const
    {
        if (index >= mappings_.size())
            return error{error_code::invalid_argument, "modifier run: mapping ", index, " of ",
                         mappings_.size()};
        if (mappings_[index].progress == tracked_mapping::state::smoothed)
            return error{error_code::invalid_argument, "modifier run: mapping ", index,
                         " is smoothed already"};
        return {};
    }

    status end_mapping(std::size_t index, workspace memory)
    {
        AWQ_CHECK(check_open(index));
        tracked_mapping& each = mappings_[index];
        if (each.progress == tracked_mapping::state::skipped) return {};
        result<search_outcome> found = modifier_.smooth(each.target, each.stats, memory);
        if (!found && found.error().code() == error_code::workspace_too_small) return found.error();
        if (!found) return skip(each, found.error()), status{};
        const std::size_t wanted = std::min(each.scales.size(), found->best_scales.size());
        std::copy_n(found->best_scales.begin(), wanted, each.scales.begin());
        each.outcome = *found;
        each.outcome.best_scales = {};
        each.outcome.candidate_errors = {};
        each.progress = tracked_mapping::state::smoothed;
        return {};
    }

    const Modifier& modifier_;
    std::span<tracked_mapping> mappings_;
};

} // namespace awq

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

} // namespace awq

#endif
// ---- awq/policy/mode.hpp
#ifndef AWQ_POLICY_MODE_HPP
#define AWQ_POLICY_MODE_HPP

namespace awq {

template <int Bits, bool Symmetric>
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
    static_assert(detail::answers<axis::group, Policies...> <= 1,
                  "awq::modifier: choose one group_size");
    static_assert(detail::answers<axis::backend, Policies...> <= 1,
                  "awq::modifier: choose one backend");
    static_assert(detail::answers<axis::execution, Policies...> <= 1,
                  "awq::modifier: choose one execution");

    /// The policy that answers an axis, or the default.
    template <class Axis, class Default>
    using get = typename detail::chosen<Axis, Default, Policies...>::type;
};

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
// ---- awq/search/scale_search.hpp
#ifndef AWQ_SEARCH_SCALE_SEARCH_HPP
#define AWQ_SEARCH_SCALE_SEARCH_HPP

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

/// The layer whose outputs are divided by the scales: a linear layer's weight, (out_features,
/// in_features), or a norm's weight, which has one row. `offset`: a norm that multiplies by 1 +
/// weight.
template <class Tensor>
struct smooth_layer {
    Tensor tensor;
    std::span<float> bias = {};
    bool offset = false;
};
template <class T>
smooth_layer(T&&) -> smooth_layer<T>;
template <class T>
smooth_layer(T&&, std::span<float>) -> smooth_layer<T>;
template <class T>
smooth_layer(T&&, std::span<float>, bool) -> smooth_layer<T>;

/// The layers that read the smooth layer's output, each (out_features, in_features).
template <class... Tensors>
struct balance_layers {
    std::tuple<Tensors...> tensors;

    template <class... Ts>
    requires(sizeof...(Ts) == sizeof...(Tensors) &&
             sizeof...(Ts) > 0) constexpr explicit balance_layers(Ts&&... layers)
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
// ---- awq/tensor/span_backend.hpp
#ifndef AWQ_TENSOR_SPAN_BACKEND_HPP
#define AWQ_TENSOR_SPAN_BACKEND_HPP

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
    template <class T>
    static constexpr matrix_view<T> view(std::span<T> vector) noexcept
    {
        return as_row(vector);
    }
};

static_assert(tensor_backend<span_backend>);

} // namespace awq

#endif

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>

namespace awq {

namespace detail {

template <class Scheme>
struct simulated {
    using type = integer_quantizer;
    static constexpr type make(std::size_t columns) { return quantizer_of<Scheme>(columns); }
};
template <quantizer Scheme> // a format that is a quantizer by itself has its own groups
struct simulated<Scheme> {
    using type = Scheme;
    static constexpr type make(std::size_t) { return {}; }
};

template <class B>
concept allocating_backend = requires
{
    B::make_workspace(std::size_t{}).get();
};

} // namespace detail

/// The rooms joined, over tensors in memory: search the scales of a mapping, smooth it, and in the
/// quantizing modes quantize the weights. Use it through the alias `modifier<Policies...>`.
///
/// One call does a whole mapping (`smooth`); `begin` opens a streaming run, for activations that
/// come in batches. Without a parent the loss is taken at the balance layers' own outputs.
template <class Mode, class Group, tensor_backend Backend, execution Execution>
class basic_modifier {
  public:
    using mode = Mode;
    using backend = Backend;
    using execution_type = Execution;
    using product = typename Backend::product;
    using quantizer_type = typename detail::simulated<typename Mode::scheme_type>::type;

    constexpr basic_modifier(search_options options = {}, Group group = {}, Execution how = {})
        : options_(options),
          quantizer_(detail::simulated<typename Mode::scheme_type>::make(group.columns())),
          how_(how)
    {}

    constexpr const search_options& options() const noexcept { return options_; }
    constexpr const Execution& executor() const noexcept { return how_; }
    /// What the search simulates.
    constexpr const quantizer_type& target() const noexcept { return quantizer_; }

    /// Floats that `smooth` needs for a mapping whose balance layers read `in_features` channels
    /// and have `out_features` outputs in all. With a parent, add its own `workspace_size()`.
    static constexpr std::size_t workspace_size(std::size_t tokens, std::size_t in_features,
                                                std::size_t out_features, std::size_t layers = 4,
                                                std::size_t n_grid = 20) noexcept
    {
        return search_memory(in_features, out_features, layers, n_grid) +
               activation_stats::size(in_features, uses_gram(tokens, in_features)) +
               loss_memory(tokens, in_features, out_features);
    }

    /// Whether the mapping's shapes fit together and its rows can be cut into groups.
    status check(const mapping& pair) const
    {
        AWQ_CHECK(check_mapping(pair));
        return quantizer_.check(pair.in_features());
    }

    /// Searches the scales of a mapping from the balance layers' inputs, (tokens, in_features), and
    /// smooths it. The outcome's spans lie in `memory`; see `workspace_size`. On an error nothing
    /// is changed.
    result<search_outcome> smooth(const mapping& pair, matrix_view<const float> x,
                                  workspace memory) const
    {
        return smooth_by(
            pair, x, memory, [&](auto weights, auto& stats, std::span<float> rest, auto&& use) {
                if (!stats.gram.empty())
                    return use(
                        gram_loss<product, Execution>(how_, weights, stats.gram, x.rows(), rest));
                return use(linear_output_loss<product, Execution>(how_, weights, x, rest));
            });
    }

    /// The same, with the loss at the output of a module that the caller re-runs.
    template <parent_forward F>
    result<search_outcome> smooth(const mapping& pair, matrix_view<const float> x, parent<F> source,
                                  workspace memory) const
    {
        return smooth_by(
            pair, x, memory,
            [&](auto weights, auto&, std::span<float> rest, auto&& use) -> result<search_outcome> {
                if (rest.size() < source.workspace_size()) return too_small();
                return use(parent_output_loss<F, Execution>(how_, source, weights, rest));
            });
    }

    /// `smooth` over the backend's own tensors.
    template <class S, class... Bs, class X>
    result<search_outcome> smooth(const smooth_layer<S>& smooth_to,
                                  const balance_layers<Bs...>& reads, const activations<X>& x,
                                  workspace memory) const
    {
        const auto views = balance_views(reads);
        return smooth(mapping{target_of(smooth_to), views, {}}, const_view(x.tensor), memory);
    }

    /// The same in memory that the backend allocates; `best_scales` and `candidate_errors` of the
    /// outcome are then empty.
    template <class S, class... Bs, class X>
    result<search_outcome>
    smooth(const smooth_layer<S>& smooth_to, const balance_layers<Bs...>& reads,
           const activations<X>& x) const requires detail::allocating_backend<Backend>
    {
        const auto views = balance_views(reads);
        const matrix_view<const float> inputs = const_view(x.tensor);
        std::size_t outputs = 0;
        for (const auto& view : views)
            outputs += view.rows();
        const std::size_t size =
            workspace_size(inputs.rows(), inputs.cols(), outputs, views.size(), options_.n_grid);
        const auto memory = Backend::make_workspace(size);
        if (!memory)
            return error{error_code::out_of_memory, "smooth: working memory of ", size, " floats"};
        AWQ_TRY(search_outcome outcome, smooth(mapping{target_of(smooth_to), views, {}}, inputs,
                                               workspace{std::span<float>{memory.get(), size}}));
        outcome.best_scales = {};
        outcome.candidate_errors = {};
        return outcome;
    }

    /// Searches and smooths from statistics that were gathered before, which need a Gram matrix.
    result<search_outcome> smooth(const mapping& pair, const activation_stats& stats,
                                  workspace memory) const;

    /// Opens a streaming run over mappings whose memory the caller owns.
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const
    {
        return modifier_run<basic_modifier>{*this, mappings};
    }

    /// Quantizes a weight, (out_features, in_features), after smoothing. Only in quantizing modes.
    template <class Tensor>
    status quantize(Tensor&& weight, const quantized_weight& out) const
        requires(Mode::quantizes&& std::same_as<quantizer_type, integer_quantizer>)
    {
        return quantize_weight(how_, quantizer_, const_view(weight), out);
    }

  private:
    static constexpr bool uses_gram(std::size_t tokens, std::size_t in_features) noexcept
    {
        return tokens >= in_features;
    }
    static constexpr std::size_t search_memory(std::size_t in_features, std::size_t out_features,
                                               std::size_t layers, std::size_t n_grid) noexcept
    {
        return search_workspace_size(in_features, in_features * out_features, layers, n_grid) +
               2 * in_features + workspace::size_for<search_layer<quantizer_type>>(layers) +
               workspace::size_for<matrix_view<const float>>(layers);
    }
    static constexpr std::size_t loss_memory(std::size_t tokens, std::size_t in_features,
                                             std::size_t out_features) noexcept
    {
        const std::size_t rows = std::clamp<std::size_t>(out_features, 1, 64);
        return rows * (uses_gram(tokens, in_features) ? gram_loss_workspace_size(in_features)
                                                      : in_features + tokens);
    }
    static error too_small()
    {
        return error{error_code::workspace_too_small,
                     "smooth: give as many floats as workspace_size says"};
    }

    template <class Tensor>
    static matrix_view<const float> const_view(Tensor& tensor)
    {
        return Backend::view(tensor);
    }
    template <class S>
    static smooth_target target_of(const smooth_layer<S>& role)
    {
        const matrix_view<float> weight = Backend::view(role.tensor);
        return {weight, role.bias, weight.rows() == 1, role.offset};
    }
    template <class... Bs>
    static std::array<matrix_view<float>, sizeof...(Bs)>
    balance_views(const balance_layers<Bs...>& role)
    {
        return std::apply(
            [](auto&... tensors) {
                return std::array<matrix_view<float>, sizeof...(Bs)>{Backend::view(tensors)...};
            },
            role.tensors);
    }

    template <class MakeLoss>
    result<search_outcome> smooth_by(const mapping& pair, matrix_view<const float> x,
                                     workspace memory, MakeLoss&& make_loss) const
    {
        AWQ_CHECK(check(pair));
        AWQ_TRY(activation_stats stats,
                activation_stats::make(memory, pair.in_features(),
                                       uses_gram(x.rows(), pair.in_features())));
        AWQ_CHECK(stats.observe<product>(how_, x));
        return search_and_apply(pair, stats, memory, make_loss);
    }

    template <class MakeLoss>
    result<search_outcome> search_and_apply(const mapping& pair, activation_stats& stats,
                                            workspace memory, MakeLoss&& make_loss) const
    {
        const std::size_t columns = pair.in_features(), layers = pair.balances.size();
        const std::span<float> x_mean = memory.take<float>(columns);
        const std::span<float> importance = memory.take<float>(columns);
        const auto originals = memory.take<matrix_view<const float>>(layers);
        const auto searched = memory.take<search_layer<quantizer_type>>(layers);
        if (searched.empty()) return too_small();
        AWQ_CHECK(stats.mean_abs(x_mean));
        AWQ_CHECK(stats.mean_square(importance));
        for (std::size_t i = 0; i < layers; ++i) {
            originals[i] = pair.balances[i];
            searched[i] = {originals[i], &quantizer_, importance};
        }
        const search_problem<quantizer_type> problem{searched, x_mean, pair.column_scales,
                                                     scale_count(pair)};
        const std::size_t search_size = search_workspace_size(problem, options_);
        const std::span<float> rest = memory.rest();
        if (rest.size() < search_size + 2 * columns) return too_small();
        const std::span<const matrix_view<const float>> weights = originals;
        const auto run = [&](auto&& loss) -> result<search_outcome> {
            AWQ_TRY(search_outcome found, scale_search(how_, problem, options_, loss,
                                                       workspace{rest.first(search_size)}));
            AWQ_CHECK(apply_scales(how_, pair, found.best_scales));
            return found;
        };
        return make_loss(weights, stats, rest.subspan(search_size), run);
    }

    search_options options_;
    quantizer_type quantizer_;
    [[no_unique_address]] Execution how_;
};

template <class Mode, class Group, tensor_backend Backend, execution Execution>
result<search_outcome> basic_modifier<Mode, Group, Backend, Execution>::smooth(
    const mapping& pair, const activation_stats& stats, workspace memory) const
{
    AWQ_CHECK(check(pair));
    if (stats.gram.cols() != pair.in_features())
        return error{error_code::not_calibrated, "smooth: the statistics need a Gram matrix of ",
                     pair.in_features(), " channels"};
    activation_stats sums = stats;
    return search_and_apply(
        pair, sums, memory, [&](auto weights, auto& gathered, std::span<float> rest, auto&& use) {
            return use(
                gram_loss<product, Execution>(how_, weights, gathered.gram, gathered.tokens, rest));
        });
}

/// A modifier of these policies, in any order, each axis defaulted:
/// `smooth_and_quantize<w4a16_asym>`, `group_size<128>`, `span_backend`, `serial_execution`. Two
/// orders name one type.
template <class... Policies>
using modifier = basic_modifier<
    typename policy_set<Policies...>::template get<axis::mode, smooth_and_quantize<>>,
    typename policy_set<Policies...>::template get<axis::group, group_size<128>>,
    typename policy_set<Policies...>::template get<axis::backend, span_backend>,
    typename policy_set<Policies...>::template get<axis::execution, serial_execution>>;

} // namespace awq

#endif
// ---- awq/quantization/gguf/affine_k.hpp
#ifndef AWQ_QUANTIZATION_GGUF_AFFINE_K_HPP
#define AWQ_QUANTIZATION_GGUF_AFFINE_K_HPP

// ---- awq/quantization/gguf/block_support.hpp
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_SUPPORT_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_SUPPORT_HPP

// ---- awq/quantization/gguf/block_grid.hpp
#ifndef AWQ_QUANTIZATION_GGUF_BLOCK_GRID_HPP
#define AWQ_QUANTIZATION_GGUF_BLOCK_GRID_HPP

// ---- awq/quantization/gguf/lanes.hpp
#ifndef AWQ_QUANTIZATION_GGUF_LANES_HPP
#define AWQ_QUANTIZATION_GGUF_LANES_HPP

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace awq::gguf {

// The searches of this room are written once, over `lanes<S>`: with S = float they handle one group
// of weights, with S = a vector of floats as many independent groups at once. Each lane does the
// same operations in the same order either way, so the bytes that come out are the same too.

/// What the arithmetic below must know about a storage type; vectors specialise it.
template <class S>
struct lane_storage;

template <>
struct lane_storage<float> {
    using integers = std::int32_t;
    static constexpr std::size_t count = 1;

    static float from_integers(std::int32_t value) noexcept { return static_cast<float>(value); }
    static std::int32_t truncated(float value) noexcept { return static_cast<std::int32_t>(value); }
    static float square_root(float value) noexcept { return std::sqrt(value); }
    static bool any(bool mask) noexcept { return mask; }
    /// The product, rounded to float before anything is added to it.
    static float product(float a, float b) noexcept
    {
#if defined(__clang__)
#pragma clang fp contract(off)
        return a * b;
#elif defined(__GNUC__) && __GNUC__ >= 12
        return __builtin_assoc_barrier(a * b); // else a fused multiply-add may swallow it
#else
        return a * b;
#endif
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
    [[gnu::always_inline]] explicit lanes(Number same) noexcept : value(same - S{})
    {
    }

    /// Reads and writes `count` neighbouring floats.
    [[gnu::always_inline]] static lanes load(const float* from) noexcept
    {
        lanes loaded;
        __builtin_memcpy(&loaded.value, from, sizeof(S));
        return loaded;
    }
    [[gnu::always_inline]] void store(float* to) const noexcept
    {
        __builtin_memcpy(to, &value, sizeof(S));
    }

    [[gnu::always_inline]] friend lanes operator+(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value + b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a, const lanes& b) noexcept
    {
        return lanes(a.value - b.value);
    }
    [[gnu::always_inline]] friend lanes operator-(const lanes& a) noexcept
    {
        return lanes(-a.value);
    }
    [[gnu::always_inline]] friend lanes operator*(const lanes& a, const lanes& b) noexcept
    {
        return lanes(storage::product(a.value, b.value));
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
    [[gnu::always_inline]] friend auto operator<(const lanes& a, const lanes& b) noexcept
    {
        return a.value < b.value;
    }
    [[gnu::always_inline]] friend auto operator>(const lanes& a, const lanes& b) noexcept
    {
        return a.value > b.value;
    }
    [[gnu::always_inline]] friend auto operator==(const lanes& a, const lanes& b) noexcept
    {
        return a.value == b.value;
    }
    [[gnu::always_inline]] friend auto operator!=(const lanes& a, const lanes& b) noexcept
    {
        return a.value != b.value;
    }
};

/// The lanes of `a` where the mask holds, else those of `b`.
template <class Mask, class S>
[[gnu::always_inline]] inline lanes<S> select(const Mask& mask, const lanes<S>& a,
                                              const lanes<S>& b) noexcept
{
    return lanes<S>(mask ? a.value : b.value);
}

template <class S>
[[gnu::always_inline]] inline lanes<S> absolute(const lanes<S>& a) noexcept
{
    using integers = typename lanes<S>::integers;
    return lanes<S>(std::bit_cast<S>(std::bit_cast<integers>(a.value) & 0x7FFFFFFF));
}

template <class S>
[[gnu::always_inline]] inline lanes<S> square_root(const lanes<S>& a) noexcept
{
    return lanes<S>(lane_storage<S>::square_root(a.value));
}

/// The larger (smaller) one; `b` where either is not a number.
template <class S>
[[gnu::always_inline]] inline lanes<S> larger(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a > b, a, b);
}
template <class S>
[[gnu::always_inline]] inline lanes<S> smaller(const lanes<S>& a, const lanes<S>& b) noexcept
{
    return select(a < b, a, b);
}

/// Added to a float below 2^22, this leaves the nearest integer (ties to even) in the low bits.
inline constexpr float rounding_anchor = 12582912.0f; // 1.5 * 2^23

/// The nearest integers, ties to even, as ggml computes them: beyond +-2^22, where that method
/// breaks down, the result is the same wrong number (0 for a NaN) and not undefined behaviour.
template <class S>
[[gnu::always_inline]] inline typename lanes<S>::integers nearest(const lanes<S>& a) noexcept
{
    using integers = typename lanes<S>::integers;
    const lanes<S> anchored = a + lanes<S>(rounding_anchor);
    return (std::bit_cast<integers>(anchored.value) & 0x007FFFFF) - 0x00400000;
}

/// `nearest`, kept within `lowest` and `highest`, as floats.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_level(const lanes<S>& a, float lowest,
                                                     float highest) noexcept
{
    const lanes<S> level(lane_storage<S>::from_integers(nearest(a)));
    return smaller(larger(level, lanes<S>(lowest)), lanes<S>(highest));
}

/// The same for |a| < 2^22 everywhere, with two operations less.
template <class S>
[[gnu::always_inline]] inline lanes<S> nearest_small_level(const lanes<S>& a, float lowest,
                                                           float highest) noexcept
{
    const lanes<S> anchor(rounding_anchor);
    const lanes<S> anchored = larger(a + anchor, lanes<S>(rounding_anchor + lowest));
    return smaller(anchored, lanes<S>(rounding_anchor + highest)) - anchor;
}

using one_lane = lanes<float>;

} // namespace awq::gguf

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
    {type::f32, "F32", 1, 4, 0},          {type::f16, "F16", 1, 2, 0},
    {type::q4_0, "Q4_0", 32, 18, 32},     {type::q4_1, "Q4_1", 32, 20, 32},
    {type::q5_0, "Q5_0", 32, 22, 32},     {type::q5_1, "Q5_1", 32, 24, 32},
    {type::q8_0, "Q8_0", 32, 34, 32},     {type::q2_k, "Q2_K", 256, 84, 16},
    {type::q3_k, "Q3_K", 256, 110, 16},   {type::q4_k, "Q4_K", 256, 144, 32},
    {type::q5_k, "Q5_K", 256, 176, 32},   {type::q6_k, "Q6_K", 256, 210, 16},
    {type::iq4_nl, "IQ4_NL", 32, 18, 32}, {type::bf16, "BF16", 1, 2, 0},
    {type::mxfp4, "MXFP4", 32, 17, 32},   {type::nvfp4, "NVFP4", 64, 36, 16},
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
/// column into the next ones asks `gguf::fit_block` for the grid of a block, rounds column by column
/// with `nearest` and `value`, and hands grid and codes to `gguf::pack_block`.
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
        return lane_storage<float>::product(scale[group], level(code)) + offset[group];
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
        return static_cast<int>(nearest_level(one_lane(position), lowest, highest).value) +
               zero_code;
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
[[gnu::always_inline]] inline L sum_of_squares(const float* const (&sources)[L::count],
                                               std::size_t size) noexcept
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
[[gnu::always_inline]] inline void weights_from_importance(const float* x, const float* importance,
                                                           const L& base, float* w) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        (L::load(importance + i) * square_root(base + value * value)).store(w + i);
    }
}

/// x^2, interleaved.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void square_all(const float* x, float* w) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        (L::load(x + i) * L::load(x + i)).store(w + i);
}

/// The codes of lane `lane`, from levels as floats.
template <std::size_t Size, std::size_t C>
[[gnu::always_inline]] inline void take_codes(const float* levels, std::size_t lane,
                                              std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < Size; ++i)
        codes[i] = static_cast<std::uint8_t>(static_cast<int>(levels[i * C + lane]));
}

/// Neighbouring lanes to neighbouring codes; levels are from 0 to 255.
template <class L>
[[gnu::always_inline]] inline void put_codes(const L& levels, std::uint8_t* codes) noexcept
{
    const auto integers = L::storage::truncated(levels.value);
    std::int32_t wide[L::count];
    __builtin_memcpy(wide, &integers, sizeof wide);
    for (std::size_t j = 0; j < L::count; ++j) codes[j] = static_cast<std::uint8_t>(wide[j]);
}

/// Rounds one group onto its stored scale: `block_grid::nearest` for neighbouring elements.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void round_group(const float* x, const block_grid& grid,
                                               std::size_t group, std::uint8_t* codes) noexcept
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

/// Groups of super-blocks side by side: lane j of chunk k holds the group k * C + j, counted through
/// all blocks of the batch.
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
        for (std::size_t j = 0; j < L::count; ++j)
            sources[j] = blocks[block(j)].values + group(j) * size;
        interleave<size>(sources, out);
    }
    [[gnu::always_inline]] void importance(float* out) const noexcept
    {
        const float* sources[L::count];
        for (std::size_t j = 0; j < L::count; ++j)
            sources[j] = blocks[block(j)].importance + group(j) * size;
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
[[gnu::always_inline]] inline L sum_of_block_squares(const block_source* blocks,
                                                     std::size_t count) noexcept
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
[[gnu::always_inline]] inline void codes_of_search(const float* levels, std::size_t block,
                                                   std::size_t group, std::uint8_t* codes) noexcept
{
    const std::size_t index = block * Groups + group;
    take_codes<256 / Groups, C>(levels + index / C * C * (256 / Groups), index % C, codes);
}

/// Rounds all groups of a block onto the stored scales; where a scale came out as exactly 0 the
/// codes of the search stay, as in ggml.
template <std::size_t Groups, class L>
[[gnu::always_inline]] inline void round_block(const block_source& source, const block_grid& grid,
                                               const float* levels, std::size_t block,
                                               std::uint8_t* codes) noexcept
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
    return first + lane_storage<float>::product(step, static_cast<float>(k));
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
[[gnu::always_inline]] inline correlation<L> correlate(const float* x, const float* w,
                                                       const float* levels) noexcept
{
    correlation<L> sums;
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        sums.add(L::load(w + i), L::load(x + i), L::load(levels + i));
    return sums;
}

/// Levels of x * factor from `lowest` to `highest`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void round_levels(const float* x, const L& factor, float lowest,
                                                float highest, float* levels) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        nearest_level(factor * L::load(x + i), lowest, highest).store(levels + i);
}

/// Both of the above in one pass, where every |x * factor| is below 2^22.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline correlation<L> correlate_at(const float* x, const float* w,
                                                          const L& factor, float lowest,
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
[[gnu::always_inline]] inline void shift_levels(float* levels, float shift,
                                                const Mask& empty) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        select(empty, L(0.0f), L::load(levels + i) + L(shift)).store(levels + i);
}

/// One sweep of coordinate descent over the levels; whether any of them changed. `Guarded`: an
/// element is left alone if nothing of the other levels remains.
template <std::size_t Size, bool Guarded, class L>
[[gnu::always_inline]] inline bool refine_levels(const float* x, const float* w, float lowest,
                                                 float highest, correlation<L>& sums,
                                                 float* levels) noexcept
{
    bool changed = false;
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i), weight = L::load(w + i), level = L::load(levels + i);
        const L a = sums.with_values - weight * value * level;
        const L b = sums.with_levels - weight * level * level;
        const L other = nearest_level(value * b / a, lowest, highest);
        correlation<L> changed_sums{a, b};
        changed_sums.add(weight, value, other);
        const L gain = changed_sums.with_values * changed_sums.with_values * sums.with_levels;
        const L held = sums.with_values * sums.with_values * changed_sums.with_levels;
        const L remaining = Guarded ? b : changed_sums.with_levels;
        const auto better =
            (a > L(0.0f)) & (remaining > L(0.0f)) & (other != level) & (gain > held);
        sums.with_values = select(better, changed_sums.with_values, sums.with_values);
        sums.with_levels = select(better, changed_sums.with_levels, sums.with_levels);
        select(better, other, level).store(levels + i);
        changed = L::storage::any(better) || changed;
    }
    return changed;
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
[[gnu::always_inline]] inline L search_symmetric(const float* x, const float* w, float half,
                                                 float* levels) noexcept
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
        const auto better = (sums.with_levels > L(0.0f)) &
                            (sums.with_values * sums.with_values > best * sums.with_levels);
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
[[gnu::always_inline]] inline L search_refined(const float* x, const float* w, float half,
                                               float* levels) noexcept
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

/// No lower bound: the numbers that are rounded are not negative.
inline constexpr float no_bound = -0x1p23f;

/// Weighted squared error of x rounded to levels of 1 / factor.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L error_at(const float* x, const float* w, const L& factor,
                                         float top) noexcept
{
    const L scale = L(1.0f) / factor;
    L error(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        const L off = value - scale * nearest_level(factor * value, no_bound, top);
        error += L::load(w + i) * off * off;
    }
    return error;
}

} // namespace detail

/// A scale for the levels 0 .. top of numbers that are not negative, such as the scales of groups.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_positive(const float* x, const float* w, float top,
                                                float* levels) noexcept
{
    L peak(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        peak = larger(L::load(x + i), peak);
    L factor = L(top) / peak;
    L least = detail::error_at<Size>(x, w, factor, top);
    for (int k = -4; k <= 4; ++k) {
        if (k == 0) continue;
        const L trial = L(stepped(top, 0.1f, k)) / peak;
        const L error = detail::error_at<Size>(x, w, trial, top);
        factor = select(error < least, trial, factor);
        least = select(error < least, error, least);
    }
    detail::round_levels<Size>(x, factor, detail::no_bound, top, levels);
    auto sums = detail::correlate<Size, L>(x, w, levels);
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
    const auto tame = (above < L(0x1p22f)) & (below < L(0x1p22f));
    const L wild = select(tame, L(0.0f), L(1.0f));
    return L::storage::any(wild > L(0.0f));
}

template <std::size_t Size, class L>
[[gnu::always_inline]] inline void affine_levels(const float* x, const affine_state<L>& s,
                                                 const L& factor, float top,
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
[[gnu::always_inline]] inline L affine_error(const float* x, const float* w, const float* levels,
                                             const L& scale, const L& offset) noexcept
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
[[gnu::always_inline]] inline affine_solution<L> solve_affine(const float* x, const float* w,
                                                              const float* levels,
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
    return {select(positive, sum_xl / sum_ll, scale), select(positive, L(0.0f), offset),
            determinant};
}

} // namespace detail

/// A scale and a minimum for the levels 0 .. top by weighted error, squared or absolute.
template <std::size_t Size, bool Absolute, class L>
[[gnu::always_inline]] inline affine_scale<L>
search_affine(const float* x, const float* w, const affine_candidates& grid,
              float* levels) noexcept
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
        const L error =
            detail::affine_error<Size, Absolute>(x, w, trial_levels, found.scale, found.offset);
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

// The super-blocks whose groups have a scale and a minimum: Q2_K, Q4_K, Q5_K. A `Format` says how
// many groups there are, how large codes and packed scales may get, and which candidates are tried.

namespace awq::gguf::detail {

/// Weights without importance: |x|, for 32-element groups raised by the group's root mean square.
template <class Format, class L>
[[gnu::always_inline]] inline void affine_default_weights(const float* x, float* w) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    L base(0.0f);
    if constexpr (Format::rms_in_weights) {
        square_all<size, L>(x, w);
        base = square_root(sum_interleaved<size, L>(w) / L(static_cast<float>(size)));
    }
    for (std::size_t i = 0; i < size * L::count; i += L::count)
        (base + absolute(L::load(x + i))).store(w + i);
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
[[gnu::always_inline]] inline void search_affine_groups(const block_source* blocks,
                                                        std::size_t count,
                                                        affine_groups<Format, L>& found) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    const bool weighted = blocks[0].importance != nullptr;
    alignas(sizeof(L)) float x[size * L::count];
    alignas(sizeof(L)) float w[size * L::count];
    alignas(sizeof(L)) float base[L::count] = {};
    if (weighted)
        (L(Format::energy_factor) * sum_of_block_squares<L>(blocks, count) / L(256.0f)).store(base);
    for (std::size_t first = 0; first < count * Format::groups; first += L::count) {
        const chunk_of_groups<Format::groups, L> chunk{blocks, count, first};
        float* levels = found.levels + first * size;
        chunk.values(x);
        affine_scale<L> best;
        if (weighted) {
            chunk.importance(w);
            weights_from_importance<size>(x, w, chunk.of_blocks(base), w);
            best = search_affine<size, false, L>(x, w, Format::weighted_candidates, levels);
            chunk.scatter(sum_interleaved<size, L>(w), found.weight);
        } else {
            affine_default_weights<Format, L>(x, w);
            best = search_affine<size, Format::absolute_error, L>(x, w, Format::candidates, levels);
        }
        chunk.scatter(best.scale, found.scale);
        chunk.scatter(best.minimum, found.minimum);
    }
}

/// Packs the groups' scales (or minimums) of one block without weights; the common factor.
template <class Format, std::size_t C>
[[gnu::always_inline]] inline f16 pack_by_largest(const float* numbers,
                                                  std::uint8_t* packed) noexcept
{
    float largest = 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g)
        if (numbers[g * C] > largest) largest = numbers[g * C];
    const float top = Format::max_packed;
    const float inverse = largest > 0.0f ? top / largest : 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g) {
        const auto nearest_one =
            static_cast<std::uint8_t>(nearest(one_lane(inverse) * one_lane(numbers[g * C])));
        packed[g] = nearest_one > Format::max_packed ? Format::max_packed : nearest_one;
    }
    return f16(largest / top);
}

/// The same for all blocks of a batch by weighted error.
template <class Format, class L>
[[gnu::always_inline]] inline void pack_by_search(const float* numbers, const float* weights,
                                                  std::size_t count, block_grid* grids,
                                                  bool minimums) noexcept
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
    using strict = lane_storage<float>;
    for (std::size_t g = 0; g < Format::groups; ++g) {
        grid.scale[g] = strict::product(as_read(grid.d), grid.packed_scale[g]);
        grid.offset[g] = -strict::product(as_read(grid.dmin), grid.packed_minimum[g]);
    }
}

/// Chooses scales, minimums and codes of up to L::count blocks.
template <class Format, class L>
[[gnu::always_inline]] inline void fit_affine(const block_source* blocks, std::size_t count,
                                              block_grid* grids, std::uint8_t* codes) noexcept
{
    affine_groups<Format, L> found;
    for (float& unused : found.scale) unused = 0.0f;
    for (float& unused : found.minimum) unused = 0.0f;
    for (float& unused : found.weight) unused = 0.0f;
    search_affine_groups<Format, L>(blocks, count, found);
    for (std::size_t b = 0; b < count; ++b)
        grids[b] = new_grid(Format::id, 256 / Format::groups, 0, Format::max_code);
    if (blocks[0].importance != nullptr) {
        pack_by_search<Format, L>(found.scale, found.weight, count, grids, false);
        pack_by_search<Format, L>(found.minimum, found.weight, count, grids, true);
    }
    for (std::size_t b = 0; b < count; ++b) {
        if (blocks[0].importance == nullptr) {
            grids[b].d =
                pack_by_largest<Format, L::count>(found.scale + b, grids[b].packed_scale);
            grids[b].dmin =
                pack_by_largest<Format, L::count>(found.minimum + b, grids[b].packed_minimum);
        }
        complete_affine_grid<Format>(grids[b]);
        round_block<Format::groups, L>(blocks[b], grids[b], found.levels, b, codes + 256 * b);
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
        grid.packed_minimum[j + 4] =
            static_cast<std::uint8_t>(at(j + 8) >> 4 | (at(j + 4) >> 6) << 4);
    }
}

inline void pack_nibbles(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t pair = 0; pair < 256; pair += 64)
        for (std::size_t l = 0; l < 32; ++l)
            out[pair / 2 + l] = static_cast<std::byte>((codes[pair + l] & 15) |
                                                       (codes[pair + 32 + l] & 15) << 4);
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

// The blocks of 32 elements with one scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.

namespace awq::gguf {

namespace detail {

/// The values (or the importance) of up to C blocks, interleaved; the first one fills up the rest.
template <std::size_t C>
[[gnu::always_inline]] inline void interleave_values(const block_source* blocks, std::size_t count,
                                                     float* out) noexcept
{
    const float* sources[C];
    for (std::size_t j = 0; j < C; ++j) sources[j] = blocks[j < count ? j : 0].values;
    interleave<32>(sources, out);
}

template <std::size_t C>
[[gnu::always_inline]] inline void interleave_importance(const block_source* blocks,
                                                         std::size_t count, float* out) noexcept
{
    const float* sources[C];
    for (std::size_t j = 0; j < C; ++j) sources[j] = blocks[j < count ? j : 0].importance;
    interleave<32>(sources, out);
}

/// importance * sqrt(mean square of the row + x^2).
template <class L>
[[gnu::always_inline]] inline void legacy_weights(const block_source* blocks, std::size_t count,
                                                  const float* x, float* w) noexcept
{
    alignas(sizeof(L)) float base[L::count];
    for (std::size_t j = 0; j < L::count; ++j)
        base[j] = blocks[j < count ? j : 0].row_mean_square;
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
    const L whole(L::storage::from_integers(L::storage::truncated(safe.value)));
    return smaller(whole, L(top));
}

/// The nearest whole number, ties away from zero; 0 for what is no number.
template <class L>
[[gnu::always_inline]] inline L rounded_away(const L& a) noexcept
{
    const L safe = select(absolute(a) < L(0x1p22f), a, L(0.0f));
    const L whole(L::storage::from_integers(L::storage::truncated(safe.value)));
    const L rest = safe - whole;
    const L up = select(rest < L(-0.5f), L(-1.0f), select(rest == L(-0.5f), L(-1.0f), L(0.0f)));
    return whole + select((rest > L(0.5f)) | (rest == L(0.5f)), L(1.0f), up);
}

/// Hands scales, offsets and codes of the lanes to the grids.
template <class L>
[[gnu::always_inline]] inline void finish_legacy(type format, int zero_code, int max_code,
                                                 const float* d, const float* offset,
                                                 const float* levels, std::size_t count,
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
[[gnu::always_inline]] inline void fit_symmetric_32(type format, int half,
                                                    const block_source* blocks, std::size_t count,
                                                    block_grid* grids, std::uint8_t* codes) noexcept
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
            truncated_code(L::load(x + i) * inverse + L(bound + 0.5f), 2.0f * bound - 1.0f)
                .store(levels + i);
        scale.store(d);
    }
    finish_legacy<L>(format, half, 2 * half - 1, d, nullptr, levels, count, grids, codes);
}

/// Scale and offset from the range, for want of importance: Q4_1 and Q5_1.
template <class L>
[[gnu::always_inline]] inline void spread_over_range(const float* x, float top, float* levels,
                                                     float* d, float* offset) noexcept
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
[[gnu::always_inline]] inline void fit_affine_32(type format, float top, const block_source* blocks,
                                                 std::size_t count, block_grid* grids,
                                                 std::uint8_t* codes) noexcept
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
    for (std::size_t i = 0; i < 16; ++i)
        out[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
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
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
                detail::put_codes(detail::rounded_away(L::load(x + i) * inverse) + L(128.0f),
                                  codes + 32 * b + i);
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
        for (std::size_t i = 0; i < 32; ++i)
            codes[i] = std::to_integer<std::uint8_t>(in[2 + i]) ^ 128;
        return grid;
    }
};

using q4_0 = symmetric_32<4>;
using q5_0 = symmetric_32<5>;
using q4_1 = affine_32<4>;
using q5_1 = affine_32<5>;

} // namespace awq::gguf

#endif

namespace awq::gguf {

/// IQ4_NL: blocks of 32 elements, half d, 4-bit codes of a table of 16 uneven levels.
struct iq4_nl {
    static constexpr type id = type::iq4_nl;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
        const L scale = search_scale<L>(x, w);
        scale.store(d);
        const L inverse = detail::inverse_or_zero(scale);
        for (std::size_t i = 0; i < 32 * L::count; i += L::count)
            round(L::load(x + i) * inverse).code.store(levels + i);
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
    template <class L>
    struct rounded {
        L level;
        L code;
    };

    /// The nearest level of the table, the upper one of two that are equally near.
    template <class L>
    [[gnu::always_inline]] static rounded<L> round(const L& position) noexcept
    {
        rounded<L> best{L(static_cast<float>(iq4_nl_levels[0])), L(0.0f)};
        for (int code = 1; code < 16; ++code) {
            const auto level = static_cast<float>(iq4_nl_levels[code]);
            const float middle = 0.5f * (level + static_cast<float>(iq4_nl_levels[code - 1]));
            const auto below = position < L(middle);
            best.level = select(below, best.level, L(level));
            best.code = select(below, best.code, L(static_cast<float>(code)));
        }
        return best;
    }
    template <class L>
    [[gnu::always_inline]] static detail::correlation<L> correlate(const float* x, const float* w,
                                                                   const L& factor) noexcept
    {
        detail::correlation<L> sums;
        for (std::size_t i = 0; i < 32 * L::count; i += L::count) {
            const L value = L::load(x + i);
            const L level = round(factor * value).level;
            const L weight = L::load(w + i) * level;
            sums.with_values += weight * value;
            sums.with_levels += weight * level;
        }
        return sums;
    }
    template <class L>
    [[gnu::always_inline]] static L search_scale(const float* x, const float* w) noexcept
    {
        const L peak = extreme<32, L>(x);
        const L first = -peak / L(static_cast<float>(iq4_nl_levels[0]));
        auto sums = correlate(x, w, L(1.0f) / first);
        L scale = sums.ratio();
        L best = scale * sums.with_values;
        for (int k = -7; k <= 7; ++k) {
            sums = correlate(x, w, L(static_cast<float>(k + iq4_nl_levels[0])) / peak);
            const auto better = (sums.with_levels > L(0.0f)) &
                                (sums.with_values * sums.with_values > best * sums.with_levels);
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
struct q2_k {
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
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q2_k, L>(blocks, count, grids, codes);
    }
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
        detail::complete_affine_grid<q2_k>(grid);
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
[[gnu::always_inline]] inline void
search_symmetric_groups(const block_source* blocks, std::size_t count,
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
        if (weighted && Format::values_in_weights)
            weights_from_importance<16>(x, w, chunk.of_blocks(base), w);
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
    static constexpr float lowest_level = -4.0f;
    static constexpr bool values_in_weights = true;
    static constexpr bool refined_without_importance = true;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
    [[gnu::always_inline]] static void
    pack_scales_by_search(const detail::symmetric_groups<L>& found, std::size_t count,
                          block_grid* grids) noexcept
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
    [[gnu::always_inline]] static void
    pack_scales_by_largest(const detail::symmetric_groups<L>& found, std::size_t count,
                           block_grid* grids) noexcept
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
    static void complete(block_grid& grid) noexcept
    {
        const float d = detail::as_read(grid.d);
        for (std::size_t g = 0; g < 16; ++g)
            grid.scale[g] = lane_storage<float>::product(
                d, static_cast<float>(static_cast<int>(grid.packed_scale[g]) - 32));
    }
    static void pack_scales(const std::uint8_t* scale, std::byte* out) noexcept
    {
        for (std::size_t j = 0; j < 8; ++j)
            out[j] = static_cast<std::byte>((scale[j] & 15) | (scale[j + 8] & 15) << 4);
        for (std::size_t j = 0; j < 4; ++j)
            out[8 + j] = static_cast<std::byte>(scale[j] >> 4 | (scale[j + 4] >> 4) << 2 |
                                                (scale[j + 8] >> 4) << 4 |
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
struct q4_k {
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
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q4_k, L>(blocks, count, grids, codes);
    }
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
        detail::complete_affine_grid<q4_k>(grid);
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
struct q5_k {
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
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q5_k, L>(blocks, count, grids, codes);
    }
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
        detail::complete_affine_grid<q5_k>(grid);
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
    static constexpr float lowest_level = -32.0f;
    static constexpr bool values_in_weights = false;
    static constexpr bool refined_without_importance = false;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        for (std::size_t half = 0; half < 2; ++half)
            for (std::size_t l = 0; l < 64; ++l) {
                const std::uint8_t* from = codes + 128 * half + l;
                out[64 * half + l] = static_cast<std::byte>((from[0] & 15) | (from[64] & 15) << 4);
            }
        detail::pack_two_bits(codes, 4, out + 128);
        for (std::size_t g = 0; g < 16; ++g)
            out[192 + g] = static_cast<std::byte>(grid.packed_scale[g]);
        detail::put_half(grid.d, out + 208);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 32, 63);
        grid.d = detail::get_half(in + 208);
        for (std::size_t g = 0; g < 16; ++g)
            grid.packed_scale[g] = std::to_integer<std::uint8_t>(in[192 + g]);
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
            const int level = nearest(one_lane(factor) * one_lane(scales[g * C]));
            grid.packed_scale[g] = static_cast<std::uint8_t>(level > 127 ? 127 : level);
        }
        grid.d = f16(1.0f / factor);
    }
    static void complete(block_grid& grid) noexcept
    {
        const float d = detail::as_read(grid.d);
        for (std::size_t g = 0; g < 16; ++g) {
            const auto packed = static_cast<std::int8_t>(grid.packed_scale[g]);
            grid.scale[g] = lane_storage<float>::product(d, static_cast<float>(packed));
        }
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
    case type::q4_0: return task(q4_0{}), true;
    case type::q4_1: return task(q4_1{}), true;
    case type::q5_0: return task(q5_0{}), true;
    case type::q5_1: return task(q5_1{}), true;
    case type::q8_0: return task(q8_0{}), true;
    case type::q2_k: return task(q2_k{}), true;
    case type::q3_k: return task(q3_k{}), true;
    case type::q4_k: return task(q4_k{}), true;
    case type::q5_k: return task(q5_k{}), true;
    case type::q6_k: return task(q6_k{}), true;
    case type::iq4_nl: return task(iq4_nl{}), true;
    default: return false;
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
inline block_grid fit_block(type format, std::span<const float> block,
                            std::span<const float> importance, float row_mean_square) noexcept
{
    const block_source source{block.data(), importance.empty() ? nullptr : importance.data(),
                              row_mean_square};
    block_grid grid;
    std::uint8_t codes[max_block_columns];
    with_format(format, [&](auto chosen) {
        decltype(chosen)::template fit<one_lane>(&source, 1, &grid, codes);
    });
    return grid;
}

/// Whether blocks of the type have scales and codes that can be chosen.
constexpr bool has_grid(type format) noexcept
{
    return with_format(format, [](auto) {});
}

/// Writes one block: `codes` one for each element, as `block_grid::nearest` gives them.
inline void pack_block(const block_grid& grid, std::span<const std::uint8_t> codes,
                       std::span<std::byte> out) noexcept
{
    with_format(grid.type, [&](auto chosen) {
        decltype(chosen)::pack(grid, codes.data(), out.data());
    });
}

/// Reads one block of a type that `has_grid` admits: its grid, and a code for each element.
inline block_grid unpack_block(type format, std::span<const std::byte> in,
                               std::span<std::uint8_t> codes) noexcept
{
    block_grid grid;
    with_format(format,
                [&](auto chosen) { grid = decltype(chosen)::unpack(in.data(), codes.data()); });
    return grid;
}

/// The mean square of a row in ggml's summation order, for `fit_block`.
inline float mean_square(std::span<const float> row) noexcept
{
    float sum = 0.0f;
    for (const float x : row) sum += lane_storage<float>::product(x, x);
    return sum / static_cast<float>(row.size());
}

/// What all codes of a block read as.
inline void values_of(const block_grid& grid, const std::uint8_t* codes, std::size_t size,
                      float* out) noexcept
{
    const std::size_t columns = grid.group_columns;
    for (std::size_t first = 0; first < size; first += columns) {
        const float scale = grid.scale[first / columns];
        const float offset = grid.offset[first / columns];
        if (grid.has_level_table()) {
            for (std::size_t i = first; i < first + columns; ++i)
                out[i] = scale * static_cast<float>(iq4_nl_levels[codes[i] & 15]);
            continue;
        }
        for (std::size_t i = first; i < first + columns; ++i) {
            const auto level = static_cast<float>(codes[i] - grid.zero_code);
            out[i] = lane_storage<float>::product(scale, level) + offset;
        }
    }
}

} // namespace awq::gguf

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

struct f16_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept { detail::put_half(f16(*x), out); }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        *out = static_cast<float>(detail::get_half(in));
    }
};

struct bf16_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept
    {
        detail::put_half(f16::from_bits(bf16(*x).bits), out);
    }
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
    float least = std::fabs(lane_storage<float>::product(e2m1_doubled[0], scale) - x);
    for (unsigned code = 1; code < 16; ++code) {
        const float off = std::fabs(lane_storage<float>::product(e2m1_doubled[code], scale) - x);
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
        out[i] = static_cast<std::byte>(nearest_e2m1(x[i], scale) |
                                        nearest_e2m1(x[i + half], scale) << 4);
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
        for (std::size_t s = 0; s < 4; ++s)
            detail::unpack_e2m1(in + 4 + 8 * s, scale_of(in[s]), 8, out + 16 * s);
    }

private:
    static std::uint8_t encode_scale(float value) noexcept
    {
        if (!(value > 0.0f)) return 0;
        const float capped = value > 448.0f ? 448.0f : value;
        const auto bits = std::bit_cast<std::uint32_t>(capped);
        const int exponent = static_cast<int>(bits >> 23) - 127 + 7;
        if (exponent <= 0) {
            const int mantissa =
                static_cast<int>(lane_storage<float>::product(capped, 512.0f) + 0.5f);
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
    case type::f32: return task(f32_format{}), true;
    case type::f16: return task(f16_format{}), true;
    case type::bf16: return task(bf16_format{}), true;
    case type::mxfp4: return task(mxfp4_format{}), true;
    case type::nvfp4: return task(nvfp4_format{}), true;
    default: return false;
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

    static void fit(type format, const block_source* blocks, std::size_t count, block_grid* grids,
                    std::uint8_t* codes) noexcept
    {
        with_format(format, [&](auto chosen) {
            decltype(chosen)::template fit<one_lane>(blocks, count, grids, codes);
        });
    }
};

/// Rounds rows of weights to a GGUF tensor type. Given the same importance (mean x^2 for each input
/// column, all finite, or none) the bytes are those that llama.cpp writes. Infinities and NaNs in a
/// row give unspecified bytes; `quantize_rows` refuses them. Models `awq::quantizer`.
template <class Engine>
class basic_block_quantizer {
public:
    explicit constexpr basic_block_quantizer(gguf::type format) noexcept : type_(format) {}

    constexpr gguf::type type() const noexcept { return type_; }

    /// Rows must be whole blocks: shape_mismatch otherwise.
    status check(std::size_t in_features) const noexcept
    {
        const std::size_t block = block_columns(type_);
        if (in_features != 0 && in_features % block == 0) return {};
        return error{error_code::shape_mismatch, name_of(type_), ": rows of ", in_features,
                     " elements are no multiple of its block of ", block,
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
        if (with_float_format(type_, [&](auto chosen) { pack_floats(chosen, row, out); })) return;
        with_format(type_, [&](auto chosen) {
            for_each_block(row, importance,
                           [&](std::size_t index, const block_grid& grid, std::uint8_t* codes) {
                               decltype(chosen)::pack(grid, codes,
                                                      out.data() + index * block_bytes(type_));
                           });
        });
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
        for (std::size_t r = 0; r < rows.rows(); ++r)
            pseudo_quantize_row(rows.row(r), importance, out.row(r));
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
    void pseudo_quantize_row(std::span<const float> row, std::span<const float> importance,
                             std::span<float> out) const noexcept
    {
        const auto through_floats = [&](auto chosen) {
            std::byte stored[64];
            for (std::size_t i = 0; i < row.size(); i += chosen.columns) {
                chosen.pack(row.data() + i, stored);
                chosen.unpack(stored, out.data() + i);
            }
        };
        if (with_float_format(type_, through_floats)) return;
        const std::size_t columns = block_columns(type_);
        for_each_block(row, importance,
                       [&](std::size_t index, const block_grid& grid, std::uint8_t* codes) {
                           values_of(grid, codes, columns, out.data() + index * columns);
                       });
    }

    /// Fits all blocks of a row, a batch at a time: finish(index, grid, codes).
    template <class Finish>
    void for_each_block(std::span<const float> row, std::span<const float> importance,
                        Finish finish) const noexcept
    {
        const std::size_t columns = block_columns(type_);
        const std::size_t total = row.size() / columns;
        const bool row_matters = columns == 32 && !importance.empty();
        const float row_energy = row_matters ? mean_square(row) : 0.0f;
        block_source sources[Engine::batch];
        block_grid grids[Engine::batch];
        std::uint8_t codes[Engine::batch * max_block_columns];
        for (std::size_t first = 0; first < total; first += Engine::batch) {
            const std::size_t left = total - first;
            const std::size_t count = left < Engine::batch ? left : Engine::batch;
            for (std::size_t b = 0; b < count; ++b) {
                const std::size_t at = (first + b) * columns;
                sources[b] = {row.data() + at, importance.empty() ? nullptr : importance.data() + at,
                              row_energy};
            }
            Engine::fit(type_, sources, count, grids, codes);
            for (std::size_t b = 0; b < count; ++b) finish(first + b, grids[b], codes + b * columns);
        }
    }

    gguf::type type_;
};

/// The portable quantizer. `simd_block_quantizer` gives the same bytes faster.
using block_quantizer = basic_block_quantizer<scalar_engine>;

static_assert(quantizer<block_quantizer>);

} // namespace awq::gguf

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
constexpr void pack_compressed_tensors(matrix_view<const std::int8_t> codes, int bits,
                                       matrix_view<std::uint32_t> out)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::pack_line(
            codes.cols(), bits,
            [&](std::size_t c) { return detail::to_unsigned(codes(r, c), bits); },
            [&](std::size_t word, std::uint32_t value) { out(r, word) = value; });
}

/// The inverse of `pack_compressed_tensors`.
constexpr void unpack_compressed_tensors(matrix_view<const std::uint32_t> packed, int bits,
                                         matrix_view<std::int8_t> codes)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::unpack_line(
            codes.cols(), bits, [&](std::size_t word) { return packed(r, word); },
            [&](std::size_t c, std::uint32_t value) {
                codes(r, c) = detail::to_signed(value, bits);
            });
}

/// compressed-tensors `weight_zero_point`: (out, groups) to (packed_words(out), groups), along the
/// outputs.
constexpr void pack_compressed_tensors_zero_points(matrix_view<const std::int8_t> zero_points,
                                                   int bits, matrix_view<std::uint32_t> out)
{
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::pack_line(
            zero_points.rows(), bits,
            [&](std::size_t r) { return detail::to_unsigned(zero_points(r, g), bits); },
            [&](std::size_t word, std::uint32_t value) { out(word, g) = value; });
}

/// The inverse of `pack_compressed_tensors_zero_points`.
constexpr void unpack_compressed_tensors_zero_points(matrix_view<const std::uint32_t> packed,
                                                     int bits, matrix_view<std::int8_t> zero_points)
{
    for (std::size_t g = 0; g < zero_points.cols(); ++g)
        detail::unpack_line(
            zero_points.rows(), bits, [&](std::size_t word) { return packed(word, g); },
            [&](std::size_t r, std::uint32_t value) {
                zero_points(r, g) = detail::to_signed(value, bits);
            });
}

/// AutoAWQ "gemm" `qweight`, 4 bits: codes (out, in) to (in, out/8), eight outputs a word in its
/// own order. `out` features must be a multiple of 8.
constexpr void pack_autoawq(matrix_view<const std::int8_t> codes, matrix_view<std::uint32_t> out)
{
    for (std::size_t c = 0; c < codes.cols(); ++c)
        detail::pack_autoawq_line(codes, c, out.row(c));
}

/// AutoAWQ "gemm" `qzeros`, 4 bits: (out, groups) to (groups, out/8), in the same order.
constexpr void pack_autoawq_zero_points(matrix_view<const std::int8_t> zero_points,
                                        matrix_view<std::uint32_t> out)
{
    pack_autoawq(zero_points, out);
}

/// The inverse of `pack_autoawq`, and of `pack_autoawq_zero_points`.
constexpr void unpack_autoawq(matrix_view<const std::uint32_t> packed,
                              matrix_view<std::int8_t> codes)
{
    for (std::size_t c = 0; c < codes.cols(); ++c)
        for (std::size_t r = 0; r < codes.rows(); ++r)
            for (std::size_t nibble = 0; nibble < 8; ++nibble)
                if (detail::autoawq_order[nibble] == r % 8)
                    codes(r, c) = detail::to_signed((packed(c, r / 8) >> (4 * nibble)) & 15u, 4);
}

/// GPTQ `qweight`: codes (out, in) to (packed_words(in), out), along the inputs.
constexpr void pack_gptq(matrix_view<const std::int8_t> codes, int bits,
                         matrix_view<std::uint32_t> out)
{
    for (std::size_t r = 0; r < codes.rows(); ++r)
        detail::pack_line(
            codes.cols(), bits,
            [&](std::size_t c) { return detail::to_unsigned(codes(r, c), bits); },
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
            [&](std::size_t r) {
                return (detail::to_unsigned(zero_points(r, g), bits) - 1u) & mask;
            },
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

#endif

#endif
// ---- awq/data/bpe.hpp
#ifndef AWQ_DATA_BPE_HPP
#define AWQ_DATA_BPE_HPP

// ---- awq/support/requires_hosted.hpp
#ifndef AWQ_SUPPORT_REQUIRES_HOSTED_HPP
#define AWQ_SUPPORT_REQUIRES_HOSTED_HPP

// Every header that needs a heap, files or threads includes this one first.
#if !AWQ_HOSTED
#error "awq: this header needs a hosted environment; with AWQ_HOSTED=0 include only <awq/core.hpp>"
#endif

#endif

// ---- awq/data/unicode.hpp
#ifndef AWQ_DATA_UNICODE_HPP
#define AWQ_DATA_UNICODE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
namespace awq::unicode {

/// U+FFFD as UTF-8: stands for bytes that are no UTF-8.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// One decoded code point. `size` counts the bytes it takes; `valid` is false for bytes that are no
/// UTF-8, and then `size` is the longest part of them that could begin a character (at least 1).
struct decoded {
    char32_t code_point = 0xFFFD;
    std::size_t size = 1;
    bool valid = false;
};

namespace detail {

struct sequence_shape {
    std::size_t size;
    unsigned char first_low, first_high; // the range of the second byte
    char32_t bits;
};

// The shape of a sequence by its lead byte (Unicode Standard, table 3-7); size 0 for no lead byte.
constexpr sequence_shape shape_of(unsigned char lead) noexcept
{
    if (lead < 0xC2) return {0, 0, 0, 0};
    if (lead < 0xE0) return {2, 0x80, 0xBF, lead & 0x1Fu};
    if (lead == 0xE0) return {3, 0xA0, 0xBF, 0};
    if (lead == 0xED) return {3, 0x80, 0x9F, 0x0D};
    if (lead < 0xF0) return {3, 0x80, 0xBF, lead & 0x0Fu};
    if (lead == 0xF0) return {4, 0x90, 0xBF, 0};
    if (lead < 0xF4) return {4, 0x80, 0xBF, lead & 0x07u};
    if (lead == 0xF4) return {4, 0x80, 0x8F, 4};
    return {0, 0, 0, 0};
}

} // namespace detail

/// The code point at `text[at]`; `at` must be less than `text.size()`.
constexpr decoded decode(std::string_view text, std::size_t at = 0) noexcept
{
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return {lead, 1, true};
    const detail::sequence_shape shape = detail::shape_of(lead);
    if (shape.size == 0) return {};
    char32_t code_point = shape.bits;
    for (std::size_t i = 1; i < shape.size; ++i) {
        if (at + i == text.size()) return {0xFFFD, i, false};
        const auto next = static_cast<unsigned char>(text[at + i]);
        const unsigned low = i == 1 ? shape.first_low : 0x80;
        const unsigned high = i == 1 ? shape.first_high : 0xBF;
        if (next < low || next > high) return {0xFFFD, i, false};
        code_point = code_point << 6 | (next & 0x3Fu);
    }
    return {code_point, shape.size, true};
}

/// Bytes of the valid character at `text[at]`.
constexpr std::size_t character_size(std::string_view text, std::size_t at) noexcept
{
    const auto lead = static_cast<unsigned char>(text[at]);
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/// Appends a code point as UTF-8; a surrogate or a number beyond U+10FFFF becomes U+FFFD.
inline void append(std::string& text, char32_t code_point)
{
    const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
    const auto tail = [&](unsigned shift) { put(0x80 | (code_point >> shift & 0x3F)); };
    if (code_point < 0x80) return put(code_point);
    if (code_point < 0x800) return put(0xC0 | code_point >> 6), tail(0);
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
        text += replacement_character;
    } else if (code_point < 0x10000) {
        put(0xE0 | code_point >> 12), tail(6), tail(0);
    } else {
        put(0xF0 | code_point >> 18), tail(12), tail(6), tail(0);
    }
}

/// Position of the first byte that is no UTF-8, or `npos` if the whole text is.
constexpr std::size_t find_invalid(std::string_view text) noexcept
{
    for (std::size_t at = 0; at < text.size();) {
        if (static_cast<unsigned char>(text[at]) < 0x80) {
            ++at;
            continue;
        }
        const decoded next = decode(text, at);
        if (!next.valid) return at;
        at += next.size;
    }
    return std::string_view::npos;
}

/// An error that names `where` and the offset of the first byte that is no UTF-8, if there is one.
inline status check_utf8(std::string_view text, std::string_view where)
{
    const std::size_t at = find_invalid(text);
    if (at == std::string_view::npos) return {};
    return error{error_code::malformed_file, where, ": byte ", at,
                 " is not valid UTF-8; convert the text to UTF-8 first"};
}

/// The bytes as UTF-8, with U+FFFD for each longest part that could begin a character but does not.
inline std::string lossy(std::string_view bytes)
{
    if (find_invalid(bytes) == std::string_view::npos) return std::string{bytes};
    std::string text;
    for (std::size_t at = 0; at < bytes.size();) {
        const decoded next = decode(bytes, at);
        text += next.valid ? bytes.substr(at, next.size) : replacement_character;
        at += next.size;
    }
    return text;
}

/// Whether every byte is below 0x80.
constexpr bool is_ascii(std::string_view text) noexcept
{
    for (const char each : text)
        if (static_cast<unsigned char>(each) >= 0x80) return false;
    return true;
}

/// Unicode's White_Space property.
constexpr bool is_whitespace(char32_t c) noexcept
{
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/// Bytes of white space at the beginning of a valid text.
constexpr std::size_t leading_whitespace(std::string_view text) noexcept
{
    std::size_t size = 0;
    while (size < text.size()) {
        const decoded next = decode(text, size);
        if (!is_whitespace(next.code_point)) break;
        size += next.size;
    }
    return size;
}

/// Position where the last character of a valid, non-empty text begins.
constexpr std::size_t last_character(std::string_view text) noexcept
{
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
        --at;
    return at;
}

/// Position where the white space at the end of a valid text begins.
constexpr std::size_t trailing_whitespace(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t last = last_character(text);
        if (!is_whitespace(decode(text, last).code_point)) break;
        text = text.substr(0, last);
    }
    return text.size();
}

} // namespace awq::unicode

#endif
// ---- awq/data/vocabulary.hpp
#ifndef AWQ_DATA_VOCABULARY_HPP
#define AWQ_DATA_VOCABULARY_HPP

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

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Tokens and their ids, both ways. Ids may have gaps.
class vocabulary {
  public:
    /// Ids reach up to this number, exclusively: a guard against hostile files.
    static constexpr std::int64_t max_size = std::int64_t{1} << 24;

    /// Adds a token. Errors: an id out of range or taken by another token, a token that has another
    /// id.
    status add(std::string_view token, std::int64_t id)
    {
        if (id < 0 || id >= max_size)
            return error{error_code::malformed_file,
                         "token \"",
                         printable(token),
                         "\": the id ",
                         id,
                         " is not in [0, ",
                         max_size,
                         ")"};
        if (bytes_.size() + token.size() > UINT32_MAX - 1)
            return error{error_code::malformed_file, "the tokens are longer than 4 GiB together"};
        if (const auto known = find(token)) {
            if (*known == id) return {};
            return error{error_code::malformed_file,
                         "token \"",
                         printable(token),
                         "\" has two ids, ",
                         *known,
                         " and ",
                         id};
        }
        const auto index = static_cast<std::size_t>(id);
        if (index < tokens_.size() && tokens_[index].size != absent)
            return error{error_code::malformed_file,
                         "the id ",
                         id,
                         " belongs to two tokens, \"",
                         printable(*token_of(id)),
                         "\" and \"",
                         printable(token),
                         "\""};
        insert(token, index);
        return {};
    }

    /// The id of a token, or nothing.
    std::optional<std::int32_t> find(std::string_view token) const noexcept
    {
        if (slots_.empty()) return std::nullopt;
        const std::int32_t id = slots_[slot_of(token)];
        return id < 0 ? std::nullopt : std::optional{id};
    }

    /// The token with this id, or nothing. Lives as long as the vocabulary and until the next
    /// `add`.
    std::optional<std::string_view> token_of(std::int64_t id) const noexcept
    {
        if (id < 0 || id >= size() || tokens_[static_cast<std::size_t>(id)].size == absent)
            return std::nullopt;
        return text_of(tokens_[static_cast<std::size_t>(id)]);
    }

    /// One more than the largest id.
    std::int64_t size() const noexcept { return static_cast<std::int64_t>(tokens_.size()); }

  private:
    static constexpr std::uint32_t absent = UINT32_MAX;
    struct entry {
        std::uint32_t begin = 0;
        std::uint32_t size = absent;
    };

    std::string_view text_of(entry each) const noexcept
    {
        return std::string_view{bytes_}.substr(each.begin, each.size);
    }

    // The slot of a token, or the free one where it belongs. The table is never full.
    std::size_t slot_of(std::string_view token) const noexcept
    {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = std::hash<std::string_view>{}(token)&mask;
        while (slots_[at] >= 0 && text_of(tokens_[static_cast<std::size_t>(slots_[at])]) != token)
            at = (at + 1) & mask;
        return at;
    }

    void insert(std::string_view token, std::size_t id)
    {
        if (id >= tokens_.size()) tokens_.resize(id + 1);
        tokens_[id] = {static_cast<std::uint32_t>(bytes_.size()),
                       static_cast<std::uint32_t>(token.size())};
        bytes_ += token;
        if (++count_ * 2 > slots_.size()) return rebuild();
        slots_[slot_of(token)] = static_cast<std::int32_t>(id);
    }

    void rebuild()
    {
        slots_.assign(slots_.empty() ? 1024 : slots_.size() * 2, -1);
        for (std::size_t id = 0; id < tokens_.size(); ++id)
            if (tokens_[id].size != absent)
                slots_[slot_of(text_of(tokens_[id]))] = static_cast<std::int32_t>(id);
    }

    std::string bytes_;
    std::vector<entry> tokens_;       // by id
    std::vector<std::int32_t> slots_; // ids, by hash of the token; -1: free
    std::size_t count_ = 0;
};

} // namespace awq

#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// One merge: two tokens side by side become a third. Its rank is its position in the list.
struct bpe_merge {
    std::int32_t left = 0;
    std::int32_t right = 0;
    std::int32_t merged = 0;
};

/// How a BPE model treats what the merges do not cover; the fields are those of tokenizer.json.
struct bpe_options {
    bool byte_fallback = false; ///< an unknown character becomes the tokens <0xHH> of its bytes
    bool fuse_unk = false;      ///< unknown characters side by side become one unknown token
    bool ignore_merges = false; ///< a word that is a token as it stands is that token
    std::optional<std::int32_t> unknown; ///< without it, unknown characters are dropped
    std::string continuing_subword_prefix;
    std::string end_of_word_suffix;
};

namespace detail {

/// (left, right) -> (rank, merged token), by open addressing.
class merge_table {
  public:
    struct found {
        std::uint32_t rank = UINT32_MAX; // UINT32_MAX: no merge
        std::int32_t merged = -1;
    };

    explicit merge_table(std::size_t count)
    {
        std::size_t size = 16;
        while (size < count * 2)
            size *= 2;
        slots_.resize(size);
    }

    void set(std::int32_t left, std::int32_t right, found what) noexcept
    {
        slot& at = slots_[slot_of(key_of(left, right))];
        at = {key_of(left, right), what};
    }

    found find(std::int32_t left, std::int32_t right) const noexcept
    {
        return slots_[slot_of(key_of(left, right))].what;
    }

  private:
    struct slot {
        std::uint64_t key = UINT64_MAX; // no pair of ids, which are not negative
        found what;
    };

    static std::uint64_t key_of(std::int32_t left, std::int32_t right) noexcept
    {
        return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
               static_cast<std::uint32_t>(right);
    }

    std::size_t slot_of(std::uint64_t key) const noexcept
    {
        const std::size_t mask = slots_.size() - 1;
        std::uint64_t hash = key * 0x9E3779B97F4A7C15u;
        std::size_t at = static_cast<std::size_t>(hash ^ hash >> 32) & mask;
        while (slots_[at].key != key && slots_[at].key != UINT64_MAX)
            at = (at + 1) & mask;
        return at;
    }

    std::vector<slot> slots_;
};

} // namespace detail

/// Byte-pair encoding: splits a word into characters and merges neighbours, lowest rank first and
/// leftmost among equals (Sennrich et al., "Neural Machine Translation of Rare Words with Subword
/// Units", 2016).
class bpe_model {
  public:
    /// A model without tokens: every character is dropped.
    bpe_model() : bpe_model({}, {}, {}) {}

    /// Every id of `merges` and `options` must be in the vocabulary; a pair that occurs twice has
    /// its last rank.
    bpe_model(vocabulary tokens, std::vector<bpe_merge> merges, bpe_options options)
        : vocabulary_(std::move(tokens)), merges_(std::move(merges)), options_(std::move(options)),
          table_(merges_.size())
    {
        for (std::size_t i = 0; i < merges_.size(); ++i)
            table_.set(merges_[i].left, merges_[i].right,
                       {static_cast<std::uint32_t>(i), merges_[i].merged});
        find_characters();
        find_bytes();
    }

    const vocabulary& tokens() const noexcept { return vocabulary_; }
    const std::vector<bpe_merge>& merges() const noexcept { return merges_; }
    const bpe_options& options() const noexcept { return options_; }

    /// Appends the ids of one word (valid UTF-8). O(n log n) in its length.
    void encode(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        if (word.empty()) return;
        if (options_.ignore_merges)
            if (const auto whole = vocabulary_.find(word)) return ids.push_back(*whole);
        const std::size_t first = ids.size();
        append_symbols(word, ids);
        const std::size_t count = ids.size() - first;
        if (count < 2) return;
        const std::size_t kept = count <= short_word ? merge_short(ids.data() + first, count)
                                                     : merge_long(ids.data() + first, count);
        ids.resize(first + kept);
    }

  private:
    static constexpr std::size_t short_word = 24;           // symbols; above it the heap is faster
    static constexpr std::size_t direct_characters = 0x180; // covers the byte-level alphabet

    void find_characters()
    {
        for (char32_t each = 0; each < direct_characters; ++each) {
            std::string text;
            unicode::append(text, each);
            character_[each] = vocabulary_.find(text).value_or(-1);
        }
    }

    void find_bytes()
    {
        constexpr std::string_view digits = "0123456789ABCDEF";
        for (std::size_t each = 0; each < 256; ++each) {
            const char token[] = {'<', '0', 'x', digits[each >> 4], digits[each & 15], '>'};
            byte_[each] = vocabulary_.find({token, sizeof token}).value_or(-1);
        }
    }

    std::int32_t find_symbol(std::string_view character, bool first, bool last) const
    {
        const bool bare = (first || options_.continuing_subword_prefix.empty()) &&
                          (!last || options_.end_of_word_suffix.empty());
        if (bare) {
            const char32_t code_point = unicode::decode(character).code_point;
            if (code_point < direct_characters) return character_[code_point];
            return vocabulary_.find(character).value_or(-1);
        }
        return vocabulary_.find(decorated(character, first, last)).value_or(-1);
    }

    std::string decorated(std::string_view character, bool first, bool last) const
    {
        std::string symbol = first ? std::string{} : options_.continuing_subword_prefix;
        symbol += character;
        if (last) symbol += options_.end_of_word_suffix;
        return symbol;
    }

    // The word's characters as ids. An unknown one waits (`unknown`) until it is known whether it
    // fuses.
    void append_symbols(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        bool unknown = false;
        const auto flush = [&] {
            if (unknown) ids.push_back(*options_.unknown);
            unknown = false;
        };
        for (std::size_t at = 0; at < word.size();) {
            const std::size_t size = unicode::character_size(word, at);
            const std::string_view character = word.substr(at, size);
            const bool first = at == 0;
            at += size;
            const bool last = at == word.size();
            if (const std::int32_t id = find_symbol(character, first, last); id >= 0) {
                flush();
                ids.push_back(id);
            } else if (append_bytes(character, first, last, ids) || !options_.unknown) {
                continue;
            } else {
                if (!options_.fuse_unk) flush();
                unknown = true;
            }
        }
        flush();
    }

    bool append_bytes(std::string_view character, bool first, bool last,
                      std::vector<std::int32_t>& ids) const
    {
        if (!options_.byte_fallback) return false;
        const std::string symbol = decorated(character, first, last);
        for (const char each : symbol)
            if (byte_[static_cast<unsigned char>(each)] < 0) return false;
        for (const char each : symbol)
            ids.push_back(byte_[static_cast<unsigned char>(each)]);
        return true;
    }

    // Merges ids[0, count) in place by looking for the best pair again and again; returns the new
    // count.
    std::size_t merge_short(std::int32_t* ids, std::size_t count) const noexcept
    {
        std::array<detail::merge_table::found, short_word> pairs;
        for (std::size_t i = 0; i + 1 < count; ++i)
            pairs[i] = table_.find(ids[i], ids[i + 1]);
        while (count > 1) {
            std::size_t best = 0;
            for (std::size_t i = 1; i + 1 < count; ++i)
                if (pairs[i].rank < pairs[best].rank) best = i;
            if (pairs[best].rank == UINT32_MAX) break;
            ids[best] = pairs[best].merged;
            --count;
            for (std::size_t i = best + 1; i < count; ++i) {
                ids[i] = ids[i + 1];
                pairs[i - 1] = pairs[i];
            }
            if (best > 0) pairs[best - 1] = table_.find(ids[best - 1], ids[best]);
            if (best + 1 < count) pairs[best] = table_.find(ids[best], ids[best + 1]);
        }
        return count;
    }

    struct symbol {
        std::int32_t id;
        std::uint32_t previous, next; // `none` at the ends
        bool merged_away;
    };
    static constexpr std::uint32_t none = UINT32_MAX;

    struct candidate {
        std::uint32_t rank, at;
        std::int32_t merged;
        bool operator<(const candidate& other) const noexcept // a heap's top is its largest
        {
            return rank != other.rank ? rank > other.rank : at > other.at;
        }
    };

    // The same with a linked list and a heap of pairs, for words of any length.
    std::size_t merge_long(std::int32_t* ids, std::size_t count) const
    {
        std::vector<symbol> symbols(count);
        for (std::size_t i = 0; i < count; ++i)
            symbols[i] = {ids[i], i == 0 ? none : static_cast<std::uint32_t>(i - 1),
                          i + 1 == count ? none : static_cast<std::uint32_t>(i + 1), false};
        std::priority_queue<candidate> queue;
        const auto push = [&](std::uint32_t left) {
            const auto pair = table_.find(symbols[left].id, symbols[symbols[left].next].id);
            if (pair.rank != UINT32_MAX) queue.push({pair.rank, left, pair.merged});
        };
        for (std::uint32_t i = 0; i + 1 < count; ++i)
            push(i);
        while (!queue.empty()) {
            const candidate top = queue.top();
            queue.pop();
            symbol& left = symbols[top.at];
            if (left.merged_away || left.next == none) continue;
            symbol& right = symbols[left.next];
            if (table_.find(left.id, right.id).merged != top.merged) continue; // out of date
            left.id = top.merged;
            right.merged_away = true;
            left.next = right.next;
            if (left.next != none) symbols[left.next].previous = top.at;
            if (left.previous != none) push(left.previous);
            if (left.next != none) push(top.at);
        }
        std::size_t kept = 0;
        for (const symbol& each : symbols)
            if (!each.merged_away) ids[kept++] = each.id;
        return kept;
    }

    vocabulary vocabulary_;
    std::vector<bpe_merge> merges_;
    bpe_options options_;
    detail::merge_table table_;
    std::array<std::int32_t, direct_characters> character_{};
    std::array<std::int32_t, 256> byte_{};
};

} // namespace awq

#endif
// ---- awq/data/bpe_json.hpp
#ifndef AWQ_DATA_BPE_JSON_HPP
#define AWQ_DATA_BPE_JSON_HPP

// ---- awq/data/json_fields.hpp
#ifndef AWQ_DATA_JSON_FIELDS_HPP
#define AWQ_DATA_JSON_FIELDS_HPP

// ---- awq/io/json_reader.hpp
#ifndef AWQ_IO_JSON_READER_HPP
#define AWQ_IO_JSON_READER_HPP

// ---- awq/io/read_file.hpp
#ifndef AWQ_IO_READ_FILE_HPP
#define AWQ_IO_READ_FILE_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
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

/// Opens a regular file for reading. Errors: `file_not_found`; `file_unreadable` for a directory, a
/// device or whatever the system refuses.
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

/// The whole content of a regular file, at most `limit` bytes (1 GiB; `malformed_file` beyond
/// that).
inline result<std::string> read_file(const std::string& path,
                                     std::uint64_t limit = std::uint64_t{1} << 30)
{
    AWQ_TRY(const opened_file file, open_for_reading(path));
    if (file.size > limit)
        return error{error_code::malformed_file,           path, ": ", file.size,
                     " bytes are more than the limit of ", limit};
    std::string content(static_cast<std::size_t>(file.size), '\0');
    std::size_t done = 0;
    while (done < content.size()) {
        const ::ssize_t count =
            ::read(file.descriptor.number(), content.data() + done, content.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return error{error_code::file_unreadable, path, ": ", std::strerror(errno)};
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

/// JSON in (RFC 8259). The whole text is checked when it is parsed: UTF-8, nesting of at most 1024,
/// nothing after the value. Values are cheap handles into their document, which must outlive them.
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
    range(Iterator first, Iterator last, std::size_t size) : first_(first), last_(last), size_(size)
    {}
    Iterator begin() const { return first_; }
    Iterator end() const { return last_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

  private:
    Iterator first_{};
    Iterator last_{};
    std::size_t size_ = 0;
};

/// One JSON value. Reading it as another type than it has is an error that names the document and
/// the key.
class value {
  public:
    value() = default;
    value(simdjson::dom::element element, const detail::location& location)
        : element_(element), location_(location)
    {}

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

    /// The member with this key (the first, if there are several); nothing if it is absent or this
    /// is no object. Linear in the number of members: walk `members()` to read many.
    std::optional<value> find(std::string_view key) const;

    /// As `find`, but a member that is null counts as absent.
    std::optional<value> find_non_null(std::string_view key) const;

    /// The member with this key; `missing_field` if it is absent, `malformed_file` if this is no
    /// object.
    result<value> at(std::string_view key) const;

    result<std::string_view> as_string() const { return read<std::string_view>("a string"); }
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
    /// The members of an object; empty if this is no object (test `is_object()` or use
    /// `as_object()`).
    range<detail::member_iterator> members() const;
    /// As `elements()`, but an error if this is no array.
    result<range<detail::element_iterator>> as_array() const;
    /// As `members()`, but an error if this is no object.
    result<range<detail::member_iterator>> as_object() const;

    /// `malformed_file` naming the key if this object has the same key twice. Does not look into
    /// its members.
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
        case simdjson::dom::element_type::OBJECT:
            return "an object";
        case simdjson::dom::element_type::ARRAY:
            return "an array";
        case simdjson::dom::element_type::STRING:
            return "a string";
        case simdjson::dom::element_type::BOOL:
            return "true or false";
        case simdjson::dom::element_type::NULL_VALUE:
            return "null";
        case simdjson::dom::element_type::INT64:
            return "an integer";
        case simdjson::dom::element_type::UINT64:
            return "a large integer";
        default:
            return "a number";
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
    {}
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
    {}
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
            while (i < text.size() && text[i] >= '0' && text[i] <= '9')
                ++i;
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
    for (auto at = container.begin(); at != container.end(); ++at)
        ++size;
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
    for (const member& each : members())
        keys.push_back(each.key);
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
    {}

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

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How the parts of tokenizer.json are read.
namespace awq::detail {

/// A boolean that may be absent or null.
inline result<bool> bool_field(const json::value& from, std::string_view key, bool fallback)
{
    const auto found = from.find_non_null(key);
    if (!found) return fallback;
    return found->as_bool();
}

/// A string that must be there.
inline result<std::string> string_field(const json::value& from, std::string_view key)
{
    AWQ_TRY(const json::value found, from.at(key));
    AWQ_TRY(const std::string_view text, found.as_string());
    return std::string{text};
}

/// A string that may be absent or null.
inline result<std::string> string_field(const json::value& from, std::string_view key,
                                        std::string_view fallback)
{
    if (!from.find_non_null(key)) return std::string{fallback};
    return string_field(from, key);
}

/// A text that is put into other texts again and again, and so must be short.
inline result<std::string> short_string_field(const json::value& from, std::string_view key)
{
    AWQ_TRY(std::string text, string_field(from, key));
    if (text.size() <= 1024) return text;
    return from.error(error_code::malformed_file, "the field \"", key, "\" is ", text.size(),
                      " bytes long; at most 1024 are allowed");
}

/// The "type" of a component.
inline result<std::string> type_of(const json::value& component)
{
    return string_field(component, "type");
}

/// A component that this library does not do.
inline error unsupported_type(const json::value& component, std::string_view what,
                              std::string_view type)
{
    return component.error(error_code::unsupported, "the ", what, " \"", printable(type),
                           "\" is not supported");
}

/// {"Regex": "..."} or {"String": "..."}.
struct pattern_field {
    std::string text;
    bool is_regex = false;
};

inline result<pattern_field> read_pattern(const json::value& component)
{
    AWQ_TRY(const json::value pattern, component.at("pattern"));
    if (pattern.is_string()) return pattern_field{std::string{*pattern.as_string()}, false};
    const bool is_regex = pattern.find("Regex").has_value();
    AWQ_TRY(std::string text, string_field(pattern, is_regex ? "Regex" : "String"));
    return pattern_field{std::move(text), is_regex};
}

/// Calls `add(component)` for a component, or for each one of a Sequence's list, at any depth. A
/// null is none.
template <class Add>
status for_each_component(const json::value& component, std::string_view list_key, Add&& add)
{
    if (component.is_null()) return {};
    AWQ_TRY(const std::string type, type_of(component));
    if (type != "Sequence") return add(component, type);
    AWQ_TRY(const json::value list, component.at(list_key));
    AWQ_TRY(const auto parts, list.as_array());
    for (const json::value& part : parts)
        AWQ_CHECK(for_each_component(part, list_key, add));
    return {};
}

} // namespace awq::detail

#endif

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Reads the "model" of a tokenizer.json.
namespace awq::detail {

inline result<vocabulary> read_vocabulary(const json::value& model)
{
    AWQ_TRY(const json::value vocab, model.at("vocab"));
    AWQ_TRY(const auto members, vocab.as_object());
    vocabulary tokens;
    for (const json::member& each : members) {
        AWQ_TRY(const std::int64_t id, each.value.as_integer());
        if (const status added = tokens.add(each.key, id); !added)
            return added.error().within(vocab.where());
    }
    return tokens;
}

// The two tokens of a merge: ["a", "b"], or "a b" in older files.
inline result<std::pair<std::string_view, std::string_view>> read_pair(const json::value& merge)
{
    if (merge.is_string()) {
        const std::string_view text = *merge.as_string();
        const std::size_t space = text.find(' ');
        if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
            return merge.error(error_code::malformed_file, "expected two tokens and a space");
        return std::pair{text.substr(0, space), text.substr(space + 1)};
    }
    AWQ_TRY(const auto both, merge.as_array());
    if (both.size() != 2) return merge.error(error_code::malformed_file, "expected two tokens");
    AWQ_TRY(const std::string_view left, (*both.begin()).as_string());
    AWQ_TRY(const std::string_view right, (*++both.begin()).as_string());
    return std::pair{left, right};
}

inline result<std::int32_t> find_token(const vocabulary& tokens, std::string_view token,
                                       const json::value& merge)
{
    if (const auto id = tokens.find(token)) return *id;
    return merge.error(error_code::malformed_file, "the token \"", printable(token),
                       "\" is not in the vocabulary");
}

inline result<std::vector<bpe_merge>> read_merges(const json::value& model,
                                                  const vocabulary& tokens, std::size_t prefix_size)
{
    AWQ_TRY(const json::value list, model.at("merges"));
    AWQ_TRY(const auto entries, list.as_array());
    std::vector<bpe_merge> merges;
    merges.reserve(entries.size());
    std::string merged;
    for (const json::value& each : entries) {
        AWQ_TRY(const auto pair, read_pair(each));
        if (pair.second.size() < prefix_size)
            return each.error(error_code::malformed_file, "the second token lacks the prefix");
        merged = pair.first;
        merged += pair.second.substr(prefix_size);
        bpe_merge merge;
        AWQ_TRY(merge.left, find_token(tokens, pair.first, each));
        AWQ_TRY(merge.right, find_token(tokens, pair.second, each));
        AWQ_TRY(merge.merged, find_token(tokens, merged, each));
        merges.push_back(merge);
    }
    return merges;
}

inline status check_model_type(const json::value& model)
{
    const auto type = model.find_non_null("type");
    if (type) {
        AWQ_TRY(const std::string_view name, type->as_string());
        if (name != "BPE")
            return type->error(error_code::unsupported, "the model \"", printable(name),
                               "\" is not supported; BPE is");
    }
    const auto dropout = model.find_non_null("dropout");
    if (!dropout) return {};
    AWQ_TRY(const double rate, dropout->as_number());
    if (rate == 0) return {};
    return dropout->error(error_code::unsupported, "dropout makes ids random; set it to null");
}

inline result<bpe_options> read_bpe_options(const json::value& model, const vocabulary& tokens)
{
    bpe_options options;
    AWQ_TRY(options.byte_fallback, bool_field(model, "byte_fallback", false));
    AWQ_TRY(options.fuse_unk, bool_field(model, "fuse_unk", false));
    AWQ_TRY(options.ignore_merges, bool_field(model, "ignore_merges", false));
    AWQ_TRY(options.continuing_subword_prefix,
            string_field(model, "continuing_subword_prefix", ""));
    AWQ_TRY(options.end_of_word_suffix, string_field(model, "end_of_word_suffix", ""));
    if (options.continuing_subword_prefix.size() + options.end_of_word_suffix.size() > 1024)
        return model.error(error_code::malformed_file, "the subword prefix or suffix is too long");
    if (const auto unknown = model.find_non_null("unk_token")) {
        AWQ_TRY(const std::string_view token, unknown->as_string());
        options.unknown = tokens.find(token);
        if (!options.unknown && !token.empty())
            return unknown->error(error_code::malformed_file, "the token \"", printable(token),
                                  "\" is not in the vocabulary");
    }
    return options;
}

inline result<bpe_model> read_bpe(const json::value& model)
{
    AWQ_CHECK(check_model_type(model));
    AWQ_TRY(vocabulary tokens, read_vocabulary(model));
    AWQ_TRY(bpe_options options, read_bpe_options(model, tokens));
    AWQ_TRY(std::vector<bpe_merge> merges,
            read_merges(model, tokens, options.continuing_subword_prefix.size()));
    return bpe_model{std::move(tokens), std::move(merges), std::move(options)};
}

} // namespace awq::detail

#endif
// ---- awq/data/byte_alphabet.hpp
#ifndef AWQ_DATA_BYTE_ALPHABET_HPP
#define AWQ_DATA_BYTE_ALPHABET_HPP

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The byte-level alphabet of GPT-2: a printable character for each of the 256 bytes.
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners", released code
/// (bytes_to_unicode).
namespace awq::byte_alphabet {

namespace detail {

constexpr bool stands_for_itself(unsigned byte) noexcept
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

struct tables {
    std::array<char16_t, 256> character{};
    std::array<std::int16_t, 0x144> byte{}; // by character; -1: none

    constexpr tables()
    {
        byte.fill(-1);
        unsigned next = 0x100;
        for (unsigned each = 0; each < 256; ++each) {
            const unsigned code = stands_for_itself(each) ? each : next++;
            character[each] = static_cast<char16_t>(code);
            byte[code] = static_cast<std::int16_t>(each);
        }
    }
};

inline constexpr tables both{};

} // namespace detail

/// The character that stands for a byte.
constexpr char32_t character(unsigned char byte) noexcept
{
    return detail::both.character[byte];
}

/// The byte that a character stands for; nothing for a character outside the alphabet.
constexpr std::optional<unsigned char> byte(char32_t character) noexcept
{
    if (character >= detail::both.byte.size() || detail::both.byte[character] < 0)
        return std::nullopt;
    return static_cast<unsigned char>(detail::both.byte[character]);
}

/// Every byte of a text replaced by its character.
inline std::string encode(std::string_view bytes)
{
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char each : bytes)
        unicode::append(text, character(static_cast<unsigned char>(each)));
    return text;
}

/// The bytes that a text stands for; the text itself if one of its characters is outside the
/// alphabet.
inline std::string decode(std::string_view text)
{
    std::string bytes;
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        const auto found = byte(next.code_point);
        if (!found) return std::string{text};
        bytes.push_back(static_cast<char>(*found));
        at += next.size;
    }
    return bytes;
}

} // namespace awq::byte_alphabet

#endif
// ---- awq/data/post_processor.hpp
#ifndef AWQ_DATA_POST_PROCESSOR_HPP
#define AWQ_DATA_POST_PROCESSOR_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Adds special tokens around the ids of a text. Built from the "post_processor" of a
/// tokenizer.json.
class post_processor {
  public:
    /// Adds nothing.
    post_processor() = default;

    /// Reads a component, a Sequence of them, or null. Every id must be below `vocabulary_size`.
    /// Errors: `unsupported` for an unknown type and for a template that does not hold the text
    /// exactly once.
    static result<post_processor> from_json(const json::value& component,
                                            std::int64_t vocabulary_size)
    {
        post_processor built;
        AWQ_CHECK(detail::for_each_component(component, "processors",
                                             [&](const json::value& part, const std::string& type) {
                                                 return built.add(part, type, vocabulary_size);
                                             }));
        return built;
    }

    /// The ids that come before and after those of a text.
    const std::vector<std::int32_t>& prefix() const noexcept { return prefix_; }
    const std::vector<std::int32_t>& suffix() const noexcept { return suffix_; }

  private:
    status add(const json::value& part, const std::string& type, std::int64_t size)
    {
        if (type == "ByteLevel") return {}; // moves offsets only
        if (type == "TemplateProcessing") return add_template(part, size);
        if (type == "RobertaProcessing" || type == "BertProcessing") return add_wrap(part, size);
        return detail::unsupported_type(part, "post_processor", type);
    }

    // A later processor wraps what the earlier ones give.
    void wrap(std::vector<std::int32_t> before, const std::vector<std::int32_t>& after)
    {
        before.insert(before.end(), prefix_.begin(), prefix_.end());
        prefix_ = std::move(before);
        suffix_.insert(suffix_.end(), after.begin(), after.end());
    }

    static result<std::int32_t> read_id(const json::value& from, std::int64_t size)
    {
        AWQ_TRY(const std::int64_t id, from.as_integer());
        if (id < 0 || id >= size)
            return from.error(error_code::malformed_file, "the id ", id,
                              " is outside the vocabulary of ", size);
        return static_cast<std::int32_t>(id);
    }

    status add_wrap(const json::value& part, std::int64_t size) // "cls": ["<s>", 0]
    {
        std::vector<std::int32_t> ids;
        for (const char* key : {"cls", "sep"}) {
            AWQ_TRY(const json::value pair, part.at(key));
            AWQ_TRY(const auto entries, pair.as_array());
            if (entries.size() != 2)
                return pair.error(error_code::malformed_file, "expected [token, id]");
            AWQ_TRY(const std::int32_t id, read_id(*++entries.begin(), size));
            ids.push_back(id);
        }
        wrap({ids[0]}, {ids[1]});
        return {};
    }

    status add_template(const json::value& part, std::int64_t size)
    {
        AWQ_TRY(const json::value single, part.at("single"));
        AWQ_TRY(const auto pieces, single.as_array());
        std::vector<std::int32_t> before, after;
        std::size_t texts = 0;
        for (const json::value& piece : pieces) {
            if (piece.find("Sequence")) {
                ++texts;
                continue;
            }
            AWQ_TRY(const json::value special, piece.at("SpecialToken"));
            AWQ_TRY(const std::string name, detail::string_field(special, "id"));
            AWQ_CHECK(append_special(part, name, size, texts == 0 ? before : after));
        }
        if (texts != 1)
            return single.error(error_code::unsupported, "the template holds the text ", texts,
                                " times; once is supported");
        wrap(std::move(before), after);
        return {};
    }

    static status append_special(const json::value& part, const std::string& name,
                                 std::int64_t size, std::vector<std::int32_t>& to)
    {
        AWQ_TRY(const json::value all, part.at("special_tokens"));
        AWQ_TRY(const json::value token, all.at(name));
        AWQ_TRY(const json::value list, token.at("ids"));
        AWQ_TRY(const auto ids, list.as_array());
        for (const json::value& each : ids) {
            AWQ_TRY(const std::int32_t id, read_id(each, size));
            to.push_back(id);
        }
        return {};
    }

    std::vector<std::int32_t> prefix_, suffix_;
};

} // namespace awq

#endif
// ---- awq/data/unicode_normalization.hpp
#ifndef AWQ_DATA_UNICODE_NORMALIZATION_HPP
#define AWQ_DATA_UNICODE_NORMALIZATION_HPP

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

/// What needs Unicode's character tables, by utf8proc.
namespace awq::unicode {

/// The normalization forms of Unicode Standard Annex 15.
enum class normalization_form { nfc, nfd, nfkc, nfkd };

/// A valid UTF-8 text in a normalization form.
inline result<std::string> normalize(std::string_view text, normalization_form form)
{
    using enum normalization_form;
    const int compose = form == nfc || form == nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    const int compatible = form == nfkc || form == nfkd ? UTF8PROC_COMPAT : 0;
    if (is_ascii(text)) return std::string{text};
    utf8proc_uint8_t* bytes = nullptr;
    const utf8proc_ssize_t size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                     static_cast<utf8proc_ssize_t>(text.size()), &bytes,
                     static_cast<utf8proc_option_t>(UTF8PROC_STABLE | compose | compatible));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner{bytes, &std::free};
    if (size < 0)
        return error{size == UTF8PROC_ERROR_NOMEM ? error_code::out_of_memory
                                                  : error_code::invalid_argument,
                     "text cannot be normalized: ", utf8proc_errmsg(size)};
    return std::string{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

/// The text with every character in lower case, without regard to its neighbours.
inline std::string lower_case(std::string_view text)
{
    std::string lowered;
    lowered.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const decoded next = decode(text, at);
        at += next.size;
        if (next.code_point == 0x130) { // the one character whose lower case is two
            lowered += "i\xCC\x87";
            continue;
        }
        append(lowered, static_cast<char32_t>(
                            utf8proc_tolower(static_cast<utf8proc_int32_t>(next.code_point))));
    }
    return lowered;
}

/// Whether the character is a nonspacing mark (general category Mn).
inline bool is_nonspacing_mark(char32_t code_point) noexcept
{
    return utf8proc_category(static_cast<utf8proc_int32_t>(code_point)) == UTF8PROC_CATEGORY_MN;
}

} // namespace awq::unicode

#endif
// ---- awq/data/word_cache.hpp
#ifndef AWQ_DATA_WORD_CACHE_HPP
#define AWQ_DATA_WORD_CACHE_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace awq {

/// Remembers the ids of short words, since most words of a text have been seen before. A newer word
/// takes the place of an older one with the same hash, so the memory is bounded.
class word_cache {
  public:
    /// A cache for texts of about this many bytes.
    explicit word_cache(std::size_t text_bytes = std::size_t{1} << 20)
        : entries_(std::bit_ceil(std::clamp<std::size_t>(text_bytes / 8, 16, 1u << 15)))
    {}

    /// The ids of a word; empty if it is not there.
    std::span<const std::int32_t> find(std::string_view word) const noexcept
    {
        if (word.size() > max_bytes) return {};
        const entry& at = entries_[slot_of(word)];
        if (at.bytes != word.size() || std::memcmp(at.word, word.data(), word.size()) != 0)
            return {};
        return {at.ids, at.count};
    }

    /// Keeps a word, if it and its ids are few enough.
    void put(std::string_view word, std::span<const std::int32_t> ids) noexcept
    {
        if (word.empty() || word.size() > max_bytes || ids.size() > max_ids) return;
        entry& at = entries_[slot_of(word)];
        std::memcpy(at.word, word.data(), word.size());
        std::copy(ids.begin(), ids.end(), at.ids);
        at.bytes = static_cast<std::uint8_t>(word.size());
        at.count = static_cast<std::uint8_t>(ids.size());
    }

  private:
    static constexpr std::size_t max_bytes = 30;
    static constexpr std::size_t max_ids = 8;
    struct alignas(64) entry {
        char word[max_bytes];
        std::uint8_t bytes = 0;
        std::uint8_t count = 0;
        std::int32_t ids[max_ids];
    };

    std::size_t slot_of(std::string_view word) const noexcept
    {
        std::uint64_t hash = word.size();
        while (word.size() >= 8) {
            std::uint64_t part;
            std::memcpy(&part, word.data(), 8);
            hash = mixed(hash ^ part);
            word.remove_prefix(8);
        }
        std::uint64_t part = 0;
        std::memcpy(&part, word.data(), word.size());
        return static_cast<std::size_t>(mixed(hash ^ part)) & (entries_.size() - 1);
    }

    static constexpr std::uint64_t mixed(std::uint64_t value) noexcept
    {
        value *= 0x9E3779B97F4A7C15u;
        return value ^ value >> 32;
    }

    std::vector<entry> entries_;
};

} // namespace awq

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
// ---- awq/execution/kernels/xsimd.hpp
#ifndef AWQ_EXECUTION_KERNELS_XSIMD_HPP
#define AWQ_EXECUTION_KERNELS_XSIMD_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

/// The kernels of `kernels/scalar.hpp` over SIMD registers; heap-free. Element-by-element kernels
/// and column sums give the same bits as the reference, apart from products that a fused
/// multiply-add rounds once; sums along a row and exp differ by a few units in the last place.
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
        unroll<Rows>([&](auto t) __attribute__((always_inline)) {
            sum = sum + value(batch::load_unaligned(x.data() + t * x.stride() + c));
        });
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
        using xsimd::fabs;
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
    if (values.size() < lanes<Arch>) return scalar::min_max(values);
    float_batch<Arch> low = detail::load<Arch>(values, 0);
    float_batch<Arch> high = low;
    const std::size_t rest = detail::for_registers<Arch>(values.size(), [&](std::size_t i) {
        const auto value = detail::load<Arch>(values, i);
        low = xsimd::min(low, value);
        high = xsimd::max(high, value);
    });
    float ends[2 * lanes<Arch>];
    low.store_unaligned(ends);
    high.store_unaligned(ends + lanes<Arch>);
    min_max_pair found = scalar::min_max(ends);
    for (const float value : values.subspan(rest)) {
        found.min = std::min(found.min, value);
        found.max = std::max(found.max, value);
    }
    return found;
}

template <class Arch = default_arch>
float dot(std::span<const float> a, std::span<const float> b) noexcept
{
    float_batch<Arch> sum(0.0f);
    const std::size_t rest = detail::for_registers<Arch>(a.size(), [&](std::size_t i) {
        sum = xsimd::fma(detail::load<Arch>(a, i), detail::load<Arch>(b, i), sum);
    });
    return lane_sum(sum) + scalar::dot(a.subspan(rest), b.subspan(rest));
}

template <class Arch = default_arch>
double sum_of_squares(std::span<const float> values) noexcept
{
    using batch = double_batch<Arch>;
    batch sum(0.0);
    std::size_t i = 0;
    for (; i + batch::size <= values.size(); i += batch::size) {
        const batch value = batch::load_unaligned(values.data() + i);
        sum = xsimd::fma(value, value, sum);
    }
    return lane_sum(sum) + scalar::sum_of_squares(values.subspan(i));
}

template <class Arch = default_arch>
void add_scaled(float factor, std::span<const float> x, std::span<float> y) noexcept
{
    const float_batch<Arch> factors(factor);
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        const auto sum = xsimd::fma(factors, detail::load<Arch>(x, i), detail::load<Arch>(y, i));
        sum.store_unaligned(y.data() + i);
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
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        (factors * detail::load<Arch>(x, i)).store_unaligned(out.data() + i);
    });
    scalar::scale(factor, x.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void rms_norm(std::span<const float> x, std::span<const float> weight, float eps,
              std::span<float> out) noexcept
{
    const double mean = simd::sum_of_squares<Arch>(x) / static_cast<double>(x.size());
    const auto inverse = static_cast<float>(1.0 / std::sqrt(mean + double{eps}));
    const float_batch<Arch> factors(inverse);
    const std::size_t rest = detail::for_registers<Arch>(x.size(), [&](std::size_t i) {
        const auto value = detail::load<Arch>(x, i) * factors * detail::load<Arch>(weight, i);
        value.store_unaligned(out.data() + i);
    });
    for (std::size_t i = rest; i < x.size(); ++i) out[i] = x[i] * inverse * weight[i];
}

template <class Arch = default_arch>
void silu_multiply(std::span<const float> gate, std::span<const float> up,
                   std::span<float> out) noexcept
{
    const float_batch<Arch> one(1.0f);
    const std::size_t rest = detail::for_registers<Arch>(gate.size(), [&](std::size_t i) {
        const auto x = detail::load<Arch>(gate, i);
        const auto value = x / (one + xsimd::exp(-x)) * detail::load<Arch>(up, i);
        value.store_unaligned(out.data() + i);
    });
    scalar::silu_multiply(gate.subspan(rest), up.subspan(rest), out.subspan(rest));
}

template <class Arch = default_arch>
void softmax(float factor, std::span<float> values) noexcept
{
    const min_max_pair ends = simd::min_max<Arch>(values);
    const float shift = factor * (factor < 0.0f ? ends.min : ends.max);
    const float_batch<Arch> factors(factor);
    const float_batch<Arch> shifts(shift);
    float_batch<Arch> sums(0.0f);
    const std::size_t rest = detail::for_registers<Arch>(values.size(), [&](std::size_t i) {
        const auto value = xsimd::exp(factors * detail::load<Arch>(values, i) - shifts);
        value.store_unaligned(values.data() + i);
        sums = sums + value;
    });
    float sum = lane_sum(sums);
    for (float& value : values.subspan(rest)) sum += value = std::exp(factor * value - shift);
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
    scalar::rotate(cosines.subspan(rest), sines.subspan(rest), first.subspan(rest),
                   second.subspan(rest));
}

} // namespace awq::kernels::simd

#endif
// ---- awq/execution/products/few_rows.hpp
#ifndef AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP
#define AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP

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
        block_ = list().take(size);
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

    /// At most `depth` buffers wait for reuse, and none that is very large.
    class free_list {
    public:
        free_list() = default;
        free_list(const free_list&) = delete;
        free_list& operator=(const free_list&) = delete;
        ~free_list()
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
        static constexpr std::size_t largest_kept = std::size_t{1} << 24; // 64 MiB
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
    /// Left operands with fewer rows are multiplied without packing b, which pays only when each
    /// packed value is used often; b as it lies is read badly by columns, so there it pays sooner.
    static constexpr std::size_t min_packed_rows_nt = 32;
    static constexpr std::size_t min_packed_rows_nn = 8;

    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E, class Arch = kernels::default_arch>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                            matrix_view<float> c)
    {
        if (c.empty()) return;
        if (a.rows() >= min_packed_rows_nt && a.cols() > 0 &&
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
// ---- awq/io/copy_files.hpp
#ifndef AWQ_IO_COPY_FILES_HPP
#define AWQ_IO_COPY_FILES_HPP

// ---- awq/io/output_directory.hpp
#ifndef AWQ_IO_OUTPUT_DIRECTORY_HPP
#define AWQ_IO_OUTPUT_DIRECTORY_HPP

// ---- awq/io/rename.hpp
#ifndef AWQ_IO_RENAME_HPP
#define AWQ_IO_RENAME_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

/// Moving finished outputs into place, for `output_directory` and `output_file`.
namespace awq::detail {

/// A path split into the real directory that it is in and its last part. Links in the directory,
/// and a link that the path itself is, are resolved, so that what a link points to is replaced and
/// not the link.
struct output_place {
    std::filesystem::path parent;
    std::filesystem::path name;

    std::filesystem::path path() const { return parent / name; }
};

inline result<output_place> find_output_place(const std::string& target)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    fs::path resolved = fs::weakly_canonical(fs::absolute(fs::path{target}, failure), failure);
    if (failure) return error{error_code::file_unwritable, target, ": ", failure.message().c_str()};
    if (!resolved.has_filename()) resolved = resolved.parent_path();
    if (target.empty() || !resolved.has_filename() || resolved.filename() == "..")
        return error{error_code::invalid_argument, "\"", target, "\" cannot be an output path"};
    output_place place{resolved.parent_path(), resolved.filename()};
    if (!fs::is_directory(place.parent, failure))
        return error{error_code::file_not_found, place.parent.string(),
                     ": is not a directory; create it first"};
    return place;
}

/// ".name.partial-PID-N": beside the target, so that the final rename stays inside one file system.
inline std::filesystem::path partial_path(const output_place& place)
{
    static std::atomic<unsigned> counter{0};
    const std::string suffix =
        ".partial-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    return place.parent / ("." + place.name.string().substr(0, 200) + suffix);
}

/// Flushes a file's or a directory's own entry to the disk.
inline status flush_path(const std::filesystem::path& path)
{
    const file_descriptor opened{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    // EINVAL, EROFS: the file system cannot flush this kind of entry; nothing more can be done.
    if (!opened || (::fsync(opened.number()) != 0 && errno != EINVAL && errno != EROFS))
        return error{error_code::file_unwritable, path.string(),
                     ": cannot flush: ", std::strerror(errno)};
    return {};
}

/// Renames in one step; fails with EEXIST rather than replace a target that is there. 0, or an
/// errno value.
inline int rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to)
{
#if defined(__linux__) && defined(RENAME_NOREPLACE)
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
#endif
    struct ::stat about {};
    if (::lstat(to.c_str(), &about) == 0) return EEXIST;
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

/// Swaps two directories in one step where the system can. Where it cannot, `to` moves to `aside`
/// first and comes back if the second move fails. Afterwards the old directory is at `aside`. 0, or
/// an errno value.
inline int swap_in(const std::filesystem::path& from, const std::filesystem::path& to,
                   const std::filesystem::path& aside)
{
#if defined(__linux__) && defined(RENAME_EXCHANGE)
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0)
        return ::rename(from.c_str(), aside.c_str()) == 0 ? 0 : errno;
    if (errno != EINVAL && errno != ENOSYS) return errno;
#endif
    if (::rename(to.c_str(), aside.c_str()) != 0) return errno;
    if (::rename(from.c_str(), to.c_str()) == 0) return 0;
    const int reason = errno;
    static_cast<void>(::rename(aside.c_str(), to.c_str()));
    return reason;
}

inline error output_error(const std::filesystem::path& target, int reason)
{
    if (reason == EEXIST || reason == ENOTEMPTY)
        return error{error_code::file_exists, target.string(),
                     ": is there already; choose another output or ask for overwriting"};
    return error{error_code::file_unwritable, target.string(),
                 ": cannot move the finished output into place: ", std::strerror(reason)};
}

} // namespace awq::detail

#endif
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace awq {

/// Whether `inner` is `outer` or lies somewhere in it; both are resolved first.
inline bool is_within(const std::string& inner, const std::string& outer)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    const auto resolve = [&](const std::string& path) {
        fs::path resolved = fs::weakly_canonical(fs::absolute(fs::path{path}, failure), failure);
        return resolved.has_filename() ? resolved : resolved.parent_path();
    };
    const fs::path a = resolve(inner);
    const fs::path b = resolve(outer);
    return std::mismatch(b.begin(), b.end(), a.begin(), a.end()).first == b.end();
}

/// `invalid_argument` if the output directory is the source directory, lies in it, or contains it.
inline status check_output_apart(const std::string& target, const std::string& source)
{
    if (is_within(target, source))
        return error{error_code::invalid_argument, target,
                     ": is, or lies in, the source directory ", source, "; choose another output"};
    if (is_within(source, target))
        return error{error_code::invalid_argument, target, ": contains the source directory ",
                     source, "; choose another output"};
    return {};
}

/// An output directory that appears only when it is complete: fill `path()`, then `commit()`.
/// Without a commit the temporary directory is removed and the target stays as it was.
class output_directory {
  public:
    /// Makes an empty temporary directory beside the target. Errors: `file_exists` if the target is
    /// there and `overwrite` is false, or is something that must not be replaced: only a directory
    /// that is empty or holds a config.json is. `file_not_found` if the directory that it shall be
    /// in is not there; `file_unwritable`.
    static result<output_directory> create(const std::string& target, bool overwrite)
    {
        AWQ_TRY(const detail::output_place place, detail::find_output_place(target));
        AWQ_CHECK(check_target(place.path(), overwrite));
        for (unsigned attempt = 0; attempt < 100; ++attempt) {
            const std::filesystem::path partial = detail::partial_path(place);
            if (::mkdir(partial.c_str(), 0777) == 0)
                return output_directory{place, partial, overwrite};
            if (errno != EEXIST) break; // EEXIST: left over from a process with the same number
        }
        return error{error_code::file_unwritable, place.parent.string(),
                     ": cannot create a directory here: ", std::strerror(errno)};
    }

    output_directory(output_directory&& other) noexcept
        : place_(std::move(other.place_)), partial_(std::exchange(other.partial_, {})),
          overwrite_(other.overwrite_)
    {}
    output_directory& operator=(output_directory&& other) noexcept
    {
        std::swap(place_, other.place_);
        std::swap(partial_, other.partial_);
        std::swap(overwrite_, other.overwrite_);
        return *this;
    }
    ~output_directory()
    {
        std::error_code ignored;
        if (!partial_.empty()) std::filesystem::remove_all(partial_, ignored);
    }

    /// The temporary directory to write to.
    std::string path() const { return partial_.string(); }
    /// Where the directory will be.
    std::string target() const { return place_.path().string(); }

    /// Flushes every file and directory, then moves the whole into place in one step. A target that
    /// is overwritten stays whole until then and is removed afterwards. Errors: `file_exists`,
    /// `file_unwritable`.
    status commit()
    {
        AWQ_CHECK(flush_all());
        int reason = detail::rename_to_new(partial_, place_.path());
        if (reason == EEXIST && overwrite_) {
            AWQ_CHECK(check_target(place_.path(), overwrite_));
            const std::filesystem::path aside = detail::partial_path(place_);
            reason = detail::swap_in(partial_, place_.path(), aside);
            std::error_code
                ignored; // the new directory is in place: the old one is only in the way
            if (reason == 0) std::filesystem::remove_all(aside, ignored);
        }
        if (reason != 0) return detail::output_error(place_.path(), reason);
        partial_.clear();
        return detail::flush_path(place_.parent);
    }

  private:
    output_directory(const detail::output_place& place, const std::filesystem::path& partial,
                     bool overwrite)
        : place_(place), partial_(partial), overwrite_(overwrite)
    {}

    static status check_target(const std::filesystem::path& target, bool overwrite)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        const auto kind = fs::status(target, failure).type();
        if (kind == fs::file_type::not_found) return {};
        if (!overwrite) return detail::output_error(target, EEXIST);
        if (kind == fs::file_type::directory &&
            (fs::exists(target / "config.json", failure) || fs::is_empty(target, failure)))
            return {};
        return error{error_code::file_exists, target.string(),
                     ": is not a model directory (it has no config.json) and is not overwritten; "
                     "choose another output"};
    }

    status flush_all() const
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        for (fs::recursive_directory_iterator at{partial_, failure}, end; !failure && at != end;
             at.increment(failure)) {
            const fs::file_type kind = at->symlink_status(failure).type();
            if (kind == fs::file_type::regular || kind == fs::file_type::directory)
                AWQ_CHECK(detail::flush_path(at->path()));
        }
        if (failure)
            return error{error_code::file_unwritable, partial_.string(), ": ",
                         failure.message().c_str()};
        return detail::flush_path(partial_);
    }

    detail::output_place place_;
    std::filesystem::path partial_;
    bool overwrite_;
};

} // namespace awq

#endif
// ---- awq/io/write_file.hpp
#ifndef AWQ_IO_WRITE_FILE_HPP
#define AWQ_IO_WRITE_FILE_HPP

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// A file that is being written. If it is destroyed before `finish()` succeeded, the file is
/// removed, so that no half-written file stays behind. It never replaces a file that is there
/// already.
class new_file {
  public:
    /// Errors: `file_exists`, `file_unwritable`.
    static result<new_file> create(const std::string& path)
    {
        file_descriptor descriptor{
            ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
        if (!descriptor)
            return error{errno == EEXIST ? error_code::file_exists : error_code::file_unwritable,
                         path, ": cannot create: ", std::strerror(errno)};
        return new_file{path, std::move(descriptor)};
    }

    new_file(new_file&& other) noexcept
        : path_(std::exchange(other.path_, {})), descriptor_(std::move(other.descriptor_)),
          position_(other.position_)
    {}
    new_file& operator=(new_file&& other) noexcept
    {
        std::swap(path_, other.path_);
        std::swap(descriptor_, other.descriptor_);
        std::swap(position_, other.position_);
        return *this;
    }
    ~new_file()
    {
        if (descriptor_) ::unlink(path_.c_str());
    }

    const std::string& path() const noexcept { return path_; }

    /// Makes the file `size` bytes long and takes the disk space where the file system can, so that
    /// a full disk is noticed before the work and not after it.
    status reserve(std::uint64_t size)
    {
        if (size > static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max()))
            return failed(EFBIG);
        const auto length = static_cast<::off_t>(size);
#ifdef __linux__
        if (length > 0 && ::fallocate(descriptor_.number(), 0, 0, length) != 0 &&
            (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
            return failed(errno);
#endif
        if (::ftruncate(descriptor_.number(), length) != 0) return failed(errno);
        return {};
    }

    /// Writes at an offset from the beginning of the file. Error: `file_unwritable`.
    status write_at(std::uint64_t offset, std::span<const std::byte> bytes)
    {
        while (!bytes.empty()) {
            const std::size_t step = std::min<std::size_t>(bytes.size(), std::size_t{1} << 30);
            const ::ssize_t count =
                ::pwrite(descriptor_.number(), bytes.data(), step, static_cast<::off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return failed(count < 0 ? errno : ENOSPC);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return {};
    }

    /// Writes behind what `append` wrote before.
    status append(std::span<const std::byte> bytes)
    {
        AWQ_CHECK(write_at(position_, bytes));
        position_ += bytes.size();
        return {};
    }

    /// Bytes that `append` wrote so far.
    std::uint64_t position() const noexcept
    {
        return position_;
    }

    /// Flushes the file to the disk and closes it; from here on the file stays. Error:
    /// `file_unwritable`.
    status finish()
    {
        if (::fsync(descriptor_.number()) != 0 && errno != EINVAL) return failed(errno);
        if (::close(descriptor_.number()) != 0) {
            const int reason = errno;
            descriptor_.release();
            ::unlink(path_.c_str());
            return failed(reason);
        }
        descriptor_.release();
        return {};
    }

  private:
    new_file(const std::string& path, file_descriptor&& descriptor)
        : path_(path), descriptor_(std::move(descriptor))
    {}

    error failed(int reason) const
    {
        return error{error_code::file_unwritable, path_, ": cannot write: ", std::strerror(reason)};
    }

    std::string path_;
    file_descriptor descriptor_;
    std::uint64_t position_ = 0;
};

/// Writes a new file in one go; `file_exists` if it is there already.
inline status write_file(const std::string& path, std::string_view content)
{
    AWQ_TRY(new_file created, new_file::create(path));
    AWQ_CHECK(created.append(std::as_bytes(std::span{content})));
    return created.finish();
}

} // namespace awq

#endif
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

/// Whether a file of a model directory holds weights, by its name: .safetensors and their index,
/// PyTorch's .bin and .pth, and GGUF, ONNX, TensorFlow, Flax and MLX files. Copied beside other
/// weights they would contradict them.
inline bool is_weight_file(std::string_view name) noexcept
{
    constexpr std::array<std::string_view, 13> suffixes{".safetensors",
                                                        ".safetensors.index.json",
                                                        ".bin.index.json",
                                                        ".pth",
                                                        ".pt",
                                                        ".gguf",
                                                        ".onnx",
                                                        ".onnx_data",
                                                        ".h5",
                                                        ".npz",
                                                        ".ckpt",
                                                        ".msgpack",
                                                        ".tflite"};
    const auto ends_with = [&](std::string_view suffix) { return name.ends_with(suffix); };
    if (std::any_of(suffixes.begin(), suffixes.end(), ends_with)) return true;
    return name.ends_with(".bin") &&
           (name.find("model") != std::string_view::npos || name.starts_with("consolidated"));
}

/// What `copy_files` did, as paths relative to the source directory, sorted.
struct copied_files {
    std::vector<std::string> copied;
    std::vector<std::string>
        skipped; ///< links that leave the directory, and what is neither file nor directory
};

/// Copies one regular file to a path at which nothing is yet.
inline status copy_file(const std::string& from, const std::string& to)
{
    AWQ_TRY(const opened_file source, open_for_reading(from));
    AWQ_TRY(new_file copy, new_file::create(to));
    std::vector<std::byte> step(std::size_t{1} << 20);
    while (true) {
        const ::ssize_t count = ::read(source.descriptor.number(), step.data(), step.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return error{error_code::file_unreadable, from, ": ", std::strerror(errno)};
        if (count == 0) return copy.finish();
        AWQ_CHECK(copy.append(std::span{step}.first(static_cast<std::size_t>(count))));
    }
}

namespace detail {

// Links may point to files in the source directory itself, and, as in the Hugging Face cache
// (snapshots/REVISION/file -> ../../blobs/HASH), to the blobs beside its snapshots.
inline bool may_follow(const std::filesystem::path& link, const std::filesystem::path& source)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::path real = fs::canonical(link, failure);
    if (failure || !fs::is_regular_file(real, failure)) return false;
    if (is_within(real.string(), source.string())) return true;
    const fs::path root = fs::canonical(source, failure);
    return root.parent_path().filename() == "snapshots" &&
           real.parent_path() == root.parent_path().parent_path() / "blobs";
}

template <class Skip>
class directory_copier {
  public:
    directory_copier(const std::filesystem::path& source, const std::filesystem::path& target,
                     const Skip& skip)
        : source_(source), target_(target), skip_(skip)
    {}

    status copy(const std::filesystem::path& relative)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        std::vector<fs::path> names;
        for (fs::directory_iterator at{source_ / relative, failure}, end; !failure && at != end;
             at.increment(failure))
            names.push_back(relative / at->path().filename());
        if (failure)
            return error{error_code::file_unreadable, (source_ / relative).string(), ": ",
                         failure.message().c_str()};
        std::sort(names.begin(), names.end());
        for (const fs::path& name : names)
            AWQ_CHECK(copy_entry(name));
        return {};
    }

    copied_files take() && { return std::move(done_); }

  private:
    status copy_entry(const std::filesystem::path& name)
    {
        namespace fs = std::filesystem;
        if (skip_(std::as_const(name).string())) return {};
        std::error_code failure;
        const fs::file_type kind = fs::symlink_status(source_ / name, failure).type();
        if (kind == fs::file_type::directory) {
            if (!fs::create_directory(target_ / name, failure) && failure)
                return error{error_code::file_unwritable, (target_ / name).string(), ": ",
                             failure.message().c_str()};
            return copy(name);
        }
        const bool wanted = kind == fs::file_type::regular ||
                            (kind == fs::file_type::symlink && may_follow(source_ / name, source_));
        (wanted ? done_.copied : done_.skipped).push_back(name.string());
        if (!wanted) return {};
        return copy_file((source_ / name).string(), (target_ / name).string());
    }

    const std::filesystem::path& source_;
    const std::filesystem::path& target_;
    const Skip& skip_;
    copied_files done_;
};

} // namespace detail

/// Copies the files of a directory, subdirectories included, into another that is there, except
/// those for which `skip(relative_path)` is true (a directory that is skipped is not entered).
/// Links are followed only to files inside of the source directory or in the Hugging Face cache
/// that it is in; never links to directories. Errors: `file_exists` if a file is there already,
/// `file_unreadable`, `file_unwritable`.
template <class Skip>
result<copied_files> copy_files(const std::string& source, const std::string& target,
                                const Skip& skip)
{
    const std::filesystem::path from{source};
    const std::filesystem::path to{target};
    detail::directory_copier<Skip> copier{from, to, skip};
    AWQ_CHECK(copier.copy({}));
    return std::move(copier).take();
}

/// Copies everything but weights (`is_weight_file`), hidden directories (".git", ".cache"):
/// config.json, tokenizer files, README, chat templates and what else is there. Paths in
/// `also_skip` are left out too.
inline result<copied_files> copy_companion_files(const std::string& source,
                                                 const std::string& target,
                                                 std::span<const std::string> also_skip = {})
{
    return copy_files(source, target, [&](const std::string& relative) {
        const std::filesystem::path path{relative};
        const std::string name = path.filename().string();
        std::error_code ignored;
        const bool hidden_directory =
            name.starts_with('.') &&
            std::filesystem::is_directory(std::filesystem::path{source} / path, ignored);
        return hidden_directory || is_weight_file(name) ||
               std::find(also_skip.begin(), also_skip.end(), relative) != also_skip.end();
    });
}

} // namespace awq

#endif
// ---- awq/io/gguf/architecture.hpp
#ifndef AWQ_IO_GGUF_ARCHITECTURE_HPP
#define AWQ_IO_GGUF_ARCHITECTURE_HPP

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string_view>

/// What llama.cpp's loaders take for granted about each architecture. Source: llama.cpp 0.5.0, by
/// loading hand-made files. All of it is data, so that a new architecture is a new row.
namespace awq::gguf {

/// The Hugging Face name of a tensor and its GGUF name, both without ".weight" or ".bias".
struct name_pair {
    std::string_view hf;
    std::string_view gguf;
};

/// Whether a file has an `output.weight` tensor of its own.
enum class output_rule : unsigned char {
    optional,  ///< written where the checkpoint has an lm_head; else the embedding is used
    required,  ///< a tied checkpoint's embedding is written twice
    forbidden, ///< never written
};

/// One GGUF architecture.
struct architecture {
    std::string_view name;                      ///< `general.architecture`
    std::span<const std::string_view> hf_names; ///< `architectures[0]` of config.json
    std::string_view hf_layer;                  ///< what stands before the layer number
    std::span<const name_pair> globals;         ///< tensors outside the layers, whole stems
    std::span<const name_pair> layers;          ///< tensors of a layer, stems after "<layer><n>."
    bool interleaves_rotary = false; ///< rows of q and k are stored as pairs (see permute.hpp)
    bool adds_one_to_norms = false;  ///< norm weights are stored as 1 + w
    bool takes_rope_freqs = false;   ///< accepts rope_freqs.weight (llama3 rope scaling)
    output_rule output = output_rule::optional;
};

namespace detail {

inline constexpr name_pair llama_globals[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
};

inline constexpr name_pair llama_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"block_sparse_moe.gate", "ffn_gate_inp"},
    {"block_sparse_moe.experts.w1", "ffn_gate_exps"}, // a checkpoint's name has the expert's number
    {"block_sparse_moe.experts.w3", "ffn_up_exps"},
    {"block_sparse_moe.experts.w2", "ffn_down_exps"},
};

inline constexpr name_pair granitemoe_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"block_sparse_moe.router.layer", "ffn_gate_inp"},
    {"block_sparse_moe.output_linear", "ffn_down_exps"}, // input_linear is split by the caller
};

inline constexpr name_pair qwen_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.experts.gate_proj", "ffn_gate_exps"},
    {"mlp.experts.up_proj", "ffn_up_exps"},
    {"mlp.experts.down_proj", "ffn_down_exps"},
    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
};

inline constexpr name_pair phi3_layers[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.o_proj", "attn_output"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_up_proj", "ffn_up"},      {"mlp.down_proj", "ffn_down"},
};

inline constexpr name_pair command_r_layers[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"}, {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"},
};

// The norms of these stand behind attention and feed-forward as well as, or instead of, before.
inline constexpr name_pair sandwich_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "post_attention_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
};

inline constexpr name_pair glm4_layers[] = {
    {"input_layernorm", "attn_norm"},         {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},           {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},      {"post_self_attn_layernorm", "post_attention_norm"},
    {"post_attention_layernorm", "ffn_norm"}, {"post_mlp_layernorm", "post_ffw_norm"},
    {"mlp.gate_up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"},
};

inline constexpr name_pair deepseek2_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.q_a_proj", "attn_q_a"},
    {"self_attn.q_a_layernorm", "attn_q_a_norm"},
    {"self_attn.q_b_proj", "attn_q_b"},
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
    {"mlp.experts.gate_proj", "ffn_gate_exps"},
    {"mlp.experts.up_proj", "ffn_up_exps"},
    {"mlp.experts.down_proj", "ffn_down_exps"},
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
};

inline constexpr name_pair bloom_globals[] = {
    {"transformer.word_embeddings", "token_embd"},
    {"transformer.word_embeddings_layernorm", "token_embd_norm"},
    {"transformer.ln_f", "output_norm"},
    {"lm_head", "output"},
};

inline constexpr name_pair bloom_layers[] = {
    {"input_layernorm", "attn_norm"},        {"self_attention.query_key_value", "attn_qkv"},
    {"self_attention.dense", "attn_output"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.dense_h_to_4h", "ffn_up"},         {"mlp.dense_4h_to_h", "ffn_down"},
};

inline constexpr std::string_view llama_hf[] = {"LlamaForCausalLM", "MistralForCausalLM",
                                                "MixtralForCausalLM"};
inline constexpr std::string_view mistral3_hf[] = {"Mistral3ForConditionalGeneration",
                                                   "Ministral3ForCausalLM"};
inline constexpr std::string_view smollm3_hf[] = {"SmolLM3ForCausalLM"};
inline constexpr std::string_view qwen2_hf[] = {"Qwen2ForCausalLM"};
inline constexpr std::string_view qwen3_hf[] = {"Qwen3ForCausalLM"};
inline constexpr std::string_view qwen2moe_hf[] = {"Qwen2MoeForCausalLM"};
inline constexpr std::string_view qwen3moe_hf[] = {"Qwen3MoeForCausalLM"};
inline constexpr std::string_view phi3_hf[] = {"Phi3ForCausalLM"};
inline constexpr std::string_view gemma2_hf[] = {"Gemma2ForCausalLM"};
inline constexpr std::string_view gemma3_hf[] = {"Gemma3ForCausalLM",
                                                 "Gemma3ForConditionalGeneration"};
inline constexpr std::string_view bloom_hf[] = {"BloomForCausalLM", "BloomModel"};
inline constexpr std::string_view command_r_hf[] = {"CohereForCausalLM"};
inline constexpr std::string_view cohere2_hf[] = {"Cohere2ForCausalLM"};
inline constexpr std::string_view deepseek2_hf[] = {"DeepseekV2ForCausalLM",
                                                    "DeepseekV3ForCausalLM"};
inline constexpr std::string_view olmo2_hf[] = {"Olmo2ForCausalLM", "Olmo3ForCausalLM"};
inline constexpr std::string_view granite_hf[] = {"GraniteForCausalLM"};
inline constexpr std::string_view granitemoe_hf[] = {"GraniteMoeForCausalLM",
                                                     "GraniteMoeSharedForCausalLM"};
inline constexpr std::string_view exaone4_hf[] = {"Exaone4ForCausalLM"};
inline constexpr std::string_view glm4_hf[] = {"Glm4ForCausalLM"};

inline constexpr std::string_view model_layers = "model.layers.";

} // namespace detail

/// Every architecture that the tables know.
inline constexpr architecture architectures[] = {
    {.name = "llama",
     .hf_names = detail::llama_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true,
     .takes_rope_freqs = true},
    {.name = "mistral3",
     .hf_names = detail::mistral3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true},
    {.name = "smollm3",
     .hf_names = detail::smollm3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true},
    {.name = "qwen2",
     .hf_names = detail::qwen2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers},
    {.name = "qwen3",
     .hf_names = detail::qwen3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers},
    {.name = "qwen2moe",
     .hf_names = detail::qwen2moe_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers,
     .output = output_rule::required},
    {.name = "qwen3moe",
     .hf_names = detail::qwen3moe_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers},
    {.name = "phi3",
     .hf_names = detail::phi3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::phi3_layers},
    {.name = "gemma2",
     .hf_names = detail::gemma2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .adds_one_to_norms = true,
     .output = output_rule::forbidden},
    {.name = "gemma3",
     .hf_names = detail::gemma3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .adds_one_to_norms = true},
    {.name = "bloom",
     .hf_names = detail::bloom_hf,
     .hf_layer = "transformer.h.",
     .globals = detail::bloom_globals,
     .layers = detail::bloom_layers},
    {.name = "command-r",
     .hf_names = detail::command_r_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::command_r_layers,
     .output = output_rule::forbidden},
    {.name = "cohere2",
     .hf_names = detail::cohere2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::command_r_layers,
     .output = output_rule::forbidden},
    {.name = "deepseek2",
     .hf_names = detail::deepseek2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::deepseek2_layers},
    {.name = "olmo2",
     .hf_names = detail::olmo2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .output = output_rule::required},
    {.name = "granite",
     .hf_names = detail::granite_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true,
     .takes_rope_freqs = true},
    {.name = "granitemoe",
     .hf_names = detail::granitemoe_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::granitemoe_layers,
     .interleaves_rotary = true},
    {.name = "exaone4",
     .hf_names = detail::exaone4_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .takes_rope_freqs = true},
    {.name = "glm4",
     .hf_names = detail::glm4_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::glm4_layers},
};

/// The architecture of a `general.architecture` value, or null.
inline const architecture* find_architecture(std::string_view gguf_name) noexcept
{
    const auto at = std::find_if(std::begin(architectures), std::end(architectures),
                                 [gguf_name](const auto& each) { return each.name == gguf_name; });
    return at == std::end(architectures) ? nullptr : at;
}

/// The architecture of a config.json's `architectures[0]`, or null.
inline const architecture* architecture_of_hf(std::string_view hf_name) noexcept
{
    const auto knows = [hf_name](const architecture& each) {
        return std::find(each.hf_names.begin(), each.hf_names.end(), hf_name) !=
               each.hf_names.end();
    };
    const auto at = std::find_if(std::begin(architectures), std::end(architectures), knows);
    return at == std::end(architectures) ? nullptr : at;
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/cursor.hpp
#ifndef AWQ_IO_GGUF_CURSOR_HPP
#define AWQ_IO_GGUF_CURSOR_HPP

// ---- awq/io/gguf/layout.hpp
#ifndef AWQ_IO_GGUF_LAYOUT_HPP
#define AWQ_IO_GGUF_LAYOUT_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

/// The parts of a GGUF file that its reader and its writer share. Source: the GGUF specification
/// (github.com/ggml-org/ggml, docs/gguf.md), and what llama.cpp 0.5.0 accepts where it is stricter.
namespace awq::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF files are read in place");

inline constexpr std::string_view magic = "GGUF";
inline constexpr std::uint32_t version = 3;
inline constexpr std::uint64_t default_alignment = 32;
inline constexpr std::string_view alignment_key = "general.alignment";

/// The largest numbers that a reader takes for real. They are far above any model's, and small
/// enough that nothing is allocated, or looped over, on the word of a damaged file.
namespace limits {
inline constexpr std::uint64_t keys = 1u << 16;
inline constexpr std::uint64_t tensors = 1u << 20;
inline constexpr std::uint64_t key_bytes = 65535;
inline constexpr std::uint64_t string_bytes = 1u << 30;
inline constexpr std::uint64_t array_elements = 1u << 30;
inline constexpr std::uint64_t tensor_name_bytes = 63;
inline constexpr std::uint64_t alignment = 1u << 20;
inline constexpr std::uint32_t dims = 4;
} // namespace limits

/// The types of metadata values; the numbers are those of the file.
enum class value_type : std::uint32_t {
    u8 = 0,
    i8 = 1,
    u16 = 2,
    i16 = 3,
    u32 = 4,
    i32 = 5,
    f32 = 6,
    boolean = 7,
    string = 8,
    array = 9,
    u64 = 10,
    i64 = 11,
    f64 = 12,
};

/// Bytes of one value in the file; 0 for strings and arrays, whose size varies, and unknown types.
constexpr std::size_t size_of(value_type type) noexcept
{
    constexpr unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    const auto index = static_cast<std::size_t>(type);
    return index < sizeof sizes ? sizes[index] : 0;
}

/// The name that llama.cpp prints: "u32", "str", "arr".
constexpr std::string_view name_of(value_type type) noexcept
{
    constexpr std::string_view names[] = {"u8",   "i8",  "u16", "i16", "u32", "i32", "f32",
                                          "bool", "str", "arr", "u64", "i64", "f64"};
    const auto index = static_cast<std::size_t>(type);
    return index < std::size(names) ? names[index] : std::string_view{"unknown"};
}

/// `size` rounded up to a multiple of `alignment`, a power of two; the sum must not overflow.
constexpr std::uint64_t padded(std::uint64_t size, std::uint64_t alignment) noexcept
{
    return (size + alignment - 1) & ~(alignment - 1);
}

/// Multiplies sizes that come from a file; false where the product exceeds 2^63 - 1.
constexpr bool multiply_sizes(std::uint64_t a, std::uint64_t b, std::uint64_t& product) noexcept
{
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (a != 0 && b > largest / a) return false;
    product = a * b;
    return true;
}

/// Bytes of a tensor: `dims` with the contiguous axis first (so dims[0] is in_features).
/// Errors: no or too many dims, an empty dim, a row that is no whole number of blocks, overflow.
inline result<std::uint64_t> tensor_bytes(type kind, std::span<const std::uint64_t> dims)
{
    if (dims.empty() || dims.size() > limits::dims)
        return error{error_code::malformed_file, "a tensor has ", dims.size(),
                     " dimensions, not 1 to 4"};
    std::uint64_t elements = 1;
    for (const std::uint64_t dim : dims) {
        if (dim == 0) return error{error_code::malformed_file, "a tensor has an empty dimension"};
        if (!multiply_sizes(elements, dim, elements))
            return error{error_code::malformed_file, "a tensor has too many elements to count"};
    }
    if (dims[0] % block_columns(kind) != 0)
        return error{error_code::malformed_file,
                     "rows of ",
                     dims[0],
                     " elements are no whole number of ",
                     name_of(kind),
                     " blocks of ",
                     block_columns(kind)};
    std::uint64_t bytes = 0;
    if (!multiply_sizes(elements / block_columns(kind), block_bytes(kind), bytes))
        return error{error_code::malformed_file, "a tensor has too many bytes to count"};
    return bytes;
}

} // namespace awq::gguf

#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace awq::gguf {

/// Takes numbers and strings off the front of bytes that nobody has checked yet. Every step that
/// would pass the end is an error.
class cursor {
  public:
    explicit cursor(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

    std::size_t offset() const noexcept { return offset_; }
    std::uint64_t remaining() const noexcept { return bytes_.size() - offset_; }

    result<std::span<const std::byte>> take_bytes(std::uint64_t count)
    {
        if (count > remaining())
            return error{error_code::malformed_file, "ends at byte ",   bytes_.size(), ", ",
                         count - remaining(),        " bytes too early"};
        const auto taken = bytes_.subspan(offset_, static_cast<std::size_t>(count));
        offset_ += taken.size();
        return taken;
    }

    template <class T>
    result<T> take()
    {
        AWQ_TRY(const auto bytes, take_bytes(sizeof(T)));
        T number;
        std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }

    /// A string of at most `limit` bytes, with its 64-bit length before it.
    result<std::string_view> take_string(std::uint64_t limit)
    {
        AWQ_TRY(const auto length, take<std::uint64_t>());
        if (length > limit)
            return error{error_code::malformed_file,
                         "has a string of ",
                         length,
                         " bytes at byte ",
                         offset_,
                         "; the limit is ",
                         limit};
        AWQ_TRY(const auto bytes, take_bytes(length));
        return std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    /// A number of things, at most `limit`.
    result<std::uint64_t> take_count(std::uint64_t limit, std::string_view what)
    {
        AWQ_TRY(const auto count, take<std::uint64_t>());
        if (count > limit)
            return error{error_code::malformed_file, "announces ", count, " ", what,
                         "; the limit is ",          limit};
        return count;
    }

    /// Refuses a count of things that take at least `smallest` bytes each and cannot all be there,
    /// before anything is allocated for them.
    status expect_room(std::uint64_t count, std::uint64_t smallest, std::string_view what) const
    {
        if (smallest == 0 || count <= remaining() / smallest) return {};
        return error{error_code::malformed_file,
                     "announces ",
                     count,
                     " ",
                     what,
                     " but ends ",
                     remaining(),
                     " bytes later"};
    }

  private:
    std::span<const std::byte> bytes_;
    std::size_t offset_ = 0;
};

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/file_type.hpp
#ifndef AWQ_IO_GGUF_FILE_TYPE_HPP
#define AWQ_IO_GGUF_FILE_TYPE_HPP

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace awq::gguf {

/// What a file is called by its users ("Q4_K_M"): a mix of tensor types. The numbers are those of
/// `general.file_type`. Source: llama.cpp's llama_ftype.
enum class file_type : std::uint32_t {
    f32 = 0,
    f16 = 1,
    q4_0 = 2,
    q4_1 = 3,
    q8_0 = 7,
    q5_0 = 8,
    q5_1 = 9,
    q2_k = 10,
    q3_k_s = 11,
    q3_k_m = 12,
    q3_k_l = 13,
    q4_k_s = 14,
    q4_k_m = 15,
    q5_k_s = 16,
    q5_k_m = 17,
    q6_k = 18,
    iq4_nl = 25,
    bf16 = 32,
};

namespace detail {

struct file_type_row {
    file_type number;
    std::string_view name;
    type base; ///< what a tensor without a rule of its own becomes
};

inline constexpr file_type_row file_types[] = {
    {file_type::f32, "F32", type::f32},        {file_type::f16, "F16", type::f16},
    {file_type::bf16, "BF16", type::bf16},     {file_type::q8_0, "Q8_0", type::q8_0},
    {file_type::q4_0, "Q4_0", type::q4_0},     {file_type::q4_1, "Q4_1", type::q4_1},
    {file_type::q5_0, "Q5_0", type::q5_0},     {file_type::q5_1, "Q5_1", type::q5_1},
    {file_type::q2_k, "Q2_K", type::q2_k},     {file_type::q3_k_s, "Q3_K_S", type::q3_k},
    {file_type::q3_k_m, "Q3_K_M", type::q3_k}, {file_type::q3_k_l, "Q3_K_L", type::q3_k},
    {file_type::q4_k_s, "Q4_K_S", type::q4_k}, {file_type::q4_k_m, "Q4_K_M", type::q4_k},
    {file_type::q5_k_s, "Q5_K_S", type::q5_k}, {file_type::q5_k_m, "Q5_K_M", type::q5_k},
    {file_type::q6_k, "Q6_K", type::q6_k},     {file_type::iq4_nl, "IQ4_NL", type::iq4_nl},
};

} // namespace detail

/// The name in upper case, as in file names: "Q4_K_M"; empty for a number that is none of ours.
constexpr std::string_view name_of(file_type kind) noexcept
{
    for (const auto& row : detail::file_types)
        if (row.number == kind) return row.name;
    return {};
}

/// The tensor type that the mix is built on: Q4_K for Q4_K_M.
constexpr type base_type(file_type kind) noexcept
{
    for (const auto& row : detail::file_types)
        if (row.number == kind) return row.base;
    return type::f32;
}

/// Reads "q4_k_m" in any case; as llama-quantize does, "q3_k", "q4_k", "q5_k" mean the _M mixes.
inline result<file_type> parse_file_type(std::string_view text) noexcept
{
    for (const auto& row : detail::file_types)
        if (detail::same_word(row.name, text)) return row.number;
    for (const file_type mix : {file_type::q3_k_m, file_type::q4_k_m, file_type::q5_k_m})
        if (detail::same_word(name_of(base_type(mix)), text)) return mix;
    return error{error_code::invalid_argument, "unknown GGUF file type \"", text,
                 "\"; use one of F32 F16 BF16 Q8_0 Q6_K Q5_K_M Q5_K_S Q5_1 Q5_0 Q4_K_M Q4_K_S Q4_1 "
                 "Q4_0 IQ4_NL Q3_K_L Q3_K_M Q3_K_S Q2_K"};
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/hyperparameters.hpp
#ifndef AWQ_IO_GGUF_HYPERPARAMETERS_HPP
#define AWQ_IO_GGUF_HYPERPARAMETERS_HPP

// ---- awq/io/gguf/key_values.hpp
#ifndef AWQ_IO_GGUF_KEY_VALUES_HPP
#define AWQ_IO_GGUF_KEY_VALUES_HPP

// ---- awq/io/gguf/value.hpp
#ifndef AWQ_IO_GGUF_VALUE_HPP
#define AWQ_IO_GGUF_VALUE_HPP

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace awq::gguf {

/// The value type of a C++ type.
template <class T>
constexpr value_type value_type_of() noexcept
{
    if constexpr (std::same_as<T, bool>)
        return value_type::boolean;
    else if constexpr (std::same_as<T, float>)
        return value_type::f32;
    else if constexpr (std::same_as<T, double>)
        return value_type::f64;
    else if constexpr (std::is_signed_v<T>)
        return sizeof(T) == 1   ? value_type::i8
               : sizeof(T) == 2 ? value_type::i16
               : sizeof(T) == 4 ? value_type::i32
                                : value_type::i64;
    else
        return sizeof(T) == 1   ? value_type::u8
               : sizeof(T) == 2 ? value_type::u16
               : sizeof(T) == 4 ? value_type::u32
                                : value_type::u64;
}

/// One metadata value that lies in somebody else's memory, usually the mapped file. The reader has
/// checked its bounds; numbers and strings are decoded when asked for.
class value_view {
  public:
    constexpr value_view() = default;
    /// `bytes`: for a number its bytes, for a string its characters, for an array its elements as
    /// they lie in the file (each string with its length before it). `count`: elements of an array.
    constexpr value_view(value_type type, value_type element_type, std::uint64_t count,
                         std::span<const std::byte> bytes) noexcept
        : type_(type), element_type_(element_type), count_(count), bytes_(bytes)
    {}

    constexpr value_type type() const noexcept { return type_; }
    constexpr bool is_array() const noexcept { return type_ == value_type::array; }
    /// For an array the type of its elements, else the type itself.
    constexpr value_type element_type() const noexcept { return element_type_; }
    /// Elements of an array, 1 for anything else.
    constexpr std::uint64_t size() const noexcept { return count_; }
    constexpr std::span<const std::byte> bytes() const noexcept { return bytes_; }

    /// Any integer or bool of the file, if T can hold it.
    template <std::integral T>
    requires(!std::same_as<T, bool>) result<T> as_integer()
    const
    {
        if (is_array()) return wrong("an integer");
        return number_at<T>(0);
    }

    /// Any number of the file.
    result<double> as_real() const
    {
        if (is_array()) return wrong("a number");
        return number_at<double>(0);
    }

    result<bool> as_bool() const
    {
        if (type_ != value_type::boolean) return wrong("a bool");
        return bytes_[0] != std::byte{0};
    }

    result<std::string_view> as_string() const
    {
        if (type_ != value_type::string) return wrong("a string");
        return text_of(bytes_);
    }

    /// The numbers of an array, converted to T; one that T cannot hold is an error.
    template <class T>
    result<std::vector<T>> as_numbers() const
    {
        if (!is_array()) return wrong("an array of numbers");
        std::vector<T> numbers(static_cast<std::size_t>(count_));
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            AWQ_TRY(numbers[i], number_at<T>(i));
        }
        return numbers;
    }

    /// The strings of an array; they point into the file and may hold any bytes.
    result<std::vector<std::string_view>> as_strings() const
    {
        if (!is_array() || element_type_ != value_type::string) return wrong("an array of strings");
        std::vector<std::string_view> strings;
        strings.reserve(static_cast<std::size_t>(count_));
        for (std::size_t at = 0; strings.size() < count_;) {
            const auto length = static_cast<std::size_t>(load<std::uint64_t>(at));
            strings.push_back(text_of(bytes_.subspan(at + sizeof(std::uint64_t), length)));
            at += sizeof(std::uint64_t) + length;
        }
        return strings;
    }

  private:
    static std::string_view text_of(std::span<const std::byte> bytes) noexcept
    {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    error wrong(std::string_view wanted) const
    {
        return error{error_code::malformed_file,
                     "is ",
                     name_of(type_),
                     is_array() ? " of " : "",
                     is_array() ? name_of(element_type_) : std::string_view{},
                     ", not ",
                     wanted};
    }

    template <class T>
    T load(std::size_t offset) const noexcept
    {
        T number;
        std::memcpy(&number, bytes_.data() + offset, sizeof number);
        return number;
    }

    template <class T, class Stored>
    result<T> convert(std::size_t index) const
    {
        const Stored stored = load<Stored>(index * sizeof(Stored));
        if constexpr (std::floating_point<T>) {
            return static_cast<T>(stored);
        } else if constexpr (std::floating_point<Stored>) {
            return wrong("an integer");
        } else {
            if (!std::in_range<T>(stored))
                return error{error_code::malformed_file, "is ", stored, ", out of range"};
            return static_cast<T>(stored);
        }
    }

    template <class T>
    result<T> number_at(std::size_t index) const
    {
        switch (element_type_) {
        case value_type::u8:
        case value_type::boolean:
            return convert<T, std::uint8_t>(index);
        case value_type::i8:
            return convert<T, std::int8_t>(index);
        case value_type::u16:
            return convert<T, std::uint16_t>(index);
        case value_type::i16:
            return convert<T, std::int16_t>(index);
        case value_type::u32:
            return convert<T, std::uint32_t>(index);
        case value_type::i32:
            return convert<T, std::int32_t>(index);
        case value_type::u64:
            return convert<T, std::uint64_t>(index);
        case value_type::i64:
            return convert<T, std::int64_t>(index);
        case value_type::f32:
            return convert<T, float>(index);
        case value_type::f64:
            return convert<T, double>(index);
        default:
            return wrong("a number");
        }
    }

    value_type type_ = value_type::u8;
    value_type element_type_ = value_type::u8;
    std::uint64_t count_ = 1;
    std::span<const std::byte> bytes_;
};

/// One metadata value that owns its bytes, already in the form of the file.
class value {
  public:
    /// A number or a bool; its C++ type is the type in the file (llama.cpp insists on u32 for
    /// counts, lengths and ids, and on f32 for reals).
    template <class T>
    requires std::integral<T> || std::floating_point<T>
    explicit value(T number) : type_(value_type_of<T>()), element_type_(type_) { append(number); }

    explicit value(std::string_view text) : type_(value_type::string), element_type_(type_)
    {
        append_text(text);
    }
    explicit value(const char* text) : value(std::string_view{text}) {}
    explicit value(const std::string& text) : value(std::string_view{text}) {}

    template <class T>
    requires std::integral<T> || std::floating_point<T>
    explicit value(const std::vector<T>& numbers)
        : type_(value_type::array), element_type_(value_type_of<T>()), count_(numbers.size())
    {
        for (const T number : numbers)
            append(number);
    }

    explicit value(const std::vector<std::string>& strings) { assign(strings); }
    explicit value(const std::vector<std::string_view>& strings) { assign(strings); }

    /// A copy, as when the metadata of one file goes into another.
    explicit value(const value_view& other)
        : type_(other.type()), element_type_(other.element_type()), count_(other.size()),
          bytes_(other.bytes().begin(), other.bytes().end())
    {}

    value_type type() const noexcept { return type_; }
    value_view view() const noexcept { return {type_, element_type_, count_, bytes_}; }

  private:
    template <class T>
    void append(T number)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(&number);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof number);
    }

    void append_text(std::string_view text)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
        bytes_.insert(bytes_.end(), bytes, bytes + text.size());
    }

    template <class Strings>
    void assign(const Strings& strings)
    {
        type_ = value_type::array;
        element_type_ = value_type::string;
        count_ = strings.size();
        for (const std::string_view text : strings) {
            append(static_cast<std::uint64_t>(text.size()));
            append_text(text);
        }
    }

    value_type type_ = value_type::u8;
    value_type element_type_ = value_type::u8;
    std::uint64_t count_ = 1;
    std::vector<std::byte> bytes_;
};

} // namespace awq::gguf

#endif

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::gguf {

/// The metadata of a file to be written: keys in the order in which they were first set.
class key_values {
  public:
    struct entry {
        std::string key;
        gguf::value value;
    };

    /// Adds the key, or replaces its value in place.
    template <class T>
    void set(std::string_view key, const T& content)
    {
        set(key, value{content});
    }
    void set(std::string_view key, value content)
    {
        if (entry* old = find_entry(key))
            old->value = std::move(content);
        else
            entries_.push_back({std::string{key}, std::move(content)});
    }

    /// The value of the key, or null.
    const value* find(std::string_view key) const noexcept
    {
        const auto at = std::find_if(entries_.begin(), entries_.end(),
                                     [key](const entry& each) { return each.key == key; });
        return at == entries_.end() ? nullptr : &at->value;
    }

    void erase(std::string_view key)
    {
        std::erase_if(entries_, [key](const entry& each) { return each.key == key; });
    }

    const std::vector<entry>& entries() const noexcept { return entries_; }

  private:
    entry* find_entry(std::string_view key) noexcept
    {
        const auto at = std::find_if(entries_.begin(), entries_.end(),
                                     [key](const entry& each) { return each.key == key; });
        return at == entries_.end() ? nullptr : &*at;
    }

    std::vector<entry> entries_;
};

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/reader.hpp
#ifndef AWQ_IO_GGUF_READER_HPP
#define AWQ_IO_GGUF_READER_HPP

// ---- awq/io/mapped_file.hpp
#ifndef AWQ_IO_MAPPED_FILE_HPP
#define AWQ_IO_MAPPED_FILE_HPP

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace awq {

/// A file mapped into memory, read-only. Pages come in when they are read and can be let go again,
/// so a checkpoint that is larger than the memory can be walked through. Another process that
/// shortens the file meanwhile makes reads fail with a signal; that cannot be caught here.
class mapped_file {
  public:
    /// Maps a regular file; an empty one has empty `bytes()`. Errors: `file_not_found`,
    /// `file_unreadable` (also for a directory or a device), `out_of_memory` if the address space
    /// is too small for it.
    static result<mapped_file> open(const std::string& path)
    {
        AWQ_TRY(const opened_file file, open_for_reading(path));
        if (file.size > SIZE_MAX)
            return error{error_code::out_of_memory, path, ": too large to map into memory"};
        mapped_file mapped{path, static_cast<std::size_t>(file.size)};
        if (mapped.size_ == 0) return mapped;
        void* const address =
            ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.descriptor.number(), 0);
        if (address == MAP_FAILED)
            return error{errno == ENOMEM ? error_code::out_of_memory : error_code::file_unreadable,
                         path, ": cannot map into memory: ", std::strerror(errno)};
        mapped.address_ = address;
        return mapped;
    }

    mapped_file() = default;
    mapped_file(mapped_file&& other) noexcept
        : path_(std::move(other.path_)), address_(std::exchange(other.address_, nullptr)),
          size_(std::exchange(other.size_, 0))
    {}
    mapped_file& operator=(mapped_file&& other) noexcept
    {
        std::swap(path_, other.path_);
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~mapped_file()
    {
        if (address_ != nullptr) ::munmap(address_, size_);
    }

    const std::string& path() const noexcept { return path_; }
    std::span<const std::byte> bytes() const noexcept
    {
        return {static_cast<const std::byte*>(address_), address_ != nullptr ? size_ : 0};
    }

    /// Tells the system that these bytes (a part of `bytes()`) are read soon.
    void prefetch(std::span<const std::byte> part) const noexcept { advise(part, MADV_WILLNEED); }

    /// Lets the pages that lie wholly in these bytes go; reading them again brings them back from
    /// the file.
    void release(std::span<const std::byte> part) const noexcept { advise(part, MADV_DONTNEED); }

  private:
    mapped_file(const std::string& path, std::size_t size) : path_(path), size_(size) {}

    // Whole pages inside of `part` only: a neighbour that shares a page keeps it.
    void advise(std::span<const std::byte> part, int advice) const noexcept
    {
        if (address_ == nullptr || part.empty()) return;
        const auto base = reinterpret_cast<std::uintptr_t>(address_);
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
        const std::uintptr_t end = begin + part.size();
        if (begin < base || end > base + size_) return;
        const std::uintptr_t first = (begin + page - 1) / page * page;
        const std::uintptr_t last = end == base + size_ ? end : end / page * page;
        if (first < last)
            static_cast<void>(::madvise(reinterpret_cast<void*>(first), last - first, advice));
    }

    std::string path_;
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace awq

#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::gguf {

/// A tensor of an open file; everything points into the file.
struct tensor_info {
    std::string_view name;
    gguf::type type = type::f32;
    std::array<std::uint64_t, limits::dims> extents{1, 1, 1, 1};
    std::uint32_t dim_count = 1;
    std::uint64_t offset = 0; ///< from the start of the data section
    std::span<const std::byte> bytes;

    /// The contiguous axis first: {in_features, out_features} for a linear layer.
    std::span<const std::uint64_t> dims() const noexcept { return {extents.data(), dim_count}; }
    std::size_t in_features() const noexcept { return static_cast<std::size_t>(extents[0]); }
    /// Rows of all matrices together: the product of all dims but the first.
    std::size_t rows() const noexcept
    {
        return static_cast<std::size_t>(extents[1] * extents[2] * extents[3]);
    }
};

/// A GGUF file (version 2 or 3), mapped into memory and checked: every name, value and tensor lies
/// inside the file, names are unique, tensors follow each other without gap or overlap, as
/// llama.cpp requires. The values of arrays and tensors stay where they are until they are read.
class file {
  public:
    struct entry {
        std::string_view key;
        value_view value;
    };

    /// Errors: those of mapped_file; `malformed_file`; `unsupported` for version 1, big-endian
    /// files and tensor types that this library does not know.
    static result<file> open(const std::string& path)
    {
        AWQ_TRY(auto mapping, mapped_file::open(path));
        AWQ_TRY(auto opened, parse(mapping.bytes(), path));
        opened.mapping_ = std::move(mapping);
        return opened;
    }

    /// The same for bytes that somebody else owns and keeps alive.
    static result<file> parse(std::span<const std::byte> bytes,
                              std::string_view where = "GGUF file")
    {
        file parsed;
        parsed.path_ = where;
        if (const auto done = parsed.parse_all(bytes); !done) return done.error().within(where);
        return parsed;
    }

    const std::string& path() const noexcept { return path_; }
    std::uint32_t version() const noexcept { return version_; }
    std::uint64_t alignment() const noexcept { return alignment_; }
    std::span<const entry> metadata() const noexcept { return entries_; }
    std::span<const tensor_info> tensors() const noexcept { return tensors_; }

    /// The value of a key, or null.
    const value_view* find(std::string_view key) const noexcept
    {
        const std::size_t at =
            find_in(key_order_, key, [this](std::size_t i) { return entries_[i].key; });
        return at < entries_.size() ? &entries_[at].value : nullptr;
    }

    /// The tensor of that name, or null.
    const tensor_info* find_tensor(std::string_view name) const noexcept
    {
        const std::size_t at =
            find_in(tensor_order_, name, [this](std::size_t i) { return tensors_[i].name; });
        return at < tensors_.size() ? &tensors_[at] : nullptr;
    }

    /// The tensor of that name; `missing_tensor` where there is none.
    result<tensor_info> tensor(std::string_view name) const
    {
        if (const tensor_info* found = find_tensor(name)) return *found;
        return error{error_code::missing_tensor, path_, ": has no tensor \"", name, "\""};
    }

    /// Lets the memory of a tensor go until it is read again.
    void release(const tensor_info& tensor) const noexcept { mapping_.release(tensor.bytes); }

  private:
    // Bytes that even the smallest record takes.
    static constexpr std::uint64_t smallest_entry = 8 + 1 + 4 + 1;
    static constexpr std::uint64_t smallest_tensor = 8 + 1 + 4 + 8 + 4 + 8;

    status parse_all(std::span<const std::byte> bytes)
    {
        cursor at{bytes};
        AWQ_CHECK(parse_magic(at));
        AWQ_TRY(const auto tensor_count, at.take_count(limits::tensors, "tensors"));
        AWQ_TRY(const auto key_count, at.take_count(limits::keys, "keys"));
        AWQ_CHECK(at.expect_room(key_count, smallest_entry, "keys"));
        AWQ_CHECK(parse_entries(at, key_count));
        AWQ_CHECK(parse_alignment());
        AWQ_CHECK(at.expect_room(tensor_count, smallest_tensor, "tensors"));
        AWQ_CHECK(parse_tensors(at, tensor_count));
        return place_tensors(bytes, at.offset());
    }

    status parse_magic(cursor& at)
    {
        AWQ_TRY(const auto start, at.take_bytes(magic.size()));
        if (std::memcmp(start.data(), magic.data(), magic.size()) != 0)
            return error{error_code::malformed_file,
                         "is no GGUF file (it does not start with \"GGUF\")"};
        AWQ_TRY(version_, at.take<std::uint32_t>());
        if (version_ == 2 || version_ == 3) return {};
        if (version_ != 0 && (version_ & 0xFFFFu) == 0)
            return error{error_code::unsupported, "is a big-endian GGUF file; convert it on a "
                                                  "little-endian machine"};
        return error{error_code::unsupported, "is a GGUF file of version ", version_,
                     "; versions 2 and 3 can be read"};
    }

    status parse_entries(cursor& at, std::uint64_t count)
    {
        entries_.reserve(static_cast<std::size_t>(count));
        while (entries_.size() < count) {
            AWQ_TRY(const auto key, at.take_string(limits::key_bytes));
            if (key.empty())
                return error{error_code::malformed_file, "metadata key ", entries_.size(),
                             " is empty"};
            const auto content = parse_value(at);
            if (!content) return content.error().within(quoted("key", key));
            entries_.push_back({key, *content});
        }
        return sort_names(key_order_, entries_.size(), "key",
                          [this](std::size_t i) { return entries_[i].key; });
    }

    static std::string quoted(std::string_view what, std::string_view name)
    {
        return std::string{what} + " \"" + printable(name) + "\"";
    }

    static result<value_view> parse_value(cursor& at)
    {
        AWQ_TRY(const auto type, take_type(at));
        if (type == value_type::array) return parse_array(at);
        if (type == value_type::string) {
            AWQ_TRY(const auto text, at.take_string(limits::string_bytes));
            return value_view{type, type, 1, std::as_bytes(std::span{text.data(), text.size()})};
        }
        AWQ_TRY(const auto bytes, at.take_bytes(size_of(type)));
        return value_view{type, type, 1, bytes};
    }

    static result<value_type> take_type(cursor& at)
    {
        AWQ_TRY(const auto number, at.take<std::uint32_t>());
        if (number > static_cast<std::uint32_t>(value_type::f64))
            return error{error_code::malformed_file, "has the unknown value type ", number};
        return static_cast<value_type>(number);
    }

    static result<value_view> parse_array(cursor& at)
    {
        AWQ_TRY(const auto element, take_type(at));
        if (element == value_type::array)
            return error{error_code::malformed_file, "is an array of arrays"};
        AWQ_TRY(const auto count, at.take_count(limits::array_elements, "array elements"));
        if (element == value_type::string) return parse_strings(at, count);
        AWQ_CHECK(at.expect_room(count, size_of(element), "array elements"));
        AWQ_TRY(const auto bytes, at.take_bytes(count * size_of(element)));
        return value_view{value_type::array, element, count, bytes};
    }

    // Steps over the strings once, so that reading them later cannot fail.
    static result<value_view> parse_strings(cursor& at, std::uint64_t count)
    {
        AWQ_CHECK(at.expect_room(count, sizeof(std::uint64_t), "strings"));
        cursor end = at;
        for (std::uint64_t i = 0; i < count; ++i) {
            AWQ_CHECK(end.take_string(limits::string_bytes));
        }
        AWQ_TRY(const auto bytes, at.take_bytes(end.offset() - at.offset()));
        return value_view{value_type::array, value_type::string, count, bytes};
    }

    status parse_alignment()
    {
        const value_view* found = find(alignment_key);
        if (found == nullptr) return {};
        if (found->type() != value_type::u32)
            return error{error_code::malformed_file, alignment_key, " is ", name_of(found->type()),
                         ", not u32"};
        AWQ_TRY(alignment_, found->as_integer<std::uint64_t>());
        if (!std::has_single_bit(alignment_) || alignment_ > limits::alignment)
            return error{error_code::malformed_file,    alignment_key,    " is ", alignment_,
                         ", not a power of two up to ", limits::alignment};
        return {};
    }

    status parse_tensors(cursor& at, std::uint64_t count)
    {
        tensors_.reserve(static_cast<std::size_t>(count));
        while (tensors_.size() < count) {
            AWQ_TRY(const auto name, at.take_string(limits::tensor_name_bytes));
            if (name.empty())
                return error{error_code::malformed_file, "tensor ", tensors_.size(),
                             " has no name"};
            auto tensor = parse_tensor(at, name);
            if (!tensor) return tensor.error().within(quoted("tensor", name));
            tensors_.push_back(*tensor);
        }
        return sort_names(tensor_order_, tensors_.size(), "tensor",
                          [this](std::size_t i) { return tensors_[i].name; });
    }

    static result<tensor_info> parse_tensor(cursor& at, std::string_view name)
    {
        tensor_info tensor;
        tensor.name = name;
        AWQ_TRY(tensor.dim_count, at.take<std::uint32_t>());
        if (tensor.dim_count == 0 || tensor.dim_count > limits::dims)
            return error{error_code::malformed_file, "has ", tensor.dim_count,
                         " dimensions, not 1 to ", limits::dims};
        for (std::uint32_t i = 0; i < tensor.dim_count; ++i) {
            AWQ_TRY(tensor.extents[i], at.take<std::uint64_t>());
        }
        AWQ_TRY(const auto id, at.take<std::uint32_t>());
        const auto known = type_from_id(id);
        if (!known)
            return error{error_code::unsupported, "has type number ", id,
                         ", which this library cannot read"};
        tensor.type = *known;
        AWQ_TRY(tensor.offset, at.take<std::uint64_t>());
        return tensor;
    }

    status place_tensors(std::span<const std::byte> bytes, std::uint64_t header_end)
    {
        const std::uint64_t start = padded(header_end, alignment_);
        std::uint64_t expected = 0;
        for (tensor_info& tensor : tensors_) {
            const auto size = tensor_bytes(tensor.type, tensor.dims());
            if (!size) return size.error().within(quoted("tensor", tensor.name));
            if (tensor.offset != expected)
                return error{error_code::malformed_file,
                             quoted("tensor", tensor.name),
                             ": lies at offset ",
                             tensor.offset,
                             ", not at ",
                             expected,
                             " where the tensors before it end"};
            if (start > bytes.size() || tensor.offset > bytes.size() - start ||
                *size > bytes.size() - start - tensor.offset)
                return error{error_code::malformed_file,
                             quoted("tensor", tensor.name),
                             ": its ",
                             *size,
                             " bytes pass the end of the file (",
                             bytes.size(),
                             " bytes)"};
            tensor.bytes = bytes.subspan(static_cast<std::size_t>(start + tensor.offset),
                                         static_cast<std::size_t>(*size));
            expected = tensor.offset + padded(*size, alignment_);
        }
        return {};
    }

    template <class NameOf>
    status sort_names(std::vector<std::size_t>& order, std::size_t count, std::string_view what,
                      NameOf name_of_index)
    {
        order.resize(count);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return name_of_index(a) < name_of_index(b);
        });
        const auto twice =
            std::adjacent_find(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
                return name_of_index(a) == name_of_index(b);
            });
        if (twice == order.end()) return {};
        return error{error_code::malformed_file, "has the ", quoted(what, name_of_index(*twice)),
                     " twice"};
    }

    // The index of the name, or one past any.
    template <class NameOf>
    static std::size_t find_in(const std::vector<std::size_t>& order, std::string_view name,
                               NameOf name_of_index) noexcept
    {
        const auto at = std::lower_bound(
            order.begin(), order.end(), name,
            [&](std::size_t i, std::string_view wanted) { return name_of_index(i) < wanted; });
        return at != order.end() && name_of_index(*at) == name ? *at : static_cast<std::size_t>(-1);
    }

    std::string path_;
    mapped_file mapping_;
    std::uint32_t version_ = 0;
    std::uint64_t alignment_ = default_alignment;
    std::vector<entry> entries_;
    std::vector<tensor_info> tensors_;
    std::vector<std::size_t> key_order_;
    std::vector<std::size_t> tensor_order_;
};

} // namespace awq::gguf

#endif

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq::gguf {

/// What llama.cpp wants to know about a model's shape and arithmetic, one field for each key. A
/// field that is not set is not written. Which ones an architecture needs stands in section
/// "general" of llama.cpp's loaders; the first eight of them are needed by nearly all.
struct hyperparameters {
    std::string architecture; ///< "llama"; goes before every key

    std::optional<std::uint32_t> block_count;
    std::optional<std::uint32_t> context_length;
    std::optional<std::uint32_t> embedding_length;
    std::optional<std::uint32_t> feed_forward_length;
    std::optional<std::uint32_t> head_count;
    std::optional<std::uint32_t> head_count_kv;
    std::optional<float> rope_freq_base;
    std::optional<float> rope_freq_base_swa;
    std::optional<float> rms_epsilon;
    std::optional<float> layer_norm_epsilon;
    std::optional<std::uint32_t> key_length;
    std::optional<std::uint32_t> value_length;
    std::optional<std::uint32_t> vocab_size;
    std::optional<std::uint32_t> rope_dimension_count;

    std::optional<std::string> rope_scaling_type; ///< linear, yarn, longrope, none; not llama3
    std::optional<float> rope_scaling_factor;
    std::optional<std::uint32_t> rope_original_context_length;
    std::optional<float> rope_attention_factor;
    std::optional<float> yarn_extrapolation_factor;
    std::optional<float> yarn_attention_factor;
    std::optional<float> yarn_beta_fast;
    std::optional<float> yarn_beta_slow;
    std::optional<float> yarn_log_multiplier;

    std::optional<std::uint32_t> expert_count;
    std::optional<std::uint32_t> expert_used_count;
    std::optional<std::uint32_t> expert_shared_count;
    std::optional<std::uint32_t> expert_group_count;
    std::optional<std::uint32_t> expert_group_used_count;
    std::optional<std::uint32_t> expert_gating_function; ///< 1 softmax, 2 sigmoid
    std::optional<std::uint32_t> expert_feed_forward_length;
    std::optional<std::uint32_t> expert_shared_feed_forward_length;
    std::optional<float> expert_weights_scale;
    std::optional<bool> expert_weights_norm;
    std::optional<std::uint32_t> leading_dense_block_count;

    std::optional<std::uint32_t> sliding_window;
    std::optional<std::vector<bool>> sliding_window_pattern; ///< true: the layer has the window
    std::optional<float> attention_softcap;
    std::optional<float> final_logit_softcap;
    std::optional<float> attention_scale;
    std::optional<float> embedding_scale;
    std::optional<float> residual_scale;
    std::optional<float> logit_scale;

    std::optional<std::uint32_t> q_lora_rank;
    std::optional<std::uint32_t> kv_lora_rank;
    std::optional<std::uint32_t> key_length_mla;
    std::optional<std::uint32_t> value_length_mla;
};

namespace detail {

/// Calls visit(key without the architecture, field) for every field, in the order of the file.
template <class Facts, class Visit>
void for_each_field(Facts& facts, Visit visit)
{
    visit("block_count", facts.block_count);
    visit("context_length", facts.context_length);
    visit("embedding_length", facts.embedding_length);
    visit("feed_forward_length", facts.feed_forward_length);
    visit("attention.head_count", facts.head_count);
    visit("attention.head_count_kv", facts.head_count_kv);
    visit("rope.freq_base", facts.rope_freq_base);
    visit("rope.freq_base_swa", facts.rope_freq_base_swa);
    visit("attention.layer_norm_rms_epsilon", facts.rms_epsilon);
    visit("attention.layer_norm_epsilon", facts.layer_norm_epsilon);
    visit("attention.key_length", facts.key_length);
    visit("attention.value_length", facts.value_length);
    visit("vocab_size", facts.vocab_size);
    visit("rope.dimension_count", facts.rope_dimension_count);
    visit("rope.scaling.type", facts.rope_scaling_type);
    visit("rope.scaling.factor", facts.rope_scaling_factor);
    visit("rope.scaling.original_context_length", facts.rope_original_context_length);
    visit("rope.scaling.attn_factor", facts.rope_attention_factor);
    visit("rope.scaling.yarn_ext_factor", facts.yarn_extrapolation_factor);
    visit("rope.scaling.yarn_attn_factor", facts.yarn_attention_factor);
    visit("rope.scaling.yarn_beta_fast", facts.yarn_beta_fast);
    visit("rope.scaling.yarn_beta_slow", facts.yarn_beta_slow);
    visit("rope.scaling.yarn_log_multiplier", facts.yarn_log_multiplier);
    visit("expert_count", facts.expert_count);
    visit("expert_used_count", facts.expert_used_count);
    visit("expert_shared_count", facts.expert_shared_count);
    visit("expert_group_count", facts.expert_group_count);
    visit("expert_group_used_count", facts.expert_group_used_count);
    visit("expert_gating_func", facts.expert_gating_function);
    visit("expert_feed_forward_length", facts.expert_feed_forward_length);
    visit("expert_shared_feed_forward_length", facts.expert_shared_feed_forward_length);
    visit("expert_weights_scale", facts.expert_weights_scale);
    visit("expert_weights_norm", facts.expert_weights_norm);
    visit("leading_dense_block_count", facts.leading_dense_block_count);
    visit("attention.sliding_window", facts.sliding_window);
    visit("attention.sliding_window_pattern", facts.sliding_window_pattern);
    visit("attn_logit_softcapping", facts.attention_softcap);
    visit("final_logit_softcapping", facts.final_logit_softcap);
    visit("attention.scale", facts.attention_scale);
    visit("embedding_scale", facts.embedding_scale);
    visit("residual_scale", facts.residual_scale);
    visit("logit_scale", facts.logit_scale);
    visit("attention.q_lora_rank", facts.q_lora_rank);
    visit("attention.kv_lora_rank", facts.kv_lora_rank);
    visit("attention.key_length_mla", facts.key_length_mla);
    visit("attention.value_length_mla", facts.value_length_mla);
}

inline status read_value(const value_view& content, std::uint32_t& number)
{
    AWQ_TRY(number, content.as_integer<std::uint32_t>());
    return {};
}
inline status read_value(const value_view& content, float& number)
{
    AWQ_TRY(const double real, content.as_real());
    number = static_cast<float>(real);
    return {};
}
inline status read_value(const value_view& content, bool& flag)
{
    AWQ_TRY(flag, content.as_bool());
    return {};
}
inline status read_value(const value_view& content, std::string& text)
{
    AWQ_TRY(const auto view, content.as_string());
    text = view;
    return {};
}
inline status read_value(const value_view& content, std::vector<bool>& flags)
{
    AWQ_TRY(const auto numbers, content.as_numbers<std::uint32_t>());
    flags.assign(numbers.begin(), numbers.end());
    return {};
}

/// The value of an optional key; it is an error only if it is there and of another kind.
template <class T>
status read_optional(const file& from, std::string_view key, std::optional<T>& field)
{
    const value_view* content = from.find(key);
    if (content == nullptr) return {};
    T value{};
    if (const auto read = read_value(*content, value); !read)
        return read.error().within(key).within(from.path());
    field = std::move(value);
    return {};
}

// A sliding-window pattern may also be a period: every period-th layer has no window.
inline status expand_period(const file& from, hyperparameters& facts)
{
    const std::string key = facts.architecture + ".attention.sliding_window_pattern";
    const value_view* content = from.find(key);
    if (content == nullptr || content->is_array()) return {};
    AWQ_TRY(const auto period, content->as_integer<std::uint32_t>());
    if (period == 0) return error{error_code::malformed_file, from.path(), ": ", key, " is 0"};
    std::vector<bool> pattern(facts.block_count.value_or(0));
    for (std::size_t i = 0; i < pattern.size(); ++i)
        pattern[i] = i % period != period - 1;
    facts.sliding_window_pattern = std::move(pattern);
    return {};
}

inline status check_counts(const file& from, const hyperparameters& facts)
{
    const auto in_range = [](const auto& field, std::uint32_t limit) {
        return field && *field > 0 && *field <= limit;
    };
    if (!in_range(facts.block_count, 1u << 14) || !in_range(facts.embedding_length, 1u << 24) ||
        !in_range(facts.context_length, 1u << 31))
        return error{
            error_code::missing_field, from.path(), ": ", facts.architecture,
            ".block_count, .embedding_length and .context_length must be given and sensible"};
    if (facts.head_count && (*facts.head_count == 0 || *facts.head_count > 1u << 16))
        return error{error_code::malformed_file, from.path(), ": ", *facts.head_count,
                     " attention heads"};
    return {};
}

} // namespace detail

/// Appends "<architecture>.<key>" for every field that is set.
inline void append_hyperparameters(key_values& metadata, const hyperparameters& facts)
{
    detail::for_each_field(facts, [&](std::string_view key, const auto& field) {
        if (field) metadata.set(facts.architecture + "." + std::string{key}, *field);
    });
}

/// Reads the fields back. Errors: `missing_field` without an architecture or the basic counts,
/// `malformed_file` where a value has another kind than its field (a list of head counts, one for
/// each layer, among them: such models are not supported).
inline result<hyperparameters> read_hyperparameters(const file& from)
{
    hyperparameters facts;
    std::optional<std::string> architecture;
    AWQ_CHECK(detail::read_optional(from, "general.architecture", architecture));
    if (!architecture)
        return error{error_code::missing_field, from.path(), ": has no general.architecture"};
    facts.architecture = *architecture;
    status outcome;
    const std::string prefix = facts.architecture + ".";
    detail::for_each_field(facts, [&](std::string_view key, auto& field) {
        const std::string full = prefix + std::string{key};
        const value_view* content = from.find(full);
        const bool period =
            key == "attention.sliding_window_pattern" && content != nullptr && !content->is_array();
        if (outcome && !period) outcome = detail::read_optional(from, full, field);
    });
    AWQ_CHECK(outcome);
    AWQ_CHECK(detail::check_counts(from, facts));
    AWQ_CHECK(detail::expand_period(from, facts));
    return facts;
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/metadata.hpp
#ifndef AWQ_IO_GGUF_METADATA_HPP
#define AWQ_IO_GGUF_METADATA_HPP

// ---- awq/io/gguf/tokenizer_facts.hpp
#ifndef AWQ_IO_GGUF_TOKENIZER_FACTS_HPP
#define AWQ_IO_GGUF_TOKENIZER_FACTS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq::gguf {

/// What a token is to llama.cpp; the numbers are those of `tokenizer.ggml.token_type`.
enum class token_type : std::int32_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5,
    byte = 6,
};

/// Ids of the tokens with a meaning of their own.
struct special_ids {
    std::optional<std::uint32_t> bos, eos, eot, eom, unknown, separator, padding, cls, mask;
};

/// The tokenizer as a GGUF file holds it.
struct tokenizer_facts {
    std::string model = "gpt2";      ///< "gpt2" is byte-level BPE, "llama" SentencePiece style
    std::string pre = "default";     ///< how text is cut before merging (see pre_tokenizer.hpp)
    std::vector<std::string> tokens; ///< by id, unique
    std::vector<token_type> types;   ///< by id
    std::vector<float> scores;       ///< by id; "llama" only
    std::vector<std::string> merges; ///< "left right", best first; "gpt2" only
    special_ids ids;
    std::optional<bool> add_bos, add_eos, add_space_prefix;
    std::string chat_template; ///< Jinja; may be empty
};

namespace detail {

template <class Ids, class Visit>
void for_each_special_id(Ids& ids, Visit visit)
{
    visit("bos", ids.bos);
    visit("eos", ids.eos);
    visit("eot", ids.eot);
    visit("eom", ids.eom);
    visit("unknown", ids.unknown);
    visit("seperator", ids.separator); // the format spells it like this
    visit("padding", ids.padding);
    visit("cls", ids.cls);
    visit("mask", ids.mask);
}

inline std::vector<std::string> copy_of(const std::vector<std::string_view>& views)
{
    return {views.begin(), views.end()};
}

inline status read_strings(const file& from, std::string_view key, std::vector<std::string>& into)
{
    const value_view* content = from.find(key);
    if (content == nullptr) return {};
    const auto strings = content->as_strings();
    if (!strings) return strings.error().within(key).within(from.path());
    into = copy_of(*strings);
    return {};
}

inline status read_types(const file& from, tokenizer_facts& facts)
{
    facts.types.assign(facts.tokens.size(), token_type::normal);
    const value_view* content = from.find("tokenizer.ggml.token_type");
    if (content == nullptr) return {};
    const auto numbers = content->as_numbers<std::int32_t>();
    if (!numbers || numbers->size() != facts.tokens.size())
        return error{error_code::malformed_file, from.path(),
                     ": tokenizer.ggml.token_type does not have a number for each token"};
    for (std::size_t i = 0; i < numbers->size(); ++i)
        facts.types[i] = static_cast<token_type>((*numbers)[i]);
    return {};
}

inline status read_scores(const file& from, tokenizer_facts& facts)
{
    const value_view* content = from.find("tokenizer.ggml.scores");
    if (content == nullptr) return {};
    auto numbers = content->as_numbers<float>();
    if (!numbers || numbers->size() != facts.tokens.size())
        return error{error_code::malformed_file, from.path(),
                     ": tokenizer.ggml.scores does not have a number for each token"};
    facts.scores = *std::move(numbers);
    return {};
}

inline status read_special_ids(const file& from, tokenizer_facts& facts)
{
    status outcome;
    for_each_special_id(facts.ids, [&](std::string_view name, auto& id) {
        const std::string key = "tokenizer.ggml." + std::string{name} + "_token_id";
        if (outcome) outcome = read_optional(from, key, id);
        if (id && *id >= facts.tokens.size()) id.reset(); // llama.cpp ignores such ids, too
    });
    return outcome;
}

} // namespace detail

/// Appends the tokenizer's keys.
inline void append_tokenizer(key_values& metadata, const tokenizer_facts& facts)
{
    const auto set = [&](std::string_view key, const auto& content) {
        metadata.set("tokenizer.ggml." + std::string{key}, content);
    };
    if (facts.add_space_prefix) set("add_space_prefix", *facts.add_space_prefix);
    set("model", facts.model);
    set("pre", facts.pre);
    set("tokens", facts.tokens);
    if (!facts.scores.empty()) set("scores", facts.scores);
    std::vector<std::int32_t> types;
    types.reserve(facts.types.size());
    for (const token_type each : facts.types)
        types.push_back(static_cast<std::int32_t>(each));
    set("token_type", types);
    if (facts.model == "gpt2") set("merges", facts.merges);
    detail::for_each_special_id(facts.ids, [&](std::string_view name, const auto& id) {
        if (id) set(std::string{name} + "_token_id", *id);
    });
    if (facts.add_bos) set("add_bos_token", *facts.add_bos);
    if (facts.add_eos) set("add_eos_token", *facts.add_eos);
    if (!facts.chat_template.empty()) metadata.set("tokenizer.chat_template", facts.chat_template);
}

/// Reads the tokenizer back. Errors: `missing_field` where the file has none (it may be without),
/// `malformed_file` where its lists do not fit together.
inline result<tokenizer_facts> read_tokenizer(const file& from)
{
    tokenizer_facts facts;
    std::optional<std::string> model, pre, chat_template;
    AWQ_CHECK(detail::read_optional(from, "tokenizer.ggml.model", model));
    AWQ_CHECK(detail::read_optional(from, "tokenizer.ggml.pre", pre));
    AWQ_CHECK(detail::read_optional(from, "tokenizer.chat_template", chat_template));
    AWQ_CHECK(detail::read_strings(from, "tokenizer.ggml.tokens", facts.tokens));
    if (!model || facts.tokens.empty())
        return error{error_code::missing_field, from.path(), ": has no tokenizer"};
    facts.model = *model;
    facts.pre = pre.value_or("default");
    facts.chat_template = chat_template.value_or("");
    AWQ_CHECK(detail::read_types(from, facts));
    AWQ_CHECK(detail::read_scores(from, facts));
    AWQ_CHECK(detail::read_strings(from, "tokenizer.ggml.merges", facts.merges));
    AWQ_CHECK(detail::read_special_ids(from, facts));
    AWQ_CHECK(detail::read_optional(from, "tokenizer.ggml.add_bos_token", facts.add_bos));
    AWQ_CHECK(detail::read_optional(from, "tokenizer.ggml.add_eos_token", facts.add_eos));
    AWQ_CHECK(
        detail::read_optional(from, "tokenizer.ggml.add_space_prefix", facts.add_space_prefix));
    return facts;
}

} // namespace awq::gguf

#endif

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace awq::gguf {

/// What a file says about itself, for people.
struct model_card {
    std::string name;       ///< "SmolLM2 135M Instruct"
    std::string size_label; ///< "135M"; see `size_label_of`
    /// More of the same, the keys without "general.": {"license", "apache-2.0"}.
    std::vector<std::pair<std::string, std::string>> more;
};

/// The number of parameters as people write it, with at least two digits: 2.9M, 135M, 1.1B.
inline std::string size_label_of(std::uint64_t parameters)
{
    constexpr std::array<std::pair<double, char>, 4> units{
        {{1e12, 'T'}, {1e9, 'B'}, {1e6, 'M'}, {1e3, 'K'}}};
    const auto count = static_cast<double>(parameters);
    std::size_t unit = 0;
    while (unit + 1 < units.size() && count < units[unit].first)
        ++unit;
    const double scaled = count / units[unit].first;
    char text[32];
    const int written =
        std::snprintf(text, sizeof text, "%.*f%c", std::nearbyint(scaled) < 10 ? 1 : 0, scaled,
                      units[unit].second);
    return std::string(text, static_cast<std::size_t>(written));
}

/// All metadata of a file that llama.cpp loads, in the order of its own converter.
inline key_values build_metadata(const model_card& card, const hyperparameters& facts,
                                 const tokenizer_facts& tokenizer, file_type kind)
{
    key_values metadata;
    metadata.set("general.architecture", facts.architecture);
    metadata.set("general.type", "model");
    if (!card.name.empty()) metadata.set("general.name", card.name);
    if (!card.size_label.empty()) metadata.set("general.size_label", card.size_label);
    for (const auto& [key, text] : card.more)
        metadata.set("general." + key, text);
    append_hyperparameters(metadata, facts);
    metadata.set("general.file_type", static_cast<std::uint32_t>(kind));
    metadata.set("general.quantization_version", std::uint32_t{2});
    append_tokenizer(metadata, tokenizer);
    return metadata;
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/mix.hpp
#ifndef AWQ_IO_GGUF_MIX_HPP
#define AWQ_IO_GGUF_MIX_HPP

// ---- awq/io/gguf/tensor_names.hpp
#ifndef AWQ_IO_GGUF_TENSOR_NAMES_HPP
#define AWQ_IO_GGUF_TENSOR_NAMES_HPP

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace awq::gguf {

/// Where a checkpoint's tensor goes.
struct tensor_place {
    std::string name; ///< "blk.3.attn_q.weight"
    std::optional<std::size_t>
        expert; ///< its slice, where the experts of a layer become one tensor
};

namespace detail {

/// A leading decimal number, taken off the text; nothing where there is none.
inline std::optional<std::size_t> take_number(std::string_view& text) noexcept
{
    std::size_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return number;
}

inline bool take_prefix(std::string_view& text, std::string_view prefix) noexcept
{
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// "a.weight" -> ".weight", also ".bias"; empty where there is neither.
inline std::string_view parameter_suffix(std::string_view name) noexcept
{
    for (const std::string_view suffix : {std::string_view{".weight"}, std::string_view{".bias"}})
        if (name.ends_with(suffix)) return suffix;
    return {};
}

/// Looks a name up without its ".weight" or ".bias", which is put back behind; a pair that spells
/// a suffix out on either side stands for whole names.
template <std::string_view name_pair::*From, std::string_view name_pair::*To>
std::optional<std::string> translate(std::span<const name_pair> table, std::string_view name)
{
    const std::string_view suffix = parameter_suffix(name);
    const std::string_view stem = name.substr(0, name.size() - suffix.size());
    for (const name_pair& pair : table) {
        const bool whole =
            !parameter_suffix(pair.hf).empty() || !parameter_suffix(pair.gguf).empty();
        if (whole && pair.*From == name) return std::string{pair.*To};
        if (!whole && !suffix.empty() && pair.*From == stem)
            return std::string{pair.*To}.append(suffix);
    }
    return std::nullopt;
}

/// "mlp.experts.12.w1" -> "mlp.experts.w1" and 12.
inline std::optional<std::size_t> take_expert(std::string& name)
{
    constexpr std::string_view marker = "experts.";
    const std::size_t at = name.find(marker);
    if (at == std::string::npos) return std::nullopt;
    std::string_view rest = std::string_view{name}.substr(at + marker.size());
    const std::size_t before = rest.size();
    const auto number = take_number(rest);
    if (number && rest.starts_with('.')) name.erase(at + marker.size(), before - rest.size() + 1);
    return number;
}

} // namespace detail

/// Whether a checkpoint's tensor has no place in a text model's GGUF file and is left out: rotary
/// tables, attention masks, and the parts of a multimodal model that see or hear.
inline bool is_left_out(std::string_view hf_name) noexcept
{
    for (const std::string_view suffix :
         {".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"})
        if (hf_name.ends_with(suffix)) return true;
    for (const std::string_view part :
         {"vision_tower.", "vision_model.", "audio_tower.", "multi_modal_projector."})
        if (hf_name.find(part) != std::string_view::npos) return true;
    return false;
}

/// The GGUF name of a checkpoint's tensor: "model.layers.3.self_attn.q_proj.weight" ->
/// "blk.3.attn_q.weight". A "language_model." inside the name is passed over. Nothing where the
/// architecture has no such tensor.
inline std::optional<tensor_place> to_gguf(const architecture& arch, std::string_view hf_name)
{
    std::string name{hf_name};
    constexpr std::string_view wrapper = "language_model.";
    if (const std::size_t at = name.find(wrapper); at != std::string::npos)
        name.erase(at, wrapper.size());
    tensor_place place;
    place.expert = detail::take_expert(name);
    std::string_view rest = name;
    if (!detail::take_prefix(rest, arch.hf_layer)) {
        auto found = detail::translate<&name_pair::hf, &name_pair::gguf>(arch.globals, rest);
        if (!found) return std::nullopt;
        place.name = *std::move(found);
        return place;
    }
    const auto layer = detail::take_number(rest);
    if (!layer || !detail::take_prefix(rest, ".")) return std::nullopt;
    const auto found = detail::translate<&name_pair::hf, &name_pair::gguf>(arch.layers, rest);
    if (!found) return std::nullopt;
    place.name = "blk." + std::to_string(*layer) + "." + *found;
    return place;
}

/// The checkpoint name of a GGUF tensor: "blk.3.attn_q.weight" ->
/// "model.layers.3.self_attn.q_proj.weight". Stacked experts come back without an expert's number.
/// Nothing where the architecture has no such tensor.
inline std::optional<std::string> to_hf(const architecture& arch, std::string_view gguf_name)
{
    std::string_view rest = gguf_name;
    if (!detail::take_prefix(rest, "blk."))
        return detail::translate<&name_pair::gguf, &name_pair::hf>(arch.globals, rest);
    const auto layer = detail::take_number(rest);
    if (!layer || !detail::take_prefix(rest, ".")) return std::nullopt;
    const auto found = detail::translate<&name_pair::gguf, &name_pair::hf>(arch.layers, rest);
    if (!found) return std::nullopt;
    return std::string{arch.hf_layer} + std::to_string(*layer) + "." + *found;
}

/// The layer of a GGUF tensor name, or nothing: "blk.3.attn_q.weight" -> 3.
inline std::optional<std::size_t> layer_of(std::string_view gguf_name) noexcept
{
    if (!detail::take_prefix(gguf_name, "blk.")) return std::nullopt;
    const auto layer = detail::take_number(gguf_name);
    return gguf_name.starts_with('.') ? layer : std::nullopt;
}

} // namespace awq::gguf

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Which type each tensor of a file gets. Source: the behaviour of llama.cpp 0.5.0's llama-quantize
/// and, for F32, F16, BF16 and Q8_0, of its converter.
namespace awq::gguf {

/// A tensor by name and shape; dims[0] is in_features.
struct tensor_shape {
    std::string name;
    std::vector<std::uint64_t> dims;
};

/// What the choice depends on besides the tensors.
struct mix_facts {
    std::string architecture = "llama";
    std::uint32_t block_count = 0;
    std::uint32_t head_count = 1;
    std::uint32_t head_count_kv = 1;
    std::uint32_t expert_count = 0;
    bool has_imatrix = false;
};

/// A type for the tensors whose name a pattern finds (ECMAScript, searched anywhere in the name).
struct type_override {
    std::string pattern;
    gguf::type type;
};

struct mix_options {
    file_type target = file_type::q4_k_m;
    bool pure = false;                    ///< every tensor gets the base type
    bool leave_output = false;            ///< output.weight is not quantized
    std::optional<type> output_type;      ///< for output.weight (and a tied embedding)
    std::optional<type> embedding_type;   ///< for token_embd.weight
    std::vector<type_override> overrides; ///< the first that matches wins
    type left_alone = type::f16;          ///< what `leave_output` keeps the output as
};

/// The order in which llama-quantize visits and writes tensors: those outside the layers first,
/// then layer by layer, by name within each.
inline bool precedes(std::string_view a, std::string_view b) noexcept
{
    const auto key = [](std::string_view name) {
        const auto layer = layer_of(name);
        return std::pair{layer ? static_cast<std::int64_t>(*layer) : -1, name};
    };
    return key(a) < key(b);
}

/// Whether a tensor may have fewer than 32 bits: at least two real dimensions, "weight" at the
/// end of its name, and none of the small or delicate tensors that stay float32 (a 16-bit norm even
/// makes llama.cpp abort).
inline bool is_quantizable(std::string_view name, std::span<const std::uint64_t> dims) noexcept
{
    while (dims.size() > 1 && dims.back() == 1)
        dims = dims.first(dims.size() - 1);
    if (dims.size() < 2 || !name.ends_with("weight")) return false;
    if (name == "position_embd.weight" || name == "token_types.weight") return false;
    for (const std::string_view part :
         {"_norm.weight", "ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "altup", "laurel",
          "per_layer_model_proj", "ssm_conv1d", "shortconv.conv.weight", "attn_rel_b.weight",
          "indexer.q_proj.weight", "indexer.k_proj.weight"})
        if (name.find(part) != std::string_view::npos) return false;
    return true;
}

/// The type that takes the place of one whose block does not divide the rows; F16 where no block
/// does.
constexpr type fitting_type(type wanted, std::uint64_t in_features) noexcept
{
    if (in_features % block_columns(wanted) == 0) return wanted;
    type fallback = type::f16;
    switch (wanted) {
    case type::q2_k:
    case type::q3_k:
        fallback = type::q4_0;
        break;
    case type::q4_k:
        fallback = type::q5_0;
        break;
    case type::q5_k:
        fallback = type::q5_1;
        break;
    case type::q6_k:
        fallback = type::q8_0;
        break;
    default:
        break;
    }
    return in_features % block_columns(fallback) == 0 ? fallback : type::f16;
}

namespace detail {

enum class role : unsigned char { output, embedding, value, key, attention_output, down, other };

inline role role_of(std::string_view name) noexcept
{
    const auto has = [name](std::string_view part) { return name.find(part) != name.npos; };
    if (name == "output.weight") return role::output;
    if (name == "token_embd.weight") return role::embedding;
    if (has("attn_qkv.weight") || has("attn_kv_b.weight") || has("attn_v.weight"))
        return role::value;
    if (has("attn_k.weight")) return role::key;
    if (has("attn_output.weight")) return role::attention_output;
    return has("ffn_down") ? role::down : role::other;
}

/// The layers that the _M mixes spend more bits on: the first and last eighth, and every third
/// between.
constexpr bool takes_more_bits(std::size_t index, std::size_t count) noexcept
{
    return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
}

/// Chooses types in visiting order, counting as it goes.
class mix_chooser {
  public:
    mix_chooser(const mix_facts& facts, file_type target, std::size_t value_count,
                bool tied) noexcept
        : facts_(facts), target_(target), base_(base_type(target)), value_count_(value_count),
          tied_(tied)
    {}

    type choose(std::string_view name, std::uint64_t in_features)
    {
        switch (role_of(name)) {
        case role::output:
            return for_output(in_features);
        case role::embedding:
            return tied_ ? for_output(in_features) : base_;
        case role::value:
            return for_value(value_index_++);
        case role::key:
            return is_mixtral() ? type::q8_0 : base_;
        case role::attention_output:
            return for_attention_output();
        case role::down:
            return for_down(down_index(name));
        case role::other:
            break;
        }
        return base_;
    }

  private:
    bool is_mixtral() const noexcept { return facts_.expert_count == 8; }

    type for_output(std::uint64_t in_features) const noexcept
    {
        if (base_ == type::q8_0) return base_;
        return in_features % block_columns(base_) == 0 ? type::q6_k : type::q8_0;
    }

    type for_value(std::size_t index) const noexcept
    {
        type chosen = value_rule(index);
        const bool many_share_it =
            facts_.block_count == 80 &&
            (facts_.architecture == "qwen2" ||
             (facts_.architecture == "llama" && facts_.head_count != facts_.head_count_kv));
        if (many_share_it && (chosen == type::q3_k || chosen == type::q4_k)) chosen = type::q5_k;
        return is_mixtral() ? type::q8_0 : chosen;
    }

    type value_rule(std::size_t index) const noexcept
    {
        const bool shared_by_four =
            facts_.head_count / std::max<std::uint32_t>(1, facts_.head_count_kv) >= 4;
        switch (target_) {
        case file_type::q2_k:
            return shared_by_four ? type::q4_k : type::q3_k;
        case file_type::q3_k_m:
            return index < 2 ? type::q5_k : type::q4_k;
        case file_type::q3_k_l:
            return type::q5_k;
        case file_type::q4_k_s:
            return index < 4 ? type::q5_k : base_;
        case file_type::q4_k_m:
        case file_type::q5_k_m:
            return takes_more_bits(index, value_count_) ? type::q6_k : base_;
        case file_type::iq4_nl:
            return shared_by_four ? type::q5_k : base_;
        default:
            return base_;
        }
    }

    type for_attention_output() const noexcept
    {
        if (is_mixtral()) {
            switch (target_) {
            case file_type::q2_k:
            case file_type::q3_k_s:
            case file_type::q3_k_m:
            case file_type::q4_k_s:
            case file_type::q4_k_m:
            case file_type::iq4_nl:
                return type::q5_k;
            default:
                return base_;
            }
        }
        switch (target_) {
        case file_type::q2_k:
            return type::q3_k;
        case file_type::q3_k_m:
            return type::q4_k;
        case file_type::q3_k_l:
            return type::q5_k;
        default:
            return base_;
        }
    }

    type for_down(std::size_t index) const noexcept
    {
        const std::size_t layers = facts_.block_count;
        const bool first_eighth = index < layers / 8;
        switch (target_) {
        case file_type::q2_k:
            return type::q3_k;
        case file_type::q3_k_m:
            return index < layers / 16 ? type::q5_k : type::q4_k;
        case file_type::q3_k_l:
            return type::q5_k;
        case file_type::q4_k_s:
            return first_eighth ? type::q5_k : base_;
        case file_type::q4_k_m:
        case file_type::q5_k_m:
            return takes_more_bits(index, layers) ? type::q6_k : base_;
        case file_type::q4_0:
            return first_eighth && facts_.has_imatrix ? type::q4_1 : base_;
        case file_type::q5_0:
            return first_eighth && facts_.has_imatrix ? type::q5_1 : base_;
        case file_type::iq4_nl:
            return first_eighth && !facts_.has_imatrix ? type::q5_k : base_;
        default:
            return base_;
        }
    }

    // With experts the layer's own number counts, as there may be several such tensors in a layer.
    std::size_t down_index(std::string_view name)
    {
        const std::size_t running = down_index_++;
        return facts_.expert_count > 1 ? layer_of(name).value_or(running) : running;
    }

    const mix_facts& facts_;
    file_type target_;
    type base_;
    std::size_t value_count_;
    bool tied_;
    std::size_t value_index_ = 0;
    std::size_t down_index_ = 0;
};

struct compiled_override {
    std::regex pattern;
    gguf::type type;
};

inline result<std::vector<compiled_override>> compile(std::span<const type_override> overrides)
{
    std::vector<compiled_override> compiled;
    for (const type_override& each : overrides) {
        try {
            compiled.push_back({std::regex{each.pattern}, each.type});
        } catch (const std::regex_error& reason) {
            return error{error_code::invalid_argument, "tensor type pattern \"", each.pattern,
                         "\": ", reason.what()};
        }
    }
    return compiled;
}

/// The type that the options fix by name, if they do.
inline std::optional<type> fixed_type(std::string_view name, const mix_options& options, bool tied,
                                      std::span<const compiled_override> overrides)
{
    const role what = role_of(name);
    if (what == role::output && options.leave_output) return options.left_alone;
    for (const compiled_override& each : overrides)
        if (std::regex_search(name.begin(), name.end(), each.pattern)) return each.type;
    if (what == role::embedding && options.embedding_type) return options.embedding_type;
    if ((what == role::output || (tied && what == role::embedding)) && options.output_type)
        return options.output_type;
    if (options.pure) return base_type(options.target);
    return std::nullopt;
}

inline std::vector<std::size_t> visiting_order(std::span<const tensor_shape> tensors)
{
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [tensors](std::size_t a, std::size_t b) {
        return precedes(tensors[a].name, tensors[b].name);
    });
    return order;
}

} // namespace detail

/// The type of every tensor of a file, in the order given (any order; the rules that count layers
/// count them in visiting order). Tensors that are not quantizable become F32. `tensors` must hold
/// all tensors of the file, as the rules depend on how many there are of a kind.
/// Errors: an override's pattern is no regular expression.
inline result<std::vector<type>> choose_types(std::span<const tensor_shape> tensors,
                                              const mix_facts& facts, const mix_options& options)
{
    AWQ_TRY(const auto overrides, detail::compile(options.overrides));
    std::size_t value_count = 0;
    bool tied = true;
    for (const tensor_shape& each : tensors) {
        value_count += detail::role_of(each.name) == detail::role::value;
        tied = tied && each.name != "output.weight";
    }
    detail::mix_chooser chooser{facts, options.target, value_count, tied};
    const bool is_mix = is_quantized(base_type(options.target));
    std::vector<type> types(tensors.size(), type::f32);
    for (const std::size_t index : detail::visiting_order(tensors)) {
        const tensor_shape& each = tensors[index];
        if (!is_quantizable(each.name, each.dims)) continue;
        const auto fixed = detail::fixed_type(each.name, options, tied, overrides);
        const type wanted = fixed    ? *fixed
                            : is_mix ? chooser.choose(each.name, each.dims[0])
                                     : base_type(options.target);
        types[index] = fitting_type(wanted, each.dims[0]);
    }
    return types;
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/permute.hpp
#ifndef AWQ_IO_GGUF_PERMUTE_HPP
#define AWQ_IO_GGUF_PERMUTE_HPP

#include <algorithm>
#include <cstddef>
#include <span>

/// The row order of q and k. Hugging Face rotates element j of a head together with element
/// j + head_dim / 2; llama.cpp's llama family rotates neighbours 2j and 2j + 1. So the rows of the
/// projections (and their biases, and anything else that goes with the rows) change places.
namespace awq::gguf {

/// The checkpoint's row that becomes row `row` of the GGUF tensor.
constexpr std::size_t interleaved_source(std::size_t row, std::size_t head_dim) noexcept
{
    const std::size_t within = row % head_dim;
    return row - within + within / 2 + (within % 2) * (head_dim / 2);
}

/// The GGUF tensor's row that becomes row `row` of the checkpoint: the inverse.
constexpr std::size_t split_source(std::size_t row, std::size_t head_dim) noexcept
{
    const std::size_t within = row % head_dim;
    const std::size_t half = head_dim / 2;
    return row - within + 2 * (within % half) + within / half;
}

namespace detail {

inline status check_rotary_rows(std::size_t rows, std::size_t heads, std::size_t from,
                                std::size_t to) noexcept
{
    if (heads == 0 || rows == 0 || rows % heads != 0 || (rows / heads) % 2 != 0)
        return error{error_code::shape_mismatch, rows, " rows are no ", heads,
                     " heads of an even size"};
    if (from != to || from % rows != 0)
        return error{error_code::shape_mismatch,
                     "cannot reorder ",
                     rows,
                     " rows of ",
                     from,
                     " values into ",
                     to};
    return {};
}

} // namespace detail

/// Checkpoint order -> GGUF order. `rows` rows of any content (floats, 16-bit floats, packed
/// bytes); `heads` is num_attention_heads for q and num_key_value_heads for k. A bias is a matrix
/// with one value a row. `from` and `to` must not overlap.
template <class T>
status interleave_rotary_rows(std::span<const T> from, std::span<T> to, std::size_t rows,
                              std::size_t heads) noexcept
{
    AWQ_CHECK(detail::check_rotary_rows(rows, heads, from.size(), to.size()));
    const std::size_t width = from.size() / rows;
    for (std::size_t row = 0; row < rows; ++row)
        std::copy_n(from.data() + interleaved_source(row, rows / heads) * width, width,
                    to.data() + row * width);
    return {};
}

/// GGUF order -> checkpoint order; the inverse of `interleave_rotary_rows`.
template <class T>
status split_rotary_rows(std::span<const T> from, std::span<T> to, std::size_t rows,
                         std::size_t heads) noexcept
{
    AWQ_CHECK(detail::check_rotary_rows(rows, heads, from.size(), to.size()));
    const std::size_t width = from.size() / rows;
    for (std::size_t row = 0; row < rows; ++row)
        std::copy_n(from.data() + split_source(row, rows / heads) * width, width,
                    to.data() + row * width);
    return {};
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/rope_freqs.hpp
#ifndef AWQ_IO_GGUF_ROPE_FREQS_HPP
#define AWQ_IO_GGUF_ROPE_FREQS_HPP

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace awq::gguf {

/// The "llama3" rope scaling of config.json. The defaults are those of Llama 3.1.
struct llama3_rope {
    float base = 10000; ///< rope_theta
    float factor = 8;
    float low_freq_factor = 1;
    float high_freq_factor = 4;
    float original_context_length = 8192;
};

/// The values of the tensor `rope_freqs.weight` (float32, head_dim / 2 of them), by which llama.cpp
/// divides the rotation angles: 1 for short wavelengths, `factor` for long ones, a blend between.
/// Source: the Llama 3.1 model code. Errors: `invalid_argument` for an odd or empty head, or
/// numbers that make no scaling.
inline result<std::vector<float>> llama3_rope_freqs(const llama3_rope& rope, std::size_t head_dim)
{
    if (head_dim == 0 || head_dim % 2 != 0 || head_dim > 65536)
        return error{error_code::invalid_argument, "a rotary head of ", head_dim, " elements"};
    if (!(rope.base > 0) || !(rope.factor > 0) || !(rope.low_freq_factor > 0) ||
        !(rope.high_freq_factor > rope.low_freq_factor) || !(rope.original_context_length > 0))
        return error{error_code::invalid_argument, "llama3 rope scaling needs positive numbers and "
                                                   "low_freq_factor below high_freq_factor"};
    const double longest = rope.original_context_length / rope.low_freq_factor;
    const double shortest = rope.original_context_length / rope.high_freq_factor;
    std::vector<float> divisors;
    for (std::size_t i = 0; i < head_dim; i += 2) {
        const float exponent = static_cast<float>(i) / static_cast<float>(head_dim);
        const float frequency = 1.0f / std::pow(rope.base, exponent);
        const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
        if (wavelength < shortest) {
            divisors.push_back(1);
        } else if (wavelength > longest) {
            divisors.push_back(rope.factor);
        } else {
            const float smooth =
                (rope.original_context_length / wavelength - rope.low_freq_factor) /
                (rope.high_freq_factor - rope.low_freq_factor);
            divisors.push_back(1 / ((1 - smooth) / rope.factor + smooth));
        }
    }
    return divisors;
}

} // namespace awq::gguf

#endif
// ---- awq/io/gguf/writer.hpp
#ifndef AWQ_IO_GGUF_WRITER_HPP
#define AWQ_IO_GGUF_WRITER_HPP

// ---- awq/io/output_file.hpp
#ifndef AWQ_IO_OUTPUT_FILE_HPP
#define AWQ_IO_OUTPUT_FILE_HPP

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace awq {

/// One output file that appears only when it is complete: write to `path()`, then `commit()`.
/// Without a commit the temporary file is removed and the target stays as it was.
class output_file {
  public:
    /// Errors: `file_exists` if the target is there and `overwrite` is false, or is no regular
    /// file; `file_not_found` if its directory is not there.
    static result<output_file> create(const std::string& target, bool overwrite)
    {
        AWQ_TRY(const detail::output_place place, detail::find_output_place(target));
        std::error_code ignored;
        const auto kind = std::filesystem::status(place.path(), ignored).type();
        if (kind != std::filesystem::file_type::not_found) {
            if (!overwrite) return detail::output_error(place.path(), EEXIST);
            if (kind != std::filesystem::file_type::regular)
                return error{error_code::file_exists, place.path().string(),
                             ": is there and is not a regular file; choose another output"};
        }
        return output_file{place, overwrite};
    }

    output_file(output_file&& other) noexcept
        : place_(std::move(other.place_)), partial_(std::exchange(other.partial_, {})),
          overwrite_(other.overwrite_)
    {}
    output_file& operator=(output_file&& other) noexcept
    {
        std::swap(place_, other.place_);
        std::swap(partial_, other.partial_);
        std::swap(overwrite_, other.overwrite_);
        return *this;
    }
    ~output_file()
    {
        std::error_code ignored;
        if (!partial_.empty()) std::filesystem::remove(partial_, ignored);
    }

    /// Where to write: a name beside the target at which nothing is yet.
    std::string path() const { return partial_.string(); }
    /// Where the file will be.
    std::string target() const { return place_.path().string(); }

    /// Flushes the file and moves it into place. Errors: `file_exists`, `file_unwritable`.
    status commit()
    {
        AWQ_CHECK(detail::flush_path(partial_));
        const int reason =
            overwrite_ ? (std::rename(partial_.c_str(), place_.path().c_str()) == 0 ? 0 : errno)
                       : detail::rename_to_new(partial_, place_.path());
        if (reason != 0) return detail::output_error(place_.path(), reason);
        partial_.clear();
        return detail::flush_path(place_.parent);
    }

  private:
    output_file(const detail::output_place& place, bool overwrite)
        : place_(place), partial_(detail::partial_path(place)), overwrite_(overwrite)
    {}

    detail::output_place place_;
    std::filesystem::path partial_;
    bool overwrite_;
};

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::gguf {

/// A tensor that a file will hold; dims[0] is in_features (the reverse of a checkpoint's shape).
struct tensor_plan {
    std::string name;
    gguf::type type = type::f32;
    std::vector<std::uint64_t> dims;
};

namespace detail {

/// The header of a file: everything before the tensors' bytes.
class header_bytes {
  public:
    template <class T>
    void number(T value)
    {
        append(std::as_bytes(std::span{&value, 1}));
    }
    void text(std::string_view value)
    {
        number(static_cast<std::uint64_t>(value.size()));
        append(std::as_bytes(std::span{value.data(), value.size()}));
    }
    void append(std::span<const std::byte> bytes)
    {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void metadata(std::string_view key, const value_view& content)
    {
        text(key);
        number(static_cast<std::uint32_t>(content.type()));
        if (content.is_array()) {
            number(static_cast<std::uint32_t>(content.element_type()));
            number(content.size());
        } else if (content.type() == value_type::string) {
            number(static_cast<std::uint64_t>(content.bytes().size()));
        }
        append(content.bytes());
    }
    void pad_to(std::uint64_t alignment)
    {
        bytes_.resize(static_cast<std::size_t>(padded(bytes_.size(), alignment)));
    }
    std::span<const std::byte> bytes() const noexcept { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

/// The tensors of a file and where they lie in its data.
struct file_layout {
    struct place {
        std::uint64_t offset; ///< from the start of the data
        std::uint64_t size;
    };

    static result<file_layout> of(std::vector<tensor_plan>&& tensors)
    {
        file_layout layout;
        layout.tensors = std::move(tensors);
        if (layout.tensors.size() > limits::tensors)
            return error{error_code::invalid_argument, layout.tensors.size(),
                         " tensors are too many for a GGUF file"};
        for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
            AWQ_CHECK(layout.add(i));
        }
        return layout;
    }

    result<header_bytes> header(const key_values& metadata) const
    {
        header_bytes header;
        header.append(std::as_bytes(std::span{magic.data(), magic.size()}));
        header.number(version);
        header.number(static_cast<std::uint64_t>(tensors.size()));
        header.number(static_cast<std::uint64_t>(metadata.entries().size()));
        for (const key_values::entry& each : metadata.entries()) {
            AWQ_CHECK(check_key(each.key));
            header.metadata(each.key, each.value.view());
        }
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            header.text(tensors[i].name);
            header.number(static_cast<std::uint32_t>(tensors[i].dims.size()));
            for (const std::uint64_t dim : tensors[i].dims)
                header.number(dim);
            header.number(static_cast<std::uint32_t>(tensors[i].type));
            header.number(places[i].offset);
        }
        header.pad_to(default_alignment);
        return header;
    }

    std::vector<tensor_plan> tensors;
    std::vector<place> places;
    std::unordered_map<std::string, std::size_t> by_name;
    std::uint64_t data_size = 0;

  private:
    status add(std::size_t index)
    {
        const tensor_plan& tensor = tensors[index];
        if (tensor.name.empty() || tensor.name.size() > limits::tensor_name_bytes)
            return error{error_code::invalid_argument, "tensor name \"",
                         printable(tensor.name),       "\" must have 1 to ",
                         limits::tensor_name_bytes,    " bytes"};
        if (!by_name.emplace(tensor.name, index).second)
            return error{error_code::invalid_argument, "tensor \"", tensor.name, "\" comes twice"};
        const auto size = tensor_bytes(tensor.type, tensor.dims);
        if (!size) return error{error_code::shape_mismatch, tensor.name, ": ", size.error().text()};
        if (*size > (std::uint64_t{1} << 62) - data_size)
            return error{error_code::invalid_argument, tensor.name, ": the file becomes too large"};
        places.push_back({data_size, *size});
        data_size += padded(*size, default_alignment);
        return {};
    }

    static status check_key(std::string_view key)
    {
        if (key.empty() || key.size() > limits::key_bytes)
            return error{error_code::invalid_argument, "metadata key \"", printable(key),
                         "\" must have 1 to ",         limits::key_bytes, " bytes"};
        if (key == alignment_key)
            return error{error_code::invalid_argument, alignment_key,
                         " cannot be chosen; files are written with 32"};
        return {};
    }
};

} // namespace detail

/// Writes a GGUF file (version 3, alignment 32). All tensors are announced first; their bytes then
/// come in any order and in any pieces. The file appears at its path only when `finish()` has found
/// every tensor complete and everything is on the disk; until then nothing is visible there.
class writer {
  public:
    /// Errors: `invalid_argument` for a name or key that the format does not allow or that comes
    /// twice, and for an alignment key; `shape_mismatch` for rows that are no whole number of
    /// blocks; those of output_file.
    static result<writer> create(const std::string& path, const key_values& metadata,
                                 std::vector<tensor_plan> tensors, bool overwrite = false)
    {
        AWQ_TRY(detail::file_layout layout, detail::file_layout::of(std::move(tensors)));
        AWQ_TRY(const detail::header_bytes header, layout.header(metadata));
        AWQ_TRY(output_file target, output_file::create(path, overwrite));
        AWQ_TRY(new_file bytes, new_file::create(target.path()));
        writer created{std::move(layout), std::move(target), std::move(bytes),
                       header.bytes().size()};
        AWQ_CHECK(created.bytes_.reserve(created.file_size()));
        AWQ_CHECK(created.bytes_.write_at(0, header.bytes()));
        return created;
    }

    std::span<const tensor_plan> tensors() const noexcept { return layout_.tensors; }
    /// Bytes of the finished file.
    std::uint64_t file_size() const noexcept { return data_start_ + layout_.data_size; }
    /// Bytes that a tensor takes.
    std::uint64_t size_of_tensor(std::size_t index) const noexcept
    {
        return layout_.places[index].size;
    }

    /// The index of a tensor by name; `missing_tensor` where it was not announced.
    result<std::size_t> index_of(std::string_view name) const
    {
        const auto found = layout_.by_name.find(std::string{name});
        if (found == layout_.by_name.end())
            return error{error_code::missing_tensor, target_.target(), ": no tensor \"",
                         printable(name), "\" was announced"};
        return found->second;
    }

    /// Writes all bytes of a tensor.
    status write(std::size_t index, std::span<const std::byte> bytes)
    {
        if (bytes.size() != size_of_tensor(index))
            return error{
                error_code::shape_mismatch, layout_.tensors[index].name, ": ",        bytes.size(),
                " bytes given, ",           size_of_tensor(index),       " announced"};
        return write_part(index, 0, bytes);
    }

    status write(std::string_view name, std::span<const std::byte> bytes)
    {
        AWQ_TRY(const std::size_t index, index_of(name));
        return write(index, bytes);
    }

    /// Writes a piece of a tensor at `offset` bytes from its start. Every byte must be written
    /// once: `finish()` counts them. Different tensors may be written from different threads.
    status write_part(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes)
    {
        const detail::file_layout::place& place = layout_.places[index];
        if (offset > place.size || bytes.size() > place.size - offset)
            return error{error_code::shape_mismatch,
                         layout_.tensors[index].name,
                         ": bytes ",
                         offset,
                         " to ",
                         offset + bytes.size(),
                         " pass its ",
                         place.size,
                         " bytes"};
        AWQ_CHECK(bytes_.write_at(data_start_ + place.offset + offset, bytes));
        written_[index] += bytes.size();
        return {};
    }

    /// Moves the complete file into place. Error: `missing_tensor` where bytes were not written.
    status finish()
    {
        for (std::size_t i = 0; i < layout_.tensors.size(); ++i)
            if (written_[i] != layout_.places[i].size)
                return error{error_code::missing_tensor,
                             target_.target(),
                             ": tensor \"",
                             layout_.tensors[i].name,
                             "\" has ",
                             written_[i],
                             " of ",
                             layout_.places[i].size,
                             " bytes"};
        AWQ_CHECK(bytes_.finish());
        return target_.commit();
    }

  private:
    writer(detail::file_layout&& layout, output_file&& target, new_file&& bytes,
           std::uint64_t data_start)
        : layout_(std::move(layout)), target_(std::move(target)), bytes_(std::move(bytes)),
          data_start_(data_start), written_(layout_.tensors.size(), 0)
    {}

    detail::file_layout layout_;
    output_file target_;
    new_file bytes_;
    std::uint64_t data_start_;
    std::vector<std::uint64_t> written_; // bytes of each tensor
};

} // namespace awq::gguf

#endif
// ---- awq/io/json_copy.hpp
#ifndef AWQ_IO_JSON_COPY_HPP
#define AWQ_IO_JSON_COPY_HPP

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

/// Bytes of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the start of `text`; 0 if
/// there is none.
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
    case '\b':
        text += "\\b";
        return;
    case '\f':
        text += "\\f";
        return;
    case '\n':
        text += "\\n";
        return;
    case '\r':
        text += "\\r";
        return;
    case '\t':
        text += "\\t";
        return;
    default:
        break;
    }
    text += "\\u00";
    text += digits[control >> 4];
    text += digits[control & 15];
}

} // namespace detail

/// Appends `content` to `text` as a JSON string with its quotes. Text that is not ASCII stays
/// UTF-8; each byte that is not valid UTF-8 becomes U+FFFD, so that the output is always valid
/// JSON.
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

/// Writes one JSON text (RFC 8259) piece by piece into a string. The caller keeps begin and end in
/// balance and gives every member of an object a key.
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
    requires(!std::same_as<Integer, bool> &&
             !std::same_as<Integer, char>) writer& value(Integer number)
    {
        char digits[24];
        return raw({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
    }

    /// The shortest digits that read back as the same number, always with a point or an exponent,
    /// so that it stays a floating-point number for readers that tell them apart. Not a finite
    /// number: null.
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

/// Writes a value that was read as the writer's next value; members keep their order. Numbers keep
/// their value and their kind (integer or floating point), not their digits. To add keys to an
/// object, walk its `members()`.
inline void write(writer& out, const value& content)
{
    if (content.is_object()) {
        out.begin_object();
        for (const member& each : content.members())
            write(out.key(each.key), each.value);
        out.end_object();
    } else if (content.is_array()) {
        out.begin_array();
        for (const value& each : content.elements())
            write(out, each);
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
// ---- awq/io/safetensors/checkpoint.hpp
#ifndef AWQ_IO_SAFETENSORS_CHECKPOINT_HPP
#define AWQ_IO_SAFETENSORS_CHECKPOINT_HPP

// ---- awq/io/safetensors/reader.hpp
#ifndef AWQ_IO_SAFETENSORS_READER_HPP
#define AWQ_IO_SAFETENSORS_READER_HPP

// ---- awq/io/safetensors/layout.hpp
#ifndef AWQ_IO_SAFETENSORS_LAYOUT_HPP
#define AWQ_IO_SAFETENSORS_LAYOUT_HPP

// ---- awq/io/safetensors/element_type.hpp
#ifndef AWQ_IO_SAFETENSORS_ELEMENT_TYPE_HPP
#define AWQ_IO_SAFETENSORS_ELEMENT_TYPE_HPP

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace awq::safetensors {

/// Every element type of the safetensors format, also those that this library only carries over.
/// The order is the format's own, by which the reference writer sorts (safetensors, `Dtype`).
enum class element_type : unsigned char {
    boolean,
    f4,
    f6_e2m3,
    f6_e3m2,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    f8_e8m0,
    f8_e4m3fnuz,
    f8_e5m2fnuz,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    c64,
    f64,
    i64,
    u64,
};

namespace detail {

struct element_type_facts {
    std::string_view name;
    unsigned bits;
    std::optional<dtype> type; // the library's own name for it
};

inline constexpr std::array<element_type_facts, 22> element_types{{
    {"BOOL", 8, dtype::boolean},
    {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"U8", 8, dtype::u8},
    {"I8", 8, dtype::i8},
    {"F8_E5M2", 8, dtype::f8_e5m2},
    {"F8_E4M3", 8, dtype::f8_e4m3},
    {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},
    {"I16", 16, dtype::i16},
    {"U16", 16, dtype::u16},
    {"F16", 16, dtype::f16},
    {"BF16", 16, dtype::bf16},
    {"I32", 32, dtype::i32},
    {"U32", 32, dtype::u32},
    {"F32", 32, dtype::f32},
    {"C64", 64, std::nullopt},
    {"F64", 64, dtype::f64},
    {"I64", 64, dtype::i64},
    {"U64", 64, dtype::u64},
}};

constexpr const element_type_facts& facts_of(element_type type) noexcept
{
    return element_types[static_cast<std::size_t>(type)];
}

} // namespace detail

/// The name in a header: "BF16".
constexpr std::string_view name_of(element_type type) noexcept
{
    return detail::facts_of(type).name;
}

/// Bits that one element takes (4, 6, 8, 16, 32 or 64).
constexpr unsigned bits_of(element_type type) noexcept
{
    return detail::facts_of(type).bits;
}

/// The library's dtype; nothing for a type that is only carried over.
constexpr std::optional<dtype> to_dtype(element_type type) noexcept
{
    return detail::facts_of(type).type;
}

constexpr std::optional<element_type> element_type_named(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < detail::element_types.size(); ++i)
        if (detail::element_types[i].name == name) return static_cast<element_type>(i);
    return std::nullopt;
}

constexpr element_type to_element_type(dtype type) noexcept
{
    return *element_type_named(awq::name_of(type));
}

} // namespace awq::safetensors

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The safetensors file format (https://github.com/huggingface/safetensors): 8 bytes with the
/// header's length, little endian; the header, a JSON object; the tensors' bytes without holes.
namespace awq::safetensors {

/// The string pairs of a header's "__metadata__", in the header's order.
using metadata = std::vector<std::pair<std::string, std::string>>;

/// What a tensor is, without its bytes.
struct tensor_spec {
    std::string name;
    element_type type = element_type::f32;
    std::vector<std::uint64_t> shape; ///< may be empty (one element) and may contain 0
};

/// A tensor's place: `begin` and `end` count from the first byte after the header.
struct tensor_entry {
    tensor_spec spec;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Where everything in one file is.
struct layout {
    std::vector<tensor_entry> tensors; ///< in the order of their bytes
    safetensors::metadata metadata;
    std::uint64_t data_begin = 0; ///< offset of the first tensor byte in the file
    std::uint64_t data_size = 0;  ///< bytes of all tensors

    std::uint64_t file_size() const noexcept { return data_begin + data_size; }
};

/// The longest header that the format allows.
inline constexpr std::uint64_t max_header_size = 100'000'000;

namespace detail {

inline std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) noexcept
{
    if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a) return std::nullopt;
    return a * b;
}

inline error tensor_error(std::string_view where, std::string_view name, std::string_view problem)
{
    return error{
        error_code::malformed_file, where, ": tensor \"", printable(name), "\": ", problem};
}

} // namespace detail

/// "[32, 64]": for texts.
inline std::string shape_text(std::span<const std::uint64_t> shape)
{
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size() && i < 8; ++i)
        text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    return text + (shape.size() > 8 ? ", ...]" : "]");
}

/// Bytes of a tensor; nothing if the number does not fit 64 bits or is not a whole number of bytes.
inline std::optional<std::uint64_t> byte_size(element_type type,
                                              std::span<const std::uint64_t> shape) noexcept
{
    std::optional<std::uint64_t> bits = 1;
    for (const std::uint64_t extent : shape) {
        bits = detail::multiply(*bits, extent);
        if (!bits) return std::nullopt;
    }
    bits = detail::multiply(*bits, bits_of(type));
    if (!bits || *bits % 8 != 0) return std::nullopt;
    return *bits / 8;
}

namespace detail {

inline result<std::uint64_t> read_header_size(std::span<const std::byte> file,
                                              std::string_view where)
{
    if (file.size() < 8)
        return error{error_code::malformed_file, where, ": offset 0: the file has ", file.size(),
                     " bytes, too few for the 8-byte header length; it is truncated"};
    std::uint64_t size = 0;
    for (unsigned i = 0; i < 8; ++i)
        size |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
    if (size > max_header_size)
        return error{error_code::malformed_file,
                     where,
                     ": offset 0: header length ",
                     size,
                     " is more than the format's limit of ",
                     max_header_size,
                     "; not a safetensors file?"};
    if (size > file.size() - 8)
        return error{error_code::malformed_file,
                     where,
                     ": offset 0: header length ",
                     size,
                     " reaches beyond the end of the file (",
                     file.size(),
                     " bytes); it is truncated"};
    if (size == 0 || file[8] != std::byte{'{'})
        return error{error_code::malformed_file, where,
                     ": offset 8: the header must begin with '{'"};
    return size;
}

inline result<metadata> read_metadata(const json::value& content)
{
    metadata pairs;
    if (content.is_null()) return pairs;
    AWQ_TRY(const auto members, content.as_object());
    AWQ_CHECK(content.check_unique_keys());
    for (const json::member& each : members) {
        AWQ_TRY(const std::string_view text, each.value.as_string());
        pairs.emplace_back(each.key, text);
    }
    return pairs;
}

inline result<tensor_entry> read_entry(const json::member& member)
{
    tensor_entry entry;
    entry.spec.name = member.key;
    const json::value& content = member.value;
    AWQ_CHECK(content.as_object());
    AWQ_CHECK(content.check_unique_keys());
    AWQ_TRY(const json::value type, content.at("dtype"));
    AWQ_TRY(const std::string_view type_name, type.as_string());
    const std::optional<element_type> known = element_type_named(type_name);
    if (!known)
        return type.error(error_code::malformed_file, "unknown dtype \"", printable(type_name),
                          "\"");
    entry.spec.type = *known;
    AWQ_TRY(const json::value shape, content.at("shape"));
    AWQ_TRY(const auto extents, shape.as_array());
    for (const json::value& extent : extents) {
        AWQ_TRY(const std::uint64_t size, extent.as_unsigned());
        entry.spec.shape.push_back(size);
    }
    AWQ_TRY(const json::value offsets, content.at("data_offsets"));
    AWQ_TRY(const auto ends, offsets.as_array());
    if (ends.size() != 2)
        return offsets.error(error_code::malformed_file, "expected [begin, end], found ",
                             ends.size(), " numbers");
    auto at = ends.begin();
    AWQ_TRY(entry.begin, (*at).as_unsigned());
    ++at;
    AWQ_TRY(entry.end, (*at).as_unsigned());
    return entry;
}

inline status check_entry(const tensor_entry& entry, const layout& file, std::string_view where)
{
    const std::string range =
        "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
    if (entry.end < entry.begin)
        return tensor_error(where, entry.spec.name, range + " end before they begin");
    if (entry.end > file.data_size)
        return tensor_error(where, entry.spec.name,
                            range + " reach beyond the end of the file, which has " +
                                std::to_string(file.data_size) + " bytes after the header");
    const std::optional<std::uint64_t> size = byte_size(entry.spec.type, entry.spec.shape);
    const std::string shape =
        "shape " + shape_text(entry.spec.shape) + " of " + std::string{name_of(entry.spec.type)};
    if (!size)
        return tensor_error(where, entry.spec.name,
                            shape + " at " + range +
                                " is too large or not a whole number of bytes");
    if (*size != entry.end - entry.begin)
        return tensor_error(where, entry.spec.name,
                            shape + " takes " + std::to_string(*size) + " bytes, but " + range +
                                " hold " + std::to_string(entry.end - entry.begin));
    return {};
}

// The tensors follow each other from the first byte to the last.
inline status check_no_holes(const layout& file, std::string_view where)
{
    std::uint64_t expected = 0;
    for (const tensor_entry& entry : file.tensors) {
        if (entry.begin != expected)
            return tensor_error(where, entry.spec.name,
                                "begins at data offset " + std::to_string(entry.begin) +
                                    (entry.begin < expected
                                         ? ", inside of the tensor before it, which ends at "
                                         : ", behind a hole that begins at ") +
                                    std::to_string(expected));
        expected = entry.end;
    }
    if (expected == file.data_size) return {};
    return error{error_code::malformed_file,
                 where,
                 ": offset ",
                 file.data_begin + expected,
                 ": ",
                 file.data_size - expected,
                 " bytes after the last tensor",
                 file.tensors.empty() ? "" : " \"",
                 file.tensors.empty() ? "" : printable(file.tensors.back().spec.name),
                 file.tensors.empty() ? "" : "\"",
                 " belong to no tensor"};
}

} // namespace detail

/// Reads and checks the header of a whole safetensors file. Everything the format demands is
/// checked: lengths, JSON, known dtypes, unique names, byte ranges that fit shape and dtype, lie in
/// the file and cover it without holes or overlaps. `where` (the path) begins every error text.
/// Error: `malformed_file`.
inline result<layout> read_layout(std::span<const std::byte> file, std::string_view where)
{
    AWQ_TRY(const std::uint64_t header_size, detail::read_header_size(file, where));
    const std::string header_place = std::string{where} + ": header";
    AWQ_TRY(const json::document header,
            json::document::parse({reinterpret_cast<const char*>(file.data()) + 8,
                                   static_cast<std::size_t>(header_size)},
                                  header_place));
    AWQ_TRY(const auto members, header.root().as_object());
    AWQ_CHECK(header.root().check_unique_keys());
    layout found;
    found.data_begin = 8 + header_size;
    found.data_size = file.size() - found.data_begin;
    found.tensors.reserve(members.size());
    for (const json::member& member : members) {
        if (member.key == "__metadata__") {
            AWQ_TRY(found.metadata, detail::read_metadata(member.value));
            continue;
        }
        AWQ_TRY(tensor_entry entry, detail::read_entry(member));
        AWQ_CHECK(detail::check_entry(entry, found, where));
        found.tensors.push_back(std::move(entry));
    }
    std::stable_sort(found.tensors.begin(), found.tensors.end(),
                     [](const tensor_entry& a, const tensor_entry& b) {
                         return std::pair{a.begin, a.end} < std::pair{b.begin, b.end};
                     });
    AWQ_CHECK(detail::check_no_holes(found, where));
    return found;
}

/// The header of a file, padded with spaces to a multiple of 8 bytes, without the 8 bytes of its
/// length.
inline std::string header_text(const layout& file)
{
    json::writer out;
    out.begin_object();
    if (!file.metadata.empty()) {
        out.key("__metadata__").begin_object();
        for (const auto& [key, text] : file.metadata)
            out.field(key, text);
        out.end_object();
    }
    for (const tensor_entry& entry : file.tensors) {
        out.key(entry.spec.name).begin_object().field("dtype", name_of(entry.spec.type));
        out.key("shape").begin_array();
        for (const std::uint64_t extent : entry.spec.shape)
            out.value(extent);
        out.end_array().key("data_offsets").begin_array();
        out.value(entry.begin).value(entry.end).end_array().end_object();
    }
    std::string text = std::move(out.end_object()).take();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
}

/// Gives every tensor its place as the reference writer does: widest dtype first, then by name, so
/// that each is aligned to its elements. Errors: `invalid_argument` for a name that is there twice
/// or a size that overflows.
inline result<layout> plan_layout(std::vector<tensor_spec> specs, metadata pairs,
                                  std::string_view where)
{
    std::sort(specs.begin(), specs.end(), [](const tensor_spec& a, const tensor_spec& b) {
        return a.type != b.type ? a.type > b.type : a.name < b.name;
    });
    layout planned;
    planned.metadata = std::move(pairs);
    std::vector<std::string_view> names{"__metadata__"};
    for (tensor_spec& spec : specs) {
        const std::optional<std::uint64_t> size = byte_size(spec.type, spec.shape);
        if (!size || *size > std::numeric_limits<std::int64_t>::max() - planned.data_size)
            return error{error_code::invalid_argument,
                         where,
                         ": tensor \"",
                         printable(spec.name),
                         "\": shape ",
                         shape_text(spec.shape),
                         " of ",
                         name_of(spec.type),
                         " is too large or not a whole number of bytes"};
        const std::uint64_t begin = planned.data_size;
        planned.data_size += *size;
        planned.tensors.push_back({std::move(spec), begin, planned.data_size});
    }
    for (const tensor_entry& entry : planned.tensors)
        names.push_back(entry.spec.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
        return error{error_code::invalid_argument, where, ": tensor \"", printable(*twice),
                     "\" is there twice"};
    planned.data_begin = 8 + header_text(planned).size();
    if (planned.data_begin - 8 > max_header_size)
        return error{error_code::invalid_argument,
                     where,
                     ": a header of ",
                     planned.data_begin - 8,
                     " bytes is more than the format's limit of ",
                     max_header_size};
    return planned;
}

} // namespace awq::safetensors

#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// A tensor in an open file. Lives, like its bytes, as long as the file.
struct tensor {
    std::string name;
    element_type stored = element_type::f32;
    std::vector<std::uint64_t> shape;
    std::span<const std::byte> bytes; ///< in the mapped file, at no particular alignment
    std::uint64_t offset = 0;         ///< of the first byte, from the beginning of the file
    const mapped_file* file = nullptr;

    /// The library's dtype; nothing for a type that is only carried over.
    std::optional<awq::dtype> type() const noexcept { return to_dtype(stored); }
    /// The product of the shape (checked when the file was opened).
    std::uint64_t element_count() const noexcept
    {
        std::uint64_t count = 1;
        for (const std::uint64_t extent : shape)
            count *= extent;
        return count;
    }
    tensor_spec spec() const { return {name, stored, shape}; }
    /// Lets the tensor's memory pages go; they come back when they are read again.
    void release() const noexcept { file->release(bytes); }
    /// Tells the system that the tensor is read soon.
    void prefetch() const noexcept { file->prefetch(bytes); }
};

/// One safetensors file, mapped into memory. Its header is checked when it is opened; tensor bytes
/// are read only where the caller looks at them.
class file {
  public:
    /// Errors: `file_not_found`, `file_unreadable`, `out_of_memory`, `malformed_file`; the text
    /// names the file, and the tensor and the offset where there is one.
    static result<file> open(const std::string& path)
    {
        file opened;
        AWQ_TRY(mapped_file mapped, mapped_file::open(path));
        opened.mapped_ = std::make_unique<mapped_file>(std::move(mapped));
        AWQ_TRY(layout found, read_layout(opened.mapped_->bytes(), path));
        opened.metadata_ = std::move(found.metadata);
        opened.tensors_.reserve(found.tensors.size());
        for (tensor_entry& entry : found.tensors)
            opened.add(std::move(entry), found.data_begin);
        for (const tensor& each : opened.tensors_)
            opened.by_name_.emplace(each.name, &each);
        return opened;
    }

    const std::string& path() const noexcept { return mapped_->path(); }
    /// The path's last part: "model.safetensors".
    std::string_view name() const noexcept
    {
        const std::string_view whole = path();
        return whole.substr(whole.rfind('/') + 1);
    }
    /// In the order of their bytes in the file.
    std::span<const tensor> tensors() const noexcept { return tensors_; }
    const safetensors::metadata& metadata() const noexcept { return metadata_; }
    /// Null if there is no such tensor.
    const tensor* find(std::string_view name) const noexcept
    {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second;
    }

  private:
    void add(tensor_entry&& entry, std::uint64_t data_begin)
    {
        const std::uint64_t offset = data_begin + entry.begin;
        tensors_.push_back(
            {std::move(entry.spec.name), entry.spec.type, std::move(entry.spec.shape),
             mapped_->bytes().subspan(offset, entry.end - entry.begin), offset, mapped_.get()});
    }

    std::unique_ptr<mapped_file> mapped_; // at a fixed address: tensors point to it
    std::vector<tensor> tensors_;
    safetensors::metadata metadata_;
    std::unordered_map<std::string_view, const tensor*> by_name_;
};

} // namespace awq::safetensors

#endif
// ---- awq/io/safetensors/shard_index.hpp
#ifndef AWQ_IO_SAFETENSORS_SHARD_INDEX_HPP
#define AWQ_IO_SAFETENSORS_SHARD_INDEX_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// File names that Hugging Face checkpoints use.
inline constexpr std::string_view single_file_name = "model.safetensors";
inline constexpr std::string_view index_file_name = "model.safetensors.index.json";

/// Whether a name from an index is the name of a file in the same directory and nothing else: no
/// path, no "..", no control character, and it ends in ".safetensors".
inline bool is_plain_shard_name(std::string_view name) noexcept
{
    constexpr std::string_view suffix = ".safetensors";
    const auto foreign = [](char each) {
        return each == '/' || each == '\\' || each == ':' ||
               static_cast<unsigned char>(each) < 0x20;
    };
    return name.size() > suffix.size() && name.size() <= 255 &&
           name.substr(name.size() - suffix.size()) == suffix && name.front() != '.' &&
           std::none_of(name.begin(), name.end(), foreign);
}

/// The content of model.safetensors.index.json: which tensor is in which file.
struct shard_index {
    std::vector<std::pair<std::string, std::string>> weight_map; ///< tensor, file; sorted by tensor
    std::uint64_t total_size = 0; ///< bytes of all tensors; not checked on reading
    std::optional<std::uint64_t> total_parameters;

    /// Parses an index. Errors (`malformed_file`, `missing_field`): not JSON, no weight_map, a
    /// tensor that is there twice, a file name that leaves the directory.
    static result<shard_index> parse(std::string_view text, std::string_view where);

    /// The file names, sorted, each once.
    std::vector<std::string> files() const
    {
        std::vector<std::string> names;
        for (const auto& [tensor, file] : weight_map)
            names.push_back(file);
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }

    /// The file that holds a tensor; null if the index lacks it.
    const std::string* find(std::string_view tensor) const noexcept
    {
        const auto found = std::lower_bound(
            weight_map.begin(), weight_map.end(), tensor,
            [](const auto& entry, std::string_view name) { return entry.first < name; });
        return found == weight_map.end() || found->first != tensor ? nullptr : &found->second;
    }

    /// The index as Hugging Face's writer lays it out: indent 2, sorted by tensor name.
    std::string text() const
    {
        json::writer out{2};
        out.begin_object().key("metadata").begin_object();
        if (total_parameters) out.field("total_parameters", *total_parameters);
        out.field("total_size", total_size).end_object();
        out.key("weight_map").begin_object();
        for (const auto& [tensor, file] : weight_map)
            out.field(tensor, file);
        return std::move(out.end_object().end_object()).take() + "\n";
    }
};

inline result<shard_index> shard_index::parse(std::string_view text, std::string_view where)
{
    AWQ_TRY(const json::document document, json::document::parse(text, where));
    AWQ_CHECK(document.root().check_unique_keys());
    AWQ_TRY(const json::value map, document.root().at("weight_map"));
    AWQ_TRY(const auto members, map.as_object());
    AWQ_CHECK(map.check_unique_keys());
    shard_index index;
    index.weight_map.reserve(members.size());
    for (const json::member& each : members) {
        AWQ_TRY(const std::string_view file, each.value.as_string());
        if (!is_plain_shard_name(file))
            return error{error_code::malformed_file,
                         where,
                         ": tensor \"",
                         printable(each.key),
                         "\": \"",
                         printable(file),
                         "\" is not the name of a .safetensors file in this directory"};
        index.weight_map.emplace_back(each.key, file);
    }
    if (index.weight_map.empty())
        return error{error_code::malformed_file, where, ": weight_map is empty"};
    std::sort(index.weight_map.begin(), index.weight_map.end());
    // Advisory fields: other writers leave them out or write them as floating-point numbers.
    if (const auto about = document.root().find("metadata")) {
        if (const auto size = about->find("total_size"))
            if (const auto bytes = size->as_unsigned(); bytes) index.total_size = *bytes;
        if (const auto parameters = about->find("total_parameters"))
            if (const auto count = parameters->as_unsigned(); count)
                index.total_parameters = *count;
    }
    return index;
}

} // namespace awq::safetensors

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// All tensors of a Hugging Face model directory: model.safetensors, or the shards that
/// model.safetensors.index.json lists.
class checkpoint {
  public:
    /// Opens and checks everything but the tensors' values. Errors: those of `file::open` and
    /// `shard_index::parse`; `missing_tensor` where a shard lacks a tensor that the index lists;
    /// `malformed_file` for a tensor that the index does not list or lists in another shard, and
    /// for a directory that has both kinds.
    static result<checkpoint> open(const std::string& directory);

    const std::string& directory() const noexcept { return directory_; }
    /// The files, sorted by name; each knows its `name()` and its `tensors()`.
    std::span<const file> shards() const noexcept { return shards_; }
    /// Whether there is an index file. There can be one with a single shard.
    bool has_index() const noexcept { return index_.has_value(); }
    const std::optional<shard_index>& index() const noexcept { return index_; }

    /// Every tensor, shard by shard, in the order of their bytes.
    std::span<const tensor* const> tensors() const noexcept { return tensors_; }
    /// Null if there is no such tensor.
    const tensor* find(std::string_view name) const noexcept
    {
        for (const file& shard : shards_)
            if (const tensor* const found = shard.find(name)) return found;
        return nullptr;
    }
    /// As `find`, but `missing_tensor` if there is none.
    result<const tensor*> at(std::string_view name) const
    {
        if (const tensor* const found = find(name)) return found;
        return error{error_code::missing_tensor, directory_, ": there is no tensor \"",
                     printable(name), "\""};
    }
    /// Bytes of all tensors.
    std::uint64_t total_bytes() const noexcept
    {
        std::uint64_t sum = 0;
        for (const tensor* const each : tensors_)
            sum += each->bytes.size();
        return sum;
    }
    /// Elements of all tensors.
    std::uint64_t total_elements() const noexcept
    {
        std::uint64_t sum = 0;
        for (const tensor* const each : tensors_)
            sum += each->element_count();
        return sum;
    }

  private:
    status open_shards(const std::vector<std::string>& names)
    {
        shards_.reserve(names.size());
        for (const std::string& name : names) {
            AWQ_TRY(file shard, file::open(directory_ + "/" + name));
            shards_.push_back(std::move(shard));
        }
        for (const file& shard : shards_)
            for (const tensor& each : shard.tensors())
                tensors_.push_back(&each);
        return {};
    }

    status check_index(const std::string& index_path) const;

    std::string directory_;
    std::vector<file> shards_;
    std::vector<const tensor*> tensors_;
    std::optional<shard_index> index_;
};

// Each tensor is in exactly the file that the index says.
inline status checkpoint::check_index(const std::string& index_path) const
{
    for (const file& shard : shards_) {
        for (const tensor& each : shard.tensors()) {
            const std::string* const listed = index_->find(each.name);
            if (listed == nullptr)
                return error{error_code::malformed_file, shard.path(),    ": tensor \"",
                             printable(each.name),       "\" at offset ", each.offset,
                             " is not listed in ",       index_file_name};
            if (*listed != shard.name())
                return error{error_code::malformed_file,
                             shard.path(),
                             ": tensor \"",
                             printable(each.name),
                             "\" at offset ",
                             each.offset,
                             " is here, but ",
                             index_file_name,
                             " lists it in ",
                             *listed};
        }
    }
    for (const auto& [name, shard] : index_->weight_map)
        if (find(name) == nullptr)
            return error{error_code::missing_tensor,
                         index_path,
                         ": tensor \"",
                         printable(name),
                         "\" is listed in ",
                         shard,
                         ", but that file does not have it"};
    return {};
}

inline result<checkpoint> checkpoint::open(const std::string& directory)
{
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path root{directory};
    if (!fs::is_directory(root, ignored))
        return error{error_code::file_not_found, directory, ": is not a directory"};
    checkpoint opened;
    opened.directory_ = directory;
    while (opened.directory_.size() > 1 && opened.directory_.back() == '/')
        opened.directory_.pop_back();
    const bool single = fs::exists(root / single_file_name, ignored);
    const bool sharded = fs::exists(root / index_file_name, ignored);
    if (!single && !sharded)
        return error{error_code::file_not_found,
                     directory,
                     ": neither ",
                     single_file_name,
                     " nor ",
                     index_file_name,
                     " is there; other weight formats must be converted first"};
    if (!sharded) {
        AWQ_CHECK(opened.open_shards({std::string{single_file_name}}));
        return opened;
    }
    const std::string index_path = opened.directory_ + "/" + std::string{index_file_name};
    AWQ_TRY(const std::string text, read_file(index_path));
    AWQ_TRY(opened.index_, shard_index::parse(text, index_path));
    const std::vector<std::string> files = opened.index_->files();
    if (single && files != std::vector<std::string>{std::string{single_file_name}})
        return error{error_code::malformed_file,
                     directory,
                     ": both ",
                     single_file_name,
                     " and ",
                     index_file_name,
                     " are there; remove the one that is out of date"};
    AWQ_CHECK(opened.open_shards(files));
    AWQ_CHECK(opened.check_index(index_path));
    return opened;
}

} // namespace awq::safetensors

#endif
// ---- awq/io/safetensors/convert.hpp
#ifndef AWQ_IO_SAFETENSORS_CONVERT_HPP
#define AWQ_IO_SAFETENSORS_CONVERT_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/// Between float32 and the 16- and 32-bit formats of weights in files, at any alignment, little
/// endian.
namespace awq::safetensors {

namespace detail {

static_assert(std::endian::native == std::endian::little,
              "awq reads and writes little endian files");

inline void widen_bf16(const std::byte* from, float* to, std::size_t count) noexcept
{
    for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, from + 2 * i, 2);
        to[i] = std::bit_cast<float>(std::uint32_t{bits} << 16);
    }
}

inline void widen_f16_plain(const std::byte* from, float* to, std::size_t count) noexcept
{
    for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, from + 2 * i, 2);
        to[i] = static_cast<float>(f16::from_bits(bits));
    }
}

inline void narrow_bf16(const float* from, std::byte* to, std::size_t count) noexcept
{
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t bits = bf16{from[i]}.bits;
        std::memcpy(to + 2 * i, &bits, 2);
    }
}

inline void narrow_f16_plain(const float* from, std::byte* to, std::size_t count) noexcept
{
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t bits = f16{from[i]}.bits;
        std::memcpy(to + 2 * i, &bits, 2);
    }
}

#if defined(__x86_64__) || defined(__i386__)
[[gnu::target("avx,f16c")]] inline void widen_f16_f16c(const std::byte* from, float* to,
                                                       std::size_t count) noexcept
{
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 2 * i));
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(half));
    }
    widen_f16_plain(from + 2 * i, to + i, count - i);
}

[[gnu::target("avx,f16c")]] inline void narrow_f16_f16c(const float* from, std::byte* to,
                                                        std::size_t count) noexcept
{
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2 * i), half);
    }
    narrow_f16_plain(from + i, to + 2 * i, count - i);
}

inline bool has_f16c() noexcept
{
    // clang 14's __builtin_cpu_supports does not know "f16c"; "avx" says that the system keeps ymm
    // registers.
    static const bool supported = [] {
        unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
        return __builtin_cpu_supports("avx") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 &&
               (ecx & bit_F16C) != 0;
    }();
    return supported;
}
#endif

inline void widen_f16(const std::byte* from, float* to, std::size_t count) noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    if (has_f16c()) return widen_f16_f16c(from, to, count);
#endif
    widen_f16_plain(from, to, count);
}

inline void narrow_f16(const float* from, std::byte* to, std::size_t count) noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    if (has_f16c()) return narrow_f16_f16c(from, to, count);
#endif
    narrow_f16_plain(from, to, count);
}

// Whether all are finite; a branch-free integer maximum, which every compiler vectorises.
inline bool all_finite(const float* values, std::size_t count) noexcept
{
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < count; ++i)
        largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFu);
    return largest < 0x7F800000u;
}

// The same for 16-bit patterns whose exponent bits are `infinity`.
inline bool all_finite_16(const std::byte* values, std::size_t count,
                          std::uint16_t infinity) noexcept
{
    std::uint16_t largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, values + 2 * i, 2);
        largest = std::max<std::uint16_t>(largest, bits & 0x7FFFu);
    }
    return largest < infinity;
}

// Values per step: source and result of a step stay in the first-level cache.
inline constexpr std::size_t values_per_step = 2048;

} // namespace detail

/// Index of the first value that is a NaN or an infinity.
inline std::optional<std::size_t> first_not_finite(std::span<const float> values) noexcept
{
    for (std::size_t begin = 0; begin < values.size(); begin += detail::values_per_step) {
        const auto step =
            values.subspan(begin, std::min(detail::values_per_step, values.size() - begin));
        if (detail::all_finite(step.data(), step.size())) continue;
        for (std::size_t i = 0; i < step.size(); ++i)
            if (!detail::all_finite(&step[i], 1)) return begin + i;
    }
    return std::nullopt;
}

/// values = bytes of the given type (f32, f16 or bf16), exactly. The caller sees to it that
/// bytes.size() == values.size() * size_of(type).
inline void widen(dtype type, std::span<const std::byte> bytes, std::span<float> values) noexcept
{
    if (values.empty()) return;
    switch (type) {
    case dtype::bf16:
        return detail::widen_bf16(bytes.data(), values.data(), values.size());
    case dtype::f16:
        return detail::widen_f16(bytes.data(), values.data(), values.size());
    default:
        std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    }
}

/// bytes = values rounded to the given type (f32, f16 or bf16), to nearest, ties to even. The
/// caller sees to it that bytes.size() == values.size() * size_of(type).
inline void narrow(dtype type, std::span<const float> values, std::span<std::byte> bytes) noexcept
{
    if (values.empty()) return;
    switch (type) {
    case dtype::bf16:
        return detail::narrow_bf16(values.data(), bytes.data(), values.size());
    case dtype::f16:
        return detail::narrow_f16(values.data(), bytes.data(), values.size());
    default:
        std::memcpy(bytes.data(), values.data(), values.size() * sizeof(float));
    }
}

/// Whether every value of the given type (f32, f16 or bf16) in `bytes` is finite.
inline bool all_finite(dtype type, std::span<const std::byte> bytes) noexcept
{
    if (type == dtype::bf16) return detail::all_finite_16(bytes.data(), bytes.size() / 2, 0x7F80);
    if (type == dtype::f16) return detail::all_finite_16(bytes.data(), bytes.size() / 2, 0x7C00);
    float step[256];
    for (std::size_t begin = 0; begin < bytes.size(); begin += sizeof step) {
        const std::size_t size = std::min(sizeof step, bytes.size() - begin);
        std::memcpy(step, bytes.data() + begin, size);
        if (!detail::all_finite(step, size / sizeof(float))) return false;
    }
    return true;
}

/// Reads elements [first, first + values.size()) of a tensor as float32. Errors: `unsupported` for
/// an element type other than F32, F16 and BF16; `shape_mismatch` for elements that are not there;
/// `not_finite` naming the file, the tensor, the first such element and its offset in the file.
inline status read_floats(const tensor& source, std::span<float> values, std::uint64_t first = 0)
{
    const auto fail = [&](error_code code, const auto&... parts) {
        return error{
            code, source.file->path(), ": tensor \"", printable(source.name), "\": ", parts...};
    };
    const std::optional<dtype> type = source.type();
    if (!type || !is_smoothable(*type))
        return fail(error_code::unsupported, name_of(source.stored),
                    " cannot be read as weights, only F32, F16 and BF16");
    const std::uint64_t count = source.element_count();
    if (first > count || values.size() > count - first)
        return fail(error_code::shape_mismatch, "has ", count, " elements, ", values.size(),
                    " were asked for from element ", first);
    const std::size_t width = size_of(*type);
    const auto bytes = source.bytes.subspan(first * width, values.size() * width);
    for (std::size_t begin = 0; begin < values.size(); begin += detail::values_per_step) {
        const auto step =
            values.subspan(begin, std::min(detail::values_per_step, values.size() - begin));
        widen(*type, bytes.subspan(begin * width, step.size() * width), step);
        if (detail::all_finite(step.data(), step.size())) continue;
        const std::size_t at = *first_not_finite(step);
        const std::uint64_t element = first + begin + at;
        return fail(error_code::not_finite, "element ", element, " at offset ",
                    source.offset + element * width, " is ",
                    std::isnan(step[at]) ? "NaN" : "infinite");
    }
    return {};
}

} // namespace awq::safetensors

#endif
// ---- awq/io/safetensors/shard_set_writer.hpp
#ifndef AWQ_IO_SAFETENSORS_SHARD_SET_WRITER_HPP
#define AWQ_IO_SAFETENSORS_SHARD_SET_WRITER_HPP

// ---- awq/io/safetensors/writer.hpp
#ifndef AWQ_IO_SAFETENSORS_WRITER_HPP
#define AWQ_IO_SAFETENSORS_WRITER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// Writes one safetensors file, byte for byte as the reference writer would. The whole file is laid
/// out and reserved first; then its tensors come in any order. A writer that is destroyed before
/// `finish()` succeeded removes its file.
class writer {
  public:
    /// Creates the file and writes its header. `pairs` should hold {"format", "pt"}, which
    /// transformers asks for. Errors: `invalid_argument` (names, shapes), `file_exists`,
    /// `file_unwritable` (also: disk full).
    static result<writer> create(const std::string& path, std::vector<tensor_spec> specs,
                                 metadata pairs = {{"format", "pt"}})
    {
        AWQ_TRY(layout planned, plan_layout(std::move(specs), std::move(pairs), path));
        AWQ_TRY(new_file created, new_file::create(path));
        AWQ_CHECK(created.reserve(planned.file_size()));
        const std::string header = header_text(planned);
        std::byte size[8];
        for (unsigned i = 0; i < 8; ++i)
            size[i] = static_cast<std::byte>(std::uint64_t{header.size()} >> (8 * i));
        AWQ_CHECK(created.write_at(0, size));
        AWQ_CHECK(created.write_at(8, std::as_bytes(std::span{header})));
        return writer{std::move(created), std::move(planned)};
    }

    const std::string& path() const noexcept { return file_.path(); }
    /// The tensors in the order of the file.
    std::span<const tensor_entry> tensors() const noexcept { return layout_.tensors; }
    std::uint64_t total_bytes() const noexcept { return layout_.data_size; }
    bool contains(std::string_view name) const { return by_name_.contains(std::string{name}); }
    bool is_written(std::string_view name) const
    {
        const auto found = by_name_.find(std::string{name});
        return found != by_name_.end() && written_[found->second];
    }

    /// Writes a tensor's bytes as they are. Errors: `missing_tensor` for a name that was not
    /// announced, `invalid_argument` for one that is written already, `shape_mismatch` for another
    /// number of bytes, `file_unwritable`.
    status write(std::string_view name, std::span<const std::byte> bytes)
    {
        AWQ_TRY(const std::size_t index, claim(name));
        const tensor_entry& entry = layout_.tensors[index];
        if (bytes.size() != entry.end - entry.begin)
            return tensor_error(name, error_code::shape_mismatch, "takes ", entry.end - entry.begin,
                                " bytes, ", bytes.size(), " were given");
        AWQ_CHECK(file_.write_at(layout_.data_begin + entry.begin, bytes));
        written_[index] = true;
        return {};
    }

    /// Writes float32 values, rounded (to nearest, ties to even) to the tensor's F32, F16 or BF16.
    /// Errors: as `write`; `unsupported` for another element type; `not_finite` for a value that is
    /// not finite or does not fit the type.
    status write_floats(std::string_view name, std::span<const float> values)
    {
        AWQ_TRY(const std::size_t index, claim(name));
        const tensor_entry& entry = layout_.tensors[index];
        const std::optional<dtype> type = to_dtype(entry.spec.type);
        if (!type || !is_smoothable(*type))
            return tensor_error(name, error_code::unsupported, name_of(entry.spec.type),
                                " cannot be written from float32");
        const std::size_t width = size_of(*type);
        if (values.size() != (entry.end - entry.begin) / width)
            return tensor_error(name, error_code::shape_mismatch, "has ",
                                (entry.end - entry.begin) / width, " elements, ", values.size(),
                                " were given");
        AWQ_CHECK(write_rounded(entry, *type, values));
        written_[index] = true;
        return {};
    }

    /// Checks that every tensor was written and flushes the file to the disk. Error:
    /// `missing_tensor`.
    status finish()
    {
        for (std::size_t i = 0; i < written_.size(); ++i)
            if (!written_[i])
                return tensor_error(layout_.tensors[i].spec.name, error_code::missing_tensor,
                                    "was announced but not written");
        return file_.finish();
    }

  private:
    writer(new_file&& file, layout&& planned)
        : file_(std::move(file)), layout_(std::move(planned)), written_(layout_.tensors.size())
    {
        for (std::size_t i = 0; i < layout_.tensors.size(); ++i)
            by_name_.emplace(layout_.tensors[i].spec.name, i);
    }

    template <class... Parts>
    error tensor_error(std::string_view name, error_code code, const Parts&... parts) const
    {
        return error{code, path(), ": tensor \"", printable(name), "\": ", parts...};
    }

    result<std::size_t> claim(std::string_view name) const
    {
        const auto found = by_name_.find(std::string{name});
        if (found == by_name_.end())
            return tensor_error(name, error_code::missing_tensor, "was not announced");
        if (written_[found->second])
            return tensor_error(name, error_code::invalid_argument, "is written already");
        return found->second;
    }

    status write_rounded(const tensor_entry& entry, dtype type, std::span<const float> values)
    {
        constexpr std::size_t step_size = 1u << 18;
        const std::size_t width = size_of(type);
        std::vector<std::byte> rounded(std::min(values.size(), step_size) * width);
        for (std::size_t begin = 0; begin < values.size(); begin += step_size) {
            const auto step = values.subspan(begin, std::min(step_size, values.size() - begin));
            const auto bytes = std::span{rounded}.first(step.size() * width);
            narrow(type, step, bytes);
            if (!all_finite(type, bytes))
                return tensor_error(entry.spec.name, error_code::not_finite,
                                    not_finite_text(type, begin, step));
            AWQ_CHECK(file_.write_at(layout_.data_begin + entry.begin + begin * width, bytes));
        }
        return {};
    }

    static std::string not_finite_text(dtype type, std::size_t first, std::span<const float> values)
    {
        std::size_t at = 0;
        std::byte bytes[4];
        for (; at + 1 < values.size(); ++at) {
            narrow(type, values.subspan(at, 1), std::span{bytes}.first(size_of(type)));
            if (!all_finite(type, std::span{bytes}.first(size_of(type)))) break;
        }
        return "element " + std::to_string(first + at) + " (" + std::to_string(values[at]) +
               ") is not a finite " + std::string{awq::name_of(type)};
    }

    new_file file_;
    layout layout_;
    std::vector<bool> written_;
    std::unordered_map<std::string, std::size_t> by_name_;
};

} // namespace awq::safetensors

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace awq::safetensors {

/// One file of a checkpoint that is to be written.
struct shard_plan {
    std::string file_name; ///< "model-00001-of-00002.safetensors"
    std::vector<tensor_spec> tensors;
    safetensors::metadata metadata{{"format", "pt"}};
};

/// The files, tensors and element types of a checkpoint that is there. Metadata without a "format"
/// gets "pt", which transformers asks for. Change what shall be different before it goes to
/// `shard_set_writer::create`.
inline std::vector<shard_plan> plan_like(const checkpoint& source)
{
    std::vector<shard_plan> plans;
    for (const file& shard : source.shards()) {
        shard_plan plan{std::string{shard.name()}, {}, shard.metadata()};
        for (const tensor& each : shard.tensors())
            plan.tensors.push_back(each.spec());
        const auto is_format = [](const auto& pair) { return pair.first == "format"; };
        if (std::none_of(plan.metadata.begin(), plan.metadata.end(), is_format))
            plan.metadata.emplace_back("format", "pt");
        plans.push_back(std::move(plan));
    }
    return plans;
}

/// Writes the weight files of a model directory, and their index if there is one. Tensors come in
/// any order; one thread at a time. Files that are not finished are removed.
class shard_set_writer {
  public:
    /// Creates all files in an existing directory and reserves their space. With `with_index`,
    /// model.safetensors.index.json is written at the end; without, there may be one file only.
    /// Errors: those of `writer::create`; `invalid_argument` for a file name with a path in it or a
    /// tensor in two files.
    static result<shard_set_writer> create(const std::string& directory,
                                           std::vector<shard_plan> plans, bool with_index);

    /// The same files, tensors and element types as `source`.
    static result<shard_set_writer> create(const std::string& directory, const checkpoint& source)
    {
        AWQ_TRY(shard_set_writer set, create(directory, plan_like(source), source.has_index()));
        if (source.has_index()) set.total_parameters_ = source.index()->total_parameters;
        return set;
    }

    /// As `writer::write`; finds the tensor's file.
    status write(std::string_view name, std::span<const std::byte> bytes)
    {
        AWQ_TRY(writer* const shard, shard_of(name));
        return shard->write(name, bytes);
    }

    /// As `writer::write_floats`; finds the tensor's file.
    status write_floats(std::string_view name, std::span<const float> values)
    {
        AWQ_TRY(writer* const shard, shard_of(name));
        return shard->write_floats(name, values);
    }

    bool contains(std::string_view name) const
    {
        return shard_by_tensor_.contains(std::string{name});
    }
    bool is_written(std::string_view name) const
    {
        const auto found = shard_by_tensor_.find(std::string{name});
        return found != shard_by_tensor_.end() && shards_[found->second].is_written(name);
    }

    /// Copies every tensor that was not written yet from `source`, byte for byte, as far as
    /// `source` has it with the same element type and shape. Their memory pages are let go.
    status copy_rest(const checkpoint& source);

    /// Flushes all files and writes the index. Error: `missing_tensor` if one was not written.
    status finish();

  private:
    result<writer*> shard_of(std::string_view name)
    {
        const auto found = shard_by_tensor_.find(std::string{name});
        if (found != shard_by_tensor_.end()) return &shards_[found->second];
        return error{error_code::missing_tensor, directory_, ": tensor \"", printable(name),
                     "\" was not announced"};
    }

    std::string directory_;
    std::vector<std::string> file_names_;
    std::vector<writer> shards_;
    std::unordered_map<std::string, std::size_t> shard_by_tensor_;
    std::optional<std::uint64_t> total_parameters_; // an advisory field of the index, carried over
    bool with_index_ = false;
};

inline result<shard_set_writer> shard_set_writer::create(const std::string& directory,
                                                         std::vector<shard_plan> plans,
                                                         bool with_index)
{
    if (plans.size() != 1 && !with_index)
        return error{error_code::invalid_argument, directory, ": ", plans.size(),
                     " weight files need an index"};
    shard_set_writer set;
    set.directory_ = directory;
    set.with_index_ = with_index;
    for (shard_plan& plan : plans) {
        if (!is_plain_shard_name(plan.file_name))
            return error{error_code::invalid_argument, directory, ": \"", printable(plan.file_name),
                         "\" is not a plain .safetensors file name"};
        for (const tensor_spec& spec : plan.tensors)
            if (!set.shard_by_tensor_.emplace(spec.name, set.shards_.size()).second)
                return error{error_code::invalid_argument, directory, ": tensor \"",
                             printable(spec.name), "\" is there twice"};
        AWQ_TRY(writer shard, writer::create(directory + "/" + plan.file_name,
                                             std::move(plan.tensors), std::move(plan.metadata)));
        set.shards_.push_back(std::move(shard));
        set.file_names_.push_back(std::move(plan.file_name));
    }
    return set;
}

inline status shard_set_writer::copy_rest(const checkpoint& source)
{
    for (writer& shard : shards_) {
        for (const tensor_entry& entry : shard.tensors()) {
            if (shard.is_written(entry.spec.name)) continue;
            const tensor* const original = source.find(entry.spec.name);
            if (original == nullptr || original->stored != entry.spec.type ||
                original->shape != entry.spec.shape)
                continue; // finish() reports it
            AWQ_CHECK(shard.write(entry.spec.name, original->bytes));
            original->release();
        }
    }
    return {};
}

inline status shard_set_writer::finish()
{
    for (writer& shard : shards_)
        AWQ_CHECK(shard.finish());
    if (!with_index_) return {};
    shard_index index;
    index.total_parameters = total_parameters_;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        index.total_size += shards_[i].total_bytes();
        for (const tensor_entry& entry : shards_[i].tensors())
            index.weight_map.emplace_back(entry.spec.name, file_names_[i]);
    }
    std::sort(index.weight_map.begin(), index.weight_map.end());
    return write_file(directory_ + "/" + std::string{index_file_name}, index.text());
}

} // namespace awq::safetensors

#endif
// ---- awq/model/block_weights.hpp
#ifndef AWQ_MODEL_BLOCK_WEIGHTS_HPP
#define AWQ_MODEL_BLOCK_WEIGHTS_HPP

// ---- awq/model/model_config.hpp
#ifndef AWQ_MODEL_MODEL_CONFIG_HPP
#define AWQ_MODEL_MODEL_CONFIG_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// How the rotary frequencies are stretched for long texts.
enum class rope_kind : unsigned char { plain, linear, dynamic, llama3, yarn };

/// The kind by its name in config.json ("default", "linear", "dynamic", "llama3", "yarn").
inline std::optional<rope_kind> rope_kind_of(std::string_view name) noexcept
{
    if (name == "default") return rope_kind::plain;
    if (name == "linear") return rope_kind::linear;
    if (name == "dynamic") return rope_kind::dynamic;
    if (name == "llama3") return rope_kind::llama3;
    if (name == "yarn") return rope_kind::yarn;
    return std::nullopt;
}

/// Rotary position embedding: `rope_theta` with `rope_scaling`, or `rope_parameters`.
struct rope_config {
    rope_kind kind = rope_kind::plain;
    double theta = 10000.0;
    double factor = 1.0;
    double low_freq_factor = 1.0;  ///< llama3
    double high_freq_factor = 4.0; ///< llama3
    /// llama3 and yarn; 0: max_position_embeddings.
    std::size_t original_max_position_embeddings = 0;
    double beta_fast = 32.0;                ///< yarn
    double beta_slow = 1.0;                 ///< yarn
    bool truncate = true;                   ///< yarn: whole-numbered correction range
    std::optional<double> attention_factor; ///< yarn
    std::optional<double> mscale;           ///< yarn
    std::optional<double> mscale_all_dim;   ///< yarn
    double partial_rotary_factor = 1.0;     ///< share of a head's dimensions that are turned
};

/// The fields of config.json that a forward pass needs. A default-constructed one holds Llama's
/// defaults; `defaults_for(model_type)` holds those of another type, to be overridden by what the
/// file gives.
struct model_config {
    std::string architecture; ///< first of `architectures`: "LlamaForCausalLM"
    std::string model_type = "llama";
    std::size_t vocab_size = 32000;
    std::size_t hidden_size = 4096;
    std::size_t intermediate_size = 11008;
    std::size_t num_hidden_layers = 32;
    std::size_t num_attention_heads = 32;
    std::size_t num_key_value_heads = 0; ///< 0: as many as attention heads
    std::size_t head_dim = 0;            ///< 0: hidden_size / num_attention_heads
    std::size_t max_position_embeddings = 2048;
    double rms_norm_eps = 1e-6;
    std::string hidden_act = "silu";
    bool attention_bias = false; ///< of q, k, v and o
    bool qkv_bias = false;       ///< of q, k and v only (qwen2)
    bool mlp_bias = false;
    bool qk_norm = false; ///< RMS norm of each head's query and key (qwen3)
    bool tie_word_embeddings = false;
    std::size_t sliding_window = 0; ///< 0: every earlier token is seen
    /// Layers below this index see every earlier token even where there is a window.
    std::size_t max_window_layers = 0;
    /// From `layer_types`, one for each layer, where the file gives it: true is sliding.
    std::vector<bool> sliding_layers;
    rope_config rope;
    std::vector<std::uint32_t> eos_token_ids;
    std::optional<std::uint32_t> bos_token_id;
    dtype torch_dtype = dtype::f32;

    std::size_t kv_heads() const noexcept
    {
        return num_key_value_heads == 0 ? num_attention_heads : num_key_value_heads;
    }
    std::size_t head_size() const noexcept
    {
        return head_dim == 0 ? hidden_size / num_attention_heads : head_dim;
    }
    std::size_t query_size() const noexcept { return num_attention_heads * head_size(); }
    std::size_t kv_size() const noexcept { return kv_heads() * head_size(); }
    /// Dimensions of a head that are turned, an even number.
    std::size_t rotary_size() const noexcept
    {
        return static_cast<std::size_t>(static_cast<double>(head_size()) *
                                        rope.partial_rotary_factor) / 2 * 2;
    }
    /// Tokens that layer `layer` looks back on, itself included; 0: all.
    std::size_t window_of(std::size_t layer) const noexcept
    {
        if (!sliding_layers.empty())
            return layer < sliding_layers.size() && sliding_layers[layer] ? sliding_window : 0;
        return layer >= max_window_layers ? sliding_window : 0;
    }
};

/// What transformers assumes for each `model_type` where config.json is silent.
/// Null keys are the reader's business: an absent `sliding_window` of mistral means 4096, null none.
inline model_config defaults_for(std::string_view model_type)
{
    model_config config;
    config.model_type = std::string{model_type};
    if (model_type == "mistral") {
        config.intermediate_size = 14336;
        config.num_key_value_heads = 8;
        config.max_position_embeddings = 131072;
        config.sliding_window = 4096;
    } else if (model_type == "qwen2" || model_type == "qwen3") {
        config.vocab_size = 151936;
        config.intermediate_size = 22016;
        config.num_key_value_heads = 32;
        config.max_position_embeddings = 32768;
        config.max_window_layers = 28;
        config.qkv_bias = model_type == "qwen2";
        config.qk_norm = model_type == "qwen3";
        config.head_dim = model_type == "qwen3" ? 128 : 0;
    }
    return config;
}

namespace detail {

inline constexpr std::string_view forward_architectures[] = {
    "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"};

inline status check_architecture(const model_config& config)
{
    std::string known;
    for (const std::string_view name : forward_architectures) {
        if (name == config.architecture) return {};
        known.append(known.empty() ? "" : ", ").append(name);
    }
    return error{error_code::unknown_architecture, "config: architecture \"", config.architecture,
                 "\" has no forward pass here; supported are ", known};
}

inline status check_size(std::string_view field, std::size_t value)
{
    // Far above any model, and low enough that products of three sizes do not overflow.
    constexpr std::size_t limit = std::size_t{1} << 20;
    if (value > 0 && value <= limit) return {};
    return error{error_code::invalid_argument, "config: ", field, " is ", value,
                 ", it must be between 1 and ", limit};
}

inline status check_sizes(const model_config& config)
{
    AWQ_CHECK(check_size("vocab_size", config.vocab_size));
    AWQ_CHECK(check_size("hidden_size", config.hidden_size));
    AWQ_CHECK(check_size("intermediate_size", config.intermediate_size));
    AWQ_CHECK(check_size("num_hidden_layers", config.num_hidden_layers));
    AWQ_CHECK(check_size("num_attention_heads", config.num_attention_heads));
    AWQ_CHECK(check_size("num_key_value_heads", config.kv_heads()));
    if (config.head_dim == 0 && config.hidden_size % config.num_attention_heads != 0)
        return error{error_code::shape_mismatch, "config: hidden_size ", config.hidden_size,
                     " is not a multiple of num_attention_heads ", config.num_attention_heads,
                     "; give head_dim"};
    AWQ_CHECK(check_size("head_dim", config.head_size()));
    if (config.num_attention_heads % config.kv_heads() != 0)
        return error{error_code::shape_mismatch, "config: num_attention_heads ",
                     config.num_attention_heads, " is not a multiple of num_key_value_heads ",
                     config.kv_heads()};
    return {};
}

inline bool is_positive(double value) noexcept { return std::isfinite(value) && value > 0.0; }

inline status check_rope(const model_config& config)
{
    const rope_config& rope = config.rope;
    if (!is_positive(rope.theta) || !is_positive(rope.factor))
        return error{error_code::invalid_argument, "config: rope_theta ", rope.theta,
                     " and the rope factor ", rope.factor, " must be above 0"};
    const double partial = rope.partial_rotary_factor;
    if (!(partial > 0.0 && partial <= 1.0) || config.head_size() % 2 != 0)
        return error{error_code::invalid_argument, "config: rotary embedding needs an even head_dim (",
                     config.head_size(), ") and a partial_rotary_factor between 0 and 1 (", partial,
                     ")"};
    const bool llama3 = rope.kind == rope_kind::llama3;
    if (llama3 && !(is_positive(rope.low_freq_factor) &&
                    rope.high_freq_factor > rope.low_freq_factor &&
                    std::isfinite(rope.high_freq_factor)))
        return error{error_code::invalid_argument, "config: llama3 rope needs 0 < low_freq_factor (",
                     rope.low_freq_factor, ") < high_freq_factor (", rope.high_freq_factor, ")"};
    if (rope.kind == rope_kind::yarn && (rope.theta == 1.0 || !is_positive(rope.beta_fast) ||
                                         !is_positive(rope.beta_slow)))
        return error{error_code::invalid_argument,
                     "config: yarn rope needs beta_fast and beta_slow above 0 and a theta other "
                     "than 1"};
    return {};
}

} // namespace detail

/// Whether a forward pass can be built from the config; the error names field and value.
inline status check(const model_config& config)
{
    AWQ_CHECK(detail::check_architecture(config));
    AWQ_CHECK(detail::check_sizes(config));
    AWQ_CHECK(detail::check_rope(config));
    if (config.hidden_act != "silu")
        return error{error_code::unsupported, "config: hidden_act \"", config.hidden_act,
                     "\" is not supported, only \"silu\""};
    if (!detail::is_positive(config.rms_norm_eps))
        return error{error_code::invalid_argument, "config: rms_norm_eps ", config.rms_norm_eps,
                     " must be above 0"};
    const std::size_t layers = config.sliding_layers.size();
    if (layers != 0 && layers != config.num_hidden_layers)
        return error{error_code::shape_mismatch, "config: layer_types has ", layers,
                     " entries for ", config.num_hidden_layers, " layers"};
    return {};
}

} // namespace awq

#endif

#include <cstddef>
#include <span>
#include <string_view>

namespace awq {

/// A linear layer, y = x weight^T + bias: weight (out_features, in_features), bias (out_features)
/// or empty. Views of memory that somebody else owns.
struct linear_view {
    matrix_view<const float> weight;
    std::span<const float> bias = {};
};

/// `self_attn` of a block. The norms of each head's query and key, (head_dim), may be empty.
struct attention_weights {
    linear_view q_proj;
    linear_view k_proj;
    linear_view v_proj;
    linear_view o_proj;
    std::span<const float> q_norm = {};
    std::span<const float> k_norm = {};
};

/// `mlp` of a block.
struct mlp_weights {
    linear_view gate_proj;
    linear_view up_proj;
    linear_view down_proj;
};

/// One decoder block of the Llama family; the norms are (hidden_size).
struct block_weights {
    std::span<const float> input_layernorm;
    attention_weights self_attn;
    std::span<const float> post_attention_layernorm;
    mlp_weights mlp;
};

namespace detail {

inline status check_linear(std::string_view name, const linear_view& linear, std::size_t out,
                           std::size_t in, bool bias)
{
    if (linear.weight.rows() != out || linear.weight.cols() != in)
        return error{error_code::shape_mismatch, name, ".weight is ", linear.weight.rows(), " x ",
                     linear.weight.cols(), ", the config asks for ", out, " x ", in};
    if (bias != !linear.bias.empty())
        return error{error_code::missing_tensor, name, ".bias is ",
                     bias ? "missing" : "there, but the config has none"};
    if (bias && linear.bias.size() != out)
        return error{error_code::shape_mismatch, name, ".bias has ", linear.bias.size(),
                     " elements, the config asks for ", out};
    return {};
}

inline status check_norm(std::string_view name, std::span<const float> norm, std::size_t size)
{
    if (norm.size() == size) return {};
    return error{error_code::shape_mismatch, name, ".weight has ", norm.size(),
                 " elements, the config asks for ", size};
}

} // namespace detail

/// Whether the weights have the shapes that the config asks for; the error names the tensor.
inline status check(const model_config& config, const block_weights& block)
{
    const std::size_t hidden = config.hidden_size;
    const std::size_t inner = config.intermediate_size;
    const std::size_t head = config.qk_norm ? config.head_size() : 0;
    const bool qkv_bias = config.attention_bias || config.qkv_bias;
    const attention_weights& attn = block.self_attn;
    const mlp_weights& mlp = block.mlp;
    using detail::check_linear;
    using detail::check_norm;
    AWQ_CHECK(check_norm("input_layernorm", block.input_layernorm, hidden));
    AWQ_CHECK(check_norm("post_attention_layernorm", block.post_attention_layernorm, hidden));
    AWQ_CHECK(check_norm("self_attn.q_norm", attn.q_norm, head));
    AWQ_CHECK(check_norm("self_attn.k_norm", attn.k_norm, head));
    AWQ_CHECK(check_linear("self_attn.q_proj", attn.q_proj, config.query_size(), hidden, qkv_bias));
    AWQ_CHECK(check_linear("self_attn.k_proj", attn.k_proj, config.kv_size(), hidden, qkv_bias));
    AWQ_CHECK(check_linear("self_attn.v_proj", attn.v_proj, config.kv_size(), hidden, qkv_bias));
    AWQ_CHECK(check_linear("self_attn.o_proj", attn.o_proj, hidden, config.query_size(),
                           config.attention_bias));
    AWQ_CHECK(check_linear("mlp.gate_proj", mlp.gate_proj, inner, hidden, config.mlp_bias));
    AWQ_CHECK(check_linear("mlp.up_proj", mlp.up_proj, inner, hidden, config.mlp_bias));
    return check_linear("mlp.down_proj", mlp.down_proj, hidden, inner, config.mlp_bias);
}

} // namespace awq

#endif
// ---- awq/model/causal_lm.hpp
#ifndef AWQ_MODEL_CAUSAL_LM_HPP
#define AWQ_MODEL_CAUSAL_LM_HPP

// ---- awq/model/forward/decoder_block.hpp
#ifndef AWQ_MODEL_FORWARD_DECODER_BLOCK_HPP
#define AWQ_MODEL_FORWARD_DECODER_BLOCK_HPP

// ---- awq/model/forward/attention.hpp
#ifndef AWQ_MODEL_FORWARD_ATTENTION_HPP
#define AWQ_MODEL_FORWARD_ATTENTION_HPP

// ---- awq/model/forward/linear.hpp
#ifndef AWQ_MODEL_FORWARD_LINEAR_HPP
#define AWQ_MODEL_FORWARD_LINEAR_HPP

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

/// output = input weight^T + bias: input (tokens, in_features), output (tokens, out_features).
template <class Product, execution E>
void linear_forward(const E& e, const linear_view& linear, matrix_view<const float> input,
                    matrix_view<float> output)
{
    Product::multiply_nt(e, input, linear.weight, output);
    if (linear.bias.empty()) return;
    for_each_row(e, output.rows(),
                 [&](std::size_t t) { kernels::simd::add(linear.bias, output.row(t)); });
}

/// y += x, row by row.
template <execution E>
void add_rows(const E& e, matrix_view<const float> x, matrix_view<float> y)
{
    for_each_row(e, y.rows(), [&](std::size_t t) { kernels::simd::add(x.row(t), y.row(t)); });
}

} // namespace awq

#endif
// ---- awq/model/forward/observer.hpp
#ifndef AWQ_MODEL_FORWARD_OBSERVER_HPP
#define AWQ_MODEL_FORWARD_OBSERVER_HPP

#include <string_view>

namespace awq {

/// Sees nothing. An observer is any callable `observer(layer, input)`: `layer` is relative to the
/// block and one of "self_attn.q_proj" (the shared input of q, k and v), "self_attn.o_proj",
/// "mlp.gate_proj" (the shared input of gate and up) and "mlp.down_proj"; `input` is
/// (tokens, in_features) and lives until the call returns.
struct no_observer {
    constexpr void operator()(std::string_view, matrix_view<const float>) const noexcept {}
};

} // namespace awq

#endif
// ---- awq/model/forward/rope.hpp
#ifndef AWQ_MODEL_FORWARD_ROPE_HPP
#define AWQ_MODEL_FORWARD_ROPE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

namespace awq {

namespace detail {

/// The context length that the model was first trained for, before its rope was stretched.
inline double original_length(const model_config& config) noexcept
{
    const std::size_t given = config.rope.original_max_position_embeddings;
    return static_cast<double>(given != 0 ? given : config.max_position_embeddings);
}

/// NTK-aware scaling: the base grows once a text is longer than the model was trained for.
inline double dynamic_base(const model_config& config, std::size_t length) noexcept
{
    const auto trained = static_cast<double>(config.max_position_embeddings);
    const auto size = static_cast<double>(config.rotary_size());
    const auto longest = static_cast<double>(length);
    const double factor = config.rope.factor;
    if (longest <= trained || size <= 2.0) return config.rope.theta;
    return config.rope.theta *
           std::pow(factor * longest / trained - (factor - 1.0), size / (size - 2.0));
}

/// Llama 3.1: long waves are stretched, short ones kept, those between blended.
inline double llama3_frequency(const model_config& config, double frequency) noexcept
{
    const rope_config& rope = config.rope;
    const double trained = original_length(config);
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    if (wavelength > trained / rope.low_freq_factor) return frequency / rope.factor;
    if (wavelength < trained / rope.high_freq_factor) return frequency;
    const double blend = (trained / wavelength - rope.low_freq_factor) /
                         (rope.high_freq_factor - rope.low_freq_factor);
    return (1.0 - blend) * frequency / rope.factor + blend * frequency;
}

/// YaRN (Peng et al. 2023): the dimension that turns `rotations` times over the trained length.
inline double yarn_dimension(const model_config& config, double rotations) noexcept
{
    const auto size = static_cast<double>(config.rotary_size());
    return size * std::log(original_length(config) / (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(config.rope.theta));
}

inline double yarn_frequency(const model_config& config, std::size_t index, double frequency) noexcept
{
    const rope_config& rope = config.rope;
    double low = yarn_dimension(config, rope.beta_fast);
    double high = yarn_dimension(config, rope.beta_slow);
    if (rope.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(config.rotary_size()) - 1.0);
    if (low == high) high += 0.001;
    const double ramp = std::clamp((static_cast<double>(index) - low) / (high - low), 0.0, 1.0);
    return frequency / rope.factor * ramp + frequency * (1.0 - ramp);
}

inline double yarn_magnitude(double factor, double mscale) noexcept
{
    return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// What cosines and sines are multiplied by.
inline double attention_factor(const rope_config& rope) noexcept
{
    if (rope.kind != rope_kind::yarn) return 1.0;
    if (rope.attention_factor) return *rope.attention_factor;
    if (rope.mscale.value_or(0.0) != 0.0 && rope.mscale_all_dim.value_or(0.0) != 0.0)
        return yarn_magnitude(rope.factor, *rope.mscale) /
               yarn_magnitude(rope.factor, *rope.mscale_all_dim);
    return yarn_magnitude(rope.factor, 1.0);
}

} // namespace detail

/// Angle per position of the pair `index` of a head's dimensions, for texts of `length` tokens.
inline double rope_frequency(const model_config& config, std::size_t index, std::size_t length)
{
    const bool dynamic = config.rope.kind == rope_kind::dynamic;
    const double base = dynamic ? detail::dynamic_base(config, length) : config.rope.theta;
    const auto size = static_cast<double>(config.rotary_size());
    const double frequency = std::pow(base, -2.0 * static_cast<double>(index) / size);
    switch (config.rope.kind) {
    case rope_kind::linear: return frequency / config.rope.factor;
    case rope_kind::llama3: return detail::llama3_frequency(config, frequency);
    case rope_kind::yarn: return detail::yarn_frequency(config, index, frequency);
    default: return frequency;
    }
}

/// Cosines and sines of rotary position embedding (Su et al. 2021) for the first positions.
class rope_table {
public:
    rope_table() = default;
    /// For texts of up to `length` tokens. Frequencies and angles are rounded to float as
    /// transformers does, so that they agree at late positions too.
    rope_table(const model_config& config, std::size_t length)
        : pairs_(config.rotary_size() / 2), length_(length), cosines_(length * pairs_),
          sines_(length * pairs_)
    {
        const auto factor = static_cast<float>(detail::attention_factor(config.rope));
        for (std::size_t i = 0; i < pairs_; ++i) {
            const auto frequency = static_cast<float>(rope_frequency(config, i, length));
            for (std::size_t p = 0; p < length; ++p) {
                const double angle = static_cast<float>(p) * frequency;
                cosines_[p * pairs_ + i] = static_cast<float>(std::cos(angle)) * factor;
                sines_[p * pairs_ + i] = static_cast<float>(std::sin(angle)) * factor;
            }
        }
    }

    std::size_t length() const noexcept { return length_; }

    /// Turns one head's query or key, (head_dim), that stands at `position` < length().
    void apply(std::size_t position, std::span<float> head) const noexcept
    {
        kernels::simd::rotate(at(cosines_, position), at(sines_, position), head.first(pairs_),
                              head.subspan(pairs_, pairs_));
    }

private:
    std::span<const float> at(const std::vector<float>& table, std::size_t position) const noexcept
    {
        return std::span{table}.subspan(position * pairs_, pairs_);
    }

    std::size_t pairs_ = 0;
    std::size_t length_ = 0;
    std::vector<float> cosines_;
    std::vector<float> sines_;
};

} // namespace awq

#endif
// ---- awq/model/forward/sequences.hpp
#ifndef AWQ_MODEL_FORWARD_SEQUENCES_HPP
#define AWQ_MODEL_FORWARD_SEQUENCES_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace awq {

/// How the rows of one (tokens, hidden) matrix fall into sequences, which do not see each other.
class sequences {
public:
    sequences() = default;
    explicit sequences(std::span<const std::size_t> lengths)
    {
        for (const std::size_t length : lengths) push_back(length);
    }
    /// `count` sequences of `length` tokens each.
    static sequences uniform(std::size_t count, std::size_t length)
    {
        sequences made;
        for (std::size_t i = 0; i < count; ++i) made.push_back(length);
        return made;
    }
    /// Appends a sequence of `length` tokens.
    void push_back(std::size_t length) { offsets_.push_back(offsets_.back() + length); }

    std::size_t count() const noexcept { return offsets_.size() - 1; }
    std::size_t tokens() const noexcept { return offsets_.back(); }
    /// First row of sequence `index`.
    std::size_t begin(std::size_t index) const noexcept { return offsets_[index]; }
    std::size_t length(std::size_t index) const noexcept
    {
        return offsets_[index + 1] - offsets_[index];
    }
    std::size_t longest() const noexcept
    {
        std::size_t most = 0;
        for (std::size_t i = 0; i < count(); ++i) most = std::max(most, length(i));
        return most;
    }

private:
    std::vector<std::size_t> offsets_ = {0};
};

} // namespace awq

#endif
// ---- awq/model/kv_cache.hpp
#ifndef AWQ_MODEL_KV_CACHE_HPP
#define AWQ_MODEL_KV_CACHE_HPP

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace awq {

/// Keys and values of one sequence's past tokens, in float, for every layer.
class kv_cache {
public:
    /// Room for `capacity` tokens: 8 * num_hidden_layers * capacity * kv_size bytes.
    static result<kv_cache> make(const model_config& config, std::size_t capacity)
    {
        const std::size_t row = config.kv_size();
        const std::size_t rows = 2 * config.num_hidden_layers;
        constexpr std::size_t most = static_cast<std::size_t>(-1) / sizeof(float);
        std::unique_ptr<float[]> memory;
        if (capacity <= most / row / rows)
            memory.reset(new (std::nothrow) float[rows * row * capacity]);
        if (!memory)
            return error{error_code::out_of_memory, "no memory for a key/value cache of ", capacity,
                         " tokens; ask for fewer tokens"};
        return kv_cache{std::move(memory), capacity, row};
    }

    /// Tokens that are in the cache.
    std::size_t length() const noexcept { return length_; }
    std::size_t capacity() const noexcept { return capacity_; }

    /// (capacity, kv_size); the first length() rows are filled.
    matrix_view<float> keys(std::size_t layer) const noexcept { return at(2 * layer); }
    matrix_view<float> values(std::size_t layer) const noexcept { return at(2 * layer + 1); }

    /// Counts `tokens` more as filled, once every layer has written them.
    void advance(std::size_t tokens) noexcept { length_ += tokens; }
    void clear() noexcept { length_ = 0; }

private:
    kv_cache(std::unique_ptr<float[]> memory, std::size_t capacity, std::size_t row)
        : memory_(std::move(memory)), capacity_(capacity), row_(row)
    {
    }
    matrix_view<float> at(std::size_t index) const noexcept
    {
        return {memory_.get() + index * capacity_ * row_, capacity_, row_};
    }

    std::unique_ptr<float[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t row_ = 0;
    std::size_t length_ = 0;
};

} // namespace awq

#endif

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <vector>

namespace awq {

/// What a block needs to know beside its weights.
struct block_context {
    const model_config& config;
    const rope_table& rope; ///< at least as long as the longest sequence
    std::size_t layer = 0;
};

namespace detail {

inline error no_memory(const char* what)
{
    return error{error_code::out_of_memory, "no memory for ", what,
                 "; run fewer tokens at a time"};
}

/// Norm, where there is one, and rotation of every head of q or k, (tokens, heads * head_dim). Row
/// `first + t` of a sequence stands at position `start + t`.
template <execution E>
void turn_heads(const E& e, const block_context& context, std::span<const float> norm,
                const sequences& batch, std::size_t start, matrix_view<float> x)
{
    const std::size_t head = context.config.head_size();
    const auto eps = static_cast<float>(context.config.rms_norm_eps);
    std::vector<std::size_t> positions(x.rows());
    for (std::size_t s = 0; s < batch.count(); ++s)
        for (std::size_t t = 0; t < batch.length(s); ++t) positions[batch.begin(s) + t] = start + t;
    for_each_row(e, x.rows(), [&](std::size_t row) {
        for (std::size_t from = 0; from < x.cols(); from += head) {
            const auto values = x.row(row).subspan(from, head);
            if (!norm.empty()) kernels::simd::rms_norm(values, norm, eps, values);
            context.rope.apply(positions[row], values);
        }
    });
}

/// Turns scores of queries that start at key `first` into weights: each row's softmax over the keys
/// that it may see, zeros elsewhere.
inline void causal_softmax(matrix_view<float> scores, std::size_t first, std::size_t window,
                           float scale) noexcept
{
    for (std::size_t i = 0; i < scores.rows(); ++i) {
        const std::size_t end = first + i + 1;
        const std::size_t begin = window != 0 && end > window ? end - window : 0;
        const auto row = scores.row(i);
        kernels::simd::softmax(scale, row.subspan(begin, end - begin));
        std::ranges::fill(row.first(begin), 0.0f);
        std::ranges::fill(row.subspan(end), 0.0f);
    }
}

/// One head's attention for some neighbouring queries: q (rows, head_dim) starts at key `first`;
/// keys and values (first + rows, head_dim); out (rows, head_dim). False: no memory.
template <class Product>
[[nodiscard]] bool attend(matrix_view<const float> q, matrix_view<const float> keys,
                          matrix_view<const float> values, std::size_t first, std::size_t window,
                          matrix_view<float> out)
{
    const std::size_t skip = window != 0 && first + 1 > window ? first + 1 - window : 0;
    const std::size_t count = first + q.rows() - skip;
    scratch memory{q.rows() * count};
    if (!memory) return false;
    const matrix_view<float> scores{memory.data(), q.rows(), count};
    const serial_execution serial;
    Product::multiply_nt(serial, q, keys.rows_from(skip, count), scores);
    const float scale = 1.0f / std::sqrt(static_cast<float>(q.cols()));
    causal_softmax(scores, first - skip, window, scale);
    Product::multiply_nn(serial, scores, values.rows_from(skip, count), out);
    return true;
}

/// Some neighbouring queries of one sequence.
struct query_run {
    std::size_t row;       ///< of q and out
    std::size_t rows;
    std::size_t first_key; ///< row of keys and values where the sequence starts
    std::size_t position;  ///< of the first query in the sequence
};

/// Queries are cut so that the scores of one task, run x keys, stay in the second-level cache.
inline std::vector<query_run> query_runs(const sequences& batch, std::size_t start)
{
    std::vector<query_run> runs;
    for (std::size_t s = 0; s < batch.count(); ++s) {
        const std::size_t length = batch.length(s);
        const std::size_t grain = start + length > 1024 ? 64 : 128;
        for (std::size_t t = 0; t < length; t += grain)
            runs.push_back({batch.begin(s) + t, std::min(grain, length - t), batch.begin(s),
                            start + t});
    }
    return runs;
}

/// All heads of all sequences: q and out (tokens, heads * head_dim), k and v (keys, kv_size).
template <class Product, execution E>
[[nodiscard]] status attend_all(const E& e, const block_context& context, const sequences& batch,
                                std::size_t start, matrix_view<const float> q,
                                matrix_view<const float> k, matrix_view<const float> v,
                                matrix_view<float> out)
{
    const std::size_t head = context.config.head_size();
    const std::size_t heads = context.config.num_attention_heads;
    const std::size_t share = heads / context.config.kv_heads();
    const std::size_t window = context.config.window_of(context.layer);
    const std::vector<query_run> runs = query_runs(batch, start);
    std::atomic<bool> complete{true};
    e.for_each(runs.size() * heads, [&](std::size_t task) {
        const query_run& run = runs[task / heads];
        const std::size_t h = task % heads;
        const std::size_t keys = run.position + run.rows;
        const auto part = [&](auto x, std::size_t row, std::size_t rows, std::size_t index) {
            return x.rows_from(row, rows).cols_from(index * head, head);
        };
        if (!attend<Product>(part(q, run.row, run.rows, h), part(k, run.first_key, keys, h / share),
                             part(v, run.first_key, keys, h / share), run.position, window,
                             part(out, run.row, run.rows, h)))
            complete = false;
    });
    return complete ? status{} : status{no_memory("attention scores")};
}

inline status check_rows(const block_context& context, const sequences& batch, std::size_t start,
                         matrix_view<const float> input, matrix_view<float> output)
{
    const std::size_t hidden = context.config.hidden_size;
    if (input.rows() != batch.tokens() || output.rows() != input.rows() || input.cols() != hidden ||
        output.cols() != hidden)
        return error{error_code::shape_mismatch, "attention of ", batch.tokens(), " tokens of size ",
                     hidden, " got an input of ", input.rows(), " x ", input.cols(),
                     " and an output of ", output.rows(), " x ", output.cols()};
    if (start + batch.longest() > context.rope.length())
        return error{error_code::invalid_argument, "attention: position ",
                     start + batch.longest() - 1, " is beyond the rotary table of ",
                     context.rope.length(), " positions"};
    return {};
}

} // namespace detail

/// `self_attn`: normed input (tokens, hidden) to the output of o_proj, (tokens, hidden). Sequences
/// do not see each other. The observer sees the inputs of q_proj and o_proj.
///
/// Working memory is (2 * heads + 2 * kv_heads) * head_dim floats a token: for long calibration sets,
/// call it with some thousand tokens at a time.
template <class Product, execution E, class Observer = no_observer>
status attention_forward(const E& e, const block_context& context, const attention_weights& weights,
                         const sequences& batch, matrix_view<const float> input,
                         matrix_view<float> output, const Observer& observer = {})
{
    AWQ_CHECK(detail::check_rows(context, batch, 0, input, output));
    const std::size_t tokens = input.rows();
    const std::size_t wide = context.config.query_size();
    const std::size_t narrow = context.config.kv_size();
    scratch memory{tokens * 2 * (wide + narrow)};
    if (!memory) return detail::no_memory("attention");
    const matrix_view<float> q{memory.data(), tokens, wide};
    const matrix_view<float> mixed{q.data() + q.size(), tokens, wide};
    const matrix_view<float> k{mixed.data() + mixed.size(), tokens, narrow};
    const matrix_view<float> v{k.data() + k.size(), tokens, narrow};
    observer("self_attn.q_proj", input);
    linear_forward<Product>(e, weights.q_proj, input, q);
    linear_forward<Product>(e, weights.k_proj, input, k);
    linear_forward<Product>(e, weights.v_proj, input, v);
    detail::turn_heads(e, context, weights.q_norm, batch, 0, q);
    detail::turn_heads(e, context, weights.k_norm, batch, 0, k);
    AWQ_CHECK(detail::attend_all<Product>(e, context, batch, 0, q, k, v, mixed));
    observer("self_attn.o_proj", matrix_view<const float>{mixed});
    linear_forward<Product>(e, weights.o_proj, mixed, output);
    return {};
}

/// The same for the next tokens of the sequence whose past is in `cache`; their keys and values are
/// written behind it. `cache.advance` is the caller's, after the last layer.
template <class Product, execution E>
status attention_forward(const E& e, const block_context& context, const attention_weights& weights,
                         kv_cache& cache, matrix_view<const float> input, matrix_view<float> output)
{
    const std::size_t tokens = input.rows();
    const std::size_t past = cache.length();
    const sequences batch = sequences::uniform(1, tokens);
    AWQ_CHECK(detail::check_rows(context, batch, past, input, output));
    if (tokens > cache.capacity() - past)
        return error{error_code::invalid_argument, "the key/value cache has room for ",
                     cache.capacity(), " tokens; it holds ", past, " and got ", tokens, " more"};
    const std::size_t wide = context.config.query_size();
    scratch memory{tokens * 2 * wide};
    if (!memory) return detail::no_memory("attention");
    const matrix_view<float> q{memory.data(), tokens, wide};
    const matrix_view<float> mixed{q.data() + q.size(), tokens, wide};
    const auto k = cache.keys(context.layer).rows_from(past, tokens);
    const auto v = cache.values(context.layer).rows_from(past, tokens);
    linear_forward<Product>(e, weights.q_proj, input, q);
    linear_forward<Product>(e, weights.k_proj, input, k);
    linear_forward<Product>(e, weights.v_proj, input, v);
    detail::turn_heads(e, context, weights.q_norm, batch, past, q);
    detail::turn_heads(e, context, weights.k_norm, batch, past, k);
    AWQ_CHECK(detail::attend_all<Product>(e, context, batch, past, q, cache.keys(context.layer),
                                          cache.values(context.layer), mixed));
    linear_forward<Product>(e, weights.o_proj, mixed, output);
    return {};
}

} // namespace awq

#endif
// ---- awq/model/forward/mlp.hpp
#ifndef AWQ_MODEL_FORWARD_MLP_HPP
#define AWQ_MODEL_FORWARD_MLP_HPP

#include <cstddef>

namespace awq {

/// `mlp`: down_proj(silu(gate_proj(x)) * up_proj(x)) (Shazeer 2020), normed input (tokens, hidden)
/// to (tokens, hidden). The observer sees the inputs of gate_proj and down_proj.
/// Working memory is two intermediate rows a token.
template <class Product, execution E, class Observer = no_observer>
status mlp_forward(const E& e, const mlp_weights& weights, matrix_view<const float> input,
                   matrix_view<float> output, const Observer& observer = {})
{
    const std::size_t inner = weights.gate_proj.weight.rows();
    scratch memory{2 * input.rows() * inner};
    if (!memory)
        return error{error_code::out_of_memory, "no memory for the MLP of ", input.rows(),
                     " tokens; run fewer tokens at a time"};
    const matrix_view<float> gate{memory.data(), input.rows(), inner};
    const matrix_view<float> up{gate.data() + gate.size(), input.rows(), inner};
    observer("mlp.gate_proj", input);
    linear_forward<Product>(e, weights.gate_proj, input, gate);
    linear_forward<Product>(e, weights.up_proj, input, up);
    for_each_row(e, input.rows(), [&](std::size_t t) {
        kernels::simd::silu_multiply(gate.row(t), up.row(t), gate.row(t));
    });
    observer("mlp.down_proj", matrix_view<const float>{gate});
    linear_forward<Product>(e, weights.down_proj, gate, output);
    return {};
}

} // namespace awq

#endif
// ---- awq/model/forward/rms_norm.hpp
#ifndef AWQ_MODEL_FORWARD_RMS_NORM_HPP
#define AWQ_MODEL_FORWARD_RMS_NORM_HPP

#include <span>

namespace awq {

/// Root-mean-square norm of every row (Zhang and Sennrich 2019): input and output (tokens, size),
/// weight (size). The output may be the input.
template <execution E>
void rms_norm_forward(const E& e, std::span<const float> weight, double eps,
                      matrix_view<const float> input, matrix_view<float> output)
{
    for_each_row(e, input.rows(), [&](std::size_t t) {
        kernels::simd::rms_norm(input.row(t), weight, static_cast<float>(eps), output.row(t));
    });
}

} // namespace awq

#endif

namespace awq {

namespace detail {

/// x += attention(norm(x)); x += mlp(norm(x)), where attention(normed, out) is given.
template <class Product, execution E, class Attention, class Observer>
status block_forward(const E& e, const block_context& context, const block_weights& block,
                     matrix_view<float> hidden, const Attention& attention,
                     const Observer& observer)
{
    const double eps = context.config.rms_norm_eps;
    scratch memory{2 * hidden.size()};
    if (!memory) return no_memory("a decoder block");
    const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
    const matrix_view<float> change{normed.data() + normed.size(), hidden.rows(), hidden.cols()};
    rms_norm_forward(e, block.input_layernorm, eps, hidden, normed);
    AWQ_CHECK(attention(normed, change));
    add_rows(e, change, hidden);
    rms_norm_forward(e, block.post_attention_layernorm, eps, hidden, normed);
    AWQ_CHECK(mlp_forward<Product>(e, block.mlp, normed, change, observer));
    add_rows(e, change, hidden);
    return {};
}

} // namespace detail

/// One decoder block, in place: hidden (tokens, hidden). The observer sees the inputs of the linear
/// layers; see `no_observer`.
template <class Product, execution E, class Observer = no_observer>
status decoder_block_forward(const E& e, const block_context& context, const block_weights& block,
                             const sequences& batch, matrix_view<float> hidden,
                             const Observer& observer = {})
{
    const auto attention = [&](matrix_view<const float> normed, matrix_view<float> change) {
        return attention_forward<Product>(e, context, block.self_attn, batch, normed, change,
                                          observer);
    };
    return detail::block_forward<Product>(e, context, block, hidden, attention, observer);
}

/// The same for the next tokens of the sequence whose past is in `cache`.
template <class Product, execution E>
status decoder_block_forward(const E& e, const block_context& context, const block_weights& block,
                             kv_cache& cache, matrix_view<float> hidden)
{
    const auto attention = [&](matrix_view<const float> normed, matrix_view<float> change) {
        return attention_forward<Product>(e, context, block.self_attn, cache, normed, change);
    };
    return detail::block_forward<Product>(e, context, block, hidden, attention, no_observer{});
}

} // namespace awq

#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace awq {

/// All weights of a causal language model, as views of memory that outlives it.
struct causal_lm_weights {
    matrix_view<const float> embed_tokens; ///< (vocab, hidden)
    std::vector<block_weights> layers;
    std::span<const float> norm;           ///< (hidden)
    matrix_view<const float> lm_head;      ///< (vocab, hidden); with tied embeddings, embed_tokens
};

/// hidden row t = embedding of ids[t]: embed_tokens (vocab, hidden), hidden (tokens, hidden).
/// Error: an id that is not in the vocabulary, or the wrong number of rows.
template <execution E>
status embed(const E& e, matrix_view<const float> embed_tokens, std::span<const std::uint32_t> ids,
             matrix_view<float> hidden)
{
    if (hidden.rows() != ids.size() || hidden.cols() != embed_tokens.cols())
        return error{error_code::shape_mismatch, "embedding of ", ids.size(), " tokens got ",
                     hidden.rows(), " x ", hidden.cols(), " for the output"};
    for (const std::uint32_t id : ids)
        if (id >= embed_tokens.rows())
            return error{error_code::invalid_argument, "token id ", id,
                         " is not in the vocabulary of ", embed_tokens.rows(),
                         " tokens; does the tokenizer belong to this model?"};
    for_each_row(e, ids.size(), [&](std::size_t t) {
        std::ranges::copy(embed_tokens.row(ids[t]), hidden.row(t).begin());
    });
    return {};
}

/// Final norm and head: hidden (tokens, hidden) to logits (tokens, vocab).
template <class Product, execution E>
status logits_forward(const E& e, std::span<const float> norm, double eps,
                      matrix_view<const float> lm_head, matrix_view<const float> hidden,
                      matrix_view<float> logits)
{
    scratch memory{hidden.size()};
    if (!memory) return detail::no_memory("the final norm");
    const matrix_view<float> normed{memory.data(), hidden.rows(), hidden.cols()};
    rms_norm_forward(e, norm, eps, hidden, normed);
    Product::multiply_nt(e, normed, lm_head, logits);
    return {};
}

/// A Llama-like model in memory: whole texts, or token after token with a key/value cache.
/// Not for use by two threads at once (it keeps a rotary table that grows).
template <class Product, execution E>
class causal_lm {
public:
    /// Checks config and shapes; the error names the field or the tensor.
    static result<causal_lm> make(model_config config, causal_lm_weights weights, E e = {})
    {
        AWQ_CHECK(check(config));
        AWQ_CHECK(check_weights(config, weights));
        return causal_lm{std::move(config), std::move(weights), std::move(e)};
    }

    const model_config& config() const noexcept { return config_; }
    const causal_lm_weights& weights() const noexcept { return weights_; }

    /// The last block's output, before the final norm: hidden (tokens, hidden).
    status hidden_states(std::span<const std::uint32_t> ids, const sequences& batch,
                         matrix_view<float> hidden)
    {
        AWQ_CHECK(embed(execution_, weights_.embed_tokens, ids, hidden));
        prepare_rope(batch.longest());
        for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer)
            AWQ_CHECK(decoder_block_forward<Product>(execution_, context(layer),
                                                     weights_.layers[layer], batch, hidden));
        return {};
    }

    /// Final norm and head of some rows: logits (rows, vocab).
    status logits(matrix_view<const float> hidden, matrix_view<float> logits) const
    {
        return logits_forward<Product>(execution_, weights_.norm, config_.rms_norm_eps,
                                       weights_.lm_head, hidden, logits);
    }

    /// Appends `ids`, at least one, to the sequence in `cache`; `logits` (vocab) are those of the
    /// token that follows. On an error the cache is as before.
    status step(kv_cache& cache, std::span<const std::uint32_t> ids, std::span<float> logits)
    {
        if (ids.empty() || logits.size() != weights_.lm_head.rows())
            return error{error_code::invalid_argument, "a step needs a token and room for ",
                         weights_.lm_head.rows(), " logits"};
        scratch memory{ids.size() * config_.hidden_size};
        if (!memory) return detail::no_memory("a step");
        const matrix_view<float> hidden{memory.data(), ids.size(), config_.hidden_size};
        AWQ_CHECK(embed(execution_, weights_.embed_tokens, ids, hidden));
        prepare_rope(cache.length() + ids.size());
        for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer)
            AWQ_CHECK(decoder_block_forward<Product>(execution_, context(layer),
                                                     weights_.layers[layer], cache, hidden));
        cache.advance(ids.size());
        return this->logits(hidden.rows_from(ids.size() - 1, 1), as_row(logits));
    }

private:
    causal_lm(model_config config, causal_lm_weights weights, E e)
        : config_(std::move(config)), weights_(std::move(weights)), execution_(std::move(e))
    {
    }

    static status check_weights(const model_config& config, const causal_lm_weights& weights)
    {
        const auto is_table = [&](matrix_view<const float> table) {
            return table.rows() == config.vocab_size && table.cols() == config.hidden_size;
        };
        if (!is_table(weights.embed_tokens) || !is_table(weights.lm_head))
            return error{error_code::shape_mismatch, "embed_tokens is ", weights.embed_tokens.rows(),
                         " x ", weights.embed_tokens.cols(), ", lm_head ", weights.lm_head.rows(),
                         " x ", weights.lm_head.cols(), "; the config asks for ", config.vocab_size,
                         " x ", config.hidden_size};
        AWQ_CHECK(detail::check_norm("model.norm", weights.norm, config.hidden_size));
        if (weights.layers.size() != config.num_hidden_layers)
            return error{error_code::shape_mismatch, "there are ", weights.layers.size(),
                         " layers, the config asks for ", config.num_hidden_layers};
        for (std::size_t layer = 0; layer < weights.layers.size(); ++layer)
            if (const status fits = check(config, weights.layers[layer]); !fits)
                return error{fits.error().code(), "layer ", layer, ": ", fits.error().text()};
        return {};
    }

    block_context context(std::size_t layer) const { return {config_, rope_, layer}; }

    /// Dynamic scaling depends on the length itself; the other tables only grow.
    void prepare_rope(std::size_t length)
    {
        const bool exact = config_.rope.kind == rope_kind::dynamic &&
                           std::max(length, rope_.length()) > config_.max_position_embeddings;
        if (exact ? length != rope_.length() : length > rope_.length())
            rope_ = rope_table{config_, exact ? length : std::max(length, 2 * rope_.length())};
    }

    model_config config_;
    causal_lm_weights weights_;
    E execution_;
    rope_table rope_;
};

} // namespace awq

#endif
// ---- awq/model/mapping_pattern.hpp
#ifndef AWQ_MODEL_MAPPING_PATTERN_HPP
#define AWQ_MODEL_MAPPING_PATTERN_HPP

#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// A smooth layer and its balance layers by name, before it is known which blocks have them.
///
/// A name is a module's name from the root ("model.layers.0.mlp.up_proj") or from its decoder block
/// ("mlp.up_proj"), in which `*` stands for one part between dots; or, after "re:", a regular
/// expression that matches from the beginning of the name from the root, as in llm-compressor.
struct mapping_pattern {
    std::string smooth_layer;
    std::vector<std::string> balance_layers;
    /// Balance layers too, in those blocks that have them: a block's experts, or its dense MLP.
    std::vector<std::string> optional_layers = {};
};

/// The expression of a "re:" pattern; empty for a plain name.
constexpr std::string_view expression_of(std::string_view pattern) noexcept
{
    return pattern.starts_with("re:") ? pattern.substr(3) : std::string_view{};
}

/// Whether a dotted name equals a plain pattern, whose `*` parts match any one part.
constexpr bool matches_parts(std::string_view pattern, std::string_view name) noexcept
{
    while (true) {
        const std::size_t pattern_dot = pattern.find('.');
        const std::size_t name_dot = name.find('.');
        const std::string_view part = pattern.substr(0, pattern_dot);
        if (part != "*" && part != name.substr(0, name_dot)) return false;
        const bool last = pattern_dot == std::string_view::npos;
        if (last != (name_dot == std::string_view::npos)) return false;
        if (last) return true;
        pattern.remove_prefix(pattern_dot + 1);
        name.remove_prefix(name_dot + 1);
    }
}

} // namespace awq

#endif
// ---- awq/model/mapping_registry.hpp
#ifndef AWQ_MODEL_MAPPING_REGISTRY_HPP
#define AWQ_MODEL_MAPPING_REGISTRY_HPP

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// Which layers balance which, for each architecture. The maps are those of llm-compressor, but:
// - every reader of a smoothed norm is balanced (routers and shared experts too), or the model's
//   function would change;
// - blocks of one model may differ (a dense first block, experts afterwards);
// - Olmo2, whose norms follow their sublayers, has no norm mapping; OPT has its own map.

namespace awq {

/// Architectures whose decoder blocks have the same names and the same data flow.
enum class mapping_family : unsigned char {
    llama,
    moe,
    mixtral,
    llama4,
    phi3,
    gemma2,
    gemma3,
    cohere,
    deepseek,
    post_norm,
    opt,
    bloom,
    afmoe,
};

/// What the registry knows of an architecture.
struct architecture_entry {
    std::string_view name; ///< as in config.json's `architectures`
    mapping_family family;
    bool offset_norm = false; ///< norms are x (1 + weight)
};

inline constexpr architecture_entry architecture_entries[] = {
    {"AfmoeForCausalLM", mapping_family::afmoe},
    {"BloomForCausalLM", mapping_family::bloom},
    {"Cohere2ForCausalLM", mapping_family::cohere},
    {"CohereForCausalLM", mapping_family::cohere},
    {"DeepseekV2ForCausalLM", mapping_family::deepseek},
    {"DeepseekV3ForCausalLM", mapping_family::deepseek},
    {"Ernie4_5_MoeForCausalLM", mapping_family::moe},
    {"Exaone4ForCausalLM", mapping_family::post_norm},
    {"Gemma2ForCausalLM", mapping_family::gemma2, true},
    {"Gemma3ForCausalLM", mapping_family::gemma3, true},
    {"Gemma3ForConditionalGeneration", mapping_family::gemma3, true},
    {"GemmaForCausalLM", mapping_family::llama, true},
    {"Glm4MoeForCausalLM", mapping_family::moe},
    {"Glm4MoeLiteForCausalLM", mapping_family::deepseek},
    {"GlmMoeDsaForCausalLM", mapping_family::deepseek},
    {"GraniteForCausalLM", mapping_family::llama},
    {"Llama4ForConditionalGeneration", mapping_family::llama4},
    {"LlamaForCausalLM", mapping_family::llama},
    {"Mistral3ForConditionalGeneration", mapping_family::llama},
    {"MistralForCausalLM", mapping_family::llama},
    {"MixtralForCausalLM", mapping_family::mixtral},
    {"NanbeigeForCausalLM", mapping_family::llama},
    {"OPTForCausalLM", mapping_family::opt},
    {"Olmo2ForCausalLM", mapping_family::post_norm},
    {"Olmo3ForCausalLM", mapping_family::post_norm},
    {"OlmoForCausalLM", mapping_family::post_norm},
    {"Phi3ForCausalLM", mapping_family::phi3},
    {"Phi3VForCausalLM", mapping_family::phi3},
    {"Qwen2ForCausalLM", mapping_family::llama},
    {"Qwen2MoeForCausalLM", mapping_family::moe},
    {"Qwen2_5_VLForConditionalGeneration", mapping_family::llama},
    {"Qwen3ForCausalLM", mapping_family::llama},
    {"Qwen3MoeForCausalLM", mapping_family::moe},
    {"SeedOssForCausalLM", mapping_family::llama},
};

/// Null for an architecture that is not in the registry.
constexpr const architecture_entry* find_architecture(std::string_view name) noexcept
{
    const auto found = std::ranges::find(architecture_entries, name, &architecture_entry::name);
    return found == std::end(architecture_entries) ? nullptr : &*found;
}

namespace detail {

inline mapping_pattern qkv_mapping()
{
    return {"input_layernorm", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}};
}
inline mapping_pattern output_mapping() { return {"self_attn.v_proj", {"self_attn.o_proj"}}; }
inline mapping_pattern gate_up_mapping(std::string norm)
{
    return {std::move(norm), {"mlp.gate_proj", "mlp.up_proj"}};
}
inline mapping_pattern down_mapping() { return {"mlp.up_proj", {"mlp.down_proj"}}; }

/// The readers of the norm before an MLP that is dense in some blocks and of experts in others.
inline mapping_pattern experts_mapping(std::string norm)
{
    return {std::move(norm),
            {},
            {"mlp.gate", "mlp.router", "mlp.experts.*.gate_proj", "mlp.experts.*.up_proj",
             "mlp.shared_expert_gate", "mlp.shared_expert.gate_proj", "mlp.shared_expert.up_proj",
             "mlp.shared_experts.gate_proj", "mlp.shared_experts.up_proj", "mlp.gate_proj",
             "mlp.up_proj"}};
}

/// The up_proj -> down_proj mappings of such an MLP; a block has some of them.
inline void append_expert_downs(std::vector<mapping_pattern>& mappings)
{
    mappings.push_back({"mlp.experts.*.up_proj", {"mlp.experts.*.down_proj"}});
    mappings.push_back({"mlp.shared_expert.up_proj", {"mlp.shared_expert.down_proj"}});
    mappings.push_back({"mlp.shared_experts.up_proj", {"mlp.shared_experts.down_proj"}});
    mappings.push_back(down_mapping());
}

inline std::vector<mapping_pattern> moe_mappings()
{
    std::vector<mapping_pattern> mappings{qkv_mapping(), output_mapping(),
                                          experts_mapping("post_attention_layernorm")};
    append_expert_downs(mappings);
    return mappings;
}

inline std::vector<mapping_pattern> deepseek_mappings()
{
    // Query and key/value are compressed to a few channels, normed, and expanded again. Where the
    // query is not compressed there is a q_proj instead of the q_a_proj.
    std::vector<mapping_pattern> mappings{
        {"input_layernorm",
         {"self_attn.kv_a_proj_with_mqa"},
         {"self_attn.q_proj", "self_attn.q_a_proj"}},
        {"self_attn.q_a_layernorm", {"self_attn.q_b_proj"}},
        {"self_attn.kv_a_layernorm", {"self_attn.kv_b_proj"}},
        experts_mapping("post_attention_layernorm")};
    append_expert_downs(mappings);
    return mappings;
}

inline std::vector<mapping_pattern> afmoe_mappings()
{
    mapping_pattern attention = qkv_mapping();
    attention.balance_layers.push_back("self_attn.gate_proj");
    mapping_pattern experts = experts_mapping("pre_mlp_layernorm");
    experts.optional_layers.push_back("mlp.router.gate");
    std::vector<mapping_pattern> mappings{attention, output_mapping(), experts};
    append_expert_downs(mappings);
    return mappings;
}

inline std::vector<mapping_pattern> llama4_mappings()
{
    const std::string ff = "feed_forward.";
    return {qkv_mapping(),
            output_mapping(),
            {"post_attention_layernorm",
             {},
             {ff + "router", ff + "experts.*.gate_proj", ff + "experts.*.up_proj",
              ff + "shared_expert.gate_proj", ff + "shared_expert.up_proj", ff + "gate_proj",
              ff + "up_proj"}},
            {ff + "experts.*.up_proj", {ff + "experts.*.down_proj"}},
            {ff + "shared_expert.up_proj", {ff + "shared_expert.down_proj"}},
            {ff + "up_proj", {ff + "down_proj"}}};
}

inline std::vector<mapping_pattern> mixtral_mappings()
{
    const std::string moe = "block_sparse_moe.";
    return {qkv_mapping(),
            output_mapping(),
            {"post_attention_layernorm",
             {moe + "gate", moe + "experts.*.w1", moe + "experts.*.w3"}},
            {moe + "experts.*.w3", {moe + "experts.*.w2"}}};
}

} // namespace detail

/// The mappings of a family, in the order in which they are searched.
inline std::vector<mapping_pattern> mappings_of(mapping_family family)
{
    using namespace detail;
    switch (family) {
    case mapping_family::moe: return moe_mappings();
    case mapping_family::mixtral: return mixtral_mappings();
    case mapping_family::llama4: return llama4_mappings();
    case mapping_family::phi3:
        return {{"input_layernorm", {"self_attn.qkv_proj"}},
                {"self_attn.qkv_proj", {"self_attn.o_proj"}},
                {"post_attention_layernorm", {"mlp.gate_up_proj"}},
                {"mlp.gate_up_proj", {"mlp.down_proj"}}};
    case mapping_family::gemma2:
        return {qkv_mapping(), output_mapping(), gate_up_mapping("pre_feedforward_layernorm"),
                down_mapping()};
    case mapping_family::gemma3: // its norms of queries and keys make smoothing before them harmful
        return {output_mapping(), gate_up_mapping("pre_feedforward_layernorm"), down_mapping()};
    case mapping_family::cohere: // attention and MLP side by side, behind one norm
        return {{"input_layernorm",
                 {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj",
                  "mlp.up_proj"}},
                output_mapping(),
                down_mapping()};
    case mapping_family::deepseek: return deepseek_mappings();
    case mapping_family::post_norm: return {output_mapping(), down_mapping()};
    case mapping_family::opt: // fc1 -> fc2 holds because relu(x / s) = relu(x) / s
        return {{"self_attn_layer_norm",
                 {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
                {"self_attn.v_proj", {"self_attn.out_proj"}},
                {"final_layer_norm", {"fc1"}},
                {"fc1", {"fc2"}}};
    case mapping_family::bloom:
        return {{"input_layernorm", {"self_attention.query_key_value"}},
                {"post_attention_layernorm", {"mlp.dense_h_to_4h"}}};
    case mapping_family::afmoe: return afmoe_mappings();
    case mapping_family::llama: break;
    }
    return {qkv_mapping(), output_mapping(), gate_up_mapping("post_attention_layernorm"),
            down_mapping()};
}

/// The mappings of an architecture ("LlamaForCausalLM"); `unknown_architecture` naming the known
/// ones if the registry does not have it.
inline result<std::vector<mapping_pattern>> mappings_of(std::string_view architecture)
{
    if (const architecture_entry* entry = find_architecture(architecture))
        return mappings_of(entry->family);
    std::string known;
    for (const architecture_entry& entry : architecture_entries)
        known.append(known.empty() ? "" : ", ").append(entry.name);
    return error{error_code::unknown_architecture, "there are no mappings for \"", architecture,
                 "\"; give them in a recipe. Known are ", known};
}

} // namespace awq

#endif
// ---- awq/model/resolve_mappings.hpp
#ifndef AWQ_MODEL_RESOLVE_MAPPINGS_HPP
#define AWQ_MODEL_RESOLVE_MAPPINGS_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A module of a decoder block that has a weight.
struct block_module {
    std::string name;             ///< from the block: "self_attn.q_proj"
    std::size_t out_features = 0; ///< of a norm: its size
    std::size_t in_features = 0;  ///< of a norm: 0

    bool is_norm() const noexcept { return in_features == 0; }
};

/// Why a mapping is found but not used.
enum class skip_cause : unsigned char {
    none,
    grouped_query, ///< v_proj has fewer outputs than o_proj has inputs: heads share values
    shape,         ///< the layers do not fit together
};

/// A mapping of one block; all names are from the block.
struct resolved_mapping {
    std::string smooth_layer;
    bool smooth_is_norm = true;
    /// The first one's input is the one that is observed.
    std::vector<std::string> balance_layers;
    /// The module whose output the parent-output loss compares: the deepest that holds all balance
    /// layers (a single one is its own parent); empty: the block.
    std::string parent;
    skip_cause skipped = skip_cause::none;
    std::string reason; ///< one line, where it is skipped
};

/// Knows no regular expressions. Another matcher is any callable
/// `matches(expression, name)` that is true where the expression matches from the name's beginning.
struct no_expressions {
    constexpr bool operator()(std::string_view, std::string_view) const noexcept { return false; }
};

namespace detail {

/// Parts that two dotted names begin with in common.
inline std::size_t common_parts(std::string_view a, std::string_view b) noexcept
{
    std::size_t parts = 0;
    for (std::size_t i = 0;; ++i) {
        const bool a_ends = i == a.size() || a[i] == '.';
        const bool b_ends = i == b.size() || b[i] == '.';
        if (a_ends != b_ends || (!a_ends && a[i] != b[i])) return parts;
        parts += a_ends;
        if (i == a.size() || i == b.size()) return parts;
    }
}

inline std::string_view first_parts(std::string_view name, std::size_t parts) noexcept
{
    std::size_t end = 0;
    for (; parts > 0; --parts) end = name.find('.', end + (end > 0));
    return name.substr(0, end);
}

/// "a.10.b" after "a.9.b": runs of digits compare as numbers.
inline bool natural_less(std::string_view a, std::string_view b) noexcept
{
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto mismatch = std::ranges::mismatch(a, b);
    auto at = static_cast<std::size_t>(mismatch.in1 - a.begin());
    while (at > 0 && is_digit(a[at - 1])) --at;
    const auto digits = [&](std::string_view text) {
        return std::ranges::find_if_not(text.substr(at), is_digit) - text.substr(at).begin();
    };
    const auto in_a = digits(a);
    const auto in_b = digits(b);
    return in_a != in_b && in_a > 0 && in_b > 0 ? in_a < in_b : a < b;
}

/// The deepest module that holds all; lists of experts are no modules, for nothing calls them.
inline std::string parent_of(const std::vector<std::string>& names)
{
    std::string_view parent = names.front();
    for (const std::string& name : names)
        parent = first_parts(parent, common_parts(parent, name));
    if (names.size() > 1 && (parent == "experts" || parent.ends_with(".experts")))
        parent = first_parts(parent, common_parts(parent, parent) - 1);
    return std::string{parent};
}

template <class Matcher>
class mapping_resolver {
public:
    mapping_resolver(std::string_view block, std::span<const block_module> modules,
                     const Matcher& matches)
        : block_(block), modules_(modules), matches_(matches)
    {
    }

    status resolve(const mapping_pattern& pattern, std::vector<resolved_mapping>& found) const
    {
        const auto smooths = modules_like(pattern.smooth_layer);
        std::vector<const block_module*> balances;
        AWQ_CHECK(collect_balances(pattern, !smooths.empty(), balances));
        if (smooths.empty() && balances.empty()) return {};
        if (smooths.empty() || balances.empty())
            return incomplete(smooths.empty() ? pattern.smooth_layer : "no balance layer", pattern);
        std::vector<std::vector<std::string>> groups(smooths.size());
        for (const block_module* balance : balances)
            groups[nearest(smooths, balance->name)].push_back(balance->name);
        for (std::size_t i = 0; i < smooths.size(); ++i) {
            if (groups[i].empty()) return incomplete(smooths[i]->name, pattern);
            found.push_back(finish(*smooths[i], std::move(groups[i])));
        }
        return {};
    }

private:
    bool is_like(std::string_view pattern, const std::string& name) const
    {
        const std::string whole = block_.empty() ? name : std::string{block_} + "." + name;
        const std::string_view expression = expression_of(pattern);
        if (!expression.empty()) return matches_(expression, std::string_view{whole});
        return matches_parts(pattern, name) || matches_parts(pattern, whole);
    }

    std::vector<const block_module*> modules_like(std::string_view pattern) const
    {
        std::vector<const block_module*> found;
        for (const block_module& each : modules_)
            if (is_like(pattern, each.name)) found.push_back(&each);
        std::ranges::sort(found, natural_less, &block_module::name);
        return found;
    }

    status collect_balances(const mapping_pattern& pattern, bool required,
                            std::vector<const block_module*>& balances) const
    {
        const auto append = [&](const std::string& name, bool must) {
            const auto more = modules_like(name);
            balances.insert(balances.end(), more.begin(), more.end());
            return !must || !more.empty();
        };
        for (const std::string& name : pattern.balance_layers)
            if (!append(name, required)) return incomplete(name, pattern);
        for (const std::string& name : pattern.optional_layers) (void)append(name, false);
        for (std::size_t i = 0; i < balances.size(); ++i)
            if (std::find(balances.begin(), balances.begin() + static_cast<std::ptrdiff_t>(i),
                          balances[i]) != balances.begin() + static_cast<std::ptrdiff_t>(i))
                return error{error_code::invalid_argument, block_, ": \"", balances[i]->name,
                             "\" is matched by two balance layers of the mapping of \"",
                             pattern.smooth_layer, "\"; make them narrower"};
        return {};
    }

    error incomplete(std::string_view missing, const mapping_pattern& pattern) const
    {
        return error{error_code::missing_tensor, block_, ": the mapping of \"",
                     pattern.smooth_layer, "\" is incomplete, nothing answers to \"", missing,
                     "\"; does the mapping belong to this architecture?"};
    }

    /// An expert's down_proj belongs to that expert's up_proj: the smooth layer that shares most.
    static std::size_t nearest(const std::vector<const block_module*>& smooths,
                               std::string_view balance) noexcept
    {
        std::size_t best = 0;
        for (std::size_t i = 1; i < smooths.size(); ++i)
            if (common_parts(smooths[i]->name, balance) >
                common_parts(smooths[best]->name, balance))
                best = i;
        return best;
    }

    resolved_mapping finish(const block_module& smooth, std::vector<std::string> balances) const
    {
        resolved_mapping made;
        made.smooth_layer = smooth.name;
        made.smooth_is_norm = smooth.is_norm();
        made.parent = parent_of(balances);
        made.balance_layers = std::move(balances);
        for (const std::string& name : made.balance_layers)
            check_fit(smooth, *std::ranges::find(modules_, name, &block_module::name), made);
        return made;
    }

    /// Whether the smooth layer's outputs are the balance layer's inputs. Of fused layers, value
    /// and up come last.
    static void check_fit(const block_module& smooth, const block_module& balance,
                          resolved_mapping& mapping)
    {
        const auto ends = [&](std::string_view end) { return smooth.name.ends_with(end); };
        const std::size_t parts = ends("qkv_proj") ? 3 : ends("gate_up_proj") ? 2 : 1;
        if (smooth.out_features == parts * balance.in_features && !balance.is_norm()) return;
        const bool grouped = ends("v_proj") && smooth.out_features < parts * balance.in_features;
        mapping.skipped = grouped ? skip_cause::grouped_query : skip_cause::shape;
        mapping.reason = smooth.name + " has " + std::to_string(smooth.out_features) +
                         " outputs, " + balance.name + " has " +
                         std::to_string(balance.in_features) + " inputs" +
                         (grouped ? " (grouped-query attention)" : "");
    }

    std::string_view block_;
    std::span<const block_module> modules_;
    const Matcher& matches_;
};

} // namespace detail

/// Finds the layers of one decoder block that each pattern names. A pattern that names nothing in
/// this block is passed over; one that names only a part is `missing_tensor`; mappings whose shapes
/// do not fit (v_proj -> o_proj under grouped-query attention) are found, and marked as skipped.
///
/// \param block the block's own name, "model.layers.3", for patterns and error texts
/// \param matches what "re:" patterns are matched with
template <class Matcher = no_expressions>
result<std::vector<resolved_mapping>> resolve_mappings(std::span<const mapping_pattern> patterns,
                                                       std::string_view block,
                                                       std::span<const block_module> modules,
                                                       const Matcher& matches = {})
{
    const detail::mapping_resolver<Matcher> resolver{block, modules, matches};
    std::vector<resolved_mapping> found;
    for (const mapping_pattern& pattern : patterns) AWQ_CHECK(resolver.resolve(pattern, found));
    return found;
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
    using matrix = xt::xtensor<float, 2, xt::layout_type::row_major>;
    using vector = xt::xtensor<float, 1, xt::layout_type::row_major>;

    /// A matrix of that shape; its elements are not initialised.
    static matrix make(std::size_t rows, std::size_t cols)
    {
        return matrix(std::array<std::size_t, 2>{rows, cols});
    }

    /// Working memory of that many floats, not initialised; null where there is none.
    static std::unique_ptr<float[]> make_workspace(std::size_t size) noexcept
    {
        return std::unique_ptr<float[]>{new (std::nothrow) float[size]};
    }

    static matrix_view<float> view(matrix& tensor) noexcept
    {
        return {tensor.data(), tensor.shape()[0], tensor.shape()[1]};
    }
    static matrix_view<const float> view(const matrix& tensor) noexcept
    {
        return {tensor.data(), tensor.shape()[0], tensor.shape()[1]};
    }
    static matrix_view<float> view(vector& tensor) noexcept
    {
        return {tensor.data(), 1, tensor.shape()[0]};
    }
    static matrix_view<const float> view(const vector& tensor) noexcept
    {
        return {tensor.data(), 1, tensor.shape()[0]};
    }
    /// Views and spans of memory that somebody else owns are welcome too.
    template <class T>
    static constexpr matrix_view<T> view(matrix_view<T> tensor) noexcept
    {
        return tensor;
    }
    template <class T>
    static constexpr matrix_view<T> view(std::span<T> vector) noexcept
    {
        return as_row(vector);
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
