// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <awq/run/process_usage.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::size_t large = std::size_t{256} << 20;

/// What the hidden test case below prints when another process runs it.
std::uint64_t peak_of_a_child()
{
    std::FILE* const child = popen("/proc/$PPID/exe '[.child]'", "r");
    REQUIRE(child);
    std::string printed;
    for (int letter = std::fgetc(child); letter != EOF; letter = std::fgetc(child))
        printed += static_cast<char>(letter);
    CHECK(pclose(child) == 0);
    const std::size_t at = printed.find("peak=");
    REQUIRE(at != std::string::npos);
    return std::strtoull(printed.c_str() + at + 5, nullptr, 10);
}

} // namespace

TEST_CASE("prints its peak", "[.child]")
{
    std::printf("peak=%llu\n", static_cast<unsigned long long>(awq::peak_rss_bytes()));
}

TEST_CASE("peak memory is that of this process, not of the one that started it")
{
    std::vector<char> touched(large, 1);
    CHECK(touched[large / 2] == 1);
    CHECK(awq::peak_rss_bytes() >= large);
    const std::uint64_t peak = peak_of_a_child();
    CHECK(peak > 0);
    CHECK(peak < large);
}

TEST_CASE("a stopwatch begins again at each lap")
{
    awq::stopwatch watch;
    CHECK(watch.lap() >= 0.0);
    CHECK(watch.lap() < 60.0);
}
