// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "sample_rows.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/gguf/quantize_rows.hpp>
#include <awq/quantization/gguf/simd_quantizer.hpp>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace gguf = awq::gguf;

namespace {

using bytes = std::vector<std::byte>;

template <class Quantizer>
bytes quantized(gguf::type type, const std::vector<float>& rows, std::size_t columns,
                const std::vector<float>& importance)
{
    const Quantizer quantizer(type);
    bytes out(rows.size() / columns * quantizer.row_bytes(columns));
    const auto done = awq::gguf::quantize_rows(
        awq::serial_execution{}, quantizer, awq::matrix_view<const float>(rows.data(), rows.size() / columns, columns),
        importance, out);
    REQUIRE(done);
    return out;
}

std::string hex(std::uint64_t number)
{
    std::ostringstream text;
    text.width(16);
    text.fill('0');
    text << std::hex << number;
    return text.str();
}

std::size_t kind_index(std::string_view kind)
{
    std::size_t index = 0;
    while (sample::kinds[index] != kind) ++index;
    return index;
}

/// One line of the golden file: "quantize TYPE KIND IMPORTANCE HASH" or "dequantize TYPE HASH".
struct golden {
    std::string what, type, kind, importance, hash;
};

std::vector<golden> goldens()
{
    std::ifstream file(AWQ_TEST_DATA "/gguf_quantize.txt");
    std::vector<golden> all;
    golden line;
    while (file >> line.what >> line.type) {
        if (line.what == "quantize") file >> line.kind >> line.importance;
        file >> line.hash;
        all.push_back(line);
    }
    return all;
}

template <class Quantizer>
std::string differing_goldens()
{
    std::string wrong;
    std::size_t checked = 0;
    for (const golden& line : goldens()) {
        if (line.what != "quantize") continue;
        const auto seed = static_cast<std::uint32_t>(1000 * kind_index(line.kind));
        const auto out = quantized<Quantizer>(*gguf::type_from_name(line.type), sample::make_rows(line.kind, seed),
                                              sample::columns, sample::make_importance(line.importance));
        ++checked;
        if (hex(sample::hash(out)) != line.hash) wrong += line.type + " " + line.kind + " " + line.importance + "; ";
    }
    CHECK(checked == 17 * 5 * 15); // kinds of rows, of importance, types
    return wrong;
}

} // namespace

TEST_CASE("block_quantizer writes ggml's bytes", "[gguf]") { CHECK(differing_goldens<gguf::block_quantizer>() == ""); }

TEST_CASE("simd_block_quantizer writes ggml's bytes", "[gguf]")
{
    CHECK(differing_goldens<gguf::simd_block_quantizer>() == "");
}

TEST_CASE("dequantize_row reads any bytes as ggml does", "[gguf]")
{
    std::size_t checked = 0;
    for (const golden& line : goldens()) {
        if (line.what != "dequantize") continue;
        const gguf::type type = *gguf::type_from_name(line.type);
        sample::numbers source(static_cast<std::uint32_t>(type));
        bytes stored(40 * gguf::block_bytes(type));
        for (std::byte& byte : stored) byte = static_cast<std::byte>(source.word() >> 24);
        std::vector<float> read(40 * gguf::block_columns(type));
        gguf::block_quantizer(type).dequantize_row(stored, read);
        for (float& x : read)
            if (std::isnan(x)) x = std::bit_cast<float>(0x7FC00000u);
        INFO(line.type);
        CHECK(hex(sample::hash(std::as_bytes(std::span<const float>(read)))) == line.hash);
        ++checked;
    }
    CHECK(checked == 13);
}

TEST_CASE("pseudo_quantize gives what the written bytes read as, in place too", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types)
        for (const char* how : {"none", "even"}) {
            const auto rows = sample::make_rows("outliers", 5);
            const auto importance = sample::make_importance(how);
            const auto stored = quantized<gguf::block_quantizer>(facts.type, rows, sample::columns, importance);
            const gguf::simd_block_quantizer quantizer(facts.type);
            const std::size_t row_bytes = quantizer.row_bytes(sample::columns);
            std::vector<float> read(rows.size());
            for (std::size_t r = 0; r < sample::rows; ++r)
                quantizer.dequantize_row(std::span(stored).subspan(r * row_bytes, row_bytes),
                                         std::span(read).subspan(r * sample::columns, sample::columns));
            auto pseudo = rows;
            const awq::matrix_view<float> view(pseudo.data(), sample::rows, sample::columns);
            quantizer.pseudo_quantize(view, importance, view);
            INFO(facts.name);
            CHECK(std::memcmp(pseudo.data(), read.data(), 4 * read.size()) == 0);
        }
}

TEST_CASE("short rows give the same bytes together as one by one", "[gguf]")
{
    for (const gguf::type_facts& facts : gguf::all_types)
        for (const char* how : {"none", "steep"}) {
            const auto rows = sample::make_rows("graded", 9);
            auto importance = sample::make_importance(how);
            if (!importance.empty()) importance.resize(256);
            const auto together = quantized<gguf::simd_block_quantizer>(facts.type, rows, 256, importance);
            const gguf::block_quantizer one(facts.type);
            bytes apart(together.size());
            const std::size_t row_bytes = one.row_bytes(256);
            for (std::size_t r = 0; r < rows.size() / 256; ++r)
                one.quantize_row(std::span(rows).subspan(r * 256, 256), importance,
                                 std::span(apart).subspan(r * row_bytes, row_bytes));
            INFO(facts.name);
            CHECK(together == apart);
        }
}

TEST_CASE("quantize_rows refuses what cannot be written", "[gguf]")
{
    const gguf::block_quantizer quantizer(gguf::type::q4_k);
    std::vector<float> rows(20 * 256, 0.5f);
    bytes out(20 * 144);
    const awq::serial_execution serial;
    const awq::matrix_view<const float> view(rows.data(), 20, 256);
    const auto code = [](const awq::status& status) { return status.error().code(); };
    CHECK(quantize_rows(serial, quantizer, view, {}, out));
    CHECK(code(quantize_rows(serial, quantizer, view.cols_from(0, 128), {}, out)) == awq::error_code::shape_mismatch);
    CHECK(code(quantize_rows(serial, quantizer, view, std::vector<float>(255, 1.0f), out)) ==
          awq::error_code::shape_mismatch);
    CHECK(code(quantize_rows(serial, quantizer, view, std::vector<float>(256, -1.0f), out)) ==
          awq::error_code::invalid_argument);
    CHECK(code(quantize_rows(serial, quantizer, view, {}, std::span(out).first(19 * 144))) ==
          awq::error_code::shape_mismatch);
    rows[17 * 256 + 3] = std::numeric_limits<float>::infinity();
    rows[11 * 256 + 3] = std::numeric_limits<float>::quiet_NaN();
    const auto status = quantize_rows(serial, quantizer, view, {}, out);
    CHECK(code(status) == awq::error_code::not_finite);
    CHECK(std::string(status.error().text()).find("row 11 ") != std::string::npos);
}

TEST_CASE("infinities and NaNs in a row do no harm to the quantizers", "[gguf]")
{
    std::vector<float> row(512, 0.25f);
    row[3] = std::numeric_limits<float>::infinity();
    row[40] = std::numeric_limits<float>::quiet_NaN();
    row[300] = -std::numeric_limits<float>::infinity();
    for (const gguf::type_facts& facts : gguf::all_types) {
        bytes out(512 / facts.block_columns * facts.block_bytes);
        gguf::block_quantizer(facts.type).quantize_row(row, {}, out);
        gguf::simd_block_quantizer(facts.type).quantize_row(row, std::vector<float>(512, 1.0f), out);
        std::vector<float> read(512);
        gguf::block_quantizer(facts.type).dequantize_row(out, read);
    }
    SUCCEED();
}
