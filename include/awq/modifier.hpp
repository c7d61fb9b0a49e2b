// SPDX-License-Identifier: MIT
#ifndef AWQ_MODIFIER_HPP
#define AWQ_MODIFIER_HPP

#include <awq/calibration/activation_stats.hpp>
#include <awq/calibration/loss_mask.hpp>
#include <awq/execution/matrix_product.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/modifier_run.hpp>
#include <awq/policy/group_size.hpp>
#include <awq/policy/mode.hpp>
#include <awq/policy/policy_set.hpp>
#include <awq/quantization/quantize_weight.hpp>
#include <awq/quantization/simulated.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/output_loss.hpp>
#include <awq/search/parent_forward.hpp>
#include <awq/search/scale_search.hpp>
#include <awq/smoothing/apply_scales.hpp>
#include <awq/smoothing/check_mapping.hpp>
#include <awq/smoothing/roles.hpp>
#include <awq/tensor/backend_view.hpp>
#include <awq/tensor/span_backend.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>

namespace awq {

/// The rooms joined, over tensors in memory: search the scales of a mapping, smooth it, and in the
/// quantizing modes quantize the weights. Use it through the alias `modifier<Policies...>`.
///
/// One call does a whole mapping (`smooth`); `begin` opens a streaming run, for activations that
/// come in batches. Without a parent the loss is taken at the balance layers' own outputs.
template <class Mode, class Group, tensor_backend Backend, execution Execution>
class basic_modifier {
    static_assert(matrix_product<typename Backend::product, Execution>,
                  "awq::modifier: the backend's product needs multiply_nt, multiply_nn, add_gram and "
                  "add_cross_gram, and its header, as awq/execution/products/packed.hpp, must be included");

  public:
    using mode = Mode;
    using backend = Backend;
    using execution_type = Execution;
    using product = typename Backend::product;
    using quantizer_type = typename detail::simulated<typename Mode::scheme_type, Group>::type;
    using storage = typename detail::simulated<typename Mode::scheme_type, Group>::storage;

    constexpr basic_modifier(search_options options = {}, Group group = {}, Execution how = {})
        : options_(options),
          quantizer_(detail::simulated<typename Mode::scheme_type, Group>::make(group)),
          how_(how)
    {}

    /// With a quantizer that has a state: the mode names its type, `smoothing_only<my_quantizer>`.
    static constexpr basic_modifier with_quantizer(const quantizer_type& rounding,
                                                   search_options options = {}, Execution how = {})
    {
        return {given{}, rounding, options, how};
    }

    constexpr const search_options& options() const noexcept { return options_; }
    constexpr const Execution& executor() const noexcept { return how_; }
    /// What the search simulates.
    constexpr const quantizer_type& target() const noexcept { return quantizer_; }

    /// Floats that `smooth` needs for a mapping whose balance layers read `in_features` channels
    /// and have `out_features` outputs in all, with this modifier's options. With a parent, add its own
    /// `workspace_size()`. For an array: `std::array<float, smoother{}.workspace_size(64, 256, 256)>`.
    constexpr std::size_t workspace_size(std::size_t tokens, std::size_t in_features,
                                         std::size_t out_features,
                                         std::size_t layers = 4) const noexcept
    {
        return search_memory(in_features, out_features, layers, options_.n_grid) +
               activation_stats::size(in_features, uses_gram(tokens, in_features)) +
               loss_memory(tokens, in_features, out_features);
    }

    /// Whether the mapping's shapes fit together, its rows can be cut into groups, and the options' storage
    /// is that of the scheme, where it is part of the type.
    status check(const mapping& pair) const
    {
        if (options_.storage != dtype::f32 && options_.storage != dtype_of<typename storage::type>)
            return error{error_code::invalid_argument, "modifier: options.storage is ",
                         name_of(options_.storage),
                         "; give it with the scheme instead, as awq::stored_as<awq::bf16, Scheme>"};
        AWQ_CHECK(check_mapping(pair));
        return quantizer_.check(pair.in_features());
    }

    /// Searches the scales of a mapping from the balance layers' inputs, (tokens, in_features), and
    /// smooths it. The outcome's spans lie in `memory`; see `workspace_size`. On an error nothing
    /// is changed.
    result<search_outcome> smooth(const mapping& pair, matrix_view<const float> x,
                                  workspace memory) const
    {
        return smooth_by(
            pair, x, memory, [&](auto weights, auto& stats, std::span<float> rest, auto&& use) {
                if (!stats.gram.empty())
                    return use(
                        gram_loss<product, Execution>(how_, weights, stats.gram, x.rows(), rest));
                return use(linear_output_loss<product, Execution>(how_, weights, x, rest));
            });
    }

    /// The same, with the loss at the output of a module that the caller re-runs.
    template <parent_forward F>
    result<search_outcome> smooth(const mapping& pair, matrix_view<const float> x, parent<F> source,
                                  workspace memory) const
    {
        return smooth_by(
            pair, x, memory,
            [&](auto weights, auto&, std::span<float> rest, auto&& use) -> result<search_outcome> {
                if (rest.size() < source.workspace_size()) return too_small();
                return use(parent_output_loss<F, Execution>(how_, source, weights, rest));
            });
    }

    /// `smooth` over the backend's own tensors.
    template <class S, class... Bs, class X>
    result<search_outcome> smooth(const smooth_layer<S>& smooth_to,
                                  const balance_layers<Bs...>& reads, const activations<X>& x,
                                  workspace memory) const
    {
        const auto views = balance_views(reads);
        return smooth(mapping{target_of(smooth_to), views, {}}, const_view(x.tensor), memory);
    }

    /// The same in memory that the backend allocates; `best_scales` and `candidate_errors` of the
    /// outcome are then empty.
    template <class S, class... Bs, class X>
    result<search_outcome>
    smooth(const smooth_layer<S>& smooth_to, const balance_layers<Bs...>& reads,
           const activations<X>& x) const
    {
        static_assert(detail::allocating_backend<Backend>,
                      "awq::modifier: this backend allocates nothing; give smooth a workspace of as many "
                      "floats as workspace_size says");
        if constexpr (detail::allocating_backend<Backend>)
            return smooth_in_own_memory(smooth_to, reads, x);
        else
            return too_small();
    }

    /// Searches and smooths from statistics that were gathered before, which need a Gram matrix.
    result<search_outcome> smooth(const mapping& pair, const activation_stats& stats,
                                  workspace memory) const;

    /// Opens a streaming run over mappings whose memory the caller owns. The run refers to this modifier,
    /// which must outlive it; so a temporary one cannot begin.
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const&
    {
        return modifier_run<basic_modifier>{*this, mappings};
    }
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const&& = delete;

    /// Packs one row, (in_features), of a smoothed weight into blocks of a GGUF format, `target().row_bytes`
    /// bytes. `importance`: mean of x^2 per column, or empty. Only in `smooth_and_quantize<gguf::...>`.
    status quantize_row(std::span<const float> row, std::span<const float> importance,
                        std::span<std::byte> out) const
        requires(Mode::quantizes&& gguf::block_format<typename Mode::scheme_type>)
    {
        AWQ_CHECK(quantizer_.check(row.size()));
        if (out.size() != quantizer_.row_bytes(row.size()) ||
            (!importance.empty() && importance.size() != row.size()))
            return error{error_code::shape_mismatch, "quantize_row: ", row.size(), " weights need ",
                         quantizer_.row_bytes(row.size()),
                         " bytes, and as many importance values or none"};
        for (const float value : row)
            if (!(value * 0.0f == 0.0f))
                return error{error_code::not_finite, "quantize_row: a weight is a NaN or an infinity"};
        quantizer_.quantize_row(row, importance, out);
        return {};
    }

    /// Quantizes a weight, (out_features, in_features), after smoothing. Only in quantizing modes.
    template <class Tensor>
    status quantize(Tensor&& weight, const quantized_weight& out) const
    {
        static_assert(Mode::quantizes,
                      "awq::modifier: smoothing_only does not quantize; choose smooth_and_quantize");
        static_assert(code_quantizer<quantizer_type>,
                      "awq::modifier: the format has no codes and scales; a GGUF format has quantize_row");
        if constexpr (Mode::quantizes && code_quantizer<quantizer_type>)
            return quantize_weight(how_, quantizer_, const_view(weight), out);
        else
            return {};
    }

  private:
    struct given {};
    constexpr basic_modifier(given, const quantizer_type& rounding, search_options options,
                             Execution how)
        : options_(options), quantizer_(rounding), how_(how)
    {}

    static constexpr bool uses_gram(std::size_t tokens, std::size_t in_features) noexcept
    {
        return tokens >= in_features;
    }
    static constexpr std::size_t search_memory(std::size_t in_features, std::size_t out_features,
                                               std::size_t layers, std::size_t n_grid) noexcept
    {
        return search_workspace_size(in_features, in_features * out_features, layers, n_grid) +
               2 * in_features + workspace::size_for<search_layer<quantizer_type>>(layers) +
               workspace::size_for<matrix_view<const float>>(layers);
    }
    static constexpr std::size_t loss_memory(std::size_t tokens, std::size_t in_features,
                                             std::size_t out_features) noexcept
    {
        const std::size_t rows = std::clamp<std::size_t>(out_features, 1, 64);
        return rows * (uses_gram(tokens, in_features) ? gram_loss_workspace_size(in_features)
                                                      : in_features + tokens);
    }
    static error too_small()
    {
        return error{error_code::workspace_too_small,
                     "smooth: give as many floats as workspace_size says"};
    }

    template <class S, class... Bs, class X>
    result<search_outcome> smooth_in_own_memory(const smooth_layer<S>& smooth_to,
                                                const balance_layers<Bs...>& reads,
                                                const activations<X>& x) const
    {
        const auto views = balance_views(reads);
        const matrix_view<const float> inputs = const_view(x.tensor);
        std::size_t outputs = 0;
        for (const auto& view : views)
            outputs += view.rows();
        const std::size_t size =
            workspace_size(inputs.rows(), inputs.cols(), outputs, views.size());
        const auto memory = Backend::make_workspace(size);
        if (!memory)
            return error{error_code::out_of_memory, "smooth: working memory of ", size, " floats"};
        AWQ_TRY(search_outcome outcome, smooth(mapping{target_of(smooth_to), views, {}}, inputs,
                                               workspace{std::span<float>{memory.get(), size}}));
        outcome.best_scales = {};
        outcome.candidate_errors = {};
        return outcome;
    }

    template <class Tensor>
    static matrix_view<const float> const_view(Tensor& tensor)
    {
        return Backend::view(tensor);
    }
    template <class S>
    static smooth_target target_of(const smooth_layer<S>& role)
    {
        const matrix_view<float> weight = detail::written_view<Backend>(role.tensor);
        return {weight, role.bias, detail::vector_of<Backend, S>, role.offset};
    }
    template <class... Bs>
    static std::array<matrix_view<float>, sizeof...(Bs)>
    balance_views(const balance_layers<Bs...>& role)
    {
        return std::apply(
            [](auto&... tensors) {
                return std::array<matrix_view<float>, sizeof...(Bs)>{
                    detail::written_view<Backend>(tensors)...};
            },
            role.tensors);
    }

    template <class MakeLoss>
    result<search_outcome> smooth_by(const mapping& pair, matrix_view<const float> x,
                                     workspace memory, MakeLoss&& make_loss) const
    {
        AWQ_CHECK(check(pair));
        AWQ_TRY(activation_stats stats,
                activation_stats::make(memory, pair.in_features(),
                                       uses_gram(x.rows(), pair.in_features())));
        AWQ_CHECK(stats.observe<product>(how_, x));
        return search_and_apply(pair, stats, memory, make_loss);
    }

    template <class MakeLoss>
    result<search_outcome> search_and_apply(const mapping& pair, activation_stats& stats,
                                            workspace memory, MakeLoss&& make_loss) const
    {
        const std::size_t columns = pair.in_features(), layers = pair.balances.size();
        const std::span<float> x_mean = memory.take<float>(columns);
        const std::span<float> importance = memory.take<float>(columns);
        const auto originals = memory.take<matrix_view<const float>>(layers);
        const auto searched = memory.take<search_layer<quantizer_type>>(layers);
        if (searched.empty()) return too_small();
        AWQ_CHECK(stats.mean_abs(x_mean));
        AWQ_CHECK(stats.mean_square(importance));
        for (std::size_t i = 0; i < layers; ++i) {
            originals[i] = pair.balances[i];
            searched[i] = {originals[i], &quantizer_, importance};
        }
        const search_problem<quantizer_type> problem{searched, x_mean, pair.column_scales,
                                                     scale_count(pair)};
        const std::size_t search_size = search_workspace_size(problem, options_);
        const std::span<float> rest = memory.rest();
        if (rest.size() < search_size + 2 * columns) return too_small();
        const std::span<const matrix_view<const float>> weights = originals;
        const auto run = [&](auto&& loss) -> result<search_outcome> {
            AWQ_TRY(search_outcome found, scale_search(how_, problem, options_, loss,
                                                       workspace{rest.first(search_size)}, storage{}));
            AWQ_CHECK(apply_scales(how_, pair, found.best_scales));
            return found;
        };
        return make_loss(weights, stats, rest.subspan(search_size), run);
    }

    search_options options_;
    quantizer_type quantizer_;
    [[no_unique_address]] Execution how_;
};

template <class Mode, class Group, tensor_backend Backend, execution Execution>
result<search_outcome> basic_modifier<Mode, Group, Backend, Execution>::smooth(
    const mapping& pair, const activation_stats& stats, workspace memory) const
{
    AWQ_CHECK(check(pair));
    if (stats.gram.cols() != pair.in_features())
        return error{error_code::not_calibrated, "smooth: the statistics need a Gram matrix of ",
                     pair.in_features(), " channels"};
    activation_stats sums = stats;
    return search_and_apply(
        pair, sums, memory, [&](auto weights, auto& gathered, std::span<float> rest, auto&& use) {
            return use(
                gram_loss<product, Execution>(how_, weights, gathered.gram, gathered.tokens, rest));
        });
}

/// A modifier of these policies, in any order, each axis defaulted:
/// `smooth_and_quantize<w4a16_asym>`, `group_size<128>`, `span_backend`, `serial_execution`. Two
/// orders name one type.
template <class... Policies>
using modifier = basic_modifier<
    typename policy_set<Policies...>::template get<axis::mode, smooth_and_quantize<>>,
    typename policy_set<Policies...>::template get<axis::group, group_size<128>>,
    typename policy_set<Policies...>::template get<axis::backend, span_backend>,
    typename policy_set<Policies...>::template get<axis::execution, serial_execution>>;

} // namespace awq

#endif
