// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "run/model_copy.hpp"
#include <awq/run/read_ahead.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

namespace {

// Which share of some bytes of a mapped file is in the system's cache; none where it cannot be told.
std::optional<double> cached_share(std::span<const std::byte> bytes)
{
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
    const auto end = (reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size()) / page * page;
    std::vector<unsigned char> pages((end - begin) / page);
    if (::mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()) != 0) return std::nullopt;
    std::size_t there = 0;
    for (const unsigned char each : pages) there += each & 1u;
    return static_cast<double>(there) / static_cast<double>(pages.size());
}

void forget(const std::string& file)
{
    const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(opened >= 0);
    ::fdatasync(opened);
    ::posix_fadvise(opened, 0, 0, POSIX_FADV_DONTNEED);
    ::close(opened);
}

} // namespace

TEST_CASE("the next block's weights are read from the disk before they are asked for, and no block behind the last")
{
    const test::scratch place;
    std::filesystem::copy(test::tiny_model, place.string(), std::filesystem::copy_options::recursive);
    const auto source = awq::directory_source::open(place.string());
    REQUIRE(source);
    const std::size_t blocks = source->get()->config().num_hidden_layers;
    const std::string last = awq::block_prefix(source->get()->config(), blocks - 1) + "mlp.down_proj.weight";
    const auto* const wanted = source->get()->checkpoint().find(last);
    REQUIRE(wanted);
    forget(place / "model.safetensors");
    awq::read_ahead ahead;
    ahead.start(**source, blocks);
    if (cached_share(wanted->bytes) != 0.0) return; // a file system that does not forget, such as one in memory
    ahead.start(**source, blocks - 1);
    std::optional<double> share = 0.0;
    for (int i = 0; i < 500 && share < 1.0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
        share = cached_share(wanted->bytes);
    }
    CHECK(share == 1.0);
}
