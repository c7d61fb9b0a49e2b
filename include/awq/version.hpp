// SPDX-License-Identifier: MIT
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
