// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_OUTER_TENSORS_HPP
#define AWQ_BLOCK_OUTER_TENSORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/tensor_source.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/model/causal_lm.hpp>

#include <string>
#include <utility>

namespace awq {

/// Reads a whole tensor. Error: `missing_tensor`.
inline result<host_matrix> read_tensor(const tensor_source& source, const std::string& name)
{
    const auto shape = source.shape(name);
    if (!shape) return error{error_code::missing_tensor, source.path(), ": there is no tensor \"", name, "\""};
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
        outer_tensors made;
        if (source.config().final_norm)
            AWQ_CHECK(read_norm_of(source, source.config().names.norm, made.norm_, made.norm_bias_));
        return made;
    }

    /// Final norm and head only.
    static result<outer_tensors> read_end(const tensor_source& source)
    {
        const model_names& names = source.config().names;
        AWQ_TRY(outer_tensors made, read_norm(source));
        AWQ_TRY(made.head_, read_tensor(source, head_name(source)));
        AWQ_CHECK(read_if_named(source, names.project_out, made.project_out_));
        if (source.config().head_bias) {
            AWQ_TRY(made.head_bias_, read_tensor(source, names.head + ".bias"));
        }
        return made;
    }

    /// What embeddings go through, but not they themselves.
    static result<outer_tensors> read_start(const tensor_source& source)
    {
        outer_tensors made;
        AWQ_CHECK(made.add_start(source));
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
        AWQ_CHECK(read_if_named(source, names.positions, made.positions_));
        AWQ_CHECK(made.add_start(source));
        return made;
    }

    norm_view final_norm(const model_config& config) const
    {
        return {values_of(norm_), values_of(norm_bias_), config.norm()};
    }
    norm_view embedding_norm(const model_config& config) const
    {
        return {values_of(embedding_norm_), values_of(embedding_norm_bias_), config.norm()};
    }
    linear_view lm_head() const { return {view_of(head_), values_of(head_bias_)}; }
    matrix_view<const float> project_in() const { return view_of(project_in_); }

    end_weights end(const model_config& config) const { return {final_norm(config), lm_head(), view_of(project_out_)}; }

    /// Views of this object's tensors.
    outer_weights weights(const model_config& config) const
    {
        const auto table = embeddings_.size() != 0 ? view_of(embeddings_) : view_of(head_);
        return {table,
                final_norm(config),
                view_of(head_),
                view_of(positions_),
                embedding_norm(config),
                values_of(head_bias_),
                view_of(project_in_),
                view_of(project_out_)};
    }

    /// The tensor that is the head: its own, or with tied embeddings their table.
    static std::string head_name(const tensor_source& source)
    {
        const model_names& names = source.config().names;
        const bool has_own = source.shape(names.head + ".weight").has_value();
        return (has_own || !source.config().tie_word_embeddings ? names.head : names.embeddings) + ".weight";
    }

private:
    static status read_if_named(const tensor_source& source, const std::string& name, host_matrix& into)
    {
        if (name.empty()) return {};
        AWQ_TRY(into, read_tensor(source, name + ".weight"));
        return {};
    }

    /// As far as the model's norms have weights and biases.
    static status read_norm_of(const tensor_source& source, const std::string& name, host_matrix& weight,
                               host_matrix& bias)
    {
        const norm_rule norm = source.config().norm();
        if (norm.has_weight) {
            AWQ_TRY(weight, read_tensor(source, name + ".weight"));
        }
        if (norm.has_bias) {
            AWQ_TRY(bias, read_tensor(source, name + ".bias"));
        }
        return {};
    }

    status add_start(const tensor_source& source)
    {
        const model_names& names = source.config().names;
        AWQ_CHECK(read_if_named(source, names.project_in, project_in_));
        if (names.embedding_norm.empty()) return {};
        return read_norm_of(source, names.embedding_norm, embedding_norm_, embedding_norm_bias_);
    }

    host_matrix norm_ = xtensor_backend::make(0, 0), norm_bias_ = norm_, head_ = norm_, embeddings_ = norm_,
                positions_ = norm_, embedding_norm_ = norm_, embedding_norm_bias_ = norm_, head_bias_ = norm_,
                project_in_ = norm_, project_out_ = norm_;
};

} // namespace awq

#endif
