// SPDX-License-Identifier: MIT
#include <awq/core.hpp>

int main()
{
    const awq::status done;
    return done && awq::execution<awq::serial_execution> ? 0 : 1;
}
