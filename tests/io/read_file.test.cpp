// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/write_file.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <string>

TEST_CASE("a file is never opened as a standard stream")
{
    const test::scratch scratch;
    const int kept = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    REQUIRE(::close(STDIN_FILENO) == 0); // the next file that is opened would get this number
    const awq::file_descriptor opened = awq::open_descriptor(scratch / "f", O_RDWR | O_CREAT, 0600);
    auto written = awq::new_file::create(scratch / "g");
    const bool is_free = ::fcntl(STDIN_FILENO, F_GETFD) < 0;
    if (kept >= 0) {
        ::dup2(kept, STDIN_FILENO);
        ::close(kept);
    }
    CHECK(opened.number() > STDERR_FILENO);
    CHECK(written);
    CHECK(is_free);
}
