// SPDX-License-Identifier: MIT
// Written by single_include/amalgamate.py; do not edit.
#ifndef AWQ_AWQ_HPP
#define AWQ_AWQ_HPP

/// Everything but the headers of the optional components, which are included by name.
#include <awq/core.hpp>
#include <awq/data/bpe.hpp>
#include <awq/data/bpe_json.hpp>
#include <awq/data/byte_alphabet.hpp>
#include <awq/data/json_fields.hpp>
#include <awq/data/post_processor.hpp>
#include <awq/data/unicode.hpp>
#include <awq/data/unicode_normalization.hpp>
#include <awq/data/vocabulary.hpp>
#include <awq/data/word_cache.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/execution/products/few_rows.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/packed_tile.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/io/copy_files.hpp>
#include <awq/io/gguf/cursor.hpp>
#include <awq/io/gguf/file_type.hpp>
#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/layout.hpp>
#include <awq/io/gguf/mix.hpp>
#include <awq/io/gguf/permute.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/io/gguf/tensor_names.hpp>
#include <awq/io/gguf/value.hpp>
#include <awq/io/gguf/writer.hpp>
#include <awq/io/json_copy.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/json_writer.hpp>
#include <awq/io/mapped_file.hpp>
#include <awq/io/output_directory.hpp>
#include <awq/io/output_file.hpp>
#include <awq/io/read_file.hpp>
#include <awq/io/rename.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/io/safetensors/element_type.hpp>
#include <awq/io/safetensors/layout.hpp>
#include <awq/io/safetensors/reader.hpp>
#include <awq/io/safetensors/shard_index.hpp>
#include <awq/io/safetensors/shard_set_writer.hpp>
#include <awq/io/safetensors/writer.hpp>
#include <awq/io/write_file.hpp>
#include <awq/model/block_weights.hpp>
#include <awq/model/causal_lm.hpp>
#include <awq/model/forward/attention.hpp>
#include <awq/model/forward/decoder_block.hpp>
#include <awq/model/forward/linear.hpp>
#include <awq/model/forward/mlp.hpp>
#include <awq/model/forward/observer.hpp>
#include <awq/model/forward/rms_norm.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/model/forward/sequences.hpp>
#include <awq/model/kv_cache.hpp>
#include <awq/model/model_config.hpp>
#include <awq/support/printable.hpp>
#include <awq/tensor/xtensor_backend.hpp>

#endif
