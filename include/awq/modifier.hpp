// SPDX-License-Identifier: MIT
#ifndef AWQ_MODIFIER_HPP
#define AWQ_MODIFIER_HPP

#include <awq/calibration/activation_stats.hpp>
#include <awq/execution/matrix_product.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/widen.hpp>
#include <awq/modifier_run.hpp>
#include <awq/modifier_search.hpp>
#include <awq/policy/group_size.hpp>
#include <awq/policy/mode.hpp>
#include <awq/policy/policy_set.hpp>
#include <awq/quantization/quantize_weight.hpp>
#include <awq/quantization/simulated.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/output_loss.hpp>
#include <awq/search/parent_forward.hpp>
#include <awq/smoothing/check_mapping.hpp>
#include <awq/smoothing/role_views.hpp>
#include <awq/smoothing/roles.hpp>
#include <awq/tensor/backend_view.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/span_backend.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

/// The rooms joined, over tensors in memory: search the scales of a mapping, smooth it, and in the
/// quantizing modes quantize the weights. Use it through the alias `modifier<Policies...>`.
///
/// One call does a whole mapping (`smooth`); `begin` opens a streaming run, for activations that
/// come in batches. Without a parent the loss is taken at the balance layers' own outputs.
///
/// Tensors are of float, f16 or bf16. Those in 16 bits are widened as they are read and written back in
/// their type: the same as widening them by hand, smoothing and rounding, but that scales which the type
/// cannot hold are no candidates, and that norms of 1 + weight get scales that are exact in 16 bits. The
/// search, too, rounds to 16 bits where the scheme says so, as `stored_as<bf16, w4a16_asym>`; with floats it
/// then does as for such tensors.
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
        : options_(options), quantizer_(detail::simulated<typename Mode::scheme_type, Group>::make(group)), how_(how)
    {}

    /// With a quantizer that has a state: the mode names its type, `smoothing_only<my_quantizer>`.
    static constexpr basic_modifier with_quantizer(const quantizer_type& rounding, search_options options = {},
                                                   Execution how = {})
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
    /// `X`: the activations' elements; in 16 bits they are widened where they are too few for a Gram matrix.
    template <tensor_element X = float>
    constexpr std::size_t workspace_size(std::size_t tokens, std::size_t in_features, std::size_t out_features,
                                         std::size_t layers = 4) const noexcept
    {
        const bool with_gram = uses_gram(tokens, in_features);
        return search_of<float, float>::workspace_size(in_features, out_features, layers, options_.n_grid) +
               activation_stats::size(in_features, with_gram) + loss_memory(tokens, in_features, out_features) +
               (half_element<X> && !with_gram ? tokens * in_features : 0);
    }

    /// Whether the mapping's shapes fit together, its rows can be cut into groups, and the options' storage
    /// is that of the scheme, where it is part of the type.
    template <class S = float, class B = S>
    status check(const basic_mapping<S, B>& pair) const
    {
        if (options_.storage != dtype::f32 && options_.storage != dtype_of<typename storage::type>)
            return error{error_code::invalid_argument, "modifier: options.storage is ", name_of(options_.storage),
                         "; give it with the scheme instead, as awq::stored_as<awq::bf16, Scheme>"};
        AWQ_CHECK(check_mapping(pair));
        return quantizer_.check(pair.in_features());
    }

    /// Searches the scales of a mapping from the balance layers' inputs, (tokens, in_features), and
    /// smooths it. The outcome's spans lie in `memory`; see `workspace_size`. On an error nothing
    /// is changed.
    template <class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x, workspace memory) const
    {
        AWQ_CHECK(check(pair));
        matrix_view<const float> few;
        if (!uses_gram(x.rows(), pair.in_features())) {
            AWQ_TRY(few, in_float(how_, x, memory));
        }
        AWQ_TRY(const activation_stats stats, observed(pair.in_features(), x, memory));
        search_of<S, B> search{how_, pair, quantizer_, options_, storage{}};
        AWQ_CHECK(search.prepare(stats, memory));
        if (!stats.gram.empty())
            return search.run(
                gram_loss<product, Execution, B>(how_, search.weights(), stats.gram, stats.tokens, search.rest()));
        return search.run(linear_output_loss<product, Execution, B>(how_, search.weights(), few, search.rest()));
    }

    /// The same, with the loss at the output of a module that the caller re-runs, with weights in float.
    template <parent_forward F, class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x, parent<F> source,
                                  workspace memory) const
    {
        AWQ_CHECK(check(pair));
        AWQ_TRY(const activation_stats stats, observed(pair.in_features(), x, memory));
        search_of<S, B> search{how_, pair, quantizer_, options_, storage{}};
        AWQ_CHECK(search.prepare(stats, memory));
        if (search.rest().size() < source.workspace_size()) return search.too_small();
        return search.run(parent_output_loss<F, Execution>(how_, source, search.widened_weights(), search.rest()));
    }

    /// Searches and smooths from statistics that were gathered before, which need a Gram matrix.
    template <class S = float, class B = S>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, const activation_stats& stats,
                                  workspace memory) const
    {
        AWQ_CHECK(check(pair));
        if (stats.gram.cols() != pair.in_features())
            return error{error_code::not_calibrated, "smooth: the statistics need a Gram matrix of ",
                         pair.in_features(), " channels"};
        search_of<S, B> search{how_, pair, quantizer_, options_, storage{}};
        AWQ_CHECK(search.prepare(stats, memory));
        return search.run(
            gram_loss<product, Execution, B>(how_, search.weights(), stats.gram, stats.tokens, search.rest()));
    }

    /// `smooth` over the backend's own tensors.
    template <class S, class Bias, class... Bs, class X>
    result<search_outcome> smooth(const smooth_layer<S, Bias>& smooth_to, const balance_layers<Bs...>& reads,
                                  const activations<X>& x, workspace memory) const
    {
        const auto views = detail::balance_views<Backend>(reads);
        return smooth(basic_mapping{detail::target_of<Backend>(smooth_to), std::span{views}},
                      detail::read_view<Backend>(x.tensor), memory);
    }

    /// The same in memory that the backend allocates; `best_scales` and `candidate_errors` of the
    /// outcome are then empty.
    template <class S, class Bias, class... Bs, class X>
    result<search_outcome> smooth(const smooth_layer<S, Bias>& smooth_to, const balance_layers<Bs...>& reads,
                                  const activations<X>& x) const
    {
        const auto views = detail::balance_views<Backend>(reads);
        return smooth(basic_mapping{detail::target_of<Backend>(smooth_to), std::span{views}},
                      detail::read_view<Backend>(x.tensor));
    }
    template <class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x) const
    {
        return smooth_in_own_memory(size_for<std::remove_const_t<X>>(pair, x.rows()),
                                    [&](workspace memory) { return smooth(pair, x, memory); });
    }
    template <parent_forward F, class S = float, class B = S, class X = const float>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, matrix_view<X> x, parent<F> source) const
    {
        return smooth_in_own_memory(size_for<float>(pair, x.rows()) + source.workspace_size(),
                                    [&](workspace memory) { return smooth(pair, x, source, memory); });
    }
    template <class S = float, class B = S>
    result<search_outcome> smooth(const basic_mapping<S, B>& pair, const activation_stats& stats) const
    {
        return smooth_in_own_memory(size_for<float>(pair, 0),
                                    [&](workspace memory) { return smooth(pair, stats, memory); });
    }

    /// Opens a streaming run over mappings whose memory the caller owns. The run refers to this modifier,
    /// which must outlive it; so a temporary one cannot begin.
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const&
    {
        return modifier_run<basic_modifier>{*this, mappings};
    }
    modifier_run<basic_modifier> begin(std::span<tracked_mapping> mappings) const&& = delete;
    /// The same over mappings in 16 bits, given as a `std::span`.
    template <class S, class B, std::size_t Count>
    modifier_run<basic_modifier, S, B> begin(std::span<basic_tracked_mapping<S, B>, Count> mappings) const&
    {
        return modifier_run<basic_modifier, S, B>{*this, mappings};
    }
    template <class S, class B, std::size_t Count>
    modifier_run<basic_modifier, S, B> begin(std::span<basic_tracked_mapping<S, B>, Count> mappings) const&& = delete;

    /// Packs one row, (in_features), of a smoothed weight into blocks of a GGUF format, `target().row_bytes`
    /// bytes. `importance`: mean of x^2 per column, or empty. Only in `smooth_and_quantize<gguf::...>`.
    status quantize_row(std::span<const float> row, std::span<const float> importance, std::span<std::byte> out) const
        requires(Mode::quantizes&& gguf::block_format<typename Mode::scheme_type>)
    {
        AWQ_CHECK(quantizer_.check(row.size()));
        if (out.size() != quantizer_.row_bytes(row.size()) || (!importance.empty() && importance.size() != row.size()))
            return error{error_code::shape_mismatch,
                         "quantize_row: ",
                         row.size(),
                         " weights need ",
                         quantizer_.row_bytes(row.size()),
                         " bytes, and as many importance values or none"};
        for (const float value : row)
            if (!(value * 0.0f == 0.0f))
                return error{error_code::not_finite, "quantize_row: a weight is a NaN or an infinity"};
        quantizer_.quantize_row(row, importance, out);
        return {};
    }
    /// The same for a row in 16 bits, widened in `memory` of in_features floats.
    template <half_element T>
    status quantize_row(std::span<const T> row, std::span<const float> importance, std::span<std::byte> out,
                        workspace memory) const
        requires(Mode::quantizes&& gguf::block_format<typename Mode::scheme_type>)
    {
        AWQ_TRY(const auto wide, in_float(how_, as_row(row), memory));
        return quantize_row(wide.row(0), importance, out);
    }

    /// Quantizes a weight, (out_features, in_features), after smoothing. Only in quantizing modes.
    /// `memory`: only for weights in 16 bits, see `quantize_weight`.
    template <class Tensor>
    status quantize(Tensor&& weight, const quantized_weight& out, workspace memory) const
    {
        static_assert(Mode::quantizes, "awq::modifier: smoothing_only does not quantize; choose smooth_and_quantize");
        static_assert(code_quantizer<quantizer_type>,
                      "awq::modifier: the format has no codes and scales; a GGUF format has quantize_row");
        if constexpr (Mode::quantizes && code_quantizer<quantizer_type>) {
            const auto view = detail::read_view<Backend>(weight);
            if constexpr (half_element<typename decltype(view)::value_type>)
                return quantize_weight(how_, quantizer_, view, out, memory.rest());
            else
                return quantize_weight(how_, quantizer_, view, out);
        } else {
            return {};
        }
    }
    /// The same; of weights in 16 bits in memory that the backend allocates.
    template <class Tensor>
    status quantize(Tensor&& weight, const quantized_weight& out) const
    {
        if constexpr (half_element<detail::element_of<Backend, Tensor>>) {
            const auto view = detail::read_view<Backend>(weight);
            const std::size_t rows = std::clamp<std::size_t>(view.rows(), 1, 64);
            return detail::with_own_memory<Backend>(rows * view.cols(),
                                                    [&](workspace memory) { return quantize(view, out, memory); });
        } else {
            return quantize(weight, out, workspace{});
        }
    }

private:
    template <class S, class B>
    using search_of = detail::mapping_search<Execution, quantizer_type, storage, S, B>;

    struct given {};
    constexpr basic_modifier(given, const quantizer_type& rounding, search_options options, Execution how)
        : options_(options), quantizer_(rounding), how_(how)
    {}

    static constexpr bool uses_gram(std::size_t tokens, std::size_t in_features) noexcept
    {
        return tokens >= in_features;
    }
    static constexpr std::size_t loss_memory(std::size_t tokens, std::size_t in_features,
                                             std::size_t out_features) noexcept
    {
        const std::size_t rows = std::clamp<std::size_t>(out_features, 1, 64);
        return rows * (uses_gram(tokens, in_features) ? gram_loss_workspace_size(in_features) : in_features + tokens);
    }
    template <class X, class S, class B>
    std::size_t size_for(const basic_mapping<S, B>& pair, std::size_t tokens) const noexcept
    {
        std::size_t outputs = 0;
        for (const auto& balance : pair.balances) outputs += balance.rows();
        return workspace_size<X>(tokens, pair.in_features(), outputs, pair.balances.size());
    }

    template <class X>
    result<activation_stats> observed(std::size_t in_features, matrix_view<X> x, workspace& memory) const
    {
        AWQ_TRY(activation_stats stats, activation_stats::make(memory, in_features, uses_gram(x.rows(), in_features)));
        AWQ_CHECK(stats.template observe<product>(how_, x, {}, memory.rest()));
        return stats;
    }

    template <class Use>
    static result<search_outcome> smooth_in_own_memory(std::size_t size, const Use& use)
    {
        AWQ_TRY(search_outcome outcome, detail::with_own_memory<Backend>(size, use));
        outcome.best_scales = {};
        outcome.candidate_errors = {};
        return outcome;
    }

    search_options options_;
    quantizer_type quantizer_;
    [[no_unique_address]] Execution how_;
};

/// A modifier of these policies, in any order, each axis defaulted:
/// `smooth_and_quantize<w4a16_asym>`, `group_size<128>`, `span_backend`, `serial_execution`. Two
/// orders name one type.
template <class... Policies>
using modifier = basic_modifier<typename policy_set<Policies...>::template get<axis::mode, smooth_and_quantize<>>,
                                typename policy_set<Policies...>::template get<
                                    axis::group, detail::default_group<typename policy_set<Policies...>::template get<
                                                     axis::mode, smooth_and_quantize<>>::scheme_type>>,
                                typename policy_set<Policies...>::template get<axis::backend, span_backend>,
                                typename policy_set<Policies...>::template get<axis::execution, serial_execution>>;

} // namespace awq

#endif
