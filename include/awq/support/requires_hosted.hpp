// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_REQUIRES_HOSTED_HPP
#define AWQ_SUPPORT_REQUIRES_HOSTED_HPP

#include <awq/config.hpp>

// Every header that needs a heap, files or threads includes this one first.
#if !AWQ_HOSTED
#error "awq: this header needs a hosted environment; with AWQ_HOSTED=0 include only <awq/core.hpp>"
#endif

#endif
