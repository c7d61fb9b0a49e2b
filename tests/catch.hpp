// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_CATCH_HPP
#define AWQ_TESTS_CATCH_HPP

// Catch2 in either major version; v2's matchers and Approx live in Catch, as v3's do.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

using Catch::Approx;

#endif
