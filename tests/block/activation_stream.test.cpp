// SPDX-License-Identifier: MIT
#include <awq/block/activation_stream.hpp>

#include "catch.hpp"
#include "device/machines.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace {

/// Embeddings and learned positions that one can tell apart.
class small_model : public awq::tensor_source {
public:
    small_model()
    {
        config_.hidden_size = 1024;
        config_.vocab_size = 300;
        config_.max_position_embeddings = 2100;
        config_.num_attention_heads = 16;
        config_.names.embeddings = "table";
        config_.names.positions = "positions";
    }
    const awq::model_config& config() const noexcept override { return config_; }
    const std::string& path() const noexcept override { return path_; }
    std::optional<awq::tensor_shape> shape(std::string_view name) const override
    {
        if (name == "table.weight") return awq::tensor_shape{300, 1024};
        if (name == "positions.weight") return awq::tensor_shape{2100, 1024};
        return std::nullopt;
    }
    std::vector<awq::tensor_report> tensors() const override { return {}; }
    awq::status read_rows(std::string_view name, std::size_t first, awq::matrix_view<float> out) const override
    {
        for (std::size_t r = 0; r < out.rows(); ++r)
            for (std::size_t c = 0; c < out.cols(); ++c) out(r, c) = value(name == "table.weight", first + r, c);
        return {};
    }
    static float value(bool is_table, std::size_t row, std::size_t column)
    {
        const auto at = static_cast<float>(row * 31 + column * 7 % 1013);
        return is_table ? std::sin(at) : 0.01f * std::cos(at);
    }

private:
    awq::model_config config_;
    std::string path_ = "small model";
};

} // namespace

TEST_CASE("texts that are embedded part by part are what they are in one piece, rounded")
{
    const small_model model;
    std::vector<awq::token_ids> samples;
    for (std::size_t length : {2000u, 1u, 2100u, 1900u, 2048u, 1700u}) { // 9749 tokens, more than one part has
        awq::token_ids& ids = samples.emplace_back();
        for (std::size_t i = 0; i < length; ++i) ids.push_back(static_cast<std::int32_t>((i * 17 + length) % 300));
    }
    auto whole = awq::activation_stream::make(test::fast_machine(), model, samples);
    auto parts = awq::activation_stream::make(test::fast_machine(), model, samples, awq::alone(), awq::dtype::bf16);
    REQUIRE(whole);
    REQUIRE(parts);
    REQUIRE(whole->tokens() == 9749);
    CHECK(parts->hidden().bytes().size() * 2 == whole->hidden().bytes().size());
    const awq::matrix_view<float> exact = whole->hidden().floats();
    std::size_t first = 0;
    for (const awq::token_ids& sample : samples) {
        for (std::size_t position = 0; position < sample.size(); position += 50) {
            const float embedding = small_model::value(true, static_cast<std::size_t>(sample[position]), 5);
            CHECK(exact(first + position, 5) == Approx(embedding + small_model::value(false, position, 5)));
        }
        first += sample.size();
    }
    const auto compare = [&](awq::matrix_view<float> rounded) -> awq::status {
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < rounded.size(); ++i)
            wrong += rounded.data()[i] != static_cast<float>(awq::bf16{exact.data()[i]});
        CHECK(wrong == 0);
        return {};
    };
    CHECK(parts->hidden().with_rows(test::fast_machine(), 0, 9749, false, compare));
}

TEST_CASE("a token that the table has no row for is named, whatever the type")
{
    const small_model model;
    const std::vector<awq::token_ids> samples{{1, 2}, {3, 300}};
    for (const awq::dtype type : {awq::dtype::f32, awq::dtype::bf16}) {
        const auto made = awq::activation_stream::make(test::fast_machine(), model, samples, awq::alone(), type);
        REQUIRE(!made);
        CHECK(made.error().text().find("token id 300 is not in the model's vocabulary of 300") != std::string::npos);
    }
}
