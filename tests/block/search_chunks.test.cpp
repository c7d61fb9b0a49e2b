// SPDX-License-Identifier: MIT
#include <awq/block/search_chunks.hpp>

#include "catch.hpp"

#include <vector>

namespace {

std::vector<awq::sequence_chunk> chunks_of(std::size_t sequences, std::size_t length)
{
    return awq::cut_into_chunks(awq::sequences::uniform(sequences, length));
}

std::size_t tokens_of(const std::vector<awq::sequence_chunk>& chunks)
{
    std::size_t tokens = 0;
    for (const auto& chunk : chunks) tokens += chunk.batch.tokens();
    return tokens;
}

std::size_t gram_tokens(const awq::block_settings& options, bool is_sequential, bool has_experts = false)
{
    awq::block_layout layout;
    layout.inputs.push_back({1, "self_attn.q_proj", 64, false});
    if (has_experts) layout.inputs.push_back({2, "mlp.experts.0.gate_proj", 64, true});
    return tokens_of(awq::gram_chunks(options, is_sequential, chunks_of(128, 512), layout));
}

} // namespace

TEST_CASE("a sample of chunks is spread evenly and has the tokens that are asked for")
{
    const auto all = chunks_of(128, 512); // four sequences a chunk
    REQUIRE(all.size() == 32);
    const auto sample = awq::sample_of(all, 8192);
    REQUIRE(sample.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(sample[i].first_row == all[8 * i].first_row);
    CHECK(awq::sample_of(all, 8193).size() == 5);
    CHECK(awq::sample_of(all, 65536).size() == 32);
    CHECK(awq::sample_of(all, 1'000'000).size() == 32);
    CHECK(awq::sample_of(all, 1).size() == 1);
    CHECK(tokens_of(awq::sample_of(chunks_of(7, 300), 1000)) >= 1000);
}

TEST_CASE("Gram matrices are of a sample only where nothing but a search of smoothing looks at them")
{
    awq::block_settings options;
    options.smoothing_only = true;
    CHECK(gram_tokens(options, false) == options.search_tokens);
    CHECK(gram_tokens(options, false, true) == 65536); // an expert would see few
    options.loss = awq::loss_kind::parent_output;
    CHECK(gram_tokens(options, false) == 65536);
    options.loss = awq::loss_kind::gram;
    CHECK(gram_tokens(options, false) == options.search_tokens);
    options.smoothing_only = false;
    CHECK(gram_tokens(options, true) == options.search_tokens); // rounding gathers its own
    CHECK(gram_tokens(options, false) == 65536);                // rounding uses these up
}

TEST_CASE("as many parents' inputs are kept as the loss looks at")
{
    awq::block_settings options;
    const auto all = chunks_of(128, 512);
    CHECK(awq::recorder_stride(options, all) == 65536 / options.exact_loss_tokens);
    CHECK(awq::recorder_stride(options, chunks_of(2, 100)) == 1);
    options.loss = awq::loss_kind::parent_output;
    CHECK(awq::recorder_stride(options, all) == 1);
    options.loss = awq::loss_kind::gram;
    CHECK(awq::recorder_stride(options, all) > 128); // none but the first
}
