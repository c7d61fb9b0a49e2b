// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_IO_COMPRESSED_TENSORS_QUANTIZED_FILES_HPP
#define AWQ_TESTS_IO_COMPRESSED_TENSORS_QUANTIZED_FILES_HPP

#include "io/scratch.hpp"

#include <awq/io/safetensors/shard_set_writer.hpp>
#include <awq/io/stored_tensor.hpp>
#include <awq/io/weight_reader.hpp>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// A tensor from values of any type.
template <class T>
awq::stored_tensor tensor(std::string name, awq::safetensors::element_type type, std::vector<std::uint64_t> shape,
                          const std::vector<T>& values)
{
    awq::stored_tensor made{{std::move(name), type, std::move(shape)}, {}};
    made.bytes.resize(values.size() * sizeof(T));
    std::memcpy(made.bytes.data(), values.data(), made.bytes.size());
    return made;
}

/// A checkpoint of one layer "m" on disk, for the readers.
class layer_on_disk {
public:
    explicit layer_on_disk(const std::vector<awq::stored_tensor>& tensors) : checkpoint_(write(scratch_, tensors)) {}

    awq::layer_tensors tensors() const { return {checkpoint_, "m"}; }

private:
    static awq::safetensors::checkpoint write(const scratch& folder, const std::vector<awq::stored_tensor>& tensors)
    {
        awq::safetensors::shard_plan plan{"model.safetensors", {}};
        for (const awq::stored_tensor& each : tensors) {
            plan.tensors.push_back(each.spec);
            plan.tensors.back().name.insert(0, "m.");
        }
        auto writer = awq::safetensors::shard_set_writer::create(folder.string(), {plan}, false);
        REQUIRE(writer);
        for (const awq::stored_tensor& each : tensors) REQUIRE(writer->write("m." + each.spec.name, each.bytes));
        REQUIRE(writer->finish());
        auto opened = awq::safetensors::checkpoint::open(folder.string());
        REQUIRE(opened);
        return std::move(*opened);
    }

    scratch scratch_;
    awq::safetensors::checkpoint checkpoint_;
};

/// Codes, scales and zero points that cover the whole range of a scheme.
inline awq::integer_codes some_codes(awq::scheme format, std::size_t rows, std::size_t cols, std::size_t group_size)
{
    awq::integer_codes made;
    made.format = format;
    made.rows = rows;
    made.cols = cols;
    made.group_size = group_size;
    const int range = 1 << format.bits;
    for (std::size_t i = 0; i < rows * cols; ++i)
        made.codes.push_back(static_cast<std::int8_t>(static_cast<int>(i * 7 % range) - range / 2));
    for (std::size_t i = 0; i < rows * made.groups(); ++i) {
        made.scales.push_back(static_cast<float>(1 + i % 200) * 0x1p-12f);
        if (!format.symmetric)
            made.zero_points.push_back(static_cast<std::int8_t>(static_cast<int>(i * 5 % range) - range / 2));
    }
    return made;
}

inline void check_same(const awq::integer_codes& a, const awq::integer_codes& b)
{
    CHECK(a.codes == b.codes);
    CHECK(a.scales == b.scales);
    CHECK(a.zero_points == b.zero_points);
    CHECK(a.group_size == b.group_size);
}

/// Rows read in odd pieces must equal the whole.
inline void check_rows(const awq::weight_reader& weight, const awq::integer_codes& expected)
{
    const std::size_t cols = expected.cols;
    std::vector<float> whole(expected.rows * cols), piece(expected.rows * cols);
    awq::dequantize(expected, weight.scale_type(), {whole.data(), expected.rows, cols});
    for (std::size_t first = 0, count = 1; first < expected.rows; first += count, count += 2) {
        count = std::min(count, expected.rows - first);
        REQUIRE(weight.read_rows(first, {piece.data() + first * cols, count, cols}));
    }
    CHECK(piece == whole);
}

} // namespace test

#endif
