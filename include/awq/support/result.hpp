// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_RESULT_HPP
#define AWQ_SUPPORT_RESULT_HPP

#include <awq/config.hpp>
#include <awq/support/error.hpp>

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
