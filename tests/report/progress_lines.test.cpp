// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <awq/report/progress_lines.hpp>

#include <string>

namespace {

using awq::progress_lines;
using std::chrono::seconds;

const progress_lines::time start{};

} // namespace

TEST_CASE("each message and each tenth of the way is a line at once")
{
    progress_lines lines{start};
    CHECK(lines.hear({"reading", 0, 0}, start));
    CHECK_FALSE(lines.hear({"block 0", 0, 40}, start));
    CHECK_FALSE(lines.hear({"block 3", 3, 40}, start));
    CHECK(lines.hear({"block 4", 4, 40}, start));
    CHECK_FALSE(lines.hear({"block 5", 5, 40}, start));
    CHECK(lines.hear({"writing", 40, 40}, start));
}

TEST_CASE("an event that is no news is a line after half a minute without one")
{
    progress_lines lines{start};
    CHECK_FALSE(lines.hear({"block 0: search", 0, 100}, start + seconds{29}));
    CHECK(lines.hear({"block 1: calibrate", 1, 100}, start + seconds{30}));
    CHECK_FALSE(lines.hear({"block 1: search", 1, 100}, start + seconds{59}));
    CHECK(lines.hear({"block 2: calibrate", 2, 100}, start + seconds{60}));
}

TEST_CASE("without any event there is a line each half minute, from the first minute on")
{
    progress_lines lines{start};
    CHECK_FALSE(lines.is_due(start + seconds{29}));
    CHECK(lines.due() == start + seconds{30});
    CHECK(lines.is_due(start + seconds{30}));
    CHECK(lines.reminder(start + seconds{30}) == "working (30 s)");
    CHECK_FALSE(lines.is_due(start + seconds{31}));
    CHECK_FALSE(lines.hear({"block 3: search", 3, 100}, start + seconds{40}));
    int shown = 0;
    for (int second = 41; second <= 400; ++second)
        if (lines.is_due(start + seconds{second})) {
            ++shown;
            CHECK(second % 30 == 0);
        }
    CHECK(shown == 12);
    CHECK(lines.reminder(start + seconds{400}) == "[3/100] block 3: search (400 s)");
}

TEST_CASE("a line that was shown puts off the next reminder")
{
    progress_lines lines{start};
    CHECK(lines.hear({"writing", 4, 4}, start + seconds{20}));
    CHECK_FALSE(lines.is_due(start + seconds{49}));
    CHECK(lines.is_due(start + seconds{50}));
}

TEST_CASE("a reminder of a step of any length is one short line")
{
    progress_lines lines{start};
    CHECK(lines.hear({std::string(5000, 'x'), 0, 0}, start));
    CHECK(lines.reminder(start) == std::string(500, 'x') + " (0 s)");
}
