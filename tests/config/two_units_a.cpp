// SPDX-License-Identifier: MIT
// Both units include everything: a definition that is not inline is a duplicate symbol when they
// are linked.
#include <awq/awq.hpp>

const char* version_in_other_unit();

int main()
{
    return version_in_other_unit() == nullptr ? 1 : 0;
}
