// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_PRINTABLE_HPP
#define AWQ_IO_PRINTABLE_HPP

#include <awq/support/printable.hpp>
#include <awq/support/requires_hosted.hpp>

#endif
