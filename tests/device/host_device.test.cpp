// SPDX-License-Identifier: MIT
#include "device/machines.hpp"

#include "catch.hpp"

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

// Every operation against a plain loop in double, on each of the machines.
namespace {

struct table {
    std::size_t rows, cols;
    std::vector<float> values;

    table(std::size_t r, std::size_t c, std::uint32_t seed = 1) : rows(r), cols(c), values(r * c)
    {
        for (float& value : values) {
            seed = seed * 1664525u + 1013904223u;
            value = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
        }
    }
    awq::matrix_view<float> view() { return {values.data(), rows, cols}; }
    awq::matrix_view<const float> in() const { return {values.data(), rows, cols}; }
    double operator()(std::size_t r, std::size_t c) const { return values[r * cols + c]; }
};

void check(const table& found, const std::function<double(std::size_t, std::size_t)>& expected, double margin = 1e-5)
{
    double largest = 0;
    for (std::size_t r = 0; r < found.rows; ++r)
        for (std::size_t c = 0; c < found.cols; ++c)
            largest = std::max(largest, std::fabs(found(r, c) - expected(r, c)) / (1 + std::fabs(expected(r, c))));
    CHECK(largest <= margin);
}

void on_each_machine(const std::function<void(awq::device&)>& test)
{
    for (awq::device* const each : {&test::plain_machine(), &test::serial_machine(), &test::fast_machine()})
        test(*each);
}

double product(const table& a, std::size_t row, const table& b, std::size_t other)
{
    double sum = 0;
    for (std::size_t i = 0; i < a.cols; ++i) sum += a(row, i) * b(other, i);
    return sum;
}

/// x^T y at (i, j).
double cross(const table& x, const table& y, std::size_t i, std::size_t j)
{
    double sum = 0;
    for (std::size_t t = 0; t < x.rows; ++t) sum += x(t, i) * y(t, j);
    return sum;
}

table gram_of(const table& x)
{
    table made{x.cols, x.cols};
    for (std::size_t i = 0; i < x.cols; ++i)
        for (std::size_t j = 0; j < x.cols; ++j) made.values[i * x.cols + j] = static_cast<float>(cross(x, x, i, j));
    return made;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

} // namespace

TEST_CASE("rows are copied, cleared, narrowed and looked at")
{
    on_each_machine([](awq::device& machine) {
        const table x{37, 24};
        table y{37, 24, 2};
        machine.copy(x.in(), y.view());
        CHECK(y.values == x.values);
        machine.copy_columns({2, 3, 4, 5}, x.in().cols_from(1, 23), y.view().cols_from(3, 21));
        check(
            y,
            [&](auto r, auto c) {
                const std::size_t run = (c - 3) / 5, at = (c - 3) % 5;
                return c >= 3 && run < 3 && at < 2 ? x(r, 1 + run * 4 + at) : x(r, c);
            },
            0);
        std::vector<awq::bf16> halves(x.values.size());
        machine.narrow(x.in(), {halves.data(), 37, 24});
        machine.widen({halves.data(), 37, 24}, y.view());
        check(
            y, [&](auto r, auto c) { return static_cast<float>(awq::bf16{static_cast<float>(x(r, c))}); }, 0);
        CHECK(machine.is_finite(y.in()));
        y.values[500] = std::nanf("");
        CHECK_FALSE(machine.is_finite(y.in()));
        machine.clear(y.view());
        check(
            y, [](auto, auto) { return 0.0; }, 0);
    });
}

TEST_CASE("linear layers and norms")
{
    on_each_machine([](awq::device& machine) {
        const table x{35, 48}, weight{20, 48, 2}, bias{1, 20, 3}, gain{1, 48, 4}, shift{1, 48, 5};
        table y{35, 20};
        machine.linear({weight.in(), bias.values}, x.in(), y.view());
        check(y, [&](auto r, auto c) { return product(x, r, weight, c) + bias(0, c); });
        table normed{35, 48};
        machine.norm({gain.values, {}, {1e-3f, 1.0f}}, x.in(), normed.view());
        check(normed,
              [&](auto r, auto c) { return x(r, c) / std::sqrt(product(x, r, x, r) / 48 + 1e-3) * (1 + gain(0, c)); });
        machine.norm({gain.values, shift.values, {1e-3f, 0.0f, awq::norm_kind::layer}}, x.in(), normed.view());
        check(normed, [&](auto r, auto c) {
            double mean = 0, variance = 0;
            for (std::size_t i = 0; i < 48; ++i) mean += x(r, i) / 48;
            for (std::size_t i = 0; i < 48; ++i) variance += (x(r, i) - mean) * (x(r, i) - mean) / 48;
            return (x(r, c) - mean) / std::sqrt(variance + 1e-3) * gain(0, c) + shift(0, c);
        });
    });
}

TEST_CASE("heads are turned in halves or in pairs, behind their plain dimensions")
{
    awq::rope_table rope{2, 40};
    for (std::size_t p = 0; p < 40; ++p)
        for (std::size_t i = 0; i < 2; ++i)
            rope.set(p, i, static_cast<float>(std::cos(p * 0.1 + i)), static_cast<float>(std::sin(p * 0.1 + i)));
    std::vector<std::size_t> positions(33);
    std::iota(positions.begin(), positions.end(), 5);
    const table x{33, 12};
    const auto angle = [&](std::size_t r, std::size_t i) { return static_cast<double>(positions[r]) * 0.1 + i; };
    on_each_machine([&](awq::device& machine) {
        for (const bool pairs : {false, true}) {
            table y = x;
            awq::head_turn how{6, &rope, pairs};
            how.plain = 2; // two heads of two plain and four turned dimensions
            machine.turn_heads(how, positions, y.view());
            check(y, [&](auto r, auto c) {
                const std::size_t head = c / 6 * 6, at = c % 6;
                if (at < 2) return x(r, c);
                const std::size_t i = (at - 2) % 2, first = head + 2 + (pairs ? 2 * i : i);
                const double a = x(r, first), b = x(r, first + (pairs ? 1 : 2));
                const double cosine = std::cos(angle(r, i)), sine = std::sin(angle(r, i));
                return at < 4 ? a * cosine - b * sine : b * cosine + a * sine;
            });
        }
    });
}

TEST_CASE("attention is the softmax of scores of what was before")
{
    awq::attention_rule rule;
    rule.heads = 2;
    rule.kv_heads = 1;
    rule.head = rule.value_head = 8;
    rule.scale = 0.5f;
    const table q{21, 16}, k{21, 8, 2}, v{21, 8, 3};
    on_each_machine([&](awq::device& machine) {
        table out{21, 16};
        REQUIRE(machine.attend(rule, awq::sequences::uniform(1, 21), 0, q.in(), k.in(), v.in(), out.view()));
        check(out, [&](auto t, auto c) {
            double sum = 0, mixed = 0;
            for (std::size_t s = 0; s <= t; ++s) {
                double score = 0;
                for (std::size_t i = 0; i < 8; ++i) score += 0.5 * q(t, c / 8 * 8 + i) * k(s, i);
                sum += std::exp(score);
                mixed += std::exp(score) * v(s, c % 8);
            }
            return mixed / sum;
        });
    });
}

TEST_CASE("activations, gates and factors")
{
    on_each_machine([](awq::device& machine) {
        const table x{34, 18}, up{34, 18, 2}, share{34, 1, 3};
        table y = x;
        machine.activate(awq::activation::silu, y.view());
        check(y, [&](auto r, auto c) { return x(r, c) * sigmoid(x(r, c)); });
        y = x;
        machine.multiply_activated(awq::activation::gelu, up.in(), y.view());
        check(y, [&](auto r, auto c) { return 0.5 * x(r, c) * (1 + std::erf(x(r, c) / std::sqrt(2.0))) * up(r, c); });
        y = x;
        machine.activate_xielu(0.25f, -0.5f, y.view());
        check(y, [&](auto r, auto c) {
            const double v = x(r, c), rise = std::log1p(std::exp(0.25)), fall = 0.5 + std::log1p(std::exp(-0.5));
            return 0.5 * v + (v > 0 ? rise * v * v : fall * (std::expm1(std::min(v, -1e-6)) - v));
        });
        y = x;
        machine.gate_rows(up.in(), y.view());
        check(y, [&](auto r, auto c) { return x(r, c) * sigmoid(up(r, c)); });
        y = x;
        machine.gate_rows(share.in(), y.view());
        check(y, [&](auto r, auto c) { return x(r, c) * sigmoid(share(r, 0)); });
        y = x;
        machine.scale_rows(share.values, y.view());
        check(y, [&](auto r, auto c) { return x(r, c) * share(r, 0); });
        y = x;
        machine.clamp(0.25f, y.view());
        check(
            y, [&](auto r, auto c) { return std::min(std::max(x(r, c), -0.25), 0.25); }, 0);
        y = x;
        machine.add(-1.5f, up.in(), y.view());
        check(y, [&](auto r, auto c) { return x(r, c) - 1.5 * up(r, c); });
        y = x;
        machine.cap(4.0f, 2.0f, y.view());
        check(y, [&](auto r, auto c) { return 2 * std::tanh(x(r, c) * 2); });
    });
}

TEST_CASE("tokens go to their best experts, are gathered and put back")
{
    on_each_machine([](awq::device& machine) {
        table logits{30, 5}, x{30, 8, 2}, y{30, 8, 3};
        const table scores = logits, before = y;
        awq::router_rule rule;
        rule.per_token = 2;
        const auto routed = machine.route(rule, {}, logits.view());
        REQUIRE(routed.size() == 5);
        std::vector<double> sums(30);
        for (std::size_t e = 0; e < 5; ++e)
            for (const awq::routed_token& each : routed[e]) {
                double better = 0, chosen = 0;
                for (std::size_t o = 0; o < 5; ++o) better += scores(each.token, o) > scores(each.token, e);
                CHECK(better < 2);
                for (std::size_t o = 0; o < 5; ++o)
                    for (const awq::routed_token& other : routed[o])
                        if (other.token == each.token) chosen += std::exp(scores(each.token, o));
                CHECK(each.weight == Approx(std::exp(scores(each.token, e)) / chosen));
                sums[each.token] += 1;
            }
        CHECK(sums == std::vector<double>(30, 2.0));
        const auto& some = routed[0];
        REQUIRE(!some.empty());
        table rows{some.size(), 8};
        machine.gather(some, true, x.in(), rows.view());
        check(rows, [&](auto i, auto c) { return some[i].weight * x(some[i].token, c); });
        machine.gather(some, false, x.in(), rows.view());
        machine.scatter(some, true, rows.in(), y.view());
        check(y, [&](auto t, auto c) {
            double value = before(t, c);
            for (const awq::routed_token& each : some) value += each.token == t ? each.weight * x(t, c) : 0.0;
            return value;
        });
    });
}

TEST_CASE("sums, Gram matrices and what dividing the inputs makes of them")
{
    on_each_machine([](awq::device& machine) {
        const table x{70, 33}, y{70, 20, 2};
        std::vector<double> sums(33), squares(33);
        std::vector<float> largest(33);
        awq::activation_stats stats{sums, squares, {}, 0};
        REQUIRE(machine.add_sums(x.in(), stats, largest));
        CHECK(stats.tokens == 70);
        for (std::size_t c = 0; c < 33; ++c) {
            double sum = 0, most = 0;
            for (std::size_t t = 0; t < 70; ++t) {
                sum += std::fabs(x(t, c));
                most = std::max(most, std::fabs(x(t, c)));
            }
            CHECK(sums[c] == Approx(sum));
            CHECK(squares[c] == Approx(cross(x, x, c, c)));
            CHECK(largest[c] == most);
        }
        table g{33, 33}, h{33, 20};
        machine.clear(g.view());
        machine.clear(h.view());
        machine.add_upper_gram(x.in(), g.view());
        machine.add_upper_gram(x.in(), g.view());
        machine.mirror_upper(g.view());
        check(g, [&](auto i, auto j) { return 2 * cross(x, x, i, j); });
        machine.add_cross_gram(x.in(), y.in(), h.view());
        check(h, [&](auto i, auto j) { return cross(x, y, i, j); });
        std::vector<double> scales(33);
        for (std::size_t i = 0; i < 33; ++i) scales[i] = 0.5 + static_cast<double>(i);
        machine.divide_gram(scales, g.view());
        check(g, [&](auto i, auto j) { return 2 * cross(x, x, i, j) / scales[i] / scales[j]; });
        table divided = x;
        machine.divide_columns(scales, divided.view());
        check(divided, [&](auto t, auto c) { return x(t, c) / scales[c]; });
    });
}

TEST_CASE("errors of outputs, by outputs and by Gram matrices")
{
    on_each_machine([](awq::device& machine) {
        const table x{50, 32}, w{24, 32, 2}, other{24, 32, 3};
        table a{50, 24}, b{50, 24};
        machine.linear({w.in()}, x.in(), a.view());
        machine.linear({other.in()}, x.in(), b.view());
        double expected = 0, power = 0;
        for (std::size_t t = 0; t < 50; ++t)
            for (std::size_t o = 0; o < 24; ++o) {
                expected += std::pow(product(x, t, w, o) - product(x, t, other, o), 2);
                power += std::pow(product(x, t, w, o), 2);
            }
        const awq::squared_error error = machine.compare(a.in(), b.in());
        CHECK(error.count == 50 * 24);
        CHECK(error.sum == Approx(expected).epsilon(1e-4));
        const table gram = gram_of(x);
        CHECK(machine.gram_error(w.in(), other.in(), gram.in(), awq::row_sample{24}) == Approx(expected).epsilon(1e-4));
        CHECK(machine.gram_error(w.in(), {}, gram.in(), awq::row_sample{24}) == Approx(power).epsilon(1e-4));
    });
}

TEST_CASE("a search finds scales that lose less, by what it is judged by")
{
    const table x{64, 32}, weight{16, 32, 2};
    table strong = x;
    for (std::size_t t = 0; t < 64; ++t) strong.values[t * 32 + 3] *= 40.0f; // one channel matters
    const table gram = gram_of(strong);
    std::vector<float> means(32);
    for (std::size_t t = 0; t < 64; ++t)
        for (std::size_t c = 0; c < 32; ++c) means[c] += std::fabs(strong.values[t * 32 + c]) / 64;
    const awq::any_quantizer rounding = awq::integer_quantizer{awq::scheme{4, false}, 32};
    const awq::search_layer<awq::any_quantizer> layer{weight.in(), &rounding, {}};
    const awq::search_problem<awq::any_quantizer> problem{{&layer, 1}, means};
    const awq::search_options options;
    on_each_machine([&](awq::device& machine) {
        awq::mapping_search what{problem, options, gram.in(), 64};
        const auto found = machine.search(what);
        REQUIRE(found);
        CHECK(found->best_error < 0.5 * found->initial_error);
        CHECK(found->scales.size() == 32);
        CHECK(found->scales[3] > 2 * found->scales[4]);
        std::size_t calls = 0;
        what.exact = [&](std::span<const awq::matrix_view<const float>> candidates) {
            ++calls;
            return machine.gram_error(weight.in(), candidates[0], gram.in(), awq::row_sample{16});
        };
        const auto screened = machine.search(what);
        REQUIRE(screened);
        CHECK(calls == options.finalists + 1);
        what.is_screened = false;
        const auto exact = machine.search(what);
        REQUIRE(exact);
        CHECK(calls == options.finalists + 1 + options.n_grid);
        CHECK(exact->scales == found->scales);
        CHECK(screened->best_error == exact->best_error);
    });
}

TEST_CASE("scales go into both layers, within the limits of what stores them")
{
    on_each_machine([](awq::device& machine) {
        table norm{1, 16, 2}, weight{20, 16, 3};
        const table norm_before = norm, before = weight;
        std::vector<double> scales(16), smallest(16), largest(16);
        for (std::size_t c = 0; c < 16; ++c) scales[c] = 1.0 + 0.25 * static_cast<double>(c);
        const awq::scale_limits limits{smallest, largest};
        limits.clear();
        const awq::smooth_target target = awq::smooth_target::of_norm(norm.values);
        machine.limit_smooth(limits, target, awq::dtype::f16);
        machine.limit_balance(limits, weight.in(), awq::dtype::f16, {});
        for (std::size_t c = 0; c < 16; ++c) {
            double most = 0;
            for (std::size_t r = 0; r < 20; ++r) most = std::max(most, std::fabs(weight(r, c)));
            CHECK(smallest[c] == Approx(std::fabs(norm(0, c)) / 65504));
            CHECK(largest[c] <= 65504 / most * (1 + 1e-6));
        }
        const awq::matrix_view<float> balance = weight.view();
        REQUIRE(machine.apply_scales(awq::mapping{{target, {&balance, 1}, {}}}, scales));
        check(norm, [&](auto, auto c) { return norm_before(0, c) / scales[c]; });
        check(weight, [&](auto r, auto c) { return before(r, c) * scales[c]; });
    });
}

TEST_CASE("Gram matrices are factored, solved with, fed back and restored")
{
    on_each_machine([](awq::device& machine) {
        const table x{80, 24}, wanted{10, 24, 2};
        const table gram = gram_of(x);
        table l = gram;
        const std::vector<float> diagonal = machine.diagonal(gram.in());
        for (std::size_t i = 0; i < 24; ++i) CHECK(diagonal[i] == gram(i, i));
        REQUIRE(machine.factor_gram(0.1f, l.view()));
        double mean = 0;
        for (const float each : diagonal) mean += each / 24;
        const auto damped = [&](std::size_t i, std::size_t j) {
            return gram(i, j) + (i == j ? 0.1 * gram(i, i) + 1e-6 * mean : 0.0);
        };
        table solved = wanted;
        machine.solve(l.in(), solved.view());
        table back = wanted;
        for (std::size_t r = 0; r < 10; ++r)
            for (std::size_t j = 0; j < 24; ++j) {
                double sum = 0;
                for (std::size_t i = 0; i < 24; ++i) sum += solved(r, i) * damped(i, j);
                back.values[r * 24 + j] = static_cast<float>(sum);
            }
        check(back, wanted, 1e-4);
        machine.set_diagonal(diagonal, l.view());
        machine.mirror_upper(l.view());
        CHECK(l.values == gram.values);

        REQUIRE(machine.make_feedback(0.01f, l.view()));
        // R of gram + damping = R R^T, from the feedback R_ij / R_jj, is upper triangular: so is what is left of it.
        std::vector<double> pivots(24);
        for (std::size_t j = 24; j-- > 0;) {
            double rest = gram(j, j) + 0.01 * mean;
            for (std::size_t k = j + 1; k < 24; ++k) rest -= std::pow(l(j, k) * pivots[k], 2);
            REQUIRE(rest > 0);
            pivots[j] = std::sqrt(rest);
        }
        for (std::size_t i = 0; i < 24; ++i)
            for (std::size_t j = i + 1; j < 24; ++j) {
                double sum = l(i, j) * pivots[j] * pivots[j];
                for (std::size_t k = j + 1; k < 24; ++k) sum += l(i, k) * l(j, k) * pivots[k] * pivots[k];
                CHECK(sum == Approx(gram(i, j)).margin(1e-3));
            }
        machine.restore_gram(diagonal, l.view());
        CHECK(l.values == gram.values);
    });
}

TEST_CASE("weights move to their targets")
{
    on_each_machine([](awq::device& machine) {
        const table before{12, 20}, transfer{20, 20, 2}, change{12, 20, 3};
        table weight = before;
        machine.add_share(change.in(), 0.5f, weight.view());
        check(weight, [&](auto r, auto c) { return before(r, c) + 0.5 * change(r, c); });
        weight = before;
        machine.move_to_target(transfer.in(), 0.5f, weight.view());
        check(weight, [&](auto r, auto c) {
            double sum = before(r, c);
            for (std::size_t i = 0; i < 20; ++i) sum += 0.5 * before(r, i) * transfer(i, c);
            return sum;
        });
    });
}

TEST_CASE("weights are clipped, rounded, and come back as what their codes stand for")
{
    const awq::integer_quantizer integers{awq::scheme{4, false}, 32};
    const awq::gguf::simd_block_quantizer blocks{awq::gguf::type::q8_0};
    const table before{12, 64};
    double largest = 0;
    for (const float each : before.values) largest = std::max(largest, std::fabs(double{each}));
    on_each_machine([&](awq::device& machine) {
        table rounded = before;
        REQUIRE(machine.pseudo_quantize(integers, before.in(), {}, rounded.view()));
        check(rounded, before, largest / 14); // half a step of 15 over at most twice the largest
        CHECK(rounded.values != before.values);
        table weight = before;
        const auto made = machine.round(integers, {}, weight.view());
        CHECK(weight.values == rounded.values);
        const auto& codes = std::get<awq::integer_codes>(made);
        CHECK(codes.codes.size() == 12 * 64);
        CHECK(codes.scales.size() == 12 * 2);

        std::vector<std::byte> bytes(12 * blocks.row_bytes(64));
        REQUIRE(machine.quantize_rows(blocks, before.in(), {}, bytes));
        weight = before;
        CHECK(std::get<awq::gguf_blocks>(machine.round(blocks, {}, weight.view())).bytes == bytes);
        check(weight, before, largest / 127);

        awq::integer_quantizer clipped = integers;
        clipped.clip_steps = 20;
        weight = before;
        machine.clip_weights(clipped, {}, weight.view());
        for (std::size_t i = 0; i < weight.values.size(); ++i)
            CHECK(std::fabs(weight.values[i]) <= std::fabs(before.values[i]));
    });
}

TEST_CASE("loops over host memory see every index once")
{
    on_each_machine([](awq::device& machine) {
        std::vector<int> seen(1000);
        machine.tasks().for_each(seen.size(), [&](std::size_t i) { ++seen[i]; });
        CHECK(seen == std::vector<int>(1000, 1));
    });
}
