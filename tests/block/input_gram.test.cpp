// SPDX-License-Identifier: MIT
#include <awq/block/input_gram.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "execution/thread_machines.hpp"

#include <atomic>
#include <functional>
#include <random>

namespace {

using awq::host_matrix;
using awq::view_of;

constexpr std::size_t width = 40;

std::vector<host_matrix> batches(std::span<const std::size_t> sizes)
{
    std::mt19937 random{7};
    std::normal_distribution<float> normal;
    std::vector<host_matrix> made;
    for (const std::size_t rows : sizes) {
        made.push_back(awq::xtensor_backend::make(rows, width));
        for (float& value : awq::values_of(made.back())) value = normal(random);
    }
    return made;
}

std::size_t rows_of(std::span<const host_matrix> batches)
{
    std::size_t sum = 0;
    for (const host_matrix& each : batches) sum += each.shape()[0];
    return sum;
}

/// What of the batches a group of machines keeps, by each: `planned` as for `gram_sample`.
void on_group(std::size_t count, std::span<const host_matrix> all, std::size_t planned,
              const std::function<void(const awq::input_gram&)>& see)
{
    test::on_machines(count, [&](awq::machines& group) {
        const awq::row_range own = group.share(all.size());
        const std::size_t first = rows_of(all.first(own.first));
        const auto mine = all.subspan(own.first, own.size());
        awq::device& machine = test::serial_machine();
        awq::input_gram kept{machine, width, {rows_of(all), {first, first + rows_of(mine)}, planned}};
        for (const host_matrix& each : mine) kept.observe(machine, view_of(each), group.are_several());
        if (kept.complete(machine, group, group.are_several())) see(kept);
    });
}

/// All that a view can say: what it makes of the unit changes.
std::vector<double> squares_of(const awq::gram_view& gram)
{
    const awq::serial_execution serial;
    host_matrix product = awq::xtensor_backend::make(1, gram.width());
    std::vector<double> squares;
    for (std::size_t i = 0; i < width; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            std::vector<float> change(width);
            change[i] += 1.0f, change[j] += 1.0f;
            gram.multiply<awq::plain_product>(serial, awq::as_row(std::span{std::as_const(change)}), view_of(product));
            squares.push_back(gram.square_of(change.data(), product.data()));
        }
    return squares;
}

} // namespace

TEST_CASE("fewer inputs than channels are kept themselves, on any number of machines, and say the same")
{
    const std::vector<std::size_t> sizes{7, 1, 12, 9};
    const std::vector<host_matrix> all = batches(sizes);
    std::vector<double> expected;
    on_group(1, all, 1000, [&](const awq::input_gram& kept) {
        REQUIRE(kept.is_matrix()); // of a larger run this is a trial of
        expected = squares_of(kept.view());
    });
    REQUIRE(expected.size() == width * (width + 1) / 2);
    for (const std::size_t count : {1u, 2u, 3u}) {
        std::atomic<std::size_t> right = 0;
        on_group(count, all, 0, [&](const awq::input_gram& kept) {
            const std::vector<double> found = squares_of(kept.view());
            right += !kept.is_matrix() && kept.view().width() == rows_of(all) &&
                     std::ranges::equal(found, expected, [](double a, double b) { return std::abs(a - b) < 1e-4; });
        });
        CHECK(right == count);
    }
}

TEST_CASE("as many inputs as channels become their Gram matrix, and so do those that nobody has counted")
{
    const std::vector<std::size_t> sizes{30, 10};
    on_group(1, batches(sizes), 0, [](const awq::input_gram& kept) { CHECK(kept.is_matrix()); });
    CHECK(awq::input_gram{test::serial_machine(), width, {}}.is_matrix());
    CHECK(awq::input_gram{}.empty());
}

TEST_CASE("inputs and their Gram matrix are divided by the same scales")
{
    const std::vector<std::size_t> sizes{20};
    const std::vector<host_matrix> all = batches(sizes);
    std::vector<double> scales(width);
    for (std::size_t i = 0; i < width; ++i) scales[i] = 0.5 + static_cast<double>(i % 5);
    awq::device& machine = test::serial_machine();
    std::vector<std::vector<double>> found;
    for (const std::size_t planned : {0u, 1000u}) {
        awq::input_gram kept{machine, width, {20, {0, 20}, planned}};
        kept.observe(machine, view_of(all[0]), false);
        REQUIRE(kept.complete(machine, awq::alone(), false));
        kept.divide(machine, scales);
        found.push_back(squares_of(kept.view()));
    }
    for (std::size_t i = 0; i < found[0].size(); ++i) CHECK(found[0][i] == Approx(found[1][i]).epsilon(1e-4));
}

TEST_CASE("inputs that were not seen count as zeros, and more than were announced are an error")
{
    const std::vector<std::size_t> sizes{6, 3};
    const std::vector<host_matrix> all = batches(sizes);
    awq::device& machine = test::serial_machine();
    awq::input_gram few{machine, width, {20, {0, 20}, 0}}, matrix{machine, width, {20, {0, 20}, 1000}};
    for (awq::input_gram* const each : {&few, &matrix}) {
        for (const host_matrix& batch : all) each->observe(machine, view_of(batch), false);
        REQUIRE(each->complete(machine, awq::alone(), false));
    }
    const std::vector<double> found = squares_of(few.view()), expected = squares_of(matrix.view());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-4));

    awq::input_gram less{machine, width, {8, {0, 8}, 0}};
    for (const host_matrix& batch : all) less.observe(machine, view_of(batch), false);
    const auto done = less.complete(machine, awq::alone(), false);
    REQUIRE(!done);
    CHECK(done.error().text() == "statistics: 9 inputs of 8 tokens");
}
