// SPDX-License-Identifier: MIT
#include <awq/block/ordered_grams.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "execution/thread_machines.hpp"

#include <atomic>
#include <random>

namespace {

using awq::host_matrix;
using awq::view_of;

std::vector<host_matrix> batches(std::size_t cols, unsigned seed)
{
    std::mt19937 random{seed};
    std::normal_distribution<float> normal;
    std::vector<host_matrix> made;
    for (const std::size_t rows : {70u, 300u, 1u, 64u, 5u}) {
        made.push_back(awq::xtensor_backend::make(rows, cols));
        for (float& value : awq::values_of(made.back())) value = normal(random);
    }
    return made;
}

host_matrix zeros(std::size_t rows, std::size_t cols)
{
    host_matrix made = awq::xtensor_backend::make(rows, cols);
    std::ranges::fill(awq::values_of(made), 0.0f);
    return made;
}

} // namespace

TEST_CASE("Gram matrices that machines pass on in pieces have the bits of one process")
{
    awq::device& machine = test::serial_machine();
    constexpr std::size_t width = 430, others = 210;
    const std::vector<host_matrix> x = batches(others, 1), y = batches(width, 2);
    host_matrix gram = zeros(width, width), cross = zeros(others, width);
    for (std::size_t i = 0; i < x.size(); ++i) {
        machine.add_upper_gram(view_of(y[i]), view_of(gram));
        machine.add_cross_gram(view_of(x[i]), view_of(y[i]), view_of(cross));
    }
    machine.mirror_upper(view_of(gram));
    for (const std::size_t count : {1u, 2u, 4u, 7u}) {
        std::atomic<std::size_t> right = 0;
        test::on_machines(count, [&](awq::machines& group) {
            const awq::row_range own = group.share(x.size());
            const auto own_x = std::span{x}.subspan(own.first, own.size());
            const auto own_y = std::span{y}.subspan(own.first, own.size());
            host_matrix g = zeros(width, width), c = zeros(others, width);
            if (!awq::add_upper_grams(machine, group, own_y, view_of(g))) return;
            if (!awq::add_cross_grams(machine, group, own_x, own_y, view_of(c))) return;
            machine.mirror_upper(view_of(g));
            right += std::ranges::equal(awq::values_of(g), awq::values_of(gram)) &&
                     std::ranges::equal(awq::values_of(c), awq::values_of(cross));
        });
        CHECK(right == count);
    }
}
