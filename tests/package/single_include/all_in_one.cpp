// SPDX-License-Identifier: MIT
// Both single headers in one unit: each part carries its own guard, so the second adds nothing.
#include <awq/awq.hpp>

#include <awq/core.hpp>

int main() { return awq::status{} ? 0 : 1; }
