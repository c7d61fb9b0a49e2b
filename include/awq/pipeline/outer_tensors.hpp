// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_OUTER_TENSORS_HPP
#define AWQ_PIPELINE_OUTER_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/causal_lm.hpp>
#include <awq/pipeline/host_matrix.hpp>
#include <awq/pipeline/tensor_source.hpp>

#include <string>
#include <utility>

namespace awq {

/// Reads a whole tensor. Error: `missing_tensor`.
inline result<host_matrix> read_tensor(const tensor_source& source, const std::string& name)
{
    const auto shape = source.shape(name);
    if (!shape)
        return error{error_code::missing_tensor, source.path(), ": there is no tensor \"", name,
                     "\""};
    host_matrix tensor = xtensor_backend::make(shape->rows, shape->cols);
    AWQ_CHECK(source.read(name, view_of(tensor)));
    return tensor;
}

/// The tensors outside of a model's blocks, in float32.
class outer_tensors {
public:
    /// The final norm only. Errors: a tensor that is not there.
    static result<outer_tensors> read_norm(const tensor_source& source)
    {
        const model_config& config = source.config();
        outer_tensors made;
        if (config.norm().has_weight) {
            AWQ_TRY(made.norm_, read_tensor(source, config.names.norm + ".weight"));
        }
        if (config.norm().has_bias) {
            AWQ_TRY(made.norm_bias_, read_tensor(source, config.names.norm + ".bias"));
        }
        return made;
    }

    /// Final norm and head only.
    static result<outer_tensors> read_end(const tensor_source& source)
    {
        AWQ_TRY(outer_tensors made, read_norm(source));
        AWQ_TRY(made.head_, read_tensor(source, head_name(source)));
        if (source.config().head_bias) {
            AWQ_TRY(made.head_bias_, read_tensor(source, source.config().names.head + ".bias"));
        }
        return made;
    }

    /// All of them; a tied head is not read twice.
    static result<outer_tensors> read(const tensor_source& source)
    {
        const model_names& names = source.config().names;
        AWQ_TRY(outer_tensors made, read_end(source));
        if (head_name(source) != names.embeddings + ".weight") {
            AWQ_TRY(made.embeddings_, read_tensor(source, names.embeddings + ".weight"));
        }
        if (!names.positions.empty()) {
            AWQ_TRY(made.positions_, read_tensor(source, names.positions + ".weight"));
        }
        return made;
    }

    norm_view final_norm(const model_config& config) const
    {
        return {values_of(norm_), values_of(norm_bias_), config.norm()};
    }
    linear_view lm_head() const { return {view_of(head_), values_of(head_bias_)}; }

    /// Views of this object's tensors.
    outer_weights weights(const model_config& config) const
    {
        const auto table = embeddings_.size() != 0 ? view_of(embeddings_) : view_of(head_);
        return {table, final_norm(config), view_of(head_), view_of(positions_),
                values_of(head_bias_)};
    }

    /// The tensor that is the head: its own, or with tied embeddings their table.
    static std::string head_name(const tensor_source& source)
    {
        const model_names& names = source.config().names;
        const bool has_own = source.shape(names.head + ".weight").has_value();
        return (has_own || !source.config().tie_word_embeddings ? names.head : names.embeddings) +
               ".weight";
    }

private:
    host_matrix norm_ = xtensor_backend::make(0, 0), norm_bias_ = norm_, head_ = norm_,
                embeddings_ = norm_, positions_ = norm_, head_bias_ = norm_;
};

} // namespace awq

#endif
