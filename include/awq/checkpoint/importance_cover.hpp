// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_IMPORTANCE_COVER_HPP
#define AWQ_CHECKPOINT_IMPORTANCE_COVER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_notes.hpp>
#include <awq/checkpoint/gguf_tensor.hpp>
#include <awq/io/gguf/tensor_names.hpp>
#include <awq/io/imatrix.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>

/// Whether an importance matrix is one of the model that it is given for.
namespace awq {

namespace detail {

/// Whether codes of a type are chosen by importance, as in llama.cpp.
constexpr bool weighs_importance(gguf::type type) noexcept
{
    using enum gguf::type;
    return gguf::is_quantized(type) && type != q8_0 && type != mxfp4 && type != nvfp4;
}

inline bool any_weighs(std::span<const gguf_tensor> tensors)
{
    return std::any_of(tensors.begin(), tensors.end(), [](const auto& each) { return weighs_importance(each.type); });
}

/// What a matrix knows, for texts.
inline std::string first_entry(const imatrix& matrix)
{
    if (matrix.entries.empty()) return "no entries";
    return "entries like \"" + printable(matrix.entries.begin()->first) + "\"";
}

/// `matrices`: of a stack of experts, else 1.
inline status check_columns(const imatrix_entry& entry, std::string_view path, std::string_view name,
                            std::size_t columns, std::size_t matrices)
{
    const bool counts = entry.counts.size() == 1 || entry.counts.size() == matrices;
    if (counts && entry.sums.size() == columns * matrices) return {};
    return error{error_code::shape_mismatch,
                 path,
                 ": has ",
                 entry.sums.size(),
                 " columns for \"",
                 name,
                 "\", which has ",
                 columns * matrices,
                 "; it belongs to another model"};
}

/// How an importance matrix and the tensors of a file meet.
struct importance_cover {
    std::size_t asked = 0;    ///< tensors of the blocks whose codes importance decides
    std::string_view example; ///< the first of them
    name_sample missing;      ///< those that the matrix lacks
    name_sample extra;        ///< entries of no tensor
};

inline result<importance_cover> cover_of(const imatrix& matrix, std::string_view path,
                                         std::span<const gguf_tensor> tensors)
{
    importance_cover cover;
    std::set<std::string_view> known;
    for (const gguf_tensor& each : tensors) {
        known.insert(each.name);
        if (!weighs_importance(each.type)) continue;
        const auto found = matrix.entries.find(each.name);
        const bool has = found != matrix.entries.end();
        if (has) AWQ_CHECK(check_columns(found->second, path, each.name, each.cols(), each.matrices()));
        if (!gguf::layer_of(each.name)) continue; // of the others a matrix may have no entry
        if (cover.asked++ == 0) cover.example = each.name;
        if (!has) cover.missing.add(each.name);
    }
    for (const auto& [name, entry] : matrix.entries)
        if (!known.contains(name)) cover.extra.add(name);
    return cover;
}

} // namespace detail

/// Looks up every tensor of a file whose codes importance decides. `path`: of the matrix, for texts.
/// Some that it lacks, and entries of no tensor, are warnings. Errors: it knows none of the tensors of
/// the blocks; an entry of another number of columns than its tensor has.
inline status check_importance(const imatrix& matrix, std::string_view path, std::span<const gguf_tensor> tensors,
                               notice_list& notices)
{
    AWQ_TRY(const auto cover, detail::cover_of(matrix, path, tensors));
    const std::size_t missing = cover.missing.count();
    if (cover.asked != 0 && missing == cover.asked)
        return error{error_code::missing_tensor,
                     path,
                     ": has ",
                     detail::first_entry(matrix),
                     ", but none for tensors like \"",
                     cover.example,
                     "\"; it belongs to another model"};
    const std::string name{path};
    if (cover.asked == 0) notices.warn(name + ": has no effect, importance decides over no tensor of these types");
    if (missing != 0)
        notices.warn(name + ": has no entry for " + std::to_string(missing) + " of " +
                     detail::tensor_count(cover.asked) +
                     ", which are rounded without importance: " + cover.missing.text());
    if (cover.extra.count() != 0)
        notices.warn(name + ": " + std::to_string(cover.extra.count()) +
                     " of its entries are of no tensor of this model: " + cover.extra.text());
    return {};
}

} // namespace awq

#endif
