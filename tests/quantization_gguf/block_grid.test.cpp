// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "sample_rows.hpp"
#include <awq/quantization/gguf/block_quantizer.hpp>

#include <cmath>
#include <cstring>
#include <vector>

namespace gguf = awq::gguf;

namespace {

std::span<const float> part(const std::vector<float>& values, std::size_t at, std::size_t size)
{
    return values.empty() ? std::span<const float>{} : std::span(values).subspan(at, size);
}

} // namespace

TEST_CASE("rounding onto a fitted grid and packing gives the quantizer's bytes", "[gguf]")
{
    // The types that round once more onto the stored scales; the others may round onto unstored
    // ones.
    for (const gguf::type type :
         {gguf::type::q2_k, gguf::type::q3_k, gguf::type::q4_k, gguf::type::q5_k, gguf::type::q6_k})
        for (const char* how : {"none", "even"}) {
            const auto row = sample::make_rows("normal", 3, 1);
            const auto importance = sample::make_importance(how);
            const gguf::block_quantizer quantizer(type);
            std::vector<std::byte> whole(quantizer.row_bytes(row.size()));
            quantizer.quantize_row(row, importance, whole);
            std::vector<std::byte> pieces(whole.size());
            for (std::size_t b = 0; b < row.size() / 256; ++b) {
                const auto block = part(row, b * 256, 256);
                const auto grid = gguf::fit_block(type, block, part(importance, b * 256, 256), 0.0f);
                std::uint8_t codes[256];
                for (std::size_t i = 0; i < 256; ++i) codes[i] = static_cast<std::uint8_t>(grid.nearest(i, block[i]));
                gguf::pack_block(grid, codes,
                                 std::span(pieces).subspan(b * gguf::block_bytes(type), gguf::block_bytes(type)));
            }
            INFO(gguf::name_of(type));
            CHECK(pieces == whole);
        }
}

TEST_CASE("a grid's values are what the packed block reads as", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        const auto row = sample::make_rows("heavy", 8, 1);
        const auto importance = sample::make_importance("even");
        const std::size_t columns = facts.block_columns;
        const auto grid =
            gguf::fit_block(facts.type, part(row, 0, columns), part(importance, 0, columns), gguf::mean_square(row));
        std::vector<std::uint8_t> codes(columns);
        std::vector<std::byte> stored(facts.block_bytes);
        std::vector<float> read(columns);
        for (int shift = 0; shift <= grid.max_code; ++shift) {
            for (std::size_t i = 0; i < columns; ++i)
                codes[i] = static_cast<std::uint8_t>((i + static_cast<std::size_t>(shift)) %
                                                     static_cast<std::size_t>(grid.max_code + 1));
            gguf::pack_block(grid, codes, stored);
            gguf::block_quantizer(facts.type).dequantize_row(stored, read);
            std::size_t same = 0;
            for (std::size_t i = 0; i < columns; ++i) {
                const float value = grid.value(i, codes[i]);
                same += std::memcmp(&value, &read[i], 4) == 0;
            }
            INFO(facts.name);
            REQUIRE(same == columns);
            std::vector<std::uint8_t> unpacked(columns);
            const auto again = gguf::unpack_block(facts.type, stored, unpacked);
            REQUIRE(unpacked == codes);
            REQUIRE(again.d == grid.d);
        }
    }
}

TEST_CASE("nearest gives the nearest value of the grid", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        const auto row = sample::make_rows("normal", 4, 1);
        const auto grid = gguf::fit_block(facts.type, part(row, 0, facts.block_columns), {}, 0.0f);
        std::size_t worse = 0;
        for (std::size_t i = 0; i < facts.block_columns; ++i) {
            const float x = row[facts.block_columns - 1 - i] * 1.25f;
            const float chosen = std::fabs(grid.value(i, grid.nearest(i, x)) - x);
            for (int code = 0; code <= grid.max_code; ++code)
                worse += std::fabs(grid.value(i, code) - x) < chosen * 0.99999f;
        }
        INFO(facts.name);
        CHECK(worse == 0);
    }
}

TEST_CASE("a block of zeros has a code for level zero", "[gguf]")
{
    const std::vector<float> zeros(256, 0.0f);
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        const auto grid = gguf::fit_block(facts.type, part(zeros, 0, facts.block_columns), {}, 0.0f);
        CHECK(grid.value(0, grid.nearest(0, 0.5f)) == 0.0f);
    }
}

TEST_CASE("rounding::best has less weighted error than rounding::exact, block by block", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        for (const char* how : {"none", "even"}) {
            const auto row = sample::make_rows("normal", 6, 1);
            const auto importance = sample::make_importance(how);
            std::vector<float> exact(row.size()), best(row.size());
            const awq::matrix_view<const float> view(row.data(), 1, row.size());
            gguf::block_quantizer(facts.type).pseudo_quantize(view, importance, {exact.data(), 1, row.size()});
            gguf::block_quantizer(facts.type, gguf::rounding::best)
                .pseudo_quantize(view, importance, {best.data(), 1, row.size()});
            std::size_t worse = 0, better = 0;
            for (std::size_t at = 0; at < row.size(); at += facts.block_columns) {
                double before = 0, after = 0;
                for (std::size_t i = at; i < at + facts.block_columns; ++i) {
                    const double w = importance.empty() ? 1.0 : importance[i];
                    before += w * (exact[i] - row[i]) * (exact[i] - row[i]);
                    after += w * (best[i] - row[i]) * (best[i] - row[i]);
                }
                worse += after > before * 1.0001;
                better += after < before * 0.9999;
            }
            INFO(facts.name << " " << how);
            CHECK(worse == 0);
            CHECK(better > 0);
        }
    }
}

TEST_CASE("rounding::best is defined for rows of every kind", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types)
        for (const auto kind : sample::kinds) {
            const auto row = sample::make_rows(kind, 2, 1);
            const gguf::block_quantizer quantizer(facts.type, gguf::rounding::best);
            std::vector<std::byte> stored(quantizer.row_bytes(row.size()));
            quantizer.quantize_row(row, sample::make_importance("gaps"), stored);
            std::vector<float> read(row.size());
            quantizer.dequantize_row(stored, read);
            std::size_t finite = 0;
            for (const float x : read) finite += std::isfinite(x);
            INFO(facts.name << " " << kind);
            if (kind != "huge" && kind != "wild") CHECK(finite == row.size());
        }
}

TEST_CASE("fit_blocks gives each block the grid that fit_block gives it", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types) {
        if (!gguf::has_grid(facts.type)) continue;
        const auto row = sample::make_rows("heavy", 12, 1);
        const auto importance = sample::make_importance("even");
        const float energy = gguf::mean_square(row);
        std::vector<gguf::block_source> sources;
        for (std::size_t at = 0; at < row.size(); at += facts.block_columns)
            sources.push_back({row.data() + at, importance.data() + at, energy});
        std::vector<gguf::block_grid> grids(sources.size());
        gguf::block_quantizer(facts.type).fit_blocks(sources, grids);
        for (std::size_t b = 0; b < grids.size(); ++b) {
            const auto one = gguf::fit_block(facts.type, part(row, b * facts.block_columns, facts.block_columns),
                                             part(importance, b * facts.block_columns, facts.block_columns), energy);
            CHECK(one.d == grids[b].d);
            CHECK(one.dmin == grids[b].dmin);
            CHECK(std::memcmp(one.scale, grids[b].scale, sizeof one.scale) == 0);
        }
    }
}
