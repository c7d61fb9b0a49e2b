// SPDX-License-Identifier: MIT
#include <awq/awq.hpp>

const char* version_in_other_unit();
const char* version_in_other_unit() { return AWQ_VERSION_STRING; }
