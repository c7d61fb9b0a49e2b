// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "io/scratch.hpp"
#include <awq/run/available_memory.hpp>
#include <awq/run/memory_need.hpp>

#include <limits>
#include <string>

TEST_CASE("the least that a group of groups leaves counts, without the pages of files")
{
    const test::scratch mount;
    mount.put("memory.max", "max\n"); // no limit
    mount.put("memory.stat", "anon 900\nfile 5\n");
    mount.put("a/memory.max", "1000\n");
    mount.put("a/memory.stat", "anon 300\nfile 700\n");
    mount.put("a/b/memory.max", "2000\n");
    mount.put("a/b/memory.stat", "file 1\nanon 100\n");
    const auto left = [&](const char* group) {
        return awq::detail::left_in_groups(mount.string(), group, "memory.max", "anon");
    };
    CHECK(left("/a/b") == 700);
    CHECK(left("/a") == 700);
    CHECK(left("/") == std::numeric_limits<std::uint64_t>::max());
    CHECK(left("/none/of/these") == std::numeric_limits<std::uint64_t>::max());
    mount.put("a/memory.stat", "anon 3000\n");
    CHECK(left("/a/b") == 0);
    CHECK(awq::memory_for_this_process() > 0);
}

TEST_CASE("a run that cannot fit is refused with the samples that would")
{
    const awq::memory_need need{1'000'000'000, 10'000};
    CHECK(awq::check_fits("m", need, 100, 50'000, 1'500'000'000));
    const auto refused = awq::check_fits("m", need, 100, 50'000, 1'400'000'000);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::out_of_memory);
    CHECK(std::string{refused.error().text()} ==
          "m: out of memory before it begins: 1.5 GB are needed for 100 samples of 50000 tokens, and 1.4 GB are there; "
          "--num-calibration-samples 80 fits, or shorter sequences");
    const awq::memory_need floats{1'000'000'000, 10'000, true};
    const auto halved = awq::check_fits("m", floats, 100, 50'000, 1'400'000'000);
    REQUIRE_FALSE(halved);
    CHECK(std::string{halved.error().text()}.ends_with(
        "; --hidden-states bfloat16 fits, or --num-calibration-samples 80"));
    const auto both = awq::check_fits("m", floats, 100, 50'000, 1'200'000'000);
    REQUIRE_FALSE(both);
    CHECK(std::string{both.error().text()}.ends_with("; --num-calibration-samples 40 fits, twice as many with "
                                                     "--hidden-states bfloat16, or shorter sequences"));
    const auto hopeless = awq::check_fits("m", need, 100, 50'000, 900'000'000);
    REQUIRE_FALSE(hopeless);
    CHECK(std::string{hopeless.error().text()}.find("no number of samples fits") != std::string::npos);
}

TEST_CASE("two streams and quantized weights need more")
{
    awq::model_config config;
    config.hidden_size = 64;
    config.num_hidden_layers = 0;
    const auto one = awq::least_memory(config, false, false), two = awq::least_memory(config, true, true);
    CHECK(one.per_token == 256);
    CHECK(two.per_token == 512);
    CHECK(one.fixed == 0); // there is no block
    CHECK(awq::least_memory(config, true, true, awq::dtype::bf16).per_token == 256);
}
