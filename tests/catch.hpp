// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_CATCH_HPP
#define AWQ_TESTS_CATCH_HPP

// Catch2 in either major version. Version 2 puts Approx into the global namespace by itself.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#endif
